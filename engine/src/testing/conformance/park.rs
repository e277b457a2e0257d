//! Rules of parking, and of all that can come at the very moment.

use std::time::Duration;

use super::held::{Held, line, wait_for_child, wait_for_signal, wait_until};
use super::trial::Trial;
use crate::ports::{Control, TaskWrite, WriteRefused, Written};
use crate::task::{NewTask, Parent, TaskId, TaskState};

/// How often each race is run: the two sides are close enough for both orders to come up.
const ROUNDS: usize = 25;

/// A task that is parked for the signal `go`.
async fn parked(trial: &Trial) -> Held {
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.park(vec![wait_for_signal("go", trial.now())], None)).await.unwrap();
    held
}

/// Goal: a parked task keeps its waits and costs no claim.
pub async fn a_parked_task_is_held_by_nobody(trial: Trial) {
    let held = parked(&trial).await;
    let record = trial.record(held.task).await;
    assert_eq!((record.state, record.due_at), (TaskState::Waiting, None));
    assert_eq!(record.waits, [wait_for_signal("go", trial.now())]);
    assert!(record.claim.is_none());
    trial.clock.advance(Duration::from_secs(3 * 24 * 3600));
    trial.nothing_is_due().await;
    assert!(trial.store().rescue(10).await.unwrap().is_empty());
    trial.check(held.task).await;
    let answer = trial.store().write(held.go_on(&[line("too late")])).await;
    assert!(matches!(answer, Err(WriteRefused::Stale)), "{answer:?}");
}

/// Goal: a sleep ends by the clock alone, and the next claim finds no open wait.
pub async fn a_timer_brings_a_parked_task_back(trial: Trial) {
    let mut held = trial.running().await;
    let until = trial.now() + Duration::from_secs(3 * 24 * 3600);
    held.send(&*trial.store(), held.park(vec![wait_until(until, trial.now())], Some(until))).await.unwrap();
    let claimed = trial.claim_next(trial.request()).await;
    assert_eq!((claimed.tasks.len(), claimed.next_due), (0, Some(until)));
    trial.clock.advance_to(until);
    let held = trial.claim(held.task).await;
    assert!(trial.record(held.task).await.waits.is_empty());
    trial.check(held.task).await;
}

/// Goal: a timer that runs out while the worker parks is not slept through.
pub async fn a_timer_that_is_over_already_is_due_at_once(trial: Trial) {
    let mut held = trial.running().await;
    let until = trial.now();
    trial.clock.advance(Duration::from_secs(1));
    held.send(&*trial.store(), held.park(vec![wait_until(until, until)], Some(until))).await.unwrap();
    trial.claim(held.task).await;
}

/// Goal: a signal to a parked task is in its log, and the task is due at once and known to be.
pub async fn a_signal_wakes_a_parked_task(trial: Trial) {
    let held = parked(&trial).await;
    trial.hush();
    trial.signal(held.task, "go").await.unwrap();
    trial.line_rings().await;
    trial.check(held.task).await;
    let woken = trial.claim(held.task).await;
    assert_eq!(trial.kinds_after(held.task, held.seen).await, ["signal.received", "task.claimed"]);
    assert_eq!(woken.seen, held.seen + 2);
}

/// Goal: a signal of another name waits for whoever asks for it.
pub async fn a_signal_that_nobody_awaits_wakes_nobody(trial: Trial) {
    let held = parked(&trial).await;
    trial.signal(held.task, "else").await.unwrap();
    trial.nothing_is_due().await;
    assert_eq!(trial.state(held.task).await, TaskState::Waiting);
    assert_eq!(trial.kinds_after(held.task, held.seen).await, ["signal.received"]);
    trial.signal(held.task, "go").await.unwrap();
    trial.claim(held.task).await;
}

async fn park(trial: &Trial, held: &mut Held) -> Result<Written, WriteRefused> {
    let write = held.park(vec![wait_for_signal("go", trial.now())], None);
    held.send(&*trial.store(), write).await
}

