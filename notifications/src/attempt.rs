//! Sends one claimed notification: try → what becomes of it → store that, until it is stored.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use caudal_engine::notification::{Channel, NotificationRecord};
use caudal_engine::ports::{Admission, ClaimedNotification, SendOutcome};
use futures_util::FutureExt;

use crate::answered::{Unreadable, answered};
use crate::claims::Work;
use crate::mail::Delivery;
use crate::retry::Attempt;
use crate::sender::Shared;

pub(crate) async fn send(shared: Arc<Shared>, work: Work) {
    let Work { claimed, hold } = work;
    let began = Instant::now();
    let record = &claimed.record;
    let trying = AssertUnwindSafe(attempt(&shared, record)).catch_unwind();
    let attempt = tokio::select! {
        tried = trying => tried.unwrap_or_else(|_| {
            tracing::error!(notification.id = %record.id, "sending a notification panicked");
            Attempt::NotNow { words: "sending it panicked".to_owned(), again_in: None }
        }),
        () = hold.lost() => {
            tracing::warn!(notification.id = %record.id, "the claim of a notification was lost while it was sent");
            return;
        }
    };
    let (now, luck) = (shared.engine.clock.now(), shared.engine.ids.random());
    let outcome = shared.settings.retry.outcome(attempt.clone(), record, now, luck);
    if !matches!(outcome, SendOutcome::Released { .. }) {
        let (channel, ended) = (record.channel.as_str(), attempt.as_str());
        metrics::counter!("caudal_notifications_total", "channel" => channel, "outcome" => ended).increment(1);
        metrics::histogram!("caudal_notification_seconds", "channel" => channel).record(began.elapsed());
        tell(record, &attempt);
    }
    // Whoever has taken it over meanwhile, the outbox says so: what is known is not thrown away on a mere suspicion. A
    // process that ends waits its grace time for it and no longer.
    settle(&shared, &claimed, outcome).await;
}

async fn attempt(shared: &Shared, record: &NotificationRecord) -> Attempt {
    match record.channel {
        Channel::Mail => mail(shared, record).await,
        Channel::Webhook => shared.caller.call(&shared.engine, record).await,
    }
}

async fn mail(shared: &Shared, record: &NotificationRecord) -> Attempt {
    // A mail that is tried again was counted when it was tried first; one that is sent again by hand is one more.
    let most = (record.tries <= 1).then_some(shared.settings.mails_per_hour);
    let ask = || shared.outbox().admit(&record.tenant, &record.recipient, most);
    match answered(record, "its admission", ask).await {
        Err(Unreadable(words)) => return Attempt::NotNow { words, again_in: None },
        Ok(Admission::Admitted) => {}
        Ok(Admission::Suppressed) => {
            return Attempt::Unwanted { words: "the address has unsubscribed or is suppressed".to_owned() };
        }
        Ok(Admission::TooMany) => {
            let most = shared.settings.mails_per_hour;
            let words = format!("the address had {most} mails within this hour, and gets no more");
            return Attempt::Unwanted { words };
        }
    }
    let letter = match shared.templates.letter(record) {
        Ok(letter) => letter,
        // It was tried when it was asked for: somebody has changed the template since.
        Err(error) => return Attempt::Refused { words: error.to_string() },
    };
    shared.pace.turn().await;
    match shared.postbox.deliver(record.id, &letter).await {
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

fn tell(record: &NotificationRecord, attempt: &Attempt) {
    let channel = record.channel.as_str();
    match attempt {
        Attempt::Sent => tracing::debug!(notification.id = %record.id, channel, "a notification is sent"),
        Attempt::Refused { words } => {
            tracing::warn!(notification.id = %record.id, channel, error = words, "a notification has failed");
        }
        other => tracing::info!(notification.id = %record.id, channel, "a notification is {}", other.as_str()),
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
