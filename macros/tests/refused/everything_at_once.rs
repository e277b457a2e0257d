//! All mistakes are told at once.

use caudal::prelude::*;

#[flow(titel = "Poem")]
fn poem_flow<T>(_ctx: FlowContext, _input: &T) -> T {
    loop {}
}

fn main() {}
