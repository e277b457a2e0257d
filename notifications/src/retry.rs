//! From what went wrong to what becomes of the notification: again later, or never.

use std::time::Duration;

use caudal_engine::notification::NotificationRecord;
use caudal_engine::ports::SendOutcome;
use caudal_engine::task::Timestamp;

use crate::settings::RetrySettings;

/// Of a server's words this much is kept.
const MOST_WORDS: usize = 1_000;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    Sent,
    /// Not now. The server may have said when it wants to be asked again.
    NotNow {
        words: String,
        again_in: Option<Duration>,
    },
    /// Nobody can be reached there: that says nothing about this notification.
    Unreachable {
        words: String,
        again_in: Duration,
    },
    /// Nothing was tried: enough others are on their way there.
    NotTried {
        again_in: Duration,
    },
    /// It never will.
    Refused {
        words: String,
    },
    /// The address is not to be sent this.
    Unwanted {
        words: String,
    },
}

impl RetrySettings {
    /// `luck` is random: what failed together does not come back together.
    pub(crate) fn outcome(
        &self,
        attempt: Attempt,
        record: &NotificationRecord,
        now: Timestamp,
        luck: u64,
    ) -> SendOutcome {
        let (words, pause) = match attempt {
            Attempt::Sent => return SendOutcome::Sent,
            Attempt::Refused { words } => return SendOutcome::Failed { error: cut(words) },
            Attempt::Unwanted { words } => return SendOutcome::Suppressed { error: cut(words) },
            Attempt::NotNow { words, again_in } => {
                (words, self.pause(record.tries, luck).max(again_in.unwrap_or_default().min(self.longest)))
            }
            Attempt::Unreachable { words, again_in } => (words, again_in.min(self.longest)),
            Attempt::NotTried { again_in } => {
                if now.since(record.queued_at) <= self.give_up_after {
                    return SendOutcome::Released { due_at: now + again_in };
                }
                let words = record.error.clone().unwrap_or_else(|| "there were always others on their way".to_owned());
                (words, again_in)
            }
        };
        let last_try_at = record.queued_at + self.give_up_after;
        if now >= last_try_at {
            let hours = self.give_up_after.as_secs_f64() / 3_600.0;
            return SendOutcome::Failed { error: cut(format!("given up after {hours:.1} hours: {words}")) };
        }
        SendOutcome::Deferred { due_at: (now + pause).min(last_try_at), error: cut(words) }
    }

    fn pause(&self, tries: u32, luck: u64) -> Duration {
        let doubled = self.first.saturating_mul(1 << tries.saturating_sub(1).min(20));
        let share = 0.75 + 0.25 * (luck % 1_000) as f64 / 1_000.0;
        doubled.min(self.longest).mul_f64(share)
    }
}

fn cut(words: String) -> String {
    match words.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use caudal_engine::notification::{Channel, NotificationId, NotificationState};
    use caudal_engine::task::{Json, Tenant};

    use super::*;

    pub(crate) fn record(tries: u32) -> NotificationRecord {
        let at = Timestamp::from_millis(0);
        NotificationRecord {
            id: NotificationId::from_bytes([1; 16]),
            tenant: Tenant::default(),
            task: None,
            channel: Channel::Mail,
            recipient: "a@example.org".into(),
            state: NotificationState::Sending,
            attempts: 40,
            tries,
            created_at: at,
            queued_at: at,
            due_at: None,
            ended_at: None,
            error: None,
            body: Json::null(),
        }
    }

    /// Goal: pauses grow from a minute to six hours; after a day it is tried once more and given up with the last words.
    #[test]
    fn pauses_grow_until_it_is_given_up() {
        let retry = RetrySettings::default();
        let (mut now, mut pauses) = (Timestamp::from_millis(0), Vec::new());
        for attempt in 1.. {
            let not_now = Attempt::NotNow { words: "451 later".to_owned(), again_in: None };
            match retry.outcome(not_now, &record(attempt), now, 999) {
                SendOutcome::Deferred { due_at, .. } => {
                    pauses.push(due_at.since(now).as_secs());
                    now = due_at;
                }
                SendOutcome::Failed { error } => {
                    assert_eq!(error, "given up after 24.0 hours: 451 later");
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(now.as_millis(), 24 * 3_600_000);
        assert!(pauses.pop().is_some_and(|last| last <= 6 * 3_600), "the last one is as long as the day has left");
        assert!(pauses[0] == 59 && pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 6 * 3_600) && pauses.len() > 8, "{pauses:?}");
    }

    /// Goal: a refusal is final at once; a server that says when is heard, within bounds.
    #[test]
    fn outcomes_follow_from_attempts() {
        let retry = RetrySettings::default();
        let at = Timestamp::from_millis(5);
        let of = |attempt| retry.outcome(attempt, &record(1), at, 0);
        let words = || "550 no such user".to_owned();
        assert_eq!(of(Attempt::Refused { words: words() }), SendOutcome::Failed { error: words() });
        assert_eq!(of(Attempt::Unwanted { words: words() }), SendOutcome::Suppressed { error: words() });
        let hour = Duration::from_secs(3_600);
        let asked = of(Attempt::NotNow { words: words(), again_in: Some(hour) });
        assert_eq!(asked, SendOutcome::Deferred { due_at: at + hour, error: words() });
        let second = Duration::from_secs(1);
        let away = of(Attempt::Unreachable { words: words(), again_in: second });
        assert_eq!(away, SendOutcome::Deferred { due_at: at + second, error: words() });
        assert_eq!(of(Attempt::NotTried { again_in: second }), SendOutcome::Released { due_at: at + second });
        let late = Attempt::NotTried { again_in: second };
        let late = retry.outcome(late, &record(1), at + 25 * hour, 0);
        assert!(matches!(late, SendOutcome::Failed { .. }), "nothing waits for ever: {late:?}");
        let SendOutcome::Failed { error } = of(Attempt::Refused { words: "ñ".repeat(5_000) }) else { panic!() };
        assert_eq!(error.chars().count(), MOST_WORDS + 1);
    }
}
