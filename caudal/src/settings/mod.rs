//! The settings: read once, here, from flags, the environment (`CAUDAL_…`) and an optional `caudal.toml`, in that
//! order of strength. A bad one stops the start, naming where it stands, its form, and an example.
//!
//! Adding one means a row in [`keys`] and a field here; `.env.sample` is held against both.

mod access;
mod flags;
mod keys;
mod machines;
mod models;
mod notifications;
mod shown;
mod sources;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use caudal_engine::task::Limits;
use caudal_web::ShownSetting;
use reqwest::Url;

pub(crate) use access::AccessSettings;
use caudal_models::ModelSettings;
pub(crate) use flags::{HiddenSettingFlags, SettingFlags};
pub(crate) use machines::MachineSettings;
pub(crate) use models::ToolSettings;
use models::model_settings;
pub(crate) use notifications::NotifySettings;
use sources::Sources;
use values::Values;

#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<Url>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) access: AccessSettings,
    pub(crate) health_listen: Option<SocketAddr>,
    pub(crate) web_threads: usize,
    pub data_folder: PathBuf,
    pub(crate) durability: Durability,
    /// None: one process with everything in its data folder.
    pub(crate) machines: Option<MachineSettings>,
    pub(crate) concurrency: usize,
    pub(crate) grace: Duration,
    pub(crate) log_format: LogFormat,
    pub(crate) log_filter: String,
    pub diagnostics: bool,
    pub fetch_allow_private: bool,
    pub fetch_bytes: usize,
    pub fetch_timeout: Duration,
    pub(crate) models: ModelSettings,
    pub(crate) tools: ToolSettings,
    pub(crate) notify: NotifySettings,
    pub(crate) limits: Limits,
    /// All of them for people who look, without their secrets.
    pub(crate) shown: Vec<ShownSetting>,
    /// What was written but will not be heard.
    pub(crate) remarks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Full,
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Human,
    Json,
}

impl Settings {
    pub(crate) fn read(flags: SettingFlags) -> Result<Self> {
        Self::of(&Sources::of_process(flags))
    }

    /// Where everything is kept, and nothing else: what only a server must have need not be there.
    pub(crate) fn read_data_folder(flags: SettingFlags) -> Result<PathBuf> {
        let (values, _) = Sources::of_process(flags).values()?;
        values.path("data_folder")
    }

    fn of(sources: &Sources) -> Result<Self> {
        let (values, remarks) = sources.values()?;
        let mut settings = Self {
            listen: required_address(&values, "listen")?,
            public_url: values.url("public_url")?,
            allowed_hosts: values.list("allowed_hosts", host)?,
            access: AccessSettings::of(&values)?,
            health_listen: values.address("health_listen")?,
            web_threads: values.size("web_threads")?,
            data_folder: values.path("data_folder")?,
            durability: match values.word("durability")? {
                "normal" => Durability::Normal,
                _ => Durability::Full,
            },
            machines: MachineSettings::of(&values)?,
            concurrency: values.size("concurrency")?,
            grace: Duration::from_secs(values.number("grace_seconds")?),
            log_format: match values.word("log_format")? {
                "json" => LogFormat::Json,
                _ => LogFormat::Human,
            },
            log_filter: values.text("log_filter")?,
            diagnostics: values.switch("diagnostics")?,
            fetch_allow_private: values.switch("fetch_allow_private")?,
            fetch_bytes: values.size("fetch_bytes")?,
            fetch_timeout: Duration::from_secs(values.number("fetch_seconds")?),
            models: model_settings(&values)?,
            tools: ToolSettings::of(&values)?,
            notify: NotifySettings::of(&values)?,
            limits: limits(&values)?,
            shown: shown::shown(&values),
            remarks,
        };
        let allowed = values.switch("allow_unauthenticated")?;
        refuse_open_network(&settings, allowed)?;
        settings.remarks.extend(open_public_url(&settings).filter(|_| !allowed));
        Ok(settings)
    }
}

/// As it stands in a URL: a name or an address, with or without a port. No pattern: it is what keeps foreign names out.
fn host(text: &str) -> Result<String, String> {
    let is_one = Url::parse(&format!("http://{text}/")).is_ok_and(|url| {
        let rest = (url.path(), url.query(), url.fragment(), url.username());
        url.has_host() && rest == ("/", None, None, "") && text.is_ascii() && !text.contains(['*', '/', '\\'])
    });
    if is_one { Ok(text.to_owned()) } else { Err(format!("is '{text}', but must be the name of a host alone")) }
}

fn required_address(values: &Values, name: &str) -> Result<SocketAddr> {
    match values.address(name)? {
        Some(address) => Ok(address),
        None => bail!("the setting '{name}' is missing"),
    }
}

fn limits(values: &Values) -> Result<Limits> {
    Ok(Limits {
        payload_bytes: values.size("payload_bytes")?,
        log_line_bytes: values.size("log_line_bytes")?,
        step_text_bytes: values.size("step_text_bytes")?,
        events_per_task: values.number("events_per_task")?,
        children_per_task: values.small("children_per_task")?,
        child_depth: values.small("child_depth")?,
        tags: values.size("tags_per_task")?,
        tag_bytes: values.size("tag_bytes")?,
        idempotency_key_bytes: values.size("idempotency_key_bytes")?,
        notify_addresses: values.size("notify_addresses")?,
        notification_bytes: values.size("notification_bytes")?,
        notifications_per_task: values.size("notifications_per_task")?,
        outbox_per_tenant: values.number("outbox_per_tenant")?,
        keep_notifications: Duration::from_secs(86_400 * values.number("keep_notifications_days")?),
        line_per_tenant: values.number("line_per_tenant")?,
        pending_signals_per_name: values.size("pending_signals_per_name")?,
        idempotency_lifetime: Duration::from_secs(3_600 * values.number("idempotency_hours")?),
        crash_loop_backoff: Duration::from_secs(values.number("crash_loop_backoff_seconds")?),
        keep_ended: Duration::from_secs(86_400 * values.number("keep_ended_days")?),
        keep_bytes: values.number("keep_bytes")?,
    })
}

/// Without a key whoever reaches the port may do everything.
fn refuse_open_network(settings: &Settings, allowed: bool) -> Result<()> {
    if settings.listen.ip().is_loopback() || settings.access.asks() || allowed {
        return Ok(());
    }
    bail!(
        "listen is {}, which others can reach, and no authentication is configured: anyone could start and read \
         everything; make a key with `caudal new-key` and put its line into CAUDAL_API_KEYS, or listen on 127.0.0.1, or \
         allow it with --allow-unauthenticated",
        settings.listen
    )
}

/// Behind a proxy the loopback is no wall.
fn open_public_url(settings: &Settings) -> Option<String> {
    let url = settings.public_url.as_ref().filter(|_| !settings.access.asks())?;
    Some(format!("{url} is served and no key is configured: whoever reaches it may start and read everything"))
}

#[cfg(test)]
mod tests;
