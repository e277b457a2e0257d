//! The words of a flow: its doc comment as summary and description, and a title from its name.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

pub(crate) struct Docs {
    /// The first line.
    pub(crate) summary: String,
    /// All of it.
    pub(crate) description: String,
}

impl Docs {
    pub(crate) fn of(attributes: &[&Attribute]) -> Self {
        let lines: Vec<String> = attributes.iter().filter_map(|attribute| text(attribute)).collect();
        let lines: Vec<&str> = lines.iter().flat_map(|text| text.split('\n')).collect();
        let lines: Vec<&str> =
            lines.into_iter().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        let description = lines.join("\n").trim().to_owned();
        let summary = description.lines().next().unwrap_or_default().to_owned();
        Self { summary, description }
    }
}

fn text(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// `count_words_flow` → "Count words".
pub(crate) fn human_title(name: &str) -> String {
    let name = name.strip_suffix("_flow").filter(|rest| !rest.is_empty()).unwrap_or(name);
    let words = name.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    /// Goal: the first line is the summary, and indentation inside the text stays.
    #[test]
    fn doc_comment_is_read() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Writes a poem."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   indented"]),
        ];
        let docs = Docs::of(&attributes.iter().collect::<Vec<_>>());
        assert_eq!(docs.summary, "Writes a poem.");
        assert_eq!(docs.description, "Writes a poem.\n\n  indented");
    }

    /// Goal: a flow without a title gets one that reads well.
    #[test]
    fn names_become_titles() {
        for (name, title) in [("poem_flow", "Poem"), ("count_words_flow", "Count words"), ("_flow", "Flow"), ("x", "X")]
        {
            assert_eq!(human_title(name), title);
        }
    }
}
