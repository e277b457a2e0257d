//! Hello: a small flow, made to be changed.

use caudal::prelude::*;

#[derive(Serialize, Deserialize, JsonSchema)]
struct HelloInput {
    /// Who is greeted.
    name: String,
}

/// Greets somebody.
#[flow]
async fn hello_flow(ctx: &mut FlowContext, input: HelloInput) -> FlowResult<String> {
    ctx.progress(10, "Looking for words");
    // What stands in a step is done once, whatever happens to this process; the result is kept.
    let words = ctx.step("Find words", |_step| async move { Ok("Hello".to_owned()) }).await?;
    ctx.log(format!("Found '{words}'"));
    Ok(format!("{words}, {}!", input.name))
}

#[cfg(test)]
mod tests {
    use caudal::testing::{crash_after_every_step, run_flow};

    use super::*;

    fn input() -> HelloInput {
        HelloInput { name: "Ada".to_owned() }
    }

    /// Goal: the greeting has the name in it.
    #[tokio::test]
    async fn greets() {
        let task = run_flow(hello_flow, input()).await;
        assert_eq!(task.result::<String>(), "Hello, Ada!");
    }

    /// Goal: no crash between two steps changes the result or repeats a finished step.
    #[tokio::test]
    async fn survives_crashes() {
        crash_after_every_step(hello_flow, input()).await;
    }
}
