//! Pages that an agent has met: what its answer can stand on, and where it may go without asking anybody.

use caudal_engine::task::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::chat::{Chat, Line};
use crate::material::word_of_person;

/// No page that is read is let to make more addresses known.
const MOST_ADDRESSES: usize = 500;

/// A page of the web that a tool brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenPage {
    pub url: String,
    pub title: String,
    /// It was read, and not only found.
    pub read: bool,
    /// What its text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

impl SeenPage {
    /// The pages in what a tool brought: objects with a `url`, alone or in a list. With a `text` it was read.
    pub(crate) fn all_in(output: &Json) -> Vec<Self> {
        let output = output.to_value();
        let items = match &output {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        items.into_iter().filter_map(Self::of).collect()
    }

    fn of(item: &Value) -> Option<Self> {
        let word = |name: &str| item.get(name).and_then(Value::as_str);
        let (url, text) = (word("url")?, word("text"));
        let title = word("title").filter(|title| !title.trim().is_empty()).unwrap_or(url);
        let addresses = text.into_iter().flat_map(addresses_in).take(MOST_ADDRESSES).map(str::to_owned).collect();
        Some(Self { url: url.to_owned(), title: title.to_owned(), read: text.is_some(), addresses })
    }
}

impl Chat {
    /// The pages that tools brought in this conversation, each once, in the order in which they were met.
    pub fn pages(&self) -> Vec<SeenPage> {
        let mut pages: Vec<SeenPage> = Vec::new();
        for page in self.brought() {
            match pages.iter_mut().find(|known| same(&known.url, &page.url)) {
                Some(known) => known.read |= page.read,
                None => pages.push(page.clone()),
            }
        }
        pages
    }

    /// Whether an address stands in what a person said, was found by a search, or is named by a page that was read. One
    /// that a model made up itself could carry what it knows to wherever it leads.
    pub fn knows_address(&self, address: &str) -> bool {
        let said = self.lines.iter().filter_map(|line| match line {
            Line::User { text } => Some(text.as_str()),
            Line::Tool { text, .. } => word_of_person(text),
            _ => None,
        });
        let named = self.brought().flat_map(|page| page.addresses.iter().chain([&page.url]).map(String::as_str));
        said.flat_map(addresses_in).chain(named).any(|known| same(known, address))
    }

    fn brought(&self) -> impl Iterator<Item = &SeenPage> {
        self.lines.iter().flat_map(|line| match line {
            Line::Tool { pages, .. } => pages.as_slice(),
            _ => &[],
        })
    }
}

/// What stands behind `#` is never sent.
fn same(one: &str, other: &str) -> bool {
    let plain = |address: &str| {
        let mut url = Url::parse(address.trim()).ok()?;
        url.set_fragment(None);
        Some(url)
    };
    plain(one).is_some_and(|one| plain(other) == Some(one))
}

/// The addresses that a text names, without the marks of the sentence around them.
pub fn addresses_in(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = ["http://", "https://"].into_iter().filter_map(|scheme| rest.find(scheme)).min()?;
        let from = &rest[at..];
        let ends = |letter: char| letter.is_whitespace() || "<>\"`\\^{|}[]".contains(letter);
        let (word, after) = from.split_at(from.find(ends).unwrap_or(from.len()));
        rest = after;
        Some(without_marks(word))
    })
}

fn without_marks(mut word: &str) -> &str {
    loop {
        let unbalanced = word.ends_with(')') && word.matches(')').count() > word.matches('(').count();
        let end = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
        match (unbalanced, end.len() < word.len()) {
            (true, _) => word = &word[..word.len() - 1],
            (false, true) => word = end,
            (false, false) => return word,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Goal: addresses are found in prose, Markdown and brackets, as they are meant.
    #[test]
    fn addresses_in_texts() {
        let text = "See https://a.example/x. Or (http://b.example/Foo_(bar)), [this](https://c.example/?q=1)! \
                    <https://d.example/> **https://e.example** ftp://f.example";
        let expected = [
            "https://a.example/x",
            "http://b.example/Foo_(bar)",
            "https://c.example/?q=1",
            "https://d.example/",
            "https://e.example",
        ];
        assert_eq!(addresses_in(text).collect::<Vec<_>>(), expected);
    }

    /// Goal: an address is known when a person, a search or a page that was read named it, and not because the model or
    /// another tool wrote it.
    #[test]
    fn addresses_that_are_known() {
        let mut chat = Chat::from("Compare https://asked.example/a?b=1#c with the rest.");
        let tool = |text: &str, output: Value| Line::Tool {
            call: String::new(),
            tool: String::new(),
            text: text.to_owned(),
            pages: SeenPage::all_in(&output.into()),
        };
        let found = json!([{ "url": "https://found.example", "title": "", "content": "https://echo.example/" }]);
        let read = json!({ "url": "https://read.example/", "title": null, "text": "more at https://named.example/2" });
        chat.lines.push(tool("", found));
        chat.lines.push(tool("", read));
        chat.lines
            .push(tool("<data from=\"read_file\">\nhttps://file.example/\n</data>", json!("https://file.example/")));
        chat.lines.push(tool("<person>\nLook at https://told.example/\n</person>", json!(null)));
        chat.hear(crate::Answer { text: "https://made-up.example/".to_owned(), ..crate::Answer::default() });
        for known in [
            "https://asked.example/a?b=1",
            "https://FOUND.example/#top",
            "https://read.example",
            " https://named.example/2",
            "https://told.example/",
        ] {
            assert!(chat.knows_address(known), "{known}");
        }
        for unknown in [
            "https://asked.example/a?b=2",
            "https://asked.example/",
            "https://echo.example/",
            "https://file.example/",
            "https://made-up.example/",
            "found",
        ] {
            assert!(!chat.knows_address(unknown), "{unknown}");
        }
        let pages: Vec<(String, bool)> = chat.pages().into_iter().map(|page| (page.title, page.read)).collect();
        assert_eq!(pages, [("https://found.example".to_owned(), false), ("https://read.example/".to_owned(), true)]);
    }
}
