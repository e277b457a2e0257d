//! A Redis store of several partitions: tasks are spread, keys have a home, and the number grows while it is used.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::notification::{Channel, NewNotification, NotificationId};
use caudal_engine::ports::{
    CreateRefused, Created, NotificationOutbox, SendOutcome, StoreError, TaskFilter, TaskStore,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Json, NewTask, TaskId, TaskState, Tenant, WorkerId, home_of_key};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::Held;
use caudal_stores::redis::RedisSettings;
use redis_support::keyspace::Keyspace;
use redis_support::monitor;
use redis_support::proxy::Proxy;
use redis_support::redis_server::RedisServer;
use redis_support::spread::open;
use redis_support::{settings_of, shared_server};

fn of(partitions: u16) -> RedisSettings {
    let mut settings = settings_of(&shared_server().url(), &Parts::default());
    settings.limits.line_per_tenant = 10_000;
    settings.limits.outbox_per_tenant = 10_000;
    RedisSettings { partitions: Some(partitions), ..settings }
}

fn keyed(new: NewTask, key: &str, body: u8) -> NewTask {
    NewTask { idempotency: Some(Idempotency { key: key.to_owned(), body_hash: [body; 32] }), ..new }
}

/// A key whose home is another partition than this.
fn key_away_from(partition: u16, partitions: u16) -> String {
    let keys = (0..).map(|number| format!("key {number}"));
    keys.into_iter().find(|key| home_of_key(&Tenant::default(), key, partitions) != partition).unwrap()
}

/// Goal: a claim takes from all partitions, no more than asked for, and says when something is due anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_go_round() {
    let spread = open(&of(4)).await;
    let expected: BTreeSet<TaskId> = spread.fill(4, 3).await.into_iter().collect();
    let later = spread.scene.trial.now() + Duration::from_secs(60);
    spread.create(NewTask { due_at: later, ..spread.new_task(3) }).await.unwrap();
    let mut taken = BTreeSet::new();
    while taken.len() < 12 {
        let claimed = spread.store.claim_next(spread.request(5)).await.unwrap();
        assert!(claimed.tasks.len() <= 5);
        let is_last = taken.len() + claimed.tasks.len() == 12;
        assert_eq!(claimed.next_due.unwrap() > spread.scene.trial.now(), is_last);
        taken.extend(claimed.tasks.into_iter().map(|claimed| claimed.task.id));
    }
    assert_eq!(taken, expected);
    assert_eq!(spread.store.claim_next(spread.request(5)).await.unwrap().next_due, Some(later));
    let mut limited = spread.request(9);
    limited.flows = [caudal_engine::ports::KnownFlow { free: Some(2), ..limited.flows[0].clone() }].into();
    spread.fill(4, 1).await;
    assert_eq!(
        spread.store.claim_next(limited).await.unwrap().tasks.len(),
        2,
        "the free places are for all partitions"
    );
}

/// Goal: a mail whose next try has come, which rings no bell, is sent although others come in without end elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_hides_no_retry_elsewhere() {
    let spread = open(&of(4)).await;
    let (store, clock, sender) = (&spread.store, &spread.scene.trial.clock, WorkerId::new("sender"));
    let put = async |partition, number: u64| {
        let id = NotificationId::first(spread.scene.trial.now(), partition, number << 20);
        let (channel, recipient) = (Channel::Mail, "ana@example.org".into());
        let mail = NewNotification { id, channel, recipient, body: Json::null() };
        store.put(&Tenant::default(), vec![mail], None).await.unwrap().unwrap();
        id
    };
    let claim = async || store.claim_notifications(&sender, Channel::Mail, 1).await.unwrap().items.remove(0);
    let tried = put(2, 1).await;
    let due_at = spread.scene.trial.now() + Duration::from_secs(5);
    let outcome = SendOutcome::Deferred { due_at, error: "later, please".to_owned() };
    assert!(store.settle(tried, claim().await.claim, outcome).await.unwrap());
    for number in 2..42 {
        put(0, number).await;
    }
    // From here on the burst has rung, and nobody else has.
    claim().await;
    clock.advance(Duration::from_secs(6));
    let mut claims = 0;
    while claim().await.record.id != tried {
        claims += 1;
        assert!(claims < 39, "only the burst is heard");
    }
}

