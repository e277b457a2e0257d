//! Notifications that are final: kept by the archiver, found by id, task, state and address, forgotten in time.

mod list;
mod row;

use std::collections::BTreeMap;

use caudal_engine::notification::{NotificationId, NotificationRecord, NotificationState};
use caudal_engine::ports::{NotificationFilter, NotificationPage, StoreError};
use caudal_engine::task::{TaskId, Tenant, Timestamp};
use sqlx_core::query::query;
use sqlx_core::query_as::query_as;
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::{PgConnection, Postgres};
use uuid::Uuid;

use super::fault::Fault;
use super::record::uuid;
use super::store::PostgresStore;
use super::text::escaped;
use super::turn::Turn;
use row::{COLUMNS, INSERT, NewRow, record_of, state_of, uuid_of};

/// How many there are of each state.
pub(super) type NotificationCounts = Vec<(NotificationState, u64)>;

const FORGET: &str = "DELETE FROM notifications WHERE id = ANY($1) RETURNING state";
const FORGET_OF_TASK: &str = "DELETE FROM notifications WHERE task = $1 AND tenant = $2 RETURNING state";
const FORGET_OLD: &str = "DELETE FROM notifications WHERE id IN \
    (SELECT id FROM notifications WHERE ended_at <= $1 ORDER BY ended_at, id LIMIT $2) RETURNING state";
const FIRST_ENDED: &str = "SELECT ended_at FROM notifications ORDER BY ended_at, id LIMIT 1";
const SAVE_COUNTS: &str = "INSERT INTO notification_counts AS known (state, notifications) \
    SELECT * FROM UNNEST($1::int2[], $2::int8[]) \
    ON CONFLICT (state) DO UPDATE SET notifications = known.notifications + excluded.notifications";

impl Turn<'_> {
    /// Keeps these as they are now. One that was kept before and sent again since takes its own place. Answers those that
    /// cannot be kept, and why: as with tasks, a bad one stops no other.
    pub async fn keep_notifications(
        &mut self,
        records: &[NotificationRecord],
    ) -> Result<Vec<(NotificationId, String)>, StoreError> {
        let rows: Vec<NewRow> = records.iter().filter_map(NewRow::of).collect();
        self.step(async |connection| keep(connection, &rows).await).await
    }

    pub async fn forget_notification(&mut self, id: NotificationId) -> Result<(), StoreError> {
        self.step(async |connection| {
            let gone = query_scalar(FORGET).bind(vec![uuid_of(id)]).fetch_all(&mut *connection).await?;
            count_off(connection, &gone).await
        })
        .await
    }

    /// Those about a task that is forgotten.
    pub(super) async fn forget_notifications_of(&mut self, tenant: &Tenant, task: TaskId) -> Result<(), StoreError> {
        self.step(async |connection| {
            let forget = query_scalar(FORGET_OF_TASK).bind(uuid(task)).bind(escaped(tenant.as_str()));
            let gone = forget.fetch_all(&mut *connection).await?;
            count_off(connection, &gone).await
        })
        .await
    }

    /// Answers how many, and when the oldest that is left ended.
    pub(super) async fn forget_old_notifications(
        &mut self,
        until: Timestamp,
        most: usize,
    ) -> Result<(usize, Option<Timestamp>), StoreError> {
        self.step(async |connection| {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let gone: Vec<i16> =
                query_scalar(FORGET_OLD).bind(until.as_millis()).bind(most).fetch_all(&mut *connection).await?;
            count_off(connection, &gone).await?;
            let oldest = query_scalar::<Postgres, i64>(FIRST_ENDED).fetch_optional(connection).await?;
            Ok((gone.len(), oldest.map(Timestamp::from_millis)))
        })
        .await
    }
}

impl PostgresStore {
    pub async fn notification(
        &self,
        tenant: &Tenant,
        id: NotificationId,
    ) -> Result<Option<NotificationRecord>, StoreError> {
        self.connections().run(async |connection| find(connection, tenant, id).await).await
    }

    pub async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        if !filter.states.is_empty() && !filter.states.iter().any(|state| state.is_final()) {
            return Ok(NotificationPage::default());
        }
        self.connections().run(async |connection| list::page(connection, filter).await).await
    }
}

pub(super) async fn counts(connection: &mut PgConnection) -> Result<NotificationCounts, Fault> {
    let sql = "SELECT state, notifications FROM notification_counts WHERE notifications > 0";
    let counts: Vec<(i16, i64)> = query_as(sql).fetch_all(connection).await?;
    counts.into_iter().map(|(state, count)| Ok((state_of(state)?, count.cast_unsigned()))).collect()
}

async fn keep(connection: &mut PgConnection, rows: &[NewRow]) -> Result<Vec<(NotificationId, String)>, Fault> {
    match keep_alone(connection, rows).await {
        Err(fault) if !fault.is_of_the_store() => {}
        kept => return kept.map(|()| Vec::new()),
    }
    let mut refused = Vec::new();
    for row in rows {
        match keep_alone(connection, std::slice::from_ref(row)).await {
            Ok(()) => {}
            Err(fault) if fault.is_of_the_store() => return Err(fault),
            Err(fault) => refused.push((NotificationId::from_bytes(row.id.into_bytes()), fault.to_string())),
        }
    }
    Ok(refused)
}

/// All of them or none.
async fn keep_alone(connection: &mut PgConnection, rows: &[NewRow]) -> Result<(), Fault> {
    raw_sql("SAVEPOINT alone").execute(&mut *connection).await?;
    let kept = keep_all(connection, rows).await;
    let then = if kept.is_ok() { "RELEASE SAVEPOINT alone" } else { "ROLLBACK TO SAVEPOINT alone" };
    if kept.as_ref().err().is_none_or(|fault| !fault.is_of_the_store()) {
        raw_sql(then).execute(connection).await?;
    }
    kept
}

async fn keep_all(connection: &mut PgConnection, rows: &[NewRow]) -> Result<(), Fault> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let earlier: Vec<i16> = query_scalar(FORGET).bind(&ids).fetch_all(&mut *connection).await?;
    count_off(connection, &earlier).await?;
    row::bound(query::<Postgres>(INSERT), rows).execute(&mut *connection).await?;
    count(connection, rows.iter().map(|row| row.state), 1).await
}

async fn find(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: NotificationId,
) -> Result<Option<NotificationRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM notifications n WHERE n.id = $1 AND n.tenant = $2");
    let found = query::<Postgres>(AssertSqlSafe(sql))
        .bind(uuid_of(id))
        .bind(escaped(tenant.as_str()).into_owned())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(record_of).transpose()
}

async fn count_off(connection: &mut PgConnection, gone: &[i16]) -> Result<(), Fault> {
    count(connection, gone.iter().copied(), -1).await
}

async fn count(connection: &mut PgConnection, states: impl Iterator<Item = i16>, each: i64) -> Result<(), Fault> {
    let mut changes: BTreeMap<i16, i64> = BTreeMap::new();
    states.for_each(|state| *changes.entry(state).or_default() += each);
    if changes.is_empty() {
        return Ok(());
    }
    let (states, counts): (Vec<i16>, Vec<i64>) = changes.into_iter().unzip();
    query::<Postgres>(SAVE_COUNTS).bind(states).bind(counts).execute(connection).await?;
    Ok(())
}
