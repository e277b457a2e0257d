//! Rules of claims whose holder is gone.

use std::time::Duration;

use super::held::{Held, line, wait_for_child, wait_for_signal};
use super::trial::{Trial, report};
use crate::ports::{ClaimKind, ClaimRequest, Control, Rescued, TaskWrite, WriteRefused};
use crate::task::crash_loop::{FATAL_TAKEOVERS, backoff};
use crate::task::{NewTask, Parent, TaskId, TaskState, Tenant, WorkerId};

/// Goal: a task whose worker is gone is in line again, and its log says so.
pub async fn a_rescue_puts_the_task_back(mut trial: Trial) {
    let held = trial.running().await;
    trial.holders_die().await;
    trial.hush();
    let rescued = trial.store().rescue(10).await.unwrap();
    let flow = super::trial::FLOW.into();
    assert_eq!(rescued, [Rescued { task: held.task, tenant: Tenant::default(), flow, takeovers: 1 }]);
    trial.line_rings().await;
    let record = trial.record(held.task).await;
    assert_eq!((record.state, record.takeovers, record.due_at), (TaskState::Queued, 1, Some(trial.now())));
    assert_eq!(trial.kinds(held.task).await, ["task.created", "task.claimed", "task.rescued"]);
    trial.check(held.task).await;
    assert!(trial.store().rescue(10).await.unwrap().is_empty(), "once is enough");
    let next = trial.claim(held.task).await;
    assert_ne!(next.claim, held.claim);
}

/// Goal: a worker that was only slow does not end what another runs now.
pub async fn a_late_write_after_a_rescue_is_stale(mut trial: Trial) {
    let mut late = trial.running().await;
    late.send(&*trial.store(), late.go_on(&[line("in time")])).await.unwrap();
    trial.crash().await;
    for claimed_anew in [false, true] {
        if claimed_anew {
            trial.claim(late.task).await;
        }
        let before = trial.picture(late.task).await;
        for write in [late.go_on(&[line("late")]), late.end(TaskState::Succeeded)] {
            let answer = trial.store().write(write).await;
            assert!(matches!(answer, Err(WriteRefused::Stale)), "{answer:?}");
        }
        assert_eq!(trial.picture(late.task).await, before);
    }
}

/// Goal: a cancel is carried out also when the worker that was to do it is gone.
pub async fn a_rescue_ends_what_was_being_cancelled(mut trial: Trial) {
    let mut parent = trial.running().await;
    let child = new_child(&trial, parent.task);
    let id = child.id;
    let write = TaskWrite { children: vec![child], ..parent.go_on(&[line("a child")]) };
    parent.send(&*trial.store(), write).await.unwrap();
    let waits = vec![wait_for_child(&"child".into(), id, trial.now())];
    parent.send(&*trial.store(), parent.park(waits, None)).await.unwrap();
    let held = trial.claim(id).await;
    trial.control(id, Control::Cancel).await.unwrap();
    trial.crash().await;
    assert_eq!(trial.state(id).await, TaskState::Cancelled);
    assert_eq!(trial.kinds_after(id, held.seen).await.last(), Some(&"task.cancelled"));
    assert_eq!(trial.kinds(parent.task).await.last(), Some(&"child.ended"));
    trial.check(id).await;
    trial.claim(parent.task).await;
}

fn new_child(trial: &Trial, parent: TaskId) -> NewTask {
    NewTask { parent: Some(Parent { task: parent, step: "child".into() }), ..trial.new_task_of("child_flow") }
}

/// Goal: a pause is not forgotten with the worker that was asked for it.
pub async fn a_rescue_keeps_a_pause(mut trial: Trial) {
    let held = trial.running().await;
    trial.control(held.task, Control::Pause).await.unwrap();
    trial.crash().await;
    let record = trial.record(held.task).await;
    assert!(record.pausing || record.state == TaskState::Paused, "{record:?}");
    trial.check(held.task).await;
    assert_eq!(trial.control(held.task, Control::Pause).await.unwrap(), TaskState::Paused);
    assert_eq!(trial.control(held.task, Control::Resume).await.unwrap(), TaskState::Queued);
    assert!(!trial.record(held.task).await.pausing);
}

