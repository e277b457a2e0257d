//! One trial of an outbox: what it is made with, and the few verbs in which the rules are told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::notification::{Channel, NewNotification, NotificationId, NotificationRecord, NotificationState};
use crate::ports::{
    ClaimedNotification, ClaimedNotifications, Clock, NotificationFilter, NotificationOutbox, SendOutcome, TaskStore,
};
use crate::task::{Json, Tenant, Timestamp, WorkerId};
use crate::testing::clock::TestClock;
use crate::testing::conformance::{Harness, Parts, Trial};

/// What a store's tests bring along.
#[async_trait]
pub trait OutboxHarness: Send + Sync + 'static {
    /// The store as it is now; nobody keeps it over a death.
    fn tasks(&self) -> Arc<dyn TaskStore>;

    fn outbox(&self) -> Arc<dyn NotificationOutbox>;

    /// All who hold claims die without a word, so that what they held is due again.
    async fn holders_die(&mut self);
}

pub struct OutboxTrial {
    pub clock: Arc<TestClock>,
    pub tenant: Tenant,
    pub parts: Parts,
    partition: u16,
    harness: Box<dyn OutboxHarness>,
}

/// The store for those rules that begin with a task.
struct JustTasks(Arc<dyn TaskStore>);

#[async_trait]
impl Harness for JustTasks {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.0.clone()
    }

    async fn holders_die(&mut self) {}
}

impl OutboxTrial {
    pub fn new(parts: Parts, harness: impl OutboxHarness) -> Self {
        let partitions = u64::from(harness.tasks().partitions().max(1));
        let partition = u16::try_from(parts.ids.random() % partitions).unwrap_or(0);
        let (clock, tenant) = (parts.clock.clone(), Tenant::default());
        Self { clock, tenant, parts, partition, harness: Box::new(harness) }
    }

    pub fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        self.harness.outbox()
    }

    pub fn tasks(&self) -> Arc<dyn TaskStore> {
        self.harness.tasks()
    }

    /// Notifications live with their tasks.
    pub fn task_trial(&self) -> Trial {
        Trial::new(self.parts.clone(), JustTasks(self.tasks())).in_partition(self.partition)
    }

    pub async fn holders_die(&mut self) {
        self.harness.holders_die().await;
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Turns the clock a little: what comes after is younger.
    pub fn later(&self) {
        self.clock.advance(Duration::from_millis(2));
    }

    /// A wish's first id, younger than all before it.
    pub fn id(&self) -> NotificationId {
        self.later();
        NotificationId::first(self.now(), self.partition, self.parts.ids.random())
    }

    pub fn new_mail(&self, to: &str) -> NewNotification {
        mail(self.id(), to)
    }

    /// A stored mail, younger than all before it.
    pub async fn put(&self, to: &str) -> NotificationId {
        self.put_new(self.new_mail(to)).await
    }

    pub async fn put_new(&self, new: NewNotification) -> NotificationId {
        let id = new.id;
        let put = self.outbox().put(&self.tenant, vec![new], None).await.unwrap().unwrap();
        assert_eq!((put.first, put.new), (id, true));
        id
    }

    pub async fn ask(&self, channel: Channel, most: usize) -> ClaimedNotifications {
        let mut all = ClaimedNotifications::default();
        // One that is spread over many machines may need more than one question to find all.
        for _ in 0..32 {
            let worker = WorkerId::new("sender");
            let asked = self.outbox().claim_notifications(&worker, channel, most - all.items.len()).await.unwrap();
            all.items.extend(asked.items);
            all.next_due = asked.next_due;
            if all.items.len() == most || all.next_due.is_none_or(|due| due > self.now()) {
                break;
            }
        }
        all
    }

    pub async fn claim_mails(&self, most: usize) -> Vec<ClaimedNotification> {
        self.ask(Channel::Mail, most).await.items
    }

    /// Claims the only mail that is due.
    pub async fn claim(&self) -> ClaimedNotification {
        let mut claimed = self.claim_mails(10).await;
        assert_eq!(claimed.len(), 1, "one mail is due");
        claimed.remove(0)
    }

    pub async fn settle(&self, claimed: &ClaimedNotification, outcome: SendOutcome) -> bool {
        self.outbox().settle(claimed.record.id, claimed.claim, outcome).await.unwrap()
    }

    pub async fn record(&self, id: NotificationId) -> NotificationRecord {
        self.outbox().notification(&self.tenant, id).await.unwrap().unwrap()
    }

    pub async fn state(&self, id: NotificationId) -> NotificationState {
        self.record(id).await.state
    }

    pub async fn list(&self, filter: NotificationFilter) -> Vec<NotificationId> {
        let page = self.outbox().notifications(&filter).await.unwrap();
        page.items.into_iter().map(|record| record.id).collect()
    }

    pub fn filter(&self) -> NotificationFilter {
        NotificationFilter { tenant: self.tenant.clone(), limit: 100, ..NotificationFilter::default() }
    }
}

pub fn mail(id: NotificationId, to: &str) -> NewNotification {
    let body = Json::from_text(format!("{{\"to\":\"{to}\"}}")).unwrap();
    NewNotification { id, channel: Channel::Mail, recipient: to.into(), body }
}

pub fn failed() -> SendOutcome {
    SendOutcome::Failed { error: "550 no such user".to_owned() }
}
