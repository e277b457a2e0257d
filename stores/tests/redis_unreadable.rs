//! Notifications in Redis that cannot be read: each is set aside with its reason, and stands in nobody's way.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{Channel, NotificationId, NotificationState};
use caudal_engine::ports::{NotificationOutbox, SendOutcome, StoreError, TaskStore};
use caudal_engine::task::WorkerId;
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::outbox_conformance::{OutboxHarness, OutboxTrial};
use caudal_stores::live_and_kept::LiveOutbox;
use caudal_stores::redis::RedisStore;
use redis_support::{open_store, settings_of, shared_server};

struct Redis(Arc<RedisStore>);

#[async_trait]
impl OutboxHarness for Redis {
    fn tasks(&self) -> Arc<dyn TaskStore> {
        self.0.clone()
    }

    fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        self.0.clone()
    }

    async fn holders_die(&mut self) {}
}

/// A trial, its store, and what all keys begin with.
struct Place {
    trial: OutboxTrial,
    store: Arc<RedisStore>,
    prefix: String,
}

impl Place {
    async fn open() -> Self {
        let parts = Parts::default();
        let settings = settings_of(&shared_server().url(), &parts);
        let store = open_store(&settings, &parts).await;
        let trial = OutboxTrial::new(parts, Redis(store.clone()));
        Self { trial, store, prefix: format!("{}{{p0}}:", settings.prefix) }
    }

    fn set(&self, id: NotificationId, field: &str, value: &str) {
        shared_server().ask(&["HSET", &format!("{}n:{id}", self.prefix), field, value]);
    }

    fn ask(&self, command: &str, name: &str, rest: &[&str]) {
        let key = format!("{}{name}", self.prefix);
        shared_server().ask(&[&[command, &key], rest].concat());
    }

    fn count(&self, name: &str) -> String {
        let answer = shared_server().ask(&["ZCARD", &format!("{}{name}", self.prefix)]);
        answer.trim().trim_start_matches(':').to_owned()
    }

    async fn counted(&self) -> Vec<(NotificationState, u64)> {
        let counts = self.store.outbox_stats().await.unwrap().counts;
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    fn is_aside(&self, id: NotificationId) -> bool {
        let answer = shared_server().ask(&["HEXISTS", &format!("{}naside", self.prefix), &id.to_string()]);
        answer.trim().trim_start_matches(':') == "1"
    }
}

/// Goal: of a claimed batch those that can be read are sent; the others are out of the line, and count for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_claimed_without_those_that_cannot_be_read() {
    let place = Place::open().await;
    let trial = &place.trial;
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(trial.put(&format!("a{number}@example.org")).await);
    }
    place.set(ids[0], "body", "{");
    place.set(ids[1], "attempts", "many");
    place.set(ids[2], "channel", "q");
    place.set(ids[3], "created", "yesterday");
    place.ask("HDEL", &format!("n:{}", ids[4]), &["tenant"]);
    place.ask("DEL", &format!("n:{}", ids[5]), &[]);
    place.ask("DEL", &format!("n:{}", ids[6]), &[]);
    place.ask("SET", &format!("n:{}", ids[6]), &["no hash"]);
    let claimed = trial.claim_mails(10).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.record.id).collect::<Vec<_>>(), [ids[7]]);
    assert!(ids[..5].iter().all(|id| place.is_aside(*id)));
    assert!(trial.claim_mails(10).await.is_empty());
    for line in ["o:m", "no"] {
        assert_eq!(place.count(line), "1", "{line}");
    }
    assert!(trial.settle(&claimed[0], SendOutcome::Sent).await);
    place.ask("DEL", &format!("n:{}", ids[6]), &[]);
    let listed = trial.list(trial.filter()).await;
    assert_eq!(listed, [ids[7], ids[4]], "a list leaves out what it cannot read");
}

/// Goal: what has ended is handed over although some of it is gone or cannot be read, also when these are more than one
/// asks for at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archiving_goes_on_beside_what_cannot_be_read() {
    let place = Place::open().await;
    let trial = &place.trial;
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = trial.put(&format!("a{number}@example.org")).await;
        assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
        trial.later();
        ids.push(id);
    }
    place.ask("DEL", &format!("n:{}", ids[0]), &[]);
    place.set(ids[1], "body", "{");
    place.set(ids[2], "ended", "");
    place.set(ids[3], "state", "queued");
    place.set(ids[3], "ended", "");
    let ended = place.store.ended(Duration::ZERO, 1).await.unwrap();
    assert_eq!(ended.iter().map(|record| record.id).collect::<Vec<_>>(), [ids[4]]);
    place.store.let_go(&ended).await.unwrap();
    assert!(place.store.ended(Duration::ZERO, 10).await.unwrap().is_empty());
    assert_eq!(place.count("ne"), "0");
    assert!(place.is_aside(ids[1]) && place.is_aside(ids[2]));
}

