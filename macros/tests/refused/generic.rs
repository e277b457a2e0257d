//! A flow cannot be generic.

use caudal::prelude::*;

#[flow]
async fn poem_flow<T: Send>(_ctx: &mut FlowContext, _input: T) -> FlowResult<String> {
    Ok(String::new())
}

fn main() {}
