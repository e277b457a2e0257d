//! Pages of the web: fetched with a guard before the door, and read as a person would read them.

pub mod guarded_fetch;
mod page_text;
mod public_address;
mod tame_html;

use caudal_engine::prelude::*;

pub use guarded_fetch::FetchSettings;
pub(crate) use page_text::shorten;
pub use public_address::is_public;

use guarded_fetch::{FetchError, fetch_page};
use page_text::readable_text;

/// A page as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// Where the redirects ended.
    pub url: String,
    pub title: Option<String>,
    pub text: String,
    /// Words in `text`.
    pub words: usize,
    /// Of the page as it was read.
    pub bytes: usize,
}

/// Fetches a page within a step and keeps its text, up to so many characters.
///
/// Fetching and reading are one: between two steps the whole page would have to be stored. Without a word from the
/// binary (a [`FetchSettings`] among the resources) nothing private can be reached.
pub async fn read_page(step: &StepContext, url: &str, most_characters: usize) -> FlowResult<Page> {
    let settings = step.resource::<FetchSettings>().map(|wired| (*wired).clone()).unwrap_or_default();
    let fetched = fetch_page(&settings, url).await.map_err(in_a_flows_words)?;
    step.log(format!("Fetched {} bytes from {}", fetched.bytes, fetched.url));
    let (url, bytes, media_type, text) = (fetched.url, fetched.bytes, fetched.media_type, fetched.text);
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
