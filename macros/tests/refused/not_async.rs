//! A flow is async.

use caudal::prelude::*;

#[flow]
fn poem_flow(_ctx: &mut FlowContext) -> FlowResult<String> {
    Ok(String::new())
}

fn main() {}
