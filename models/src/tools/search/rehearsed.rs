//! The pretend search, for the pretend model: the same pages each time, marked.

use async_trait::async_trait;
use caudal_engine::prelude::*;

use super::{SearchProvider, SearchResult};
use crate::rehearsal::REHEARSAL_MARK;

pub struct RehearsedSearch;

#[async_trait]
impl SearchProvider for RehearsedSearch {
    fn name(&self) -> &'static str {
        "rehearsal"
    }

    async fn search(&self, query: &str, most: usize) -> FlowResult<Vec<SearchResult>> {
        let page = |number: usize| SearchResult {
            url: format!("https://example.org/{number}"),
            content: format!(
                "{REHEARSAL_MARK} Nothing was looked for. A page about “{query}” would say something here."
            ),
            title: format!("{REHEARSAL_MARK} Page {number}"),
        };
        Ok((1..=most.min(3)).map(page).collect())
    }
}
