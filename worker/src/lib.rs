//! The worker role: claims due tasks, runs them, keeps their claims alive, and takes over what others left.
//!
//! Read it in this order: [`Worker`] starts and drains, `claims` asks the store for work, `flow_limits` and
//! `quarantine` say what may be claimed now, `execution` runs one task, `running` knows all that run. Beside them,
//! each a loop of its own: `lease_renewer`, `task_rescuer`, `task_cleaner`,
//! `worker_reporter`.

#[cfg(test)]
extern crate caudal_engine as caudal;

mod claims;
mod execution;
mod flow_limits;
mod handing_back;
mod lease_renewer;
mod quarantine;
mod running;
mod settings;
mod shared;
mod task_cleaner;
mod task_rescuer;
mod worker;
mod worker_reporter;

pub use settings::WorkerSettings;
pub use worker::{Drained, Worker, WorkerHandle};
