//! A flow that does nothing but wait: what parked tasks cost is measured with it.

use std::time::Duration;

use caudal::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ParkInput {
    /// How long it waits at most.
    #[schemars(range(max = 31_536_000))]
    secs: u32,
}

impl Default for ParkInput {
    fn default() -> Self {
        Self { secs: 86_400 }
    }
}

/// Waits, parked, for a signal named go, or until its time is over; returns whether the signal came.
#[flow(title = "Park", diagnostics)]
async fn park_flow(ctx: &mut FlowContext, input: ParkInput) -> FlowResult<bool> {
    let come = ctx.wait_for_signal_within::<serde_json::Value>("go", Duration::from_secs(input.secs.into())).await?;
    Ok(come.is_some())
}

#[cfg(test)]
mod tests {
    use caudal::testing::{FlowTest, run_flow};
    use serde_json::json;

    use super::*;

    /// Goal: it ends by either way, and was parked before.
    #[tokio::test]
    async fn waits_for_the_signal_or_the_time() {
        let alone = run_flow(park_flow, json!({ "secs": 60 })).await;
        assert!(alone.events.iter().any(|event| event.fact.kind() == "task.waiting"));
        assert!(!alone.result::<bool>());
        assert!(FlowTest::new(park_flow, json!({})).signal("go", json!(1)).run().await.result::<bool>());
    }
}
