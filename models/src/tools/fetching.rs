//! `fetch_page`: a page as text, behind the same guards as the flow of that name.

use caudal_engine::prelude::*;
use serde_json::json;

use crate::web_page::{Page, read_page};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchPageInput {
    /// The page's address, beginning with http:// or https://.
    pub url: String,
    /// The text is cut after this many characters; 8,000 unless you say otherwise.
    #[serde(default = "most_characters")]
    #[schemars(range(min = 100, max = 100_000))]
    pub most_characters: u32,
}

fn most_characters() -> u32 {
    8_000
}

/// Reads a web page and gives its title and its text. Only pages on the public internet can be read.
#[tool(title = "Read a page", timeout = "60s")]
pub async fn fetch_page(step: StepContext, input: FetchPageInput) -> FlowResult<Page> {
    let page = read_page(&step, &input.url, input.most_characters as usize).await?;
    step.tool_result("fetch_page", &json!([{ "url": page.url, "title": page.title, "words": page.words }]));
    Ok(page)
}
