//! Creating tasks: the id, the idempotency key, the unique key and the bound decide whether one is new.

use caudal_engine::ports::{CreateRefused, Created};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Claim, NewTask, TaskId, TaskOptions, TaskState, Tenant};
use rusqlite::{OptionalExtension, params};

use super::columns::Columns;
use super::fault::Fault;
use super::row::{Stored, TaskRow};
use super::session::Session;

impl Session<'_> {
    pub(super) fn create_all(&mut self, tasks: &[NewTask]) -> Result<Vec<Result<Created, CreateRefused>>, Fault> {
        tasks.iter().map(|new| self.create(new)).collect()
    }

    fn create(&mut self, new: &NewTask) -> Result<Result<Created, CreateRefused>, Fault> {
        if self.exists(new.id)? {
            return Ok(Ok(Created { id: new.id, new: false }));
        }
        let tenant = self.memory.names.add_tenant(self.connection, &new.tenant)?;
        match self.first_use(tenant, new.idempotency.as_ref())? {
            Some(Ok(first)) => return Ok(Ok(Created { id: first, new: false })),
            Some(Err(refused)) => return Ok(Err(refused)),
            None => {}
        }
        if let Some(holder) = self.holder_of_unique_key(tenant, new)? {
            // The key's next use must answer the same, even when the holder has ended by then.
            self.remember_use(tenant, new.idempotency.as_ref(), holder)?;
            return Ok(Ok(Created { id: holder, new: false }));
        }
        if self.memory.counts.busy(tenant) >= self.limits.line_per_tenant {
            return Ok(Err(CreateRefused::LineFull));
        }
        if new.options.notify.is_some() && self.memory.outbox.open(tenant) >= self.limits.outbox_per_tenant {
            return Ok(Err(CreateRefused::OutboxFull));
        }
        self.remember_use(tenant, new.idempotency.as_ref(), new.id)?;
        self.put_in_line(tenant, new)?;
        Ok(Ok(Created { id: new.id, new: true }))
    }

    /// Stores a task that is not there yet, whatever the bounds: a child is created by an event that is in its
    /// parent's log already.
    pub(super) fn put_in_line(&mut self, tenant: i64, new: &NewTask) -> Result<(), Fault> {
        let flow = self.memory.names.add_flow(self.connection, &new.flow)?;
        let mut row = row_of(tenant, flow, new);
        row.head = new.events.len() as u64;
        self.insert(&mut row)?;
        row.head = 0;
        self.append(&mut row, &new.events)?;
        self.insert_details(row.key, new)?;
        for tag in &new.tags {
            self.connection
                .prepare_cached("INSERT OR IGNORE INTO task_tags (tenant, tag, id, task) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![tenant, tag, new.id.as_bytes(), row.key])?;
        }
        Ok(())
    }

    pub(super) fn exists(&self, task: TaskId) -> Result<bool, Fault> {
        if self.memory.running.get(task).is_some() {
            return Ok(true);
        }
        Ok(self.connection.prepare_cached("SELECT 1 FROM tasks WHERE id = ?1")?.exists([task.as_bytes()])?)
    }

    fn insert_details(&self, task: i64, new: &NewTask) -> Result<(), Fault> {
        let tags = (!new.tags.is_empty()).then(|| serde_json::to_string(&new.tags)).transpose();
        let has_options = new.options != TaskOptions::default();
        let options = has_options.then(|| serde_json::to_string(&new.options)).transpose();
        self.connection
            .prepare_cached(
                "INSERT INTO task_details (task, retry_of, tags, options, input) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                task,
                new.retry_of.as_ref().map(TaskId::as_bytes),
                tags.map_err(Fault::unreadable)?,
                options.map_err(Fault::unreadable)?,
                new.input.text(),
            ])?;
        Ok(())
    }

    pub(super) fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, Fault> {
        let Some(tenant) = self.memory.names.find_tenant(tenant) else { return Ok(None) };
        Ok(self.first_use(tenant, Some(used))?.and_then(Result::ok))
    }

    pub(super) fn first_use(
        &self,
        tenant: i64,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Result<TaskId, CreateRefused>>, Fault> {
        let Some(Idempotency { key, body_hash }) = idempotency else { return Ok(None) };
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, created_at, body_hash FROM idempotency_keys WHERE tenant = ?1 AND key = ?2")?;
        let mut rows = statement.query(params![tenant, key])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut at = Columns::of(row);
        let (first, created_at, known_hash) = (at.id()?, at.time()?, at.value::<Vec<u8>>()?);
        if created_at + self.limits.idempotency_lifetime <= self.now {
            return Ok(None);
        }
        let same = known_hash == body_hash;
        Ok(Some(if same { Ok(first) } else { Err(CreateRefused::IdempotencyConflict { first }) }))
    }

    pub(super) fn remember_use(
        &self,
        tenant: i64,
        idempotency: Option<&Idempotency>,
        task: TaskId,
    ) -> Result<(), Fault> {
        if let Some(Idempotency { key, body_hash }) = idempotency {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO idempotency_keys (tenant, key, id, body_hash, created_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![tenant, key, task.as_bytes(), body_hash, self.now.as_millis()])?;
        }
        Ok(())
    }

    fn holder_of_unique_key(&self, tenant: i64, new: &NewTask) -> Result<Option<TaskId>, Fault> {
        let Some(key) = &new.unique_key else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM tasks WHERE tenant = ?1 AND unique_key = ?2 AND unique_key IS NOT NULL \
             AND ended_at IS NULL ORDER BY task LIMIT 1",
        )?;
        Ok(statement.query_row(params![tenant, key], |row| row.get(0)).optional()?.map(TaskId::from_bytes))
    }
}

fn row_of(tenant: i64, flow: i64, new: &NewTask) -> TaskRow {
    let state = TaskState::Queued;
    let mut row = TaskRow {
        key: 0,
        id: new.id,
        tenant,
        flow,
        state,
        due_at: Some(new.due_at),
        created_at: new.created_at,
        started_at: None,
        ended_at: None,
        version: new.version,
        ran_version: 0,
        priority: new.priority,
        cancelling: false,
        pausing: false,
        takeovers: 0,
        claim: Claim { epoch: 0, id: 0 },
        worker: None,
        claimed_here: false,
        last_write: None,
        head: 0,
        summary: new.summary.clone(),
        parent: new.parent.clone(),
        unique_key: new.unique_key.as_deref().map(Into::into),
        waits: None,
        stored: Stored { lane: 0, state, shown: caudal_engine::task::WireState::Pending, due_at: Some(new.due_at) },
    };
    row.stored.shown = row.shown();
    row
}
