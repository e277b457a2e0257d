//! Claiming what is due in a channel, over all partitions; and what becomes of it.

use std::collections::HashMap;

use caudal_engine::notification::{Channel, NotificationId};
use caudal_engine::ports::{ClaimedNotification, ClaimedNotifications, ResendRefused, SendOutcome, StoreError};
use caudal_engine::task::{Claim, Tenant, Timestamp};
use futures_util::future::join_all;
use redis::Value;

use super::super::fault::down;
use super::super::record::{claim_of, claim_text};
use super::super::reply;
use super::super::scripts::{
    OUTBOX_CLAIM, OUTBOX_RENEW, OUTBOX_RESEND, OUTBOX_SETTLE, OUTBOX_UNREADABLE, channel_letter,
};
use super::super::store::{RedisStore, millis};
use super::record::{claimed, id_of, record_of, state_of};

/// Notifications that one script claims; the rest is left for the next question.
const MOST_PER_SCRIPT: usize = 100;

/// What one partition answered.
struct Answer {
    items: Vec<ClaimedNotification>,
    /// From the question on.
    next_due: Option<i64>,
}

/// What the partitions asked so far have answered.
#[derive(Default)]
struct Collected {
    items: Vec<ClaimedNotification>,
    next_due: Option<i64>,
    failed: Option<StoreError>,
}

impl Collected {
    fn add(&mut self, answer: Result<Answer, StoreError>) {
        match answer {
            Ok(mut answer) => {
                self.items.append(&mut answer.items);
                self.next_due = self.next_due.into_iter().chain(answer.next_due).min();
            }
            Err(error) => self.failed = Some(error),
        }
    }

    /// What was claimed in one partition must not be lost with another's failure.
    fn answer(self, now: Timestamp) -> Result<ClaimedNotifications, StoreError> {
        match self.failed {
            Some(error) if self.items.is_empty() => Err(error),
            _ => {
                let next_due =
                    self.next_due.map(|offset| Timestamp::from_millis(now.as_millis().saturating_add(offset)));
                Ok(ClaimedNotifications { items: self.items, next_due })
            }
        }
    }
}

