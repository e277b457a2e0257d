//! Rules of cancel, pause and resume.

use std::time::Duration;

use super::held::{Held, line, wait_for_signal};
use super::trial::Trial;
use crate::ports::{Control, ControlRefused, TaskWrite, WriteRefused};
use crate::task::event::TaskCreated;
use crate::task::{Fact, TaskId, TaskState, Tenant, WireState};

/// A task in each state in which nobody runs it.
async fn at_rest(trial: &Trial) -> [TaskId; 4] {
    let mut parked = trial.running().await;
    parked.send(&*trial.store(), parked.park(vec![wait_for_signal("go", trial.now())], None)).await.unwrap();
    let mut asleep = trial.running().await;
    let later = trial.now() + Duration::from_secs(60);
    asleep.send(&*trial.store(), asleep.park(Vec::new(), Some(later))).await.unwrap();
    let paused = trial.start().await;
    trial.control(paused, Control::Pause).await.unwrap();
    [parked.task, asleep.task, paused, trial.start().await]
}

/// Goal: a task that nobody runs is cancelled in the operation that asks for it.
pub async fn cancel_ends_what_nobody_runs(trial: Trial) {
    for task in at_rest(&trial).await {
        let head = trial.record(task).await.head;
        assert_eq!(trial.control(task, Control::Cancel).await.unwrap(), TaskState::Cancelled);
        assert_eq!(trial.kinds_after(task, head).await, ["task.cancelling", "task.cancelled"]);
        trial.check(task).await;
    }
    trial.clock.advance(Duration::from_secs(3600));
    trial.nothing_is_due().await;
}

/// Goal: a running task is asked, hears it in the answer to its next write, and ends itself.
pub async fn cancel_asks_what_runs(trial: Trial) {
    let mut held = trial.running().await;
    assert_eq!(trial.control(held.task, Control::Cancel).await.unwrap(), TaskState::Running);
    assert!(trial.record(held.task).await.cancelling);
    let answer = held.send(&*trial.store(), held.go_on(&[line("cleaning up")])).await.unwrap();
    assert!(answer.cancelling);
    held.send(&*trial.store(), held.end(TaskState::Cancelled)).await.unwrap();
    assert_eq!(trial.kinds_after(held.task, 2).await, ["task.cancelling", "log", "task.cancelled"]);
    trial.check(held.task).await;
}

/// Goal: a drain in the middle of a cancel does not forget it; asked again, it ends without a second question.
pub async fn a_cancelling_task_can_be_handed_over(trial: Trial) {
    let mut held = trial.running().await;
    trial.control(held.task, Control::Cancel).await.unwrap();
    held.seen = trial.record(held.task).await.head;
    held.send(&*trial.store(), held.release(trial.now())).await.unwrap();
    assert!(trial.record(held.task).await.cancelling);
    // Paused, nobody would bring it to its end.
    assert_eq!(trial.control(held.task, Control::Pause).await.unwrap(), TaskState::Queued);
    assert_eq!(trial.control(held.task, Control::Cancel).await.unwrap(), TaskState::Cancelled);
    assert_eq!(trial.kinds_after(held.task, 2).await, ["task.cancelling", "task.released", "task.cancelled"]);
}

/// Goal: a pause before the first claim does not shorten the time for which a start was put off.
pub async fn a_pause_keeps_a_delay(trial: Trial) {
    let due_at = trial.now() + Duration::from_secs(60);
    let mut new = trial.new_task();
    new.due_at = due_at;
    let created = TaskCreated {
        flow: new.flow.clone(),
        version: new.version,
        retry_of: None,
        parent: None,
        continued_from: None,
        due_at: Some(due_at),
    };
    new.events = vec![Fact::from(created).encode(trial.now())];
    let task = trial.create(new).await;
    trial.control(task, Control::Pause).await.unwrap();
    trial.control(task, Control::Resume).await.unwrap();
    assert_eq!(trial.record(task).await.due_at, Some(due_at));
    trial.nothing_is_due().await;
}

/// Goal: asking twice is asking once.
pub async fn cancel_can_be_repeated(trial: Trial) {
    let held = trial.running().await;
    let rest = trial.start().await;
    for task in [held.task, rest] {
        let first = trial.control(task, Control::Cancel).await.unwrap();
        let before = trial.picture(task).await;
        assert_eq!(trial.control(task, Control::Cancel).await.unwrap(), first);
        assert_eq!(trial.picture(task).await, before);
    }
}

