//! The `caudal` binary: the platform with the flows that ship with it.

// Nothing else is taken from the crate, and the linker would leave its flows out.
use caudal_flows as _;

fn main() {
    caudal::run();
}
