//! Asks the store until it answers.
//!
//! A store that is away says nothing about the notification, and costs it no attempt. One that cannot read what it has says
//! so each time: that is an answer, too, and nobody waits for another.

use std::time::Duration;

use caudal_engine::notification::NotificationRecord;
use caudal_engine::ports::StoreError;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the store has cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

pub(crate) async fn answered<T, F>(
    record: &NotificationRecord,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<T, Unreadable>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(StoreError::Corrupt(error)) => {
                tracing::error!(notification.id = %record.id, error, "the store cannot read {what}");
                return Err(Unreadable(error));
            }
            Err(error) => tracing::warn!(notification.id = %record.id, %error, "the store is asked again for {what}"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::retry::tests::record;

    /// Goal: a store that is away, or has no space, is waited for; one that cannot read what it has is not.
    #[tokio::test(start_paused = true)]
    async fn the_store_is_waited_for() {
        let (asked, record) = (Cell::new(0), record(1));
        let answer = answered(&record, "it", || {
            asked.set(asked.get() + 1);
            std::future::ready(match asked.get() {
                1..40 => Err(StoreError::Unavailable("away".to_owned())),
                40..80 => Err(StoreError::Full("full".to_owned())),
                _ => Ok(7),
            })
        });
        assert_eq!((answer.await, asked.get()), (Ok(7), 80));
        let broken = || std::future::ready(Err::<(), _>(StoreError::Corrupt("nonsense".to_owned())));
        assert_eq!(answered(&record, "it", broken).await, Err(Unreadable("nonsense".to_owned())));
    }
}
