//! Rules of claiming.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::trial::{FLOW, Trial};
use crate::ports::{ClaimKind, ClaimRequest, KnownFlow};
use crate::task::{NewTask, Priority, TaskId, TaskState, WireState};

async fn taken(trial: &Trial, request: ClaimRequest) -> Vec<TaskId> {
    trial.claim_next(request).await.tasks.into_iter().map(|claimed| claimed.task.id).collect()
}

fn at_version(trial: &Trial, version: u32) -> ClaimRequest {
    ClaimRequest { flows: [KnownFlow { name: FLOW.into(), version, free: None }].into(), ..trial.request() }
}

fn with_free(trial: &Trial, free: usize, most: usize) -> ClaimRequest {
    let flows = [KnownFlow { name: FLOW.into(), version: 1, free: Some(free) }];
    ClaimRequest { flows: flows.into(), most, ..trial.request() }
}

/// Goal: a claim is state, log and answer in one.
pub async fn a_claim_makes_the_task_run(trial: Trial) {
    let task = trial.start().await;
    let claimed = trial.claim_next(trial.request()).await.tasks.remove(0);
    assert_eq!(claimed.task.id, task);
    assert_eq!((claimed.task.state, claimed.task.head), (TaskState::Running, 2));
    assert_eq!(trial.kinds(task).await, ["task.created", "task.claimed"]);
    let record = trial.record(task).await;
    assert_eq!(record.claim, Some((claimed.claim, trial.request().worker)));
    assert_eq!((record.due_at, record.started_at, record.ran_version), (None, Some(trial.now()), 1));
    assert_eq!(record.wire_state(), WireState::Progress);
    trial.nothing_is_due().await;
    trial.check(task).await;
}

/// Goal: tasks of flows that a worker does not know stay in line.
pub async fn a_worker_gets_only_what_it_knows(trial: Trial) {
    let known = trial.start().await;
    let other = trial.create(trial.new_task_of("other_flow")).await;
    let many = ClaimRequest { most: 10, ..trial.request_for(&["other_flow", "third_flow"]) };
    assert_eq!(taken(&trial, many).await, [other]);
    let nothing = trial.claim_next(trial.request_for(&["third_flow"])).await;
    assert!(nothing.tasks.is_empty() && nothing.next_due.is_none());
    trial.claim(known).await;
}

/// Goal: neither a version below the one at creation nor one below what ran last gets the task.
pub async fn old_code_never_runs_newer_tasks(trial: Trial) {
    let task = trial.create(NewTask { version: 2, ..trial.new_task() }).await;
    let old = trial.claim_next(at_version(&trial, 1)).await;
    assert!(old.tasks.is_empty() && old.next_due.is_none());
    let newer = trial.claim_next(at_version(&trial, 5)).await.tasks.remove(0);
    assert_eq!((newer.task.version, newer.task.ran_version), (2, 5));
    let mut held = super::held::Held::new(&newer, trial.clock.clone());
    held.send(&*trial.store(), held.release(trial.now())).await.unwrap();
    assert!(taken(&trial, at_version(&trial, 4)).await.is_empty());
    assert_eq!(taken(&trial, at_version(&trial, 5)).await, [task]);
}

/// Goal: within a priority, who is due first goes first, whenever it was created.
pub async fn first_in_is_first_out(trial: Trial) {
    let late = trial.create(NewTask { due_at: trial.now() + Duration::from_secs(9), ..trial.new_task() }).await;
    let mut expected = Vec::new();
    for _ in 0..4 {
        expected.push(trial.start().await);
    }
    expected.push(late);
    trial.clock.advance(Duration::from_secs(10));
    assert_eq!(taken(&trial, trial.request()).await, expected[..1]);
    assert_eq!(taken(&trial, ClaimRequest { most: 10, ..trial.request() }).await, expected[1..]);
}

/// Goal: of 20 claims 4 go to normal and 1 to low, if they wait; the turn is counted by the worker.
pub async fn every_priority_gets_its_share(trial: Trial) {
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        for _ in 0..16 {
            trial.create(NewTask { priority, ..trial.new_task() }).await;
        }
    }
    let mut served = Vec::new();
    for turn in [0, 5, 10, 15] {
        let claimed = trial.claim_next(ClaimRequest { most: 5, turn, ..trial.request() }).await;
        served.extend(claimed.tasks.into_iter().map(|claimed| claimed.task.priority));
    }
    let expected: Vec<Priority> = (0..20).map(|turn| Priority::order_at(turn)[0]).collect();
    assert_eq!(served, expected);
    let rest = trial.claim_next(ClaimRequest { most: 100, ..trial.request() }).await;
    assert_eq!(rest.tasks.len(), 48 - 20, "a priority with nothing in line leaves its turn to the others");
}

