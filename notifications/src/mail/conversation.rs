//! One conversation with the mail server: who says what when, and whose trouble an answer is.
//!
//! What the server refuses before it has heard of a mail (its greeting, TLS, the login) says nothing about the mail, and
//! neither does its leave (421) or its wish for a login (530) at the mail's first word. After that a 5xx answer is about this
//! mail for good, a 4xx for now, and a server that leaves does so because of this mail, for all we know.

use std::error::Error as _;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Response};
use tokio::net::{TcpStream, lookup_host};

use super::smtp_url::{SmtpSettings, SmtpTls};
use crate::templates::Letter;

/// How long it may take to find an address, or to connect to one.
const CONNECTING: Duration = Duration::from_secs(15);
/// Servers look into a mail before they take it (RFC 5321, 4.5.3.2.6): one that is asked again too soon gets it twice.
const TAKING_ON: Duration = Duration::from_secs(600);
/// With the answers to two challenges.
const MOST_ANSWERS_TO_LOGIN: u32 = 3;
const SERVICE_CLOSING: &str = "421";
const LOGIN_REQUIRED: &str = "530";

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
    /// The conversation was over at the first word about the mail.
    Over(String),
    /// The server hears of no mail: it says nothing in time to the first word, or wants a login that the settings do not have.
    Away(String),
    /// No answer in the middle: nobody knows what the server did with the mail.
    BrokenOff(String),
}

impl Conversation {
    pub(super) async fn begin(settings: &SmtpSettings) -> Result<Self, String> {
        // Large, and seldom needed.
        let connection = Box::pin(open(settings)).await?;
        Ok(Self { connection, timeout: settings.timeout, mails: 0 })
    }

    pub(super) fn mails(&self) -> u32 {
        self.mails
    }

    pub(super) async fn hand_over(&mut self, letter: &Letter, handed_over: &AtomicBool) -> Result<(), Trouble> {
        let answer = self.dialogue(&letter.envelope, &letter.raw, handed_over).await;
        self.mails += 1;
        if matches!(answer, Err(Trouble::Refused(_) | Trouble::NotNow(_)))
            && let Err(trouble) =
                self.answer(false, self.timeout, |connection| Box::pin(connection.command(Rset))).await
        {
            // It does not forget the mail: the next one must not be mixed up with it.
            self.mails = u32::MAX;
            tracing::debug!(?trouble, "a conversation with the mail server cannot go on");
        }
        answer
    }

    async fn dialogue(&mut self, envelope: &Envelope, raw: &[u8], handed_over: &AtomicBool) -> Result<(), Trouble> {
        let from = envelope.from().cloned();
        let timeout = self.timeout;
        self.answer(true, timeout, |connection| Box::pin(connection.command(Mail::new(from, Vec::new())))).await?;
        for to in envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            self.answer(false, timeout, |connection| Box::pin(connection.command(to))).await?;
        }
        self.answer(false, timeout, |connection| Box::pin(connection.command(Data))).await?;
        handed_over.store(true, Ordering::Relaxed);
        self.answer(false, timeout.max(TAKING_ON), |connection| Box::pin(connection.command(Whole(raw)))).await?;
        Ok(())
    }

    async fn answer<'a>(
        &'a mut self,
        first: bool,
        timeout: Duration,
        ask: impl FnOnce(&'a mut AsyncSmtpConnection) -> Asked<'a>,
    ) -> Result<Response, Trouble> {
        match tokio::time::timeout(timeout, ask(&mut self.connection)).await {
            Ok(answered) => answered.map_err(|error| trouble(&error, first)),
            Err(_) => {
                let words = format!("the mail server did not answer within {} s", timeout.as_secs());
                Err(if first { Trouble::Away(words) } else { Trouble::BrokenOff(words) })
            }
        }
    }
}

type Asked<'a> = std::pin::Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'a>>;

