//! Leases and takeovers: who is alive keeps its tasks, who is dead loses them.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::{SystemClock, TaskStore};
use caudal_engine::task::TaskState;

use crate::flows::Plan;
use crate::house::House;

const LEASE: Duration = Duration::from_millis(400);

fn timed(steps: u32, step_ms: u64) -> Plan {
    Plan { steps, step_ms: Some(step_ms), ..Plan::default() }
}

/// Goal: what a dead worker left is taken over by the next at its start, without a finished step running again.
#[tokio::test]
async fn the_next_start_takes_over() {
    let house = House::new();
    let task = house.start("steps_flow", Plan { steps: 2, ..Plan::default() }).await;
    let doomed = house.worker(4);
    house.floor.let_through(1);
    house.floor.until(|seen| seen.times_began(task, 2) == 1).await;
    drop(doomed);
    house.store.expire_claims();
    let next = house.worker(4);
    house.floor.until(|seen| seen.times_began(task, 2) == 2).await;
    house.floor.let_through(1);
    assert_eq!(house.until_ended(task).await.state, TaskState::Succeeded);
    assert_eq!(house.floor.seen().times_began(task, 1), 1);
    next.drain().await;
}

/// Goal: a task that takes many leases keeps its claim, although another worker looks for dead ones all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lives_keeps_its_tasks() {
    let house = House::with(Some(LEASE), Arc::new(SystemClock));
    let (one, other) = (house.worker(4), house.worker(4));
    let task = house.start("steps_flow", timed(1, 2_500)).await;
    assert_eq!(house.until_ended(task).await.state, TaskState::Succeeded);
    assert_eq!(house.floor.seen().times_began(task, 1), 1);
    one.drain().await;
    other.drain().await;
}

/// Goal: flows that block every thread of the runtime cost nobody their claims.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_flow_costs_nobody_a_claim() {
    let house = House::with(Some(LEASE), Arc::new(SystemClock));
    let worker = house.worker(8);
    let neighbour = house.start("steps_flow", timed(1, 1_000)).await;
    house.floor.until(|seen| seen.times_began(neighbour, 1) == 1).await;
    let mut blocking = Vec::new();
    for _ in 0..4 {
        blocking.push(house.start("blocking_flow", timed(1, 1_500)).await);
    }
    for task in blocking.into_iter().chain([neighbour]) {
        assert_eq!(house.until_ended(task).await.state, TaskState::Succeeded);
        assert_eq!(house.floor.seen().times_began(task, 1), 1);
    }
    worker.drain().await;
}

/// Goal: a worker whose claim was taken away drops the task at once, and whoever holds it now finishes it.
#[tokio::test]
async fn a_lost_claim_ends_the_execution() {
    let house = House::with(Some(LEASE), Arc::new(SystemClock));
    let worker = house.worker(1);
    let task = house.start("steps_flow", Plan { steps: 1, ..Plan::default() }).await;
    house.floor.until(|seen| seen.times_began(task, 1) == 1).await;
    while house.store.rescue(10).await.unwrap().is_empty() {
        house.store.expire_claims();
    }
    // The only slot is free for it again only because the first execution was dropped.
    house.floor.until(|seen| seen.times_began(task, 1) == 2).await;
    house.floor.let_through(1);
    assert_eq!(house.until_ended(task).await.state, TaskState::Succeeded);
    worker.drain().await;
}
