//! Rules of the one write of a running task.

use std::collections::HashSet;
use std::time::Duration;

use super::held::{Held, line, wait_for_signal};
use super::trial::Trial;
use crate::notification::{Channel, NewNotification, NotificationId};
use crate::ports::{Control, ControlRefused, TaskWrite, WriteRefused, Written};
use crate::task::event::{Chunk, StepStarted, StepSucceeded};
use crate::task::{Claim, Event, Fact, Json, NewTask, Parent, TaskId, TaskState};

/// A write of every kind, each with all that it can carry.
fn every_write(trial: &Trial, held: &Held, signal: u64) -> Vec<TaskWrite> {
    let now = trial.now();
    let mut writes = vec![
        held.go_on(&[]),
        held.go_on(&[line("one"), line("two")]),
        TaskWrite { step_finished: true, ..held.go_on(&[line("step")]) },
        TaskWrite { signals_taken: vec![signal], ..held.go_on(&[line("taken")]) },
        TaskWrite { children: vec![child_of(trial, held.task)], ..held.go_on(&[line("child")]) },
        TaskWrite { compact_from: Some(1), ..held.go_on(&[line("merged")]) },
        held.park(vec![wait_for_signal("go", now)], None),
        held.park(Vec::new(), Some(now + Duration::from_secs(3))),
        held.release(now),
        held.pause(),
        held.end(TaskState::Succeeded),
        held.end(TaskState::Failed),
        held.end(TaskState::Cancelled),
        held.continue_in(continued(trial, held.task)),
    ];
    let notification = NewNotification {
        id: NotificationId::from_bytes([1; 16]),
        channel: Channel::Mail,
        recipient: "a@example.org".into(),
        body: Json::null(),
    };
    writes.push(TaskWrite { notifications: vec![notification], ..held.go_on(&[line("mail")]) });
    writes
}

fn child_of(trial: &Trial, parent: TaskId) -> NewTask {
    NewTask { parent: Some(Parent { task: parent, step: "child".into() }), ..trial.new_task_of("child_flow") }
}

fn continued(trial: &Trial, task: TaskId) -> NewTask {
    let mut next = trial.new_task_of("child_flow");
    next.options.continued_from = Some(task);
    next
}

/// Goal: the store numbers events; the answer says where they went.
pub async fn events_get_the_next_numbers(trial: Trial) {
    let mut held = trial.running().await;
    let going_on = |first, head| Written { first, head, cancelling: false, pausing: false };
    let answer = held.send(&*trial.store(), held.go_on(&[line("a"), line("b"), line("c")])).await.unwrap();
    assert_eq!(answer, going_on(3, 5));
    let answer = held.send(&*trial.store(), held.go_on(&[])).await.unwrap();
    assert_eq!(answer, going_on(6, 5));
    let answer = held.send(&*trial.store(), held.go_on(&[line("d")])).await.unwrap();
    assert_eq!(answer, going_on(6, 6));
    assert_eq!(trial.kinds(held.task).await, ["task.created", "task.claimed", "log", "log", "log", "log"]);
    trial.check(held.task).await;
}

/// Goal: whatever a worker writes after its claim was lost changes nothing: not while the task is in line, not when
/// another runs it, not when it has ended.
pub async fn a_stale_claim_is_refused_by_every_write(mut trial: Trial) {
    let late = trial.running().await;
    let signal = trial.signal(late.task, "kept").await.unwrap().seq;
    trial.crash().await;
    all_stale(&trial, &late, signal).await;
    let mut holder = trial.claim(late.task).await;
    all_stale(&trial, &late, signal).await;
    holder.send(&*trial.store(), holder.go_on(&[line("mine")])).await.unwrap();
    all_stale(&trial, &late, signal).await;
    holder.send(&*trial.store(), holder.end(TaskState::Succeeded)).await.unwrap();
    all_stale(&trial, &late, signal).await;
}

