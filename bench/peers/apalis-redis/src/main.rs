//! The task of the load generator on `apalis-redis` as it ships: `apalis-redis-peer web` and `apalis-redis-peer worker`.
//!
//! apalis keeps the queue, the claim and the outcome. It has no progress of its own, so a step stores its line and its
//! result and tells them in one round trip to the same Redis, which is the least that can be done.

mod flows;
mod web;
mod worker;

use std::error::Error;

use apalis_redis::{Config, ConnectionManager, RedisStorage};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What both processes call the queue.
pub(crate) const QUEUE: &str = "bench";
/// What is told of a task is published behind this.
pub(crate) const TOLD: &str = "told:";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match std::env::args().nth(1).as_deref() {
        Some("web") => web::serve().await,
        Some("worker") => worker::run().await,
        other => Err(format!("'{other:?}' is no role; it is web or worker").into()),
    }
}

pub(crate) fn redis_url() -> Result<String, Failure> {
    Ok(format!("redis://{}", std::env::var("REDIS_ADDRESS")?))
}

pub(crate) fn storage(connection: ConnectionManager) -> RedisStorage<flows::Start> {
    RedisStorage::new(connection).with_config(Config::default().queue(QUEUE).batch_size(100))
}

/// The hash of all that a task has told, beside the list of its lines.
pub(crate) fn result_key(task: &str) -> String {
    format!("result:{task}")
}
