//! A flow that says everything which would run in a careless page: what shows its words must show them as words.

use std::time::Duration;

use caudal::prelude::*;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

/// Each would set `window.hacked`, one way or another.
const SCRIPT: &str = "<script>window.hacked='script'</script>";
const IMAGE: &str = "<img src=x onerror=\"window.hacked='image'\">";
const DRAWING: &str = "<svg onload=\"window.hacked='drawing'\"></svg>";
const ADDRESS: &str = "javascript:window.hacked='address'";

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct HostileInput {
    /// <img src=x onerror="window.hacked='description'"> is what the field says of itself.
    #[schemars(title = "<b onclick=\"window.hacked='title'\">Payload</b>")]
    payload: String,
    /// Ask a question that is hostile, too.
    ask: bool,
    /// Fail in the end, with an error that is hostile.
    fail: bool,
}

impl Default for HostileInput {
    fn default() -> Self {
        Self { payload: format!("{SCRIPT}{IMAGE}"), ask: false, fail: false }
    }
}

/// Says <script>window.hacked='summary'</script> and <img src=x onerror="window.hacked='summary'"> wherever it can.
#[flow(title = "Hostile <img src=x onerror=\"window.hacked='flow'\">", diagnostics)]
async fn hostile_flow(ctx: &mut FlowContext, input: HostileInput) -> FlowResult<serde_json::Value> {
    ctx.log(format!("{SCRIPT} {IMAGE} {DRAWING} {}", input.payload));
    ctx.progress(10, format!("{IMAGE} at work"));
    ctx.step(format!("Step {IMAGE}"), |step| async move {
        step.warn(format!("{DRAWING} {ADDRESS}"));
        step.tool_result(IMAGE, &json!([
            { IMAGE: SCRIPT, "url": ADDRESS, "page": "https://example.org/\"onmouseover=\"window.hacked=1" },
            { IMAGE: IMAGE, "url": "data:text/html,<script>opener.hacked='data'</script>", "page": "//evil.example" },
        ]));
        step.tool_result("tree", &json!({ "__proto__": { SCRIPT: [IMAGE, { "constructor": DRAWING }] } }));
        step.emit(SCRIPT, &json!({ "text": IMAGE }));
        Ok(())
    })
    .await?;
    let written = write_markdown(ctx).await?;
    if input.ask {
        ctx.ask_approval(&format!("{IMAGE} Is that all right?")).await?;
    }
    match input.fail {
        true => Err(FlowError::give_up(format!("{SCRIPT}{IMAGE}"))),
        false => Ok(json!({ "report": written, SCRIPT: IMAGE, "link": ADDRESS })),
    }
}

/// As a model might write it that was talked into it.
async fn write_markdown(ctx: &mut FlowContext) -> FlowResult<String> {
    let text = format!(
        "# Heading {IMAGE}\n\nA [link]({ADDRESS}), [another](JaVaScRiPt:window.hacked='case'), \
         [a third](java\tscript:window.hacked='tab'), [data](data:text/html,{SCRIPT}), <{ADDRESS}>, and \
         [a good one](https://example.org/?q=%22%3E).\n\n![image]({ADDRESS})\n\n{SCRIPT}\n\n\
         ```{IMAGE}\n{SCRIPT}\n```\n\n| {IMAGE} | b |\n|---|---|\n| {SCRIPT} | `{DRAWING}` |\n\n\
         1. {IMAGE}\n2. **{DRAWING}**\n\n> {SCRIPT}\n\n<details open ontoggle=\"window.hacked='toggle'\">x</details>\n"
    );
    ctx.step("Write it", |step| {
        let parts: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        async move {
            let pace = step.clone();
            let written = stream::iter(parts).then(move |part| {
                let pace = pace.clone();
                async move {
                    pace.sleep(Duration::from_millis(5)).await;
                    Ok(part)
                }
            });
            step.stream_text(written).await
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use caudal::testing::run_flow;

    use super::*;

    /// Goal: it gets everything out: an engine that choked on it would hide what the page must bear.
    #[tokio::test]
    async fn says_it_all() {
        let task = run_flow(hostile_flow, json!({})).await;
        let result: serde_json::Value = task.result();
        assert!(result["report"].as_str().unwrap().contains(SCRIPT));
        assert!(task.logs().iter().any(|line| line.contains(IMAGE)));
    }
}
