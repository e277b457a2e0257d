//! Rules of reading, forgetting and counting.

use std::time::Duration;

use super::held::line;
use super::trial::{FLOW, Trial};
use crate::ports::{Control, ControlRefused, TaskFilter};
use crate::task::{Json, NewTask, Parent, TaskId, TaskOptions, TaskState, Tenant, WireState};

async fn listed(trial: &Trial, filter: TaskFilter) -> Vec<TaskId> {
    let filter = TaskFilter { limit: 100, ..filter };
    trial.store().list(&filter).await.unwrap().items.into_iter().map(|record| record.id).collect()
}

/// Goal: paging shows every task once, newest first, also while new ones come.
pub async fn a_list_is_newest_first_in_pages(trial: Trial) {
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.insert(0, trial.start().await);
    }
    let mut seen = Vec::new();
    let mut filter = TaskFilter { limit: 3, ..TaskFilter::default() };
    loop {
        let page = trial.store().list(&filter).await.unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.into_iter().map(|record| record.id));
        trial.start().await;
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

/// Goal: each filter finds its tasks and no other.
pub async fn a_list_can_be_filtered(trial: Trial) {
    let plain = trial.start().await;
    let other = trial.create(trial.new_task_of("other_flow")).await;
    let tagged = trial.create(NewTask { tags: vec!["nightly".into(), "b".into()], ..trial.new_task() }).await;
    let said = Json::from_text(r#"{"theme":"Rain in 100% of_cases"}"#).unwrap();
    let told = trial.create(NewTask { input: said, ..trial.new_task() }).await;
    let parent = Some(Parent { task: plain, step: "child".into() });
    let child = trial.create(NewTask { parent, ..trial.new_task() }).await;
    trial.control(other, Control::Cancel).await.unwrap();
    trial.control(tagged, Control::Pause).await.unwrap();
    let none = TaskFilter::default;
    let of_states = |states: &[WireState]| TaskFilter { states: states.to_vec(), ..none() };
    let with_text = |text: &str| TaskFilter { text: Some(text.to_owned()), ..none() };
    let middle = trial.record(tagged).await.created_at;
    let cases = [
        (TaskFilter { flow: Some("other_flow".into()), ..none() }, vec![other]),
        (TaskFilter { flow: Some("other".into()), ..none() }, vec![]),
        (of_states(&[WireState::Paused]), vec![tagged]),
        (of_states(&[WireState::Paused, WireState::Cancelled]), vec![tagged, other]),
        (of_states(&[WireState::Pending]), vec![child, told, plain]),
        (of_states(&[WireState::Success]), vec![]),
        (TaskFilter { tag: Some("nightly".into()), ..none() }, vec![tagged]),
        (TaskFilter { tag: Some("night".into()), ..none() }, vec![]),
        (with_text("rain in"), vec![told]),
        (with_text("100% of_c"), vec![told]),
        (with_text("1%f"), vec![]),
        (with_text("ther_fl"), vec![other]),
        (with_text(&child.to_string()), vec![child]),
        (TaskFilter { parent: Some(plain), ..none() }, vec![child]),
        (TaskFilter { created_after: Some(middle), ..none() }, vec![child, told]),
        (TaskFilter { created_before: Some(middle), ..none() }, vec![other, plain]),
        (TaskFilter { flow: Some(FLOW.into()), tag: Some("b".into()), ..none() }, vec![tagged]),
    ];
    for (filter, expected) in cases {
        assert_eq!(listed(&trial, filter.clone()).await, expected, "{filter:?}");
    }
}

/// Goal: what is secret in an input is not found, also not by a part of it, while the rest of the input is, and what a
/// task works with is as it was.
pub async fn a_search_sees_no_secret(trial: Trial) {
    let input = Json::from_text(r#"{"theme":"rain","login":{"name":"ann","password":"swordfish"},"keys":["k1","k2"]}"#);
    let input = input.unwrap();
    let secrets = vec!["/login/password".to_owned(), "/keys/1".to_owned(), "/not/there".to_owned()];
    let options = TaskOptions { secrets, ..TaskOptions::default() };
    let task = trial.create(NewTask { input: input.clone(), options, ..trial.new_task() }).await;
    let search =
        async |text: &str| listed(&trial, TaskFilter { text: Some(text.to_owned()), ..TaskFilter::default() }).await;
    for hidden in ["swordfish", "SWORDF", "k2", "password\":\"s"] {
        assert!(search(hidden).await.is_empty(), "{hidden}");
    }
    for seen in ["rain", "\"ann\"", "k1", "password"] {
        assert_eq!(search(seen).await, [task], "{seen}");
    }
    assert_eq!(trial.record(task).await.input, input);
    trial.control(task, Control::Cancel).await.unwrap();
    assert!(search("swordfish").await.is_empty() && search("ann").await == [task]);
}

/// Goal: everything that is asked for names its tenant and gets nothing of another.
pub async fn tenants_do_not_see_each_other(trial: Trial) {
    let other = Tenant::new("other");
    let mine = trial.start().await;
    let theirs = NewTask { tenant: other.clone(), ..trial.new_task() };
    let their_id = theirs.id;
    trial.store().create(vec![theirs]).await.unwrap().remove(0).unwrap();
    assert_eq!(listed(&trial, TaskFilter::default()).await, [mine]);
    assert_eq!(listed(&trial, TaskFilter { tenant: other.clone(), ..Default::default() }).await, [their_id]);
    assert!(trial.store().task(&Tenant::default(), their_id).await.unwrap().is_none());
    assert_eq!(trial.store().task(&other, their_id).await.unwrap().unwrap().tenant, other);
    trial.control(mine, Control::Cancel).await.unwrap();
    let refused = trial.store().delete(&other, mine).await;
    assert!(matches!(refused, Err(ControlRefused::NotFound)), "{refused:?}");
}

/// Goal: a log of any size is read in bounded pieces, and always goes on.
pub async fn a_log_is_read_in_pieces(trial: Trial) {
    let mut held = trial.running().await;
    let long = "x".repeat(1_000);
    for _ in 0..5 {
        held.send(&*trial.store(), held.go_on(&[line(&long), line("short")])).await.unwrap();
    }
    let whole = trial.store().events(held.task, 0, 1_000_000).await.unwrap();
    assert_eq!(whole.len(), 12);
    for most_bytes in [0, 1, 500, 1_500, 3_000] {
        let mut read = Vec::new();
        while read.len() < whole.len() {
            let piece = trial.store().events(held.task, read.len() as u64, most_bytes).await.unwrap();
            let bytes: usize = piece.iter().map(|entry| entry.body.len()).sum();
            assert!(piece.len() == 1 || (bytes <= most_bytes && !piece.is_empty()));
            read.extend(piece);
        }
        assert_eq!(read, whole);
    }
    for beyond in [12, 13, u64::from(u32::MAX)] {
        assert!(trial.store().events(held.task, beyond, 1_000).await.unwrap().is_empty());
    }
    assert_eq!(trial.store().last_event(held.task).await.unwrap().as_ref(), whole.last());
    let unknown = trial.new_task().id;
    assert!(trial.store().events(unknown, 0, 1_000).await.unwrap().is_empty());
    assert!(trial.store().last_event(unknown).await.unwrap().is_none());
}

/// Goal: a log that comes with its task is all of it, however long it is; of another tenant's task nothing comes.
pub async fn a_log_comes_whole_or_not_at_all(trial: Trial) {
    let mut held = trial.running().await;
    for bytes in [1, 10, 1_000, 20_000, 40_000] {
        for _ in 0..6 {
            held.send(&*trial.store(), held.go_on(&[line(&"x".repeat(bytes))])).await.unwrap();
            let (record, log) = trial.store().task_and_log(&Tenant::default(), held.task).await.unwrap().unwrap();
            assert_eq!(record.head, held.seen);
            let whole = trial.store().events(held.task, 0, 1_000_000).await.unwrap();
            assert!(log.is_empty() || log == whole, "{} of {} events", log.len(), whole.len());
        }
    }
    let other = Tenant::new("other");
    assert!(trial.store().task_and_log(&other, held.task).await.unwrap().is_none());
    assert!(trial.store().task_and_log(&Tenant::default(), trial.new_task().id).await.unwrap().is_none());
}

/// Goal: only what has ended can be forgotten, and then nothing of it is left.
pub async fn what_has_ended_can_be_forgotten(trial: Trial) {
    let (task, tenant) = (trial.start().await, Tenant::default());
    let refused = trial.store().delete(&tenant, task).await;
    assert!(matches!(refused, Err(ControlRefused::WrongState { state: WireState::Pending })), "{refused:?}");
    trial.control(task, Control::Cancel).await.unwrap();
    trial.store().delete(&tenant, task).await.unwrap();
    assert!(trial.store().task(&tenant, task).await.unwrap().is_none());
    assert!(trial.store().events(task, 0, 1_000).await.unwrap().is_empty());
    assert!(listed(&trial, TaskFilter::default()).await.is_empty());
    let again = trial.store().delete(&tenant, task).await;
    assert!(matches!(again, Err(ControlRefused::NotFound)), "{again:?}");
}

async fn ended(trial: &Trial) -> TaskId {
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.go_on(&[line(&"x".repeat(1_000))])).await.unwrap();
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    held.task
}

/// Goal: ended tasks go when they are old, a few per call; what has not ended stays however old it is.
pub async fn the_old_are_cleaned_away(trial: Trial) {
    let day = Duration::from_secs(24 * 3600);
    let mut old = Vec::new();
    for _ in 0..3 {
        old.push(ended(&trial).await);
    }
    trial.clock.advance(day);
    let young = ended(&trial).await;
    let open = trial.start().await;
    trial.clock.advance(day / 2);
    assert_eq!(trial.store().clean(day, u64::MAX, 2).await.unwrap(), 2);
    assert_eq!(trial.store().clean(day, u64::MAX, 2).await.unwrap(), 1);
    assert_eq!(trial.store().clean(day, u64::MAX, 2).await.unwrap(), 0);
    assert_eq!(listed(&trial, TaskFilter::default()).await, [open, young]);
    for task in old {
        assert!(trial.store().events(task, 0, 1_000).await.unwrap().is_empty());
    }
    trial.clock.advance(365 * day);
    trial.store().clean(day, u64::MAX, 10).await.unwrap();
    assert_eq!(listed(&trial, TaskFilter::default()).await, [open]);
}

/// Goal: when the store holds too much, the ended go, whoever ended first first, and only they.
pub async fn the_many_are_cleaned_away(trial: Trial) {
    let day = Duration::from_secs(24 * 3600);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(ended(&trial).await);
        trial.clock.advance(Duration::from_secs(1));
    }
    let open = trial.start().await;
    assert_eq!(trial.store().clean(day, u64::MAX, 10).await.unwrap(), 0);
    assert_eq!(trial.store().clean(day, 1, 1).await.unwrap(), 1);
    assert_eq!(listed(&trial, TaskFilter::default()).await, [open, tasks[3], tasks[2], tasks[1]]);
    assert_eq!(trial.store().clean(day, 1, 10).await.unwrap(), 3);
    assert_eq!(listed(&trial, TaskFilter::default()).await, [open]);
}

