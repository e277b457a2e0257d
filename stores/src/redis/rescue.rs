//! Taking over from workers whose claims ran out.
//!
//! Workers look all the time, which costs nothing while no claim can have died: answers of claims say when the next one
//! could, and a claim given later lives longer than that.

use caudal_engine::ports::{Outcome, Rescued, StoreError};
use caudal_engine::task::{Tenant, WireState, crash_loop};
use redis::Value;

use super::create::id_of;
use super::facts::{cancelled, rescued};
use super::fault::unreadable;
use super::reply;
use super::scripts::RESCUE;
use super::store::{RedisStore, millis};

/// Tasks that one script takes over.
const MOST_PER_SCRIPT: usize = 200;

impl RedisStore {
    /// A partition that cannot be reached does not keep the others' tasks from being taken over.
    pub(super) async fn rescue_round(&self, most: usize) -> Result<Vec<Rescued>, StoreError> {
        let (mut taken, mut failed) = (Vec::new(), None);
        for partition in self.rounds.order(self.layout.partitions()) {
            while taken.len() < most && self.rounds.may_need_rescue(partition) {
                let bite = (most - taken.len()).min(MOST_PER_SCRIPT);
                match self.rescue_in(partition, bite).await {
                    Ok(rescued) => {
                        let more = rescued.len() == bite;
                        taken.extend(rescued);
                        if !more {
                            break;
                        }
                    }
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
        }
        match failed {
            Some(error) if taken.is_empty() => Err(error),
            _ => Ok(taken),
        }
    }

    /// With 0, only the server is asked for its name: from now on it is known how long it has been up.
    pub(super) async fn rescue_in(&self, partition: u16, most: usize) -> Result<Vec<Rescued>, StoreError> {
        let at = self.clock.now();
        let ([before, between, after], status) = rescued(at);
        let mut call = RESCUE
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .ending(at, WireState::Cancelled, &Outcome::default())
            .arg(millis(self.lease))
            .arg(most)
            .arg(before)
            .arg(between)
            .arg(after)
            .arg(status)
            .arg(cancelled(at, None).body);
        for takeovers in 1..=crash_loop::FATAL_TAKEOVERS {
            call.push(millis(crash_loop::backoff(takeovers).min(self.limits.crash_loop_backoff)));
        }
        let asked = self.rounds.moment();
        let [first, orphans, taken, odd] = reply::tuple(self.nodes.call(partition, &call).await?)?;
        let taken = taken_over(taken)?;
        for id in reply::list(odd)? {
            let id = String::from_utf8_lossy(&reply::bytes(id)?).into_owned();
            tracing::error!(task.id = %id, "a task lacks what nobody can tell: it is set aside, and stays as it is");
        }
        let first = match reply::int(&orphans)? {
            0 => reply::maybe_int(&first)?,
            // Children of an ended parent are left to be cancelled.
            _ => Some(0),
        };
        self.rounds.saw_leases(partition, asked, first);
        if !taken.is_empty() {
            self.rounds.ring(partition);
        }
        Ok(taken)
    }
}

fn taken_over(answer: Value) -> Result<Vec<Rescued>, StoreError> {
    let mut parts = reply::list(answer)?.into_iter();
    let mut rescued = Vec::new();
    while let (Some(id), Some(tenant), Some(flow), Some(takeovers)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        rescued.push(Rescued {
            task: id_of(id)?,
            tenant: Tenant::new(reply::text(tenant)?),
            flow: reply::text(flow)?.into(),
            takeovers: u32::try_from(reply::count(&takeovers)?).map_err(unreadable)?,
        });
    }
    Ok(rescued)
}
