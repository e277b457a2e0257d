//! What a process does: everything, or one part of it beside others.

/// Everything in one process, or one role of several that meet in the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    All,
    Web,
    Worker,
    Notifications,
}

impl Role {
    /// The page and the API.
    pub(super) fn serves_pages(self) -> bool {
        matches!(self, Self::All | Self::Web)
    }

    pub(super) fn runs_tasks(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    pub(super) fn sends_notifications(self) -> bool {
        matches!(self, Self::All | Self::Notifications)
    }

    /// The word on the command line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::All => "serve",
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Notifications => "notifications",
        }
    }
}
