//! A Redis of the measurement's own, which writes each command down as durably as it is told to.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::free_address;
use super::part::{Part, Plan};

const LONGEST_START: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// When Redis flushes its log to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fsync {
    /// Once a second: what was acknowledged in the last one can be lost with the machine
    Everysec,
    /// Before anything is acknowledged
    Always,
}

impl Fsync {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Everysec => "everysec",
            Self::Always => "always",
        }
    }
}

pub(super) async fn start(fsync: Fsync, folder: &Path) -> Result<(SocketAddr, Part)> {
    let address = free_address()?;
    let port = address.port().to_string();
    let plan = Plan::new("redis", "redis-server", folder)
        .arguments(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir", "."])
        .arguments(["--appendonly", "yes", "--appendfsync", fsync.word(), "--maxclients", "10000"]);
    let mut part = plan.start()?;
    let began = Instant::now();
    while !answers(address).await {
        part.check()?;
        if began.elapsed() > LONGEST_START {
            bail!("Redis does not answer:\n{}", part.last_words());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok((address, part))
}

async fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").await.is_ok() && stream.read_exact(&mut answer).await.is_ok() && &answer == b"+PONG"
}
