//! Creating tasks: the id, the idempotency key, the unique key and the bound decide whether one is new.

use super::state::{FirstUse, State, Stored};
use crate::ports::{CreateRefused, Created};
use crate::task::record::Idempotency;
use crate::task::{NewTask, TaskId, TaskRecord, TaskState, Tenant, Timestamp};

impl State {
    pub(super) fn create(&mut self, new: NewTask, now: Timestamp) -> Result<Created, CreateRefused> {
        if self.tasks.contains_key(&new.id) {
            return Ok(Created { id: new.id, new: false });
        }
        if let Some(first) = self.first_use(&new.tenant, new.idempotency.as_ref(), now)? {
            return Ok(Created { id: first, new: false });
        }
        if let Some(holder) = self.holder_of_unique_key(&new) {
            // The key's next use must answer the same, even when the holder has ended by then.
            self.remember_use(&new.tenant, new.idempotency.as_ref(), holder, now);
            return Ok(Created { id: holder, new: false });
        }
        if self.effects.busy.get(&new.tenant).copied().unwrap_or(0) >= self.limits.line_per_tenant {
            return Err(CreateRefused::LineFull);
        }
        if new.options.notify.is_some() && self.outbox.open(&new.tenant) >= self.limits.outbox_per_tenant {
            return Err(CreateRefused::OutboxFull);
        }
        let id = new.id;
        self.remember_use(&new.tenant, new.idempotency.as_ref(), id, now);
        self.put_in_line(new);
        Ok(Created { id, new: true })
    }

    /// Stores a task, whatever the bounds: a child is created by an event that is in its parent's log already.
    pub(super) fn put_in_line(&mut self, new: NewTask) {
        if self.tasks.contains_key(&new.id) {
            return;
        }
        let (id, due_at) = (new.id, new.due_at);
        if let Some(key) = &new.unique_key {
            self.unique.entry((new.tenant.clone(), key.clone())).or_insert(id);
        }
        if let Some(parent) = &new.parent {
            self.children.entry(parent.task).or_default().insert(id);
        }
        let (record, events) = record_of(new);
        let mut stored = Stored::new(record);
        stored.count(&mut self.effects, true);
        for body in events {
            stored.append(body, &mut self.effects);
        }
        stored.set_due(Some(due_at), &mut self.effects);
        self.effects.announcements.change(stored.change());
        self.tasks.insert(id, stored);
    }

    pub(super) fn first_use(
        &mut self,
        tenant: &Tenant,
        used: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<Option<TaskId>, CreateRefused> {
        let Some(Idempotency { key, body_hash }) = used else { return Ok(None) };
        match self.idempotency.get(&(tenant.clone(), key.clone())) {
            Some(first) if first.until <= now => Ok(None),
            Some(first) if first.body_hash == *body_hash => Ok(Some(first.task)),
            Some(first) => Err(CreateRefused::IdempotencyConflict { first: first.task }),
            None => Ok(None),
        }
    }

    fn remember_use(&mut self, tenant: &Tenant, used: Option<&Idempotency>, task: TaskId, now: Timestamp) {
        if let Some(Idempotency { key, body_hash }) = used {
            let until = now + self.limits.idempotency_lifetime;
            let first = FirstUse { task, body_hash: *body_hash, until };
            self.idempotency.insert((tenant.clone(), key.clone()), first);
        }
    }

    fn holder_of_unique_key(&self, new: &NewTask) -> Option<TaskId> {
        let key = new.unique_key.as_ref()?;
        self.unique.get(&(new.tenant.clone(), key.clone())).copied()
    }
}

fn record_of(new: NewTask) -> (TaskRecord, Vec<String>) {
    let record = TaskRecord {
        id: new.id,
        tenant: new.tenant,
        flow: new.flow,
        version: new.version,
        ran_version: 0,
        state: TaskState::Queued,
        cancelling: false,
        pausing: false,
        priority: new.priority,
        created_at: new.created_at,
        due_at: None,
        started_at: None,
        ended_at: None,
        input: new.input,
        tags: new.tags,
        unique_key: new.unique_key,
        parent: new.parent,
        retry_of: new.retry_of,
        options: new.options,
        claim: None,
        takeovers: 0,
        head: 0,
        waits: Vec::new(),
        summary: new.summary,
    };
    (record, new.events)
}
