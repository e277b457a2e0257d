//! Starts a system on free ports with a folder of its own, and waits until it takes tasks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::redis::Fsync;
use super::system::{Places, System};
use super::{Server, free_address, postgres, redis};
use crate::client::{Connection, Target, WireState, start, watch_to_end};

const LONGEST_START: Duration = Duration::from_secs(60);
/// Between two questions whether it is ready: short beside what is measured, long beside the cost of asking.
const PAUSE: Duration = Duration::from_millis(1);

/// How to start it.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) system: System,
    /// The binary of ours, or the folder where the peer is installed.
    pub(crate) programs: PathBuf,
    pub(crate) durability: String,
    pub(crate) fsync: Fsync,
    /// Where data folders are made; none is the system's place for temporary files, which may be no real disk.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) needs: Needs,
}

/// What a scenario wants of any system.
#[derive(Debug, Clone)]
pub(crate) struct Needs {
    pub(crate) workers: usize,
    /// Whether mails are sent. One process does it itself; of several it is one's own role.
    pub(crate) mails: bool,
    /// Tasks that each worker runs at once, instead of the usual number.
    pub(crate) slots: Option<usize>,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Default for Needs {
    fn default() -> Self {
        Self { workers: 1, mails: false, slots: None, environment: Vec::new() }
    }
}

impl Launch {
    pub(crate) async fn start(&self) -> Result<Server> {
        let folder = match &self.folder {
            Some(parent) => TempDir::with_prefix_in("caudal-bench-", parent),
            None => TempDir::with_prefix("caudal-bench-"),
        }
        .context("no folder can be made for the server's data")?;
        let listen = free_address()?;
        let mut server = Server::of(Target::from(listen), self.system, folder);
        let mut redis_address = None;
        let mut database = None;
        if self.system != System::Embedded {
            let (address, part) = redis::start(self.fsync, server.folder()?).await?;
            server.redis = Some(part);
            redis_address = Some((address, self.fsync));
        }
        if self.system == System::Machines {
            let (url, part) = postgres::start(server.folder()?).await?;
            server.postgres = Some(part);
            database = Some(url);
        }
        let folder = server.folder()?.to_owned();
        let places = Places {
            programs: &self.programs,
            folder: &folder,
            listen,
            redis: redis_address,
            postgres: database.as_deref(),
            durability: &self.durability,
            slots: self.needs.slots,
            environment: &self.needs.environment,
        };
        let began = Instant::now();
        server.parts.push(places.web(self.system).start()?);
        wait_until_ready(&mut server).await?;
        server.ready_ms = Some(began.elapsed().as_secs_f64() * 1_000.0);
        if !self.system.is_one_process() {
            for number in 1..=self.needs.workers {
                let mut worker = places.worker(self.system, number);
                if self.system == System::Machines {
                    let tells = free_address()?;
                    worker = worker.environment("CAUDAL_HEALTH_LISTEN", tells.to_string());
                    server.archivers.push(Target::from(tells));
                }
                server.parts.push(worker.start()?);
            }
            if self.needs.mails && self.system.is_ours() {
                server.parts.push(places.sender().start()?);
            }
            // One that comes up later would have nothing to do while others are measured.
            for tells in server.archivers.clone() {
                wait_for(&mut server, &tells).await?;
            }
            let first = tokio::time::timeout(LONGEST_START, run_one(&server)).await;
            first.with_context(|| format!("no worker is ready:\n{}", server.last_words()))??;
        }
        Ok(server)
    }
}

/// Waits until the web process serves.
pub(super) async fn wait_until_ready(server: &mut Server) -> Result<()> {
    let target = server.target.clone();
    wait_for(server, &target).await
}

/// Waits until this part of the server says that it is ready.
async fn wait_for(server: &mut Server, target: &Target) -> Result<()> {
    let began = Instant::now();
    while !is_ready(target).await {
        server.check()?;
        if began.elapsed() > LONGEST_START {
            bail!("the server was not ready within {} s:\n{}", LONGEST_START.as_secs(), server.last_words());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// A worker is ready when a task has ended.
async fn run_one(server: &Server) -> Result<()> {
    let mut connection = server.connect().await?;
    let task = start(&mut connection, br#"{"flow":"bench_flow"}"#).await?;
    match watch_to_end(&mut connection, &task, server.view()).await?.state {
        WireState::Succeeded => Ok(()),
        other => bail!("the first task ended as {other:?}"),
    }
}

async fn is_ready(target: &Target) -> bool {
    let Ok(mut connection) = Connection::open(target, None).await else { return false };
    connection.get("/readyz").await.is_ok_and(|answer| answer.status == 200)
}
