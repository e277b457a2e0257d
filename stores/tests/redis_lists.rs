//! What a list over Redis costs: how many tasks or notifications it looks at, and how much of them.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::collections::BTreeSet;
use std::time::Duration;

use caudal_engine::notification::{Channel, NewNotification, NotificationId};
use caudal_engine::ports::{
    Control, IdSource, NotificationFilter, NotificationOutbox, NotificationPage, RandomIds, TaskFilter, TaskStore,
};
use caudal_engine::task::{Json, NewTask, TaskId, Timestamp, WireState};
use caudal_engine::testing::conformance::Parts;
use caudal_stores::redis::RedisSettings;
use redis_support::keyspace::Keyspace;
use redis_support::monitor;
use redis_support::redis_server::RedisServer;
use redis_support::settings_of;
use redis_support::spread::{Spread, open};

fn settings_on(server: &RedisServer, partitions: u16) -> RedisSettings {
    let mut settings = settings_of(&server.url(), &Parts::default());
    settings.limits.line_per_tenant = 10_000;
    settings.limits.outbox_per_tenant = 10_000;
    RedisSettings { partitions: Some(partitions), ..settings }
}

fn of_states(states: &[WireState]) -> TaskFilter {
    TaskFilter { states: states.to_vec(), limit: 50, ..TaskFilter::default() }
}

/// All pages of a list, and of how many tasks Redis looked at something for it.
async fn listed(server: &RedisServer, spread: &Spread, mut filter: TaskFilter) -> (Vec<TaskId>, usize) {
    let seen = server.monitor();
    let mut ids = Vec::new();
    loop {
        let page = spread.store.list(&filter).await.unwrap();
        ids.extend(page.items.into_iter().map(|record| record.id));
        filter.cursor = page.next;
        if page.next.is_none() {
            break;
        }
    }
    let keys = seen.lines().into_iter().flat_map(|line| monitor::words(&line));
    let tasks: BTreeSet<Vec<u8>> = keys.filter(|key| String::from_utf8_lossy(key).contains("}:t:")).collect();
    (ids, tasks.len())
}

async fn some_in_rare_states(spread: &Spread, partitions: u16) -> [TaskId; 3] {
    let rare = spread.fill(partitions, 1).await;
    let control = |task: TaskId, control: Control| async move {
        spread.store.control(&Default::default(), task, control).await.unwrap();
    };
    control(rare[0], Control::Pause).await;
    control(rare[1], Control::Cancel).await;
    control(rare[2], Control::Cancel).await;
    spread.fill(partitions, 100).await;
    [rare[0], rare[1], rare[2]]
}

/// Goal: a list of a state that few tasks are in looks at these few, however many others there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rare_states_are_found_without_looking_at_the_others() {
    let server = RedisServer::start();
    let spread = open(&settings_on(&server, 4)).await;
    let [paused, one, other] = some_in_rare_states(&spread, 4).await;
    for (states, expected) in [
        (&[WireState::Paused][..], BTreeSet::from([paused])),
        (&[WireState::Cancelled], [one, other].into()),
        (&[WireState::Paused, WireState::Cancelled], [paused, one, other].into()),
        (&[WireState::Failure, WireState::Waiting], BTreeSet::new()),
    ] {
        let (ids, looked) = listed(&server, &spread, of_states(states)).await;
        assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), expected, "{states:?}");
        assert!(ids.is_sorted_by(|one, next| one > next) && looked <= 3, "{states:?}: {looked} tasks were looked at");
    }
    spread.store.control(&Default::default(), paused, Control::Resume).await.unwrap();
    spread.store.delete(&Default::default(), one).await.unwrap();
    let all = of_states(&[WireState::Paused, WireState::Cancelled]);
    assert_eq!(listed(&server, &spread, all).await, (vec![other], 1));
    let others = of_states(&[WireState::Pending, WireState::Cancelled]);
    assert_eq!(listed(&server, &spread, others).await.0.len(), 403);
}

