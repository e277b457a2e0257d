//! `caudal new`: a project outside the workspace, ready to run.
//!
//! It depends on the checkout by a relative path, so that nothing of this machine stands in it: the checkout is found
//! above the new folder, beside it or above it, or is named.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::template::{Names, project};
use super::{SUCCESS, Usage};
use crate::cli::NewArgs;
use crate::output::Output;

pub(super) fn run(args: &NewArgs, output: Output) -> Result<u8> {
    let folder = std::path::absolute(&args.project).context("the folder's place cannot be told")?;
    let name = project_name(&folder)?;
    refuse_used(&folder, &args.project)?;
    let caudal = match &args.caudal_path {
        Some(path) => named_crate(path)?,
        None => find_crate(&folder).ok_or_else(|| {
            Usage(format!(
                "no checkout of Caudal is above or beside {}; name one with --caudal-path",
                args.project.display()
            ))
        })?,
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", args.project.display()))?;
    let from = fs::canonicalize(&folder)?;
    let caudal_path = relative(&from, &fs::canonicalize(&caudal)?);
    let files = project(&Names { project: &name, caudal_path: &caudal_path });
    for (place, text) in &files {
        write(&folder.join(place), text)?;
    }
    copy_lockfile(&caudal, &folder)?;
    let made: Vec<&str> = files.iter().map(|(place, _)| place.as_str()).collect();
    output.either(&json!({"project": name, "files": made}), |_| {
        format!("{name} is made. Next:\n  cd {}\n  cargo run", args.project.display())
    });
    Ok(SUCCESS)
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The last part of the path, if cargo takes it as a package's name.
fn project_name(folder: &Path) -> Result<String, Usage> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !matches!(name, "caudal" | "serde" | "schemars" | "tokio" | "test");
    if fits {
        return Ok(name.to_owned());
    }
    Err(Usage(format!("'{name}' cannot be a project's name; use letters, digits, - and _, for instance my-flows")))
}

fn refuse_used(folder: &Path, written: &Path) -> Result<(), Usage> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !folder.exists(),
    };
    if is_empty { Ok(()) } else { Err(Usage(format!("{} is there already and not empty", written.display()))) }
}

/// `--caudal-path` names the checkout or the crate in it.
fn named_crate(path: &Path) -> Result<PathBuf, Usage> {
    [path.join("caudal"), path.to_owned()]
        .into_iter()
        .find(|path| is_crate(path))
        .ok_or_else(|| Usage(format!("there is no checkout of Caudal in {}", path.display())))
}

fn find_crate(folder: &Path) -> Option<PathBuf> {
    let above = folder.ancestors().skip(1).map(|above| above.join("caudal")).find(|path| is_crate(path));
    above.or_else(|| {
        let beside = fs::read_dir(folder.parent()?).ok()?;
        let mut found: Vec<PathBuf> =
            beside.filter_map(|entry| Some(entry.ok()?.path().join("caudal"))).filter(|path| is_crate(path)).collect();
        found.sort();
        found.into_iter().next()
    })
}

/// Whether this is the `caudal` crate of a checkout.
fn is_crate(path: &Path) -> bool {
    let parsed = |path: PathBuf| fs::read_to_string(path).ok()?.parse::<toml::Table>().ok();
    let name_is_right = parsed(path.join("Cargo.toml"))
        .and_then(|manifest| Some(manifest.get("package")?.get("name")?.as_str()? == "caudal"))
        .unwrap_or(false);
    let is_member = path
        .parent()
        .and_then(|root| parsed(root.join("Cargo.toml")))
        .is_some_and(|manifest| manifest.contains_key("workspace"));
    name_is_right && is_member
}

/// The versions that were tried together. Cargo takes out what the project does not need.
fn copy_lockfile(caudal: &Path, folder: &Path) -> Result<()> {
    let Some(lockfile) = caudal.parent().map(|root| root.join("Cargo.lock")).filter(|path| path.is_file()) else {
        return Ok(());
    };
    fs::copy(&lockfile, folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    Ok(())
}

/// The way from one folder to another, with forward slashes. Both are absolute.
fn relative(from: &Path, to: &Path) -> String {
    let from: Vec<Component<'_>> = from.components().collect();
    let to: Vec<Component<'_>> = to.components().collect();
    let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - shared);
    let down = to.iter().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(root: &Path) {
        write(&root.join("Cargo.toml"), "[workspace]\nmembers = [\"caudal\"]\n").unwrap();
        write(&root.join("caudal/Cargo.toml"), "[package]\nname = \"caudal\"\n").unwrap();
        write(&root.join("Cargo.lock"), "version = 4\n").unwrap();
    }

    fn make(project: PathBuf, caudal_path: Option<PathBuf>) -> Result<u8> {
        run(&NewArgs { project, caudal_path }, Output { json: true })
    }

    fn dependency(project: &Path) -> String {
        let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
        manifest.lines().find(|line| line.starts_with("caudal =")).unwrap().to_owned()
    }

    /// Goal: inside, beside or far from a checkout, the project finds it by a path without this machine in it.
    #[test]
    fn checkout_is_found() {
        let root = tempfile::tempdir().unwrap();
        checkout(&root.path().join("code/platform"));
        for (project, named, path) in [
            ("code/platform/mine", None, "../caudal"),
            ("code/mine", None, "../platform/caudal"),
            ("far/away/mine", Some("code/platform"), "../../../code/platform/caudal"),
            ("far/away/other", Some("code/platform/caudal"), "../../../code/platform/caudal"),
        ] {
            let project = root.path().join(project);
            make(project.clone(), named.map(|path| root.path().join(path))).unwrap();
            assert_eq!(dependency(&project), format!("caudal = {{ path = \"{path}\" }}"));
            assert!(project.join("Cargo.lock").is_file() && project.join("src/flows/hello_flow.rs").is_file());
        }
    }

    /// Goal: nothing is overwritten or made in vain, and the message says what to do.
    #[test]
    fn refusals() {
        let root = tempfile::tempdir().unwrap();
        let told = |project: &str| make(root.path().join(project), None).unwrap_err().to_string();
        assert!(told("mine").contains("--caudal-path"));
        assert!(!root.path().join("mine").exists());
        assert!(told("9lives").contains("cannot be a project's name"));
        write(&root.path().join("used/file"), "").unwrap();
        assert!(told("used").contains("not empty"));
    }
}