/// Goal: a rescue of thousands is done in pieces.
pub async fn a_rescue_takes_what_it_may(mut trial: Trial) {
    for _ in 0..5 {
        trial.running().await;
    }
    trial.holders_die().await;
    let mut pieces = Vec::new();
    for _ in 0..4 {
        pieces.push(trial.store().rescue(2).await.unwrap().len());
    }
    assert_eq!(pieces, [2, 2, 1, 0]);
}

/// Goal: while its worker renews the lease (or lives, where there is none) a task is nobody else's.
pub async fn nobody_is_rescued_from_the_living(trial: Trial) {
    let held = trial.running().await;
    let lease = trial.store().lease().unwrap_or(Duration::from_secs(3600));
    for _ in 0..5 {
        trial.clock.advance(lease / 2);
        let claims = [(held.task, held.claim)];
        let renewed = trial.store().renew(&WorkerId::new("worker"), &claims).await.unwrap();
        assert!(renewed.len() == 1 && renewed[0].held, "{renewed:?}");
        assert!(trial.store().rescue(10).await.unwrap().is_empty());
    }
    assert_eq!(trial.state(held.task).await, TaskState::Running);
}

/// Goal: a crash is no news for those whom nobody ran.
pub async fn a_crash_leaves_the_parked_alone(mut trial: Trial) {
    let mut parked = trial.running().await;
    let waits = vec![wait_for_signal("go", trial.now())];
    parked.send(&*trial.store(), parked.park(waits.clone(), None)).await.unwrap();
    let paused = trial.start().await;
    trial.control(paused, Control::Pause).await.unwrap();
    let queued = trial.start().await;
    let before = [trial.picture(parked.task).await, trial.picture(paused).await, trial.picture(queued).await];
    assert!(trial.crash().await.is_empty());
    let after = [trial.picture(parked.task).await, trial.picture(paused).await, trial.picture(queued).await];
    assert_eq!(after, before);
    trial.claim(queued).await;
    trial.signal(parked.task, "go").await.unwrap();
    trial.claim(parked.task).await;
}

/// Goal: what a worker was told is stored is there after it died.
pub async fn what_was_written_survives_a_crash(mut trial: Trial) {
    let mut held = trial.running().await;
    for number in 0..20 {
        held.send(&*trial.store(), held.go_on(&[line(&format!("line {number}"))])).await.unwrap();
    }
    let seq = trial.signal(held.task, "kept").await.unwrap().seq;
    let before = trial.log(held.task).await;
    assert_eq!(before.len() as u64, seq);
    trial.crash().await;
    let after = trial.log(held.task).await;
    assert_eq!(after.get(..before.len()), Some(&before[..]));
    trial.check(held.task).await;
    let mut next = trial.claim(held.task).await;
    let answer = next.send(&*trial.store(), next.go_on(&[line("on it goes")])).await.unwrap();
    assert_eq!(answer.first, seq + 3, "after task.rescued and task.claimed");
}

/// Goal: the backoff of a crash loop is in the line, for any worker; none before the task is suspect.
pub async fn a_crashing_task_comes_back_later_each_time(mut trial: Trial) {
    let task = trial.start().await;
    for takeovers in 1..=FATAL_TAKEOVERS {
        let kind = if takeovers > 3 { ClaimKind::Suspect } else { ClaimKind::Ordinary };
        let claimed = trial.claim_next(ClaimRequest { kind, ..trial.request() }).await;
        assert_eq!(claimed.tasks.len(), 1, "before takeover {takeovers}");
        assert_eq!(trial.crash().await[0].takeovers, takeovers);
        let due_at = trial.now() + backoff(takeovers);
        assert_eq!(trial.record(task).await.due_at, Some(due_at));
        trial.clock.advance_to(due_at);
    }
    trial.check(task).await;
}

/// Goal: two rescuers do not count one death twice.
pub async fn racing_rescues_take_over_once(mut trial: Trial) {
    let mut tasks = Vec::new();
    for _ in 0..10 {
        tasks.push(trial.running().await.task);
    }
    trial.holders_die().await;
    let rescues = (0..6).map(|_| {
        let store = trial.store();
        tokio::spawn(async move { store.rescue(4).await.unwrap() })
    });
    let mut rescued = Vec::new();
    for piece in futures_util::future::join_all(rescues).await {
        rescued.extend(piece.unwrap().into_iter().map(|rescued| rescued.task));
    }
    rescued.extend(trial.store().rescue(10).await.unwrap().into_iter().map(|rescued| rescued.task));
    rescued.sort_unstable();
    assert_eq!(rescued, tasks);
    for task in tasks {
        assert_eq!(trial.record(task).await.takeovers, 1);
        trial.check(task).await;
    }
}

