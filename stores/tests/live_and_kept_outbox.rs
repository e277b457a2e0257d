//! The outbox made of Redis and Postgres against the rules that hold for every outbox, where what has ended is archived
//! before anybody asks for it; and what only two parts can get wrong.

#![expect(clippy::unwrap_used, reason = "these are tests")]
#![expect(clippy::duplicate_mod, reason = "both kits bring the ports of the end-to-end tests")]

mod kit;
mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{Channel, NewNotification, NotificationId, NotificationRecord, NotificationState};
use caudal_engine::ports::{
    Admission, ClaimedNotifications, MailOfAnHour, NotificationFilter, NotificationOutbox, NotificationPage,
    OutboxStats, Put, PutRefused, ResendRefused, SendOutcome, StoreError, Suppression, TaskStore,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Claim, Tenant, WorkerId};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::outbox_conformance::{OutboxHarness, OutboxTrial};
use caudal_stores::live_and_kept::{
    LiveAndKeptOutbox, LiveAndKeptStore, LiveOutbox, OutboxArchiver, OutboxArchiverSettings,
};
use caudal_stores::postgres::PostgresStore;
use caudal_stores::redis::RedisStore;
use redis_support::{open_store, settings_of};

/// Shorter than the least turn of the rules' clock.
const REST: Duration = Duration::from_millis(1);

/// Archives before each question about what has ended.
struct Eager {
    whole: LiveAndKeptOutbox,
    archiver: OutboxArchiver,
}

impl Eager {
    async fn archived(&self) -> &LiveAndKeptOutbox {
        self.archiver.catch_up().await.unwrap();
        &self.whole
    }
}

#[async_trait]
impl NotificationOutbox for Eager {
    fn outbox_lease(&self) -> Option<Duration> {
        self.whole.outbox_lease()
    }

