//! Rules of the bounds that a store keeps.

use super::held::{Held, line};
use super::trial::{LINE, Trial, new_signal};
use crate::ports::{Control, CreateRefused, NewSignal, SignalAccepted, SignalRefused, TaskWrite};
use crate::task::{NewTask, Parent, TaskState, Tenant};

/// Fills the tenant's line up to its bound.
async fn fill(trial: &Trial) {
    let tasks: Vec<NewTask> = (0..LINE).map(|_| trial.new_task()).collect();
    for created in trial.store().create(tasks).await.unwrap() {
        assert!(created.unwrap().new);
    }
}

/// Goal: a tenant that fills its line is told so, alone, and until there is room again.
pub async fn the_line_of_a_tenant_is_bounded(trial: Trial) {
    fill(&trial).await;
    let elsewhere = NewTask { tenant: Tenant::new("other"), ..trial.new_task() };
    let answers = trial.store().create(vec![trial.new_task(), elsewhere, trial.new_task()]).await.unwrap();
    assert_eq!(answers[0], Err(CreateRefused::LineFull));
    assert!(answers[1].as_ref().is_ok_and(|created| created.new), "one refused does not touch the others");
    assert_eq!(answers[2], Err(CreateRefused::LineFull));
    let refused = trial.new_task();
    let id = refused.id;
    assert_eq!(trial.store().create(vec![refused.clone()]).await.unwrap(), [Err(CreateRefused::LineFull)]);
    assert!(trial.store().task(&Tenant::default(), id).await.unwrap().is_none());
    let first = trial.claim_next(trial.request()).await.tasks.remove(0);
    let mut held = Held::new(&first, trial.clock.clone());
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    assert!(trial.store().create(vec![refused]).await.unwrap()[0].as_ref().unwrap().new);
}

/// Goal: a full line refuses new starts only: what has begun goes on, has children, pauses, resumes and ends.
pub async fn what_goes_on_passes_a_full_line(trial: Trial) {
    fill(&trial).await;
    let first = trial.claim_next(trial.request()).await.tasks.remove(0);
    let mut held = Held::new(&first, trial.clock.clone());
    let parent = Some(Parent { task: held.task, step: "child".into() });
    let child = NewTask { parent, ..trial.new_task_of("child_flow") };
    let id = child.id;
    let write = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
    held.send(&*trial.store(), write).await.unwrap();
    assert_eq!(trial.state(id).await, TaskState::Queued);
    held.send(&*trial.store(), held.pause()).await.unwrap();
    assert_eq!(trial.control(held.task, Control::Resume).await.unwrap(), TaskState::Queued);
    assert_eq!(trial.control(held.task, Control::Cancel).await.unwrap(), TaskState::Cancelled);
    assert_eq!(trial.state(id).await, TaskState::Cancelled);
}

/// Goal: signals of ever new names are bounded, too: a log that is full takes no more of them, and all else goes on.
pub async fn a_full_log_takes_no_signals(trial: Trial) {
    let mut held = trial.running().await;
    let store = trial.store();
    let send = async |name: &str| {
        let signal = NewSignal { most_events: 5, ..new_signal(held.task, name) };
        store.signal(&Tenant::default(), signal).await
    };
    for name in ["a", "b", "c"] {
        send(name).await.unwrap();
    }
    for name in ["d", "approval-1"] {
        let full = send(name).await;
        assert!(matches!(full, Err(SignalRefused::TooMany)), "{full:?}");
    }
    assert_eq!(trial.kinds_after(held.task, 2).await, ["signal.received"; 3]);
    held.send(&*trial.store(), held.go_on(&[line("more")])).await.unwrap();
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    trial.check(held.task).await;
}

/// Goal: signals that nobody consumes are bounded per name; consuming one makes room.
pub async fn waiting_signals_are_bounded_per_name(trial: Trial) {
    let mut held = trial.running().await;
    let few = |name: &str| NewSignal { most_pending: 2, ..new_signal(held.task, name) };
    let (go, stop) = (few("go"), few("stop"));
    let store = trial.store();
    let send = |signal: &NewSignal| {
        let (store, signal) = (store.clone(), signal.clone());
        async move { store.signal(&Tenant::default(), signal).await }
    };
    let SignalAccepted { seq } = send(&go).await.unwrap();
    send(&go).await.unwrap();
    let full = send(&go).await;
    assert!(matches!(full, Err(SignalRefused::TooMany)), "{full:?}");
    send(&stop).await.unwrap();
    let consumed = TaskWrite { signals_taken: vec![seq], ..held.go_on(&[line("consumed")]) };
    held.send(&*store, consumed).await.unwrap();
    send(&go).await.unwrap();
    assert!(matches!(send(&go).await, Err(SignalRefused::TooMany)));
    let kinds = trial.kinds_after(held.task, 2).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == "signal.received").count(), 4, "a refused one leaves no event");
}
