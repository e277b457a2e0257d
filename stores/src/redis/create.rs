//! Creating tasks: the id, the idempotency key, the unique key and the bounds decide whether one is new.
//!
//! A key's home is a partition, chosen by its hash; a task's is in its id. Where both are the same, one script does all.
//! Where they differ it takes three, each of which may be repeated: reserve the key for the id; create the task by that
//! id, which is done once however often it is asked; say at the key's home what answered. Whoever comes in between with
//! the same request finds the reservation, and goes on with its id.

use caudal_engine::ports::{CreateRefused, Created, StoreError};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{NewTask, TaskId, Tenant, home_of_key};
use futures_util::future::join_all;
use redis::Value;

use super::facts::summary_text;
use super::fault::{down, unreadable};
use super::log::lines_of;
use super::record::{details_of, parent_text};
use super::reply;
use super::scripts::{CREATE, CREATE_PLAIN, Call, RESERVE, SETTLE};
use super::store::{RedisStore, millis};

/// How an attempt ended.
enum Attempt {
    Answered(Result<Created, CreateRefused>),
    /// The number of partitions has grown meanwhile: keys have other homes.
    Grown(u16),
    /// The key is reserved for this id, and nobody has said yet that it was created.
    Reserved(TaskId),
}

/// What stands at the home of an idempotency key.
pub(super) enum Reservation {
    /// For this id, whose creation was not heard of yet.
    Reserved(TaskId),
    Settled(TaskId),
    OfAnother(TaskId),
    None,
    Grown(u16),
}

