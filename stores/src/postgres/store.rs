//! The kept part as the process sees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caudal_engine::notification::NotificationId;
use caudal_engine::ports::{Clock, ControlRefused, StoreError, StoreStats, TaskFilter, TaskPage};
use caudal_engine::task::{LogEntry, TaskId, TaskRecord, Tenant, Timestamp};
use sqlx_core::query::query;
use sqlx_core::query_scalar::query_scalar;
use sqlx_postgres::{PgConnection, Postgres};

use super::clean::{Cleaned, Keep};
use super::connections::Connections;
use super::fault::Fault;
use super::notifications::{self, NotificationCounts};
use super::open::{self, OpenError};
use super::record::{self, COLUMNS};
use super::settings::PostgresSettings;
use super::text::escaped;
use super::turn::{OUTBOX, Right, TASKS, Turn};
use super::{archive::Archived, counts, list, log};
use crate::ended_task::EndedTask;

/// Others archive too: how long figures, and that nothing is to be forgotten, are taken as true.
const FIGURES_BELIEVED: Duration = Duration::from_secs(10);
const CLEAN_BELIEVED: Duration = Duration::from_secs(600);

pub struct PostgresStore {
    connections: Connections,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

/// What was asked before, so that looking again and again at what does not change asks nothing.
#[derive(Default)]
struct Known {
    stats: Option<(StoreStats, Timestamp)>,
    notifications: Option<(NotificationCounts, Timestamp)>,
    /// Nothing is to be forgotten until then, if this is what is to be kept.
    clean: Option<(Keep, Timestamp)>,
    /// The same of notifications.
    clean_notifications: Option<(Duration, Timestamp)>,
}

impl PostgresStore {
    /// Makes sure that the database can serve and has the schema of this version. From then on nothing is asked that
    /// nobody wants to know.
    pub async fn open(settings: &PostgresSettings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let options = open::options_of(settings)?;
        open::prepare(settings, &options).await?;
        Ok(Self { connections: Connections::new(settings, options), clock, known: Mutex::default() })
    }

    pub async fn close(&self) {
        self.connections.close().await;
    }

    /// The turn to archive notifications; none while another process archives some.
    pub async fn take_outbox_turn(&self) -> Result<Option<Turn<'_>>, StoreError> {
        self.turn_to_archive(OUTBOX).await
    }

