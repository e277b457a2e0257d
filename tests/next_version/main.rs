//! A binary that somebody deployed beside the one under test: `slow_flow` in its next version, and nothing else. With
//! `WRONG_CODE` in its environment it makes steps of other names than it should, as a careless change would.

use std::time::Duration;

use caudal::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct SlowInput {
    steps: u32,
    step_ms: u32,
}

/// Sleeps through so many steps and returns the version in which it was started.
#[flow(version = 2)]
async fn slow_flow(ctx: &mut FlowContext, input: SlowInput) -> FlowResult<u32> {
    let word = if std::env::var_os("WRONG_CODE").is_some() { "stage" } else { "step" };
    for number in 1..=input.steps {
        ctx.step(format!("{word} {number}"), move |step| async move {
            step.sleep(Duration::from_millis(input.step_ms.into())).await;
            Ok(())
        })
        .await?;
    }
    Ok(ctx.version())
}

fn main() {
    caudal::run();
}
