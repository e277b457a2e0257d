//! The settings that say who may do what. Secrets are never shown again: not in a refusal, not in a log.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use caudal_web::{ApiKey, BadKey};
use reqwest::Url;

use super::values::Values;

#[derive(Debug, Clone)]
pub(crate) struct AccessSettings {
    pub(crate) api_keys: Vec<ApiKey>,
    pub(crate) make_admin_key: bool,
    pub(crate) secret: Option<Hidden>,
    pub(crate) secret_before: Option<Hidden>,
    pub(crate) session_lifetime: Duration,
    pub(crate) watch_lifetime: Duration,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) behind_proxy: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(pub(crate) String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl AccessSettings {
    pub(super) fn of(values: &Values) -> Result<Self> {
        Ok(Self {
            api_keys: api_keys(values)?,
            make_admin_key: values.switch("make_admin_key")?,
            secret: values.secret("secret")?.map(Hidden),
            secret_before: values.secret("secret_before")?.map(Hidden),
            session_lifetime: Duration::from_secs(3_600 * values.number("session_hours")?),
            watch_lifetime: Duration::from_secs(60 * values.number("watch_link_minutes")?),
            cors_origins: values.list("cors_origins", origin)?,
            behind_proxy: values.switch("behind_proxy")?,
        })
    }

    /// Whoever reaches the server must bring something.
    pub(super) fn asks(&self) -> bool {
        !self.api_keys.is_empty() || self.make_admin_key
    }
}

fn api_keys(values: &Values) -> Result<Vec<ApiKey>> {
    let keys: Vec<ApiKey> = values.list("api_keys", |line| line.parse().map_err(|wrong: BadKey| wrong.to_string()))?;
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|before| before.name() == key.name()) {
            bail!("two keys in api_keys have the name '{}'; give each its own", key.name());
        }
    }
    Ok(keys)
}

/// As browsers send it: no path, no slash at its end.
fn origin(text: &str) -> Result<String, String> {
    let is_one =
        || Url::parse(text).is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == text);
    if text == "*" || is_one() {
        return Ok(text.to_owned());
    }
    Err(format!("is '{text}', but must be * or scheme, host and port alone"))
}