/// Goal: one call tells a worker which of its claims it still holds, and where the logs stand.
pub async fn a_renewal_tells_who_holds(mut trial: Trial) {
    let lost = trial.running().await;
    trial.crash().await;
    let ended = {
        let taken = trial.claim(lost.task).await;
        let mut ended = trial.running().await;
        ended.send(&*trial.store(), ended.end(TaskState::Succeeded)).await.unwrap();
        trial.signal(taken.task, "news").await.unwrap();
        (taken, ended)
    };
    let (taken, ended) = ended;
    let unknown = Held { task: trial.new_task().id, ..taken.clone() };
    let asked = [&lost, &taken, &ended, &unknown].map(|held| (held.task, held.claim));
    let renewed = trial.store().renew(&WorkerId::new("worker"), &asked).await.unwrap();
    let answers: Vec<_> = renewed.iter().map(|renewed| (renewed.task, renewed.held)).collect();
    let expected = asked.map(|(task, claim)| (task, claim == taken.claim && task == taken.task));
    assert_eq!(answers, expected, "{:?}", expected);
    assert_eq!(renewed[1].head, trial.record(taken.task).await.head);
}

/// Goal: the verdict on a crash loop ends a task in line, and touches no other.
pub async fn a_verdict_ends_what_is_in_line(trial: Trial) {
    let queued = trial.start().await;
    assert!(trial.store().fail_queued(queued, report("crash_loop"), Vec::new()).await.unwrap());
    assert_eq!(trial.kinds(queued).await, ["task.created", "task.failed"]);
    assert_eq!(trial.state(queued).await, TaskState::Failed);
    trial.check(queued).await;
    let running = trial.running().await.task;
    let mut parked = trial.running().await;
    parked.send(&*trial.store(), parked.park(Vec::new(), None)).await.unwrap();
    for task in [queued, running, parked.task, trial.new_task().id] {
        assert!(!trial.store().fail_queued(task, report("crash_loop"), Vec::new()).await.unwrap());
    }
    assert_eq!(trial.state(running).await, TaskState::Running);
    trial.check(queued).await;
    trial.nothing_is_due().await;
}

/// Goal: a parent learns of the verdict on its child, and a verdict on a parent reaches its children.
pub async fn a_verdict_on_a_child_is_told(trial: Trial) {
    let mut parent = trial.running().await;
    let child = new_child(&trial, parent.task);
    let id = child.id;
    let write = TaskWrite { children: vec![child], ..parent.go_on(&[line("a child")]) };
    parent.send(&*trial.store(), write).await.unwrap();
    let mut child = trial.claim(id).await;
    let grandchild = new_child(&trial, id);
    let youngest = grandchild.id;
    let write = TaskWrite { children: vec![grandchild], ..child.go_on(&[line("a child")]) };
    child.send(&*trial.store(), write).await.unwrap();
    child.send(&*trial.store(), child.release(trial.now())).await.unwrap();
    assert!(trial.store().fail_queued(id, report("crash_loop"), Vec::new()).await.unwrap());
    assert_eq!(trial.kinds(parent.task).await.last(), Some(&"child.ended"));
    assert_eq!(trial.state(youngest).await, TaskState::Cancelled);
    for task in [parent.task, id, youngest] {
        trial.check(task).await;
    }
}

/// Goal: a rescue and the late end of a claim that ran out agree on who came first.
pub async fn a_late_write_and_a_rescue_do_not_both_win(trial: Trial) {
    let Some(lease) = trial.store().lease() else { return };
    for _ in 0..25 {
        let held = trial.running().await;
        trial.clock.advance(lease);
        let (store, end) = (trial.store(), held.end(TaskState::Succeeded));
        let ending = tokio::spawn(async move { store.write(end).await });
        let rescued = trial.store().rescue(10).await.unwrap();
        match (ending.await.unwrap(), rescued.is_empty()) {
            (Ok(_), true) => assert_eq!(trial.state(held.task).await, TaskState::Succeeded),
            (Err(WriteRefused::Stale), false) => drop(trial.claim(held.task).await),
            other => panic!("{other:?}"),
        }
        trial.check(held.task).await;
        trial.control(held.task, Control::Cancel).await.ok();
        trial.clock.advance(lease);
        trial.store().rescue(10).await.unwrap();
    }
}
