//! Sends one claimed notification: try → what becomes of it → store that, until it is stored.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caudal_engine::notification::{Channel, NotificationRecord};
use caudal_engine::ports::{Admission, ClaimedNotification, SendOutcome, StoreError};
use futures_util::FutureExt;

use crate::claims::Work;
use crate::mail::Delivery;
use crate::retry::Attempt;
use crate::sender::Shared;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
    let (channel, ended) = (record.channel.as_str(), attempt.as_str());
    metrics::counter!("caudal_notifications_total", "channel" => channel, "outcome" => ended).increment(1);
    metrics::histogram!("caudal_notification_seconds", "channel" => channel).record(began.elapsed());
    tell(record, &attempt);
    let (now, luck) = (shared.engine.clock.now(), shared.engine.ids.random());
    let outcome = shared.settings.retry.outcome(attempt, record, now, luck);
    // Whoever has taken it over meanwhile, the outbox says so: what is known is not thrown away on a mere suspicion. A
    // process that ends waits its grace time for it and no longer.
    settle(&shared, &claimed, outcome).await;
}

async fn attempt(shared: &Shared, record: &NotificationRecord) -> Attempt {
    match record.channel {
        Channel::Mail => match mail(shared, record).await {
            Ok(attempt) => attempt,
            Err(error) => Attempt::NotNow { words: error.to_string(), again_in: None },
        },
        Channel::Webhook => shared.caller.call(&shared.engine, record).await,
    }
}

async fn mail(shared: &Shared, record: &NotificationRecord) -> Result<Attempt, StoreError> {
    // A mail that is tried again was counted when it was tried first.
    let most = (record.attempts <= 1).then_some(shared.settings.mails_per_hour);
    match shared.outbox().admit(&record.tenant, &record.recipient, most).await? {
        Admission::Admitted => {}
        Admission::Suppressed => {
            return Ok(Attempt::Unwanted { words: "the address has unsubscribed or is suppressed".to_owned() });
        }
        Admission::TooMany => {
            let most = shared.settings.mails_per_hour;
            let words = format!("the address had {most} mails within this hour, and gets no more");
            return Ok(Attempt::Unwanted { words });
        }
    }
    let letter = match shared.templates.letter(record) {
        Ok(letter) => letter,
        // It was tried when it was asked for: somebody has changed the template since.
        Err(error) => return Ok(Attempt::Refused { words: error.to_string() }),
    };
    shared.pace.turn().await;
    Ok(match shared.postbox.deliver(record.id, &letter).await {
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
    })
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

/// A store that is away is waited for: what was sent must not be sent again.
async fn settle(shared: &Shared, claimed: &ClaimedNotification, outcome: SendOutcome) {
    let mut pause = FIRST_PAUSE;
    loop {
        match shared.outbox().settle(claimed.record.id, claimed.claim, outcome.clone()).await {
            Ok(true) => return,
            Ok(false) => {
                let id = claimed.record.id;
                tracing::warn!(notification.id = %id, "another sender has taken a notification over: it may be sent twice");
                return;
            }
            Err(error) => {
                tracing::warn!(notification.id = %claimed.record.id, %error, "trying again to store what became of it");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