async fn all_stale(trial: &Trial, late: &Held, signal: u64) {
    let before = trial.picture(late.task).await;
    for mut write in every_write(trial, late, signal) {
        // Even one that guesses the log's head right.
        write.seen = trial.record(late.task).await.head;
        let born: Vec<TaskId> = write.children.iter().map(|child| child.id).collect();
        let shape = format!("{write:?}");
        let answer = trial.store().write(write).await;
        assert!(matches!(answer, Err(WriteRefused::Stale)), "{answer:?} to {shape}");
        assert_eq!(trial.picture(late.task).await, before, "{shape}");
        for child in born {
            assert!(trial.store().task(&Default::default(), child).await.unwrap().is_none(), "a child was born");
        }
    }
}

/// Goal: a claim counts with both of its halves, and only for its own task.
pub async fn a_claim_that_was_never_given_is_refused(trial: Trial) {
    let (held, other) = (trial.running().await, trial.running().await);
    let Claim { epoch, id } = held.claim;
    let wrong =
        [Claim { epoch: epoch + 1, id }, Claim { epoch: epoch - 1, id }, Claim { epoch, id: id ^ 1 }, other.claim];
    for claim in wrong {
        all_stale(&trial, &Held { claim, ..held.clone() }, 0).await;
    }
    let unknown = Held { task: trial.new_task().id, ..held };
    let answer = trial.store().write(unknown.go_on(&[line("hello")])).await;
    assert!(matches!(answer, Err(WriteRefused::Stale)), "{answer:?}");
}

/// Goal: a write whose answer was lost is sent again and answered as the first time, whatever it carried.
pub async fn a_repeated_write_is_applied_once(trial: Trial) {
    let count = every_write(&trial, &trial.running().await, 0).len();
    for place in 0..count {
        let held = trial.running().await;
        // The task is not always at its first write.
        let mut held = held;
        held.send(&*trial.store(), held.go_on(&[line("before")])).await.unwrap();
        let signal = trial.signal(held.task, "kept").await.unwrap().seq;
        held.seen = signal;
        let write = every_write(&trial, &held, signal).remove(place);
        let first = trial.store().write(write.clone()).await.unwrap();
        let before = trial.picture(held.task).await;
        let shape = format!("{write:?}");
        assert_eq!(trial.store().write(write.clone()).await.unwrap(), first, "{shape}");
        // News that came since does not change the answer.
        let came = trial.signal(held.task, "later").await.is_ok();
        assert_eq!(trial.store().write(write).await.unwrap(), first, "{shape}");
        assert!(came || trial.picture(held.task).await == before, "{shape}");
        trial.check(held.task).await;
        trial.store().control(&Default::default(), held.task, Control::Cancel).await.ok();
    }
}

/// Goal: a write that overtook another is not applied, nor is an old one that comes late.
pub async fn write_numbers_have_no_gap(trial: Trial) {
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.go_on(&[line("1")])).await.unwrap();
    held.send(&*trial.store(), held.go_on(&[line("2")])).await.unwrap();
    let before = trial.picture(held.task).await;
    for number in [0, 1, 4, 5] {
        let write = TaskWrite { number, ..held.go_on(&[line("out of turn")]) };
        assert!(trial.store().write(write).await.is_err(), "number {number} after 2");
        assert_eq!(trial.picture(held.task).await, before);
    }
    held.send(&*trial.store(), held.go_on(&[line("3")])).await.unwrap();
}

/// Goal: numbers belong to a claim; the next claim's first write is no repeat of the last claim's first.
pub async fn a_new_claim_counts_its_writes_anew(trial: Trial) {
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.release(trial.now())).await.unwrap();
    let mut next = trial.claim(held.task).await;
    assert_eq!(next.claim.epoch, held.claim.epoch + 1);
    assert_ne!(next.claim.id, held.claim.id);
    let answer = next.send(&*trial.store(), next.go_on(&[line("anew")])).await.unwrap();
    assert_eq!((answer.first, answer.head), (5, 5));
}

