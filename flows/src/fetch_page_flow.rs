//! Fetches a page and reads it as a person would: its title and its text, without what stands around it.

use std::time::Duration;

use caudal::prelude::*;
use caudal_models::web_page::{FetchSettings, Page, read_page};
use url::Url;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FetchPageInput {
    /// The page's address, http or https. Addresses inside private networks are refused.
    url: Url,
    /// The text is cut after this many characters.
    #[serde(default = "most_characters")]
    #[schemars(range(min = 100, max = 200_000))]
    most_characters: u32,
}

fn most_characters() -> u32 {
    20_000
}

/// Fetches a web page and extracts its title and readable text.
#[flow(title = "Fetch a page", timeout = "2m")]
async fn fetch_page_flow(ctx: &mut FlowContext, input: FetchPageInput) -> FlowResult<Page> {
    ctx.progress(5, format!("Fetching {}", input.url.host_str().unwrap_or("the page")));
    let patience = ctx.resource::<FetchSettings>().map_or(FetchSettings::default().timeout, |wired| wired.timeout);
    let page = ctx
        .step("Fetch and read", |step| {
            let (url, most) = (input.url.clone(), input.most_characters as usize);
            async move { read_page(&step, url.as_str(), most).await }
        })
        .timeout(patience + Duration::from_secs(20))
        .await?;
    let title = page.title.as_deref().unwrap_or("a page without a title");
    ctx.progress(100, format!("Read {} words of {title}", page.words));
    Ok(page)
}

#[cfg(test)]
mod tests {
    use caudal::task::WireState;
    use caudal::testing::{FlowTest, run_flow};
    use serde_json::json;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn article() -> MockServer {
        let server = MockServer::start().await;
        let paragraph = "Rivers carry what the hills can spare, and the sea keeps the account of all of it. ".repeat(8);
        let html = format!("<title>Rivers</title><article><h1>Rivers</h1><p>{paragraph}</p><p>{paragraph}</p></article>");
        Mock::given(path("/"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(html, "text/html"))
            .mount(&server)
            .await;
        server
    }

    /// Goal: with the setting, a page on loopback is read; the text is cut where asked.
    #[tokio::test]
    async fn reads_a_page() {
        let server = article().await;
        let task = FlowTest::new(fetch_page_flow, json!({ "url": server.uri(), "most_characters": 100 }))
            .resource(FetchSettings { allow_private_addresses: true, ..FetchSettings::default() })
            .run()
            .await;
        let page: Page = task.result();
        assert_eq!(page.title.as_deref(), Some("Rivers"));
        assert!(page.text.starts_with("Rivers carry") && page.text.ends_with('…'), "{}", page.text);
        assert_eq!(page.text.chars().count(), 101);
    }

    /// Goal: with nothing wired in, the same page is refused, once, and the reason can be read.
    #[tokio::test]
    async fn is_strict_unless_told() {
        let server = article().await;
        let task = run_flow(fetch_page_flow, json!({ "url": server.uri() })).await;
        assert_eq!(task.state(), WireState::Failure);
        let error = task.error().unwrap();
        assert_eq!((&*error.kind, error.attempt), ("invalid_input", Some(1)));
        assert!(error.message.contains("not on the public internet"), "{}", error.message);
        assert!(server.received_requests().await.unwrap().is_empty());
    }
}
