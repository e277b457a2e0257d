//! `notifications`: whether tasks notice that each of them sends a mail, while the mail server behaves badly, and well.
//!
//! With `--drain`: how fast a line of mails is worked off when the server comes back.

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::bench_task;
use crate::client::{Connection, View, WireState, start, watch_to_end};
use crate::figures::{Figure, Floor};
use crate::mail_sink::{MailSink, Manners};
use crate::server::Server;

/// What one request to send may have at most, as the server is set by default.
const ADDRESSES_PER_REQUEST: u64 = 20;
/// Spans with and without mails, one after the other, that a part is made of. This machine is slow and fast for seconds.
const TURNS: u32 = 4;
const LONGEST_STANDSTILL: Duration = Duration::from_secs(60);
/// Between two looks at the outbox.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// How long each part takes
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Steps per task
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// Work off a line of mails instead
    #[arg(long)]
    pub(super) drain: bool,
    /// How many mails stand in that line
    #[arg(long, default_value_t = 10_000)]
    mails: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { clients: 50, seconds: 8.0, steps: 5, drain: false, mails: 10_000 }
    }
}

impl Options {
    pub(super) fn draining(self) -> Self {
        Self { drain: true, ..self }
    }

    pub(super) fn small(self) -> Self {
        Self { clients: 4, seconds: 0.3, mails: 100, ..self }
    }

    /// The usual pace is what tasks are measured beside; a line is worked off as fast as it can be.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        self.drain.then(|| ("CAUDAL_MAILS_PER_SECOND", "1000000".to_owned())).into_iter().collect()
    }
}

pub(super) async fn measure(options: &Options, server: &Server, sink: &MailSink) -> Result<Vec<Figure>> {
    match options.drain {
        true => drain(options, server, sink).await,
        false => tasks_beside_mails(options, server, sink).await,
    }
}

async fn tasks_beside_mails(options: &Options, server: &Server, sink: &MailSink) -> Result<Vec<Figure>> {
    rate(options, server, false).await?;
    let mut figures = Vec::new();
    for (words, manners) in [
        ("the mail server silent", Manners::Silent),
        ("the mail server busy", Manners::Busy),
        ("the mail server hanging up", Manners::HangsUp),
        ("the mail server refusing", Manners::Refusing),
        ("the mail server well", Manners::Good),
        // Last: nobody is sent there for a while afterwards, whatever its manners are by then.
        ("the mail server down", Manners::Down),
    ] {
        let (mut without, mut with) = (Rate::default(), Rate::default());
        // In turn, and first in turn: a store that grows, or a machine that slows down, is not the mails' doing.
        for turn in 0..TURNS {
            for notifies in [turn % 2 == 1, turn % 2 == 0] {
                sink.behave(if notifies { manners } else { Manners::Silent })?;
                let so_far = if notifies { &mut with } else { &mut without };
                *so_far += rate(options, server, notifies).await?;
            }
        }
        figures.push(Figure::new(format!("without mails, {words}"), "/s", without.per_second()));
        figures.push(Figure::new(format!("each with a mail, {words}"), "/s", with.per_second()));
        let share = 100.0 * with.per_second() / without.per_second();
        figures.push(Figure::new(format!("... of those without, {words}"), "%", share).floor(Floor::AtLeast(85.0)));
        figures.push(without.cost(&format!("without mails, {words}")));
        figures.push(with.cost(words));
    }
    sink.behave(Manners::Good)?;
    Ok(figures)
}

