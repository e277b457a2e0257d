//! Tavily: a search made for models. Needs `TAVILY_API_KEY`.

use async_trait::async_trait;
use caudal_engine::flow::Secret;
use caudal_engine::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::{SearchProvider, SearchResult, body_of, client, unreachable};

const USUAL: &str = "https://api.tavily.com";

pub struct Tavily {
    key: Secret<String>,
    url: String,
}

impl Tavily {
    pub fn new(key: Secret<String>, url: Option<Url>) -> Self {
        let url = url.map_or_else(|| USUAL.to_owned(), String::from);
        Self { key, url: url.trim_end_matches('/').to_owned() }
    }
}

#[async_trait]
impl SearchProvider for Tavily {
    fn name(&self) -> &'static str {
        "tavily"
    }

    async fn search(&self, query: &str, most: usize) -> FlowResult<Vec<SearchResult>> {
        let body = json!({ "query": query, "max_results": most, "search_depth": "basic" });
        let request = client()?.post(format!("{}/search", self.url)).bearer_auth(self.key.expose()).json(&body);
        let response = request.send().await.map_err(|error| unreachable("Tavily", &error))?;
        let text = body_of(response, "Tavily", Some("TAVILY_API_KEY")).await?;
        let answer: Value =
            serde_json::from_str(&text).map_err(|error| FlowError::failed(format!("Tavily sends no JSON: {error}")))?;
        let items = answer["results"].as_array().into_iter().flatten();
        Ok(items.filter_map(result).collect())
    }
}

fn result(item: &Value) -> Option<SearchResult> {
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let url = Some(text("url")).filter(|url| url.starts_with("http"))?;
    Some(SearchResult { url, content: text("content"), title: text("title") })
}