/// Goal: a signal that came after the worker last looked is handed back to it instead of being parked over.
pub async fn a_signal_before_the_park_refuses_it(trial: Trial) {
    let mut held = trial.running().await;
    let seq = trial.signal(held.task, "go").await.unwrap().seq;
    let answer = park(&trial, &mut held).await;
    assert!(
        matches!(answer, Err(WriteRefused::NewsCame { head, cancelling: false, pausing: false }) if head == seq),
        "{answer:?}"
    );
    assert_eq!(trial.state(held.task).await, TaskState::Running);
}

/// Goal: the same of a child's end.
pub async fn a_childs_end_before_the_park_refuses_it(trial: Trial) {
    let (mut held, child) = with_child(&trial).await;
    let mut child = trial.claim(child).await;
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    let write = held.park(vec![wait_for_child(&"child".into(), child.task, trial.now())], None);
    let answer = held.send(&*trial.store(), write).await;
    assert!(matches!(answer, Err(WriteRefused::NewsCame { .. })), "{answer:?}");
    assert_eq!(trial.state(held.task).await, TaskState::Running);
}

/// Goal: a task that is being cancelled does not park, also when its worker knows of the question.
pub async fn a_cancel_before_the_park_refuses_it(trial: Trial) {
    let mut held = trial.running().await;
    trial.control(held.task, Control::Cancel).await.unwrap();
    for _ in 0..2 {
        let answer = park(&trial, &mut held).await;
        assert!(matches!(answer, Err(WriteRefused::NewsCame { cancelling: true, .. })), "{answer:?}");
        held.seen = trial.record(held.task).await.head;
    }
    held.send(&*trial.store(), held.end(TaskState::Cancelled)).await.unwrap();
    assert_eq!(trial.kinds_after(held.task, 2).await, ["task.cancelling", "task.cancelled"]);
}

/// Goal: a task that is to pause does not park instead, though a pause leaves no event before it is done.
pub async fn a_pause_before_the_park_refuses_it(trial: Trial) {
    let mut held = trial.running().await;
    trial.control(held.task, Control::Pause).await.unwrap();
    let answer = park(&trial, &mut held).await;
    assert!(matches!(answer, Err(WriteRefused::NewsCame { pausing: true, .. })), "{answer:?}");
    held.send(&*trial.store(), held.pause_as_asked()).await.unwrap();
    let record = trial.record(held.task).await;
    assert_eq!((record.state, record.pausing), (TaskState::Paused, false));
    trial.check(held.task).await;
}

/// Goal: a worker that was refused looks at the news and parks again, under the same number.
pub async fn a_refused_park_can_be_sent_again(trial: Trial) {
    let mut held = trial.running().await;
    held.seen = trial.signal(held.task, "else").await.unwrap().seq;
    trial.signal(held.task, "else").await.unwrap();
    park(&trial, &mut held).await.unwrap_err();
    held.seen += 1;
    park(&trial, &mut held).await.unwrap();
    assert_eq!(trial.state(held.task).await, TaskState::Waiting);
    trial.check(held.task).await;
}

/// A running task with a child in line, which waits under the key `child`.
async fn with_child(trial: &Trial) -> (Held, TaskId) {
    let mut held = trial.running().await;
    let parent = Parent { task: held.task, step: "child".into() };
    let child = NewTask { parent: Some(parent), ..trial.new_task_of("child_flow") };
    let id = child.id;
    let write = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
    held.send(&*trial.store(), write).await.unwrap();
    (held, id)
}

/// Sends the park at the same time as what races with it.
async fn race<T: Send + 'static>(
    trial: &Trial,
    park: TaskWrite,
    other: impl Future<Output = T> + Send + 'static,
) -> (Result<Written, WriteRefused>, T) {
    let store = trial.store();
    let parking = tokio::spawn(async move { store.write(park).await });
    let other = tokio::spawn(other);
    (parking.await.unwrap(), other.await.unwrap())
}

/// Whichever came first: the worker was refused, or the parked task can be claimed.
async fn refused_or_due(trial: &Trial, held: &Held, parked: Result<Written, WriteRefused>) {
    match parked {
        Err(WriteRefused::NewsCame { .. }) => assert_eq!(trial.state(held.task).await, TaskState::Running),
        Ok(_) => drop(trial.claim(held.task).await),
        other => panic!("{other:?}"),
    }
    trial.check(held.task).await;
}

