//! The kit for testing flows, and what stores are held by.

pub mod clock;
pub mod conformance;
pub mod memory;
