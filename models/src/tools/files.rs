//! `list_files`, `read_file`, `write_file`: in the sandbox folder and nowhere else.

use std::sync::Arc;

use caudal_engine::prelude::*;
use serde_json::json;

use super::sandbox::{Entry, Sandbox};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFilesInput {
    /// A folder, from the top of the file area; empty for the top itself.
    #[serde(default)]
    pub path: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadFileInput {
    /// From the top of the file area, for example `notes/today.md`.
    pub path: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteFileInput {
    /// From the top of the file area, for example `reports/rain.md`. A file that is there is replaced.
    pub path: String,
    /// All that shall stand in the file.
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WrittenFile {
    pub path: String,
    pub bytes: usize,
}

/// Lists the files in a folder of the file area.
#[tool(title = "List files")]
pub async fn list_files(step: StepContext, input: ListFilesInput) -> FlowResult<Vec<Entry>> {
    in_sandbox(&step, move |sandbox| sandbox.list(&input.path)).await
}

/// Reads a text file of the file area.
#[tool(title = "Read a file")]
pub async fn read_file(step: StepContext, input: ReadFileInput) -> FlowResult<String> {
    in_sandbox(&step, move |sandbox| sandbox.read(&input.path)).await
}

/// Writes a text file in the file area. A person is asked before.
#[tool(title = "Write a file", approval, effect = what_it_replaces)]
pub async fn write_file(step: StepContext, input: WriteFileInput) -> FlowResult<WrittenFile> {
    let written = WrittenFile { path: input.path.clone(), bytes: input.text.len() };
    in_sandbox(&step, move |sandbox| sandbox.write(&input.path, &input.text)).await?;
    step.tool_result("write_file", &json!(written));
    Ok(written)
}

/// What a person should know before a file is written; where nothing can be written it fails.
pub async fn what_it_replaces(step: StepContext, input: WriteFileInput) -> FlowResult<String> {
    let bytes = in_sandbox(&step, move |sandbox| sandbox.would_replace(&input.path)).await?;
    Ok(match bytes {
        Some(bytes) => format!("It replaces a file of {bytes} bytes."),
        None => "It makes a new file.".to_owned(),
    })
}

/// On a thread that may wait for a disk.
async fn in_sandbox<T: Send + 'static>(
    step: &StepContext,
    work: impl FnOnce(&Sandbox) -> FlowResult<T> + Send + 'static,
) -> FlowResult<T> {
    let sandbox: Arc<Sandbox> = step.resource()?;
    tokio::task::spawn_blocking(move || work(&sandbox)).await?
}