/// Goal: no order of a signal and a park leaves the task asleep over the signal.
pub async fn a_signal_racing_the_park_is_never_lost(trial: Trial) {
    for _ in 0..ROUNDS {
        let held = trial.running().await;
        let (store, task) = (trial.store(), held.task);
        let signal = async move { store.signal(&Default::default(), super::trial::new_signal(task, "go")).await };
        let write = held.park(vec![wait_for_signal("go", trial.now())], None);
        let (parked, signal) = race(&trial, write, signal).await;
        assert!(signal.is_ok());
        refused_or_due(&trial, &held, parked).await;
    }
}

/// Goal: no order of a child's end and a park leaves the parent asleep.
pub async fn a_childs_end_racing_the_park_is_never_lost(trial: Trial) {
    for _ in 0..ROUNDS {
        let (held, child) = with_child(&trial).await;
        let child = trial.claim(child).await;
        let (store, end) = (trial.store(), child.end(TaskState::Succeeded));
        let write = held.park(vec![wait_for_child(&"child".into(), child.task, trial.now())], None);
        let (parked, ended) = race(&trial, write, async move { store.write(end).await }).await;
        ended.unwrap();
        assert!(trial.kinds(held.task).await.contains(&"child.ended"));
        refused_or_due(&trial, &held, parked).await;
    }
}

/// Goal: no order of a cancel and a park leaves the task neither ended nor held by a worker that knows.
pub async fn a_cancel_racing_the_park_is_never_lost(trial: Trial) {
    for _ in 0..ROUNDS {
        let held = trial.running().await;
        let (store, task) = (trial.store(), held.task);
        let cancel = async move { store.control(&Default::default(), task, Control::Cancel).await };
        let write = held.park(vec![wait_for_signal("go", trial.now())], None);
        let (parked, cancelled) = race(&trial, write, cancel).await;
        match (parked, cancelled.unwrap()) {
            (Ok(_), TaskState::Cancelled) => assert_eq!(trial.state(task).await, TaskState::Cancelled),
            (Err(WriteRefused::NewsCame { cancelling: true, .. }), TaskState::Running) => {
                assert!(trial.record(task).await.cancelling);
            }
            other => panic!("{other:?}"),
        }
        trial.check(task).await;
    }
}

/// Goal: the same of a pause.
pub async fn a_pause_racing_the_park_is_never_lost(trial: Trial) {
    for _ in 0..ROUNDS {
        let held = trial.running().await;
        let (store, task) = (trial.store(), held.task);
        let pause = async move { store.control(&Default::default(), task, Control::Pause).await };
        let write = held.park(vec![wait_for_signal("go", trial.now())], None);
        let (parked, paused) = race(&trial, write, pause).await;
        match (parked, paused.unwrap()) {
            (Ok(_), TaskState::Paused) => assert_eq!(trial.state(task).await, TaskState::Paused),
            (Err(WriteRefused::NewsCame { pausing: true, .. }), TaskState::Running) => {
                assert!(trial.record(task).await.pausing);
            }
            other => panic!("{other:?}"),
        }
        trial.check(task).await;
    }
}

/// Goal: a signal at the moment when the timer runs out too brings the task back once.
pub async fn a_signal_racing_the_timer_wakes_once(trial: Trial) {
    for _ in 0..ROUNDS {
        let mut held = trial.running().await;
        let until = trial.now() + Duration::from_secs(1);
        let waits = vec![wait_for_signal("go", trial.now()), wait_until(until, trial.now())];
        held.send(&*trial.store(), held.park(waits, Some(until))).await.unwrap();
        trial.clock.advance_to(until);
        let (store, request) = (trial.store(), trial.request());
        let claiming = tokio::spawn(async move { store.claim_next(request).await.unwrap().tasks.len() });
        trial.signal(held.task, "go").await.unwrap();
        assert_eq!(claiming.await.unwrap(), 1);
        trial.nothing_is_due().await;
        trial.check(held.task).await;
    }
}
