//! The `caudal` binary: the platform with the flows that ship with it.

// Nothing of it is called here, but the linker leaves out a crate that nobody names, and its flows with it.
use caudal_flows as _;

/// Measured against the system's allocator: less work per task, and less memory kept after a burst.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    caudal::run();
}
