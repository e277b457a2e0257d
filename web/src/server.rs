//! Brings the server up and down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use caudal_engine::Engine;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cors;
use crate::figures::{self, Figures};
use crate::guard::guard;
use crate::live::{self, Live};
use crate::observe::observe;
use crate::routes;
use crate::settings::{Served, WebSettings};
use crate::site::Site;

const KEEP_ALIVE: Duration = Duration::from_secs(75);
const LONGEST_REQUEST_HEAD: Duration = Duration::from_secs(15);

/// So much is gathered for a connection before it is sent. A buffer keeps the size that it once had, and a reader that
/// began with a long log would keep a large one for as long as it watches.
const UNFLUSHED: usize = 3 * 1024;

#[derive(Debug, Error)]
pub enum ServeError {
    #[error("cannot listen on {listen}: {cause}")]
    Listen { listen: SocketAddr, cause: io::Error },
    #[error("the server did not start: {0}")]
    Start(io::Error),
}

/// A server that answers. Dropping it leaves it running; [`RunningServer::stop`] ends it.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    live: LiveStop,
}

struct LiveStop(Arc<Live>, CancellationToken);

impl std::fmt::Debug for LiveStop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} watching", self.0.connections())
    }
}

/// Starts to serve. Must be called inside a tokio runtime, which lives as long as the server.
pub fn serve(engine: Engine, settings: WebSettings) -> Result<RunningServer, ServeError> {
    let runtime = Handle::current();
    let stop = CancellationToken::new();
    let live = Live::new(engine.clone(), runtime.clone());
    live.start_wheel();
    let figures = Arc::new(Figures::default());
    if settings.served == Served::Everything {
        let changes = engine.feed.changes();
        runtime.spawn(figures::follow(figures.clone(), engine.clone(), changes, stop.clone()));
    }
    let site = Data::new(Site::new(engine, live.clone(), figures, &settings));

    let (served, origins) = (settings.served, settings.cors_origins);
    let server = HttpServer::new(move || {
        live::serve_here();
        App::new()
            .app_data(site.clone())
            .wrap(Compress::default())
            .wrap(from_fn(guard))
            // Refusals too must be readable for a page of another origin.
            .wrap(cors::of(&origins))
            .wrap(from_fn(observe))
            .configure(|app| routes::register(app, served))
    })
    .workers(settings.threads.max(1))
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(LONGEST_REQUEST_HEAD)
    .tcp_nodelay(true)
    .h1_write_buffer_size(UNFLUSHED)
    .backlog(4096)
    .disable_signals()
    .shutdown_timeout(settings.stop_timeout.as_secs())
    .bind(settings.listen)
    .map_err(|cause| ServeError::Listen { listen: settings.listen, cause })?;
    let address = server.addrs().first().copied().unwrap_or(settings.listen);
    let server = server.run();
    let handle = server.handle();
    tracing::info!(%address, "listening");
    Ok(RunningServer { address, handle, serving: tokio::spawn(server), live: LiveStop(live, stop) })
}

impl RunningServer {
    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all streams first, since a stop waits for connections that are being answered; then the rest.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.live.1.cancel();
        self.live.0.stop();
        self.handle.stop(true).await;
        match self.serving.await {
            Ok(ended) => ended.map_err(ServeError::Start),
            Err(error) => Err(ServeError::Start(io::Error::other(error))),
        }
    }
}