impl RedisStore {
    /// Where the bell rang first (but now and then not), then the others in turn, until enough is claimed; of the rest it
    /// is asked when something is due there. What any question of this process has seen in the last second is not asked
    /// again.
    pub(super) async fn claim_from_outbox(
        &self,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError> {
        let order = self.outbox_rounds.order(channel, self.layout.partitions());
        let (first, others) = order.split_at(usize::from(most > 0).min(order.len()));
        let mut claimed = Collected::default();
        for partition in first {
            // While much is due this one question is all.
            claimed.add(match self.outbox_rounds.next_due(*partition, channel) {
                Some(next_due) if next_due.is_none_or(|due| due > 0) => Ok(Answer { items: Vec::new(), next_due }),
                _ => self.claim_in_outbox(*partition, channel, most).await,
            });
            if claimed.items.len() >= most && !others.is_empty() {
                // Of the others nothing is known.
                claimed.next_due = Some(0);
                return claimed.answer(self.clock.now());
            }
        }
        // All are looked at in one go; only those that have something are asked again.
        let looks = join_all(others.iter().map(|partition| self.look_into_outbox(*partition, channel))).await;
        for (partition, look) in others.iter().zip(looks) {
            let has_some = look.as_ref().is_ok_and(|look| look.next_due.is_some_and(|due| due <= 0));
            let left = most.saturating_sub(claimed.items.len());
            if !has_some || left == 0 {
                claimed.add(look);
                continue;
            }
            let answer = self.claim_in_outbox(*partition, channel, left).await;
            if answer.is_err() {
                // It is still due there.
                claimed.add(look);
            }
            claimed.add(answer);
        }
        claimed.answer(self.clock.now())
    }

    async fn look_into_outbox(&self, partition: u16, channel: Channel) -> Result<Answer, StoreError> {
        match self.outbox_rounds.next_due(partition, channel) {
            Some(next_due) => Ok(Answer { items: Vec::new(), next_due }),
            None => self.claim_in_outbox(partition, channel, 0).await,
        }
    }

    /// What a question has seen of a partition's channels: when the next of each is due. Who sends in another channel
    /// than the one that was asked for is told that something is due: its bell may have been lost.
    pub(in super::super) fn saw_outbox(
        &self,
        partition: u16,
        asked: i64,
        dues: &[Value],
        asked_for: Option<Channel>,
    ) -> Result<(), StoreError> {
        let [mail, webhook] = dues else { return Ok(()) };
        let dues = [reply::maybe_int(mail)?, reply::maybe_int(webhook)?];
        self.outbox_rounds.saw(partition, asked, dues);
        for channel in Channel::ALL.into_iter().filter(|channel| Some(*channel) != asked_for) {
            if dues[channel as usize].is_some_and(|due| due <= 0) {
                self.bell.ring_outbox(channel);
            }
        }
        Ok(())
    }

    async fn claim_in_outbox(&self, partition: u16, channel: Channel, most: usize) -> Result<Answer, StoreError> {
        let most = most.min(MOST_PER_SCRIPT);
        let rounds = self.outbox_rounds.of(channel);
        let mut call = OUTBOX_CLAIM
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .arg(millis(self.lease))
            .arg(channel_letter(channel))
            .arg(most);
        for _ in 0..most {
            call.push(format!("{:016x}", self.ids.random()));
        }
        rounds.quiet(partition);
        let asked = rounds.moment();
        let answer = self.nodes.call(partition, &call).await.inspect_err(|_| rounds.ring(partition))?;
        let [dues, flat] = reply::tuple(answer)?;
        let dues = reply::list(dues)?;
        self.saw_outbox(partition, asked, &dues, Some(channel))?;
        let mut flat = reply::list(flat)?.into_iter();
        let mut items = Vec::new();
        while let (Some(id), Some(claim), Some(fields)) = (flat.next(), flat.next(), flat.next()) {
            let id = id_of(id)?;
            match read_claimed(id, claim, fields) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => {}
                // The others were claimed in the same call: one that cannot be read must not take them along.
                Err(error) => {
                    if let Err(why) = self.set_unreadable_aside(partition, id, &error).await {
                        tracing::warn!(notification.id = %id, %why, "it could not be set aside; it will be met again");
                        rounds.ring(partition);
                    }
                }
            }
        }
        if !items.is_empty() {
            // When their claims run out is not among what was seen.
            rounds.ring(partition);
        }
        let next_due = dues.get(channel as usize).map(reply::maybe_int).transpose()?.flatten();
        Ok(Answer { items, next_due })
    }

    /// A server may refuse for a reason of its own, in words that nobody here knows: that says nothing of this one.
    async fn cannot_be_read(&self, id: NotificationId) -> bool {
        let key = format!("{}n:{id}", self.keys.of(id.partition()));
        let mut kind = redis::cmd("TYPE");
        kind.arg(&key);
        match self.nodes.send(id.partition(), &kind).await.and_then(reply::text).as_deref() {
            Ok("hash") => {}
            Ok("none") | Err(_) => return false,
            Ok(_) => return true,
        }
        let Ok(mut read) = self.read_each(id.partition(), &[id]).await else { return false };
        if read.pop().is_some_and(|(_, read)| read.is_err()) {
            return true;
        }
        // Who reads does without its tenant; who counts does not.
        let mut command = redis::cmd("HEXISTS");
        command.arg(key).arg("tenant");
        matches!(self.nodes.send(id.partition(), &command).await, Ok(Value::Int(0)))
    }

    /// Out of the way of those that can be read.
    pub(super) async fn set_unreadable_aside(
        &self,
        partition: u16,
        id: NotificationId,
        error: &StoreError,
    ) -> Result<(), StoreError> {
        tracing::error!(notification.id = %id, %error, "a notification cannot be read; it is set aside");
        let call = OUTBOX_UNREADABLE.call(&self.keys.of(partition)).arg(self.turned());
        let call = call.arg(id.to_string()).arg(error.to_string());
        self.nodes.call(partition, &call).await.map(drop)
    }