/// Goal: one whose outcome cannot be stored is not sent again and again: it is set aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_settled_is_not_sent_for_ever() {
    let place = Place::open().await;
    let trial = &place.trial;
    let id = trial.put("a@example.org").await;
    let claimed = trial.claim().await;
    place.ask("HDEL", &format!("n:{id}"), &["tenant"]);
    let settled = place.store.settle(id, claimed.claim, SendOutcome::Sent).await;
    assert!(matches!(settled, Err(StoreError::Corrupt(_))), "{settled:?}");
    assert!(place.is_aside(id));
    trial.clock.advance(Duration::from_secs(3_600));
    assert!(trial.claim_mails(10).await.is_empty());
    assert_eq!(trial.state(trial.put("b@example.org").await).await, NotificationState::Queued);
}

/// Goal: setting aside is done whole or not at all: what cannot be noted down as aside, or be counted, stays in its line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_aside_is_never_half_done() {
    for broken in ["naside", "ne", "counts"] {
        let place = Place::open().await;
        let trial = &place.trial;
        let id = trial.put("a@example.org").await;
        place.set(id, "attempts", "many");
        place.ask("DEL", broken, &[]);
        place.ask("SET", broken, &["broken"]);
        let worker = WorkerId::new("sender");
        let refused = place.store.claim_notifications(&worker, Channel::Mail, 5).await;
        assert!(refused.as_ref().is_ok_and(|claimed| claimed.items.is_empty()), "{broken}: {refused:?}");
        assert_eq!((place.count("o:m"), place.count("no")), ("1".to_owned(), "1".to_owned()), "{broken}");
        place.ask("DEL", broken, &[]);
        trial.clock.advance(Duration::from_secs(2));
        assert!(trial.claim_mails(5).await.is_empty());
        assert!(place.is_aside(id) && place.count("o:m") == "0", "{broken}");
    }
}

/// Goal: one that was set aside and can be read again is counted once, whether it is sent again or forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_aside_is_counted_out_once() {
    let place = Place::open().await;
    let trial = &place.trial;
    let mut ids = Vec::new();
    for number in 0..2 {
        ids.push(trial.put(&format!("a{number}@example.org")).await);
        assert!(trial.settle(&trial.claim().await, SendOutcome::Failed { error: "no such box".to_owned() }).await);
    }
    ids.iter().for_each(|id| place.set(*id, "body", "{"));
    assert!(place.store.ended(Duration::ZERO, 10).await.unwrap().is_empty());
    assert!(ids.iter().all(|id| place.is_aside(*id)));
    ids.iter().for_each(|id| place.set(*id, "body", "{}"));
    place.store.resend(&Default::default(), ids[0]).await.unwrap();
    assert_eq!(place.counted().await, [(NotificationState::Queued, 1)]);
    assert!(trial.settle(&trial.claim().await, SendOutcome::Failed { error: "no such box".to_owned() }).await);
    assert_eq!(place.counted().await, [(NotificationState::Failed, 1)]);
    let failed = place.store.ended(Duration::ZERO, 10).await.unwrap();
    place.store.let_go(&failed).await.unwrap();
    place.ask("ZADD", "ne", &["0", &ids[1].to_string()]);
    assert_eq!(place.store.clean_notifications(Duration::ZERO, 10).await.unwrap(), 1);
    assert!(ids.iter().all(|id| !place.is_aside(*id)));
    assert_eq!(place.counted().await, []);
}

/// Goal: of one that is older than the count of its tries each attempt counts as one, for whoever claims it, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_count_where_no_tries_are_known() {
    let place = Place::open().await;
    let id = place.trial.put("a@example.org").await;
    place.set(id, "attempts", "4");
    place.ask("HDEL", &format!("n:{id}"), &["tries"]);
    let claimed = place.trial.claim().await;
    assert_eq!((claimed.record.attempts, claimed.record.tries), (5, 5));
}

/// Goal: what cannot be read and cannot be set aside either takes none along that was claimed with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_set_aside_takes_no_other_along() {
    let place = Place::open().await;
    let trial = &place.trial;
    let (bad, good) = (trial.put("a@example.org").await, trial.put("b@example.org").await);
    place.set(bad, "body", "{");
    place.ask("SET", "naside", &["no hash"]);
    let claimed = trial.claim_mails(10).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.record.id).collect::<Vec<_>>(), [good]);
}

/// Goal: one that can be read is not set aside because the server refused its outcome for another reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_sets_nothing_aside_that_can_be_read() {
    let place = Place::open().await;
    let id = place.trial.put("a@example.org").await;
    let claimed = place.trial.claim().await;
    place.ask("DEL", "counts", &[]);
    place.ask("SET", "counts", &["no hash"]);
    assert!(place.store.settle(id, claimed.claim, SendOutcome::Sent).await.is_err());
    assert!(!place.is_aside(id));
    place.ask("DEL", "counts", &[]);
    assert!(place.trial.settle(&claimed, SendOutcome::Sent).await);
}
