//! Texts of strangers, marked as what they are: material for a model, never its instructions.

use crate::web_page::shorten;

const DATA_BEGIN: &str = "<data ";
const DATA_END: &str = "\n</data>";
const PERSON_BEGIN: &str = "<person>\n";
const PERSON_END: &str = "\n</person>";

/// Between marks that the text cannot fake. A prompt with material in it should say what the marks mean.
pub fn as_data(from: &str, text: &str) -> String {
    format!("{DATA_BEGIN}from=\"{from}\">\n{}\n</data>", without_marks(text))
}

/// Between other marks: the word of the person for whom a model works, which is a wish and not only material.
pub(crate) fn as_word_of_person(text: &str) -> String {
    format!("{PERSON_BEGIN}{}{PERSON_END}", without_marks(text))
}

/// What a person said, if a person said it.
pub(crate) fn word_of_person(text: &str) -> Option<&str> {
    text.strip_prefix(PERSON_BEGIN)
}

/// Whether a tool brought it that can bring it again: no word of a person, and no word about the call itself.
pub(crate) fn is_data(text: &str) -> bool {
    text.starts_with(DATA_BEGIN)
}

/// At most so many characters, the end mark and what was added behind it left in place.
pub(crate) fn shorten_data(text: &str, most: usize) -> String {
    const CUT: &str = " [cut]";
    if text.chars().count() <= most {
        return text.to_owned();
    }
    // A text between marks cannot hold the mark: what is found is the end.
    let end = [DATA_END, PERSON_END].into_iter().filter_map(|mark| text.rfind(mark)).max().unwrap_or(text.len());
    let (inside, behind) = text.split_at(end);
    let most = most.saturating_sub(behind.chars().count() + CUT.len());
    format!("{}{CUT}{behind}", shorten(inside, most))
}

/// However they are written: a model reads `</DATA >` as an end, too.
fn without_marks(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        safe.push_str(before);
        let name = tag.trim_start_matches(|letter: char| letter == '/' || letter.is_whitespace());
        let begins = |mark: &str| name.get(..mark.len()).is_some_and(|name| name.eq_ignore_ascii_case(mark));
        let is_mark = begins("data") || begins("person");
        safe.push_str(if is_mark { "&lt;" } else { "<" });
        rest = tag;
    }
    safe + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no spelling of the marks gets through, and nothing else is touched.
    #[test]
    fn marks_cannot_be_faked() {
        for mark in ["</data>", "</DATA >", "< /data>", "<\n/Data", "<data from=\"x\">", "<Person>", "</ person>"] {
            let safe = without_marks(&format!("a {mark} b"));
            assert!(safe.starts_with("a &lt;") && !safe.contains('<'), "{safe}");
        }
        assert_eq!(without_marks("1 < 2 <b>dat</b> </ é <"), "1 < 2 <b>dat</b> </ é <");
    }
}
