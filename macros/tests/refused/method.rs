//! A flow is a free function.

use caudal::prelude::*;

struct Poems;

impl Poems {
    #[flow]
    async fn poem_flow(&self, _ctx: &mut FlowContext) -> FlowResult<String> {
        Ok(String::new())
    }
}

#[flow]
struct NotAFunction;

fn main() {}
