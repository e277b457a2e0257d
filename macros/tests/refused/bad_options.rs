//! Options with values that cannot be meant.

use caudal::prelude::*;

#[flow(timeout = "5 minutes")]
async fn spaced(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

#[flow(deadline = 5)]
async fn number(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

#[flow(timeout = "0s")]
async fn nothing(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

#[flow(version = 0)]
async fn version(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

#[flow(retries = 1, retries = 2)]
async fn twice(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

#[flow(title)]
async fn untitled(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

#[flow(formerly = "old name")]
async fn renamed(_ctx: &mut FlowContext) -> FlowResult<()> {
    Ok(())
}

fn main() {}
