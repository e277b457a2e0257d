//! Texts of strangers, marked as what they are: material for a model, never its instructions.

/// Between marks that the text cannot fake. A prompt with material in it should say what the marks mean.
pub fn as_data(from: &str, text: &str) -> String {
    format!("<data from=\"{from}\">\n{}\n</data>", without_marks(text))
}

/// However they are written: a model reads `</DATA >` as an end, too.
fn without_marks(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        safe.push_str(before);
        let name = tag.trim_start_matches(|letter: char| letter == '/' || letter.is_whitespace());
        let is_mark = name.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("data"));
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
        for mark in ["</data>", "</DATA >", "< /data>", "<\n/Data", "<data from=\"x\">"] {
            let safe = without_marks(&format!("a {mark} b"));
            assert!(safe.starts_with("a &lt;") && !safe.contains('<'), "{safe}");
        }
        assert_eq!(without_marks("1 < 2 <b>dat</b> </ é <"), "1 < 2 <b>dat</b> </ é <");
    }
}
