//! One process owns a data folder: the lock says which.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::open::OpenError;

/// Held as long as the writer lives; the system lets go of it when the process dies, however that happens.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(super) fn take(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("caudal.lock");
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |source| OpenError::Folder { path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner);
                let owner = owner.trim();
                let process = if owner.is_empty() { "unknown" } else { owner }.to_owned();
                return Err(OpenError::InUse { folder: folder.to_owned(), process });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::Folder { path, source }),
        }
        file.set_len(0).map_err(failed(&path))?;
        file.rewind().map_err(failed(&path))?;
        writeln!(file, "{}", std::process::id()).map_err(failed(&path))?;
        Ok(Self { _file: file })
    }
}
