//! What a Redis store is opened with.

use std::time::Duration;

use caudal_engine::ports::Clock;
use caudal_engine::task::Limits;

/// Whose clock decides what is due and whose lease ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreTime {
    /// The server's, asked inside the script that decides.
    #[default]
    Server,
    /// The process's own. For tests that turn it: several processes would disagree.
    Process,
}

impl StoreTime {
    /// The time that decides what is due, as scripts are told it: nothing when they ask the server.
    pub(super) fn turned(self, clock: &dyn Clock) -> String {
        match self {
            Self::Server => String::new(),
            Self::Process => clock.now().as_millis().to_string(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://user:password@host:6379/0`, or `rediss://` for TLS. Any one node of a cluster will do.
    pub url: String,
    /// All keys begin with it, so that several Caudals can share a server.
    pub prefix: String,
    /// How many partitions new tasks are spread over. None leaves it as it is; for a new store that is 1 on a single
    /// server, 16 on a cluster. It can grow, but not shrink.
    pub partitions: Option<u16>,
    /// With `appendfsync everysec`: how much of the newest may be lost when the server dies. None asks for `always`.
    pub may_lose_seconds: Option<u32>,
    /// How long a claim lives without renewal.
    pub lease: Duration,
    pub limits: Limits,
    /// What has ended is kept until somebody confirms that it is archived, and no more than this may wait for that.
    /// None means that there is no archive: what has ended is kept here, as long as the limits say.
    pub most_unarchived_bytes: Option<u64>,
    /// How long what is archived can still be had from here: lists and streams of what just ended need no archive …
    pub archived_grace: Duration,
    /// … and about how many bytes of it: what ended first goes first.
    pub most_archived_bytes: u64,
    pub time: StoreTime,
}

impl RedisSettings {
    pub const DEFAULT_PREFIX: &str = "caudal:";
    pub const LEASE: Duration = Duration::from_millis(2_500);
    pub const ARCHIVED_GRACE: Duration = Duration::from_secs(60 * 60);
    pub const MOST_ARCHIVED_BYTES: u64 = 256 * 1024 * 1024;

    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: Self::DEFAULT_PREFIX.to_owned(),
            partitions: None,
            may_lose_seconds: None,
            lease: Self::LEASE,
            limits: Limits::default(),
            most_unarchived_bytes: None,
            archived_grace: Self::ARCHIVED_GRACE,
            most_archived_bytes: Self::MOST_ARCHIVED_BYTES,
            time: StoreTime::default(),
        }
    }
}
