//! `caudal new-key`: an API key, told once, and the line by which the server knows it. It needs no server.

use anyhow::Result;
use caudal_web::{ApiKey, Role};
use serde_json::json;

use super::{SUCCESS, Usage};
use crate::cli::NewKeyArgs;
use crate::output::Output;

pub(super) fn run(args: &NewKeyArgs, output: Output) -> Result<u8> {
    let wrong = |what: &str| Usage(format!("the key {what}"));
    let role = Role::of_key(&args.role).ok_or_else(|| wrong("must have the role admin, start or read"))?;
    let (key, known) = ApiKey::generate(&args.name, role).map_err(|bad| wrong(&bad.to_string()))?;
    let made = json!({"name": known.name(), "role": role.as_str(), "key": key, "line": known.line()});
    output.either(&made, |_| {
        format!(
            "The key; it is told only now:\n\n  {key}\n\nIts line for the server's settings, with a comma after those \
             that are there:\n\n  CAUDAL_API_KEYS={}",
            known.line()
        )
    });
    Ok(SUCCESS)
}
