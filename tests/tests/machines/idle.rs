//! What several processes cost that have nothing to do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caudal_tests::{Installation, Role, installation, until};
use serde_json::json;

use crate::slow_tasks::SlowTasks;

/// Long enough for everything that is done every few seconds.
const MEASURED: Duration = Duration::from_secs(8);
const PARTITIONS: usize = 4;
/// As many as a cluster is given.
const MANY_PARTITIONS: usize = 16;
const PROCESSES: usize = 2;

/// What a process may send in a second.
const fn most_commands(partitions: usize) -> f64 {
    (5 + partitions) as f64
}

/// How many commands Redis is sent in a second, and which.
async fn commands_a_second(installation: &Installation) -> f64 {
    rate_of(&commands(installation).await)
}

/// What Redis is sent for a while.
async fn commands(installation: &Installation) -> Vec<String> {
    let monitor = installation.redis.monitor();
    tokio::time::sleep(MEASURED).await;
    let mut heard = monitor.lines();
    // What scripts call is sent by nobody.
    heard.retain(|line| !line.contains(" lua] "));
    heard
}

/// From which connection a command came, as `1764.5 [0 127.0.0.1:40000] "PING"` tells it.
fn connection(line: &str) -> &str {
    line.split(['[', ']']).nth(1).unwrap_or(line)
}

fn rate_of(heard: &[String]) -> f64 {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for line in heard {
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
    assert!(webs <= PROCESSES as f64 * most_commands(PARTITIONS), "{PROCESSES} web servers: {webs} commands a second");

    for _ in 0..PROCESSES {
        installation.workers.push(installation.setup(Role::Worker).start().await);
    }
    // They have worked before, and what they did is archived.
    let tasks = SlowTasks::start(&installation.client(), 100, 2, 10).await;
    tasks.all_succeed(&installation).await;
    let kept = || installation.postgres().sql("postgres", "SELECT count(*) FROM caudal.tasks");
    until("all is archived", || async { (kept() == "100").then_some(()) }).await;
    // Postgres counts what a session did some time after it, and the figures are looked at once more.
    let queries = until("Postgres has counted it all", || async {
        let before = installation.postgres().queries();
        tokio::time::sleep(Duration::from_secs(6)).await;
        (installation.postgres().queries() == before).then_some(before)
    })
    .await;
    let all = commands_a_second(&installation).await;
    let asked = installation.postgres().queries() - queries;
    assert!(
        all - webs <= PROCESSES as f64 * most_commands(PARTITIONS),
        "{PROCESSES} workers: {} commands a second",
        all - webs
    );
    assert_eq!(asked, 0, "Postgres was asked");
}

/// Goal: a watched task on which nothing happens costs Redis one look a second, for the process, not one more for whoever
/// watches.
#[tokio::test]
async fn a_watched_task_is_looked_at_once_a_second() {
    let installation = installation!().webs(1).workers(0).without_postgres().start().await;
    let client = installation.client();
    let task = client.start("bench_flow", json!({})).await;
    let mut watched = client.request("GET", &format!("/task-status/{task}/")).send().await.unwrap();
    watched.chunk().await.unwrap();
    let monitor = installation.redis.monitor();
    let seconds = 5;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let about_it: Vec<String> = monitor.lines().into_iter().filter(|line| line.contains(&task)).collect();
    assert!(about_it.len() as u64 <= seconds + 1, "{about_it:#?}");
}

/// Goal: so it is with many partitions, for a process that sends notifications in all channels, for a worker that
/// archives, and for one that is all in one.
#[tokio::test]
async fn every_role_is_as_cheap_with_many_partitions() {
    let plan = installation!().webs(0).workers(0).flag("redis-partitions", MANY_PARTITIONS);
    let installation = plan.start().await;
    // What others do every few seconds may come in any of these spans: each process is counted by its own connections.
    let (mut processes, mut others) = (Vec::new(), BTreeSet::new());
    for role in [Role::Notifications, Role::Worker, Role::Serve] {
        processes.push(installation.setup(role).start().await);
        let mut heard = commands(&installation).await;
        heard.retain(|line| !others.contains(connection(line)));
        others.extend(heard.iter().map(|line| connection(line).to_owned()));
        let sent = rate_of(&heard);
        assert!(sent > 0.0, "{role:?}: not heard");
        assert!(sent <= most_commands(MANY_PARTITIONS), "{role:?}: {sent} commands a second");
    }
}
