//! `fetch_page`: a page as text, behind the same guards as the flow of that name.

use caudal_engine::prelude::*;
use serde_json::{Value, json};

use crate::chat::Chat;
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

/// For `agent.ask_before(fetch_page, goes_to_the_unknown)`: what an agent has read may tell it to carry what it knows to an
/// address of a stranger's making. Addresses that a person, a search or a page that was read has named are known.
pub fn goes_to_the_unknown(chat: &Chat, arguments: &Value) -> Option<String> {
    let address = arguments["url"].as_str()?;
    let is_known = chat.knows_address(address);
    (!is_known).then(|| "Its address was named by nobody: not by you, a search or a page that was read.".to_owned())
}
