//! A poem, from nothing: the model suggests a theme if nobody does, then writes, and its words are seen as they come.

use caudal::prelude::*;
use caudal_models::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PoemInput {
    /// What the poem is about. Left out, the model suggests something.
    #[serde(default)]
    #[schemars(length(max = 500))]
    theme: Option<String>,
}

/// Writes a short poem, about a theme of its own if you name none.
#[flow(title = "Poem", timeout = "10m", needs = LanguageModel)]
async fn poem_flow(ctx: &mut FlowContext, input: PoemInput) -> FlowResult<String> {
    let model = ctx.model()?;
    let theme = match input.theme.filter(|theme| !theme.trim().is_empty()) {
        Some(theme) => theme,
        None => suggest_theme(ctx, &model).await?,
    };
    ctx.log(format!("The theme: {theme}"));
    ctx.progress(40, "Writing the poem");
    let language = ctx.locale().map(|locale| format!(" Write in the language '{locale}'.")).unwrap_or_default();
    let wish = format!(
        "Write a poem of eight to twelve lines about: {theme}\n\nNo title, no explanation, only the poem.{language}"
    );
    let poem = ctx
        .step("Write the poem", |step| {
            let (model, chat) = (model.clone(), Chat::from(wish.clone()).temperature(1.0));
            async move { model.write(&step, chat).await }
        })
        .retries(5)
        .await?;
    ctx.progress(100, "The poem is written");
    Ok(poem)
}

async fn suggest_theme(ctx: &mut FlowContext, model: &LanguageModel) -> FlowResult<String> {
    const WISH: &str = "Suggest one unusual theme for a short poem. Answer with the theme alone, in at most ten words.";
    ctx.progress(5, "Looking for a theme");
    let theme = ctx
        .step("Suggest a theme", |step| {
            let model = model.clone();
            async move { model.ask(&step, Chat::from(WISH).temperature(1.0)).await }
        })
        .retries(5)
        .await?;
    Ok(theme.trim_matches(['"', '.', '*']).to_owned())
}

#[cfg(test)]
mod tests {
    use caudal::task::WireState;
    use caudal::testing::FlowTest;
    use serde_json::json;

    use super::*;

    fn test(input: serde_json::Value, script: [Scripted; 1]) -> FlowTest {
        FlowTest::new(poem_flow, input).resource(LanguageModel::rehearsal(Rehearsal::with_script(script)))
    }

    /// Goal: a theme that is given is used, and the words are streamed.
    #[tokio::test]
    async fn writes_about_a_given_theme() {
        let task = test(json!({ "theme": "rain" }), [Scripted::says("Rain on the roof,\nrain.")]).run().await;
        assert_eq!(task.result::<String>(), "Rain on the roof,\nrain.");
        assert_eq!(task.finished_steps().keys().copied().collect::<Vec<_>>(), ["Write the poem"]);
        assert!(task.events.iter().any(|event| event.fact.kind() == "chunk"));
    }

    /// Goal: without one, it is suggested in a step of its own.
    #[tokio::test]
    async fn suggests_a_theme() {
        let task = test(json!({}), [Scripted::says("\"Rust.\"")]).run().await;
        assert_eq!(task.finished_steps().len(), 2);
        assert!(task.logs().contains(&"The theme: Rust"), "{:?}", task.logs());
    }

    /// Goal: wherever it crashes, it ends the same; what a pretend model says is marked.
    #[tokio::test]
    async fn survives_crashes() {
        let model = LanguageModel::rehearsal(Rehearsal::default());
        let test = FlowTest::new(poem_flow, json!({})).resource(model);
        let task = test.run().await;
        assert!(task.result::<String>().starts_with("[rehearsal]") && task.view.usage.rehearsal);
        test.crash_after_every_step().await;
    }

    /// Goal: without a model it cannot even be started by accident: the task says what is missing.
    #[tokio::test]
    async fn a_model_is_needed() {
        let missing = poem_flow.definition().missing(&caudal::flow::Resources::default());
        assert!(missing[0].hint.contains("CAUDAL_MODEL"));
        let silent = test(json!({ "theme": "x" }), [Scripted::says("")]).run().await;
        assert_eq!(silent.state(), WireState::Failure);
        assert_eq!(silent.error().unwrap().message, "the model answered nothing");
    }
}
