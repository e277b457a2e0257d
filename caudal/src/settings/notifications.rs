//! The settings of notifications: the mail server, how fast and how often, what mails look like, webhooks.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use caudal_engine::notification::{FailureAddresses, Mailbox};
use caudal_engine::task::locale;
use caudal_notifications::{RetrySettings, SmtpSettings, WebhookSecret};

use super::values::Values;

#[derive(Debug, Clone)]
pub(crate) struct NotifySettings {
    /// None: mails become files in the data folder.
    pub(crate) smtp: Option<SmtpSettings>,
    pub(crate) from: Mailbox,
    pub(crate) mail_connections: usize,
    pub(crate) mails_per_second: u32,
    pub(crate) mails_per_hour: u32,
    pub(crate) templates: Option<PathBuf>,
    pub(crate) default_locale: String,
    pub(crate) on_failure: FailureAddresses,
    pub(crate) retry: RetrySettings,
    pub(crate) webhook_secret: Option<WebhookSecret>,
    pub(crate) webhook_secret_before: Option<WebhookSecret>,
    pub(crate) webhook_timeout: Duration,
    pub(crate) webhook_concurrency: usize,
    pub(crate) webhook_allow_private: bool,
}

const NOBODY: &str = "Caudal <caudal@localhost>";

impl NotifySettings {
    pub(super) fn of(values: &Values) -> Result<Self> {
        let smtp = smtp(values)?;
        let from = values.optional_text("mail_from")?;
        if smtp.is_some() && from.is_none() {
            bail!("smtp_url is set, but mail_from is not: say whom mails come from, for instance {NOBODY}");
        }
        let from = Mailbox::parse(from.as_deref().unwrap_or(NOBODY)).map_err(|error| anyhow!("mail_from: {error}"))?;
        let on_failure = values.optional_text("notify_on_failure")?.unwrap_or_default();
        let seconds = |name: &str| values.number(name).map(Duration::from_secs);
        Ok(Self {
            smtp,
            from,
            mail_connections: values.size("smtp_connections")?,
            mails_per_second: values.small("mails_per_second")?,
            mails_per_hour: values.small("mails_per_hour_per_address")?,
            templates: values.optional_text("mail_templates")?.map(PathBuf::from),
            default_locale: default_locale(values)?,
            on_failure: FailureAddresses::parse(&on_failure).map_err(|error| anyhow!("notify_on_failure: {error}"))?,
            retry: RetrySettings {
                first: seconds("notification_retry_seconds")?,
                longest: seconds("notification_longest_retry_seconds")?,
                give_up_after: seconds("notification_give_up_seconds")?,
            },
            webhook_secret: webhook_secret(values, "webhook_secret")?,
            webhook_secret_before: webhook_secret(values, "webhook_secret_before")?,
            webhook_timeout: seconds("webhook_seconds")?,
            webhook_concurrency: values.size("webhook_concurrency")?,
            webhook_allow_private: values.switch("webhook_allow_private")?,
        })
    }
}

/// The URL is not shown: it may hold a password.
fn smtp(values: &Values) -> Result<Option<SmtpSettings>> {
    let timeout = Duration::from_secs(values.number("smtp_seconds")?);
    let Some(url) = values.password("smtp_url")? else { return Ok(None) };
    let mut smtp = SmtpSettings::parse(url.expose()).map_err(|error| anyhow!("smtp_url: {error}"))?;
    smtp.timeout = timeout;
    if let Some(path) = values.optional_text("smtp_ca_file")? {
        let pem = std::fs::read(&path).map_err(|error| anyhow!("smtp_ca_file: {path}: {error}"))?;
        smtp.trust(&pem).map_err(|error| anyhow!("smtp_ca_file: {path}: {error}"))?;
    }
    Ok(Some(smtp))
}

fn webhook_secret(values: &Values, name: &str) -> Result<Option<WebhookSecret>> {
    let secret = values.password(name)?.map(|secret| WebhookSecret::parse(secret.expose())).transpose();
    secret.map_err(|error| anyhow!("{name}: {error}"))
}

fn default_locale(values: &Values) -> Result<String> {
    let wanted = values.text("default_locale")?;
    if !locale::is_one(&wanted) {
        bail!("default_locale is '{wanted}', but {}", locale::FORM);
    }
    Ok(wanted)
}