/// Goal: what has succeeded stays so.
pub async fn a_stored_success_wins_over_cancel(trial: Trial) {
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    let answer = trial.control(held.task, Control::Cancel).await;
    assert!(matches!(answer, Err(ControlRefused::WrongState { state: WireState::Success })), "{answer:?}");
    assert_eq!(trial.state(held.task).await, TaskState::Succeeded);
}

/// Goal: a flow that came to its end before it heard the question has succeeded.
pub async fn a_success_after_the_question_is_kept(trial: Trial) {
    let mut held = trial.running().await;
    trial.control(held.task, Control::Cancel).await.unwrap();
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(trial.kinds_after(held.task, 2).await, ["task.cancelling", "task.succeeded"]);
    assert_eq!(trial.state(held.task).await, TaskState::Succeeded);
    trial.check(held.task).await;
}

/// Goal: a success and a cancel at the same moment make one end.
pub async fn success_and_cancel_racing_end_once(trial: Trial) {
    for _ in 0..25 {
        let held = trial.running().await;
        let (store, end, task) = (trial.store(), held.end(TaskState::Succeeded), held.task);
        let ending = tokio::spawn(async move { store.write(end).await });
        let answer = trial.control(task, Control::Cancel).await;
        ending.await.unwrap().unwrap();
        assert!(matches!(answer, Ok(TaskState::Running) | Err(ControlRefused::WrongState { .. })), "{answer:?}");
        assert_eq!(trial.state(task).await, TaskState::Succeeded);
        trial.check(task).await;
    }
}

/// Goal: a task that nobody runs pauses at once, and neither timer nor signal brings it back.
pub async fn pause_stops_what_nobody_runs(trial: Trial) {
    for task in at_rest(&trial).await {
        let was = trial.state(task).await;
        let head = trial.record(task).await.head;
        for _ in 0..2 {
            assert_eq!(trial.control(task, Control::Pause).await.unwrap(), TaskState::Paused);
        }
        let told: &[&str] = if was == TaskState::Paused { &[] } else { &["task.paused"] };
        assert_eq!(trial.kinds_after(task, head).await, told);
        trial.signal(task, "go").await.unwrap();
        trial.check(task).await;
    }
    trial.clock.advance(Duration::from_secs(3600));
    trial.nothing_is_due().await;
}

/// Goal: a running task is asked to pause by a flag that its next write's answer shows, and pauses by its own write.
pub async fn pause_asks_what_runs(trial: Trial) {
    let mut held = trial.running().await;
    for _ in 0..2 {
        assert_eq!(trial.control(held.task, Control::Pause).await.unwrap(), TaskState::Running);
    }
    assert!(trial.record(held.task).await.pausing);
    let answer = held.send(&*trial.store(), held.go_on(&[line("finishing a step")])).await.unwrap();
    assert!(answer.pausing);
    held.send(&*trial.store(), held.pause_as_asked()).await.unwrap();
    assert_eq!(trial.kinds_after(held.task, 2).await, ["log", "task.paused"]);
    assert_eq!(trial.state(held.task).await, TaskState::Paused);
    trial.nothing_is_due().await;
    trial.check(held.task).await;
}

/// Goal: a resumed task is claimed at once, wherever it stood, and makes its waits anew.
pub async fn resume_puts_a_paused_task_in_line(trial: Trial) {
    let mut parked = trial.running().await;
    parked.send(&*trial.store(), parked.park(vec![wait_for_signal("go", trial.now())], None)).await.unwrap();
    trial.control(parked.task, Control::Pause).await.unwrap();
    trial.hush();
    assert_eq!(trial.control(parked.task, Control::Resume).await.unwrap(), TaskState::Queued);
    trial.line_rings().await;
    assert_eq!(trial.control(parked.task, Control::Resume).await.unwrap(), TaskState::Queued, "a repeat");
    assert_eq!(trial.kinds_after(parked.task, parked.seen).await, ["task.paused", "task.resumed"]);
    trial.check(parked.task).await;
    let held = trial.claim(parked.task).await;
    assert!(trial.record(held.task).await.waits.is_empty());
}

/// Goal: a pause that was not carried out yet is taken back without a trace.
pub async fn resume_takes_a_pause_back(trial: Trial) {
    let mut held = trial.running().await;
    trial.control(held.task, Control::Pause).await.unwrap();
    assert_eq!(trial.control(held.task, Control::Resume).await.unwrap(), TaskState::Running);
    assert!(!trial.record(held.task).await.pausing);
    held.send(&*trial.store(), held.park(Vec::new(), Some(trial.now()))).await.unwrap();
    assert_eq!(trial.kinds_after(held.task, 2).await, ["task.waiting"]);
}

