//! Runs flows in memory, with a clock that jumps over every wait, and crashes them wherever they could crash.
//!
//! ```
//! # extern crate caudal_engine as caudal;
//! use caudal::prelude::*;
//! use caudal::testing::{crash_after_every_step, run_flow};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Order { pieces: u32 }
//!
//! /// Packs an order and lets it rest for three days.
//! #[flow]
//! async fn pack_flow(ctx: &mut FlowContext, order: Order) -> FlowResult<u32> {
//!     let packed = ctx.step("Pack", |_| async { Ok(order.pieces) }).await?;
//!     ctx.sleep(std::time::Duration::from_secs(3 * 24 * 3600)).await?;
//!     Ok(packed)
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let task = run_flow(pack_flow, serde_json::json!({ "pieces": 7 })).await;
//! assert_eq!(task.result::<u32>(), 7);
//! crash_after_every_step(pack_flow, serde_json::json!({ "pieces": 7 })).await;
//! # });
//! ```

mod compare;
mod platform;

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::compare::{check_log, told};
use self::platform::Platform;
use crate::flow::{Flow, FlowDefinition, Resources};
use crate::task::{Budget, ErrorReport, Event, Fact, TaskView, WireState};

/// Runs a flow to its end. Sleeps take no time; approvals are answered yes.
pub async fn run_flow<F: Flow>(flow: F, input: impl Serialize) -> TestedTask {
    FlowTest::new(flow, input).run().await
}

/// Runs a flow once for each of its checkpoints, crashes it there — once before the write arrived, once after —, lets
/// it go on with its branches finishing in another order, and demands the same result, the same view, the same
/// notifications, a gapless log, and no step finished and nobody told twice. Panics where that does not hold.
pub async fn crash_after_every_step<F: Flow>(flow: F, input: impl Serialize) {
    FlowTest::new(flow, input).crash_after_every_step().await;
}

/// A flow under test.
#[derive(Clone)]
pub struct FlowTest {
    pub(crate) flow: &'static FlowDefinition,
    pub(crate) input: Value,
    pub(crate) signals: Vec<(String, Value)>,
    pub(crate) approval: Value,
    pub(crate) answer: Option<Value>,
    pub(crate) budget: Budget,
    pub(crate) resources: Resources,
    seeds: u64,
}

impl FlowTest {
    #[expect(clippy::panic, reason = "a test that cannot be set up must fail")]
    pub fn new<F: Flow>(flow: F, input: impl Serialize) -> Self {
        let input = match serde_json::to_value(input) {
            Ok(input) => input,
            Err(error) => panic!("the test's input cannot be written as JSON: {error}"),
        };
        Self {
            flow: flow.definition(),
            input,
            signals: Vec::new(),
            approval: serde_json::json!({ "approved": true }),
            answer: None,
            budget: Budget::default(),
            resources: Resources::default(),
            seeds: 2,
        }
    }

    /// Sends this as soon as the task waits for a signal of that name; several of one name go in order.
    #[must_use]
    pub fn signal(mut self, name: &str, value: impl Serialize) -> Self {
        self.signals.push((name.to_owned(), serde_json::to_value(value).unwrap_or_default()));
        self
    }

    /// Answers approvals with no.
    #[must_use]
    pub fn refusing(mut self, comment: &str) -> Self {
        self.approval = serde_json::json!({ "approved": false, "comment": comment });
        self
    }

    /// Answers the questions of `ctx.ask`, whatever they are.
    #[must_use]
    pub fn answering(mut self, answer: impl Serialize) -> Self {
        self.answer = serde_json::to_value(answer).ok();
        self
    }

    /// Starts the task with this budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    #[must_use]
    pub fn resource<T: Send + Sync + 'static>(mut self, resource: T) -> Self {
        self.resources.insert(resource);
        self
    }

    /// How many orders of finishing each crash is tried with.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds.max(1);
        self
    }

    pub async fn run(&self) -> TestedTask {
        let mut platform = Platform::new(self, None);
        platform.run().await
    }

    #[expect(clippy::panic, reason = "what a test kit finds wrong must fail the test")]
    pub async fn crash_after_every_step(&self) {
        let mut reference = Platform::new(self, None);
        let expected = reference.run().await;
        check_log(&expected.events, "without a crash");
        let expected = told(&expected);
        for (seed, applied) in (0..self.seeds).flat_map(|seed| [(seed, true), (seed, false)]) {
            // Other orders of finishing may take fewer writes, or more.
            for checkpoint in 1.. {
                let place =
                    format!("seed {seed}, crashed {} write {checkpoint}", if applied { "after" } else { "before" });
                let mut platform = Platform::new(self, Some(seed * 1_000 + checkpoint));
                platform.crash_at(checkpoint, applied);
                let task = platform.run().await;
                check_log(&task.events, &place);
                let is = told(&task);
                if expected != is {
                    panic!("{place}: the task ended differently\nwithout a crash: {expected:#}\nwith it: {is:#}");
                }
                if platform.writes() < checkpoint {
                    assert!(checkpoint > 1, "{place}: nothing was written, so nothing crashed");
                    break;
                }
            }
        }
    }
}

/// A task that has ended.
#[derive(Debug, Clone)]
pub struct TestedTask {
    pub view: TaskView,
    pub events: Vec<Event>,
    /// Who would be told.
    outbox: Vec<String>,
}

impl TestedTask {
    pub fn state(&self) -> WireState {
        self.view.state
    }

    /// The flow's result. Panics when the task did not succeed.
    #[expect(clippy::panic, reason = "a test that expects a result fails without one")]
    pub fn result<T: DeserializeOwned>(&self) -> T {
        match (&self.view.final_result, &self.view.error) {
            (Some(result), None) => match result.parse() {
                Ok(result) => result,
                Err(error) => panic!("the result {result:?} does not fit: {error}"),
            },
            (_, error) => panic!("the task ended {:?}: {error:?}", self.view.state),
        }
    }

    pub fn error(&self) -> Option<&ErrorReport> {
        self.view.error.as_ref()
    }

    /// The messages that were logged, in order.
    pub fn logs(&self) -> Vec<&str> {
        let logged = self.events.iter().filter_map(|event| match &event.fact {
            Fact::Log(log) => Some(&*log.message),
            _ => None,
        });
        logged.collect()
    }

    /// The names of the steps that finished, with how often each name did.
    pub fn finished_steps(&self) -> HashMap<&str, usize> {
        let mut finished = HashMap::new();
        for event in &self.events {
            if let Fact::StepSucceeded(step) = &event.fact {
                *finished.entry(&*step.name).or_insert(0) += 1;
            }
        }
        finished
    }
}
