//! Fetches a page and reads it as a person would: its title and its text, without what stands around it.

use std::time::Duration;

use caudal::prelude::*;
use url::Url;

use crate::guarded_fetch::{FetchError, FetchSettings, FetchedPage, fetch_page};
use crate::page_text::{readable_text, shorten};

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

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Page {
    /// Where the redirects ended.
    url: String,
    title: Option<String>,
    text: String,
    /// Words in `text`.
    words: usize,
    /// Of the page as it was read.
    bytes: usize,
}

/// Fetches a web page and extracts its title and readable text.
#[flow(title = "Fetch a page", timeout = "2m")]
async fn fetch_page_flow(ctx: &mut FlowContext, input: FetchPageInput) -> FlowResult<Page> {
    // Without a word from the binary nothing private can be reached.
    let settings = ctx.resource::<FetchSettings>().map(|wired| (*wired).clone()).unwrap_or_default();
    ctx.progress(5, format!("Fetching {}", input.url.host_str().unwrap_or("the page")));
    // Fetching and reading are one step: between two, the whole page would have to be stored.
    let page = ctx
        .step("Fetch and read", |step| {
            let (settings, url, most) = (settings.clone(), input.url.clone(), input.most_characters as usize);
            async move {
                let fetched = fetch_page(&settings, url.as_str()).await.map_err(in_a_flows_words)?;
                step.log(format!("Fetched {} bytes from {}", fetched.bytes, fetched.url));
                read(fetched, most).await
            }
        })
        .timeout(settings.timeout + Duration::from_secs(20))
        .await?;
    let title = page.title.as_deref().unwrap_or("a page without a title");
    ctx.progress(100, format!("Read {} words of {title}", page.words));
    Ok(page)
}

async fn read(fetched: FetchedPage, most_characters: usize) -> FlowResult<Page> {
    let FetchedPage { url, media_type, text, bytes } = fetched;
    #[expect(clippy::disallowed_methods, reason = "CPU work inside a step, where nothing is replayed")]
    let read = tokio::task::spawn_blocking(move || readable_text(media_type, &text)).await?;
    let read = read.map_err(|error| FlowError::give_up(format!("no text was found in the page: {error}")))?;
    let text = shorten(&read.text, most_characters);
    Ok(Page { url: url.into(), title: read.title, words: text.split_whitespace().count(), text, bytes })
}

/// What may go better at another attempt is `failed`, the rest is not tried again.
fn in_a_flows_words(error: FetchError) -> FlowError {
    let text = error.to_string();
    match error {
        FetchError::BadUrl(..) | FetchError::NotPublic(_) => FlowError::invalid_input(text),
        FetchError::TooManyRedirects | FetchError::TooLarge(_) | FetchError::NotText(_) | FetchError::Refused(_) => {
            FlowError::give_up(text)
        }
        FetchError::Busy(_, Some(patience)) => FlowError::retry_after(patience, text),
        FetchError::Busy(_, None) | FetchError::TooSlow(_) | FetchError::Unreachable(_) => FlowError::failed(text),
    }
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
