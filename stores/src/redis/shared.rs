//! Values that all processes must know alike and nobody has set: the first to bring one decides.

use caudal_engine::ports::StoreError;

use super::reply;
use super::scripts::SHARE;
use super::store::RedisStore;

impl RedisStore {
    /// Keeps the value under this name unless there is one; answers the one that is kept. Done without memory, too: without
    /// these values no process comes up.
    pub async fn share(&self, name: &str, value: &str) -> Result<String, StoreError> {
        reply::text(self.nodes.call(0, &SHARE.call(&self.keys.of(0)).arg(name).arg(value)).await?)
    }

    /// The one that is kept, if any.
    pub async fn shared(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(format!("{}shared", self.keys.of(0))).arg(name);
        match self.nodes.send(0, &get).await? {
            redis::Value::Nil => Ok(None),
            kept => reply::text(kept).map(Some),
        }
    }
}
