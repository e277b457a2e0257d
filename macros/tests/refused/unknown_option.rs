//! A misspelt option.

use caudal::prelude::*;

#[flow(titel = "Poem")]
async fn poem_flow(_ctx: &mut FlowContext) -> FlowResult<String> {
    Ok(String::new())
}

fn main() {}
