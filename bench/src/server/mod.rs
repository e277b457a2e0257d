//! The server that is measured: one that runs somewhere, or the real binary, started for the measurement in a folder
//! that is thrown away.

mod launch;
mod process;

use anyhow::Result;

use crate::client::{Connection, Target};
pub(crate) use launch::{Launch, Launched};
pub(crate) use process::Usage;

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) target: Target,
    /// Whose CPU time and memory are looked at; 0 when nobody told which process it is.
    pub(crate) pid: u32,
    /// From its start until it said that it is ready.
    pub(crate) ready_ms: Option<f64>,
    launched: Option<Launched>,
}

impl Server {
    pub(crate) fn running(target: Target, pid: Option<u32>) -> Self {
        Self { target, pid: pid.unwrap_or_default(), ready_ms: None, launched: None }
    }

    pub(crate) async fn launch(launch: &Launch) -> Result<Self> {
        let launched = launch.start().await?;
        Ok(Self {
            target: launched.target.clone(),
            pid: launched.pid,
            ready_ms: Some(launched.ready.as_secs_f64() * 1_000.0),
            launched: Some(launched),
        })
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.target, None).await
    }

    pub(crate) fn usage(&self) -> Usage {
        if self.pid == 0 { Usage::default() } else { Usage::of_tree(self.pid) }
    }

    pub(crate) async fn stop(self) -> Result<()> {
        match self.launched {
            Some(launched) => launched.stop().await,
            None => Ok(()),
        }
    }

    /// What the server wrote last, for whoever must find out why a scenario failed.
    pub(crate) fn last_words(&self) -> String {
        self.launched.as_ref().map(Launched::last_words).unwrap_or_default()
    }
}
