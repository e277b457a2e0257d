//! What `#[flow]` makes of a function, and what it says of one that is no flow.

use std::time::Duration;

use caudal::flow::{NoInput, Registry};
use caudal::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct PoemInput {
    /// What the poem is about.
    #[expect(dead_code, reason = "only its schema is looked at")]
    theme: Option<String>,
}

/// Writes a short poem.
///
/// About an unusual theme.
#[flow(version = 3, timeout = "1h30m", deadline = "2d", retries = 1, concurrency = 4, formerly = ["verse", "rhyme"])]
async fn short_poem_flow(_ctx: &mut FlowContext, _input: PoemInput) -> FlowResult<Vec<String>> {
    Ok(Vec::new())
}

#[flow(title = "Quiet", diagnostics)]
pub(crate) async fn quiet(_: &mut FlowContext) -> Result<(), FlowError> {
    Ok(())
}

/// Goal: all that the author wrote is in the definition.
#[test]
fn definition_holds_what_was_written() {
    let definition = short_poem_flow.definition();
    assert_eq!(definition.name, "short_poem_flow");
    assert_eq!(definition.title, "Short poem");
    assert_eq!(definition.summary, "Writes a short poem.");
    assert_eq!(definition.description, "Writes a short poem.\n\nAbout an unusual theme.");
    assert_eq!(definition.version, 3);
    assert_eq!(definition.formerly, ["verse", "rhyme"]);
    assert!(!definition.diagnostics);
    assert_eq!(definition.options.timeout(), Some(Duration::from_secs(5_400)));
    assert_eq!(definition.options.deadline(), Some(Duration::from_secs(172_800)));
    assert_eq!(definition.options.retries, 1);
    assert_eq!(definition.options.concurrency, Some(4));
    assert!(definition.location.contains("flow.rs:"), "{}", definition.location);
}

/// Goal: the schemas come from the types, with the field's words.
#[test]
fn schemas_come_from_the_types() {
    let input = (short_poem_flow.definition().input_schema)().to_value();
    assert_eq!(input["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(input["properties"]["theme"]["description"], "What the poem is about.");
    let output = (short_poem_flow.definition().output_schema)().to_value();
    assert_eq!(output["type"], "array");
}

/// Goal: what is left out has a sensible value, and a flow without input takes `{}` and nothing else.
#[test]
fn defaults() {
    let definition = quiet.definition();
    assert_eq!((definition.title, definition.summary, definition.version), ("Quiet", "", 1));
    assert!(definition.diagnostics);
    assert_eq!(definition.options.timeout(), None);
    assert_eq!((definition.input_schema)().to_value()["type"], "object");
    assert!(serde_json_of::<NoInput>("{}"));
    assert!(!serde_json_of::<NoInput>("{\"x\":1}"));
}

fn serde_json_of<T: serde::de::DeserializeOwned>(text: &str) -> bool {
    caudal::task::Json::from_text(text).is_ok_and(|json| json.parse::<T>().is_ok())
}

/// Goal: a flow is registered by being linked; a diagnostic one only when asked for.
#[test]
fn linked_flows_are_registered() {
    assert_eq!(Registry::collect(false).unwrap().names(), ["short_poem_flow"]);
    let registry = Registry::collect(true).unwrap();
    assert_eq!(registry.names(), ["quiet", "short_poem_flow"]);
    assert!(registry.find("rhyme").is_some());
}

/// Goal: a function that is no flow is refused at the right place, in words that say what is right; steps that were made
/// can be joined, and two async blocks that share one context cannot.
#[test]
fn what_compiles_and_what_is_refused_readably() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/accepted/*.rs");
    cases.compile_fail("tests/refused/*.rs");
}
