//! Rewrites a page so that parsing it is cheap, whoever wrote it.
//!
//! An HTML parser that follows the standard can be made to work for minutes, or to fill the memory, by a page of a few
//! hundred kilobytes: elements nested a hundred thousand deep, unclosed formatting that is cloned into each paragraph.
//! What comes out of here has the same words, no scripts, every element closed in order, and bounds on both, so there
//! is nothing left for the parser to repair. It need not understand the page exactly as a browser would: the parser
//! only ever sees the output.

/// Elements that would nest deeper are left out; their text stays.
const DEEPEST: usize = 200;
/// Attributes that tell what a part of the page is for. All others are left out.
const KEPT_ATTRIBUTES: &[&str] =
    &["aria-hidden", "class", "content", "dir", "hidden", "href", "id", "itemprop", "lang", "name", "property", "role"];
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
/// Left out with all that is in them.
const DROPPED: &[&str] = &[
    "canvas",
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "xmp",
];
/// An opening tag on the left ends these elements, if one is the innermost: their closing tags are optional.
const ENDS: &[(&str, &[&str])] = &[
    ("p", &["p"]),
    ("li", &["li", "p"]),
    ("dt", &["dt", "dd", "p"]),
    ("dd", &["dt", "dd", "p"]),
    ("td", &["td", "th", "p"]),
    ("th", &["td", "th", "p"]),
    ("tr", &["td", "th", "p", "tr"]),
    ("tbody", &["td", "th", "tr", "thead", "tbody"]),
];

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyElements;

pub(crate) fn tame(html: &str, most_elements: usize) -> Result<String, TooManyElements> {
    let mut rest = html;
    let mut page = TamePage { out: String::with_capacity(html.len()), open: Vec::new(), elements: 0 };
    while let Some(at) = rest.find('<') {
        page.out.push_str(&rest[..at]);
        let tag = &rest[at + 1..];
        rest = if let Some(comment) = tag.strip_prefix("!--") {
            // `<!-->` is a whole comment, so the end may share its dashes with the beginning.
            skip_past(&tag[1..], "-->").unwrap_or(&comment[comment.len()..])
        } else if tag.starts_with(['!', '?']) {
            skip_past(tag, ">").unwrap_or_default()
        } else if let Some(closing) = tag.strip_prefix('/') {
            page.close(&element_name(closing));
            skip_past(closing, ">").unwrap_or_default()
        } else if tag.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            page.open(tag)
        } else {
            page.out.push_str("&lt;");
            tag
        };
        if page.elements > most_elements {
            return Err(TooManyElements);
        }
    }
    page.out.push_str(rest);
    page.close_down_to(0);
    Ok(page.out)
}

struct TamePage {
    out: String,
    /// The elements that are open, outermost first.
    open: Vec<String>,
    elements: usize,
}

impl TamePage {
    /// Takes the tag that `tag` begins with and returns what comes after it, or after the whole element.
    fn open<'a>(&mut self, tag: &'a str) -> &'a str {
        let name = element_name(tag);
        let (attributes, after) = attributes(&tag[name.len()..]);
        if DROPPED.contains(&&*name) {
            return skip_element(after, &name);
        }
        if name == "title" {
            let text = after.split('<').next().unwrap_or_default();
            self.out.push_str(&format!("<title>{text}</title>"));
            return skip_element(after, &name);
        }
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        self.end_what_it_ends(&name);
        if !is_plain || self.open.len() >= DEEPEST {
            return after;
        }
        self.elements += 1;
        self.out.push('<');
        self.out.push_str(&name);
        for (key, value) in attributes {
            self.out.push_str(&format!(" {key}=\"{}\"", value.replace('"', "&quot;").replace('<', "&lt;")));
        }
        self.out.push('>');
        if !VOID.contains(&&*name) {
            self.open.push(name);
        }
        after
    }

    fn end_what_it_ends(&mut self, name: &str) {
        let Some((_, ended)) = ENDS.iter().find(|(opening, _)| *opening == name) else { return };
        while self.open.last().is_some_and(|innermost| ended.contains(&&**innermost)) {
            self.close_down_to(self.open.len() - 1);
        }
    }

    /// Closes the innermost element of this name and what is open inside it.
    fn close(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|open| open == name) {
            self.close_down_to(at);
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        for name in self.open.drain(depth..).rev() {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
    }
}

