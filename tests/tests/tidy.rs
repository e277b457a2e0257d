//! What the house looks like, checked: the rules of style that a script can see.
//!
//! Each rule has a list of exceptions with a reason. A new exception is a decision; the list is where it is read.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that may be longer than [`MOST_LINES`], and why.
const LONG_FILES: &[(&str, &str)] = &[];
const MOST_LINES: usize = 400;

/// Where the environment may be read besides the settings, and why.
const ENVIRONMENT_READERS: &[(&str, &str)] = &[
    ("caudal/src/settings", "the one place"),
    ("macros/src/flows_in.rs", "cargo tells a macro in no other way where the crate is"),
    ("flows/src/slow_flow.rs", "a diagnostics flow that tests point to a file of their own"),
    ("tests/", "tests choose how long they run"),
    ("bench/", "a tool beside the product"),
];

/// Where `.unwrap()` and `.expect(` may stand outside of tests, and why.
const MAY_CRASH: &[(&str, &str)] = &[
    ("engine/src/testing/", "the test kit fails a flow author's test by crashing, as assert! does"),
    ("models/src/testing/", "a provider for tests; one that cannot be set up must fail"),
    ("tests/", "all of it is tests"),
];

/// Words that say nothing, or that we have another word for.
const FORBIDDEN_WORDS: &[(&str, &str)] = &[
    ("job", "it is a task"),
    ("jobs", "they are tasks"),
    ("manager", "name it by its role"),
    ("helper", "name it by its role"),
    ("helpers", "name them by their role"),
    ("util", "name it by its role"),
    ("utils", "name them by their role"),
];
/// Names that others gave: they are taken out before the words are looked at.
const NAMES_OF_OTHERS: &[&str] = &["futures_util", "futures-util", "tokio_util", "tokio-util"];
/// Files that may use them, and why.
const MAY_SAY: &[(&str, &str)] =
    &[("tests/tests/tidy.rs", "it must name what it forbids"), ("bench/peers/", "the peers have words of their own")];

