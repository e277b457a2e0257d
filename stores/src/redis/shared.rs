//! Values that all processes must know alike and nobody has set: the first to bring one decides.

use caudal_engine::ports::StoreError;

use super::fault::unreadable;
use super::reply;
use super::store::RedisStore;

impl RedisStore {
    /// Keeps the value under this name unless there is one; answers the one that is kept.
    pub async fn share(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let key = format!("{}shared", self.keys.of(0));
        let mut put = redis::cmd("HSETNX");
        put.arg(&key).arg(name).arg(value);
        self.nodes.send(0, &put).await?;
        let kept = self.shared(name).await?;
        kept.ok_or_else(|| unreadable(format_args!("'{name}' was shared and is not there")))
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
