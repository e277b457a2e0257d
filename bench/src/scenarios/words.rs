//! `words`: from a provider's first word to the watchers of a flow that streams it.
//!
//! ```text
//! poem_flow starts → the provider is asked, and holds → all watchers connect → the word leaves, with its time
//!                                                        → each watcher sees it, and knows how old it is
//! ```

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Connection, Target, start};
use crate::figures::{Figure, Floor};
use crate::latencies::Latencies;
use crate::provider::{Provider, unix_micros};
use crate::server::Server;

const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// Poems with one watcher, one after the other
    #[arg(long, default_value_t = 200)]
    poems: usize,
    /// Watchers of one poem
    #[arg(long, default_value_t = 1_000)]
    watchers: usize,
    /// Poems with so many watchers
    #[arg(long, default_value_t = 10)]
    watched_poems: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { poems: 200, watchers: 1_000, watched_poems: 10 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { poems: 5, watchers: 20, watched_poems: 2 }
    }
}

pub(super) async fn measure(options: &Options, server: &Server, provider: &Provider) -> Result<Vec<Figure>> {
    let mut connection = server.connect().await?;
    let (mut alone, mut together) = (Latencies::default(), Latencies::default());
    for _ in 0..options.poems {
        alone.merge(first_word(&mut connection, server, provider, 1).await?);
    }
    for _ in 0..options.watched_poems {
        together.merge(first_word(&mut connection, server, provider, options.watchers).await?);
    }
    let name = format!("first word to {} watchers", options.watchers);
    let [half_alone, most_alone] = Figure::of_latencies("first word to 1 watcher", &mut alone);
    let [half, most] = Figure::of_latencies(&name, &mut together);
    let (soon, to_all) = (Floor::AtMost(50.0), Floor::AtMost(100.0));
    Ok(vec![half_alone.floor(soon), most_alone, half, most.floor(to_all)])
}

/// One poem: how long its first word took to each of so many watchers.
async fn first_word(
    connection: &mut Connection,
    server: &Server,
    provider: &Provider,
    watchers: usize,
) -> Result<Latencies> {
    let poem = json!({ "flow": "poem_flow", "inputs": { "theme": "words" } });
    let task = start(connection, &serde_json::to_vec(&poem)?).await?;
    tokio::time::timeout(LONGEST, provider.asked()).await.context("the provider was not asked")??;
    let (ready, mut all_ready) = tokio::sync::mpsc::channel(watchers.max(1));
    let mut watching = JoinSet::new();
    for _ in 0..watchers {
        watching.spawn(watch(server.target.clone(), format!("/task-status/{task}"), ready.clone()));
    }
    drop(ready);
    for _ in 0..watchers {
        if all_ready.recv().await.is_none() {
            bail!("a watcher did not get in");
        }
    }
    provider.let_go();
    let mut latencies = Latencies::default();
    let watched = tokio::time::timeout(LONGEST, watching.join_all()).await.context("the word did not arrive")?;
    for latency in watched {
        latencies.record(latency?);
    }
    Ok(latencies)
}

async fn watch(target: Target, path: String, ready: tokio::sync::mpsc::Sender<()>) -> Result<Duration> {
    let mut connection = Connection::open(&target, None).await?;
    let mut stream = connection.watch(&path).await?;
    let mut is_ready = false;
    while stream.advance().await? {
        if let Some(left) = time_of_word(&stream.message().data) {
            return Ok(Duration::from_micros(unix_micros().saturating_sub(left)));
        }
        if !std::mem::replace(&mut is_ready, true) {
            ready.send(()).await?;
        }
    }
    bail!("a stream ended without a word")
}

/// The microseconds of `t=<unix microseconds>`, as which the provider says its first word.
fn time_of_word(data: &[u8]) -> Option<u64> {
    const MARK: &[u8] = b"\":\"t=";
    let at = data.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let digits: Vec<u8> = data[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the time is found in a stream's text, and only there.
    #[test]
    fn times() {
        let data = br#"{"state":"PROGRESS","details":{"streams":{"Write the poem":"t=1700000000123456 and"}}}"#;
        assert_eq!(time_of_word(data), Some(1_700_000_000_123_456));
        assert_eq!(time_of_word(br#"{"details":{"status":"Waiting"}}"#), None);
    }
}
