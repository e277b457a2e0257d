//! A flow that can be killed in the middle, and whose every execution of a step leaves a trace outside the platform:
//! what a test of "a finished step is never run again" compares the log with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use caudal::prelude::*;

/// Names the file to which each execution appends `<task id> <step> <process id>` when it starts.
const STEP_LOG: &str = "STEP_LOG";

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct SlowInput {
    #[schemars(range(max = 10_000))]
    steps: u32,
    /// How long each step takes.
    #[schemars(range(max = 3_600_000))]
    step_ms: u32,
}

impl Default for SlowInput {
    fn default() -> Self {
        Self { steps: 10, step_ms: 200 }
    }
}

/// Sleeps through so many steps and notes each execution of one in the file that STEP_LOG names.
#[flow(title = "Slow", diagnostics)]
async fn slow_flow(ctx: &mut FlowContext, input: SlowInput) -> FlowResult<u32> {
    for number in 1..=input.steps {
        ctx.step(format!("step {number}"), move |step| async move {
            note_start(&format!("{} {number} {}\n", step.task_id(), std::process::id()))?;
            step.sleep(Duration::from_millis(input.step_ms.into())).await;
            Ok(())
        })
        .await?;
    }
    Ok(input.steps)
}

/// One write to a file opened for appending: lines of many tasks and processes do not mix.
fn note_start(line: &str) -> FlowResult<()> {
    let Some(path) = std::env::var_os(STEP_LOG) else { return Ok(()) };
    OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use caudal::testing::{crash_after_every_step, run_flow};
    use serde_json::json;

    use super::*;

    /// Goal: the steps have the names that tests look for.
    #[tokio::test]
    async fn its_steps_are_numbered() {
        let task = run_flow(slow_flow, json!({ "steps": 2 })).await;
        let steps = task.finished_steps();
        assert!(steps.len() == 2 && steps["step 1"] == 1 && steps["step 2"] == 1, "{steps:?}");
        crash_after_every_step(slow_flow, json!({ "steps": 3 })).await;
    }
}
