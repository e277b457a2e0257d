//! `watchers`: many event streams on one task that changes many times a second. Each change holds the time at which
//! it was told, so that a watcher knows how old it is when it arrives.
//!
//! ```text
//! ticker starts → all connect (and read) → the window: only changes told in it count → cancel → all see the end
//! ```
//! Each stream is a file and a port: above about 15,000, `ulimit -n` must allow two files per watcher (the
//! server inherits the limit), and watchers come from several addresses of 127.0.0.0/8.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{Connection, Target, WireState, cancel, start, state_of_snapshot};
use crate::figures::Figure;
use crate::latencies::Latencies;
use crate::server::{Server, Usage};

/// Ports of one address, with room for those that still linger from before.
const PER_ADDRESS: usize = 10_000;
/// Dialling at once; more would only overflow the server's backlog.
const DIALLING: usize = 128;
const LONGEST_CONNECT: Duration = Duration::from_secs(120);
const LONGEST_END: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
/// From the last connect to the window, and from the window's end to its last change's arrival.
const MARGIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How many watch
    #[arg(long, default_value_t = 1_000)]
    watchers: usize,
    /// Changes per second
    #[arg(long, default_value_t = 10.0)]
    hz: f64,
    /// How long, once all are connected
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { watchers: 1_000, hz: 10.0, seconds: 10.0 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { watchers: 20, seconds: 1.0, ..self }
    }
}

/// What the watchers share: how many are there, and which changes count.
#[derive(Debug)]
struct Window {
    connected: AtomicUsize,
    dialling: Semaphore,
    /// Unix time in microseconds.
    from: AtomicU64,
    to: AtomicU64,
}

#[derive(Debug)]
struct Watched {
    latencies: Latencies,
    connect: Duration,
    saw_end: bool,
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    check_file_limit(options.watchers)?;
    let mut connection = server.connect().await?;
    let longest = options.seconds + (LONGEST_CONNECT + LONGEST_END).as_secs_f64();
    let ticker = json!({ "flow": "ticker_flow", "inputs": { "hz": options.hz, "secs": longest } });
    let task = start(&mut connection, &serde_json::to_vec(&ticker)?).await?;
    let before = server.usage();

    let window = Arc::new(Window {
        connected: AtomicUsize::new(0),
        dialling: Semaphore::new(DIALLING),
        from: AtomicU64::new(u64::MAX),
        to: AtomicU64::new(u64::MAX),
    });
    let began = Instant::now();
    let mut watchers = JoinSet::new();
    for number in 0..options.watchers {
        let path = format!("/task-status/{task}");
        watchers.spawn(watch(server.target.clone(), source_address(number), path, window.clone()));
    }
    wait_until_connected(&window, options.watchers, &mut watchers).await?;
    let connected_in = began.elapsed();

    tokio::time::sleep(MARGIN).await;
    let (from, at_begin, here_at_begin) = (unix_micros(), server.usage(), Usage::of_this_process());
    window.from.store(from, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs_f64(options.seconds)).await;
    let (to, at_end, here_at_end) = (unix_micros(), server.usage(), Usage::of_this_process());
    window.to.store(to, Ordering::Relaxed);
    tokio::time::sleep(MARGIN).await;

    cancel(&mut connection, &task).await?;
    let watched = match tokio::time::timeout(LONGEST_END, watchers.join_all()).await {
        Ok(watched) => watched.into_iter().collect::<Result<Vec<_>>>()?,
        Err(_) => bail!("not all watchers were told of the end"),
    };
    let seconds = (to - from) as f64 / 1e6;
    let mut figures = vec![Figure::new("all connected in", "s", connected_in.as_secs_f64())];
    figures.extend(received(watched)?);
    let cores = |name: &str, used: Usage| Figure::new(name, "cores", used.cpu_seconds / seconds);
    if server.pid != 0 {
        let per_watcher = (at_end.resident_bytes - before.resident_bytes) / 1_024.0 / options.watchers.max(1) as f64;
        figures.push(cores("server CPU", at_end - at_begin));
        figures.push(Figure::new("server RSS per watcher", "KiB", per_watcher));
        figures.push(Figure::new("server RSS", "MiB", at_end.mib()));
    }
    figures.push(cores("generator CPU", here_at_end - here_at_begin));
    Ok(figures)
}

