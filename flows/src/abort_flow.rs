//! A flow that takes its process with it: what the rule against crash loops is tested with.

use caudal::prelude::*;

/// Ends its whole process in the second step.
#[flow(title = "Abort", diagnostics)]
async fn abort_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Say goodbye", |step| async move {
        step.log("The next step ends this process");
        Ok(())
    })
    .await?;
    ctx.step("Abort", |_| async { std::process::abort() }).await
}
