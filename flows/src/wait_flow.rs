//! A flow that does nothing but wait: what parked tasks cost is measured with it.

use std::time::Duration;

use caudal::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct WaitInput {
    /// Sleeps for so long first.
    #[schemars(range(max = 31_536_000))]
    sleep_seconds: u32,
    /// Then waits for the signal `go`.
    signal: bool,
}

impl Default for WaitInput {
    fn default() -> Self {
        Self { sleep_seconds: 0, signal: true }
    }
}

/// Sleeps, then waits for the signal `go` and returns its value.
#[flow(title = "Wait", diagnostics)]
async fn wait_flow(ctx: &mut FlowContext, input: WaitInput) -> FlowResult<Option<String>> {
    if input.sleep_seconds > 0 {
        ctx.sleep(Duration::from_secs(input.sleep_seconds.into())).await?;
    }
    match input.signal {
        true => ctx.wait_for_signal("go").await.map(Some),
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use caudal::testing::FlowTest;
    use serde_json::json;

    use super::*;

    /// Goal: it ends when what it waits for is over, and returns what came.
    #[tokio::test]
    async fn waits_for_time_and_signal() {
        let test = FlowTest::new(wait_flow, json!({ "sleep_seconds": 259_200 })).signal("go", "now");
        assert_eq!(test.run().await.result::<Option<String>>().as_deref(), Some("now"));
        let test = FlowTest::new(wait_flow, json!({ "sleep_seconds": 259_200, "signal": false }));
        assert_eq!(test.run().await.result::<Option<String>>(), None);
    }
}
