//! The files of a new project, from `templates/`.

/// What the marks in a template stand for.
pub(super) struct Names<'a> {
    pub(super) project: &'a str,
    /// From the project to the crate, with forward slashes.
    pub(super) caudal_path: &'a str,
}

/// Each file with its place in the project.
pub(super) fn project(names: &Names<'_>) -> Vec<(String, String)> {
    let fill = |text: &str| text.replace("{{project}}", names.project).replace("{{caudal_path}}", names.caudal_path);
    let files = [
        ("Cargo.toml", fill(include_str!("../../templates/Cargo.toml.txt"))),
        ("build.rs", fill(include_str!("../../templates/build.rs.txt"))),
        ("README.md", fill(include_str!("../../templates/README.md.txt"))),
        // What this workspace's own flows are held to.
        ("clippy.toml", include_str!("../../../flows/clippy.toml").to_owned()),
        (".gitignore", fill(include_str!("../../templates/gitignore.txt"))),
        ("src/main.rs", fill(include_str!("../../templates/main.rs.txt"))),
        ("src/flows/mod.rs", fill(include_str!("../../templates/mod.rs.txt"))),
        ("src/flows/hello_flow.rs", flow("hello")),
    ];
    files.into_iter().map(|(place, text)| (place.to_owned(), text)).collect()
}

/// A flow's file, for a name without `_flow`.
pub(super) fn flow(name: &str) -> String {
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let type_name: String = words.iter().map(|word| capital(word)).collect();
    include_str!("../../templates/flow.rs.txt")
        .replace("{{title}}", &capital(&words.join(" ")))
        .replace("{{Name}}", &type_name)
        .replace("{{name}}", name)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Goal: the example outside the workspace is what `caudal new` makes, and one flow more.
    #[test]
    fn example_is_the_template() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/own-project");
        for (place, text) in project(&Names { project: "own-project", caudal_path: "../../caudal" }) {
            let there = std::fs::read_to_string(example.join(&place)).unwrap_or_default();
            assert_eq!(there, text, "examples/own-project/{place} is not what the template makes");
        }
        let flows = std::fs::read_dir(example.join("src/flows")).unwrap().count();
        assert_eq!(flows, 3, "mod.rs, hello_flow.rs and one flow of its own");
    }

    /// Goal: no mark is left in any file, whatever the flow is called.
    #[test]
    fn marks_are_filled() {
        for (place, text) in project(&Names { project: "p", caudal_path: "../caudal" }) {
            assert!(!text.contains("{{"), "{place}");
        }
        let text = flow("short_poem");
        assert!(text.contains("\nasync fn short_poem_flow(") && text.contains("struct ShortPoemInput"), "{text}");
    }
}