fn skip_past<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    text.find(end).map(|at| &text[at + end.len()..])
}

/// What comes after the next closing tag of this name; nothing if there is none.
fn skip_element<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(after) = skip_past(rest, "</") {
        if after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return skip_past(after, ">").unwrap_or_default();
        }
        rest = after;
    }
    ""
}

fn element_name(tag: &str) -> String {
    let end = tag.find(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '/' | '>' | '<'));
    tag[..end.unwrap_or(tag.len())].to_ascii_lowercase()
}

/// The kept attributes, up to the `>` that ends the tag, and what comes after it.
fn attributes(text: &str) -> (Vec<(String, &str)>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        let is_end = |letter: char| letter.is_ascii_whitespace() || matches!(letter, '/' | '>' | '=');
        // A name may begin with `=`, so at least one character is always taken.
        let Some(first) = rest.chars().next() else { return (found, "") };
        let end = rest[first.len_utf8()..].find(is_end).map_or(rest.len(), |at| at + first.len_utf8());
        let key = rest[..end].to_ascii_lowercase();
        let (value, after) = attribute_value(rest[end..].trim_start());
        if KEPT_ATTRIBUTES.contains(&&*key) {
            found.push((key, value));
        }
        rest = after;
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    let Some(value) = text.strip_prefix('=') else { return ("", text) };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = value.find(|letter: char| letter.is_ascii_whitespace() || letter == '>').unwrap_or(value.len());
    value.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tamed(html: &str) -> String {
        tame(html, 1000).unwrap()
    }

    /// Goal: an ordinary page keeps its words, its structure and the marks by which an article is found.
    #[test]
    fn an_ordinary_page_stays_what_it_is() {
        let page = "<html lang=en><head><title>A &amp; B</title><meta name=author content='Ann \"A\"'></head>\
                    <body class=\"x\"><ul><li>one<li>two</ul><p>a<p>b <b>c</b><br/>3 < 4</body></html>";
        assert_eq!(
            tamed(page),
            "<html lang=\"en\"><head><title>A &amp; B</title><meta name=\"author\" content=\"Ann &quot;A&quot;\"></head>\
             <body class=\"x\"><ul><li>one</li><li>two</li></ul><p>a</p><p>b <b>c</b><br>3 &lt; 4</p></body></html>"
        );
    }

    /// Goal: what is not meant for a reader is gone, even where it pretends to end early.
    #[test]
    fn scripts_and_comments_are_gone() {
        assert_eq!(tamed("a<script>x('</div>')</SCRIPT >b<style>p{}</style>c"), "abc");
        assert_eq!(tamed("a<!-- <div> -->b<!-->c<!--->d<!doctype html>e<?php ?>f"), "abcdef");
        assert_eq!(tamed("a<div title=\"</div>\" onclick='x>y'>b</div>c"), "a<div>b</div>c");
        assert_eq!(tamed("a<textarea></div></textarea>b<svg><script></svg>c"), "abc");
        assert_eq!(tamed("a<script>never ends"), "a");
        assert_eq!(tamed("a<!-- never ends"), "a");
        assert_eq!(tamed("a<div class"), "a<div class=\"\"></div>");
    }

    /// Goal: whatever comes in, each element of the output is closed, in order, and none is too deep.
    #[test]
    fn the_output_is_balanced() {
        let deep = "<div>".repeat(100_000);
        assert_eq!(tame(&deep, 1000).unwrap().matches("</div>").count(), DEEPEST);
        assert_eq!(tamed("</p></b><b><i>x</b>y</i>"), "<b><i>x</i></b>y");
        assert_eq!(tame(&"<p>x".repeat(1001), 1000), Err(TooManyElements));
        assert_eq!(tamed("<a =\"x\" ='y' =>z"), "<a>z</a>");
        assert_eq!(tamed("<x:y>z</x:y><é>"), "z&lt;é>");
    }
}
