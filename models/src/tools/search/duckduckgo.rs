//! DuckDuckGo's page without scripts, read as HTML: a search without a key.

use async_trait::async_trait;
use caudal_engine::prelude::*;
use dom_query::Document;
use url::Url;

use super::{SearchProvider, SearchResult, body_of, client, unreachable};

const USUAL: &str = "https://html.duckduckgo.com/html/";

pub struct DuckDuckGo {
    url: String,
}

impl DuckDuckGo {
    pub fn new(url: Option<Url>) -> Self {
        Self { url: url.map_or_else(|| USUAL.to_owned(), String::from) }
    }
}

#[async_trait]
impl SearchProvider for DuckDuckGo {
    fn name(&self) -> &'static str {
        "duckduckgo"
    }

    async fn search(&self, query: &str, most: usize) -> FlowResult<Vec<SearchResult>> {
        let request = client()?.get(&self.url).query(&[("q", query)]);
        let response = request.send().await.map_err(|error| unreachable("DuckDuckGo", &error))?;
        let html = body_of(response, "DuckDuckGo", None).await?;
        Ok(tokio::task::spawn_blocking(move || read(&html, most)).await?)
    }
}

fn read(html: &str, most: usize) -> Vec<SearchResult> {
    let page = Document::from(html);
    let found = page.select(".result:not(.result--ad)");
    let results = found.iter().filter_map(|result| {
        let link = result.select("a.result__a");
        let url = target(&link.attr("href")?)?;
        let text = |of: dom_query::Selection<'_>| of.text().split_whitespace().collect::<Vec<_>>().join(" ");
        Some(SearchResult { url, content: text(result.select(".result__snippet")), title: text(link) })
    });
    results.take(most).collect()
}

/// Links lead over a page that counts them: `//duckduckgo.com/l/?uddg=https%3A%2F%2F…`.
fn target(href: &str) -> Option<String> {
    let url = Url::parse("https://duckduckgo.com/").ok()?.join(href).ok()?;
    let counted = url.query_pairs().find(|(name, _)| name == "uddg").map(|(_, target)| target.into_owned());
    let target = match counted {
        Some(target) => Url::parse(&target).ok()?,
        None => url,
    };
    matches!(target.scheme(), "http" | "https").then(|| target.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
        <div class="result result--ad"><a class="result__a" href="https://ads.example/">Buy</a></div>
        <div class="result results_links web-result">
          <h2><a class="result__a" href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.org%2Fa%3Fb%3D1&amp;rut=x">A  <b>title</b></a></h2>
          <a class="result__snippet" href="x">What it
             <b>says</b>.</a>
        </div>
        <div class="result"><a class="result__a" href="https://example.org/plain">Plain</a></div>
        <div class="result"><a class="result__a" href="javascript:alert(1)">Bad</a></div>"#;

    /// Goal: links are what they lead to, texts are one line, advertisements and scripts are left out.
    #[test]
    fn results_are_read() {
        let result = |url: &str, content: &str, title: &str| SearchResult {
            url: url.to_owned(),
            content: content.to_owned(),
            title: title.to_owned(),
        };
        let expected = [
            result("https://example.org/a?b=1", "What it says.", "A title"),
            result("https://example.org/plain", "", "Plain"),
        ];
        assert_eq!(read(PAGE, 10), expected);
        assert_eq!(read(PAGE, 1), expected[..1]);
        assert_eq!(read("<html>no results here", 10), []);
    }
}
