//! The kit for testing flows.
