//! Tasks that were there each time their worker died: alone until they finished a step, and nobody starves.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::task::TaskState;
use caudal_engine::testing::clock::TestClock;

use crate::flows::Plan;
use crate::house::House;

fn timed(steps: u32, step_ms: u64, suspect: bool) -> Plan {
    Plan { steps, step_ms: Some(step_ms), suspect }
}

/// Goal: fifty suspects are all cleared, one after the other, none of them beside anything else.
#[tokio::test]
async fn many_suspects_are_cleared_one_by_one() {
    let clock = Arc::new(TestClock::default());
    let house = House::with(None, clock.clone());
    let mut suspects = Vec::new();
    for _ in 0..50 {
        suspects.push(house.start("steps_flow", timed(3, 2, true)).await);
    }
    house.crash_three_times().await;
    clock.advance(Duration::from_secs(60));
    let worker = house.worker(64);
    for task in &suspects {
        let record = house.until_ended(*task).await;
        assert_eq!((record.state, record.takeovers), (TaskState::Succeeded, 0));
    }
    assert!(house.floor.seen().in_company.is_empty(), "a suspect ran beside another task");
    worker.drain().await;
}

/// Goal: a suspect that comes while others run waits until they are through or handed back, is alone for one step,
/// and the others go on after that.
#[tokio::test]
async fn a_suspect_gets_the_worker_for_itself() {
    let clock = Arc::new(TestClock::default());
    let house = House::with(None, clock.clone());
    let suspect = house.start("steps_flow", timed(2, 5, true)).await;
    house.crash_three_times().await;
    let worker = house.worker(16);
    let mut others = Vec::new();
    for _ in 0..8 {
        // More steps than the worker waits for by itself: these are handed back.
        others.push(house.start("steps_flow", timed(1000, 50, false)).await);
    }
    house.floor.until(|seen| seen.present.len() == 8).await;
    clock.advance(Duration::from_secs(60));
    // The line has changed without a ring: a test clock wakes whoever sleeps until the due time.
    house.floor.until(|seen| seen.times_began(suspect, 1) == 1).await;
    let record = house.until_ended(suspect).await;
    assert_eq!((record.state, record.takeovers), (TaskState::Succeeded, 0));
    assert!(house.floor.seen().in_company.is_empty(), "the suspect ran beside another task");
    // They were handed back, and go on after their last finished step.
    let began = house.floor.seen().began.len();
    let seen = house.floor.until(|seen| seen.began.len() > began + 20).await;
    for task in &others {
        let steps = seen.began.iter().filter(|(of, _)| of == task).map(|(_, step)| *step);
        assert!(steps.eq(1..=seen.began.iter().filter(|(of, _)| of == task).count() as u32), "a step ran again");
    }
    worker.drain().await;
}