struct Source {
    /// From the root, with forward slashes.
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files with this ending, without what is built or not ours.
fn sources(ending: &str) -> Vec<Source> {
    fn walk(folder: &Path, root: &Path, ending: &str, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !matches!(&*name, "target" | "node_modules" | "caudal-data") {
                    walk(&path, root, ending, found);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root(), ending, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn is_excepted(path: &str, exceptions: &[(&str, &str)]) -> bool {
    exceptions.iter().any(|(prefix, _)| path.starts_with(prefix))
}

/// The sources that are shipped: none under `tests/` or `benches/`, and none that only `#[cfg(test)]` names.
fn shipped_sources() -> Vec<Source> {
    let all = sources(".rs");
    let for_tests: Vec<String> = all.iter().flat_map(modules_for_tests).collect();
    let is_test = |path: &str| {
        path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
            || for_tests.iter().any(|module| path == format!("{module}.rs") || path.starts_with(&format!("{module}/")))
    };
    all.into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// The modules that a file declares for tests only, as paths without their ending.
fn modules_for_tests(source: &Source) -> Vec<String> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let folder = match file {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
    };
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';'))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

/// The lines of a file that are shipped: up to its test module, which is always the last thing in it.
fn shipped_lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = source.text.lines().collect();
    let end = lines
        .windows(2)
        .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'))
        .unwrap_or(lines.len());
    lines.into_iter().take(end).enumerate().map(|(at, line)| (at + 1, line))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// `TaskRescuer::save_all` → `task`, `rescuer`, `save`, `all`.
fn words(line: &str) -> Vec<String> {
    let line = NAMES_OF_OTHERS.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in line.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Goal: a stranger who opens a file reads first what lives in it.
#[test]
fn each_file_opens_with_what_it_is() {
    let sources = sources(".rs");
    assert!(sources.len() > 30, "the walk finds our sources");
    assert_none(
        sources
            .iter()
            .filter(|source| !source.text.starts_with("//!"))
            .map(|source| format!("{}: its first line does not start with //!", source.path))
            .collect(),
    );
}

/// Goal: no file holds more than one thing.
#[test]
fn files_are_short() {
    assert_none(
        sources(".rs")
            .iter()
            .map(|source| (source, source.text.lines().count()))
            .filter(|(source, lines)| *lines > MOST_LINES && !is_excepted(&source.path, LONG_FILES))
            .map(|(source, lines)| format!("{}: {lines} lines, {MOST_LINES} at most", source.path))
            .collect(),
    );
}

/// Goal: what is shipped does not crash on purpose. (Clippy says the same; this holds where a lint was switched off.)
#[test]
fn nothing_crashes_on_purpose() {
    let mut wrong = Vec::new();
    for source in &shipped_sources() {
        if is_excepted(&source.path, MAY_CRASH) {
            continue;
        }
        for (number, line) in shipped_lines(source) {
            if !is_comment(line) && (line.contains(".unwrap()") || line.contains(".expect(")) {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(wrong);
}

/// Goal: who wants to know what can be set looks in one place.
#[test]
fn the_environment_is_read_in_one_place() {
    let readers = ["env::var(", "env::var_os(", "env::vars(", "env::vars_os(", "dotenv"];
    let mut wrong = Vec::new();
    for source in &shipped_sources() {
        if is_excepted(&source.path, ENVIRONMENT_READERS) {
            continue;
        }
        for (number, line) in shipped_lines(source) {
            if !is_comment(line) && readers.iter().any(|reader| line.contains(reader)) {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(wrong);
}

/// Goal: one word for one thing, in names and in comments.
#[test]
fn words_are_ours() {
    let mut wrong = Vec::new();
    let files = [sources(".rs"), sources(".js"), sources(".sql")];
    for source in files.iter().flatten().filter(|source| !is_excepted(&source.path, MAY_SAY)) {
        for (number, line) in source.text.lines().enumerate() {
            for word in words(line) {
                if let Some((_, why)) = FORBIDDEN_WORDS.iter().find(|(forbidden, _)| *forbidden == word) {
                    wrong.push(format!("{}:{}: '{word}': {why}", source.path, number + 1));
                }
            }
        }
    }
    assert_none(wrong);
}

/// Goal: a migration says why before it says what.
#[test]
fn migrations_speak() {
    assert_none(
        sources(".sql")
            .iter()
            .filter(|source| source.path.contains("migrations/"))
            .filter(|source| !source.text.starts_with("-- Why: "))
            .map(|source| format!("{}: its first line must be '-- Why: …'", source.path))
            .collect(),
    );
}

/// Goal: decisions can be cited by number: 0001, 0002, … with no gap and no number twice.
#[test]
fn decisions_are_numbered() {
    let mut numbers = Vec::new();
    for source in sources(".md").iter().filter(|source| source.path.starts_with("docs/decisions/")) {
        let name = source.path.trim_start_matches("docs/decisions/");
        let (number, title) = name.split_once('-').unwrap_or_else(|| panic!("{name}: must be NNNN-title.md"));
        assert!(number.len() == 4 && !title.is_empty(), "{name}: must be NNNN-title.md");
        assert!(source.text.starts_with("# "), "{name}: must begin with its title");
        numbers.push(number.parse::<usize>().unwrap());
    }
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
}

/// Goal: the checks above see what they look for.
#[test]
fn the_checks_can_fail() {
    assert!(words("let x: TaskManager;").contains(&"manager".to_owned()));
    assert!(words("fn next_job() {}").contains(&"job".to_owned()));
    assert!(!words("use futures_util::Stream;").contains(&"util".to_owned()));
    assert!(!words("a jobless word").contains(&"job".to_owned()));
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    b.unwrap();\n}\n".to_owned();
    let shipped: Vec<_> =
        shipped_lines(&Source { path: String::new(), text }).map(|(_, line)| line.to_owned()).collect();
    assert_eq!(shipped, ["fn a() {}"]);
    let text = "mod a;\n#[cfg(test)]\nmod b;\n".to_owned();
    let path = |path: &str| Source { path: path.to_owned(), text: text.clone() };
    assert_eq!(modules_for_tests(&path("x/src/mod.rs")), ["x/src/b"]);
    assert_eq!(modules_for_tests(&path("x/src/y.rs")), ["x/src/y/b"]);
}