    /// One call per partition. Of those of a partition that cannot be reached, or hangs, nothing is known: the others'
    /// claims must not die with it.
    pub(super) async fn renew_in_outbox(
        &self,
        claims: &[(NotificationId, Claim)],
    ) -> Result<Vec<Option<bool>>, StoreError> {
        let mut by_partition: HashMap<u16, Vec<usize>> = HashMap::new();
        for (place, (id, _)) in claims.iter().enumerate() {
            by_partition.entry(id.partition()).or_default().push(place);
        }
        let calls = by_partition.into_iter().map(|(partition, places)| async move {
            let call = OUTBOX_RENEW.call(&self.keys.of(partition)).arg(self.turned()).arg(millis(self.lease));
            let held = places.iter().filter_map(|place| claims.get(*place));
            let call = held.fold(call, |call, (id, claim)| call.arg(id.to_string()).arg(claim_text(*claim)));
            let answer = tokio::time::timeout(self.lease * 2 / 5, self.nodes.call(partition, &call)).await;
            let answers = reply::list(answer.unwrap_or_else(|_| Err(down("no answer in time")))?)?;
            Ok::<_, StoreError>((places, answers))
        });
        let mut held = vec![None; claims.len()];
        let mut failed = None;
        for answered in join_all(calls).await {
            match answered {
                Ok((places, answers)) => {
                    for (place, answer) in places.into_iter().zip(answers) {
                        held[place] = Some(reply::int(&answer)? == 1);
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if held.iter().all(Option::is_none) => Err(error),
            _ => Ok(held),
        }
    }

    pub(super) async fn settle_in_outbox(
        &self,
        id: NotificationId,
        claim: Claim,
        outcome: SendOutcome,
    ) -> Result<bool, StoreError> {
        let released = matches!(outcome, SendOutcome::Released { .. });
        let state = outcome.state();
        let (due, error) = match outcome {
            SendOutcome::Sent => (None, String::new()),
            SendOutcome::Deferred { due_at, error } => (Some(due_at), error),
            SendOutcome::Failed { error } | SendOutcome::Suppressed { error } => (None, error),
            SendOutcome::Released { due_at } => (Some(due_at), String::new()),
        };
        let call = OUTBOX_SETTLE
            .call(&self.keys.of(id.partition()))
            .arg(self.turned())
            .arg(id.to_string())
            .arg(claim_text(claim))
            .arg(state.as_str())
            .arg(due.map(|due_at| self.offset_of(due_at).to_string()).unwrap_or_default())
            .arg(error)
            .flag(released);
        let answer = self.nodes.call(id.partition(), &call).await;
        if let Err(error @ StoreError::Corrupt(_)) = &answer
            && self.cannot_be_read(id).await
        {
            // Claimed again when this claim has run out, it would be sent for ever.
            self.set_unreadable_aside(id.partition(), id, error).await?;
        }
        let settled = reply::int(&answer?)? == 1;
        if due.is_some() || released {
            self.outbox_rounds.ring(id.partition());
        }
        Ok(settled)
    }

    pub(super) async fn resend_from_outbox(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        let call = OUTBOX_RESEND.call(&self.keys.of(id.partition())).arg(self.turned()).arg(tenant.as_str());
        let answer = reply::text(self.nodes.call(id.partition(), &call.arg(id.to_string())).await?)?;
        self.outbox_rounds.ring(id.partition());
        match &*answer {
            "" => Ok(()),
            "-" => Err(ResendRefused::NotFound),
            state => Err(ResendRefused::WrongState { state: state_of(state)? }),
        }
    }
}

/// None when there is nothing under this id.
fn read_claimed(id: NotificationId, claim: Value, fields: Value) -> Result<Option<ClaimedNotification>, StoreError> {
    let Some(record) = record_of(id, fields)? else { return Ok(None) };
    let claim = claim_of(&reply::text(claim)?)?;
    Ok(Some(ClaimedNotification { record: claimed(record), claim }))
}
