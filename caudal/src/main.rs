//! The `caudal` binary: the platform with the flows that ship with it.

// Nothing of it is called here, but the linker leaves out a crate that nobody names, and its flows with it.
use caudal_flows as _;

fn main() {
    caudal::run();
}
