//! When the outbox is asked while the mail server is away, and for how many.

use caudal_engine::flow::{Registry, Resources};
use caudal_engine::notification::{Mailbox, NewNotification, NotificationId};
use caudal_engine::ports::ids::SeededIds;
use caudal_engine::ports::{Bell, Clock as _, Feed, IdSource, NotificationOutbox as _, WorkerBoard};
use caudal_engine::task::{Json, Limits, TaskId, Tenant, WorkerId};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::memory::MemoryStore;

use super::*;
use crate::mail::{MailRoute, Postbox};
use crate::pace::Pace;
use crate::server_outage::ServerOutage;
use crate::settings::{NotificationSettings, RetrySettings};
use crate::templates::{Links, TemplateSettings, Templates};
use crate::webhook::{Caller, WebhookSecret, WebhookSecrets, WebhookSettings};

struct Nowhere;

impl Links for Nowhere {
    fn task(&self, _: TaskId) -> Option<String> {
        None
    }

    fn unsubscribe(&self, _: &Tenant, _: &str) -> Option<String> {
        None
    }
}

fn settings(folder: &tempfile::TempDir) -> NotificationSettings {
    NotificationSettings {
        mail: MailRoute::Folder(folder.path().to_owned()),
        mail_connections: 10,
        mails_per_second: 100,
        mails_per_hour: 100,
        webhook: WebhookSettings {
            secrets: WebhookSecrets { now: WebhookSecret::of_bytes([7; 32]), before: None },
            timeout: Duration::from_secs(1),
            concurrency: 1,
            reaches: |_| true,
        },
        retry: RetrySettings::default(),
        grace: Duration::from_secs(1),
    }
}

async fn sender_with(mails: u64, folder: &tempfile::TempDir) -> Arc<Shared> {
    let clock = Arc::new(TestClock::default());
    let ids: Arc<dyn IdSource> = Arc::new(SeededIds::new(7));
    let (bell, feed, limits) = (Arc::new(Bell::default()), Arc::new(Feed::default()), Limits::default());
    let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone());
    let store = Arc::new(store);
    for luck in 0..mails {
        let id = NotificationId::first(clock.now(), 0, luck << 40);
        let new = NewNotification { id, channel: Channel::Mail, recipient: "a@example.org".into(), body: Json::null() };
        store.put(&Tenant::default(), vec![new], None).await.unwrap().unwrap();
    }
    let engine = caudal_engine::Engine {
        store: store.clone(),
        bell,
        feed,
        clock,
        ids,
        registry: Arc::new(Registry::collect(true).unwrap()),
        resources: Resources::default(),
        limits: Arc::new(limits),
        workers: Arc::new(WorkerBoard::default()),
        notifications: store.to_notify(),
    };
    let from = Mailbox { name: None, address: "caudal@example.org".to_owned() };
    let templates = TemplateSettings { folder: None, default_locale: "en".to_owned(), from, links: Arc::new(Nowhere) };
    let settings = settings(folder);
    Arc::new(Shared {
        engine,
        id: WorkerId::new("sender"),
        templates: Arc::new(Templates::load(templates).unwrap()),
        postbox: Postbox::open(&settings.mail, 1).unwrap(),
        caller: Caller::new(&settings.webhook).unwrap(),
        pace: Pace::new(100, 10),
        outage: ServerOutage::default(),
        sending: Arc::default(),
        settings,
    })
}

/// How often the outbox is asked within this time.
async fn rounds_within(claims: &OutboxClaims, time: Duration) -> usize {
    let (end, mut rounds) = (tokio::time::Instant::now() + time, 0);
    while tokio::time::Instant::now() < end && rounds < 1_000 {
        assert!(claims.next(40).await.unwrap().items.is_empty());
        rounds += 1;
        let _ = tokio::time::timeout_at(end, claims.due()).await;
    }
    rounds
}

/// Goal: after an outage with nothing left to send the outbox is asked as seldom as ever.
#[tokio::test(start_paused = true)]
async fn an_empty_line_is_not_asked_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let shared = sender_with(0, &folder).await;
    let claims = OutboxClaims::new(shared.clone(), Channel::Mail);
    tokio::time::sleep(shared.outage.failed("refused")).await;
    let rounds = rounds_within(&claims, Duration::from_secs(10)).await;
    assert!(rounds <= 12, "asked {rounds} times in ten seconds");
}

/// Goal: of forty that are due one goes first, however long it takes; the others follow when it got through.
#[tokio::test(start_paused = true)]
async fn one_of_many_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let shared = sender_with(40, &folder).await;
    let claims = OutboxClaims::new(shared.clone(), Channel::Mail);
    tokio::time::sleep(shared.outage.failed("refused")).await;
    // Also when only one could be claimed anyway.
    let first = claims.next(1).await.unwrap();
    assert_eq!((first.items.len(), first.more), (1, false));
    let rounds = rounds_within(&claims, Duration::from_secs(10)).await;
    assert!(rounds <= 12, "asked {rounds} times in ten seconds");
    shared.outage.reached();
    claims.due().await;
    assert_eq!(claims.next(40).await.unwrap().items.len(), 39);
}

/// Goal: one that went first and never came to the server, as somebody wants no mail, holds up nobody.
#[tokio::test(start_paused = true)]
async fn one_that_goes_nowhere_lets_the_next_go() {
    let folder = tempfile::tempdir().unwrap();
    let shared = sender_with(40, &folder).await;
    shared.outbox().suppress(&Tenant::default(), "a@example.org", "it bounced").await.unwrap();
    let claims = OutboxClaims::new(shared.clone(), Channel::Mail);
    tokio::time::sleep(shared.outage.failed("refused")).await;
    let began = tokio::time::Instant::now();
    for _ in 0..40 {
        let [first] = <[Work; 1]>::try_from(claims.next(40).await.unwrap().items).unwrap();
        crate::attempt::send(shared.clone(), first).await;
        claims.due().await;
    }
    assert!(began.elapsed() < RING_MAY_BE_LOST, "{:?}", began.elapsed());
}
