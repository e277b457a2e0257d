//! A Redis store on the nodes of a cluster, which go, hang, come back, and hand partitions to each other.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use caudal_engine::ports::{StoreError, TaskStore};
use caudal_engine::task::{Claim, TaskId, TaskState};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::Held;
use redis_support::keyspace::{Keyspace, command};
use redis_support::redis_server::{RedisCluster, RedisServer};
use redis_support::settings_of;
use redis_support::spread::{Spread, open};

/// Goal: a partition that moves to another node of a cluster takes its tasks along; while it is on its way nobody works
/// on half of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_moves_to_another_node() {
    let cluster = RedisCluster::start(3);
    let settings = settings_of(&cluster.url(), &Parts::default());
    let spread = open(&settings).await;
    let partition = 5;
    let task = spread.create(spread.new_task(partition)).await.unwrap().id;
    let slot = cluster.nodes[0].ask(&["CLUSTER", "KEYSLOT", &format!("{{p{partition}}}")]);
    let slot = slot.trim_start_matches(':').to_owned();
    let holds = |node: &RedisServer| node.ask(&["CLUSTER", "COUNTKEYSINSLOT", &slot]) != ":0";
    let from = cluster.nodes.iter().position(&holds).unwrap();
    let to = (from + 1) % 3;
    let (from, to) = (&cluster.nodes[from], &cluster.nodes[to]);
    let names = [from, to].map(|node| node.ask(&["CLUSTER", "MYID"]));
    to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &names[0]]);
    from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &names[1]]);
    let underway = spread.scene.store.events(task, 0, 1_000).await;
    assert!(matches!(underway, Err(StoreError::Unavailable(_))), "{underway:?}");
    let mut source = Keyspace::of(&from.url(), "").await;
    let keys = source.send(&command(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"])).await.unwrap();
    for key in redis::from_redis_value::<Vec<String>>(keys).unwrap() {
        from.ask(&["MIGRATE", "127.0.0.1", &to.port.to_string(), &key, "0", "5000"]);
    }
    for node in [to, from, cluster.nodes.iter().find(|node| node.port != from.port && node.port != to.port).unwrap()] {
        node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &names[1]]);
    }
    assert_eq!(spread.scene.store.events(task, 0, 1_000).await.unwrap().len(), 1);
    let claimed = spread.store.claim_next(spread.request(20)).await.unwrap().tasks.remove(0);
    let mut held = Held::new(&claimed, spread.scene.trial.clock.clone());
    held.send(&*spread.store, held.end(TaskState::Succeeded)).await.unwrap();
    assert!(holds(to) && !holds(from));
}

/// Goal: a node that dies and comes back is used again; meanwhile the others' partitions go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_cluster_is_away_for_a_while() {
    let mut cluster = RedisCluster::start(3);
    for node in &cluster.nodes {
        node.ask(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let spread = open(&settings_of(&cluster.url(), &Parts::default())).await;
    spread.fill(16, 1).await;
    cluster.nodes[2].kill();
    let mut created = 0;
    for partition in 0..16 {
        created += usize::from(spread.store.create(vec![spread.new_task(partition)]).await.is_ok());
    }
    assert!(created > 0 && created < 16, "{created} of 16 partitions can be reached");
    assert!(!spread.store.claim_next(spread.request(5)).await.unwrap().tasks.is_empty());
    cluster.nodes[2].restart();
    for partition in 0..16 {
        let mut tries = 0;
        while spread.store.create(vec![spread.new_task(partition)]).await.is_err() {
            tries += 1;
            assert!(tries < 2_000, "partition {partition} does not come back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Goal: while a node is away, the claims on the other nodes' tasks are renewed, and those of the dead taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_costs_the_others_no_claim() {
    let mut cluster = RedisCluster::start(3);
    let spread = claimed_over(&cluster).await;
    cluster.nodes[2].kill();
    // What rang is asked first from now on, and what cannot be asked counts as that.
    let _ = spread.0.store.claim_next(spread.0.request(5)).await;
    others_go_on(spread).await;
}

/// Goal: the same while a node takes what it is sent, and answers nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hangs_costs_the_others_no_claim() {
    let cluster = RedisCluster::start(3);
    let spread = claimed_over(&cluster).await;
    cluster.nodes[2].signal("STOP");
    others_go_on(spread).await;
}

type Claims = Vec<(TaskId, Claim)>;

/// Two claimed tasks in each partition: one of somebody who will go on, one of somebody who will not.
async fn claimed_over(cluster: &RedisCluster) -> (Spread, Claims, Claims) {
    for node in &cluster.nodes {
        node.ask(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let spread = open(&settings_of(&cluster.url(), &Parts::default())).await;
    spread.fill(16, 2).await;
    let mut claims = Vec::new();
    while claims.len() < 32 {
        let claimed = spread.store.claim_next(spread.request(40)).await.unwrap().tasks;
        claims.extend(claimed.into_iter().map(|claimed| (claimed.task.id, claimed.claim)));
    }
    claims.sort_unstable_by_key(|(task, _)| (task.partition(), *task));
    let (of_the_living, of_the_dead) = claims.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    (spread, of_the_living, of_the_dead)
}

async fn others_go_on((spread, of_the_living, of_the_dead): (Spread, Claims, Claims)) {
    let (clock, lease) = (&spread.scene.trial.clock, spread.store.lease().unwrap());
    clock.advance(lease * 3 / 5);
    let asked = Instant::now();
    let renewed = spread.store.renew(&spread.request(1).worker, &of_the_living).await.unwrap();
    assert!(asked.elapsed() < lease / 2, "the worker's own patience: {:?}", asked.elapsed());
    assert!(renewed.iter().all(|renewed| renewed.held) && !renewed.is_empty() && renewed.len() < 16, "{renewed:?}");
    clock.advance(lease * 3 / 5);
    let reachable: BTreeSet<u16> = renewed.iter().map(|renewed| renewed.task.partition()).collect();
    let expected: BTreeSet<TaskId> =
        of_the_dead.iter().map(|(task, _)| *task).filter(|task| reachable.contains(&task.partition())).collect();
    let rescued = spread.store.rescue(100).await.unwrap().into_iter();
    assert_eq!(rescued.map(|rescued| rescued.task).collect::<BTreeSet<_>>(), expected);
}
