//! The real binary from outside: how it starts and ends, what it refuses, what waiting costs, and how it behaves on a
//! bad disk. What needs no process of its own is tested at the lowest level that can see it; `docs/testing.md` says
//! where.

mod access;
mod bad_input;
mod disk;
mod durability;
mod errors;
mod life;
mod tasks;
mod thinking;
mod waiting;