fn trouble(error: &Error, first: bool) -> Trouble {
    let said = words(error);
    let code = error.status().map(|code| code.to_string());
    match code.as_deref() {
        Some(SERVICE_CLOSING) | None => {
            if first {
                Trouble::Over(said)
            } else {
                Trouble::BrokenOff(said)
            }
        }
        Some(LOGIN_REQUIRED) if first => Trouble::Away(said),
        Some(_) if error.is_permanent() => Trouble::Refused(said),
        Some(_) => Trouble::NotNow(said),
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

/// At the first of its addresses where a server is.
async fn open(settings: &SmtpSettings) -> Result<AsyncSmtpConnection, String> {
    let place = (settings.host.as_str(), settings.port);
    let addresses = async { lookup_host(place).await.map_err(|error| error.to_string()) };
    let mut failed = format!("{settings} has no address");
    for address in within(CONNECTING, settings, addresses).await? {
        let connected = match settings.tls {
            SmtpTls::Wrapped => connect_wrapped(settings, address).await,
            _ => connect(settings, address).await,
        };
        match connected {
            Ok(mut connection) => {
                introduce(&mut connection, settings).await?;
                return Ok(connection);
            }
            Err(words) => failed = words,
        }
    }
    Err(failed)
}

/// Until the server has greeted us and we the server.
async fn connect(settings: &SmtpSettings, address: SocketAddr) -> Result<AsyncSmtpConnection, String> {
    let connected = async { TcpStream::connect(address).await.map_err(|error| error.to_string()) };
    let stream = within(CONNECTING, settings, connected).await?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let spoken_to = async { stream.readable().await.map_err(|error| error.to_string()) };
    within(settings.timeout, settings, spoken_to).await?;
    let name = ClientId::default();
    let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name);
    answers(2, settings, greeted).await
}

async fn connect_wrapped(settings: &SmtpSettings, address: SocketAddr) -> Result<AsyncSmtpConnection, String> {
    let (name, wrapped) = (ClientId::default(), Some(tls_of(settings)?));
    let connected = AsyncSmtpConnection::connect_tokio1(address, Some(CONNECTING), &name, wrapped, None);
    let connected = async { connected.await.map_err(|error| words(&error)) };
    // TLS is an answer too.
    within(CONNECTING + settings.timeout * 3, settings, connected).await
}

/// STARTTLS and the login, as the settings want them.
async fn introduce(connection: &mut AsyncSmtpConnection, settings: &SmtpSettings) -> Result<(), String> {
    let upgrades = match settings.tls {
        SmtpTls::Required => true,
        SmtpTls::Opportunistic => connection.can_starttls(),
        SmtpTls::None | SmtpTls::Wrapped => false,
    };
    if upgrades {
        let name = ClientId::default();
        answers(3, settings, connection.starttls(tls_of(settings)?, &name)).await?;
    }
    if let Some((user, password)) = &settings.credentials {
        let credentials = Credentials::new(user.clone(), password.clone());
        answers(MOST_ANSWERS_TO_LOGIN, settings, connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
    }
    Ok(())
}

/// A step of the opening in which the server has to answer so often.
async fn answers<T>(
    most: u32,
    settings: &SmtpSettings,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    within(settings.timeout * most, settings, async { step.await.map_err(|error| words(&error)) }).await
}

async fn within<T>(
    limit: Duration,
    settings: &SmtpSettings,
    step: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let answered = tokio::time::timeout(limit, step).await;
    answered.unwrap_or_else(|_| Err(format!("{settings} did not answer within {} s", limit.as_secs())))
}

fn tls_of(settings: &SmtpSettings) -> Result<TlsParameters, String> {
    let parameters = TlsParameters::builder(settings.host.clone());
    let trusted = settings.authority.iter().cloned();
    let built = trusted.fold(parameters, |parameters, authority| parameters.add_root_certificate(authority)).build();
    built.map_err(|error| words(&error))
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
mod tests;