/// Goal: a resume that was answered is not undone by the pause that was on its way then; what pauses by itself does.
pub async fn a_pause_that_was_taken_back_is_refused(trial: Trial) {
    let mut held = trial.running().await;
    trial.control(held.task, Control::Pause).await.unwrap();
    assert_eq!(trial.control(held.task, Control::Resume).await.unwrap(), TaskState::Running);
    let before = trial.picture(held.task).await;
    let answer = trial.store().write(held.pause_as_asked()).await;
    assert!(matches!(answer, Err(WriteRefused::NewsCame { pausing: false, .. })), "{answer:?}");
    assert_eq!(trial.picture(held.task).await, before);
    trial.control(held.task, Control::Pause).await.unwrap();
    held.send(&*trial.store(), held.pause_as_asked()).await.unwrap();
    assert_eq!(trial.state(held.task).await, TaskState::Paused);
    trial.check(held.task).await;
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.pause()).await.unwrap();
    assert_eq!(trial.state(held.task).await, TaskState::Paused);
}

/// Goal: resuming what is not paused changes nothing, so that it can be repeated.
pub async fn resume_of_what_goes_on_does_nothing(trial: Trial) {
    let [parked, asleep, _, queued] = at_rest(&trial).await;
    for task in [parked, asleep, queued] {
        let before = trial.picture(task).await;
        let state = trial.state(task).await;
        assert_eq!(trial.control(task, Control::Resume).await.unwrap(), state);
        assert_eq!(trial.picture(task).await, before);
    }
}

/// Goal: the answer for an ended task says how it ended; a cancelled one may be cancelled again.
pub async fn controls_of_the_ended_are_refused(trial: Trial) {
    let ends = [
        (TaskState::Succeeded, WireState::Success),
        (TaskState::Failed, WireState::Failure),
        (TaskState::Cancelled, WireState::Cancelled),
    ];
    for (state, wire) in ends {
        let mut held = trial.running().await;
        held.send(&*trial.store(), held.end(state)).await.unwrap();
        for control in [Control::Cancel, Control::Pause, Control::Resume] {
            let answer = trial.control(held.task, control).await;
            if (state, control) == (TaskState::Cancelled, Control::Cancel) {
                assert_eq!(answer.unwrap(), TaskState::Cancelled);
            } else {
                assert!(
                    matches!(answer, Err(ControlRefused::WrongState { state }) if state == wire),
                    "{control:?} of {wire:?}: {answer:?}"
                );
            }
        }
        trial.check(held.task).await;
    }
}

/// Goal: a task that is not there, or not the asker's, cannot be told apart.
pub async fn controls_of_the_unknown_are_refused(trial: Trial) {
    let (task, other) = (trial.start().await, Tenant::new("other"));
    for control in [Control::Cancel, Control::Pause, Control::Resume] {
        for answer in
            [trial.control(trial.new_task().id, control).await, trial.store().control(&other, task, control).await]
        {
            assert!(matches!(answer, Err(ControlRefused::NotFound)), "{answer:?}");
        }
    }
    assert_eq!(trial.state(task).await, TaskState::Queued);
}

/// Goal: many controls and a working worker at once leave a sound log and, with a cancel among them, an end.
pub async fn racing_controls_leave_a_sound_log(trial: Trial) {
    for round in 0..10 {
        let held = trial.running().await;
        let task = held.task;
        let controls = (0..12).map(|place| {
            let control = [Control::Pause, Control::Resume, Control::Cancel][(place + round) % 3];
            let store = trial.store();
            tokio::spawn(async move { store.control(&Tenant::default(), task, control).await.is_ok() })
        });
        let controls: Vec<_> = controls.collect();
        work_until_cancelled(&trial, held).await;
        for control in controls {
            control.await.unwrap();
        }
        assert_eq!(trial.state(task).await, TaskState::Cancelled);
        let kinds = trial.kinds(task).await;
        assert_eq!(kinds.iter().filter(|kind| **kind == "task.cancelling").count(), 1);
        trial.check(task).await;
    }
}

async fn work_until_cancelled(trial: &Trial, mut held: Held) {
    loop {
        let write: TaskWrite = held.go_on(&[line("working")]);
        match held.send(&*trial.store(), write).await {
            Ok(answer) if answer.cancelling => break,
            Ok(_) => tokio::task::yield_now().await,
            Err(WriteRefused::Stale) => return,
            Err(other) => panic!("{other:?}"),
        }
    }
    held.send(&*trial.store(), held.end(TaskState::Cancelled)).await.unwrap();
}
