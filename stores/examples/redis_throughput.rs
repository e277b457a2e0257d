//! How fast the Redis store is on this machine, with a Redis that is running:
//! `cargo run --release -p caudal-stores --example redis_throughput -- <seconds> <clients> <url>`.
//!
//! What is measured stands in `clients`. The tasks are forgotten afterwards.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

mod clients;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::{Bell, Feed, RandomIds, SystemClock, TaskStore};
use caudal_stores::redis::{RedisSettings, RedisStore};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> clients::Outcomes {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let clients: usize = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let url = arguments.next().unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    // Whatever it may lose: a measurement needs nothing kept.
    let settings =
        RedisSettings { prefix: "throughput:".to_owned(), may_lose_seconds: Some(60), ..RedisSettings::new(url) };
    let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
    let store = RedisStore::open(&settings, Arc::new(SystemClock), Arc::new(RandomIds), bell, feed).await?;
    let store = Arc::new(store);
    let (tasks, took) = clients::run(store.clone(), clients, seconds).await?;
    let per_second = tasks as f64 / took.as_secs_f64();
    println!("{clients} clients: {per_second:.0} tasks/s, {:.0} operations/s", per_second * 8.0);
    println!("{} MiB stored", store.stats().await?.bytes / 1024 / 1024);
    while store.clean(Duration::ZERO, u64::MAX, 10_000).await? > 0 {}
    store.shutdown().await;
    Ok(())
}
