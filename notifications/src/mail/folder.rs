//! Without a mail server each mail becomes a file that mail programs open: `<notification>.eml`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use caudal_engine::notification::NotificationId;

use super::Delivery;
use crate::templates::Letter;

#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    pub(super) async fn deliver(&self, id: NotificationId, letter: &Letter) -> Delivery {
        match self.write(id, &letter.raw).await {
            Ok(()) => Delivery::Accepted,
            Err(error) => Delivery::Unreachable(format!("{}: {error}", self.0.display())),
        }
    }

    /// Whole or not at all.
    async fn write(&self, id: NotificationId, raw: &[u8]) -> std::io::Result<()> {
        let (partial, whole) = (self.0.join(format!(".{id}.partial")), self.0.join(format!("{id}.eml")));
        tokio::fs::write(&partial, raw).await?;
        tokio::fs::rename(&partial, &whole).await
    }

    pub(super) async fn clean(&self, keep: Duration) {
        let folder = self.0.clone();
        let cleaning = tokio::task::spawn_blocking(move || remove_older(&folder, keep)).await;
        if let Ok(Err(error)) = cleaning {
            tracing::warn!(%error, "old mails in the folder cannot be removed");
        }
    }
}

fn remove_older(folder: &Path, keep: Duration) -> std::io::Result<()> {
    let Some(oldest) = SystemTime::now().checked_sub(keep) else { return Ok(()) };
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_ours = entry.path().extension().is_some_and(|ending| ending == "eml" || ending == "partial");
        if is_ours && entry.metadata()?.modified()? < oldest {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: old mails go, young ones and what is not ours stay.
    #[test]
    fn old_mails_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.eml", "b.txt"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_older(folder.path(), Duration::from_secs(3_600)).unwrap();
        assert!(folder.path().join("a.eml").exists());
        let long_ago = SystemTime::now() - Duration::from_secs(7_200);
        for name in ["a.eml", "b.txt"] {
            std::fs::File::options()
                .write(true)
                .open(folder.path().join(name))
                .and_then(|file| file.set_modified(long_ago))
                .unwrap();
        }
        remove_older(folder.path(), Duration::from_secs(3_600)).unwrap();
        assert!(!folder.path().join("a.eml").exists() && folder.path().join("b.txt").exists());
    }
}