/// Goal: tasks that are older than the lists by state are found all the same, and are put into these when the store is
/// opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_tasks_come_into_the_lists() {
    let server = RedisServer::start();
    let settings = settings_on(&server, 4);
    let spread = open(&settings).await;
    let [paused, one, other] = some_in_rare_states(&spread, 4).await;
    let mut keyspace = Keyspace::of(&server.url(), &settings.prefix).await;
    for partition in 0..4 {
        for name in ["listed", "i:paused:default", "i:cancelled:default"] {
            let key = keyspace.key(&format!("{{p{partition}}}:{name}"));
            keyspace.ask(&["DEL", &key]).await;
        }
    }
    let rare = of_states(&[WireState::Paused, WireState::Cancelled]);
    let expected = BTreeSet::from([paused, one, other]);
    let (ids, looked) = listed(&server, &spread, rare.clone()).await;
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(looked > 400, "they were looked for among all");
    spread.store.shutdown().await;
    let again = open(&settings).await;
    for partition in 0..4 {
        let key = keyspace.key(&format!("{{p{partition}}}:listed"));
        while keyspace.ask(&["EXISTS", &key]).await != redis::Value::Int(1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let (ids, looked) = listed(&server, &again, rare).await;
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(looked <= 3, "{looked} tasks were looked at");
}

/// Goal: large inputs make pages short and never an answer large; going on from page to page shows every task once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_inputs_make_short_pages() {
    const INPUT: usize = 1_000_000;
    let server = RedisServer::start();
    let spread = open(&settings_on(&server, 2)).await;
    let mut expected = Vec::new();
    for number in 0..40 {
        let input = Json::of(&"x".repeat(INPUT)).unwrap();
        let new = NewTask { input, ..spread.new_task(number % 2) };
        expected.push(new.id);
        spread.create(new).await.unwrap();
    }
    expected.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    let of_text = TaskFilter { text: Some("nowhere".to_owned()), limit: 50, ..TaskFilter::default() };
    for (filter, expected) in [(of_states(&[WireState::Pending]), expected), (of_text, Vec::new())] {
        let (mut filter, mut seen, mut pages) = (filter, Vec::new(), 0);
        loop {
            let page = spread.store.list(&filter).await.unwrap();
            let bytes: usize = page.items.iter().map(|record| record.input.len()).sum();
            assert!(bytes <= 24 * INPUT, "{bytes} in one page");
            seen.extend(page.items.into_iter().map(|record| record.id));
            pages += 1;
            filter.cursor = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected);
        assert!(pages > 1, "one page held or looked at all of it");
    }
    let most = server.ask(&["INFO", "clients"]);
    let buffer = most.lines().find_map(|line| line.strip_prefix("client_recent_max_output_buffer:")).unwrap();
    assert!(buffer.trim().parse::<usize>().unwrap() < 6 * INPUT, "an answer of {buffer} bytes");
}

/// Goal: a page over many partitions goes through what it has found in them, not a few of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_partitions_make_no_short_pages() {
    const PARTITIONS: u16 = 128;
    const EACH: u16 = 200;
    let server = RedisServer::start();
    let settings = settings_on(&server, PARTITIONS);
    let spread = open(&settings).await;
    let first = spread.new_task(0).created_at.as_millis();
    let times = (first..).take(usize::from(EACH)).map(Timestamp::from_millis);
    for partition in 0..PARTITIONS {
        // What is listed and has just been deleted is looked at, too, and is quickly made.
        let ids: Vec<String> = times.clone().map(|at| RandomIds.task_id(at, partition).to_string()).collect();
        let key = format!("{}{{p{partition}}}:a:default", settings.prefix);
        let scored = ids.iter().flat_map(|id| ["0", id]);
        server.ask(&["ZADD", &key].into_iter().chain(scored).collect::<Vec<_>>());
    }
    let filter = TaskFilter { text: Some("nowhere".to_owned()), limit: 50, ..TaskFilter::default() };
    let mut cursor = None;
    for _ in 0..3 {
        let page = spread.store.list(&TaskFilter { cursor, ..filter.clone() }).await.unwrap();
        cursor = page.next;
        if cursor.is_none() {
            return;
        }
    }
    assert_eq!(cursor, None, "three pages do not go through {} tasks", PARTITIONS * EACH);
}

