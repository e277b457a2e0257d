//! What may happen to a task, each a pipeline of named steps.
//!
//! [`start`] puts one in line, [`run`] brings a claimed one forward, [`control`] and [`signal`] reach it from outside,
//! [`retry`] begins again where it failed, [`rescue`] takes over what a dead worker left, [`clean`] forgets old ones.
//! `notify` makes notifications of a task's events, [`send_notification`] of another program's wishes.

mod branch_meant;
pub mod clean;
pub mod control;
pub mod inputs;
pub(crate) mod notify;
pub mod readiness;
pub mod rescue;
pub mod retry;
pub mod run;
pub mod send_notification;
pub mod signal;
pub mod start;
