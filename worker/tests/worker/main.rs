//! The worker on the memory store, with flows that tell the test what they do and wait for it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

extern crate caudal_engine as caudal;

mod claiming;
mod draining;
mod flows;
mod house;
mod suspects;
mod takeover;
