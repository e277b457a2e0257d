//! `caudal new-flow`: one file more, and with it one flow more.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::new::write;
use super::template::flow;
use super::{SUCCESS, Usage};
use crate::cli::NewFlowArgs;
use crate::output::Output;

/// Where flows live, with the file that finds them: in a project, and in the platform's own checkout.
const PLACES: [(&str, &str); 2] = [("src/flows", "mod.rs"), ("flows/src", "lib.rs")];

pub(super) fn run(args: &NewFlowArgs, output: Output) -> Result<u8> {
    let here = std::env::current_dir().context("the folder one stands in cannot be told")?;
    let (place, path) = make(&here, &args.name)?;
    output.either(&json!({"flow": place.file_stem().and_then(|name| name.to_str()), "file": place}), |_| {
        format!("{} is written. Change it, then: cargo test", path.display())
    });
    Ok(SUCCESS)
}

/// Returns the file's place in the project, and from the folder one stands in.
fn make(here: &Path, name: &str) -> Result<(PathBuf, PathBuf)> {
    let name = flow_name(name)?;
    let (root, folder) = here
        .ancestors()
        .flat_map(|root| PLACES.map(|(folder, finder)| (root, folder, finder)))
        .find(|(root, folder, finder)| root.join("Cargo.toml").is_file() && root.join(folder).join(finder).is_file())
        .map(|(root, folder, _)| (root, folder))
        .ok_or_else(|| Usage("this is no project with a folder src/flows; make one with `caudal new`".to_owned()))?;
    let place = Path::new(folder).join(format!("{name}_flow.rs"));
    let path = root.join(&place);
    if path.exists() {
        return Err(Usage(format!("{} is there already", place.display())).into());
    }
    write(&path, &flow(&name))?;
    let shown = path.strip_prefix(here).unwrap_or(&path).to_owned();
    Ok((place, shown))
}

/// `Short poem`, `short-poem` and `short_poem_flow` all mean `short_poem`.
fn flow_name(written: &str) -> Result<String, Usage> {
    let name = written.trim().to_lowercase().replace([' ', '-'], "_");
    let name = name.strip_suffix("_flow").unwrap_or(&name);
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if fits && name != "flow" {
        return Ok(name.to_owned());
    }
    Err(Usage(format!("'{written}' cannot be a flow's name; use letters, digits and _, for instance poem_flow")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the file stands where the project finds it, from any folder of the project, and is never overwritten.
    #[test]
    fn file_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("Cargo.toml"), "").unwrap();
        write(&root.path().join("src/flows/mod.rs"), "").unwrap();
        let (place, _) = make(&root.path().join("src"), "Short Poem").unwrap();
        assert_eq!(place, Path::new("src/flows/short_poem_flow.rs"));
        assert!(root.path().join(place).is_file());
        assert!(make(root.path(), "short_poem_flow").unwrap_err().to_string().contains("is there already"));
        assert!(make(root.path(), "2late").unwrap_err().to_string().contains("cannot be a flow's name"));
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(make(elsewhere.path(), "poem").unwrap_err().to_string().contains("caudal new"));
    }
}