    async fn put(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Result<Result<Put, PutRefused>, StoreError> {
        self.whole.put(tenant, wish, idempotency).await
    }

    async fn claim_notifications(
        &self,
        worker: &WorkerId,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError> {
        self.whole.claim_notifications(worker, channel, most).await
    }

    async fn renew_notifications(&self, claims: &[(NotificationId, Claim)]) -> Result<Vec<Option<bool>>, StoreError> {
        self.whole.renew_notifications(claims).await
    }

    async fn admit(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError> {
        self.whole.admit(tenant, address, counted).await
    }

    async fn settle(&self, id: NotificationId, claim: Claim, outcome: SendOutcome) -> Result<bool, StoreError> {
        self.whole.settle(id, claim, outcome).await
    }

    async fn resend(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        self.archived().await.resend(tenant, id).await
    }

    async fn notification(
        &self,
        tenant: &Tenant,
        id: NotificationId,
    ) -> Result<Option<NotificationRecord>, StoreError> {
        self.archived().await.notification(tenant, id).await
    }

    async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        self.archived().await.notifications(filter).await
    }

    async fn suppress(&self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, StoreError> {
        self.whole.suppress(tenant, address, reason).await
    }

    async fn unsuppress(&self, tenant: &Tenant, address: &str) -> Result<bool, StoreError> {
        self.whole.unsuppress(tenant, address).await
    }

    async fn suppressions(&self, tenant: &Tenant, after: &str, most: usize) -> Result<Vec<Suppression>, StoreError> {
        self.whole.suppressions(tenant, after, most).await
    }

    async fn outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        self.archived().await.outbox_stats().await
    }

    async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError> {
        self.archived().await.clean_notifications(keep, most).await
    }
}

#[derive(Clone)]
struct Opened {
    live: Arc<RedisStore>,
    kept: Arc<PostgresStore>,
    eager: Arc<Eager>,
    parts: Parts,
}

#[async_trait]
impl OutboxHarness for Opened {
    fn tasks(&self) -> Arc<dyn TaskStore> {
        Arc::new(LiveAndKeptStore::new(self.live.clone(), self.kept.clone()))
    }

    fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        self.eager.clone()
    }

    async fn holders_die(&mut self) {
        self.parts.clock.advance(self.live.lease().unwrap_or(Duration::ZERO));
    }
}

async fn open_on(postgres: &kit::PostgresServer, parts: Parts) -> Opened {
    let live = open_store(&settings_of(&redis_support::shared_server().url(), &parts), &parts).await;
    let kept = kit::open(&kit::settings_on(postgres), parts.clock.clone()).await;
    let settings = OutboxArchiverSettings { rest: REST, ..OutboxArchiverSettings::default() };
    let archiver = OutboxArchiver::new(live.clone(), kept.clone(), settings);
    let whole = LiveAndKeptOutbox::new(live.clone(), kept.clone());
    Opened { live, kept, eager: Arc::new(Eager { whole, archiver }), parts }
}

async fn open(parts: Parts) -> Opened {
    open_on(kit::shared_server(), parts).await
}

caudal_engine::outbox_conformance_tests!(open);

/// A place with a mail that has failed a while ago.
async fn with_a_failed_one(postgres: &kit::PostgresServer) -> (Opened, OutboxTrial, NotificationId) {
    let parts = Parts::default();
    let opened = open_on(postgres, parts.clone()).await;
    let trial = OutboxTrial::new(parts, opened.clone());
    let id = trial.put("Ana@example.org").await;
    let failed = SendOutcome::Failed { error: "550 no\0body".to_owned() };
    assert!(trial.settle(&trial.claim().await, failed).await);
    trial.later();
    (opened, trial, id)
}

/// Goal: what has ended leaves Redis for Postgres as it was, every text of it, and comes back when it is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_leaves_redis_and_comes_back() {
    let (opened, trial, id) = with_a_failed_one(kit::shared_server()).await;
    let before = opened.live.notification(&trial.tenant, id).await.unwrap();
    assert_eq!(Some(trial.record(id).await), before);
    assert_eq!(opened.live.notification(&trial.tenant, id).await.unwrap(), None);
    assert_eq!(opened.kept.notification(&trial.tenant, id).await.unwrap(), before);
    let found = NotificationFilter { recipient: Some("ana@EXAMPLE.org".to_owned()), ..trial.filter() };
    assert_eq!(trial.list(found).await, [id]);
    trial.outbox().resend(&trial.tenant, id).await.unwrap();
    assert_eq!(opened.kept.notification(&trial.tenant, id).await.unwrap(), None);
    assert_eq!(trial.claim().await.record.attempts, 2);
}

/// Goal: one that is sent again while it is being archived stays in line; in the end it is kept once, as it ended last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_meanwhile_is_not_let_go() {
    let (opened, trial, id) = with_a_failed_one(kit::shared_server()).await;
    let read = opened.live.ended(REST, 10).await.unwrap();
    let mut turn = opened.kept.take_outbox_turn().await.unwrap().unwrap();
    turn.keep_notifications(&read).await.unwrap();
    opened.live.resend(&trial.tenant, id).await.unwrap();
    turn.commit().await.unwrap();
    opened.live.let_go(&read).await.unwrap();
    assert_eq!(trial.state(id).await, NotificationState::Queued);
    assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    opened.live.let_go(&read).await.unwrap();
    trial.later();
    assert_eq!(trial.state(id).await, NotificationState::Sent);
    assert_eq!(trial.list(trial.filter()).await, [id]);
    let stats = trial.outbox().outbox_stats().await.unwrap();
    assert_eq!(
        stats.counts.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(),
        [(NotificationState::Sent, 1)]
    );
}

/// Goal: without Postgres mails are sent and lists say that they are partial; nothing that has ended is let go meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_lists_are_partial() {
    let mut postgres = kit::PostgresServer::start();
    let (opened, trial, id) = with_a_failed_one(&postgres).await;
    trial.record(id).await;
    let young = trial.put("ben@example.org").await;
    assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    trial.later();
    postgres.kill();
    assert!(opened.eager.archiver.catch_up().await.is_err());
    let page = opened.eager.whole.notifications(&trial.filter()).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|record| record.id).collect();
    assert_eq!((ids, page.partial), (vec![young], true));
    assert!(opened.eager.whole.notification(&trial.tenant, id).await.is_err(), "nobody knows");
    assert_eq!(opened.eager.whole.outbox_stats().await.unwrap().oldest, None);
}

