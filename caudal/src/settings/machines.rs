//! Where the processes of an installation meet: Redis for what is live, Postgres for what is kept.

use std::time::Duration;

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
    pub(crate) archived_grace: Duration,
    pub(crate) archived_bytes: u64,
}

impl MachineSettings {
    pub(super) fn of(values: &Values) -> Result<Option<Self>> {
        let (redis_url, database_url) = (values.service("redis_url")?, values.service("database_url")?);
        let positive = |number: u32| (number > 0).then_some(number);
        let settings = |redis_url| -> Result<Self> {
            Ok(Self {
                redis_url,
                redis_prefix: values.text("redis_prefix")?,
                redis_partitions: positive(values.small("redis_partitions")?).map(u16::try_from).transpose()?,
                redis_may_lose_seconds: positive(values.small("redis_may_lose_seconds")?),
                database_url: database_url.clone(),
                database_schema: values.text("database_schema")?,
                unarchived_bytes: values.number("unarchived_bytes")?,
                archived_grace: Duration::from_secs(values.number("archived_grace_seconds")?),
                archived_bytes: values.number("archived_bytes")?,
            })
        };
        match redis_url {
            Some(url) => settings(url).map(Some),
            None if database_url.is_some() => bail!(
                "database_url is set, but redis_url is not: Postgres keeps what has ended in Redis; name a Redis too, or \
                 neither, and everything is kept in the data folder"
            ),
            // A value that is wrong is wrong although nothing looks at it yet.
            None => settings(Url::parse("redis://127.0.0.1")?).map(|_| None),
        }
    }
}
