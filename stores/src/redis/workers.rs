//! What workers say of themselves, for all processes to see: one hash, an entry per worker, each with the time until
//! which it holds. Whoever reads takes out what no longer does, and whoever reports some of it.

use std::time::Duration;

use caudal_engine::ports::{StoreError, WorkerStatus};
use caudal_engine::task::WorkerId;
use redis::Cmd;

use super::fault::unreadable;
use super::reply;
use super::scripts::WORKER;
use super::store::{RedisStore, millis};

impl RedisStore {
    pub(super) async fn write_worker(&self, status: &WorkerStatus, lifetime: Duration) -> Result<(), StoreError> {
        let report = serde_json::to_string(status).map_err(unreadable)?;
        let call = WORKER.call(&self.keys.of(0)).arg(self.turned()).arg(status.id.as_str());
        self.nodes.call(0, &call.arg(millis(lifetime)).arg(report)).await.map(drop)
    }

    pub(super) async fn remove_worker(&self, worker: &WorkerId) -> Result<(), StoreError> {
        let mut command = self.on_workers("HDEL");
        command.arg(worker.as_str());
        self.nodes.send(0, &command).await.map(drop)
    }

    pub(super) async fn read_workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        let now = self.store_now().await?;
        let mut flat = reply::list(self.nodes.send(0, &self.on_workers("HGETALL")).await?)?.into_iter();
        let (mut workers, mut over) = (Vec::new(), Vec::new());
        while let (Some(id), Some(entry)) = (flat.next(), flat.next()) {
            let (id, entry) = (reply::text(id)?, reply::text(entry)?);
            match report_of(&entry, now) {
                Some(status) => workers.push(status),
                None => over.push(id),
            }
        }
        if !over.is_empty() {
            // One that reports at this very moment is back with its next report.
            let mut command = self.on_workers("HDEL");
            command.arg(over);
            self.nodes.send(0, &command).await?;
        }
        workers.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok(workers)
    }

    fn on_workers(&self, verb: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(format!("{}workers", self.keys.of(0)));
        command
    }
}

/// None when it no longer holds, or another version of Caudal wrote it.
fn report_of(entry: &str, now: i64) -> Option<WorkerStatus> {
    let (until, report) = entry.split_once(' ')?;
    let until: i64 = until.parse().ok()?;
    (until > now).then(|| serde_json::from_str(report).ok())?
}
