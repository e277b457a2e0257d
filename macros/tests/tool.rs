//! What `#[tool]` makes of a function.

use std::time::Duration;

use caudal::flow::tool::ToolRun;
use caudal::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Place {
    /// A town.
    name: String,
}

/// Says how warm it is.
///
/// In degrees Celsius.
#[tool(title = "Look at the thermometer", approval, timeout = "20s", retries = 1)]
async fn temperature(step: StepContext, place: Place) -> FlowResult<String> {
    step.log("looking");
    Ok(format!("mild in {}", place.name))
}

/// What it would do is said before it is approved.
#[tool(approval, effect = what_burns)]
async fn burn(place: Place) -> FlowResult<String> {
    Ok(place.name)
}

async fn what_burns(_step: StepContext, place: Place) -> FlowResult<String> {
    Ok(format!("all of {}", place.name))
}

/// Hears a person.
#[tool(from_person)]
async fn hear() -> FlowResult<String> {
    Ok("hello".to_owned())
}

/// Takes nothing.
#[tool]
pub(crate) async fn throw_dice() -> FlowResult<u32> {
    Ok(4)
}

/// Waits for a person.
#[tool]
async fn wait_for_person(ctx: &mut FlowContext, place: Place) -> Result<bool, FlowError> {
    Ok(ctx.ask_approval(&place.name).await?.approved)
}

/// Goal: all that the author wrote is in the definition, and what was left out has a sensible value.
#[test]
fn definition_holds_what_was_written() {
    let definition = temperature.definition();
    assert_eq!((definition.name, definition.title), ("temperature", "Look at the thermometer"));
    assert_eq!(definition.description, "Says how warm it is.\n\nIn degrees Celsius.");
    assert_eq!(definition.timeout(), Some(Duration::from_secs(20)));
    assert!(definition.asks_approval && definition.retries == 1);
    let schema = (definition.input_schema)().to_value();
    assert_eq!(schema["properties"]["name"]["description"], "A town.");
    let plain = throw_dice.definition();
    assert_eq!((plain.title, plain.timeout(), plain.retries), ("Throw dice", None, 2));
    assert_eq!((plain.input_schema)().to_value()["type"], "object");
    assert!(plain.effect.is_none() && burn.definition().effect.is_some());
    assert!(!plain.from_person && hear.definition().from_person);
}

/// Goal: a tool that takes the flow's context runs in the flow, any other in a step.
#[test]
fn the_first_parameter_says_where_it_runs() {
    assert!(matches!(temperature.definition().run, ToolRun::InStep(_)));
    assert!(matches!(throw_dice.definition().run, ToolRun::InStep(_)));
    assert!(matches!(wait_for_person.definition().run, ToolRun::InFlow(_)));
}
