//! A flow returns FlowResult.

use caudal::prelude::*;

#[flow]
async fn nothing(_ctx: &mut FlowContext) {}

#[flow]
async fn plain(_ctx: &mut FlowContext) -> String {
    String::new()
}

#[flow]
async fn other_error(_ctx: &mut FlowContext) -> Result<String, std::io::Error> {
    Ok(String::new())
}

fn main() {}