/// Goal: a list is in one order over all partitions, page by page; figures are sums; a rescue looks everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_is_asked_everywhere() {
    let spread = open(&of(4)).await;
    let mut expected = spread.fill(4, 40).await;
    expected.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    let mut seen = Vec::new();
    let mut filter = TaskFilter { limit: 7, ..TaskFilter::default() };
    loop {
        let page = spread.store.list(&filter).await.unwrap();
        seen.extend(page.items.into_iter().map(|record| record.id));
        filter.cursor = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let claimed = spread.store.claim_next(spread.request(8)).await.unwrap().tasks;
    let stats = spread.store.stats().await.unwrap();
    let count = |state| stats.tasks.iter().find(|(_, known, _)| *known == state).map(|(.., count)| *count);
    assert_eq!((count(TaskState::Queued), count(TaskState::Running)), (Some(152), Some(8)));
    assert_eq!((stats.due, stats.in_line[0].2), (152, 152));
    let claims: Vec<_> = claimed.iter().map(|claimed| (claimed.task.id, claimed.claim)).collect();
    let renewed = spread.store.renew(&spread.request(1).worker, &claims).await.unwrap();
    assert!(renewed.iter().zip(&claims).all(|(renewed, (task, _))| renewed.task == *task && renewed.held));
    spread.scene.trial.clock.advance(spread.store.lease().unwrap());
    assert_eq!(spread.store.rescue(5).await.unwrap().len(), 5);
    assert_eq!(spread.store.rescue(100).await.unwrap().len(), 3);
}

/// Goal: an idempotency key answers the first task for a day, wherever the key and the task live and however many ask at
/// once; another body is a conflict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_may_live_apart_from_its_task() {
    let spread = Arc::new(open(&of(4)).await);
    let key = key_away_from(1, 4);
    let starts = (0..16).map(|number| {
        let (spread, new) = (spread.clone(), keyed(spread.new_task(number % 4), &key, 1));
        tokio::spawn(async move { spread.create(new).await.unwrap() })
    });
    let starts: Vec<_> = starts.collect();
    let mut answers = Vec::new();
    for start in starts {
        answers.push(start.await.unwrap());
    }
    let first = answers[0].id;
    assert!(answers.iter().all(|answer| answer.id == first), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.new).count(), 1, "{answers:?}");
    assert_eq!(spread.store.claim_next(spread.request(20)).await.unwrap().tasks.len(), 1);
    for partition in 0..4 {
        let other = spread.create(keyed(spread.new_task(partition), &key, 2)).await;
        assert_eq!(other, Err(CreateRefused::IdempotencyConflict { first }));
    }
    spread.scene.trial.clock.advance(Duration::from_secs(24 * 3600));
    assert!(spread.create(keyed(spread.new_task(1), &key, 2)).await.unwrap().new);
}

/// Goal: a start with both keys that met an earlier task keeps that answer when the earlier one has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_met_another_keeps_its_answer() {
    let spread = open(&of(4)).await;
    let home = home_of_key(&Tenant::default(), "report", 4);
    let key = key_away_from(home, 4);
    let unique = || NewTask { unique_key: Some("report".to_owned()), ..spread.new_task(home) };
    let holder = spread.create(unique()).await.unwrap();
    assert!(holder.new);
    let both = || keyed(unique(), &key, 1);
    assert_eq!(spread.create(both()).await, Ok(Created { id: holder.id, new: false }));
    let claimed = spread.store.claim_next(spread.request(1)).await.unwrap().tasks.remove(0);
    let mut held = Held::new(&claimed, spread.scene.trial.clock.clone());
    held.send(&*spread.store, held.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(spread.create(both()).await, Ok(Created { id: holder.id, new: false }));
    let conflict = spread.create(keyed(unique(), &key, 2)).await;
    assert_eq!(conflict, Err(CreateRefused::IdempotencyConflict { first: holder.id }));
    assert!(spread.create(unique()).await.unwrap().new, "the unique key is free again");
}