/// Goal: a limit of one flow holds, and does not hold up the others.
pub async fn a_flow_takes_only_its_free_places(trial: Trial) {
    for _ in 0..3 {
        trial.start().await;
    }
    let other = trial.create(trial.new_task_of("other_flow")).await;
    let flows = [
        KnownFlow { name: FLOW.into(), version: 1, free: Some(2) },
        KnownFlow { name: "other_flow".into(), version: 1, free: None },
    ];
    let request = ClaimRequest { flows: Arc::from(flows), most: 10, ..trial.request() };
    let claimed = taken(&trial, request).await;
    assert_eq!(claimed.len(), 3);
    assert!(claimed.contains(&other));
}

/// Goal: a worker that lost every ring still knows when to ask again.
pub async fn a_claim_says_when_to_ask_again(trial: Trial) {
    assert_eq!(trial.claim_next(trial.request()).await.next_due, None, "nothing is in line");
    let (first, second) = (trial.start().await, trial.start().await);
    let later = trial.now() + Duration::from_secs(60);
    trial.create(NewTask { due_at: later, ..trial.new_task() }).await;
    let claimed = trial.claim_next(trial.request()).await;
    assert_eq!(claimed.tasks[0].task.id, first);
    assert!(claimed.next_due.is_some_and(|due_at| due_at <= trial.now()), "not all were taken");
    let claimed = trial.claim_next(trial.request()).await;
    assert_eq!(claimed.tasks[0].task.id, second);
    assert_eq!(claimed.next_due, Some(later));
}

/// Goal: due tasks that the worker has no place for do not make it ask again and again.
pub async fn a_full_flow_does_not_call_its_worker(trial: Trial) {
    for _ in 0..3 {
        trial.start().await;
    }
    let claimed = trial.claim_next(with_free(&trial, 1, 10)).await;
    assert_eq!((claimed.tasks.len(), claimed.next_due), (1, None));
    let claimed = trial.claim_next(with_free(&trial, 0, 10)).await;
    assert_eq!((claimed.tasks.len(), claimed.next_due), (0, None));
}

/// Goal: from the third takeover on, a task is given only to a worker that runs nothing beside it.
pub async fn a_suspect_is_claimed_alone(mut trial: Trial) {
    let task = trial.start().await;
    for _ in 0..3 {
        trial.claim(task).await;
        trial.crash().await;
    }
    assert!(!trial.claim_next(trial.request()).await.suspect_due, "its backoff is not over");
    trial.clock.advance(Duration::from_secs(60));
    let beside = trial.start().await;
    let ordinary = trial.claim_next(ClaimRequest { most: 10, ..trial.request() }).await;
    assert_eq!(ordinary.tasks.iter().map(|claimed| claimed.task.id).collect::<Vec<_>>(), [beside]);
    assert!(ordinary.suspect_due);
    assert_eq!(ordinary.next_due, None, "it is told of by its own flag");
    let alone = ClaimRequest { most: 10, kind: ClaimKind::Suspect, ..trial.request() };
    trial.start().await;
    let suspect = trial.claim_next(alone.clone()).await;
    assert_eq!(suspect.tasks.iter().map(|claimed| claimed.task.id).collect::<Vec<_>>(), [task]);
    assert!(!suspect.suspect_due);
    assert!(taken(&trial, alone).await.is_empty(), "the ordinary is not taken by who asks for a suspect");
}

/// Goal: however many ask at once, a task goes to one of them.
pub async fn racing_claims_never_give_a_task_twice(trial: Trial) {
    let mut expected = HashSet::new();
    for _ in 0..60 {
        expected.insert(trial.start().await);
    }
    let claimers = (0..8).map(|_| {
        let (store, request) = (trial.store(), ClaimRequest { most: 3, ..trial.request() });
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let claimed = store.claim_next(request.clone()).await.unwrap().tasks;
                if claimed.is_empty() {
                    break taken;
                }
                taken.extend(claimed.into_iter().map(|claimed| claimed.task.id));
            }
        })
    });
    let taken = futures_util::future::join_all(claimers).await;
    let taken: Vec<TaskId> = taken.into_iter().flat_map(|taken| taken.unwrap()).collect();
    assert_eq!(taken.len(), 60);
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), expected);
    for task in expected {
        assert_eq!(trial.kinds(task).await, ["task.created", "task.claimed"]);
    }
}
