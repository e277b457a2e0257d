//! The one place that knows every part: it makes them and hands each what it needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use caudal_engine::Engine;
use caudal_engine::flow::{Registry, Resources};
use caudal_engine::ports::{Bell, Feed, RandomIds, SystemClock, WorkerBoard};
use caudal_stores::sqlite::{self, SqliteSettings, SqliteStore};
use caudal_web::{RenderMetrics, RunningServer, Served, WebSettings};
use caudal_worker::{Worker, WorkerHandle, WorkerSettings};

use super::{metrics, secret};
use crate::run::WireResources;
use crate::settings::{Durability, Settings};

/// All parts, at work.
pub(super) struct Parts {
    pub(super) store: Arc<SqliteStore>,
    pub(super) worker: WorkerHandle,
    /// The page and the API first.
    pub(super) servers: Vec<RunningServer>,
    pub(super) address: SocketAddr,
    pub(super) flows: Vec<&'static str>,
}

pub(super) fn start(settings: &Settings, wire: WireResources) -> Result<Parts> {
    let registry = Registry::collect(settings.diagnostics)?;
    let flows = registry.names();
    if flows.is_empty() {
        tracing::warn!("no flow is registered; name the crate that has them once in main.rs: `use my_flows as _;`");
    }
    let mut resources = Resources::default();
    wire(settings, &mut resources);
    let bell = Arc::new(Bell::default());
    let feed = Arc::new(Feed::default());
    let store = Arc::new(open_store(settings, &bell, &feed)?);
    let engine = Engine {
        store: store.clone(),
        bell,
        feed,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        registry: Arc::new(registry),
        resources,
        limits: Arc::new(settings.limits.clone()),
        workers: Arc::new(WorkerBoard::default()),
    };
    // The port may be taken: nothing is claimed before it is ours.
    let servers = start_servers(settings, &engine, metrics::start()?)?;
    let address = servers.first().map_or(settings.listen, RunningServer::address);
    let worker_settings = WorkerSettings { concurrency: settings.concurrency, grace: settings.grace };
    let worker = Worker::start(engine, worker_settings).context("the worker cannot start")?;
    Ok(Parts { store, worker, servers, address, flows })
}

fn open_store(settings: &Settings, bell: &Arc<Bell>, feed: &Arc<Feed>) -> Result<SqliteStore> {
    let store = SqliteSettings {
        durability: match settings.durability {
            Durability::Full => sqlite::Durability::Full,
            Durability::Normal => sqlite::Durability::Normal,
        },
        limits: settings.limits.clone(),
        ..SqliteSettings::new(&settings.data_folder)
    };
    Ok(SqliteStore::open(&store, Arc::new(SystemClock), Arc::new(RandomIds), bell.clone(), feed.clone())?)
}

fn start_servers(settings: &Settings, engine: &Engine, render: RenderMetrics) -> Result<Vec<RunningServer>> {
    let web = WebSettings {
        listen: settings.listen,
        public_url: settings.public_url.clone(),
        secret: secret::read_or_make(&settings.data_folder, &*engine.ids)?,
        threads: settings.web_threads,
        render_metrics: Some(render),
        ..WebSettings::default()
    };
    let health = settings.health_listen.map(|listen| WebSettings {
        listen,
        threads: 1,
        served: Served::Health,
        stop_timeout: Duration::from_secs(1),
        ..web.clone()
    });
    let listen = |settings: WebSettings| {
        caudal_web::serve(engine.clone(), settings)
            .context("the server cannot start; if another one runs there, choose another address with --listen")
    };
    let mut servers = vec![listen(web)?];
    if let Some(health) = health {
        servers.push(listen(health)?);
    }
    Ok(servers)
}
