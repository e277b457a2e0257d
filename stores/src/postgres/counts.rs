//! How many tasks are kept, by flow and state, and what they take: changed in the transaction that changes them.

use std::collections::BTreeMap;

use caudal_engine::ports::StoreStats;
use sqlx_core::query::query;
use sqlx_core::query_as::query_as;
use sqlx_postgres::{PgConnection, Postgres};

use super::fault::Fault;
use super::record::state_of;
use super::text::unescaped;

const SAVE: &str = "INSERT INTO task_counts AS known (flow, state, tasks, bytes) \
    SELECT * FROM UNNEST($1::text[], $2::int2[], $3::int8[], $4::int8[]) \
    ON CONFLICT (flow, state) DO UPDATE SET tasks = known.tasks + excluded.tasks, bytes = known.bytes + excluded.bytes";

/// Changes by flow and state: how many tasks, how many bytes.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(String, i16), (i64, i64)>);

impl Counts {
    pub(super) fn add(&mut self, flow: &str, state: i16, tasks: i64, bytes: i64) {
        let count = self.0.entry((flow.to_owned(), state)).or_default();
        count.0 += tasks;
        count.1 += bytes;
    }

    pub(super) async fn save(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        query::<Postgres>(SAVE)
            .bind(self.0.keys().map(|(flow, _)| flow.as_str()).collect::<Vec<_>>())
            .bind(self.0.keys().map(|(_, state)| *state).collect::<Vec<_>>())
            .bind(self.0.values().map(|(tasks, _)| *tasks).collect::<Vec<_>>())
            .bind(self.0.values().map(|(_, bytes)| *bytes).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Nothing is in line here: the figures know only how many and how much.
pub(super) async fn stats(connection: &mut PgConnection) -> Result<StoreStats, Fault> {
    let mut stats = StoreStats::default();
    let counts: Vec<(String, i16, i64, i64)> =
        query_as("SELECT flow, state, tasks, bytes FROM task_counts WHERE tasks > 0").fetch_all(connection).await?;
    for (flow, state, tasks, bytes) in counts {
        stats.tasks.push((unescaped(flow).into(), state_of(state)?, tasks.cast_unsigned()));
        stats.bytes += u64::try_from(bytes).unwrap_or(0);
    }
    Ok(stats)
}
