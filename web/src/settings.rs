//! What the binary decides about the server. Reading it from flags and files is the binary's part.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::task::WorkerId;
use serde::Serialize;
use url::Url;

use crate::access::ApiKey;

/// Writes down all metrics of the process, in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Ends a worker as a crash would, or says why that is not possible. For demonstrations and tests.
pub type StopWorker = Arc<dyn Fn(&WorkerId) -> Result<(), String> + Send + Sync>;

/// The secrets with which whoever is called at this URL checks calls: the one that counts, and the one before it, if any.
pub type WebhookSecretsOf = Arc<dyn Fn(&Url) -> Vec<String> + Send + Sync>;

/// A setting of the process as the page shows it.
#[derive(Debug, Clone, Serialize)]
pub struct ShownSetting {
    pub name: &'static str,
    pub group: &'static str,
    pub about: &'static str,
    /// Nothing when it is not set, or when it is a secret.
    pub value: Option<String>,
    /// What it is when nobody sets it.
    pub default: Option<&'static str>,
    /// Where it was set; nothing when nobody did.
    pub set_by: Option<String>,
    pub is_secret: bool,
}

#[derive(Clone)]
pub struct WebSettings {
    pub listen: SocketAddr,
    /// Where people reach the server, when that is not the listen address: its host is served, links begin with it.
    pub public_url: Option<Url>,
    /// Further names under which the server may be asked.
    pub allowed_hosts: Vec<String>,
    /// Signs CSRF tokens, sessions and watch links; the same in all web processes of an installation.
    pub secret: [u8; 32],
    /// What signed before: links in mails that are on their way, or kept, go on to be ours.
    pub earlier_secrets: Vec<[u8; 32]>,
    /// Who may do what; when there is none, everybody may do everything.
    pub api_keys: Vec<ApiKey>,
    /// How long a login lasts.
    pub session_lifetime: Duration,
    /// How long a watch link can be opened.
    pub watch_lifetime: Duration,
    /// Pages of these origins may ask; `*` stands for all.
    pub cors_origins: Vec<String>,
    /// A proxy in front names the client in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Threads that serve connections.
    pub threads: usize,
    pub served: Served,
    pub render_metrics: Option<RenderMetrics>,
    /// All settings of the process, for people who look; without their secrets.
    pub shown_settings: Arc<[ShownSetting]>,
    /// There when diagnostics are on.
    pub stop_worker: Option<StopWorker>,
    pub webhook_secrets: Option<WebhookSecretsOf>,
    /// How long a stop waits for requests that are being answered.
    pub stop_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Served {
    #[default]
    Everything,
    /// Only `/healthz`, `/readyz` and `/metrics`, under any host name: for probes.
    Health,
}

impl WebSettings {
    /// Cookies are for https only.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)),
            public_url: None,
            allowed_hosts: Vec::new(),
            secret: rand::random(),
            earlier_secrets: Vec::new(),
            api_keys: Vec::new(),
            session_lifetime: Duration::from_secs(12 * 3_600),
            watch_lifetime: Duration::from_secs(3_600),
            cors_origins: Vec::new(),
            behind_proxy: false,
            threads: std::thread::available_parallelism().map_or(2, |threads| threads.get().min(4)),
            served: Served::Everything,
            render_metrics: None,
            shown_settings: Arc::from([]),
            stop_worker: None,
            webhook_secrets: None,
            stop_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSettings")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url.as_ref().map(Url::as_str))
            .field("allowed_hosts", &self.allowed_hosts)
            .field("api_keys", &self.api_keys)
            .field("cors_origins", &self.cors_origins)
            .field("threads", &self.threads)
            .field("served", &self.served)
            .finish_non_exhaustive()
    }
}
