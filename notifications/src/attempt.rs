//! Sends one claimed notification: try → what becomes of it → store that, until it is stored.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caudal_engine::notification::{Channel, NotificationRecord};
use caudal_engine::ports::{Admission, ClaimedNotification, MailOfAnHour, SendOutcome};
use futures_util::FutureExt;

use crate::answered::{Unreadable, answered};
use crate::claims::Work;
use crate::mail::Delivery;
use crate::retry::Attempt;
use crate::sender::Shared;
use crate::sending::Lost;

/// Who was asked whether it wants this mail is asked again after this time.
const ADMITTED_FOR: Duration = Duration::from_secs(1);

/// So many mails an hour are not counted.
const WITHOUT_BOUND: u32 = 1_000_000;

pub(crate) async fn send(shared: Arc<Shared>, work: Work) {
    let Work { claimed, hold } = work;
    let began = Instant::now();
    let record = &claimed.record;
    let handed_over = AtomicBool::new(false);
    let mut trying = pin!(AssertUnwindSafe(attempt(&shared, record, &handed_over)).catch_unwind());
    let tried = tokio::select! {
        tried = &mut trying => Some(tried),
        lost = hold.lost() => {
            if lost == Lost::MaybeTaken && handed_over.load(Ordering::Relaxed) {
                // If the store was away, it gives us time to say what the server answers.
                tracing::warn!(notification.id = %record.id, "the claim of a mail may be lost; the server has it already");
                tokio::select! {
                    tried = &mut trying => Some(tried),
                    () = hold.taken() => None,
                }
            } else {
                None
            }
        }
    };
    let Some(tried) = tried else {
        tracing::warn!(notification.id = %record.id, "the claim of a notification was lost while it was sent");
        drop(hold);
        shared.outage.one_is_done();
        return;
    };
    let attempt = tried.unwrap_or_else(|_| {
        tracing::error!(notification.id = %record.id, "sending a notification panicked");
        Attempt::NotNow { words: "sending it panicked".to_owned(), again_in: None }
    });
    let (now, luck) = (shared.engine.clock.now(), shared.engine.ids.random());
    let outcome = shared.settings.retry.outcome(attempt, record, now, luck);
    if !matches!(outcome, SendOutcome::Released { .. }) {
        let (channel, became) = (record.channel.as_str(), outcome.state().as_str());
        metrics::counter!("caudal_notifications_total", "channel" => channel, "outcome" => became).increment(1);
        metrics::histogram!("caudal_notification_seconds", "channel" => channel).record(began.elapsed());
        tell(record, &outcome);
    }
    // Whoever has taken it over meanwhile, the outbox says so: what is known is not thrown away on a mere suspicion. A
    // process that ends waits its grace time for it and no longer.
    settle(&shared, &claimed, outcome).await;
    drop(hold);
    if claimed.record.channel == Channel::Mail {
        shared.outage.one_is_done();
    }
}

async fn attempt(shared: &Shared, record: &NotificationRecord, handed_over: &AtomicBool) -> Attempt {
    match record.channel {
        Channel::Mail => mail(shared, record, handed_over).await,
        Channel::Webhook => shared.caller.call(&shared.engine, record).await,
    }
}

/// From `handed_over` on the server gets the mail, whatever it answers.
async fn mail(shared: &Shared, record: &NotificationRecord, handed_over: &AtomicBool) -> Attempt {
    // A mail that is tried again was counted when it was tried first; one that is sent again by hand is one more.
    let (id, queued_at, most) = (record.id, record.queued_at, shared.settings.mails_per_hour);
    let counted = (record.tries <= 1 && most < WITHOUT_BOUND).then_some(MailOfAnHour { id, queued_at, most });
    let asked = Instant::now();
    if let Some(attempt) = unless_admitted(shared, record, counted).await {
        return attempt;
    }
    let letter = match shared.templates.letter(record) {
        Ok(letter) => letter,
        // It was tried when it was asked for: somebody has changed the template since.
        Err(error) => return Attempt::Refused { words: error.to_string() },
    };
    // The turn comes last: taken while conversations stall, it would be one of too many when they go on.
    let place = shared.postbox.place().await;
    shared.pace.turn().await;
    // Who left meanwhile has left before it was sent.
    if asked.elapsed() >= ADMITTED_FOR
        && let Some(attempt) = unless_admitted(shared, record, None).await
    {
        return attempt;
    }
    match shared.postbox.deliver(place, record.id, &letter, handed_over).await {
        Delivery::Accepted => {
            shared.outage.reached();
            Attempt::Sent
        }
        Delivery::NotNow(words) => {
            shared.outage.reached();
            Attempt::NotNow { words, again_in: None }
        }
        Delivery::Refused(words) => {
            shared.outage.reached();
            Attempt::Refused { words }
        }
        Delivery::Unreachable(words) => {
            let again_in = shared.outage.failed(&words);
            Attempt::Unreachable { words, again_in }
        }
    }
}

/// None when its address may be sent it.
async fn unless_admitted(
    shared: &Shared,
    record: &NotificationRecord,
    counted: Option<MailOfAnHour>,
) -> Option<Attempt> {
    let ask = || shared.outbox().admit(&record.tenant, &record.recipient, counted);
    match answered(record, "its admission", ask).await {
        Err(Unreadable(words)) => Some(Attempt::NotNow { words, again_in: None }),
        Ok(Admission::Admitted) => None,
        Ok(Admission::Suppressed) => {
            Some(Attempt::Unwanted { words: "the address has unsubscribed or is suppressed".to_owned() })
        }
        Ok(Admission::TooMany) => {
            let most = shared.settings.mails_per_hour;
            let words = format!("the address had {most} mails of this hour, and gets no more");
            Some(Attempt::Unwanted { words })
        }
    }
}

fn tell(record: &NotificationRecord, outcome: &SendOutcome) {
    let (channel, became) = (record.channel.as_str(), outcome.state().as_str());
    match outcome {
        SendOutcome::Sent => tracing::debug!(notification.id = %record.id, channel, "a notification is sent"),
        SendOutcome::Failed { error } => {
            tracing::warn!(notification.id = %record.id, channel, error, "a notification has failed");
        }
        _ => tracing::info!(notification.id = %record.id, channel, "a notification is {became}"),
    }
}

/// What was sent must not be sent again.
async fn settle(shared: &Shared, claimed: &ClaimedNotification, outcome: SendOutcome) {
    let id = claimed.record.id;
    let store = || shared.outbox().settle(id, claimed.claim, outcome.clone());
    match answered(&claimed.record, "the record of its outcome", store).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(notification.id = %id, "another sender has taken a notification over: it may be sent twice");
        }
        // The store has told what it did with it.
        Err(Unreadable(_)) => {}
    }
}
