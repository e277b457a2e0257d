//! A flow of which only the platform's own cost can be measured.

use caudal::prelude::*;
use serde_json::json;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct BenchInput {
    #[schemars(range(max = 10_000))]
    steps: u32,
}

impl Default for BenchInput {
    fn default() -> Self {
        Self { steps: 5 }
    }
}

/// Does nothing in so many steps, with one log line and one result each.
#[flow(title = "Bench", diagnostics)]
async fn bench_flow(ctx: &mut FlowContext, input: BenchInput) -> FlowResult<u32> {
    for number in 1..=input.steps {
        ctx.step(format!("Step {number}"), move |step| async move {
            step.log("Nothing to do");
            step.tool_result("nothing", &json!({ "step": number }));
            Ok(())
        })
        .await?;
    }
    Ok(input.steps)
}

#[cfg(test)]
mod tests {
    use caudal::testing::{crash_after_every_step, run_flow};

    use super::*;

    /// Goal: what is measured is what is said: one line, one result and one outcome per step.
    #[tokio::test]
    async fn tells_one_line_and_one_result_per_step() {
        let task = run_flow(bench_flow, json!({ "steps": 4 })).await;
        let count = |kind: &str| task.events.iter().filter(|event| event.fact.kind() == kind).count();
        assert_eq!((count("log"), count("tool_result"), count("step.succeeded")), (4, 4, 4));
        crash_after_every_step(bench_flow, json!({ "steps": 3 })).await;
    }
}
