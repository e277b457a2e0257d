//! The server that is measured, by its URL.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) host: Arc<str>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("'{url}' is no address of a server; write http://<host>:<port>");
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.contains('/') {
            bail!("'{url}' has a path; write http://<host>:<port>");
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let dialled = if has_port { host.to_owned() } else { format!("{host}:80") };
        let address = dialled
            .to_socket_addrs()
            .with_context(|| format!("the host of '{url}' is not known"))?
            .next()
            .with_context(|| format!("the host of '{url}' has no address"))?;
        Ok(Self { address, host: host.into() })
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self { address, host: address.to_string().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what people write is understood or refused.
    #[test]
    fn urls() {
        let target = Target::parse("http://127.0.0.1:8000/").unwrap();
        assert_eq!((&*target.host, target.address.port()), ("127.0.0.1:8000", 8000));
        assert_eq!(Target::parse("http://127.0.0.1").unwrap().address.port(), 80);
        assert!(Target::parse("https://127.0.0.1:8000").is_err());
        assert!(Target::parse("http://127.0.0.1:8000/tasks").is_err());
    }
}
