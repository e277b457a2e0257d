//! `idle`: how soon the server is ready, and what it uses while nobody wants anything of it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use crate::figures::{Figure, Floor};
use crate::server::Server;

/// The start is over: what it still does in the background is not what it does all day.
const SETTLE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How long nothing is done
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: 20.0 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { seconds: 0.2 }
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    if !server.is_known() {
        bail!("its process is not known: name it with --pid, or the binary with --binary");
    }
    tokio::time::sleep(SETTLE).await;
    let (before, began) = (server.usage(), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(options.seconds)).await;
    let after = server.usage();
    let percent = 100.0 * (after.cpu_seconds - before.cpu_seconds) / began.elapsed().as_secs_f64();
    let ready = server.ready_ms.map(|ms| Figure::new("start until ready", "ms", ms).floor(Floor::AtMost(300.0)));
    let used = [
        Figure::new("RSS", "MiB", after.mib()).floor(Floor::AtMost(40.0)),
        Figure::new("CPU", "% of a core", percent).floor(Floor::AtMost(0.5)),
    ];
    Ok(ready.into_iter().chain(used).collect())
}
