//! Rules of parents and children.

use super::held::{Held, line, wait_for_child};
use super::trial::Trial;
use crate::ports::{Control, Created, TaskWrite, WriteRefused};
use crate::task::event::ChildEnded;
use crate::task::{Fact, NewTask, Parent, TaskId, TaskState, Tenant, WireState};

const CHILD: &str = "child_flow";

fn child_of(trial: &Trial, parent: TaskId) -> NewTask {
    NewTask { parent: Some(Parent { task: parent, step: "child".into() }), ..trial.new_task_of(CHILD) }
}

/// Gives this running task a child in line.
async fn bear(trial: &Trial, held: &mut Held) -> TaskId {
    let child = child_of(trial, held.task);
    let id = child.id;
    let write = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
    held.send(&*trial.store(), write).await.unwrap();
    id
}

/// Parks a parent until this child has ended.
async fn wait_for(trial: &Trial, held: &mut Held, child: TaskId) {
    let waits = vec![wait_for_child(&"child".into(), child, trial.now())];
    held.send(&*trial.store(), held.park(waits, None)).await.unwrap();
}

/// What a parent was told, in order.
async fn told(trial: &Trial, parent: TaskId) -> Vec<ChildEnded> {
    let ended = |fact| match fact {
        Fact::ChildEnded(ended) => Some(ended),
        _ => None,
    };
    trial.log(parent).await.into_iter().filter_map(|event| ended(event.fact)).collect()
}

/// Goal: the event that tells of children and the children are one operation; they live in the parent's tenant.
pub async fn children_are_born_with_the_write(trial: Trial) {
    let tenant = Tenant::new("other");
    let new = NewTask { tenant: tenant.clone(), ..trial.new_task() };
    let parent = new.id;
    assert_eq!(trial.store().create(vec![new]).await.unwrap(), [Ok(Created { id: parent, new: true })]);
    let claimed = trial.claim_next(trial.request()).await.tasks.remove(0);
    let mut held = Held::new(&claimed, trial.clock.clone());
    let children: Vec<NewTask> = (0..3).map(|_| child_of(&trial, parent)).collect();
    let ids: Vec<TaskId> = children.iter().map(|child| child.id).collect();
    let write = TaskWrite { children, ..held.go_on(&[line("three children")]) };
    held.send(&*trial.store(), write).await.unwrap();
    for child in ids {
        assert!(trial.store().task(&Tenant::default(), child).await.unwrap().is_none());
        let record = trial.store().task(&tenant, child).await.unwrap().unwrap();
        assert_eq!(record.parent.map(|parent| parent.task), Some(parent));
        assert_eq!((record.state, record.head), (TaskState::Queued, 1));
        assert_eq!(trial.claim_next(trial.request_for(&[CHILD])).await.tasks[0].task.id, child);
    }
}

