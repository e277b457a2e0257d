//! Two futures cannot share one context: their steps would have no order.

use caudal::prelude::*;

#[flow]
async fn shared_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    let left = async { ctx.step("Left", |_| async { Ok(1) }).await };
    let right = async { ctx.step("Right", |_| async { Ok(2) }).await };
    let (left, right) = tokio::join!(left, right);
    Ok(left? + right?)
}

fn main() {}
