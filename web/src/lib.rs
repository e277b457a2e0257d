//! The HTTP server: the wire contract on actix-web.
//!
//! Read it in this order: [`settings`] and [`server`] (what the binary sees), [`routes`] (the table of all paths, one
//! file each), [`request`] (how a body, a query, a key is read), [`api_error`] (how anything is refused),
//! [`guard`] (what each request must pass), [`live`] (streams: the heart), [`figures`] (numbers for plots).
//! It sees the engine's ports and use cases; it knows no store and no worker.

mod api_error;
mod assets;
mod csrf;
mod figures;
mod guard;
mod hosts;
mod live;
mod observe;
mod request;
mod routes;
mod server;
mod settings;
mod site;
mod task_json;
mod tenant;

pub use routes::{ROUTES, Role, Route};
pub use server::{RunningServer, ServeError, serve};
pub use settings::{RenderMetrics, Served, WebSettings};
