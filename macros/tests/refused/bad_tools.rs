//! What is no tool, and what is said of it.

use caudal::prelude::*;

#[tool]
async fn silent(input: String) -> FlowResult<String> {
    Ok(input)
}

/// Not async.
#[tool]
fn blocking(input: String) -> FlowResult<String> {
    Ok(input)
}

/// Two inputs.
#[tool]
async fn greedy(step: StepContext, one: String, other: String) -> FlowResult<String> {
    Ok(one + &other)
}

/// An option that is none.
#[tool(loudly)]
async fn loud(input: String) -> FlowResult<String> {
    Ok(input)
}

/// No result.
#[tool]
async fn void(input: String) {}

fn main() {}
