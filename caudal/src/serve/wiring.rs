//! The one place that knows every part: it makes them and hands each what it needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use caudal_engine::Engine;
use caudal_engine::flow::Registry;
use caudal_engine::ports::{Bell, Feed, IdSource, RandomIds, SystemClock, WorkerBoard};
use caudal_notifications::{NotificationsHandle, WebhookSecret, WebhookSecrets};
use caudal_web::{RunningServer, Served, WebSettings};
use caudal_worker::{Worker, WorkerHandle, WorkerSettings};

use super::opened_store::OpenedStore;
use super::resources::resources;
use super::role::Role;
use super::stop_worker::stop_worker;
use super::{access, metrics, notifications, secret};
use crate::output::Output;
use crate::run::WireResources;
use crate::settings::Settings;

/// All parts, at work.
pub(super) struct Parts {
    pub(super) store: OpenedStore,
    pub(super) worker: Option<WorkerHandle>,
    pub(super) sender: Option<NotificationsHandle>,
    pub(super) servers: Vec<RunningServer>,
    /// Where the page is.
    pub(super) address: Option<SocketAddr>,
    pub(super) flows: Vec<&'static str>,
}

pub(super) async fn start(role: Role, settings: &Settings, wire: WireResources, output: Output) -> Result<Parts> {
    let registry = Registry::collect(settings.diagnostics)?;
    let flows = registry.names();
    if flows.is_empty() {
        tracing::warn!("no flow is registered; name the crate that has them once in main.rs: `use my_flows as _;`");
    }
    let resources = resources(settings, wire)?;
    let bell = Arc::new(Bell::default());
    let feed = Arc::new(Feed::default());
    let store = OpenedStore::open(role, settings, &bell, &feed).await?;
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
    let signing_key = secret::of(settings, &store, &*ids).await?;
    let mails = notifications::mails(settings, &store, signing_key)?;
    let webhook_secrets = notifications::webhook_secrets(settings, &store, &*ids).await?;
    let engine = Engine {
        store: store.port(),
        bell,
        feed,
        clock: Arc::new(SystemClock),
        ids,
        registry: Arc::new(registry),
        resources,
        limits: Arc::new(settings.limits.clone()),
        workers: Arc::new(WorkerBoard::default()),
        notifications: mails.port,
    };
    // The port may be taken: nothing is claimed before it is ours.
    let servers = start_servers(role, settings, &engine, &store, &webhook_secrets, output).await?;
    let address = servers.first().filter(|_| role.serves_pages()).map(RunningServer::address);
    let worker = role.runs_tasks().then(|| start_worker(settings, engine.clone())).transpose()?;
    let sender = match role.sends_notifications() {
        true => Some(notifications::start(settings, webhook_secrets, engine, mails.templates)?),
        false => None,
    };
    Ok(Parts { store, worker, sender, servers, address, flows })
}

fn start_worker(settings: &Settings, engine: Engine) -> Result<WorkerHandle> {
    let settings = WorkerSettings { concurrency: settings.concurrency, grace: settings.grace };
    Worker::start(engine, settings).context("the worker cannot start")
}

/// The page and the API, if this role serves them, then the signs of life.
async fn start_servers(
    role: Role,
    settings: &Settings,
    engine: &Engine,
    store: &OpenedStore,
    webhook_secrets: &WebhookSecrets,
    output: Output,
) -> Result<Vec<RunningServer>> {
    let webhook_secrets = webhook_secrets.clone();
    let mut web = WebSettings {
        listen: settings.listen,
        public_url: settings.public_url.clone(),
        allowed_hosts: settings.allowed_hosts.clone(),
        threads: settings.web_threads,
        render_metrics: Some(metrics::start()?),
        shown_settings: settings.shown.clone().into(),
        stop_worker: settings.diagnostics.then(stop_worker),
        webhook_secrets: Some(Arc::new(move |url| {
            webhook_secrets.of_receiver(url).iter().map(WebhookSecret::reveal).collect()
        })),
        ..WebSettings::default()
    };
    if role.serves_pages() {
        access::add_to(&mut web, settings, store, &*engine.ids, output).await?;
    }
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
    role.serves_pages().then_some(web).into_iter().chain(health).map(listen).collect()
}
