//! The outbox in memory: notifications by id, which is by age, and who holds which until when.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;

use super::MemoryStore;
use super::announcements::Announcements;
use super::state::{FirstUse, State};
use crate::notification::mailbox::key_of;
use crate::notification::{Channel, NewNotification, NotificationId, NotificationRecord, NotificationState};
use crate::ports::{
    Admission, ClaimedNotification, ClaimedNotifications, IdSource, MailOfAnHour, NotificationFilter,
    NotificationOutbox, NotificationPage, OutboxStats, Put, PutRefused, ResendRefused, SendOutcome, StoreError,
    Suppression,
};
use crate::task::record::Idempotency;
use crate::task::{Claim, TaskId, Tenant, Timestamp, WorkerId};

const FOR_EVER: Timestamp = Timestamp::from_millis(i64::MAX);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    kept: BTreeMap<NotificationId, Kept>,
    suppressed: BTreeMap<(Tenant, String), Suppression>,
    /// Those that are still to be sent.
    open: HashMap<Tenant, u64>,
    /// Mails to an address in an hour.
    admitted: HashMap<(Tenant, String, i64), HashSet<(NotificationId, Timestamp)>>,
}

#[derive(Debug)]
struct Kept {
    record: NotificationRecord,
    epoch: u32,
    claim: Option<(Claim, Timestamp)>,
    /// The claim whose outcome was stored last, to answer a repeat.
    settled: Option<Claim>,
}

impl Kept {
    /// When it is next in line, if it is: a claim that runs out puts it there too.
    fn next(&self) -> Option<Timestamp> {
        self.claim.map(|(_, until)| until).or(self.record.due_at)
    }

    fn holds(&self, claim: Claim) -> bool {
        self.claim.is_some_and(|(held, _)| held == claim)
    }
}

impl Outbox {
    /// Born now; one that is there already is left as it is.
    pub(super) fn bear(
        &mut self,
        tenant: &Tenant,
        task: Option<TaskId>,
        new: Vec<NewNotification>,
        now: Timestamp,
        announcements: &mut Announcements,
    ) {
        for NewNotification { id, channel, recipient, body } in new {
            let record = NotificationRecord {
                id,
                tenant: tenant.clone(),
                task,
                channel,
                recipient,
                state: NotificationState::Queued,
                attempts: 0,
                tries: 0,
                created_at: now,
                queued_at: now,
                due_at: Some(now),
                ended_at: None,
                error: None,
                body,
            };
            if let Entry::Vacant(place) = self.kept.entry(id) {
                place.insert(Kept { record, epoch: 0, claim: None, settled: None });
                *self.open.entry(tenant.clone()).or_default() += 1;
            }
            announcements.ring_outbox(channel);
        }
    }

    pub(super) fn open(&self, tenant: &Tenant) -> u64 {
        self.open.get(tenant).copied().unwrap_or(0)
    }

    pub(super) fn all(&self) -> Vec<NotificationRecord> {
        self.kept.values().map(|kept| kept.record.clone()).collect()
    }

    /// Those about a task that is forgotten; what is still to be sent stays.
    pub(super) fn forget(&mut self, task: TaskId) {
        self.kept.retain(|_, kept| kept.record.task != Some(task) || !kept.record.state.is_final());
    }

    pub(super) fn expire_claims(&mut self, now: Timestamp) {
        for (_, until) in self.kept.values_mut().filter_map(|kept| kept.claim.as_mut()) {
            *until = now;
        }
    }

    fn claim(
        &mut self,
        channel: Channel,
        most: usize,
        now: Timestamp,
        lease: Option<Duration>,
        ids: &dyn IdSource,
    ) -> ClaimedNotifications {
        let of_channel = self.kept.values().filter(|kept| kept.record.channel == channel);
        let mut line: Vec<(Timestamp, NotificationId)> =
            of_channel.filter_map(|kept| Some((kept.next()?, kept.record.id))).collect();
        line.sort_unstable();
        let due = line.iter().filter(|(at, _)| *at <= now).take(most).count();
        let next_due = line.get(due).map(|(at, _)| *at).filter(|at| *at < FOR_EVER);
        let mut claimed = ClaimedNotifications { items: Vec::new(), next_due };
        for (_, id) in line.into_iter().take(due) {
            let Some(kept) = self.kept.get_mut(&id) else { continue };
            kept.epoch += 1;
            let claim = Claim { epoch: kept.epoch, id: ids.random() };
            kept.claim = Some((claim, lease.map_or(FOR_EVER, |lease| now + lease)));
            kept.record.state = NotificationState::Sending;
            kept.record.due_at = None;
            kept.record.attempts += 1;
            kept.record.tries += 1;
            claimed.items.push(ClaimedNotification { record: kept.record.clone(), claim });
        }
        claimed
    }

