//! The flows: each step is one round trip that stores and tells.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};

use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Failure, TOLD, result_key};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) flow: String,
    #[serde(default)]
    pub(crate) inputs: Inputs,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Inputs {
    steps: Option<u32>,
    step_ms: Option<u64>,
    hz: Option<f64>,
    secs: Option<f64>,
}

pub(crate) async fn run(start: Start, task: &str, redis: ConnectionManager) -> Result<u32, Failure> {
    let teller = Teller { task, redis };
    match start.flow.as_str() {
        "bench_flow" => in_steps(teller, start.inputs.steps.unwrap_or(5), None).await,
        "slow_flow" => {
            let pause = Duration::from_millis(start.inputs.step_ms.unwrap_or(200));
            in_steps(teller, start.inputs.steps.unwrap_or(10), Some(pause)).await
        }
        "ticker_flow" => tick(teller, start.inputs.hz.unwrap_or(10.0), start.inputs.secs.unwrap_or(10.0)).await,
        other => Err(format!("{other} is no flow").into()),
    }
}

async fn in_steps(mut teller: Teller<'_>, steps: u32, pause: Option<Duration>) -> Result<u32, Failure> {
    let mut results = Vec::new();
    for number in 1..=steps {
        if let Some(pause) = pause {
            note_start(teller.task, number)?;
            tokio::time::sleep(pause).await;
        }
        let name = format!("Step {number}");
        results.push(json!({ "type": "log", "message": "Nothing to do" }));
        results
            .push(json!({ "type": "tool_result", "step_name": name, "tool": "nothing", "data": { "step": number } }));
        let details = json!({ "status": name, "progress": 100 * number / steps, "step_results": results });
        teller.tell("PROGRESS", details, Some("Nothing to do")).await?;
    }
    teller.tell("SUCCESS", json!({ "step_results": results, "final_result": steps }), None).await?;
    Ok(steps)
}

async fn tick(mut teller: Teller<'_>, hz: f64, secs: f64) -> Result<u32, Failure> {
    let (began, ticks) = (Instant::now(), (hz * secs).round() as u32);
    for tick in 1..=ticks {
        let due = Duration::from_secs_f64(f64::from(tick) / hz);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        let details = json!({ "status": format!("t={now:.6}"), "progress": 99 * tick / ticks });
        teller.tell("PROGRESS", details, None).await?;
    }
    teller.tell("SUCCESS", json!({ "final_result": ticks }), None).await?;
    Ok(ticks)
}

struct Teller<'a> {
    task: &'a str,
    redis: ConnectionManager,
}

impl Teller<'_> {
    async fn tell(&mut self, state: &str, details: Value, line: Option<&str>) -> Result<(), Failure> {
        // The state stands first, whatever order the map has.
        let told = format!("{{\"state\":\"{state}\",\"details\":{details}}}");
        let mut pipeline = redis::pipe();
        if let Some(line) = line {
            pipeline.rpush(format!("log:{}", self.task), line).ignore();
        }
        pipeline.set(result_key(self.task), &told).ignore();
        pipeline.publish(format!("{TOLD}{}", self.task), told).ignore();
        Ok(pipeline.query_async(&mut self.redis).await?)
    }
}

fn note_start(task: &str, number: u32) -> Result<(), Failure> {
    let Some(path) = std::env::var_os("STEP_LOG") else { return Ok(()) };
    let line = format!("{task} {number} {}\n", std::process::id());
    Ok(OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())?)
}
