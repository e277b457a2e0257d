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
        let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let line = request.uri().authority().map(|authority| authority.as_str());
        let asked: Vec<&str> = [header, line].into_iter().flatten().collect();
        if !asked.is_empty() && asked.iter().all(|host| self.serves(host)) {
            return Ok(());
        }
        let host = asked.first().map_or_else(String::new, |host| host.escape_debug().to_string());
        Err(ApiError::new(Reason::UnknownHost, format!("The host '{host}' is not served here."))
            .hint("Set CAUDAL_PUBLIC_URL to the address under which people reach this server."))
    }

    fn serves(&self, host: &str) -> bool {
        let name = plain(host);
        if let Ok(address) = name.parse::<IpAddr>() {
            // Listening everywhere, every address of the machine is the listen address. No name, no rebinding.
            return address.is_loopback() || address == self.listen.ip() || self.listen.ip().is_unspecified() || {
                self.names.contains(&name)
            };
        }
        name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name)
    }
}

/// Without port, brackets and a last dot, in small letters.
fn plain(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
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
        for host in ["localhost", "LOCALHOST:9", "a.localhost", "127.0.0.1:8000", "127.9.9.9", "[::1]:80", "10.1.2.3"] {
            assert!(hosts.serves(host), "{host}");
        }
        for host in ["flows.example.org", "flows.example.org.:443", "inside", "inside:1"] {
            assert!(hosts.serves(host), "{host}");
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
