//! The input is one owned type.

use caudal::prelude::*;

#[flow]
async fn borrowed(_ctx: &mut FlowContext, _input: &str) -> FlowResult<String> {
    Ok(String::new())
}

#[flow]
async fn many(_ctx: &mut FlowContext, _a: String, _b: String) -> FlowResult<String> {
    Ok(String::new())
}

fn main() {}
