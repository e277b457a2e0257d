//! The tools that ship. Each is a function with `#[tool]`; to add one, add a file.
//!
//! | tool | what it does | it asks first |
//! |---|---|---|
//! | [`web_search`] | looks for pages: Tavily with a key, else DuckDuckGo | |
//! | [`fetch_page`] | reads a page, behind the same guards as `fetch_page_flow` | with [`goes_to_the_unknown`] |
//! | [`calculator`] | evaluates an expression | |
//! | [`now`] | the date and the time | |
//! | [`ask_person`] | asks a person and waits, for as long as it takes | |
//! | [`list_files`], [`read_file`] | in the sandbox folder and nowhere else | |
//! | [`write_file`] | the same | yes, and says what is replaced |

mod asking;
mod calculating;
mod clock;
mod fetching;
mod files;
pub mod sandbox;
pub mod search;

use caudal_engine::flow::{Tool, ToolDefinition};

pub use asking::ask_person;
pub use calculating::calculator;
pub use clock::now;
pub use fetching::{fetch_page, goes_to_the_unknown};
pub use files::{WriteFileInput, list_files, read_file, what_it_replaces, write_file};
pub use sandbox::Sandbox;
pub use search::{SearchResult, WebSearch, web_search};

/// The tools that only look: nothing is changed by them, nobody is asked.
pub fn looking_up() -> [&'static ToolDefinition; 4] {
    [web_search.definition(), fetch_page.definition(), calculator.definition(), now.definition()]
}

/// The tools for files in the sandbox.
pub fn filing() -> [&'static ToolDefinition; 3] {
    [list_files.definition(), read_file.definition(), write_file.definition()]
}
