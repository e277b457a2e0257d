//! Steps that were made borrow nothing of the context, so they can be awaited together.
use caudal::prelude::*;

#[flow]
async fn pair_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    let word = String::from("shared by reference");
    let length = &word;
    let left = ctx.step("Left", |_| async move { Ok(length.len() as u32) });
    let right = ctx.step("Right", |_| async { Ok(2) }).retries(5);
    let (left, right) = tokio::join!(left, right);
    let (mut one, mut other) = (ctx.branch("one"), ctx.branch("other"));
    let one = async { one.step("In one", |_| async { Ok(1) }).await };
    let other = async { other.step("In other", |_| async { Ok(1) }).await };
    let (one, other) = tokio::try_join!(one, other)?;
    Ok(left? + right? + one + other)
}

fn main() {
    let _ = pair_flow;
}
