//! Where mails go: to a mail server, or into a folder where none is named.

mod conversation;
mod folder;
mod server;
mod smtp_url;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use caudal_engine::notification::NotificationId;
use tokio::sync::SemaphorePermit;

use crate::templates::Letter;
use folder::Folder;
use server::Server;
pub use smtp_url::{BadAuthority, BadSmtpUrl, SmtpSettings};

#[derive(Debug, Clone)]
pub enum MailRoute {
    Smtp(SmtpSettings),
    /// Each mail becomes a file.
    Folder(PathBuf),
}

impl fmt::Display for MailRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smtp(smtp) => smtp.fmt(f),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// What was said when a mail was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    Accepted,
    /// This mail, not now.
    NotNow(String),
    /// This mail, never.
    Refused(String),
    /// Nobody was reached who could say anything about this mail.
    Unreachable(String),
}

/// Among the conversations; in the folder is room for any number.
pub(crate) struct Place<'a> {
    _held: Option<SemaphorePermit<'a>>,
}

pub(crate) enum Postbox {
    Server(Server),
    Folder(Folder),
}

impl Postbox {
    pub(crate) fn open(route: &MailRoute, connections: usize) -> std::io::Result<Self> {
        Ok(match route {
            MailRoute::Smtp(settings) => Self::Server(Server::new(settings.clone(), connections)),
            MailRoute::Folder(path) => Self::Folder(Folder::open(path)?),
        })
    }

    /// Returns when a mail can be handed over at once.
    pub(crate) async fn place(&self) -> Place<'_> {
        match self {
            Self::Server(server) => server.place().await,
            Self::Folder(_) => Place { _held: None },
        }
    }

    /// From `handed_over` on the server gets the mail, whatever it answers.
    pub(crate) async fn deliver(
        &self,
        _place: Place<'_>,
        id: NotificationId,
        letter: &Letter,
        handed_over: &AtomicBool,
    ) -> Delivery {
        match self {
            Self::Server(server) => server.deliver(letter, handed_over).await,
            Self::Folder(folder) => folder.deliver(id, letter).await,
        }
    }

    /// Removes mails of the folder that are older.
    pub(crate) async fn clean(&self, keep: Duration) {
        if let Self::Folder(folder) = self {
            folder.clean(keep).await;
        }
    }
}