    fn renew(&mut self, id: NotificationId, claim: Claim, lease: Option<Duration>, now: Timestamp) -> bool {
        let Some(kept) = self.kept.get_mut(&id).filter(|kept| kept.holds(claim)) else { return false };
        kept.claim = Some((claim, lease.map_or(FOR_EVER, |lease| now + lease)));
        true
    }

    fn settle(
        &mut self,
        id: NotificationId,
        claim: Claim,
        outcome: SendOutcome,
        now: Timestamp,
        announcements: &mut Announcements,
    ) -> bool {
        let Some(kept) = self.kept.get_mut(&id) else { return false };
        if kept.settled == Some(claim) {
            return true;
        }
        if !kept.holds(claim) {
            return false;
        }
        (kept.claim, kept.settled) = (None, Some(claim));
        let record = &mut kept.record;
        let (state, due_at, error) = match outcome {
            SendOutcome::Sent => (NotificationState::Sent, None, None),
            SendOutcome::Deferred { due_at, error } => (NotificationState::Deferred, Some(due_at), Some(error)),
            SendOutcome::Failed { error } => (NotificationState::Failed, None, Some(error)),
            SendOutcome::Suppressed { error } => (NotificationState::Suppressed, None, Some(error)),
            SendOutcome::Released { due_at } => {
                record.attempts -= 1;
                record.tries -= 1;
                (NotificationState::Queued, Some(due_at), record.error.clone())
            }
        };
        (record.state, record.due_at, record.error) = (state, due_at, error);
        record.ended_at = state.is_final().then_some(now);
        if state.is_final() {
            let open = self.open.entry(record.tenant.clone()).or_default();
            *open = open.saturating_sub(1);
        }
        if due_at.is_some() {
            announcements.ring_outbox(record.channel);
        }
        true
    }

    fn resend(
        &mut self,
        tenant: &Tenant,
        id: NotificationId,
        now: Timestamp,
        announcements: &mut Announcements,
    ) -> Result<(), ResendRefused> {
        let kept = self.kept.get_mut(&id).filter(|kept| kept.record.tenant == *tenant);
        let record = &mut kept.ok_or(ResendRefused::NotFound)?.record;
        if !record.state.can_be_retried() {
            return Err(ResendRefused::WrongState { state: record.state });
        }
        record.state = NotificationState::Queued;
        (record.queued_at, record.due_at, record.ended_at) = (now, Some(now), None);
        record.tries = 0;
        *self.open.entry(tenant.clone()).or_default() += 1;
        announcements.ring_outbox(record.channel);
        Ok(())
    }

    fn list(&self, filter: &NotificationFilter) -> NotificationPage {
        let fits = |record: &&NotificationRecord| {
            record.tenant == filter.tenant
                && filter.task.is_none_or(|task| record.task == Some(task))
                && (filter.states.is_empty() || filter.states.contains(&record.state))
                && filter.channel.is_none_or(|channel| record.channel == channel)
                && filter.recipient.as_ref().is_none_or(|recipient| record.recipient.eq_ignore_ascii_case(recipient))
                && filter.cursor.is_none_or(|cursor| record.id < cursor)
        };
        let records = self.kept.values().rev().map(|kept| &kept.record).filter(fits);
        let mut items: Vec<NotificationRecord> = records.take(filter.limit + 1).cloned().collect();
        let more = items.len() > filter.limit;
        items.truncate(filter.limit);
        NotificationPage { next: items.last().map(|last| last.id).filter(|_| more), items, partial: false }
    }

    fn stats(&self) -> OutboxStats {
        let mut counts: BTreeMap<NotificationState, u64> = BTreeMap::new();
        for kept in self.kept.values() {
            *counts.entry(kept.record.state).or_default() += 1;
        }
        let open = self.kept.values().filter(|kept| !kept.record.state.is_final());
        OutboxStats { counts: counts.into_iter().collect(), oldest: open.map(|kept| kept.record.queued_at).min() }
    }

    fn clean(&mut self, keep: Duration, most: usize, now: Timestamp) -> usize {
        let old = |kept: &&Kept| kept.record.ended_at.is_some_and(|ended| ended + keep <= now);
        let old: Vec<NotificationId> = self.kept.values().filter(old).map(|kept| kept.record.id).take(most).collect();
        old.iter().for_each(|id| drop(self.kept.remove(id)));
        old.len()
    }
}