/// Goal: a child's result is in the waiting parent's log, and the parent is due, in the operation that ends it.
pub async fn a_childs_end_wakes_its_parent(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    wait_for(&trial, &mut parent, child).await;
    let mut child = trial.claim(child).await;
    trial.hush();
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    trial.line_rings().await;
    let ended = told(&trial, parent.task).await.remove(0);
    assert_eq!((ended.child, &*ended.step, ended.state), (child.task, "child", WireState::Success));
    assert_eq!(ended.result.unwrap().text(), r#"{"answer":42}"#);
    assert_eq!((ended.error, ended.usage.prompt_tokens), (None, 7), "and what it spent");
    trial.check(parent.task).await;
    trial.claim(parent.task).await;
}

/// Goal: a parent learns why its child failed.
pub async fn a_childs_failure_is_told_with_its_error(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    let mut child = trial.claim(child).await;
    child.send(&*trial.store(), child.end(TaskState::Failed)).await.unwrap();
    let ended = told(&trial, parent.task).await.remove(0);
    assert_eq!((ended.state, ended.result), (WireState::Failure, None));
    assert_eq!(ended.error.unwrap().message, "it went wrong");
    trial.check(parent.task).await;
}

/// Goal: a paused parent keeps the news for later.
pub async fn a_childs_end_is_told_to_a_paused_parent(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    wait_for(&trial, &mut parent, child).await;
    trial.control(parent.task, Control::Pause).await.unwrap();
    let mut child = trial.claim(child).await;
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(told(&trial, parent.task).await.len(), 1);
    trial.nothing_is_due().await;
    assert_eq!(trial.state(parent.task).await, TaskState::Paused);
    trial.check(parent.task).await;
}

/// Goal: a parent does not wait for ever for a child that somebody cancelled.
pub async fn a_cancelled_child_tells_its_parent(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    wait_for(&trial, &mut parent, child).await;
    trial.control(child, Control::Cancel).await.unwrap();
    assert_eq!(told(&trial, parent.task).await[0].state, WireState::Cancelled);
    trial.claim(parent.task).await;
    trial.check(parent.task).await;
}

/// Goal: nothing is written after a terminal event, by children neither.
pub async fn an_ended_parent_is_told_nothing(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    let mut child = trial.claim(child).await;
    parent.send(&*trial.store(), parent.end(TaskState::Succeeded)).await.unwrap();
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    assert!(told(&trial, parent.task).await.is_empty());
    trial.check(parent.task).await;
    trial.check(child.task).await;
}

/// Goal: however a parent ends, its children do not go on: who is in line ends at once, who runs is asked to.
pub async fn the_end_of_a_parent_cancels_its_children(trial: Trial) {
    for state in [TaskState::Succeeded, TaskState::Failed, TaskState::Cancelled] {
        let mut parent = trial.running().await;
        let running = bear(&trial, &mut parent).await;
        let mut running = trial.claim(running).await;
        let done = bear(&trial, &mut parent).await;
        let mut done = trial.claim(done).await;
        done.send(&*trial.store(), done.end(TaskState::Succeeded)).await.unwrap();
        let queued = bear(&trial, &mut parent).await;
        let newborn = child_of(&trial, parent.task);
        let born = newborn.id;
        let write = TaskWrite { children: vec![newborn], ..parent.end(state) };
        parent.send(&*trial.store(), write).await.unwrap();
        for child in [queued, born] {
            assert_eq!(trial.state(child).await, TaskState::Cancelled);
        }
        assert_eq!(trial.state(done.task).await, TaskState::Succeeded);
        assert!(trial.record(running.task).await.cancelling);
        let answer = running.send(&*trial.store(), running.go_on(&[line("still here")])).await.unwrap();
        assert!(answer.cancelling);
        running.send(&*trial.store(), running.end(TaskState::Cancelled)).await.unwrap();
        for task in [parent.task, running.task, done.task, queued, born] {
            trial.check(task).await;
        }
        // One that was born and cancelled with the same write is in no line either.
        let stats = trial.store().stats().await.unwrap();
        assert_eq!((stats.due, stats.oldest_due, stats.in_line), (0, None, Vec::new()));
    }
}

/// Goal: cancelling a task cancels all that it began, over generations.
pub async fn cancel_reaches_the_grandchildren(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    let mut child = trial.claim(child).await;
    let grandchild = bear(&trial, &mut child).await;
    let mut grandchild = trial.claim(grandchild).await;
    let youngest = bear(&trial, &mut grandchild).await;
    wait_for(&trial, &mut parent, child.task).await;
    wait_for(&trial, &mut child, grandchild.task).await;
    wait_for(&trial, &mut grandchild, youngest).await;
    trial.control(parent.task, Control::Cancel).await.unwrap();
    for task in [parent.task, child.task, grandchild.task, youngest] {
        assert_eq!(trial.state(task).await, TaskState::Cancelled);
        trial.check(task).await;
    }
    trial.nothing_is_due().await;
}

fn next_of(trial: &Trial, task: TaskId) -> NewTask {
    let mut next = trial.new_task_of(CHILD);
    next.options.continued_from = Some(task);
    next
}

/// Goal: for a parent, a child that continues as a new task has not ended; the last of the chain tells it.
pub async fn a_continued_task_takes_its_place(trial: Trial) {
    let mut parent = trial.running().await;
    let child = bear(&trial, &mut parent).await;
    wait_for(&trial, &mut parent, child).await;
    let mut child = trial.claim(child).await;
    for _ in 0..2 {
        let next = next_of(&trial, child.task);
        let id = next.id;
        child.send(&*trial.store(), child.continue_in(next)).await.unwrap();
        assert_eq!(trial.state(child.task).await, TaskState::Succeeded);
        assert!(told(&trial, parent.task).await.is_empty());
        trial.nothing_is_due().await;
        let heir = trial.record(id).await.parent.unwrap();
        assert_eq!((heir.task, &*heir.step), (parent.task, "child"));
        child = trial.claim(id).await;
    }
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    let told = told(&trial, parent.task).await;
    assert_eq!((told.len(), &*told[0].step), (1, "child"));
    trial.claim(parent.task).await;
    trial.check(parent.task).await;
}

/// Goal: what came for a task that goes on in another is not left behind unseen.
pub async fn a_task_goes_on_in_another_only_with_all_news(trial: Trial) {
    let mut held = trial.running().await;
    trial.signal(held.task, "go").await.unwrap();
    let next = next_of(&trial, held.task);
    let id = next.id;
    let before = trial.picture(held.task).await;
    let answer = trial.store().write(held.continue_in(next.clone())).await;
    assert!(matches!(answer, Err(WriteRefused::NewsCame { head: 3, .. })), "{answer:?}");
    assert_eq!(trial.picture(held.task).await, before);
    assert!(trial.store().task(&Tenant::default(), id).await.unwrap().is_none());
    held.seen = 3;
    held.send(&*trial.store(), held.continue_in(next)).await.unwrap();
    trial.claim(id).await;
}

/// Goal: a start with the unique key meets whichever task of the chain is open.
pub async fn a_continued_task_keeps_its_unique_key(trial: Trial) {
    let unique = || NewTask { unique_key: Some("feed".to_owned()), ..trial.new_task_of(CHILD) };
    let first = trial.create(unique()).await;
    let mut held = trial.claim(first).await;
    let mut next = NewTask { unique_key: Some("feed".to_owned()), ..next_of(&trial, first) };
    next.created_at = trial.now();
    let id = next.id;
    held.send(&*trial.store(), held.continue_in(next)).await.unwrap();
    let answer = trial.store().create(vec![unique()]).await.unwrap();
    assert_eq!(answer, [Ok(Created { id, new: false })]);
    trial.check(first).await;
    trial.check(id).await;
}

/// Goal: children that end at the same moment are each told once.
pub async fn children_racing_to_end_are_all_told(trial: Trial) {
    let mut parent = trial.running().await;
    let mut running = Vec::new();
    for _ in 0..10 {
        let child = bear(&trial, &mut parent).await;
        running.push(trial.claim(child).await);
    }
    let ends = running.iter().map(|child| {
        let (store, write) = (trial.store(), child.end(TaskState::Succeeded));
        tokio::spawn(async move { store.write(write).await })
    });
    for end in futures_util::future::join_all(ends).await {
        end.unwrap().unwrap();
    }
    let mut told: Vec<TaskId> = told(&trial, parent.task).await.into_iter().map(|ended| ended.child).collect();
    told.sort_unstable();
    assert_eq!(told, running.iter().map(|child| child.task).collect::<Vec<_>>());
    trial.check(parent.task).await;
}
