//! Rules of what a store tells the process: never before it is durable, and never too little.

use std::sync::Arc;

use super::held::{Held, line, wait_for_child, wait_for_signal};
use super::trial::{Trial, new_signal, within};
use crate::ports::{Control, NewSignal, News, TaskStore, TaskWrite, Watch};
use crate::task::{LogEntry, NewTask, Parent, TaskId, TaskState, Tenant, WireState};

/// Goal: what the feed tells can be read back at once: nobody sees what a crash could still take away.
pub async fn nothing_is_published_before_it_can_be_read(trial: Trial) {
    let mut held = trial.running().await;
    let mut watch = trial.feed.watch(held.task);
    let (store, task) = (trial.store(), held.task);
    // Asks without a pause, so that it looks at the store as soon as there is news.
    let reader = tokio::spawn(async move {
        loop {
            let Some(news) = watch.try_next() else {
                tokio::task::yield_now().await;
                continue;
            };
            let head = store.last_event(task).await.unwrap().map_or(0, |entry| entry.seq);
            assert!(head >= news.head, "news of event {} while the log ends with {head}", news.head);
            if is_terminal(&*store, task).await {
                return;
            }
        }
    });
    for number in 0..150 {
        held.send(&*trial.store(), held.go_on(&[line(&number.to_string())])).await.unwrap();
        if number % 10 == 0 {
            trial.signal(held.task, "go").await.unwrap();
        }
    }
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    within(reader).await.unwrap();
}

async fn is_terminal(store: &dyn TaskStore, task: TaskId) -> bool {
    store.last_event(task).await.unwrap().is_some_and(|entry| entry.is_terminal())
}

/// Follows a task to its end as the web does: from the news, and from the store where the news has a hole.
async fn follow(store: Arc<dyn TaskStore>, task: TaskId, mut watch: Watch) -> Vec<LogEntry> {
    let mut log = store.events(task, 0, 1_000_000).await.unwrap();
    while !log.last().is_some_and(LogEntry::is_terminal) {
        let News { head, entries, .. } = within(watch.next()).await.unwrap();
        let seen = log.last().map_or(0, |entry| entry.seq);
        if entries.first().is_some_and(|entry| entry.seq <= seen + 1) {
            log.extend(entries.iter().filter(|entry| entry.seq > seen).cloned());
        } else if head > seen {
            log.extend(store.events(task, seen, 1_000_000).await.unwrap());
        }
    }
    log
}

/// Goal: whenever a watcher comes, the store and then the news give it every event once, and the end.
pub async fn a_watch_begun_at_any_time_misses_nothing(trial: Trial) {
    for _ in 0..10 {
        let mut held = trial.running().await;
        let followers = (0..12).map(|place| {
            let (feed, store, task) = (trial.feed.clone(), trial.store(), held.task);
            tokio::spawn(async move {
                for _ in 0..place {
                    tokio::task::yield_now().await;
                }
                let watch = feed.watch(task);
                follow(store, task, watch).await
            })
        });
        let followers: Vec<_> = followers.collect();
        for number in 0..8 {
            held.send(&*trial.store(), held.go_on(&[line(&number.to_string())])).await.unwrap();
        }
        held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
        let log = trial.store().events(held.task, 0, 1_000_000).await.unwrap();
        for follower in followers {
            assert_eq!(follower.await.unwrap(), log);
        }
    }
}