/// Goal: a start that is refused by a bound leaves its key free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_start_keeps_no_key() {
    let mut settings = of(4);
    settings.limits.line_per_tenant = 4;
    let spread = open(&settings).await;
    let key = key_away_from(1, 4);
    let running = spread.create(spread.new_task(1)).await.unwrap().id;
    assert_eq!(spread.create(keyed(spread.new_task(1), &key, 1)).await, Err(CreateRefused::LineFull));
    let claimed = spread.store.claim_next(spread.request(1)).await.unwrap().tasks.remove(0);
    assert_eq!(claimed.task.id, running);
    let mut held = Held::new(&claimed, spread.scene.trial.clock.clone());
    held.send(&*spread.store, held.end(TaskState::Succeeded)).await.unwrap();
    assert!(spread.create(keyed(spread.new_task(1), &key, 2)).await.unwrap().new, "the key was used for nothing");
}

/// Goal: who found the reservation of a start that was refused, and then got through, is answered to all who repeat it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_start_forgets_no_other() {
    let mut settings = of(4);
    settings.limits.line_per_tenant = 4;
    let spread = open(&settings).await;
    let key = key_away_from(1, 4);
    spread.create(spread.new_task(1)).await.unwrap();
    let refused = spread.new_task(1);
    let monitor = shared_server().monitor();
    assert_eq!(spread.create(keyed(refused.clone(), &key, 1)).await, Err(CreateRefused::LineFull));
    let ours = settings.prefix.as_bytes();
    let scripts = monitor.lines().iter().map(|line| monitor::words(line)).collect::<Vec<_>>();
    let mut scripts = scripts.into_iter().filter(|words| words.get(3).is_some_and(|key| key.starts_with(ours)));
    let mut settle = scripts.next_back().unwrap();
    assert_eq!(settle.pop().unwrap(), b"", "the last word of the refused one was that nothing was created");
    let claimed = spread.store.claim_next(spread.request(1)).await.unwrap().tasks.remove(0);
    let mut held = Held::new(&claimed, spread.scene.trial.clock.clone());
    held.send(&*spread.store, held.end(TaskState::Succeeded)).await.unwrap();
    // The other one, who had come in between with the same request, creates by the same id, and says so.
    assert!(spread.create(refused.clone()).await.unwrap().new);
    settle.push(refused.id.to_string().into_bytes());
    let words = settle.iter().fold(redis::Cmd::new(), |mut command, word| {
        command.arg(word);
        command
    });
    Keyspace::of(&shared_server().url(), "").await.send(&words).await.unwrap();
    for partition in 0..4 {
        let repeated = spread.create(keyed(spread.new_task(partition), &key, 1)).await;
        assert_eq!(repeated, Ok(Created { id: refused.id, new: false }));
    }
}

/// Goal: a key that was only reserved, by who died before the task was there, answers no task that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_is_no_task() {
    let settings = of(4);
    let spread = open(&settings).await;
    let proxy = Proxy::before(shared_server().port).await;
    let dying = open(&RedisSettings { url: proxy.url.clone(), ..settings }).await;
    let key = key_away_from(1, 4);
    let home = home_of_key(&Tenant::default(), &key, 4);
    proxy.lose_an_answer(0);
    let lost = dying.store.create(vec![keyed(dying.new_task(1), &key, 1)]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))) && proxy.has_lost_one(), "{lost:?}");
    let created = spread.create(keyed(spread.new_task(home), &key, 1)).await.unwrap();
    assert!(created.new);
    assert!(spread.store.task(&Tenant::default(), created.id).await.unwrap().is_some());
    let repeated = spread.create(keyed(spread.new_task(home), &key, 1)).await;
    assert_eq!(repeated, Ok(Created { id: created.id, new: false }));
}

/// Goal: a start whose process died before the key's home heard of it is done once, also when its task has ended and is
/// forgotten before the start is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_nobody_settled_is_done_once() {
    let settings = of(4);
    let spread = open(&settings).await;
    let proxy = Proxy::before(shared_server().port).await;
    let dying = open(&RedisSettings { url: proxy.url.clone(), ..settings }).await;
    let key = key_away_from(1, 4);
    let new = dying.new_task(1);
    let id = new.id;
    // The first answer is that of the reservation.
    proxy.lose_an_answer(1);
    let lost = dying.store.create(vec![keyed(new, &key, 1)]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))) && proxy.has_lost_one(), "{lost:?}");
    spread.scene.trial.clock.advance(Duration::from_secs(1));
    let claimed = spread.store.claim_next(spread.request(1)).await.unwrap().tasks.remove(0);
    assert_eq!(claimed.task.id, id);
    let mut held = Held::new(&claimed, spread.scene.trial.clock.clone());
    held.send(&*spread.store, held.end(TaskState::Succeeded)).await.unwrap();
    spread.store.delete(&Tenant::default(), id).await.unwrap();
    for partition in 0..4 {
        let repeated = spread.create(keyed(spread.new_task(partition), &key, 1)).await;
        assert_eq!(repeated, Ok(Created { id, new: false }));
    }
    assert!(spread.store.claim_next(spread.request(1)).await.unwrap().tasks.is_empty());
}

