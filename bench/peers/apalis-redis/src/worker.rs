//! The worker process: apalis runs what it fetches, each task on a tokio task of its own.

use apalis::prelude::*;
use apalis_redis::ConnectionManager;

use crate::{Failure, flows, redis_url, storage};

pub(crate) async fn run() -> Result<(), Failure> {
    let connection = apalis_redis::connect(redis_url()?).await?;
    let worker = WorkerBuilder::new(format!("worker-{}", std::process::id()))
        .backend(storage(connection.clone()))
        .data(connection)
        .parallelize(tokio::spawn)
        .build(run_one);
    Ok(worker.run().await?)
}

async fn run_one(start: flows::Start, task: TaskId, redis: Data<ConnectionManager>) -> Result<u32, BoxDynError> {
    flows::run(start, &task.to_string(), (*redis).clone()).await
}
