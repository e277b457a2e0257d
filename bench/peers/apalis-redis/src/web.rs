//! The web process: starts tasks, and tells each watcher all that its task tells.
//!
//! One subscription for the whole process; what comes is made into bytes once for all who watch that task. A watcher is
//! put down before the stored state is read, so that nothing can fall in between.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::{self, Bytes, Data, Json, Path};
use actix_web::{App, HttpResponse, HttpServer, Responder, error::ErrorInternalServerError};
use apalis::prelude::*;
use apalis_redis::{ConnectionManager, RedisStorage};
use futures_util::{StreamExt, stream};
use redis::AsyncCommands;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use ulid::Ulid;

use crate::{Failure, QUEUE, TOLD, flows, redis_url, result_key, storage};

type Watchers = Arc<Mutex<HashMap<String, Vec<UnboundedSender<Bytes>>>>>;

#[derive(Clone)]
struct Shared {
    storage: RedisStorage<flows::Start>,
    redis: ConnectionManager,
    watchers: Watchers,
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let redis = apalis_redis::connect(redis_url()?).await?;
    let shared = Shared { storage: storage(redis.clone()), redis, watchers: Watchers::default() };
    let mut heard = redis::Client::open(redis_url()?)?.get_async_pubsub().await?;
    heard.psubscribe(format!("{TOLD}*")).await?;
    let watchers = shared.watchers.clone();
    tokio::spawn(async move {
        while let Some(message) = heard.on_message().next().await {
            let task = message.get_channel_name().trim_start_matches(TOLD);
            hear(&watchers, task, message.get_payload_bytes());
        }
    });
    let app = move || {
        App::new()
            .app_data(Data::new(shared.clone()))
            .route("/start-task", web::post().to(start))
            .route("/task-status/{task}", web::get().to(watch))
            .route("/stats", web::get().to(stats))
            .route("/readyz", web::get().to(|| async { "{\"ready\":true}" }))
    };
    Ok(HttpServer::new(app).tcp_nodelay(true).workers(2).backlog(4096).bind(std::env::var("LISTEN")?)?.run().await?)
}

async fn start(shared: Data<Shared>, start: Json<flows::Start>) -> actix_web::Result<impl Responder> {
    let id = Ulid::generate();
    let task = TaskBuilder::new(start.into_inner()).task_id(TaskId::from_ulid(id)).build();
    shared.storage.clone().push_task(task).await.map_err(ErrorInternalServerError)?;
    Ok(Json(json!({ "task_id": id.to_string() })))
}

async fn watch(shared: Data<Shared>, task: Path<String>) -> actix_web::Result<HttpResponse> {
    let (sender, receiver) = unbounded_channel();
    lock(&shared.watchers).entry(task.to_string()).or_default().push(sender.clone());
    let stored: Option<Vec<u8>> =
        shared.redis.clone().get(result_key(&task)).await.map_err(ErrorInternalServerError)?;
    let now = stored.unwrap_or_else(|| b"{\"state\":\"PENDING\",\"details\":{}}".to_vec());
    let is_last = is_last(&now);
    let first = stream::once(std::future::ready(said(&now)));
    let rest = (!is_last).then(|| stream::unfold(receiver, next)).map(StreamExt::boxed_local);
    if is_last {
        lock(&shared.watchers).remove(&*task);
    }
    let body = first.chain(rest.unwrap_or_else(|| stream::empty().boxed_local())).map(Ok::<_, actix_web::Error>);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-cache, no-transform"))
        .streaming(body))
}

async fn next(mut receiver: UnboundedReceiver<Bytes>) -> Option<(Bytes, UnboundedReceiver<Bytes>)> {
    receiver.recv().await.map(|bytes| (bytes, receiver))
}

fn hear(watchers: &Watchers, task: &str, told: &[u8]) {
    let mut watchers = lock(watchers);
    let Some(all) = watchers.get_mut(task) else { return };
    let bytes = said(told);
    all.retain(|watcher| watcher.send(bytes.clone()).is_ok());
    // Dropping the last sender ends the streams.
    if is_last(told) {
        watchers.remove(task);
    }
}

fn said(told: &[u8]) -> Bytes {
    Bytes::from([b"data: ", told, b"\n\n"].concat())
}

fn is_last(told: &[u8]) -> bool {
    told.starts_with(b"{\"state\":\"SUCCESS\"") || told.starts_with(b"{\"state\":\"FAILURE\"")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is not done yet: pushed, fetched, and in the hands of a worker.
async fn stats(shared: Data<Shared>) -> actix_web::Result<impl Responder> {
    let mut redis = shared.redis.clone();
    let mut pipeline = redis::pipe();
    pipeline.hlen(format!("{QUEUE}:data")).scard(format!("{QUEUE}:done")).scard(format!("{QUEUE}:dead"));
    let (all, done, dead): (u64, u64, u64) =
        pipeline.query_async(&mut redis).await.map_err(ErrorInternalServerError)?;
    let left = all.saturating_sub(done + dead);
    Ok(Json(json!({ "tasks": [{ "flow": "bench_flow", "state": "queued", "count": left }] })))
}
