//! The server under load: one that runs already, or one that we start in a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::http::Connection;

const MOST_START: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    /// Address and port.
    pub(crate) host: String,
    /// Known when we started it or were told.
    pub(crate) pid: Option<u32>,
    /// From the start of the process to its first word that it is ready.
    pub(crate) ready_after: Option<Duration>,
    own: Option<Own>,
}

struct Own {
    binary: PathBuf,
    child: Child,
    /// Removed when we are done.
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn of(url: Option<String>, binary: Option<PathBuf>, pid: Option<u32>) -> anyhow::Result<Self> {
        match (url, binary) {
            (Some(url), _) => {
                let host =
                    url.trim_end_matches('/').strip_prefix("http://").context("--url must begin with http://")?;
                Ok(Self { host: host.to_owned(), pid, ready_after: None, own: None })
            }
            (None, Some(binary)) => Self::start(&binary).await,
            (None, None) => bail!("give --url or --binary"),
        }
    }

    async fn start(binary: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let host = format!("127.0.0.1:{}", free_port()?);
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--listen", &host, "--log-filter", "warn", "--data-folder"])
            .arg(folder.path())
            .env("CAUDAL_DIAGNOSTICS", "1")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        while !is_ready(&host).await {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended while starting: {status}", binary.display());
            }
            if began.elapsed() > MOST_START {
                bail!("{} was not ready after {} s", binary.display(), MOST_START.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ready_after = Some(began.elapsed());
        let own = Some(Own { binary: binary.to_owned(), _folder: folder, child });
        let pid = own.as_ref().and_then(|own| own.child.id());
        Ok(Self { host, pid, ready_after, own })
    }

    /// Another one of the same kind, with an empty folder; nothing where the server is not ours.
    pub(crate) async fn start_anew(&mut self) -> anyhow::Result<bool> {
        let Some(own) = &self.own else { return Ok(false) };
        let binary = own.binary.clone();
        self.stop().await;
        *self = Self::start(&binary).await?;
        Ok(true)
    }

    /// Ends it if it is ours. What it leaves behind is removed with its folder.
    pub(crate) async fn stop(&mut self) {
        if let Some(mut own) = self.own.take() {
            // It cannot refuse, and if it is gone already that is what we want.
            let _ = own.child.kill().await;
        }
    }
}

async fn is_ready(host: &str) -> bool {
    let Ok(mut connection) = Connection::open(host).await else { return false };
    matches!(connection.get("/readyz").await, Ok((200, _)))
}

/// Free a moment ago: the server cannot tell us which one it took.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