/// What was done, in which time, at which cost.
#[derive(Debug, Default)]
struct Rate {
    tasks: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Rate {
    fn per_second(&self) -> f64 {
        self.tasks / self.seconds
    }

    /// Others on the machine move it less than the rate.
    fn cost(&self, words: &str) -> Figure {
        let each = 1_000.0 * self.cpu_seconds / self.tasks;
        Figure::new(format!("server CPU, {words}"), "s / 1,000 tasks", each)
    }
}

impl AddAssign for Rate {
    fn add_assign(&mut self, more: Self) {
        self.tasks += more.tasks;
        self.seconds += more.seconds;
        self.cpu_seconds += more.cpu_seconds;
    }
}

/// Of clients that each start a task, watch it to its end and start the next.
async fn rate(options: &Options, server: &Server, notifies: bool) -> Result<Rate> {
    let used_before = server.usage();
    let (began, count) = (Instant::now(), Arc::<AtomicU64>::default());
    let mut clients = JoinSet::new();
    for _ in 0..options.clients.max(1) {
        let (mut connection, count) = (server.connect().await?, count.clone());
        let mut body = bench_task(options.steps);
        let until = began + Duration::from_secs_f64(options.seconds / f64::from(TURNS));
        clients.spawn(async move {
            while Instant::now() < until {
                let place = count.fetch_add(1, Ordering::Relaxed);
                if notifies {
                    // Another each time: an address gets only so many within an hour.
                    body["notify"] = json!({ "email": [reader(place)], "on": ["success"] });
                }
                let task = start(&mut connection, &serde_json::to_vec(&body)?).await?;
                let ended = watch_to_end(&mut connection, &task, View::Events).await?;
                if ended.state != WireState::Succeeded {
                    bail!("task {task} ended as {:?}", ended.state);
                }
            }
            Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let (tasks, used) = (count.load(Ordering::Relaxed) as f64, server.usage() - used_before);
    Ok(Rate { tasks, seconds: began.elapsed().as_secs_f64(), cpu_seconds: used.cpu_seconds })
}

async fn drain(options: &Options, server: &Server, sink: &MailSink) -> Result<Vec<Figure>> {
    let mut connection = server.connect().await?;
    sink.behave(Manners::Silent)?;
    let began = Instant::now();
    for first in (0..options.mails).step_by(usize::try_from(ADDRESSES_PER_REQUEST)?) {
        let to: Vec<String> = (first..(first + ADDRESSES_PER_REQUEST).min(options.mails)).map(reader).collect();
        let context = json!({ "subject": "It rains", "text": "Take an umbrella.\n\nSee you soon." });
        let asked = json!({ "to": to, "template": "plain", "context": context });
        let answer = connection.post("/notifications", &serde_json::to_vec(&asked)?).await?;
        if answer.status != 200 {
            bail!("POST /notifications answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
    }
    let queued_in = began.elapsed().as_secs_f64();
    let before = server.usage();
    let began = Instant::now();
    sink.behave(Manners::Good)?;
    let mut moved = (0, Instant::now());
    while sent(&mut connection).await? < options.mails {
        let taken = sink.taken();
        if taken > moved.0 {
            moved = (taken, Instant::now());
        } else if moved.1.elapsed() > LONGEST_STANDSTILL {
            bail!("only {taken} of {} mails come", options.mails);
        }
        tokio::time::sleep(LOOK).await;
    }
    let drained_in = began.elapsed().as_secs_f64();
    let used = server.usage() - before;
    let (mails, doubled) = (options.mails as f64, sink.taken().saturating_sub(options.mails));
    Ok(vec![
        Figure::new("mails queued", "/s", mails / queued_in),
        Figure::new("mails sent", "/s", mails / drained_in).floor(Floor::AtLeast(300.0)),
        Figure::new("mails that came twice", "", doubled as f64),
        Figure::new("server CPU", "s / 1,000 mails", used.cpu_seconds / (mails / 1_000.0)),
    ])
}

fn reader(place: u64) -> String {
    format!("reader{place}@example.org")
}

/// How many are written down as sent.
async fn sent(connection: &mut Connection) -> Result<u64> {
    let answer = connection.get("/stats").await?;
    let stats: Value = serde_json::from_slice(&answer.body).context("/stats answered something else")?;
    Ok(stats["notifications"]["sent"].as_u64().unwrap_or_default())
}
