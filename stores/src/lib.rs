//! The adapters of the engine's ports: where tasks are kept.
//!
//! Each adapter is a folder with the same file names, one per operation, so that the difference is visible side by
//! side. Nobody above the ports can tell which one is there.

pub mod ended_task;
pub mod live_and_kept;
pub mod log_page;
pub mod postgres;
pub mod redis;
pub mod sqlite;