/// Goal: news of a task comes in the order of its log, whoever writes.
pub async fn news_comes_in_order(trial: Trial) {
    let mut held = trial.running().await;
    let mut watch = trial.feed.watch(held.task);
    let task = held.task;
    let senders = (0..3).map(|_| {
        let store = trial.store();
        tokio::spawn(async move {
            for _ in 0..20 {
                store.signal(&Tenant::default(), new_signal(task, "go")).await.unwrap();
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    for _ in 0..20 {
        held.send(&*trial.store(), held.go_on(&[line("a"), line("b")])).await.unwrap();
    }
    for sender in senders {
        sender.await.unwrap();
    }
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    let mut seen = 2;
    while seen < 2 + 40 + 60 + 1 {
        let news = within(watch.next()).await.unwrap();
        assert_eq!(news.task, task);
        for entry in news.entries.iter() {
            assert_eq!(entry.seq, seen + 1);
            seen += 1;
        }
        assert!(news.entries.is_empty() || news.head == seen);
        seen = seen.max(news.head);
    }
}

/// Goal: who watches hears nothing of what did not happen.
pub async fn a_refused_write_is_no_news(trial: Trial) {
    let mut held = trial.running().await;
    let stale = Held { claim: crate::task::Claim { epoch: 7, id: 7 }, ..held.clone() };
    trial.signal(held.task, "news").await.unwrap();
    let mut watch = trial.feed.watch(held.task);
    trial.store().write(stale.go_on(&[line("stale")])).await.unwrap_err();
    trial.store().write(held.park(Vec::new(), None)).await.unwrap_err();
    let too_many = NewSignal { most_pending: 0, ..new_signal(held.task, "go") };
    trial.store().signal(&Tenant::default(), too_many).await.unwrap_err();
    let write = held.go_on(&[line("applied")]);
    held.send(&*trial.store(), write.clone()).await.unwrap();
    trial.store().write(write).await.unwrap();
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    let mut heads = Vec::new();
    while heads.last() != Some(&5) {
        heads.push(within(watch.next()).await.unwrap().head);
    }
    assert_eq!(heads, [4, 5]);
}

/// Goal: lists learn of each change of state that clients see, in order.
pub async fn changes_of_state_are_told(mut trial: Trial) {
    let mut changes = trial.feed.changes();
    let mut held = trial.running().await;
    held.send(&*trial.store(), held.park(vec![wait_for_signal("go", trial.now())], None)).await.unwrap();
    trial.control(held.task, Control::Pause).await.unwrap();
    trial.control(held.task, Control::Resume).await.unwrap();
    let held = trial.claim(held.task).await;
    trial.crash().await;
    trial.control(held.task, Control::Cancel).await.unwrap();
    let mut states = Vec::new();
    while states.last() != Some(&WireState::Cancelled) {
        let change = within(changes.recv()).await.unwrap().change;
        assert_eq!((change.task, &*change.flow), (held.task, super::trial::FLOW));
        // Telling one state twice harms nobody.
        if states.last() != Some(&change.state) {
            states.push(change.state);
        }
    }
    use WireState::{Cancelled, Paused, Pending, Progress, Waiting};
    assert_eq!(states, [Pending, Progress, Waiting, Paused, Progress, Cancelled]);
}

/// Goal: an idle worker is rung for whatever makes a task due, so that it need not ask again and again.
pub async fn work_rings_the_line(trial: Trial) {
    trial.hush();
    let task = trial.start().await;
    trial.line_rings().await;
    let mut held = trial.claim(task).await;
    trial.hush();
    held.send(&*trial.store(), held.release(trial.now())).await.unwrap();
    trial.line_rings().await;
    let mut held = trial.claim(task).await;
    let parent = Some(Parent { task, step: "child".into() });
    let child = NewTask { parent, ..trial.new_task_of("child_flow") };
    let child_id = child.id;
    let write = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
    trial.hush();
    held.send(&*trial.store(), write).await.unwrap();
    trial.line_rings().await;
    let waits = vec![wait_for_child(&"child".into(), child_id, trial.now())];
    held.send(&*trial.store(), held.park(waits, None)).await.unwrap();
    let mut child = trial.claim(child_id).await;
    trial.hush();
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    trial.line_rings().await;
    let mut held = trial.claim(task).await;
    trial.hush();
    held.send(&*trial.store(), held.park(Vec::new(), Some(trial.now()))).await.unwrap();
    trial.line_rings().await;
}

/// Goal: a running task is rung for whatever an outsider wrote for it.
pub async fn outsiders_ring_the_running(trial: Trial) {
    let mut held = trial.running().await;
    let parent = Some(Parent { task: held.task, step: "child".into() });
    let child = NewTask { parent, ..trial.new_task_of("child_flow") };
    let child_id = child.id;
    let write = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
    held.send(&*trial.store(), write).await.unwrap();
    let mut child = trial.claim(child_id).await;
    let ear = trial.bell.listen(held.task);
    trial.signal(held.task, "go").await.unwrap();
    within(ear.rung()).await;
    trial.control(held.task, Control::Pause).await.unwrap();
    within(ear.rung()).await;
    child.send(&*trial.store(), child.end(TaskState::Succeeded)).await.unwrap();
    within(ear.rung()).await;
    trial.control(held.task, Control::Cancel).await.unwrap();
    within(ear.rung()).await;
    let parent = Some(Parent { task: held.task, step: "late".into() });
    let late = NewTask { parent, ..trial.new_task_of("child_flow") };
    let late_id = late.id;
    let write = TaskWrite { children: vec![late], ..held.go_on(&[line("a late child")]) };
    held.send(&*trial.store(), write).await.unwrap();
    trial.claim(late_id).await;
    let late_ear = trial.bell.listen(late_id);
    held.send(&*trial.store(), held.end(TaskState::Cancelled)).await.unwrap();
    within(late_ear.rung()).await;
    assert!(trial.record(late_id).await.cancelling);
}
