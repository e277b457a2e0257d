//! `watchers`: many event streams on one task that changes many times a second, or each on a task of its own. Each
//! change holds the time at which it was told, so that a watcher knows how old it is when it arrives.
//!
//! ```text
//! tickers start → all connect (and read) → the window: only changes told in it count → over: all leave
//! ```
//! Each stream is a port: above ten thousand, watchers come from several addresses of 127.0.0.0/8.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{Connection, Target, View, WireState, start, state_of_snapshot};
use crate::figures::{Figure, Floor};
use crate::latencies::Latencies;
use crate::open_files::check_limit;
use crate::provider::unix_micros;
use crate::server::{Needs, Server, Usage};

/// Ports of one address, with room for those that still linger from before.
const PER_ADDRESS: usize = 10_000;
/// Dialling at once; more would only overflow the server's backlog.
const DIALLING: usize = 128;
const LONGEST_CONNECT: Duration = Duration::from_secs(120);
const LONGEST_END: Duration = Duration::from_secs(60);
/// For others than the watched tasks.
const SPARE_SLOTS: usize = 64;
const LOOK: Duration = Duration::from_millis(10);
/// From the last connect to the window, and from the window's end to its last change's arrival.
const MARGIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How many watch
    #[arg(long, default_value_t = 10_000)]
    watchers: usize,
    /// Changes per second
    #[arg(long, default_value_t = 10.0)]
    hz: f64,
    /// Each watches a task of its own, instead of all the same
    #[arg(long)]
    pub(super) own: bool,
    /// What is watched [default: each event of ours, what a peer tells]
    #[arg(long, value_enum)]
    #[serde(skip)]
    view: Option<View>,
    /// How long, once all are connected
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { watchers: 10_000, hz: 10.0, seconds: 10.0, own: false, view: None }
    }
}

impl Options {
    /// A change every five seconds each, which is a thousand a second of all.
    pub(super) fn each_its_own(self) -> Self {
        Self { watchers: 5_000, hz: 0.2, seconds: 15.0, own: true, ..self }
    }

    /// A task of each watcher runs all the time, and nobody waits for it when all is over.
    pub(super) fn needs(&self) -> Needs {
        let slots = self.own.then_some(self.watchers + SPARE_SLOTS);
        Needs { slots, environment: vec![("CAUDAL_GRACE_SECONDS", "1".to_owned())], ..Needs::default() }
    }

    pub(super) fn small(self) -> Self {
        Self { watchers: 20, hz: 10.0, seconds: 1.0, ..self }
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
    over: AtomicBool,
}

#[derive(Debug)]
struct Watched {
    latencies: Latencies,
    connect: Duration,
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    check_limit(options.watchers)?;
    let mut connection = server.connect().await?;
    let longest = options.seconds + (LONGEST_CONNECT + LONGEST_END).as_secs_f64();
    let ticker = json!({ "flow": "ticker_flow", "inputs": { "hz": options.hz, "secs": longest } });
    let body = serde_json::to_vec(&ticker)?;
    let mut tasks = vec![start(&mut connection, &body).await?];
    while options.own && tasks.len() < options.watchers {
        tasks.push(start(&mut connection, &body).await?);
    }
    let before = server.usage_of_web();

    let window = Arc::new(Window {
        connected: AtomicUsize::new(0),
        dialling: Semaphore::new(DIALLING),
        from: AtomicU64::new(u64::MAX),
        to: AtomicU64::new(u64::MAX),
        over: AtomicBool::new(false),
    });
    let sees_events = options.view.unwrap_or(server.view()) == View::Events;
    let query = if sees_events { "?view=events" } else { "" };
    let gapless = sees_events && server.system.is_ours();
    let began = Instant::now();
    let mut watchers = JoinSet::new();
    for number in 0..options.watchers {
        let path = format!("/task-status/{}{query}", tasks[number % tasks.len()]);
        watchers.spawn(watch(server.target.clone(), source_address(number), path, gapless, window.clone()));
    }
    wait_until_connected(&window, options.watchers, &mut watchers).await?;
    let connected_in = began.elapsed();

    tokio::time::sleep(MARGIN).await;
    let (from, at_begin, here_at_begin) = (unix_micros(), Used::now(server), Usage::of_this_process());
    window.from.store(from, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs_f64(options.seconds)).await;
    let (to, at_end, here_at_end) = (unix_micros(), Used::now(server), Usage::of_this_process());
    window.to.store(to, Ordering::Relaxed);
    tokio::time::sleep(MARGIN).await;

