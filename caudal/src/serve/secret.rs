//! The key that signs sessions, CSRF tokens and watch links: made of the setting `secret`, else kept where all processes
//! find it, or in the data folder, so that open pages survive a restart.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use caudal_engine::ports::IdSource;

use super::opened_store::OpenedStore;
use super::private_file;
use crate::settings::Settings;

const FILE: &str = "secret";
const BYTES: usize = 32;

pub(super) async fn of(settings: &Settings, store: &OpenedStore, ids: &dyn IdSource) -> Result<[u8; BYTES]> {
    match (&settings.access.secret, store.shared()) {
        (Some(secret), _) => Ok(caudal_web::secret_of(&secret.0)),
        (None, Some(shared)) => {
            let new: String = random(ids).iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(caudal_web::secret_of(&shared.share(FILE, &new).await.context("the secret cannot be kept")?))
        }
        (None, None) => read_or_make(&settings.data_folder, ids),
    }
}

/// What signed before: the secret that the settings name as that, and the one that was kept until one was set.
pub(super) async fn earlier(settings: &Settings, store: &OpenedStore) -> Result<Vec<[u8; BYTES]>> {
    let set = settings.access.secret_before.as_ref().map(|before| caudal_web::secret_of(&before.0));
    let kept = match (&settings.access.secret, store.shared()) {
        (None, _) => None,
        (Some(_), Some(shared)) => {
            let kept = shared.shared(FILE).await.context("the secret of before cannot be read")?;
            kept.map(|text| caudal_web::secret_of(&text))
        }
        (Some(_), None) => fs::read(settings.data_folder.join(FILE)).ok().and_then(|kept| kept.try_into().ok()),
    };
    Ok(set.into_iter().chain(kept).collect())
}

/// Reads the key, or makes one. The folder belongs to this process already.
fn read_or_make(folder: &Path, ids: &dyn IdSource) -> Result<[u8; BYTES]> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| anyhow!("{} is no key of {BYTES} bytes; remove it, and a new one is made", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = random(ids);
            private_file::write(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
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
