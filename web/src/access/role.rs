//! Roles, from the weakest to the strongest: each may do what those before it may.

use std::fmt;

/// What a caller may do, and what a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Nothing that needs a right: the page's files, signs of life, the login.
    Anyone,
    /// See one task: a watch link for it is enough.
    Watch,
    /// See everything.
    Read,
    /// Start tasks and reach them.
    Start,
    /// Forget tasks.
    Admin,
}

impl Role {
    /// Those that a key can have.
    pub const OF_KEYS: [Self; 3] = [Self::Admin, Self::Start, Self::Read];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Watch => "watch",
            Self::Read => "read",
            Self::Start => "start",
            Self::Admin => "admin",
        }
    }

    /// The role of a key by its name.
    pub fn of_key(text: &str) -> Option<Self> {
        Self::OF_KEYS.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