/// Goal: a refused write leaves no half behind, and its number is free for the next.
pub async fn a_refused_write_changes_nothing(trial: Trial) {
    let mut held = trial.running().await;
    let child = child_of(&trial, held.task);
    let born = child.id;
    trial.signal(held.task, "news").await.unwrap();
    let before = trial.picture(held.task).await;
    let mut write = held.park(vec![wait_for_signal("go", trial.now())], None);
    write.children.push(child);
    write.step_finished = true;
    let answer = trial.store().write(write).await;
    assert!(matches!(answer, Err(WriteRefused::NewsCame { head: 3, .. })), "{answer:?}");
    assert_eq!(trial.picture(held.task).await, before);
    assert!(trial.store().task(&Default::default(), born).await.unwrap().is_none());
    held.send(&*trial.store(), held.go_on(&[line("next")])).await.unwrap();
}

/// Goal: a drained or retried task is in line again, for now or later.
pub async fn a_release_puts_the_task_back(trial: Trial) {
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.release(trial.now())).await.unwrap();
    assert_eq!(trial.state(held.task).await, TaskState::Queued);
    trial.check(held.task).await;
    let mut held = trial.claim(held.task).await;
    let later = trial.now() + Duration::from_secs(60);
    held.send(&*trial.store(), held.release(later)).await.unwrap();
    trial.nothing_is_due().await;
    trial.clock.advance_to(later);
    trial.claim(held.task).await;
}

/// Goal: only takeovers with no finished step between them count towards a crash loop.
pub async fn a_finished_step_forgets_takeovers(mut trial: Trial) {
    let task = trial.start().await;
    for _ in 0..2 {
        trial.claim(task).await;
        trial.crash().await;
    }
    let mut held = trial.claim(task).await;
    held.send(&*trial.store(), held.go_on(&[line("no step")])).await.unwrap();
    assert_eq!(trial.record(task).await.takeovers, 2);
    let finished = TaskWrite { step_finished: true, ..held.go_on(&[line("a step")]) };
    held.send(&*trial.store(), finished).await.unwrap();
    assert_eq!(trial.record(task).await.takeovers, 0);
    assert_eq!(trial.crash().await[0].takeovers, 1);
}

/// Goal: nobody lets go of a task before looking at what came for it.
pub async fn news_refuses_whoever_lets_go(trial: Trial) {
    let mut held = trial.running().await;
    let signal = trial.signal(held.task, "news").await.unwrap().seq;
    for write in [held.park(Vec::new(), None), held.release(trial.now()), held.pause()] {
        let answer = trial.store().write(write).await;
        assert!(
            matches!(answer, Err(WriteRefused::NewsCame { head, cancelling: false, pausing: false }) if head == signal),
            "{answer:?}"
        );
    }
    held.seen = signal;
    held.send(&*trial.store(), held.release(trial.now())).await.unwrap();
}

/// Goal: what a flow did counts, whatever came meanwhile.
pub async fn news_does_not_refuse_who_goes_on_or_ends(trial: Trial) {
    let mut held = trial.running().await;
    let before = held.clone();
    trial.signal(held.task, "news").await.unwrap();
    let stale_sight = before.go_on(&[line("working")]);
    assert_eq!(held.send(&*trial.store(), stale_sight).await.unwrap().first, 4);
    trial.signal(held.task, "more news").await.unwrap();
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(trial.kinds_after(held.task, 2).await, ["signal.received", "log", "signal.received", "task.succeeded"]);
}

