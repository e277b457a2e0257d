//! Wishes of other programs. As with tasks, a key's home may be another partition than the notifications': then the key is
//! reserved there first, and settled after.

use caudal_engine::notification::{NewNotification, NotificationId};
use caudal_engine::ports::{Put, PutRefused, StoreError};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{TaskId, Tenant};

use super::super::create::{Reservation, hex};
use super::super::fault::{down, unreadable};
use super::super::reply;
use super::super::scripts::OUTBOX_PUT;
use super::super::store::{RedisStore, millis};
use super::record::id_of;

type Answer = Result<Result<Put, PutRefused>, StoreError>;

enum Attempt {
    Answered(Result<Put, PutRefused>),
    /// The key is reserved for this id, and nobody has said yet that it was stored.
    Reserved(TaskId),
}

fn earlier(id: TaskId) -> NotificationId {
    NotificationId::from_bytes(*id.as_bytes())
}

impl RedisStore {
    pub(super) async fn put_wish(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let Some(first) = wish.first().map(|new| new.id) else {
            return Err(unreadable("a wish of nothing"));
        };
        let id = TaskId::from_bytes(*first.as_bytes());
        let home = match &idempotency {
            Some(used) => self.home_of_use(tenant, used, id).await?,
            None => None,
        };
        match (idempotency, home) {
            (Some(used), Some(home)) if home != first.partition() => self.put_apart(tenant, wish, &used, home).await,
            (used, _) => match (self.put_here(tenant, &wish, used.as_ref()).await?, used) {
                (Attempt::Answered(answer), _) => Ok(answer),
                (Attempt::Reserved(id), Some(used)) => {
                    self.put_reserved(tenant, wish, &used, id, first.partition()).await
                }
                (Attempt::Reserved(_), None) => Err(unreadable("a wish without a key is reserved")),
            },
        }
    }

    /// A partition's share of the bound.
    pub(in super::super) fn most_in_outbox(&self) -> u64 {
        self.limits.outbox_per_tenant.div_ceil(u64::from(self.layout.partitions()))
    }

    async fn put_here(
        &self,
        tenant: &Tenant,
        wish: &[NewNotification],
        used: Option<&Idempotency>,
    ) -> Result<Attempt, StoreError> {
        let partition = wish.first().map_or(0, |new| new.id.partition());
        let partitions = self.layout.partitions();
        let call = OUTBOX_PUT
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .arg(tenant.as_str())
            .arg(used.map_or("", |used| &*used.key))
            .arg(used.map(|used| hex(&used.body_hash)).unwrap_or_default())
            .arg(millis(self.limits.idempotency_lifetime))
            .arg(used.map(|_| partitions.to_string()).unwrap_or_default())
            .arg(self.most_in_outbox())
            .arg(wish.len())
            .notifications(wish);
        let [verdict, told] = reply::tuple(self.nodes.call(partition, &call).await?)?;
        match reply::int(&verdict)? {
            -5 => Ok(Attempt::Reserved(TaskId::from_bytes(*id_of(told)?.as_bytes()))),
            -4 => self.has_grown(reply::count(&told)?).await,
            -1 => Ok(Attempt::Answered(Err(PutRefused::IdempotencyConflict))),
            -6 => Ok(Attempt::Answered(Err(PutRefused::OutboxFull))),
            verdict => {
                wish.iter().for_each(|new| self.outbox_rounds.of(new.channel).ring(partition));
                Ok(Attempt::Answered(Ok(Put { first: id_of(told)?, new: verdict == 1 })))
            }
        }
    }

    async fn put_apart(&self, tenant: &Tenant, wish: Vec<NewNotification>, used: &Idempotency, home: u16) -> Answer {
        let first = wish.first().map_or(NotificationId::from_bytes([0; 16]), |new| new.id);
        let reserved = match self.reserve(tenant, used, TaskId::from_bytes(*first.as_bytes()), home, false).await? {
            Reservation::Settled(id) => return Ok(Ok(Put { first: earlier(id), new: false })),
            Reservation::OfAnother(_) => return Ok(Err(PutRefused::IdempotencyConflict)),
            Reservation::Grown(now) => return self.has_grown(u64::from(now)).await,
            Reservation::Reserved(id) => id,
            Reservation::None => TaskId::from_bytes(*first.as_bytes()),
        };
        self.put_reserved(tenant, wish, used, reserved, home).await
    }

    /// By the id for which the key is reserved at its home.
    async fn put_reserved(
        &self,
        tenant: &Tenant,
        mut wish: Vec<NewNotification>,
        used: &Idempotency,
        reserved: TaskId,
        home: u16,
    ) -> Answer {
        // The same wish may have come before, and nobody knows how far.
        for (place, new) in wish.iter_mut().enumerate() {
            new.id = earlier(reserved).nth(place);
        }
        let Attempt::Answered(answer) = self.put_here(tenant, &wish, None).await? else {
            return Err(unreadable("a wish without a key is reserved"));
        };
        self.settle_key(tenant, used, reserved, answer.is_ok().then_some(reserved), home).await?;
        Ok(answer)
    }

    async fn has_grown<T>(&self, now: u64) -> Result<T, StoreError> {
        self.layout.refresh(&self.nodes, &self.keys).await?;
        Err(down(format_args!("the store has grown to {now} partitions; ask again")))
    }
}
