//! Flows that report to the test's [`Floor`] and wait for it.

use std::time::Duration;

use caudal_engine::prelude::*;

use crate::house::Floor;

#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Plan {
    pub(crate) steps: u32,
    /// How long a step takes; without it, a step waits until the test lets one through.
    pub(crate) step_ms: Option<u64>,
    /// No step of this task may begin beside another task before one of its steps finished.
    #[serde(default)]
    pub(crate) suspect: bool,
}

/// Does so many steps.
#[flow]
async fn steps_flow(ctx: &mut FlowContext, plan: Plan) -> FlowResult<u32> {
    do_steps(ctx, &plan).await
}

/// The same, two at a time.
#[flow(concurrency = 2, formerly = "once_limited_flow")]
async fn limited_flow(ctx: &mut FlowContext, plan: Plan) -> FlowResult<u32> {
    do_steps(ctx, &plan).await
}

/// Keeps the thread it runs on for itself.
#[flow]
async fn blocking_flow(ctx: &mut FlowContext, plan: Plan) -> FlowResult<u32> {
    let floor = ctx.resource::<Floor>()?;
    let task = ctx.task_id();
    ctx.step("block", |_| {
        let floor = floor.clone();
        let step_ms = plan.step_ms.unwrap_or_default();
        async move {
            floor.began(task, 1);
            std::thread::sleep(Duration::from_millis(step_ms));
            Ok(())
        }
    })
    .await?;
    Ok(1)
}

async fn do_steps(ctx: &mut FlowContext, plan: &Plan) -> FlowResult<u32> {
    let floor = ctx.resource::<Floor>()?;
    let task = ctx.task_id();
    let _presence = floor.enter(task);
    for number in 1..=plan.steps {
        let (floor, plan) = (floor.clone(), plan.clone());
        ctx.step(format!("step {number}"), move |_| {
            let (floor, plan) = (floor.clone(), plan.clone());
            async move {
                if plan.suspect && number == 1 {
                    floor.note_company(task);
                }
                floor.began(task, number);
                match plan.step_ms {
                    Some(step_ms) => tokio::time::sleep(Duration::from_millis(step_ms)).await,
                    None => floor.pass_gate().await,
                }
                if plan.suspect && number == 1 {
                    floor.note_company(task);
                }
                Ok(())
            }
        })
        .await?;
    }
    Ok(plan.steps)
}
