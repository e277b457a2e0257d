//! Forgetting kept tasks: one by one when asked, or by age and size. What belongs to a task goes with its row.

use std::time::Duration;

use caudal_engine::ports::{ControlRefused, StoreError};
use caudal_engine::task::{TaskId, Tenant, Timestamp};
use sqlx_core::query_as::query_as;
use sqlx_core::query_scalar::query_scalar;
use sqlx_postgres::{PgConnection, Postgres};

use super::counts::Counts;
use super::fault::Fault;
use super::record::uuid;
use super::text::escaped;
use super::turn::Turn;

/// What goes in one statement, about: more might take longer than a statement may, each time anew.
const BITE_BYTES: i64 = 64 * 1024 * 1024;

pub(super) const FORGET: &str = "DELETE FROM tasks WHERE id = $1 AND tenant = $2 RETURNING flow, state, bytes";
/// Those that ended long ago; then, oldest end first, those before which less than the excess would go. Of all these no more
/// than a bite: the first, whatever it takes, and further ones while less than a bite goes before them.
pub(super) const FORGET_OLD: &str = "DELETE FROM tasks WHERE id IN (SELECT id FROM ( \
    SELECT id, ended_at, sum(bytes) OVER (ORDER BY ended_at, id) - bytes AS before \
    FROM (SELECT id, ended_at, bytes FROM tasks ORDER BY ended_at, id LIMIT $1) oldest) t \
    WHERE (ended_at <= $2 OR before < $3) AND before < $4) RETURNING flow, state, bytes";
pub(super) const FIRST_ENDED: &str = "SELECT ended_at FROM tasks ORDER BY ended_at, id LIMIT 1";

/// What is kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keep {
    pub(super) ended: Duration,
    pub(super) bytes: u64,
}

/// What cleaning has done.
pub(super) struct Cleaned {
    pub(super) forgotten: usize,
    /// It was a whole bite by its bytes: more may be to be forgotten, though fewer went than were asked for.
    pub(super) is_whole_bite: bool,
    /// When the oldest that is left ended.
    pub(super) oldest: Option<Timestamp>,
}

impl Turn<'_> {
    pub(super) async fn delete(&mut self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        let forgotten = self.step(async |connection| forget(connection, tenant, task).await).await?;
        if forgotten { Ok(()) } else { Err(ControlRefused::NotFound) }
    }

    pub(super) async fn clean(&mut self, keep: Keep, most: usize, now: Timestamp) -> Result<Cleaned, StoreError> {
        self.step(async |connection| forget_old(connection, keep, most, now).await).await
    }
}

async fn forget(connection: &mut PgConnection, tenant: &Tenant, task: TaskId) -> Result<bool, Fault> {
    let gone: Vec<(String, i16, i64)> =
        query_as(FORGET).bind(uuid(task)).bind(escaped(tenant.as_str())).fetch_all(&mut *connection).await?;
    count_off(connection, &gone).await?;
    Ok(!gone.is_empty())
}

async fn forget_old(connection: &mut PgConnection, keep: Keep, most: usize, now: Timestamp) -> Result<Cleaned, Fault> {
    let taken: i64 = query_scalar::<Postgres, i64>("SELECT coalesce(sum(bytes), 0)::int8 FROM task_counts")
        .fetch_one(&mut *connection)
        .await?;
    let excess = taken.saturating_sub(i64::try_from(keep.bytes).unwrap_or(i64::MAX)).max(0);
    let gone: Vec<(String, i16, i64)> = query_as(FORGET_OLD)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind((now - keep.ended).as_millis())
        .bind(excess)
        .bind(BITE_BYTES)
        .fetch_all(&mut *connection)
        .await?;
    count_off(connection, &gone).await?;
    let oldest = query_scalar::<Postgres, i64>(FIRST_ENDED).fetch_optional(connection).await?;
    let bytes: i64 = gone.iter().map(|(_, _, bytes)| bytes).sum();
    Ok(Cleaned {
        forgotten: gone.len(),
        is_whole_bite: bytes >= BITE_BYTES,
        oldest: oldest.map(Timestamp::from_millis),
    })
}

async fn count_off(connection: &mut PgConnection, gone: &[(String, i16, i64)]) -> Result<(), Fault> {
    let mut counts = Counts::default();
    for (flow, state, bytes) in gone {
        counts.add(flow, *state, -1, -bytes);
    }
    counts.save(connection).await
}