impl State {
    fn put(
        &mut self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Put, PutRefused> {
        let Some(first) = wish.first().map(|new| new.id) else {
            return Ok(Put { first: NotificationId::from_bytes([0; 16]), new: false });
        };
        if let Some(Idempotency { key, body_hash }) = &idempotency {
            let known = self.idempotency.get(&(tenant.clone(), key.clone()));
            if let Some(known) = known.filter(|known| known.until > now) {
                let first = NotificationId::from_bytes(*known.task.as_bytes());
                let same = known.body_hash == *body_hash;
                return if same { Ok(Put { first, new: false }) } else { Err(PutRefused::IdempotencyConflict) };
            }
        }
        if self.outbox.kept.contains_key(&first) {
            return Ok(Put { first, new: false });
        }
        if self.outbox.open(tenant) >= self.limits.outbox_per_tenant {
            return Err(PutRefused::OutboxFull);
        }
        if let Some(Idempotency { key, body_hash }) = idempotency {
            let key = (tenant.clone(), key);
            let until = now + self.limits.idempotency_lifetime;
            self.idempotency.insert(key, FirstUse { task: TaskId::from_bytes(*first.as_bytes()), body_hash, until });
        }
        let announcements = &mut self.effects.announcements;
        self.outbox.bear(tenant, None, wish, now, announcements);
        Ok(Put { first, new: true })
    }
}

#[async_trait]
impl NotificationOutbox for MemoryStore {
    fn outbox_lease(&self) -> Option<Duration> {
        self.lease
    }

    async fn put(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Result<Result<Put, PutRefused>, StoreError> {
        Ok(self.apply(|state, now| state.put(tenant, wish, idempotency, now)))
    }

    async fn claim_notifications(
        &self,
        _worker: &WorkerId,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError> {
        Ok(self.apply(|state, now| state.outbox.claim(channel, most, now, self.lease, &*self.ids)))
    }

    async fn renew_notifications(&self, claims: &[(NotificationId, Claim)]) -> Result<Vec<Option<bool>>, StoreError> {
        let renew = |state: &mut State, now| {
            claims.iter().map(|(id, claim)| Some(state.outbox.renew(*id, *claim, self.lease, now))).collect()
        };
        Ok(self.apply(renew))
    }

    async fn admit(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError> {
        let address = key_of(address);
        Ok(self.apply(|state, _now| {
            let outbox = &mut state.outbox;
            if outbox.suppressed.contains_key(&(tenant.clone(), address.clone())) {
                return Admission::Suppressed;
            }
            let Some(mail) = counted else { return Admission::Admitted };
            let had = outbox.admitted.entry((tenant.clone(), address.clone(), mail.hour())).or_default();
            let this = (mail.id, mail.queued_at);
            if !had.contains(&this) && had.len() >= mail.most as usize {
                return Admission::TooMany;
            }
            had.insert(this);
            Admission::Admitted
        }))
    }

    async fn settle(&self, id: NotificationId, claim: Claim, outcome: SendOutcome) -> Result<bool, StoreError> {
        Ok(self.apply(|state, now| {
            let announcements = &mut state.effects.announcements;
            state.outbox.settle(id, claim, outcome, now, announcements)
        }))
    }

    async fn resend(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        self.apply(|state, now| state.outbox.resend(tenant, id, now, &mut state.effects.announcements))
    }

    async fn notification(
        &self,
        tenant: &Tenant,
        id: NotificationId,
    ) -> Result<Option<NotificationRecord>, StoreError> {
        let state = self.state();
        let kept = state.outbox.kept.get(&id).filter(|kept| kept.record.tenant == *tenant);
        Ok(kept.map(|kept| kept.record.clone()))
    }

    async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        Ok(self.state().outbox.list(filter))
    }

    async fn suppress(&self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, StoreError> {
        let address = key_of(address);
        Ok(self.apply(|state, now| {
            let entry = state.outbox.suppressed.entry((tenant.clone(), address.clone()));
            let is_new = matches!(entry, Entry::Vacant(_));
            entry.or_insert(Suppression { address: address.into(), reason: reason.into(), since: now });
            is_new
        }))
    }

    async fn unsuppress(&self, tenant: &Tenant, address: &str) -> Result<bool, StoreError> {
        let key = (tenant.clone(), key_of(address));
        Ok(self.state().outbox.suppressed.remove(&key).is_some())
    }

    async fn suppressions(&self, tenant: &Tenant, after: &str, most: usize) -> Result<Vec<Suppression>, StoreError> {
        let state = self.state();
        let all = state.outbox.suppressed.iter().filter(|((of, address), _)| of == tenant && address.as_str() > after);
        Ok(all.map(|(_, suppression)| suppression.clone()).take(most).collect())
    }

    async fn outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        Ok(self.state().outbox.stats())
    }

    async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError> {
        Ok(self.apply(|state, now| state.outbox.clean(keep, most, now)))
    }
}
