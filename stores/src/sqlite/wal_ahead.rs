//! Room in the write-ahead log, made while nobody waits.
//!
//! A flush of a file that has grown must also flush where the file system has put the new part; a flush of bytes that
//! were there before need not, and takes about half as long. So the writer fills the file with zeros ahead of itself
//! before it goes to sleep. SQLite ends its log at the first frame that is not of this log, so zeros mean nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tracing::debug;

/// What stays ahead of the last frame: some dozens of small tasks.
const AHEAD_BYTES: u64 = 4 * 1024 * 1024;
const BITE_BYTES: usize = 256 * 1024;
/// A frame is a page and its header.
const FRAME_BYTES: u64 = 4_096 + 24;

/// The log's file, as long as there is space for making room in it.
pub(super) struct WalAhead(Option<File>);

impl WalAhead {
    /// Of a database that is open: SQLite has made the file.
    pub(super) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self(OpenOptions::new().write(true).open(path).ok())
    }

    /// Makes room behind this many frames, up to `most` of them. Only between two transactions.
    pub(super) fn make_room(&mut self, frames: usize, most: usize) {
        let Some(file) = &self.0 else { return };
        let bytes_of = |frames: usize| frames as u64 * FRAME_BYTES;
        let wanted = (bytes_of(frames) + AHEAD_BYTES).min(bytes_of(most));
        if let Err(error) = fill(file, wanted) {
            debug!(%error, "The write-ahead log gets no room ahead; it grows as it is written");
            self.0 = None;
        }
    }
}

/// Fills the file with zeros up to `wanted` bytes, or leaves it as long as it was.
fn fill(file: &File, wanted: u64) -> io::Result<()> {
    let length = file.metadata()?.len();
    // A little missing is not worth a flush of its own.
    if length + AHEAD_BYTES / 2 >= wanted {
        return Ok(());
    }
    let filled = write_zeros(file, length, wanted).and_then(|()| file.sync_data());
    if filled.is_err() {
        file.set_len(length)?;
    }
    filled
}

fn write_zeros(file: &File, mut from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; BITE_BYTES];
    while from < to {
        let bite = usize::try_from(to - from).map_or(BITE_BYTES, |left| left.min(BITE_BYTES));
        file.write_all_at(&zeros[..bite], from)?;
        from += bite as u64;
    }
    Ok(())
}
