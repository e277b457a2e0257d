//! From the bytes of a page to a title and the text that a person would read.

use dom_smoothie::{Config, Readability, TextMode};
use encoding_rs::{Encoding, UTF_8};

use super::tame_html::{TooManyElements, tame};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Html,
    PlainText,
}

impl MediaType {
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "text/plain" => Some(Self::PlainText),
            _ => None,
        }
    }
}

/// Decodes by the header's charset, else by the page's own word in its first kilobyte, else as UTF-8.
/// Bytes that mean nothing become replacement characters.
pub(crate) fn decode(content_type: &str, body: &[u8]) -> String {
    let head = String::from_utf8_lossy(body.get(..body.len().min(1024)).unwrap_or_default());
    let encoding = charset(content_type).or_else(|| charset(&head)).unwrap_or(UTF_8);
    // A byte order mark beats both.
    let (text, _, _) = encoding.decode(body);
    text.into_owned()
}

fn charset(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let (_, after) = lower.split_once("charset=")?;
    let label = after.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_:.".contains(letter));
    Encoding::for_label(label.get(..end.unwrap_or(label.len()))?.as_bytes())
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadableText {
    pub(crate) title: Option<String>,
    pub(crate) text: String,
}

/// A page of more elements is not parsed: it costs seconds and is no article.
const MOST_ELEMENTS: usize = 30_000;

/// CPU work: call it in `step_blocking`.
pub(crate) fn readable_text(media_type: MediaType, text: &str) -> Result<ReadableText, String> {
    if media_type == MediaType::PlainText {
        let title = text.lines().map(str::trim).find(|line| !line.is_empty()).map(|line| shorten(line, 200));
        return Ok(ReadableText { title, text: text.trim().to_owned() });
    }
    let tame = tame(text, MOST_ELEMENTS).map_err(|TooManyElements| format!("more than {MOST_ELEMENTS} elements"))?;
    let config = Config { text_mode: TextMode::Formatted, ..Config::default() };
    let mut page = Readability::new(tame, None, Some(config)).map_err(|error| error.to_string())?;
    let article = page.parse().map_err(|error| error.to_string())?;
    let title = Some(article.title.trim().to_owned()).filter(|title| !title.is_empty());
    Ok(ReadableText { title: title.map(|title| shorten(&title, 200)), text: article.text_content.trim().to_owned() })
}

/// At most so many characters, with an ellipsis where something is missing.
pub(crate) fn shorten(text: &str, most_characters: usize) -> String {
    match text.char_indices().nth(most_characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the header's charset wins over the page's, a wrong label is no error, and a byte order mark beats both.
    #[test]
    fn decodes_what_it_is_given() {
        assert_eq!(decode("text/plain; charset=ISO-8859-1", b"caf\xe9"), "café");
        assert_eq!(decode("text/plain; charset=\"utf-8\"", "café".as_bytes()), "café");
        assert_eq!(decode("text/html", b"<meta charset='windows-1252'>\x80"), "<meta charset='windows-1252'>€");
        assert_eq!(decode("text/html; charset=klingon", "é".as_bytes()), "é");
        assert_eq!(decode("text/html; charset=latin1", b"\xef\xbb\xbf\xc3\xa9"), "é");
        assert_eq!(decode("text/plain", b"a\xffb"), "a\u{fffd}b");
    }

    /// Goal: the article is kept and what stands around it is not.
    #[test]
    fn finds_the_article() {
        let paragraph =
            "The rain came down in the afternoon, and with it a smell of dust, iron and old leaves. ".repeat(6);
        let html = format!(
            "<html><head><title>Rain</title></head><body><nav><a href=/>Home</a> <a href=/x>Menu</a></nav>\
             <article><h1>Rain</h1><p>{paragraph}</p><p>{paragraph}</p></article>\
             <script>alert('x')</script><footer>Imprint</footer></body></html>"
        );
        let read = readable_text(MediaType::Html, &html).unwrap();
        assert_eq!(read.title.as_deref(), Some("Rain"));
        assert!(read.text.contains("a smell of dust"));
        assert!(!read.text.contains("alert") && !read.text.contains("Imprint"), "{}", read.text);
    }

    /// Goal: a page built to cost much is refused, not parsed.
    #[test]
    fn a_page_of_too_many_elements_is_refused() {
        let html = format!("<html><body>{}</body></html>", "<p>x</p>".repeat(MOST_ELEMENTS + 1));
        assert!(readable_text(MediaType::Html, &html).is_err());
    }

    /// Goal: pages built to cost minutes or gigabytes cost neither. (The suite's time limit is what fails here.)
    #[test]
    fn a_hostile_page_does_no_harm() {
        let formatting: String = (0..20_000).map(|n| format!("<b id={n}>")).collect();
        let hostile = [
            "<div>".repeat(500_000),
            "<ul><li>".repeat(200_000),
            "<b></x>".repeat(300_000),
            "<div><textarea></div></textarea>".repeat(100_000),
            "<svg><script>".repeat(100_000),
            "<table><tr><td>".repeat(100_000),
            format!("{formatting}{}", "<p>x</p>".repeat(20_000)),
            "<!--".repeat(500_000),
            "<a href=\"".repeat(500_000),
            "</".repeat(1_000_000),
        ];
        for page in hostile {
            let _ = readable_text(MediaType::Html, &format!("<html><body>some text {page}"));
        }
    }

    /// Goal: texts are cut between characters.
    #[test]
    fn shortens_between_characters() {
        assert_eq!(shorten("äöü", 2), "äö…");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}
