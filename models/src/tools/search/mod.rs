//! `web_search`: pages on a question, whoever looks for them.

mod duckduckgo;
mod rehearsed;
mod tavily;

use async_trait::async_trait;
use caudal_engine::flow::Secret;
use caudal_engine::prelude::*;
use reqwest::Client;
use url::Url;

pub use duckduckgo::DuckDuckGo;
pub use rehearsed::RehearsedSearch;
pub use tavily::Tavily;

const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);
const MOST_BYTES: usize = 4 * 1024 * 1024;
const MOST_PATIENCE_SECONDS: u64 = 3600;
/// Of one result's text.
const MOST_CHARACTERS: usize = 2_000;

/// A page that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResult {
    pub url: String,
    /// What of the page answers the question.
    pub content: String,
    pub title: String,
}

/// Who looks for pages.
#[async_trait]
pub trait SearchProvider: Send + Sync + 'static {
    /// In lower case: `tavily`.
    fn name(&self) -> &'static str;

    async fn search(&self, query: &str, most: usize) -> FlowResult<Vec<SearchResult>>;
}

/// Wired in by the binary.
pub struct WebSearch(Box<dyn SearchProvider>);

impl WebSearch {
    pub fn with(provider: impl SearchProvider) -> Self {
        Self(Box::new(provider))
    }

    /// Tavily with a key, else DuckDuckGo. The addresses are the usual ones unless they are given.
    pub fn of(tavily_key: Option<Secret<String>>, tavily_url: Option<Url>, duckduckgo_url: Option<Url>) -> Self {
        match tavily_key {
            Some(key) => Self::with(Tavily::new(key, tavily_url)),
            None => Self::with(DuckDuckGo::new(duckduckgo_url)),
        }
    }

    /// Looks for pages within a step, and shows what was found.
    pub async fn search(&self, step: &StepContext, query: &str, most: usize) -> FlowResult<Vec<SearchResult>> {
        let query = query.trim();
        if query.is_empty() {
            return Err(FlowError::invalid_input("there is nothing to look for"));
        }
        let mut results = self.0.search(query, most).await?;
        results.truncate(most);
        for result in &mut results {
            result.content = crate::web_page::shorten(&result.content, MOST_CHARACTERS);
        }
        step.tool_result(self.0.name(), &results);
        Ok(results)
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebSearchInput {
    /// What to look for, as one would type it into a search engine.
    #[schemars(length(min = 1, max = 400))]
    pub query: String,
    /// How many pages at most; 5 unless you say otherwise.
    #[serde(default = "most_results")]
    #[schemars(range(min = 1, max = 10))]
    pub most_results: u32,
}

fn most_results() -> u32 {
    5
}

/// Searches the web and gives for each page its address, its title and the part that answers the query.
#[tool(title = "Search the web", timeout = "45s")]
pub async fn web_search(step: StepContext, input: WebSearchInput) -> FlowResult<Vec<SearchResult>> {
    step.resource::<WebSearch>()?.search(&step, &input.query, input.most_results as usize).await
}

fn client() -> FlowResult<Client> {
    let user_agent = concat!("caudal/", env!("CARGO_PKG_VERSION"));
    Ok(Client::builder()
        .user_agent(user_agent)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::limited(3))
        .build()?)
}

/// The body of an answer that is one; else what to make of its status.
async fn body_of(mut response: reqwest::Response, who: &str, key_variable: Option<&str>) -> FlowResult<String> {
    let status = response.status().as_u16();
    let wait = response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match (status, key_variable) {
        (200, _) => {}
        (401 | 403, Some(variable)) => {
            return Err(FlowError::give_up(format!("{who} refuses the key in {variable} ({status})")));
        }
        // DuckDuckGo says 202 to those whom it takes for a machine.
        (202 | 408 | 429 | 500.., _) => {
            let said = format!("{who} answers {status}");
            return Err(match wait {
                Some(seconds @ 1..=MOST_PATIENCE_SECONDS) => {
                    FlowError::retry_after(std::time::Duration::from_secs(seconds), said)
                }
                // Who wants nothing, or years, gets what we think right.
                _ => FlowError::failed(said),
            });
        }
        _ => return Err(FlowError::give_up(format!("{who} answers {status}"))),
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(who, &error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Err(FlowError::give_up(format!("{who} sends more than {MOST_BYTES} bytes")));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Without the address: a key may stand in one.
fn unreachable(who: &str, error: &reqwest::Error) -> FlowError {
    let why = if error.is_timeout() { "it took too long" } else { "the connection failed" };
    FlowError::failed(format!("{who} cannot be reached: {why}"))
}
