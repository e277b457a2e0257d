//! How fast the SQLite store is on this machine: `cargo run --release -p caudal-stores --example sqlite_throughput`.
//!
//! What is measured stands in `clients`. `-- <seconds> <clients> <folder>` asks for more.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

mod clients;

use std::path::PathBuf;
use std::sync::Arc;

use caudal_engine::ports::{Bell, Feed, RandomIds, SystemClock, TaskStore};
use caudal_stores::sqlite::{SqliteSettings, SqliteStore};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> clients::Outcomes {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let clients: usize = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("caudal-throughput"), PathBuf::from);
    let store = SqliteStore::open(
        &SqliteSettings::new(&folder),
        Arc::new(SystemClock),
        Arc::new(RandomIds),
        Arc::new(Bell::default()),
        Arc::new(Feed::default()),
    )?;
    let store = Arc::new(store);
    let (tasks, took) = clients::run(store.clone(), clients, seconds).await?;
    let per_second = tasks as f64 / took.as_secs_f64();
    println!("{clients} clients: {per_second:.0} tasks/s, {:.0} operations/s", per_second * 8.0);
    println!("{} MiB stored", store.stats().await?.bytes / 1024 / 1024);
    store.shutdown().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
