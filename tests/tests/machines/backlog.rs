//! Many tasks at once: taken in, worked off, and gone from Redis when Postgres has them.

use std::time::Duration;

use caudal_tests::{Installation, Patience, Server, installation};
use serde_json::json;

use crate::at_full_length;

/// Redis's memory afterwards, compared with before.
const MOST_PERCENT: u64 = 120;
/// Figures, the layout, who works: a few keys of one partition.
const KEYS_OF_NO_TASK: usize = 10;
const AT_ONCE: usize = 1_000;

fn memory(installation: &Installation) -> u64 {
    let info = installation.redis.ask(&["INFO", "memory"]);
    info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
}

fn keys(installation: &Installation) -> usize {
    installation.redis.ask(&["DBSIZE"]).trim_start_matches(':').parse().unwrap()
}

async fn start(installation: &Installation, count: usize) {
    for _ in 0..count / AT_ONCE {
        installation.client().start_many("bench_flow", json!({ "steps": 1 }), AT_ONCE).await;
    }
}

/// Waits until so many tasks are kept and Redis has none of them.
async fn gone(installation: &Installation, count: usize) {
    let patience = Patience::new(format!("{count} tasks are kept")).of(Duration::from_secs(3_600));
    let sql = "SELECT count(*), count(*) FILTER (WHERE state = 4) FROM caudal.tasks";
    while installation.postgres().sql("postgres", sql) != format!("{count}|{count}") {
        patience.pause().await;
    }
    let patience = Patience::new("Redis has none of them").of(Duration::from_secs(180));
    while keys(installation) > KEYS_OF_NO_TASK {
        patience.pause().await;
    }
}

/// Goal: a backlog is taken in while nobody works, worked off, and Redis is as small afterwards as it was before.
#[tokio::test]
async fn a_backlog_comes_and_goes() {
    let count = if at_full_length() { 200_000 } else { 5_000 };
    let mut installation = installation!().workers(2).flag("archived-grace-seconds", 1).start().await;
    // As it is when there are workers and nothing to do.
    let before = memory(&installation);
    installation.workers.iter_mut().for_each(Server::kill9);
    start(&installation, count).await;
    let full = memory(&installation);
    for worker in &mut installation.workers {
        worker.restart().await;
    }
    gone(&installation, count).await;
    let after = memory(&installation);
    eprintln!("figure: {count} tasks: {before} bytes before, {full} with all, {after} after");
    assert!(after * 100 <= before * MOST_PERCENT, "{after} bytes after, {before} before");
}