/// Stores as many notifications, spread over the partitions; answers them newest first.
async fn notified(spread: &Spread, partitions: u16, count: u16, body: &Json) -> Vec<NotificationId> {
    let mut ids = Vec::new();
    for number in 0..count {
        spread.scene.trial.clock.advance(Duration::from_millis(1));
        let id = NotificationId::first(spread.scene.trial.now(), number % partitions, RandomIds.random());
        let recipient = format!("a{number}@example.org").into();
        let new = NewNotification { id, channel: Channel::Mail, recipient, body: body.clone() };
        spread.store.put(&Default::default(), vec![new], None).await.unwrap().unwrap();
        ids.push(id);
    }
    ids.reverse();
    ids
}

/// All pages of a list of notifications.
async fn pages_of(spread: &Spread, mut filter: NotificationFilter) -> Vec<NotificationPage> {
    let mut pages = Vec::new();
    loop {
        let page = spread.store.notifications(&filter).await.unwrap();
        filter.cursor = page.next;
        pages.push(page);
        if filter.cursor.is_none() {
            return pages;
        }
    }
}

fn shown(pages: &[NotificationPage]) -> Vec<NotificationId> {
    pages.iter().flat_map(|page| &page.items).map(|record| record.id).collect()
}

/// Goal: large notifications make pages short and never an answer large; going on from page to page shows each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_notifications_make_short_pages() {
    const BODY: usize = 1_000_000;
    let server = RedisServer::start();
    let spread = open(&settings_on(&server, 2)).await;
    let expected = notified(&spread, 2, 40, &Json::of(&"x".repeat(BODY)).unwrap()).await;
    let all = NotificationFilter { limit: 50, ..NotificationFilter::default() };
    let nobody = NotificationFilter { recipient: Some("nobody@example.org".to_owned()), ..all.clone() };
    let last = NotificationFilter { recipient: Some("a0@example.org".to_owned()), ..all.clone() };
    for (filter, expected) in [(all, &expected[..]), (nobody, &expected[..0]), (last, &expected[39..])] {
        let pages = pages_of(&spread, filter).await;
        assert!(pages.iter().all(|page| page.items.len() <= 24), "too much in one page");
        assert_eq!(shown(&pages), expected);
        assert!(pages.len() > 1, "one page held or looked at all of it");
    }
    let most = server.ask(&["INFO", "clients"]);
    let buffer = most.lines().find_map(|line| line.strip_prefix("client_recent_max_output_buffer:")).unwrap();
    assert!(buffer.trim().parse::<usize>().unwrap() < 6 * BODY, "an answer of {buffer} bytes");
}

/// Goal: a page of notifications reads those that it shows, not all that there are in each partition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_notifications_reads_what_it_shows() {
    let server = RedisServer::start();
    let spread = open(&settings_on(&server, 4)).await;
    let expected = notified(&spread, 4, 200, &Json::null()).await;
    for limit in [1, 10, 30] {
        let filter = NotificationFilter { limit, ..NotificationFilter::default() };
        let seen = server.monitor();
        let page = spread.store.notifications(&filter).await.unwrap();
        let words = seen.lines().into_iter().flat_map(|line| monitor::words(&line));
        let read: BTreeSet<Vec<u8>> = words.filter(|word| String::from_utf8_lossy(word).contains("}:n:")).collect();
        assert_eq!(page.next, Some(expected[limit - 1]));
        // One more tells whether there is another page.
        assert_eq!((shown(&[page]), read.len()), (expected[..limit].to_vec(), limit + 1));
    }
    let pages = pages_of(&spread, NotificationFilter { limit: 30, ..NotificationFilter::default() }).await;
    assert_eq!((shown(&pages), pages.len()), (expected, 7));
}

/// Goal: a task that cannot be read is missing in a list, and hides none of the others on any page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_read_hides_no_other() {
    let server = RedisServer::start();
    let settings = settings_on(&server, 1);
    let spread = open(&settings).await;
    let tasks = spread.fill(1, 7).await;
    for spoiled in [&tasks[0], &tasks[3], &tasks[6]] {
        server.ask(&["LSET", &format!("{}{{p0}}:l:{spoiled}", settings.prefix), "0", "{"]);
    }
    let readable = BTreeSet::from([tasks[1], tasks[2], tasks[4], tasks[5]]);
    for limit in [1, 2, 50] {
        let (ids, _) = listed(&server, &spread, TaskFilter { limit, ..TaskFilter::default() }).await;
        assert_eq!(ids.len(), readable.len());
        assert_eq!(BTreeSet::from_iter(ids), readable);
    }
}
