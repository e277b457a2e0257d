//! Who wants to be told of what: the `notify` of a start, and the addresses that hear of every failure of a flow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::mailbox::{BadMailbox, Mailbox};

/// The wish that comes with a start. The names are the wire's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Empty: of all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<NotifyOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyOn {
    Success,
    Failure,
    Waiting,
}

const LONGEST_URL: usize = 2_048;

impl Notify {
    pub fn wants(&self, on: NotifyOn) -> bool {
        self.on.is_empty() || self.on.contains(&on)
    }

    /// The addresses, each once.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, BadMailbox> {
        let read: Result<Vec<Mailbox>, BadMailbox> = self.email.iter().map(|text| Mailbox::parse(text)).collect();
        read.map(each_once)
    }

    /// What is wrong with it, in words.
    pub fn check(&self, most_addresses: usize) -> Result<(), String> {
        if self.email.len() > most_addresses {
            return Err(format!("{} addresses; at most {most_addresses} are allowed", self.email.len()));
        }
        self.mailboxes().map_err(|error| error.to_string())?;
        self.webhook.as_deref().map_or(Ok(()), check_webhook)
    }
}

/// Keeps the first of those that are the same.
pub fn each_once(mailboxes: Vec<Mailbox>) -> Vec<Mailbox> {
    let mut once: Vec<Mailbox> = Vec::with_capacity(mailboxes.len());
    for mailbox in mailboxes {
        if !once.iter().any(|known| known.is_same(&mailbox)) {
            once.push(mailbox);
        }
    }
    once
}

/// Where a call may go is checked when it is made; here only that it is a place at all.
fn check_webhook(text: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("the webhook must be an http or https URL: {why}"));
    if text.len() > LONGEST_URL {
        return wrong("it is too long");
    }
    if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return wrong("it has a space or a control character");
    }
    match Url::parse(text) {
        Err(_) => wrong("it is no URL"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => wrong("it has another scheme"),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => wrong("it has no host"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            wrong("it carries a user name or a password")
        }
        Ok(_) => Ok(()),
    }
}

/// Whom failures are told to although no start asked for it, as the settings say.
///
/// Written as `ops@example.org, report_flow=boss@example.org, *=all@example.org`: for the flows that say
/// `#[flow(notify_on_failure)]`, for one flow, for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureAddresses {
    of_those_that_ask: Vec<Mailbox>,
    of_all: Vec<Mailbox>,
    of_one: BTreeMap<String, Vec<Mailbox>>,
}

impl FailureAddresses {
    pub fn parse(text: &str) -> Result<Self, BadMailbox> {
        let mut addresses = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let list = match entry.split_once('=') {
                Some(("*", address)) => (&mut addresses.of_all, address),
                Some((flow, address)) if is_name(flow) => {
                    (addresses.of_one.entry(flow.to_owned()).or_default(), address)
                }
                _ => (&mut addresses.of_those_that_ask, entry),
            };
            list.0.push(Mailbox::parse(list.1.trim())?);
        }
        Ok(addresses)
    }

    /// Those of a flow. `own` are the addresses in its code; none when it does not ask.
    pub fn of(&self, flow: &str, own: Option<&[&str]>) -> Vec<Mailbox> {
        let asks = own.is_some_and(<[_]>::is_empty);
        // They were checked when the process began.
        let own = own.unwrap_or_default().iter().filter_map(|address| Mailbox::parse(address).ok());
        let asked = self.of_those_that_ask.iter().filter(|_| asks);
        let of_one = self.of_one.get(flow).into_iter().flatten();
        each_once(own.chain(asked.chain(of_one).chain(&self.of_all).cloned()).collect())
    }
}

fn is_name(flow: &str) -> bool {
    !flow.is_empty() && flow.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !flow.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a wish says what is wrong with it and where; a good one is told of all unless it says of what.
    #[test]
    fn wishes_are_checked() {
        let mail = |address: &str| Notify { email: vec![address.to_owned()], ..Notify::default() };
        assert!(mail("a@b.org").check(20).is_ok() && mail("a@b.org").wants(NotifyOn::Waiting));
        assert!(mail("nobody\nx").check(20).unwrap_err().contains("nobody\\nx"));
        let many = Notify { email: vec!["a@b.org".to_owned(); 21], ..Notify::default() };
        assert!(many.check(20).unwrap_err().starts_with("21 addresses"));
        assert_eq!(many.mailboxes().unwrap().len(), 1, "each is told once");
        let some = Notify { on: vec![NotifyOn::Failure], ..Notify::default() };
        assert!(some.wants(NotifyOn::Failure) && !some.wants(NotifyOn::Success));
        let hook = |url: &str| Notify { webhook: Some(url.to_owned()), ..Notify::default() };
        assert!(hook("https://example.org/hook?a=b").check(20).is_ok());
        for wrong in ["ftp://x", "https://", "nothing", "https://a:b@c.org", "https://a b.org", "file:///etc/passwd"] {
            assert!(hook(wrong).check(20).is_err(), "{wrong}");
        }
    }

    /// Goal: the settings' addresses reach the flows they are meant for, each once.
    #[test]
    fn failures_are_told_to_whom_the_settings_say() {
        let text = "ops@example.org, report_flow=boss@example.org, *=all@example.org";
        let addresses = FailureAddresses::parse(text).unwrap();
        let of =
            |flow, own| -> Vec<String> { addresses.of(flow, own).into_iter().map(|mailbox| mailbox.address).collect() };
        assert_eq!(of("poem_flow", None), ["all@example.org"]);
        assert_eq!(of("poem_flow", Some(&[])), ["ops@example.org", "all@example.org"]);
        assert_eq!(of("report_flow", Some(&["a@b.org", "all@example.org"])).len(), 3);
        assert!(FailureAddresses::parse("report_flow=nobody").is_err());
        assert_eq!(FailureAddresses::parse(" ").unwrap(), FailureAddresses::default());
    }
}
