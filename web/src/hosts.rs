//! Under which names the server may be asked. A page of a foreign name that resolves to this machine (DNS
//! rebinding) would otherwise be of the same origin as we are.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

use crate::api_error::{ApiError, Reason};
use crate::settings::WebSettings;

pub(crate) struct Hosts {
    listen: SocketAddr,
    names: Vec<String>,
}

impl Hosts {
    pub(crate) fn of(settings: &WebSettings) -> Self {
        let public = settings.public_url.as_ref().and_then(|url| url.host_str());
        let names = settings.allowed_hosts.iter().map(String::as_str).chain(public);
        Self { listen: settings.listen, names: names.map(|name| plain(name).to_owned()).collect() }
    }

    pub(crate) fn check(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let header = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
        let line = request.uri().authority().map(|authority| authority.as_str());
        let mut asked = [header, line].into_iter().flatten().peekable();
        if asked.peek().is_none() {
            return Err(ApiError::new(Reason::UnknownHost, "The request names no host."));
        }
        let Some(foreign) = asked.find(|host| !self.serves(host)) else { return Ok(()) };
        Err(ApiError::new(Reason::UnknownHost, format!("The host '{}' is not served here.", foreign.escape_debug()))
            .hint("Set CAUDAL_PUBLIC_URL to the address under which people reach this server, and CAUDAL_ALLOWED_HOSTS to \
             further names by which it is asked."))
    }

    fn serves(&self, host: &str) -> bool {
        let name = plain(host);
        if let Ok(address) = name.parse::<IpAddr>() {
            let address = address.to_canonical();
            // Listening everywhere, every address of the machine is the listen address. No name, no rebinding.
            return address.is_loopback()
                || address == self.listen.ip().to_canonical()
                || self.listen.ip().is_unspecified()
                || { self.names.contains(&name) };
        }
        name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name)
    }
}

/// Without port, brackets and a last dot, in small letters.
fn plain(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        // Only a port may follow.
        Some(rest) => match rest.split_once(']') {
            Some((name, after)) if after.is_empty() || after.starts_with(':') => name,
            _ => return String::new(),
        },
        // More than one colon is an address of version 6 without brackets.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listen: &str) -> Hosts {
        Hosts::of(&WebSettings {
            listen: listen.parse().unwrap(),
            public_url: Some("https://Flows.Example.org/x".parse().unwrap()),
            allowed_hosts: vec!["inside:8000".into()],
            ..WebSettings::default()
        })
    }

    /// Goal: loopback, the listen address, the public name and the allowed ones are served, and nothing else.
    #[test]
    fn who_is_served() {
        let hosts = hosts("10.1.2.3:80");
        for host in [
            "localhost",
            "LOCALHOST:9",
            "a.localhost",
            "127.0.0.1:8000",
            "127.9.9.9",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "10.1.2.3",
        ] {
            assert!(hosts.serves(host), "{host}");
        }
        for host in ["flows.example.org", "flows.example.org.:443", "inside", "inside:1"] {
            assert!(hosts.serves(host), "{host}");
        }
        for host in ["[::1]evil.example", "[::1", "[fe80::1]", "localhost, evil.example", "127.0.0.1:80:80"] {
            assert!(!hosts.serves(host), "{host}");
        }
        for host in ["", "evil.example", "10.1.2.4", "localhost.evil.example", "127.0.0.1.nip.io", "xflows.example.org"]
        {
            assert!(!hosts.serves(host), "{host}");
        }
    }

    /// Goal: a server that listens everywhere is asked by any address, but still by no foreign name.
    #[test]
    fn everywhere() {
        let hosts = hosts("0.0.0.0:80");
        assert!(hosts.serves("192.168.7.7:80"));
        assert!(!hosts.serves("evil.example"));
    }
}
