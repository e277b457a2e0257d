//! The mail server: at most so many conversations at once, kept for the next mail while they are good.
//!
//! The conversations are lettre's, the pool is ours: lettre's hands a conversation back when its future is dropped, also
//! in the middle of a mail, and the next one would then hear the answers to the last.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::conversation::{Conversation, Trouble};
use super::smtp_url::SmtpSettings;
use super::{Delivery, Place};
use crate::templates::Letter;

/// Servers end conversations that are silent for long.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);
/// Some servers take only so many mails per conversation.
const MOST_MAILS: u32 = 100;

pub(crate) struct Server {
    settings: SmtpSettings,
    places: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    conversation: Conversation,
    since: Instant,
}

impl Server {
    pub(super) fn new(settings: SmtpSettings, connections: usize) -> Self {
        Self { settings, places: Semaphore::new(connections.max(1)), idle: Mutex::default() }
    }

    pub(super) async fn place(&self) -> Place<'_> {
        // Places are never closed.
        Place { _held: self.places.acquire().await.ok() }
    }

    pub(super) async fn deliver(&self, letter: &Letter, handed_over: &AtomicBool) -> Delivery {
        let began = Instant::now();
        let delivery = self.converse(letter, handed_over).await;
        metrics::histogram!("caudal_smtp_seconds").record(began.elapsed());
        delivery
    }

    async fn converse(&self, letter: &Letter, handed_over: &AtomicBool) -> Delivery {
        // One that was kept may have been ended by the server meanwhile; then nothing was said about the mail yet.
        while let Some(mut conversation) = self.take_idle() {
            match conversation.hand_over(letter, handed_over).await {
                Err(Trouble::Over(_)) => {}
                answer => return self.end_of(conversation, answer),
            }
        }
        match Conversation::begin(&self.settings).await {
            Ok(mut conversation) => {
                let answer = conversation.hand_over(letter, handed_over).await;
                self.end_of(conversation, answer)
            }
            Err(words) => Delivery::Unreachable(words),
        }
    }

    /// What the server said of the mail; the conversation is kept if it can go on.
    fn end_of(&self, conversation: Conversation, answer: Result<(), Trouble>) -> Delivery {
        let (delivery, goes_on) = match answer {
            Ok(()) => (Delivery::Accepted, true),
            Err(Trouble::Refused(words)) => (Delivery::Refused(words), true),
            Err(Trouble::NotNow(words)) => (Delivery::NotNow(words), true),
            Err(Trouble::Over(words) | Trouble::Away(words)) => (Delivery::Unreachable(words), false),
            Err(Trouble::BrokenOff(words)) => (Delivery::NotNow(words), false),
        };
        if goes_on && conversation.mails() < MOST_MAILS {
            self.idle().push(Idle { conversation, since: Instant::now() });
        }
        delivery
    }

    /// The one that was silent for the shortest time.
    fn take_idle(&self) -> Option<Conversation> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < LONGEST_SILENCE);
        idle.pop().map(|idle| idle.conversation)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
