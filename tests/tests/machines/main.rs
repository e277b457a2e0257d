//! Caudal on several machines, in small: real processes that meet in a Redis and a Postgres of the test's own, and what
//! holds when any of them dies, hangs, is cut off, replaced, or has nothing to do.
//!
//! `CAUDAL_TEST_ALL=1` makes the long ones as long as they are meant to be.

mod backlog;
mod bad_places;
mod deploys;
mod encrypted;
mod first_key;
mod idle;
mod kills;
mod late_workers;
mod load;
mod lost_answers;
mod moved_readers;
mod postgres_away;
mod redis_away;
mod slow_tasks;
mod thinking;
mod versions;
mod whole;

/// Whether everything is to be run at full length.
fn at_full_length() -> bool {
    std::env::var_os("CAUDAL_TEST_ALL").is_some()
}
