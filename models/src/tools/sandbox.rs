//! The sandbox: one folder that file tools can reach, and nothing outside it.
//!
//! A capability, not a check of names: the folder is opened once, and every path is walked from there by the system's
//! own `openat`, one part at a time. `..` above the folder, absolute paths and links that lead out are refused by that
//! walk, also when a link is swapped in between.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use caudal_engine::prelude::*;

const MOST_BYTES: u64 = 1024 * 1024;
const MOST_ENTRIES: usize = 1_000;
const LONGEST_PATH: usize = 1_000;
/// How the name of a file ends that is being written.
const PARTIAL: &str = ".partial";

/// Wired in by the binary (`CAUDAL_SANDBOX_FOLDER`); made when it is first used.
#[derive(Debug)]
pub struct Sandbox {
    folder: PathBuf,
    opened: OnceLock<Dir>,
}

/// What is in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub bytes: u64,
}

impl Sandbox {
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), opened: OnceLock::new() }
    }

    pub(super) fn list(&self, path: &str) -> FlowResult<Vec<Entry>> {
        let folder = match clean(path)? {
            "" | "." => ".",
            path => path,
        };
        let mut entries = Vec::new();
        for entry in self.dir()?.read_dir(folder).map_err(|error| refused(path, &error))?.take(MOST_ENTRIES) {
            let entry = entry.map_err(|error| refused(path, &error))?;
            // Not followed: where a link leads is said by reading it, or refused.
            let metadata = entry.metadata().map_err(|error| refused(path, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') && name.ends_with(PARTIAL) {
                continue;
            }
            entries.push(Entry { name, is_folder: metadata.is_dir(), bytes: metadata.len() });
        }
        entries.sort();
        Ok(entries)
    }

    pub(super) fn read(&self, path: &str) -> FlowResult<String> {
        let dir = self.dir()?;
        let name = clean(path)?;
        let problem = |error: io::Error| refused(path, &error);
        // Opening a pipe or a device would wait, or worse.
        if !dir.metadata(name).map_err(problem)?.is_file() {
            return Err(FlowError::invalid_input(format!("'{path}' is no file")));
        }
        let file = dir.open(name).map_err(problem)?;
        if !file.metadata().map_err(problem)?.is_file() {
            return Err(FlowError::invalid_input(format!("'{path}' is no file")));
        }
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(problem)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(FlowError::invalid_input(format!("'{path}' is larger than {MOST_BYTES} bytes")));
        }
        String::from_utf8(bytes).map_err(|_| FlowError::invalid_input(format!("'{path}' is no text")))
    }

    /// How large the file is that a write would replace; none when there is none yet.
    pub(super) fn would_replace(&self, path: &str) -> FlowResult<Option<u64>> {
        let name = Path::new(clean(path)?);
        if name.file_name().is_none() {
            return Err(FlowError::invalid_input(format!("'{path}' names no file")));
        }
        match self.dir()?.symlink_metadata(name) {
            Ok(known) if known.is_file() => Ok(Some(known.len())),
            Ok(_) => Err(FlowError::invalid_input(format!("'{path}' is there and is no file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(path, &error)),
        }
    }

    /// Whole or not at all.
    pub(super) fn write(&self, path: &str, text: &str) -> FlowResult<()> {
        if text.len() as u64 > MOST_BYTES {
            return Err(FlowError::invalid_input(format!("{} bytes; at most {MOST_BYTES} are written", text.len())));
        }
        let dir = self.dir()?;
        let name = Path::new(clean(path)?);
        let problem = |error: io::Error| refused(path, &error);
        let file_name = name.file_name().ok_or_else(|| FlowError::invalid_input(format!("'{path}' names no file")))?;
        let folder = match name.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                dir.create_dir_all(parent).map_err(problem)?;
                dir.open_dir(parent).map_err(problem)?
            }
            _ => dir.try_clone().map_err(problem)?,
        };
        if folder.symlink_metadata(file_name).is_ok_and(|known| !known.is_file()) {
            return Err(FlowError::invalid_input(format!("'{path}' is there and is no file")));
        }
        // In the folder itself, so that the last move is one step; of this write alone, since others may write the same.
        let partial = format!(".{}.{:016x}{PARTIAL}", file_name.to_string_lossy(), random());
        let written = write_whole(&folder, &partial, text).and_then(|()| folder.rename(&partial, &folder, file_name));
        written.map_err(|error| {
            // It may not be there at all.
            let _gone = folder.remove_file(&partial);
            problem(error)
        })
    }

    fn dir(&self) -> FlowResult<&Dir> {
        if let Some(dir) = self.opened.get() {
            return Ok(dir);
        }
        let opened = std::fs::create_dir_all(&self.folder)
            .and_then(|()| Dir::open_ambient_dir(&self.folder, ambient_authority()))
            .map_err(|error| FlowError::give_up(format!("the sandbox folder cannot be used: {error}")))?;
        Ok(self.opened.get_or_init(|| opened))
    }
}

/// Not for secrets: tells the unfinished files of several processes apart.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn write_whole(folder: &Dir, name: &str, text: &str) -> io::Result<()> {
    let mut file = folder.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn clean(path: &str) -> FlowResult<&str> {
    let path = path.trim();
    if path.len() > LONGEST_PATH || path.contains('\0') {
        return Err(FlowError::invalid_input("this cannot be a path"));
    }
    Ok(path)
}

/// In words for a model: it can choose another path, not another folder.
fn refused(path: &str, error: &io::Error) -> FlowError {
    match error.kind() {
        io::ErrorKind::NotFound => FlowError::invalid_input(format!("there is no '{path}'")),
        io::ErrorKind::StorageFull | io::ErrorKind::Interrupted => FlowError::failed(format!("'{path}': {error}")),
        _ => FlowError::invalid_input(format!("'{path}' cannot be used: {error}")),
    }
}
