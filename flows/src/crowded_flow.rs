//! A flow with more steps and more to say than a screen holds: what a page's lists and timelines are tried with.

use std::time::Duration;

use caudal::prelude::*;
use serde_json::json;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct CrowdedInput {
    #[schemars(range(min = 1, max = 5_000))]
    steps: u32,
    /// Log lines of each step.
    #[schemars(range(max = 1_000))]
    lines: u32,
    /// Steps that run at the same time.
    #[schemars(range(min = 1, max = 64))]
    at_once: u32,
    /// How long each step takes, at least.
    #[schemars(range(max = 60_000))]
    step_ms: u32,
}

impl Default for CrowdedInput {
    fn default() -> Self {
        Self { steps: 500, lines: 10, at_once: 8, step_ms: 5 }
    }
}

/// Runs many steps, some of which fail at first, and tells many lines.
#[flow(title = "Crowded", diagnostics)]
async fn crowded_flow(ctx: &mut FlowContext, input: CrowdedInput) -> FlowResult<u32> {
    let CrowdedInput { steps, lines, at_once, step_ms } = input;
    let numbers: Vec<u32> = (1..=steps).collect();
    let done = ctx
        .map("Batch", numbers, at_once as usize, |mut ctx, number| async move {
            ctx.step(format!("Item {number}"), move |step| async move {
                step.sleep(Duration::from_millis(u64::from(step_ms * (1 + number % 7)))).await;
                for line in 1..=lines {
                    step.log(format!("Item {number}: line {line} of {lines}, and some words so that there is a line to read"));
                }
                if number % 50 == 0 && step.attempt() == 1 {
                    return Err(FlowError::retry_after(Duration::from_millis(150), "it was busy"));
                }
                step.tool_result("measured", &json!({ "item": number, "square": number * number }));
                Ok(number)
            })
            .await
        })
        .await?;
    Ok(u32::try_from(done.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use caudal::testing::run_flow;

    use super::*;

    /// Goal: as many steps and lines as asked for.
    #[tokio::test]
    async fn as_crowded_as_asked() {
        let task = run_flow(crowded_flow, json!({ "steps": 60, "lines": 2, "step_ms": 0 })).await;
        assert_eq!(task.result::<u32>(), 60);
        // One of the sixty failed at first, and its lines stay.
        assert_eq!(task.logs().len(), 122);
    }
}
