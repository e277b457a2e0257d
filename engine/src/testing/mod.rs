//! The kit for testing flows, and what stores are held by.
//!
//! A flow's author needs two functions: [`run_flow`] and [`crash_after_every_step`]; [`FlowTest`] says the rest (signals,
//! resources, seeds).

pub mod any_template;
pub mod clock;
pub mod conformance;
pub mod kit;
pub mod memory;
pub mod outbox_conformance;

pub use kit::{FlowTest, TestedTask, crash_after_every_step, run_flow};