/// Goal: the figures say how many tasks are where, who waits longest, and for which version.
pub async fn figures_count_what_is_there(trial: Trial) {
    assert_eq!(trial.store().stats().await.unwrap().due, 0);
    ended(&trial).await;
    trial.running().await;
    let oldest = trial.create(NewTask { version: 3, ..trial.new_task() }).await;
    trial.create(NewTask { version: 2, ..trial.new_task() }).await;
    let later = trial.now() + Duration::from_secs(60);
    trial.create(NewTask { due_at: later, ..trial.new_task_of("other_flow") }).await;
    let stats = trial.store().stats().await.unwrap();
    let mut tasks: Vec<_> = stats.tasks.iter().map(|(flow, state, count)| (&**flow, *state, *count)).collect();
    tasks.sort_unstable();
    let expected = [
        ("other_flow", TaskState::Queued, 1),
        (FLOW, TaskState::Queued, 2),
        (FLOW, TaskState::Running, 1),
        (FLOW, TaskState::Succeeded, 1),
    ];
    assert_eq!(tasks, expected);
    assert_eq!((stats.due, stats.oldest_due), (2, Some(trial.record(oldest).await.created_at)));
    let mut in_line: Vec<_> = stats.in_line.iter().map(|(flow, version, count)| (&**flow, *version, *count)).collect();
    in_line.sort_unstable();
    assert_eq!(in_line, [("other_flow", 1, 1), (FLOW, 2, 2)]);
    assert!(stats.bytes > 0);
    trial.store().check().await.unwrap();
}