fn received(watched: Vec<Watched>) -> Result<Vec<Figure>> {
    if let Some(missed) = Some(watched.iter().filter(|one| !one.saw_end).count()).filter(|count| *count > 0) {
        bail!("{missed} streams ended before the task");
    }
    // Nobody can have seen more changes than were made.
    let made = watched.iter().map(|one| one.latencies.len()).max().unwrap_or_default();
    let (mut latencies, mut connects) = (Latencies::default(), Latencies::default());
    let count = watched.len().max(1) as f64;
    for one in watched {
        connects.record(one.connect);
        latencies.merge(one.latencies);
    }
    if latencies.len() == 0 {
        bail!("no change arrived");
    }
    let per_watcher = latencies.len() as f64 / count;
    let mut figures = vec![
        Figure::new("changes made", "", made as f64),
        Figure::new("changes received per watcher", "", per_watcher),
        Figure::new("received", "%", 100.0 * per_watcher / made as f64),
    ];
    figures.extend(Figure::of_latencies("change to watcher", &mut latencies));
    figures.extend(Figure::of_latencies("connect to first message", &mut connects));
    Ok(figures)
}

async fn watch(target: Target, from: Option<Ipv4Addr>, path: String, window: Arc<Window>) -> Result<Watched> {
    let permit = window.dialling.acquire().await?;
    let began = Instant::now();
    let mut connection = Connection::open(&target, from).await?;
    let mut stream = connection.watch(&path).await?;
    let mut watched = Watched { latencies: Latencies::default(), connect: Duration::ZERO, saw_end: false };
    if !stream.advance().await? {
        bail!("a stream ended before its first message");
    }
    watched.connect = began.elapsed();
    drop(permit);
    window.connected.fetch_add(1, Ordering::Relaxed);
    while stream.advance().await? {
        let data = &stream.message().data;
        if let Some(told) = time_in_status(data) {
            let counts = (window.from.load(Ordering::Relaxed)..window.to.load(Ordering::Relaxed)).contains(&told);
            if counts {
                watched.latencies.record(Duration::from_micros(unix_micros().saturating_sub(told)));
            }
        }
        watched.saw_end |= state_of_snapshot(data) != WireState::Running;
    }
    Ok(watched)
}

/// Fails with the first watcher that fails.
async fn wait_until_connected(window: &Window, all: usize, watchers: &mut JoinSet<Result<Watched>>) -> Result<()> {
    let began = Instant::now();
    while window.connected.load(Ordering::Relaxed) < all {
        if let Some(ended) = watchers.try_join_next() {
            ended??;
            bail!("a stream ended before the task");
        }
        if began.elapsed() > LONGEST_CONNECT {
            bail!("only {} of {all} watchers are connected", window.connected.load(Ordering::Relaxed));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The microseconds of `t=<unix seconds with six decimals>`, as which a ticker tells its status.
fn time_in_status(data: &[u8]) -> Option<u64> {
    const MARK: &[u8] = b"\"status\":\"t=";
    let at = data.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let digits = data[at..].iter().take_while(|byte| **byte != b'"').filter(|byte| byte.is_ascii_digit());
    Some(digits.fold(0_u64, |all, digit| all.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))))
}

fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The first ten thousand come from where the kernel says; the others from addresses with ports of their own.
fn source_address(number: usize) -> Option<Ipv4Addr> {
    let address = u8::try_from(number / PER_ADDRESS).ok()?;
    (address > 0).then(|| Ipv4Addr::new(127, 0, 0, 1 + address))
}

fn check_file_limit(watchers: usize) -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("the limit of open files is not known")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let needed = watchers + 200;
    if limit < needed {
        bail!("{watchers} watchers need {needed} open files, and {limit} are allowed: run `ulimit -n {needed}` first");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the time is found in a snapshot, and only there.
    #[test]
    fn times() {
        let data = br#"{"state":"PROGRESS","details":{"status":"t=1700000000.123456","progress":3}}"#;
        assert_eq!(time_in_status(data), Some(1_700_000_000_123_456));
        assert_eq!(time_in_status(br#"{"details":{"status":"Waiting"}}"#), None);
    }

    /// Goal: no address gets more watchers than it has ports.
    #[test]
    fn source_addresses() {
        assert_eq!([0, 9_999].map(source_address), [None, None]);
        assert_eq!([10_000, 20_000].map(source_address).map(|one| one.unwrap().octets()[3]), [2, 3]);
    }
}
