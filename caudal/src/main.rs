//! The `caudal` binary: the platform with the flows that ship with it.

// Nothing of it is called here, but the linker leaves out a crate that nobody names, and its flows with it.
use caudal_flows as _;

/// A task's memory is taken on one thread and given back on another, thousands of times a second.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    caudal::run();
}
