//! A flow has a context.

use caudal::prelude::*;

#[flow]
async fn poem_flow() -> FlowResult<String> {
    Ok(String::new())
}

fn main() {}
