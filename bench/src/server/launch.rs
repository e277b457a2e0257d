//! Starts the real binary on a free port with a data folder of its own, and ends it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::client::{Connection, Target};

const LONGEST_START: Duration = Duration::from_secs(30);
const LONGEST_STOP: Duration = Duration::from_secs(60);
/// Between two questions whether it is ready: short beside what is measured, long beside the cost of asking.
const PAUSE: Duration = Duration::from_millis(1);
const LAST_WORDS_BYTES: usize = 4_000;

/// How to start it.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    pub(crate) durability: String,
    /// Where data folders are made; none is the system's place for temporary files, which may be no real disk.
    pub(crate) folder: Option<PathBuf>,
    /// What the scenario needs beside that.
    pub(crate) environment: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) target: Target,
    pub(crate) pid: u32,
    pub(crate) ready: Duration,
    child: Child,
    folder: TempDir,
}

impl Launch {
    pub(crate) async fn start(&self) -> Result<Launched> {
        let folder = match &self.folder {
            Some(parent) => TempDir::with_prefix_in("caudal-bench-", parent),
            None => TempDir::with_prefix("caudal-bench-"),
        }
        .context("no folder can be made for the server's data")?;
        let address = free_address()?;
        let began = Instant::now();
        let child = self.spawn(address, folder.path())?;
        let pid = child.id().context("the server ended at once")?;
        let mut launched = Launched { target: address.into(), pid, ready: Duration::ZERO, child, folder };
        launched.wait_until_ready(began).await?;
        launched.ready = began.elapsed();
        Ok(launched)
    }

    /// Settings of the environment (`CAUDAL_…`) go through, so that others than the default can be measured.
    fn spawn(&self, address: SocketAddr, folder: &Path) -> Result<Child> {
        let log = File::create(folder.join("server.log")).context("the server's log cannot be made")?;
        Command::new(&self.binary)
            .arg("serve")
            .current_dir(folder)
            .env("CAUDAL_LISTEN", address.to_string())
            .env("CAUDAL_DATA_FOLDER", folder.join("data"))
            .env("CAUDAL_DURABILITY", &self.durability)
            .env("CAUDAL_DIAGNOSTICS", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.binary.display()))
    }
}

impl Launched {
    async fn wait_until_ready(&mut self, began: Instant) -> Result<()> {
        while !is_ready(&self.target).await {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it was ready ({status}):\n{}", self.last_words());
            }
            if began.elapsed() > LONGEST_START {
                bail!("the server was not ready within {} s:\n{}", LONGEST_START.as_secs(), self.last_words());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Asks it to end, as a supervisor would; what does not end is killed when it is dropped.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await;
        if !asked.is_ok_and(|status| status.success()) {
            return self.child.kill().await.context("the server cannot be ended");
        }
        match tokio::time::timeout(LONGEST_STOP, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => bail!("the server ended badly ({status}):\n{}", self.last_words()),
            Ok(Err(error)) => Err(error).context("nobody knows how the server ended"),
            Err(_) => bail!("the server did not end within {} s:\n{}", LONGEST_STOP.as_secs(), self.last_words()),
        }
    }

    pub(crate) fn last_words(&self) -> String {
        let all = std::fs::read(self.folder.path().join("server.log")).unwrap_or_default();
        let from = all.len().saturating_sub(LAST_WORDS_BYTES);
        String::from_utf8_lossy(&all[from..]).into_owned()
    }
}

async fn is_ready(target: &Target) -> bool {
    let Ok(mut connection) = Connection::open(target, None).await else { return false };
    connection.get("/readyz").await.is_ok_and(|answer| answer.status == 200)
}

/// Another process may take it before the server does; then the start fails, and says so.
fn free_address() -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}