/// Goal: an ended task is held by nobody, due never, and its last event is the terminal one.
pub async fn every_end_is_final(trial: Trial) {
    for state in [TaskState::Succeeded, TaskState::Failed, TaskState::Cancelled] {
        let mut held = trial.running().await;
        held.send(&*trial.store(), held.end(state)).await.unwrap();
        let record = trial.record(held.task).await;
        assert_eq!((record.state, record.due_at, record.ended_at), (state, None, Some(trial.now())));
        assert!(record.claim.is_none() && record.waits.is_empty());
        trial.check(held.task).await;
        let answer = trial.store().write(held.go_on(&[line("after the end")])).await;
        assert!(matches!(answer, Err(WriteRefused::Stale)), "{answer:?}");
        let refused = trial.control(held.task, Control::Pause).await;
        assert!(matches!(refused, Err(ControlRefused::WrongState { .. })), "{refused:?}");
        trial.nothing_is_due().await;
    }
}

/// Goal: merging the rows of a finished text is a matter of the store: readers get the same events.
pub async fn finished_text_reads_the_same_when_merged(trial: Trial) {
    let mut held = trial.running().await;
    let (step, name) = ("write".into(), "Write the poem".into());
    let started = StepStarted { step, name, attempt: 1, ordinal: 0 };
    held.send(&*trial.store(), held.go_on(&[started.clone().into()])).await.unwrap();
    let from = held.seen + 1;
    for place in 0..40 {
        let text = format!("“{place}” \\ \n");
        let chunk = Chunk { step: started.step.clone(), attempt: 1, text };
        let between = if place % 7 == 0 { vec![chunk.into(), line("between")] } else { vec![chunk.into()] };
        held.send(&*trial.store(), held.go_on(&between)).await.unwrap();
    }
    let before = trial.log(held.task).await;
    let StepStarted { step, name, attempt, .. } = started;
    let finished = StepSucceeded { step, name, attempt, result: Json::null() };
    let write = TaskWrite { compact_from: Some(from), step_finished: true, ..held.go_on(&[finished.into()]) };
    held.send(&*trial.store(), write).await.unwrap();
    let after = trial.log(held.task).await;
    assert_eq!(after.get(..before.len()), Some(&before[..]));
    assert_eq!(after.len(), before.len() + 1);
    for seen in 0..after.len() as u64 {
        let entries = trial.store().events(held.task, seen, 200).await.unwrap();
        let events: Vec<Event> = entries.iter().map(|entry| entry.event().unwrap()).collect();
        let from = usize::try_from(seen).unwrap();
        assert_eq!(Some(&events[..]), after.get(from..from + events.len()), "read after {seen}");
        assert!(!events.is_empty());
    }
    trial.check(held.task).await;
}

/// Goal: a worker, senders of signals and a control that all write at once leave a log without a gap, in which each
/// one's events stand in the order in which they were sent.
pub async fn the_log_is_gapless_whoever_writes(trial: Trial) {
    let mut held = trial.running().await;
    let task = held.task;
    let senders = (0..4).map(|sender| {
        let store = trial.store();
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            for place in 0..20 {
                let signal = super::trial::new_signal(task, &format!("{sender}/{place}"));
                numbers.push(store.signal(&Default::default(), signal).await.unwrap().seq);
            }
            numbers
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut numbers = Vec::new();
    for _ in 0..40 {
        let answer = held.send(&*trial.store(), held.go_on(&[line("a"), line("b")])).await.unwrap();
        numbers.extend([answer.first, answer.first + 1]);
        assert!(answer.head > answer.first);
    }
    for sent in futures_util::future::join_all(senders).await {
        let sent = sent.unwrap();
        assert!(sent.is_sorted());
        numbers.extend(sent);
    }
    let distinct: HashSet<u64> = numbers.iter().copied().collect();
    assert_eq!((distinct.len(), numbers.len()), (160, 160), "each event has a number of its own");
    let log = trial.log(task).await;
    assert_eq!(log.len(), 162);
    for event in log.iter().skip(2) {
        assert!(matches!(event.fact, Fact::Log(_) | Fact::SignalReceived(_)));
        assert!(distinct.contains(&event.seq));
    }
    trial.check(task).await;
}
