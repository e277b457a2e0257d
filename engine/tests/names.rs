//! A flow's name is its own.

extern crate caudal_engine as caudal;

use caudal::flow::{Flow, Registry};
use caudal::prelude::*;

/// Nothing to do.
#[flow]
async fn leaf_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let _ = ctx;
    Ok(())
}

/// Was called something else once.
#[flow(formerly = "leaf_flow")]
async fn renamed_leaf_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let _ = ctx;
    Ok(())
}

/// Goal: two flows of one name, a former one too, stop the start, and both are named.
#[test]
fn two_flows_of_one_name_are_refused() {
    let (one, other) = (leaf_flow.definition(), renamed_leaf_flow.definition());
    for pair in [[one, one], [one, other], [other, one]] {
        let error = Registry::of(pair).unwrap_err().to_string();
        assert!(error.starts_with("two flows are named 'leaf_flow': "), "{error}");
        assert!(error.contains(pair[0].location) && error.contains(pair[1].location), "{error}");
    }
}
