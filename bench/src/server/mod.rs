//! What is measured: a server that runs somewhere, or a system of processes started for the measurement in a folder
//! that is thrown away.

mod launch;
mod neighbours;
mod part;
mod postgres;
mod process;
mod redis;
mod system;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::{Add, Range};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::client::{Connection, Target, View, gauge};
pub(crate) use launch::{Launch, Needs};
pub(crate) use neighbours::{Watch, busy_seconds};
use part::Part;
pub(crate) use process::Usage;
pub(crate) use redis::Fsync;
pub(crate) use system::System;

/// Fields are dropped in this order: processes before the servers that they meet in, and the folder last.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) target: Target,
    pub(crate) system: System,
    /// From its start until it said that it is ready.
    pub(crate) ready_ms: Option<f64>,
    /// A process that somebody else started.
    foreign: Option<u32>,
    /// The web process, then the workers.
    parts: Vec<Part>,
    /// Where the workers that archive tell their figures.
    archivers: Vec<Target>,
    redis: Option<Part>,
    postgres: Option<Part>,
    folder: Option<TempDir>,
}

impl Server {
    /// One that runs already.
    pub(crate) fn running(target: Target, system: System, pid: Option<u32>) -> Self {
        Self {
            target,
            system,
            ready_ms: None,
            foreign: pid,
            parts: Vec::new(),
            archivers: Vec::new(),
            redis: None,
            postgres: None,
            folder: None,
        }
    }

    fn of(target: Target, system: System, folder: TempDir) -> Self {
        Self { folder: Some(folder), ..Self::running(target, system, None) }
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.target, None).await
    }

    pub(crate) fn view(&self) -> View {
        self.system.view()
    }

    /// Whether anybody told which processes it consists of.
    pub(crate) fn is_known(&self) -> bool {
        self.foreign.is_some() || !self.parts.is_empty()
    }

    /// Of web, workers and Redis; Postgres only keeps what has ended, and is left out.
    pub(crate) fn usage(&self) -> Usage {
        let foreign = self.foreign.map(Usage::of_tree);
        let parts = self.parts.iter().chain(&self.redis).map(Part::usage);
        foreign.into_iter().chain(parts).fold(Usage::default(), Add::add)
    }

    /// How many ended tasks still wait to be archived; none where nobody archives.
    pub(crate) async fn unarchived(&self) -> Result<Option<u64>> {
        let mut fewest = None::<u64>;
        for archiver in &self.archivers {
            let told = gauge(&mut Connection::open(archiver, None).await?, "caudal_tasks_unarchived").await?;
            // Until it has looked itself, one that leaves the work to another says what it saw before.
            let waiting = told.map_or(u64::MAX, |tasks| tasks as u64);
            fewest = Some(fewest.map_or(waiting, |fewest| fewest.min(waiting)));
        }
        Ok(fewest)
    }

    /// Of the web process alone; in one process it is all there is.
    pub(crate) fn usage_of_web(&self) -> Usage {
        self.parts.first().map_or_else(|| self.usage(), Part::usage)
    }

    /// Where tasks note their steps.
    pub(crate) fn step_log(&self) -> Result<std::path::PathBuf> {
        Ok(self.folder()?.join("steps.log"))
    }

    /// Kills a worker, or the one process that does all. Answers which.
    pub(crate) async fn kill_worker(&mut self) -> Result<u32> {
        let worker = self.parts.last_mut().context("it was not started here, so it cannot be killed")?;
        let pid = worker.pid();
        worker.kill().await?;
        Ok(pid)
    }

    pub(crate) fn start_worker_again(&mut self) -> Result<()> {
        self.parts.last_mut().context("it was not started here")?.start_again()
    }

    /// Kills all of its processes; Redis and Postgres stay.
    pub(crate) async fn kill_all(&mut self) -> Result<()> {
        for part in &mut self.parts {
            part.kill().await?;
        }
        Ok(())
    }

    pub(crate) fn start_all_again(&mut self) -> Result<()> {
        self.parts.iter_mut().try_for_each(Part::start_again)
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        // Workers first: what they still tell is heard.
        while let Some(part) = self.parts.pop() {
            let last_words = part.last_words();
            if !part.stop().await? && self.system.is_ours() {
                bail!("it ended badly:\n{last_words}");
            }
        }
        for part in self.redis.take().into_iter().chain(self.postgres.take()) {
            part.stop().await?;
        }
        Ok(())
    }

    /// What its processes wrote last, for whoever must find out why a scenario failed.
    pub(crate) fn last_words(&self) -> String {
        self.parts.iter().chain(&self.redis).map(Part::last_words).collect::<Vec<_>>().join("\n")
    }

    fn check(&mut self) -> Result<()> {
        self.parts.iter_mut().chain(&mut self.redis).try_for_each(Part::check)
    }

    fn folder(&self) -> Result<&Path> {
        Ok(self.folder.as_ref().context("it has no folder here")?.path())
    }
}

/// Where servers listen, as far as the kernel gives these ports to no client.
const PORTS: Range<u16> = 20_000..32_000;
/// The first of the ports that the kernel gives to clients, then the last.
const PORTS_OF_CLIENTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Another process may take it before the server does; then the start fails, and says so. A client cannot: there are
/// thousands of them here, and each would be given any port that the kernel gives to clients.
fn free_address() -> Result<SocketAddr> {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(RandomState::new().hash_one(()) as u16));
    let told = fs::read_to_string(PORTS_OF_CLIENTS).unwrap_or_default();
    let ports = ports_of_servers(&told);
    let next = || ports.start + NEXT.fetch_add(1, Ordering::Relaxed) % ports.len().max(1) as u16;
    let found = ports.clone().find_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, next())).ok());
    let listener = match found {
        Some(listener) => listener,
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?,
    };
    Ok(listener.local_addr()?)
}

fn ports_of_servers(told: &str) -> Range<u16> {
    let first_of_clients = told.split_whitespace().next().and_then(|first| first.parse().ok());
    PORTS.start..first_of_clients.map_or(PORTS.start, |first: u16| first.clamp(PORTS.start, PORTS.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no server is given a port that a client may be given, where there are others, nor one twice.
    #[test]
    fn no_client_takes_a_servers_port() {
        assert_eq!(ports_of_servers("32768\t60999\n"), 20_000..32_000);
        assert_eq!(ports_of_servers("21000 60999"), 20_000..21_000);
        assert!(ports_of_servers("1024 65535").is_empty() && ports_of_servers("").is_empty());
        let ports = ports_of_servers(&fs::read_to_string(PORTS_OF_CLIENTS).unwrap());
        let (one, other) = (free_address().unwrap().port(), free_address().unwrap().port());
        assert!(
            one != other && (ports.is_empty() || (ports.contains(&one) && ports.contains(&other))),
            "{one}, {other}"
        );
    }
}
