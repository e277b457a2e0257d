//! Tasks that are older than the lists by state: they are put into these once, some at a time, while the store is at work.
//! Until all of a partition's are, lists look at all of its tasks, as if there were none by state.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::StoreError;

use super::keys::Keys;
use super::layout::Layout;
use super::nodes::Nodes;
use super::reply;
use super::scripts::LIST_OLD;

const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Ends when all lists are whole.
pub(super) async fn list_all(nodes: Arc<Nodes>, keys: Arc<Keys>, layout: Arc<Layout>) {
    for partition in 0..layout.partitions() {
        while let Err(error) = list_in(&nodes, &keys, partition).await {
            tracing::debug!(%error, "older tasks cannot be listed by state now; trying again");
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        }
    }
}

async fn list_in(nodes: &Nodes, keys: &Keys, partition: u16) -> Result<(), StoreError> {
    let prefix = keys.of(partition);
    let mut is_listed = redis::cmd("EXISTS");
    is_listed.arg(format!("{prefix}listed"));
    if reply::int(&nodes.send(partition, &is_listed).await?)? == 1 {
        return Ok(());
    }
    // Every tenant that ever had a task is counted.
    let mut counted = redis::cmd("HKEYS");
    counted.arg(format!("{prefix}counts"));
    for field in reply::list(nodes.send(partition, &counted).await?)? {
        let field = reply::text(field)?;
        let Some(tenant) = field.strip_prefix("busy ") else { continue };
        let mut last = String::new();
        loop {
            let call = LIST_OLD.call(&prefix).arg(tenant).arg(&last);
            last = reply::text(nodes.call(partition, &call).await?)?;
            if last.is_empty() {
                break;
            }
        }
    }
    let mut listed = redis::cmd("SET");
    listed.arg(format!("{prefix}listed")).arg(1);
    nodes.send(partition, &listed).await.map(drop)
}
