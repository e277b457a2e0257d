//! The HTTP server: the wire contract on actix-web.
//!
//! Read it in this order: [`settings`] and [`server`] (what the binary sees), [`routes`] (the table of all paths, one
//! file each), [`request`] (how a body, a query, a key is read), [`api_error`] (how anything is refused),
//! [`guard`], [`access`] and [`cors`] (what each request must pass), [`live`] (streams: the heart), [`figures`] (numbers for plots).
//! It sees the engine's ports and use cases; it knows no store and no worker.

mod access;
mod api_error;
mod assets;
mod cors;
mod csrf;
mod figures;
mod guard;
mod hosts;
mod live;
mod notification_json;
mod observe;
mod page_links;
mod request;
mod routes;
mod server;
mod settings;
mod signer;
mod site;
mod task_json;
mod tenant;

pub use access::{ApiKey, BadKey, Role};
pub use page_links::PageLinks;
pub use routes::{ROUTES, Route};
pub use server::{RunningServer, ServeError, serve};
pub use settings::{RenderMetrics, Served, ShownSetting, StopWorker, WebSettings, WebhookSecretsOf};
pub use signer::secret_of;
