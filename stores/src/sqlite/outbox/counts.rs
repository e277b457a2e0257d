//! How many notifications there are in each state: counted as they come and go, written down once per group.

use caudal_engine::notification::NotificationState;
use rusqlite::Connection;

use super::super::fault::Fault;

#[derive(Debug, Default)]
pub(in super::super) struct OutboxCounts {
    counts: [i64; NotificationState::ALL.len()],
    changed: [bool; NotificationState::ALL.len()],
}

impl OutboxCounts {
    pub(in super::super) fn load(connection: &Connection) -> Result<Self, Fault> {
        let mut counts = Self::default();
        let mut statement = connection.prepare("SELECT state, notifications FROM notification_counts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let state = super::row::state_of(row.get(0)?)?;
            counts.counts[state as usize] = row.get(1)?;
        }
        Ok(counts)
    }

    pub(in super::super) fn count(&mut self, state: NotificationState, change: i64) {
        self.counts[state as usize] += change;
        self.changed[state as usize] = true;
    }

    /// Writes down what changed since the last time.
    pub(in super::super) fn save(&mut self, connection: &Connection) -> Result<(), Fault> {
        for state in NotificationState::ALL {
            if std::mem::take(&mut self.changed[state as usize]) {
                connection
                    .prepare_cached(
                        "INSERT INTO notification_counts (state, notifications) VALUES (?1, ?2) \
                         ON CONFLICT DO UPDATE SET notifications = excluded.notifications",
                    )?
                    .execute([state as i64, self.counts[state as usize]])?;
            }
        }
        Ok(())
    }
}