/// Goal: a page reads hardly more tasks than it shows, however many partitions there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_reads_what_it_shows() {
    let server = RedisServer::start();
    let spread = open(&RedisSettings { url: server.url(), ..of(4) }).await;
    spread.fill(4, 30).await;
    let monitor = server.monitor();
    let page = spread.store.list(&TaskFilter { limit: 10, ..TaskFilter::default() }).await.unwrap();
    let read = monitor.lines().iter().filter(|line| line.contains("HGETALL")).count();
    assert_eq!(page.items.len(), 10);
    assert!(read <= 11, "{read} tasks were read for a page of ten");
}

/// Goal: the number of partitions grows under a running process: it learns of it, keys of before keep their answers, and
/// a start by the old number is not lost between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_grows_while_it_is_used() {
    let small = of(1);
    let old = open(&small).await;
    let (key, unique) = (key_away_from(0, 4), key_away_from(0, 4));
    let first = old.create(keyed(old.new_task(0), &key, 1)).await.unwrap();
    let holder = NewTask { unique_key: Some(unique.clone()), ..old.new_task(0) };
    let holder = old.create(holder).await.unwrap();
    let large = RedisSettings { partitions: Some(4), ..small.clone() };
    let new = open(&large).await;
    assert_eq!(new.store.partitions(), 4);
    let home = home_of_key(&Tenant::default(), &key, 4);
    assert_eq!(new.create(keyed(new.new_task(home), &key, 1)).await, Ok(Created { id: first.id, new: false }));
    let conflict = new.create(keyed(new.new_task(home), &key, 2)).await;
    assert_eq!(conflict, Err(CreateRefused::IdempotencyConflict { first: first.id }));
    let again = NewTask { unique_key: Some(unique.clone()), ..new.new_task(home) };
    assert_eq!(new.create(again).await, Ok(Created { id: holder.id, new: false }));
    let mut keys = (0..).map(|n| format!("second {n}"));
    let second = keys.find(|key| home_of_key(&Tenant::default(), key, 4) == home).unwrap();
    let both = || keyed(NewTask { unique_key: Some(unique.clone()), ..new.new_task(home) }, &second, 1);
    assert_eq!(new.create(both()).await, Ok(Created { id: holder.id, new: false }));
    // The old process is told, unless it has asked by itself already.
    let other = (0..).map(|n| format!("fresh {n}")).find(|key| home_of_key(&Tenant::default(), key, 4) != 0).unwrap();
    let answer = old.store.create(vec![keyed(old.new_task(0), &other, 1)]).await;
    assert!(
        matches!(&answer, Err(StoreError::Unavailable(what)) if what.contains("grown")) || answer.is_ok(),
        "{answer:?}"
    );
    assert_eq!(old.store.partitions(), 4);
    let created = old.create(keyed(old.new_task(3), &other, 1)).await.unwrap();
    let repeated = new.create(keyed(new.new_task(2), &other, 1)).await.unwrap();
    assert_eq!((repeated.id, repeated.new), (created.id, false));
    assert_eq!(open(&small).await.store.partitions(), 4, "it does not shrink");
    let claimed = old.store.claim_next(old.request(20)).await.unwrap().tasks;
    assert_eq!(claimed.len(), 3);
    // The key keeps the answer that it was given by whoever held the unique key, when that one has ended.
    let of_holder = claimed.iter().find(|claimed| claimed.task.id == holder.id).unwrap();
    let mut held = Held::new(of_holder, new.scene.trial.clock.clone());
    held.send(&*new.store, held.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(new.create(both()).await, Ok(Created { id: holder.id, new: false }));
}
