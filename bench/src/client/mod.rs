//! A small HTTP/1.1 client of our own, whose cost does not hide the server's: connections, streams, and the words of
//! the contract.

mod body;
mod connection;
mod contract;
mod head;
mod sse;
mod target;

#[cfg(test)]
mod tests;

pub(crate) use connection::Connection;
pub(crate) use contract::{View, WireState, gauge, start, start_batch, state_of_snapshot, stats, watch_to_end};
pub(crate) use target::Target;
