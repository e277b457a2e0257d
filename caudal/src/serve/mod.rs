//! `caudal serve`, `web`, `worker`, `notifications`: wires a role's parts into one process, tells what it does, and ends it in order.
//!
//! ```text
//! settings → logs → flows → store → engine → web → worker → sender → ready
//!                                                                │ SIGTERM, Ctrl-C
//!      store is closed ← web stops ← sender and worker drain ◀───┘     (a second Ctrl-C ends at once)
//! ```
//!
//! While the worker drains, the web goes on: tasks can be watched, and what is started waits in line.

mod access;
mod banner;
mod logs;
mod metrics;
mod notifications;
mod opened_store;
mod private_file;
mod resources;
mod role;
mod secret;
mod stop_signals;
mod stop_worker;
mod wiring;

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;

use crate::commands::{INTERRUPTED, SUCCESS, Usage};
use crate::output::Output;
use crate::run::WireResources;
use crate::settings::{LogFormat, SettingFlags, Settings};
pub(crate) use role::Role;
use stop_signals::StopSignals;
use wiring::Parts;

/// How long threads that are stuck in a flow's blocking code may hold up the end.
const LAST_WORD: Duration = Duration::from_millis(500);

pub(crate) fn run(role: Role, flags: SettingFlags, wire: WireResources, output: Output) -> Result<u8> {
    let settings = Settings::read(flags).map_err(|error| Usage(format!("{error:#}")))?;
    logs::start(&settings)?;
    for remark in &settings.remarks {
        tracing::warn!("{remark}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("caudal")
        .build()
        .context("no event loop can be made")?;
    let code = runtime.block_on(serve(role, &settings, wire, output));
    runtime.shutdown_timeout(LAST_WORD);
    code
}

async fn serve(role: Role, settings: &Settings, wire: WireResources, output: Output) -> Result<u8> {
    // Heard from the beginning, so that a stop during the start is not lost.
    let mut signals = StopSignals::listen().context("signals cannot be heard")?;
    let output = Output { json: output.json || settings.log_format == LogFormat::Json };
    let parts = tokio::select! {
        parts = wiring::start(role, settings, wire, output) => parts?,
        // Nothing runs yet that would have to be handed back; who waits for a Redis or a Postgres is let go.
        () = signals.next() => {
            tracing::info!("stopped before it was ready");
            return Ok(SUCCESS);
        }
    };
    banner::print(role, settings, &parts, output);
    signals.next().await;
    tokio::select! {
        () = stop(parts) => Ok(SUCCESS),
        () = signals.next() => {
            tracing::warn!("ended at once; what was running goes on at the next start");
            std::process::exit(i32::from(INTERRUPTED));
        }
    }
}

async fn stop(parts: Parts) {
    tracing::info!("stopping; press Ctrl-C again to end at once");
    // Together: each has the grace time, and whoever stops the process counts it once.
    let sender = async {
        if let Some(sender) = parts.sender {
            sender.drain().await;
        }
    };
    let worker = async {
        match parts.worker {
            Some(worker) => worker.drain().await.left_behind,
            None => 0,
        }
    };
    let ((), left_behind) = tokio::join!(sender, worker);
    let servers = parts.servers.into_iter().map(|server| async {
        if let Err(error) = server.stop().await {
            tracing::warn!("{error}");
        }
    });
    join_all(servers).await;
    parts.store.shutdown().await;
    tracing::info!(left_behind, "stopped");
}
