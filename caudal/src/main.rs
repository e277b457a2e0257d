//! The `caudal` binary.
fn main() {}
