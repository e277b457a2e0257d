//! The key that signs CSRF tokens and watch links. Kept in the data folder, so that open pages survive a restart.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use caudal_engine::ports::IdSource;

const FILE: &str = "secret";
const BYTES: usize = 32;

/// Reads the key, or makes one. The folder belongs to this process already.
pub(super) fn read_or_make(folder: &Path, ids: &dyn IdSource) -> Result<[u8; BYTES]> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| anyhow!("{} is no key of {BYTES} bytes; remove it, and a new one is made", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = random(ids);
            write(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn random(ids: &dyn IdSource) -> [u8; BYTES] {
    let mut key = [0; BYTES];
    for piece in key.chunks_mut(8) {
        piece.copy_from_slice(&ids.random().to_le_bytes()[..piece.len()]);
    }
    key
}

/// Whole or not at all, and for this user alone.
fn write(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use caudal_engine::ports::RandomIds;

    use super::*;

    /// Goal: a restart finds the same key, and a broken one is refused with what to do.
    #[test]
    fn key_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let key = read_or_make(folder.path(), &RandomIds).unwrap();
        assert_eq!(read_or_make(folder.path(), &RandomIds).unwrap(), key);
        fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(read_or_make(folder.path(), &RandomIds).unwrap_err().to_string().contains("remove it"));
    }
}
