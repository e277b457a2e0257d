//! What is claimed, how much of it, and in which order.

use caudal_engine::task::{Priority, TaskState};

use crate::flows::Plan;
use crate::house::House;

fn quick() -> Plan {
    Plan { steps: 1, step_ms: Some(0), ..Plan::default() }
}

fn gated(steps: u32) -> Plan {
    Plan { steps, ..Plan::default() }
}

/// Goal: what is started is run, before and after the worker came, and its store says so.
#[tokio::test]
async fn tasks_are_run() {
    let house = House::new();
    let mut tasks = Vec::new();
    for _ in 0..100 {
        tasks.push(house.start("steps_flow", quick()).await);
    }
    let worker = house.worker(8);
    for _ in 0..100 {
        tasks.push(house.start("steps_flow", quick()).await);
    }
    for task in &tasks {
        assert_eq!(house.until_ended(*task).await.state, TaskState::Succeeded);
    }
    assert!(house.floor.seen().most_present <= 8);
    assert!(tasks.iter().all(|task| house.floor.seen().times_began(*task, 1) == 1));
    assert_eq!(worker.drain().await.left_behind, 0);
}

/// Goal: the board says which worker runs what, and forgets a worker that drained.
#[tokio::test]
async fn the_board_tells_what_runs() {
    let house = House::new();
    let worker = house.worker(8);
    let task = house.start("steps_flow", gated(1)).await;
    house.floor.until(|seen| seen.times_began(task, 1) == 1).await;
    let [status] = &house.engine.workers.workers()[..] else { panic!("one worker is on the board") };
    assert_eq!((&status.id, status.concurrency, status.draining), (worker.id(), 8, false));
    assert_eq!(status.running.iter().map(|running| running.task).collect::<Vec<_>>(), [task]);
    house.floor.let_through(1);
    house.until_ended(task).await;
    worker.drain().await;
    assert!(house.engine.workers.workers().is_empty());
}

/// Goal: a flow's own limit holds under all of its names together, and holds up nobody else.
#[tokio::test]
async fn a_flow_has_its_own_limit() {
    let house = House::new();
    let worker = house.worker(16);
    let mut limited = Vec::new();
    for _ in 0..6 {
        limited.push(house.start("limited_flow", gated(1)).await);
    }
    let began = |seen: &crate::house::Seen| limited.iter().filter(|task| seen.times_began(**task, 1) > 0).count();
    house.floor.until(|seen| began(seen) == 2).await;
    // Others pass; afterwards still only two have begun.
    for _ in 0..5 {
        let other = house.start("steps_flow", quick()).await;
        house.until_ended(other).await;
    }
    assert_eq!(began(&house.floor.seen()), 2);
    for done in 1..=6 {
        house.floor.let_through(1);
        house.floor.until(|seen| began(seen) == (done + 2).min(6)).await;
    }
    for task in &limited {
        assert_eq!(house.until_ended(*task).await.state, TaskState::Succeeded);
    }
    worker.drain().await;
}

/// Goal: of twenty tasks run one after the other, four are normal and one is low while high ones wait.
#[tokio::test]
async fn lower_priorities_get_their_share() {
    let house = House::new();
    let (mut normal, mut low) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        house.start_at("steps_flow", quick(), Priority::High).await;
    }
    for _ in 0..10 {
        normal.push(house.start_at("steps_flow", quick(), Priority::Normal).await);
        low.push(house.start_at("steps_flow", quick(), Priority::Low).await);
    }
    let worker = house.worker(1);
    let seen = house.floor.until(|seen| seen.began.len() >= 20).await;
    let first: Vec<_> = seen.began.iter().take(20).map(|(task, _)| *task).collect();
    assert_eq!(first.iter().filter(|task| normal.contains(task)).count(), 4);
    assert_eq!(first.iter().filter(|task| low.contains(task)).count(), 1);
    worker.drain().await;
}
