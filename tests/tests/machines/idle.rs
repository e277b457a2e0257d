//! What several processes cost that have nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;

use caudal_tests::{Installation, Role, installation, until};

use crate::slow_tasks::SlowTasks;

/// Long enough for everything that is done every few seconds.
const MEASURED: Duration = Duration::from_secs(8);
const PARTITIONS: usize = 4;
/// What a process may send in a second.
const MOST_COMMANDS: usize = 5 + PARTITIONS;
const PROCESSES: usize = 2;

/// How many commands Redis is sent in a second, and which.
async fn commands_a_second(installation: &Installation) -> f64 {
    let monitor = installation.redis.monitor();
    tokio::time::sleep(MEASURED).await;
    let mut heard = monitor.lines();
    // What scripts call is sent by nobody.
    heard.retain(|line| !line.contains(" lua] "));
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for line in &heard {
        let name = line.split('"').nth(1).unwrap_or(line).to_lowercase();
        *by_name.entry(name).or_default() += 1;
    }
    eprintln!("figure: {} commands in {MEASURED:?}: {by_name:?}", heard.len());
    heard.len() as f64 / MEASURED.as_secs_f64()
}

/// Goal: with nothing to do, a process sends Redis at most 5 commands a second and one for each partition, and Postgres
/// is asked nothing.
#[tokio::test]
async fn idle_processes_ask_for_next_to_nothing() {
    let plan = installation!().webs(PROCESSES).workers(0).flag("redis-partitions", PARTITIONS);
    let mut installation = plan.start().await;
    let webs = commands_a_second(&installation).await;
    assert!(webs <= (PROCESSES * MOST_COMMANDS) as f64, "{PROCESSES} web servers: {webs} commands a second");

    for _ in 0..PROCESSES {
        installation.workers.push(installation.setup(Role::Worker).start().await);
    }
    // They have worked before, and what they did is archived.
    let tasks = SlowTasks::start(&installation.client(), 100, 2, 10).await;
    tasks.all_succeed(&installation).await;
    let kept = || installation.postgres().sql("postgres", "SELECT count(*) FROM caudal.tasks");
    until("all is archived", || async { (kept() == "100").then_some(()) }).await;
    let queries = installation.postgres().queries();
    let all = commands_a_second(&installation).await;
    let asked = installation.postgres().queries() - queries;
    assert!(all - webs <= (PROCESSES * MOST_COMMANDS) as f64, "{PROCESSES} workers: {} commands a second", all - webs);
    assert_eq!(asked, 0, "Postgres was asked");
}
