//! The files of the templates: the binary's own, and those of a folder that take their place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rust_embed::RustEmbed;

use super::BadTemplate;

#[derive(RustEmbed)]
#[folder = "templates"]
struct Embedded;

/// By `mail/locale/part` or `mail/sample.json`.
pub(super) type Files = BTreeMap<String, String>;

const PARTS: [&str; 3] = ["subject.txt", "body.txt", "body.html"];
const SAMPLE: &str = "sample.json";

pub(super) fn read(folder: Option<&Path>) -> Result<Files, BadTemplate> {
    let mut files = Files::new();
    for name in Embedded::iter() {
        let bytes = Embedded::get(&name).map(|file| file.data.into_owned()).unwrap_or_default();
        files.insert(name.to_string(), text_of(&name, bytes)?);
    }
    if let Some(folder) = folder {
        read_folder(folder, &mut files)?;
    }
    Ok(files)
}

/// Each mail has a folder, each of its languages another. What stands anywhere else would not be heard, so it is refused.
fn read_folder(folder: &Path, files: &mut Files) -> Result<(), BadTemplate> {
    for mail in entries(folder)? {
        for entry in entries(&folder.join(&mail))? {
            let path = folder.join(&mail).join(&entry);
            if path.is_dir() {
                for part in entries(&path)? {
                    let name = format!("{mail}/{entry}/{part}");
                    if !PARTS.contains(&part.as_str()) {
                        return Err(bad(&name, format!("no part is named so; parts: {}", PARTS.join(", "))));
                    }
                    files.insert(name.clone(), read_file(&path.join(&part), &name)?);
                }
            } else if entry == SAMPLE {
                files.insert(format!("{mail}/{SAMPLE}"), read_file(&path, &format!("{mail}/{SAMPLE}"))?);
            } else {
                let name = format!("{mail}/{entry}");
                return Err(bad(&name, format!("expected a language's folder (such as en) or {SAMPLE}")));
            }
        }
    }
    Ok(())
}

/// The names in a folder, without hidden ones.
fn entries(folder: &Path) -> Result<Vec<String>, BadTemplate> {
    let failed = |error: std::io::Error| bad(&folder.display().to_string(), error.to_string());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_file(path: &Path, name: &str) -> Result<String, BadTemplate> {
    let bytes = fs::read(path).map_err(|error| bad(name, error.to_string()))?;
    text_of(name, bytes)
}

fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, BadTemplate> {
    String::from_utf8(bytes).map_err(|error| bad(name, format!("it is no UTF-8: {error}")))
}

pub(super) fn bad(file: &str, why: impl Into<String>) -> BadTemplate {
    BadTemplate { file: file.to_owned(), why: why.into() }
}
