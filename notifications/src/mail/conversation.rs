//! One conversation with the mail server: who says what when, and whose trouble an answer is.
//!
//! What the server refuses before it has heard of a mail (its greeting, TLS, the login) says nothing about the mail. After
//! that a 5xx answer is about this mail for good, a 4xx for now, and 421 means that the server leaves.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};
use tokio::net::TcpStream;

use super::smtp_url::{SmtpSettings, SmtpTls};
use crate::templates::Letter;

/// How long it may take to connect.
const CONNECTING: Duration = Duration::from_secs(15);
const SERVICE_CLOSING: &str = "421";

pub(super) struct Conversation {
    connection: AsyncSmtpConnection,
    timeout: Duration,
    mails: u32,
}

#[derive(Debug)]
pub(super) enum Trouble {
    /// The mail is refused for good.
    Refused(String),
    /// The mail is refused for now.
    NotNow(String),
    /// No answer to the first word about the mail.
    Silent(String),
    /// The server wants to end the conversation.
    Closing(String),
    /// No answer in the middle: nobody knows what the server did with the mail.
    BrokenOff(String),
}

impl Conversation {
    pub(super) async fn begin(settings: &SmtpSettings) -> Result<Self, String> {
        let opening = open(settings);
        let longest = CONNECTING + settings.timeout;
        let connection = match tokio::time::timeout(longest, opening).await {
            Ok(opened) => opened?,
            Err(_) => return Err(format!("{settings} did not answer within {} s", longest.as_secs())),
        };
        Ok(Self { connection, timeout: settings.timeout, mails: 0 })
    }

    pub(super) fn mails(&self) -> u32 {
        self.mails
    }

    pub(super) async fn hand_over(&mut self, letter: &Letter) -> Result<(), Trouble> {
        let handed_over = self.dialogue(letter).await;
        self.mails += 1;
        if matches!(handed_over, Err(Trouble::Refused(_) | Trouble::NotNow(_)))
            && let Err(trouble) = self.answer(false, |connection| Box::pin(connection.command(Rset))).await
        {
            // It does not forget the mail: the next one must not be mixed up with it.
            self.mails = u32::MAX;
            tracing::debug!(?trouble, "a conversation with the mail server cannot go on");
        }
        handed_over
    }

    async fn dialogue(&mut self, letter: &Letter) -> Result<(), Trouble> {
        let from = letter.envelope.from().cloned();
        self.answer(true, |connection| Box::pin(connection.command(Mail::new(from, Vec::new())))).await?;
        for to in letter.envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            self.answer(false, |connection| Box::pin(connection.command(to))).await?;
        }
        self.answer(false, |connection| Box::pin(connection.command(Data))).await?;
        self.answer(false, |connection| Box::pin(connection.command(Whole(&letter.raw)))).await?;
        Ok(())
    }

    async fn answer<'a>(
        &'a mut self,
        first: bool,
        ask: impl FnOnce(&'a mut AsyncSmtpConnection) -> Asked<'a>,
    ) -> Result<Response, Trouble> {
        let timeout = self.timeout;
        match tokio::time::timeout(timeout, ask(&mut self.connection)).await {
            Ok(answered) => answered.map_err(|error| trouble(&error, first)),
            Err(_) => {
                let words = format!("the mail server did not answer within {} s", timeout.as_secs());
                Err(if first { Trouble::Closing(words) } else { Trouble::BrokenOff(words) })
            }
        }
    }
}

type Asked<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>>;

fn trouble(error: &Error, first: bool) -> Trouble {
    let said = words(error);
    match error.status() {
        Some(code) if code.to_string() == SERVICE_CLOSING => Trouble::Closing(said),
        Some(_) if error.is_permanent() => Trouble::Refused(said),
        Some(_) => Trouble::NotNow(said),
        None if first => Trouble::Silent(said),
        None => Trouble::BrokenOff(said),
    }
}

/// A mail as it is sent, with its end, in one piece. In two, as lettre writes it, the second waits until the server has
/// acknowledged the first, and servers take their time (40 ms on Linux): ten connections
/// sent 224 mails a second.
struct Whole<'a>(&'a [u8]);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Our mails are ASCII, encoded where they must be.
        for line in String::from_utf8_lossy(self.0).split_inclusive("\r\n") {
            let stuffing = if line.starts_with('.') { "." } else { "" };
            write!(f, "{stuffing}{line}")?;
        }
        f.write_str(if self.0.ends_with(b"\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

async fn open(settings: &SmtpSettings) -> Result<AsyncSmtpConnection, String> {
    let mut connection = match settings.tls {
        SmtpTls::Wrapped => connect_wrapped(settings).await.map_err(|error| words(&error))?,
        _ => {
            let place = (settings.host.as_str(), settings.port);
            let stream = TcpStream::connect(place).await.map_err(|error| error.to_string())?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            let name = ClientId::default();
            let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name);
            greeting.await.map_err(|error| words(&error))?
        }
    };
    introduce(&mut connection, settings).await.map_err(|error| words(&error))?;
    Ok(connection)
}

async fn connect_wrapped(settings: &SmtpSettings) -> Result<AsyncSmtpConnection, Error> {
    let place = (settings.host.as_str(), settings.port);
    let (name, wrapped) = (ClientId::default(), Some(tls_of(settings)?));
    AsyncSmtpConnection::connect_tokio1(place, Some(CONNECTING), &name, wrapped, None).await
}

/// STARTTLS and the login, as the settings want them.
async fn introduce(connection: &mut AsyncSmtpConnection, settings: &SmtpSettings) -> Result<(), Error> {
    let upgrades = match settings.tls {
        SmtpTls::Required => true,
        SmtpTls::Opportunistic => connection.can_starttls(),
        SmtpTls::None | SmtpTls::Wrapped => false,
    };
    if upgrades {
        connection.starttls(tls_of(settings)?, &ClientId::default()).await?;
    }
    if let Some((user, password)) = &settings.credentials {
        let credentials = Credentials::new(user.clone(), password.clone());
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    Ok(())
}

fn tls_of(settings: &SmtpSettings) -> Result<TlsParameters, Error> {
    let parameters = TlsParameters::builder(settings.host.clone());
    let trusted = settings.authority.iter().cloned();
    trusted.fold(parameters, |parameters, authority| parameters.add_root_certificate(authority)).build()
}

/// The server's words if it said something, else what went wrong.
fn words(error: &Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    // Some causes repeat the words of those below them.
    causes.dedup();
    let said = causes.join(": ");
    match error.status() {
        Some(code) => format!("{code} {said}").trim().to_owned(),
        None if said.is_empty() => error.to_string(),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no line of a mail is taken for its end, and the end is there once.
    #[test]
    fn a_mail_ends_where_it_ends() {
        let sent = |raw: &str| Whole(raw.as_bytes()).to_string();
        assert_eq!(sent("A: b\r\n\r\n.\r\n..c\r\nd.\r\n"), "A: b\r\n\r\n..\r\n...c\r\nd.\r\n.\r\n");
        assert_eq!(sent("A: b\r\n\r\nc"), "A: b\r\n\r\nc\r\n.\r\n");
    }
}