    /// The turn to archive tasks; none while another process archives some.
    pub async fn take_turn(&self) -> Result<Option<Turn<'_>>, StoreError> {
        self.turn_to_archive(TASKS).await
    }

    async fn turn_to_archive(&self, right: Right) -> Result<Option<Turn<'_>>, StoreError> {
        let turn = Turn::to_archive(&self.connections, right).await?;
        // Whoever had it before may just have looked.
        self.forget_known();
        Ok(turn)
    }

    /// Archives a batch when it is our turn, however long others take.
    pub async fn archive(&self, tasks: &[EndedTask]) -> Result<Archived, StoreError> {
        let mut turn = Turn::wait(&self.connections).await?;
        let archived = turn.archive(tasks).await?;
        turn.commit().await?;
        self.forget_known();
        Ok(archived)
    }

    pub async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        self.connections.run(async |connection| find(connection, tenant, task).await).await
    }

    pub async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.connections.run(async |connection| log::events(connection, task, after, most_bytes).await).await
    }

    pub async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        self.connections.run(async |connection| log::last_event(connection, task).await).await
    }

    pub async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        if !list::may_find(filter) {
            return Ok(TaskPage::default());
        }
        self.connections.run(async |connection| list::list(connection, filter).await).await
    }

    pub async fn stats(&self) -> Result<StoreStats, StoreError> {
        let now = self.clock.now();
        if let Some((stats, at)) = &self.known().stats
            && now.since(*at) < FIGURES_BELIEVED
        {
            return Ok(stats.clone());
        }
        let stats = self.connections.run(async |connection| counts::stats(connection).await).await?;
        self.known().stats = Some((stats.clone(), now));
        Ok(stats)
    }

    /// How many notifications there are of each state.
    pub async fn notification_counts(&self) -> Result<NotificationCounts, StoreError> {
        let now = self.clock.now();
        if let Some((counts, at)) = &self.known().notifications
            && now.since(*at) < FIGURES_BELIEVED
        {
            return Ok(counts.clone());
        }
        let counts = self.connections.run(async |connection| notifications::counts(connection).await).await?;
        self.known().notifications = Some((counts.clone(), now));
        Ok(counts)
    }

    /// The task, and what was told of it, which may be here before the task is.
    pub async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        let mut turn = Turn::wait(&self.connections).await?;
        turn.forget_notifications_of(tenant, task).await?;
        let deleted = turn.delete(tenant, task).await;
        if matches!(deleted, Ok(()) | Err(ControlRefused::NotFound)) {
            turn.commit().await?;
        }
        self.forget_known();
        deleted
    }

    /// One that is sent again.
    pub async fn forget_notification(&self, id: NotificationId) -> Result<(), StoreError> {
        let mut turn = Turn::wait(&self.connections).await?;
        turn.forget_notification(id).await?;
        turn.commit().await?;
        self.forget_known();
        Ok(())
    }

    /// Forgets what is older, or more, than must be kept, also while others archive without a pause. Answers how many tasks.
    pub async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError> {
        let (keep, now) = (Keep { ended: keep_ended, bytes: keep_bytes }, self.clock.now());
        if self.known().clean.is_some_and(|(known, until)| known == keep && now < until) {
            return Ok(0);
        }
        let mut forgotten = 0;
        // Each bite is a turn: whoever waits has theirs in between.
        loop {
            let mut turn = Turn::wait(&self.connections).await?;
            let cleaned = turn.clean(keep, most - forgotten, now).await?;
            turn.commit().await?;
            self.note_cleaned(keep, &cleaned, now);
            forgotten += cleaned.forgotten;
            if !cleaned.is_whole_bite || forgotten >= most {
                return Ok(forgotten);
            }
        }
    }

    /// Forgets notifications that ended longer ago. Answers how many.
    pub async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError> {
        let now = self.clock.now();
        if self.known().clean_notifications.is_some_and(|(known, until)| known == keep && now < until) {
            return Ok(0);
        }
        let mut turn = Turn::wait(&self.connections).await?;
        let (forgotten, oldest) = turn.forget_old_notifications(now - keep, most).await?;
        turn.commit().await?;
        let mut known = self.known();
        known.clean_notifications = None;
        if forgotten > 0 {
            known.notifications = None;
        } else {
            let latest = now + CLEAN_BELIEVED;
            known.clean_notifications = Some((keep, oldest.map_or(latest, |oldest| oldest + keep).min(latest)));
        }
        Ok(forgotten)
    }

    /// Whether it can serve: a write would succeed now.
    pub async fn check(&self) -> Result<(), StoreError> {
        let read_only = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
        let answer = self
            .connections
            .run(async |connection| Ok(query_scalar::<Postgres, bool>(read_only).fetch_one(connection).await?))
            .await?;
        if answer { Err(StoreError::Unavailable("Postgres can only be read".to_owned())) } else { Ok(()) }
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    fn note_cleaned(&self, keep: Keep, cleaned: &Cleaned, now: Timestamp) {
        let mut known = self.known();
        known.clean = None;
        if cleaned.forgotten > 0 {
            known.stats = None;
        } else {
            let latest = now + CLEAN_BELIEVED;
            let due = cleaned.oldest.map_or(latest, |oldest| oldest + keep.ended);
            known.clean = Some((keep, due.min(latest)));
        }
    }

    fn forget_known(&self) {
        *self.known() = Known::default();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn find(connection: &mut PgConnection, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM tasks t WHERE t.id = $1 AND t.tenant = $2");
    let found = query::<Postgres>(sqlx_core::sql_str::AssertSqlSafe(sql))
        .bind(record::uuid(task))
        .bind(escaped(tenant.as_str()).into_owned())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(record::record_of).transpose()
}
