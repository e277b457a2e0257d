//! What an embedded store is opened with.

use std::path::PathBuf;

use caudal_engine::task::Limits;

#[derive(Debug, Clone)]
pub struct SqliteSettings {
    /// Where the database lives; made if it is not there. One process owns it.
    pub folder: PathBuf,
    pub durability: Durability,
    pub limits: Limits,
    /// The database file never grows beyond this; writes are then refused as on a full disk.
    pub most_bytes: Option<u64>,
}

impl SqliteSettings {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), durability: Durability::Full, limits: Limits::default(), most_bytes: None }
    }
}

/// What an accepted write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A crash of the process and loss of power.
    #[default]
    Full,
    /// A crash of the process; the last moments before a loss of power may be missing.
    Normal,
}