    window.over.store(true, Ordering::Relaxed);
    let watched = match tokio::time::timeout(LONGEST_END, watchers.join_all()).await {
        Ok(watched) => watched.into_iter().collect::<Result<Vec<_>>>()?,
        Err(_) => bail!("not all watchers hear of changes any more"),
    };
    let seconds = (to - from) as f64 / 1e6;
    let is_ours = server.system.is_ours();
    let mut figures = vec![
        Figure::new("all connected in", "s", connected_in.as_secs_f64()).floor(is_ours.then_some(Floor::AtMost(10.0))),
    ];
    figures.extend(received(watched, options, seconds, is_ours)?);
    let cores = |name: &str, used: Usage| Figure::new(name, "cores", used.cpu_seconds / seconds);
    if server.is_known() {
        let grown = at_end.web.resident_bytes - before.resident_bytes;
        figures.push(cores("server CPU", at_end.all - at_begin.all));
        figures.push(cores("web process CPU", at_end.web - at_begin.web));
        let each = grown / 1_024.0 / options.watchers.max(1) as f64;
        let most = (is_ours && !options.own).then_some(Floor::AtMost(14.0));
        figures.push(Figure::new("web RSS per watcher", "KiB", each).floor(most));
        figures.push(Figure::new("web RSS", "MiB", at_end.web.mib()));
    }
    figures.push(cores("generator CPU", here_at_end - here_at_begin));
    Ok(figures)
}

#[derive(Debug, Clone, Copy)]
struct Used {
    all: Usage,
    web: Usage,
}

impl Used {
    fn now(server: &Server) -> Self {
        Self { all: server.usage(), web: server.usage_of_web() }
    }
}

fn received(watched: Vec<Watched>, options: &Options, seconds: f64, is_ours: bool) -> Result<Vec<Figure>> {
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
    // What should have been told in the window; a change more or less may fall into it.
    let due = options.hz * seconds;
    let mut figures =
        vec![Figure::new("changes due", "", due), Figure::new("changes received per watcher", "", per_watcher)];
    if options.own {
        figures.push(Figure::new("received", "%", 100.0 * per_watcher / due));
    } else {
        figures.push(Figure::new("changes made", "", made as f64));
        figures.push(Figure::new("received", "%", 100.0 * per_watcher / made as f64));
    }
    let [half, most] = Figure::of_latencies("change to watcher", &mut latencies);
    let floor = (is_ours && options.own).then_some(Floor::AtMost(150.0));
    figures.extend([half, most.floor(floor)]);
    figures.extend(Figure::of_latencies("connect to first message", &mut connects));
    Ok(figures)
}

/// Fails when an event is missing, where each has a number.
async fn watch(
    target: Target,
    from: Option<Ipv4Addr>,
    path: String,
    gapless: bool,
    window: Arc<Window>,
) -> Result<Watched> {
    let permit = window.dialling.acquire().await?;
    let began = Instant::now();
    let mut connection = Connection::open(&target, from).await?;
    let mut stream = connection.watch(&path).await?;
    let mut watched = Watched { latencies: Latencies::default(), connect: Duration::ZERO };
    if !stream.advance().await? {
        bail!("a stream ended before its first message");
    }
    watched.connect = began.elapsed();
    drop(permit);
    window.connected.fetch_add(1, Ordering::Relaxed);
    let mut last = number(&stream.message().id);
    while stream.advance().await? {
        let came = number(&stream.message().id);
        if gapless && came != last.map(|last| last + 1) {
            bail!("event {came:?} came after {last:?}");
        }
        last = came;
        let data = &stream.message().data;
        if let Some(told) = time_in_status(data) {
            let counts = (window.from.load(Ordering::Relaxed)..window.to.load(Ordering::Relaxed)).contains(&told);
            if counts {
                watched.latencies.record(Duration::from_micros(unix_micros().saturating_sub(told)));
            }
        }
        if state_of_snapshot(data) != WireState::Running {
            bail!("a task ended while it was watched");
        }
        if window.over.load(Ordering::Relaxed) {
            return Ok(watched);
        }
    }
    bail!("a stream ended before its task")
}

fn number(id: &[u8]) -> Option<u64> {
    std::str::from_utf8(id).ok()?.parse().ok()
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

/// The microseconds of `t=<unix seconds with six decimals>`, as which a ticker tells its status, in events and snapshots.
fn time_in_status(data: &[u8]) -> Option<u64> {
    const MARK: &[u8] = b"\":\"t=";
    let at = data.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let digits = data[at..].iter().take_while(|byte| **byte != b'"').filter(|byte| byte.is_ascii_digit());
    Some(digits.fold(0_u64, |all, digit| all.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))))
}

/// The first ten thousand come from where the kernel says; the others from addresses with ports of their own.
fn source_address(number: usize) -> Option<Ipv4Addr> {
    let address = u8::try_from(number / PER_ADDRESS).ok()?;
    (address > 0).then(|| Ipv4Addr::new(127, 0, 0, 1 + address))
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
