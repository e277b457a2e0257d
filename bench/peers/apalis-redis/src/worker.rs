//! The worker process: apalis runs what it fetches, each task on a tokio task of its own.

use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::ConnectionManager;

use crate::{Failure, flows, redis_url, storage};

/// A push goes through the set of scheduled tasks and wakes nobody, so the worker has to look.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) async fn run() -> Result<(), Failure> {
    let connection = apalis_redis::connect(redis_url()?).await?;
    let worker = WorkerBuilder::new(format!("worker-{}", std::process::id()))
        .backend(storage(connection.clone()).poll_with_interval(LOOK))
        .data(connection)
        .parallelize(tokio::spawn)
        .build(run_one);
    Ok(worker.run().await?)
}

async fn run_one(start: flows::Start, task: TaskId, redis: Data<ConnectionManager>) -> Result<u32, BoxDynError> {
    flows::run(start, &task.to_string(), (*redis).clone()).await
}
