//! The context is borrowed mutably.

use caudal::prelude::*;

#[flow]
async fn owned(_ctx: FlowContext) -> FlowResult<String> {
    Ok(String::new())
}

#[flow]
async fn shared(_ctx: &FlowContext) -> FlowResult<String> {
    Ok(String::new())
}

#[flow]
async fn other(_ctx: &mut String) -> FlowResult<String> {
    Ok(String::new())
}

fn main() {}