impl RedisStore {
    pub(super) async fn create_all(
        &self,
        tasks: &[NewTask],
    ) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        match tasks {
            [one] => Ok(vec![self.create_one(one).await?]),
            many => join_all(many.iter().map(|new| self.create_one(new))).await.into_iter().collect(),
        }
    }

    async fn create_one(&self, new: &NewTask) -> Result<Result<Created, CreateRefused>, StoreError> {
        let partitions = self.layout.partitions();
        let attempt = match &new.idempotency {
            Some(used) => match self.home_of_use(&new.tenant, used, new.id).await? {
                Some(home) if home != new.id.partition() => self.create_apart(new, used, home).await?,
                _ => match self.create_here(new, new.id, Some(used), false).await? {
                    Attempt::Reserved(id) => self.create_reserved(new, used, id, new.id.partition()).await?,
                    attempt => attempt,
                },
            },
            None => self.create_here(new, new.id, None, false).await?,
        };
        match attempt {
            Attempt::Answered(answer) => Ok(answer),
            Attempt::Reserved(id) => Err(unreadable(format_args!("task {id} is reserved by nobody"))),
            Attempt::Grown(now) => {
                self.layout.refresh(&self.nodes, &self.keys).await?;
                // The id that was chosen may not be at home any more: the next request gets one that is.
                Err(down(format_args!("the store has grown from {partitions} to {now} partitions; ask again")))
            }
        }
    }

    /// Where the idempotency key lives: at its home, or where it was first used while there were fewer partitions.
    pub(super) async fn home_of_use(
        &self,
        tenant: &Tenant,
        used: &Idempotency,
        id: TaskId,
    ) -> Result<Option<u16>, StoreError> {
        for earlier in self.layout.earlier_homes(tenant, &used.key) {
            match self.reserve(tenant, used, id, earlier, true).await? {
                Reservation::None => {}
                _ => return Ok(Some(earlier)),
            }
        }
        Ok(Some(home_of_key(tenant, &used.key, self.layout.partitions())))
    }

    /// What the key was used for. Whether one that is only reserved was created is not known at the key's home.
    pub(super) async fn settled_use(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        let home = home_of_key(tenant, &used.key, self.layout.partitions());
        for home in self.layout.earlier_homes(tenant, &used.key).into_iter().chain([home]) {
            // Looking reserves nothing: any id will do.
            let nobody = TaskId::from_bytes([0; 16]);
            match self.reserve(tenant, used, nobody, home, true).await? {
                Reservation::Settled(first) => return Ok(Some(first)),
                Reservation::Reserved(id) => return Ok(self.read_task(tenant, id).await?.map(|record| record.id)),
                Reservation::OfAnother(_) | Reservation::None | Reservation::Grown(_) => {}
            }
        }
        Ok(None)
    }

    async fn create_here(
        &self,
        new: &NewTask,
        id: TaskId,
        used: Option<&Idempotency>,
        apart: bool,
    ) -> Result<Attempt, StoreError> {
        if let Some(unique) = &new.unique_key
            && let Some(holder) = self.earlier_holder(&new.tenant, unique, id).await?
        {
            return match used {
                Some(used) => self.answer_by_holder(new, id, used, holder).await,
                None => Ok(Attempt::Answered(Ok(Created { id: holder, new: false }))),
            };
        }
        let partition = id.partition();
        let lifetime = millis(self.limits.idempotency_lifetime);
        let partitions = self.layout.partitions();
        let keyed = used.is_some() || new.unique_key.is_some();
        let is_plain = !apart && new.unique_key.is_none() && new.parent.is_none();
        let script = if is_plain { &CREATE_PLAIN } else { &CREATE };
        let mut call = script
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .arg(self.limits.line_per_tenant.div_ceil(u64::from(partitions)))
            .arg(self.most_unarchived_of_a_partition().map(|most| most.to_string()).unwrap_or_default())
            .arg(used.map_or("", |used| &*used.key))
            .arg(used.map(|used| hex(&used.body_hash)).unwrap_or_default())
            .arg(lifetime)
            .arg(if keyed { partitions.to_string() } else { String::new() })
            .arg(if apart { lifetime.to_string() } else { String::new() });
        self.describe(&mut call, new, id)?;
        call.push(new.options.notify.as_ref().map(|_| self.most_in_outbox().to_string()).unwrap_or_default());
        let [verdict, told] = reply::tuple(self.nodes.call(partition, &call).await?)?;
        let verdict = reply::int(&verdict)?;
        if verdict == -4 {
            return Ok(Attempt::Grown(u16::try_from(reply::count(&told)?).map_err(unreadable)?));
        }
        let answer = id_of(told)?;
        if verdict == -5 {
            return Ok(Attempt::Reserved(answer));
        }
        Ok(Attempt::Answered(match verdict {
            1 => {
                self.rounds.ring(partition);
                Ok(Created { id: answer, new: true })
            }
            0 => Ok(Created { id: answer, new: false }),
            -1 => Err(CreateRefused::IdempotencyConflict { first: answer }),
            -2 => Err(CreateRefused::LineFull),
            -6 => Err(CreateRefused::OutboxFull),
            _ => Err(CreateRefused::ArchiveBehind),
        }))
    }

    /// The idempotency key's next use must answer the same, even when the holder of the unique key has ended by then.
    async fn answer_by_holder(
        &self,
        new: &NewTask,
        id: TaskId,
        used: &Idempotency,
        holder: TaskId,
    ) -> Result<Attempt, StoreError> {
        let home = id.partition();
        let reserved = match self.reserve(&new.tenant, used, id, home, false).await? {
            Reservation::Settled(first) => return Ok(Attempt::Answered(Ok(Created { id: first, new: false }))),
            Reservation::OfAnother(first) => {
                return Ok(Attempt::Answered(Err(CreateRefused::IdempotencyConflict { first })));
            }
            Reservation::Grown(now) => return Ok(Attempt::Grown(now)),
            Reservation::Reserved(id) => id,
            Reservation::None => id,
        };
        let first = self.settle_key(&new.tenant, used, reserved, Some(holder), home).await?;
        Ok(Attempt::Answered(Ok(Created { id: first.unwrap_or(holder), new: false })))
    }

    /// The key lives in another partition than the task.
    async fn create_apart(&self, new: &NewTask, used: &Idempotency, home: u16) -> Result<Attempt, StoreError> {
        let id = match self.reserve(&new.tenant, used, new.id, home, false).await? {
            Reservation::Settled(first) => return Ok(Attempt::Answered(Ok(Created { id: first, new: false }))),
            Reservation::OfAnother(first) => {
                return Ok(Attempt::Answered(Err(CreateRefused::IdempotencyConflict { first })));
            }
            Reservation::Grown(now) => return Ok(Attempt::Grown(now)),
            Reservation::Reserved(id) => id,
            Reservation::None => new.id,
        };
        self.create_reserved(new, used, id, home).await
    }

    /// By the id for which the key is reserved at its home.
    async fn create_reserved(
        &self,
        new: &NewTask,
        used: &Idempotency,
        id: TaskId,
        home: u16,
    ) -> Result<Attempt, StoreError> {
        let attempt = self.create_here(new, id, None, true).await?;
        let answer = match &attempt {
            Attempt::Answered(Ok(created)) => Some(*created),
            _ => None,
        };
        let settled = self.settle_key(&new.tenant, used, id, answer.map(|created| created.id), home).await?;
        Ok(match (answer, settled) {
            (Some(created), Some(first)) if first != created.id => {
                Attempt::Answered(Ok(Created { id: first, new: false }))
            }
            _ => attempt,
        })
    }

    pub(super) async fn reserve(
        &self,
        tenant: &Tenant,
        used: &Idempotency,
        id: TaskId,
        home: u16,
        look_only: bool,
    ) -> Result<Reservation, StoreError> {
        let call = RESERVE
            .call(&self.keys.of(home))
            .arg(self.turned())
            .arg(tenant.as_str())
            .arg(&used.key)
            .arg(hex(&used.body_hash))
            .arg(id.to_string())
            .arg(millis(self.limits.idempotency_lifetime))
            .arg(self.layout.partitions())
            .flag(look_only);
        let [verdict, told] = reply::tuple(self.nodes.call(home, &call).await?)?;
        Ok(match &*reply::bytes(verdict)? {
            b"none" => Reservation::None,
            b"grown" => Reservation::Grown(u16::try_from(reply::count(&told)?).map_err(unreadable)?),
            b"r" => Reservation::Reserved(id_of(told)?),
            b"d" => Reservation::Settled(id_of(told)?),
            _ => Reservation::OfAnother(id_of(told)?),
        })
    }

    /// Answers what stands at the key's home from now on.
    pub(super) async fn settle_key(
        &self,
        tenant: &Tenant,
        used: &Idempotency,
        reserved: TaskId,
        answer: Option<TaskId>,
        home: u16,
    ) -> Result<Option<TaskId>, StoreError> {
        let call = SETTLE
            .call(&self.keys.of(home))
            .arg(tenant.as_str())
            .arg(&used.key)
            .arg(hex(&used.body_hash))
            .arg(reserved.to_string())
            .arg(answer.map(|id| id.to_string()).unwrap_or_default());
        let stands = reply::bytes(self.nodes.call(home, &call).await?)?;
        if stands.is_empty() { Ok(None) } else { id_of(Value::BulkString(stands)).map(Some) }
    }

    /// Who has held the unique key since there were fewer partitions, if it is not at home where the new task would be.
    async fn earlier_holder(&self, tenant: &Tenant, key: &str, id: TaskId) -> Result<Option<TaskId>, StoreError> {
        for earlier in self.layout.earlier_homes(tenant, key).into_iter().filter(|home| *home != id.partition()) {
            let mut command = redis::cmd("GET");
            command.arg(format!("{}u:{tenant}\0{key}", self.keys.of(earlier)));
            match self.nodes.send(earlier, &command).await? {
                Value::Nil => {}
                holder => return id_of(holder).map(Some),
            }
        }
        Ok(None)
    }

    /// The arguments that `birth.lua` makes a task of.
    pub(super) fn describe(&self, call: &mut Call, new: &NewTask, id: TaskId) -> Result<(), StoreError> {
        let delay = self.offset_of(new.due_at);
        call.push(id.to_string());
        call.push(new.tenant.as_str());
        call.push(&*new.flow);
        call.push(new.priority as u8);
        call.push(new.version);
        call.push(delay);
        call.push(if new.due_at > new.created_at { delay.to_string() } else { String::new() });
        call.push(new.events.len());
        call.push(lines_of(&new.events));
        call.push(summary_text(&new.summary));
        call.push(details_of(new)?);
        call.push(new.unique_key.as_deref().unwrap_or_default());
        call.push(new.parent.as_ref().map(parent_text).transpose()?.unwrap_or_default());
        Ok(())
    }
}

pub(super) fn id_of(text: Value) -> Result<TaskId, StoreError> {
    reply::text(text)?.parse().map_err(unreadable)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
