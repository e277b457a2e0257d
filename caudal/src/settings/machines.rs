//! Where the processes of an installation meet: Redis for what is live, Postgres for what is kept.

use anyhow::{Result, bail};
use reqwest::Url;

use super::values::Values;

#[derive(Debug, Clone)]
pub(crate) struct MachineSettings {
    pub(crate) redis_url: Url,
    pub(crate) redis_prefix: String,
    /// None: as it is, or what fits the server.
    pub(crate) redis_partitions: Option<u16>,
    pub(crate) redis_may_lose_seconds: Option<u32>,
    pub(crate) database_url: Option<Url>,
    pub(crate) database_schema: String,
    pub(crate) unarchived_bytes: u64,
}

impl MachineSettings {
    pub(super) fn of(values: &Values) -> Result<Option<Self>> {
        let database_url = values.service("database_url")?;
        let Some(redis_url) = values.service("redis_url")? else {
            if database_url.is_some() {
                bail!(
                    "database_url is set, but redis_url is not: Postgres keeps what has ended in Redis; name a Redis too, or \
                     neither, and everything is kept in the data folder"
                );
            }
            return Ok(None);
        };
        let positive = |number: u32| (number > 0).then_some(number);
        Ok(Some(Self {
            redis_url,
            redis_prefix: values.text("redis_prefix")?,
            redis_partitions: positive(values.small("redis_partitions")?).map(u16::try_from).transpose()?,
            redis_may_lose_seconds: positive(values.small("redis_may_lose_seconds")?),
            database_url,
            database_schema: values.text("database_schema")?,
            unarchived_bytes: values.number("unarchived_bytes")?,
        }))
    }
}
