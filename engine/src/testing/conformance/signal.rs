//! Rules of signals.

use std::time::Duration;

use super::held::line;
use super::trial::{Trial, new_signal};
use crate::ports::{Control, NewSignal, SignalAccepted, SignalRefused, TaskWrite};
use crate::task::{Fact, Json, TaskState, Tenant, WireState};

const APPROVAL: &str = "approval-a1";

async fn send(trial: &Trial, signal: NewSignal) -> Result<SignalAccepted, SignalRefused> {
    trial.store().signal(&Tenant::default(), signal).await
}

/// Goal: a signal is in the log with its value as it came, and its number is the answer.
pub async fn a_signal_is_an_event_with_a_number(trial: Trial) {
    let task = trial.start().await;
    let value = Json::from_text(r#"{"n":18446744073709551615,"list":[],"nul":"\u0000"}"#).unwrap();
    let accepted = send(&trial, NewSignal { value: value.clone(), ..new_signal(task, "go") }).await.unwrap();
    assert_eq!(accepted.seq, 2);
    let log = trial.log(task).await;
    let Fact::SignalReceived(received) = &log[1].fact else { panic!("{:?}", log[1]) };
    assert_eq!((&*received.name, &received.value), ("go", &value));
    assert_eq!(send(&trial, new_signal(task, "go")).await.unwrap().seq, 3, "without an id each is a new one");
    trial.check(task).await;
}

/// Goal: a sender may repeat a signal under its own name for it, also when the task has ended meanwhile.
pub async fn a_repeated_signal_is_taken_once(trial: Trial) {
    let mut held = trial.running().await;
    let named = |id: &str| NewSignal { id: Some(id.into()), ..new_signal(held.task, "go") };
    let (first, second) = (named("s1"), named("s2"));
    let accepted = send(&trial, first.clone()).await.unwrap();
    assert_eq!(send(&trial, first.clone()).await.unwrap(), accepted);
    assert_ne!(send(&trial, second).await.unwrap(), accepted);
    let other = trial.start().await;
    let elsewhere = NewSignal { task: other, ..first.clone() };
    assert_eq!(send(&trial, elsewhere).await.unwrap().seq, 2, "the name counts for its task only");
    let consumed = TaskWrite { signals_taken: vec![accepted.seq], ..held.go_on(&[line("consumed")]) };
    held.send(&*trial.store(), consumed).await.unwrap();
    assert_eq!(send(&trial, first.clone()).await.unwrap(), accepted, "consumed or not");
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    let before = trial.picture(held.task).await;
    assert_eq!(send(&trial, first).await.unwrap(), accepted);
    assert_eq!(trial.picture(held.task).await, before);
}

/// Goal: a signal is never refused because of the moment: it waits in the log of any task that has not ended.
pub async fn a_signal_is_kept_whatever_the_task_does(trial: Trial) {
    let delayed = crate::task::NewTask { due_at: trial.now() + Duration::from_secs(60), ..trial.new_task() };
    let queued = trial.create(delayed).await;
    let paused = trial.start().await;
    trial.control(paused, Control::Pause).await.unwrap();
    let running = trial.running().await.task;
    for task in [queued, paused, running] {
        let (state, head) = (trial.state(task).await, trial.record(task).await.head);
        trial.signal(task, "go").await.unwrap();
        assert_eq!((trial.state(task).await, trial.record(task).await.head), (state, head + 1));
        assert_eq!(trial.kinds_after(task, head).await, ["signal.received"]);
        trial.check(task).await;
    }
    trial.nothing_is_due().await;
}

/// Goal: the second answer to an approval is told so, also after the first was consumed and the task has ended.
pub async fn an_approval_is_answered_once(trial: Trial) {
    let mut held = trial.running().await;
    let first = NewSignal { id: Some("click".into()), ..new_signal(held.task, APPROVAL) };
    let accepted = send(&trial, first.clone()).await.unwrap();
    let second = || send(&trial, new_signal(held.task, APPROVAL));
    assert!(matches!(second().await, Err(SignalRefused::AlreadyAnswered)));
    assert_eq!(send(&trial, first).await.unwrap(), accepted, "a repeat is no second answer");
    trial.signal(held.task, "approval-a2").await.unwrap();
    let consumed = TaskWrite { signals_taken: vec![accepted.seq], ..held.go_on(&[line("consumed")]) };
    held.send(&*trial.store(), consumed).await.unwrap();
    let after = send(&trial, new_signal(held.task, APPROVAL)).await;
    assert!(matches!(after, Err(SignalRefused::AlreadyAnswered)), "{after:?}");
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    let ended = send(&trial, new_signal(held.task, APPROVAL)).await;
    assert!(matches!(ended, Err(SignalRefused::AlreadyAnswered)), "{ended:?}");
    trial.check(held.task).await;
}

/// Goal: of two people who answer at the same moment one is told that it was answered.
pub async fn racing_answers_of_an_approval_are_taken_once(trial: Trial) {
    let task = trial.start().await;
    let answers = (0..8).map(|_| {
        let store = trial.store();
        tokio::spawn(async move { store.signal(&Tenant::default(), new_signal(task, APPROVAL)).await })
    });
    let mut accepted = 0;
    for answer in futures_util::future::join_all(answers).await {
        match answer.unwrap() {
            Ok(_) => accepted += 1,
            Err(SignalRefused::AlreadyAnswered) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted, 1);
    assert_eq!(trial.kinds(task).await, ["task.created", "signal.received"]);
}

/// Goal: nobody is told that a signal was taken which nobody will read.
pub async fn signals_of_the_ended_are_refused(trial: Trial) {
    let task = trial.start().await;
    trial.control(task, Control::Cancel).await.unwrap();
    for name in ["go", APPROVAL] {
        let answer = trial.signal(task, name).await;
        assert!(matches!(answer, Err(SignalRefused::WrongState { state: WireState::Cancelled })), "{answer:?}");
    }
    trial.check(task).await;
}

/// Goal: a task that is not there, or not the sender's, cannot be told apart.
pub async fn signals_of_the_unknown_are_refused(trial: Trial) {
    let task = trial.start().await;
    let unknown = trial.signal(trial.new_task().id, "go").await;
    let elsewhere = trial.store().signal(&Tenant::new("other"), new_signal(task, "go")).await;
    for answer in [unknown, elsewhere] {
        assert!(matches!(answer, Err(SignalRefused::NotFound)), "{answer:?}");
    }
    assert_eq!(trial.kinds(task).await, ["task.created"]);
}