/// Goal: cleaning, which each sender does every minute, asks Postgres nothing while nothing there can be old enough, and
/// forgets what has become so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleaning_asks_nothing_of_postgres_while_all_is_young() {
    let mut postgres = kit::PostgresServer::start();
    let (opened, trial, id) = with_a_failed_one(&postgres).await;
    trial.record(id).await;
    let clean = |keep: u64| {
        let outbox = &opened.eager.whole;
        async move { outbox.clean_notifications(Duration::from_secs(keep), 9).await }
    };
    assert_eq!(clean(3_600).await.unwrap(), 0);
    postgres.kill();
    assert_eq!(clean(3_600).await.unwrap(), 0, "it was believed");
    assert!(clean(1_800).await.is_err(), "another age is another question");
    postgres.run();
    opened.parts.clock.advance(Duration::from_secs(599));
    assert_eq!(clean(3_600).await.unwrap(), 0);
    opened.parts.clock.advance(Duration::from_secs(3_600));
    // Postgres has just come back.
    let forgotten = loop {
        if let Ok(forgotten) = clean(3_600).await {
            break forgotten;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(forgotten, 1);
    assert_eq!(opened.kept.notification(&trial.tenant, id).await.unwrap(), None);
}

/// Goal: a notification that Postgres refuses, and one that cannot be read, are set aside and stop no other. What was refused
/// is tried again, and kept when what was wrong is right; what cannot be read stays for somebody to look at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_notification_stops_no_other() {
    let postgres = kit::PostgresServer::start();
    let (opened, trial, bad) = with_a_failed_one(&postgres).await;
    let trap = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF NEW.id = 'it' THEN RAISE EXCEPTION 'this one is poisoned'; END IF; RETURN NEW; END $$; \
        CREATE TRIGGER trap BEFORE INSERT ON s.notifications FOR EACH ROW EXECUTE FUNCTION refuse()";
    let schema = postgres.sql("postgres", "SELECT schemaname FROM pg_tables WHERE tablename = 'notifications'");
    postgres.sql("postgres", &trap.replace("s.n", &format!("{schema}.n")).replace("'it'", &format!("'{bad}'")));
    let mut good = Vec::new();
    for _ in 0..3 {
        good.push(trial.put("ben@example.org").await);
        assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    }
    let unreadable = trial.put("eve@example.org").await;
    assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    trial.later();
    let script = "return redis.call('HSET', redis.call('KEYS', ARGV[1])[1], 'created', 'nonsense')";
    redis_support::shared_server().ask(&["EVAL", script, "0", &format!("*:n:{unreadable}")]);
    opened.eager.archiver.catch_up().await.unwrap();
    for id in good {
        assert!(opened.kept.notification(&trial.tenant, id).await.unwrap().is_some());
    }
    assert_eq!(opened.kept.notification(&trial.tenant, bad).await.unwrap(), None);
    assert!(opened.live.notification(&trial.tenant, bad).await.unwrap().is_some(), "it is still here");
    postgres.sql("postgres", &format!("DROP TRIGGER trap ON {schema}.notifications"));
    assert_eq!(opened.live.retry_notifications_set_aside().await.unwrap(), 1);
    opened.eager.archiver.catch_up().await.unwrap();
    assert!(opened.kept.notification(&trial.tenant, bad).await.unwrap().is_some());
    assert_eq!(opened.live.notification(&trial.tenant, bad).await.unwrap(), None);
    assert_eq!(opened.kept.notification(&trial.tenant, unreadable).await.unwrap(), None);
    assert!(opened.live.notification(&trial.tenant, unreadable).await.is_err(), "it is still here");
}
