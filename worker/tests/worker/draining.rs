//! Draining: everything is handed back, only steps in flight take time, and that is bounded.

use std::time::Duration;

use caudal_engine::task::TaskState;
use caudal_worker::{Worker, WorkerSettings};

use crate::flows::Plan;
use crate::house::House;

fn gated(steps: u32) -> Plan {
    Plan { steps, ..Plan::default() }
}

/// Goal: a step in flight finishes, the next one does not begin here, and another worker goes on after it.
#[tokio::test]
async fn a_task_is_handed_back_at_its_next_checkpoint() {
    let house = House::new();
    let worker = house.worker(8);
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.push(house.start("steps_flow", gated(2)).await);
    }
    house.floor.until(|seen| seen.began.len() == 5).await;
    let draining = tokio::spawn(worker.drain());
    // The order reached everybody once the board says that it drains.
    while !house.engine.workers.workers().iter().all(|worker| worker.draining) {
        tokio::task::yield_now().await;
    }
    let late = house.start("steps_flow", gated(1)).await;
    house.floor.let_through(5);
    assert_eq!(draining.await.unwrap().left_behind, 0);
    for task in &tasks {
        assert_eq!(house.task(*task).await.state, TaskState::Queued);
        assert_eq!(house.floor.seen().times_began(*task, 2), 0);
    }
    assert_eq!(house.task(late).await.state, TaskState::Queued, "a draining worker claims nothing");

    let next = house.worker(8);
    house.floor.let_through(6);
    for task in &tasks {
        assert_eq!(house.until_ended(*task).await.state, TaskState::Succeeded);
        assert_eq!(house.floor.seen().times_began(*task, 1), 1, "a finished step ran again");
    }
    next.drain().await;
}

/// Goal: a step that does not end is dropped after the grace time, and its task is in line again, not lost.
#[tokio::test]
async fn the_grace_time_is_the_longest_wait() {
    let house = House::new();
    let settings = WorkerSettings { concurrency: 4, grace: Duration::from_millis(50) };
    let worker = Worker::start(house.engine.clone(), settings).unwrap();
    let task = house.start("steps_flow", gated(1)).await;
    house.floor.until(|seen| seen.times_began(task, 1) == 1).await;
    assert_eq!(worker.drain().await.left_behind, 0);
    let record = house.task(task).await;
    assert_eq!((record.state, record.takeovers), (TaskState::Queued, 0));
    let next = house.worker(4);
    house.floor.let_through(1);
    assert_eq!(house.until_ended(task).await.state, TaskState::Succeeded);
    assert_eq!(house.floor.seen().times_began(task, 1), 2, "an unfinished step runs again");
    next.drain().await;
}
