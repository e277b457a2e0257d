//! A flow as the platform knows it: what `#[flow]` wrote down at compile time.

use std::any::type_name;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::context::FlowContext;
use super::error::{FlowError, FlowResult};
use super::resources::{Missing, Need, Resources};
use crate::task::{Budget, Json};

/// A flow as a type, so that a child, a test and a start can be checked by the compiler.
///
/// `#[flow] async fn poem_flow(…)` makes a unit struct `poem_flow` that implements this.
pub trait Flow: Send + Sync + 'static {
    type Input: DeserializeOwned + Send;
    type Output: Serialize + Send;
    fn definition(&self) -> &'static FlowDefinition;
}

pub type RunFuture<'a> = Pin<Box<dyn Future<Output = FlowResult<Json>> + Send + 'a>>;

pub struct FlowDefinition {
    pub name: &'static str,
    pub title: &'static str,
    /// The first line of the doc comment.
    pub summary: &'static str,
    /// The whole doc comment.
    pub description: &'static str,
    pub version: u32,
    /// Earlier names, under which old tasks keep running.
    pub formerly: &'static [&'static str],
    /// Registered only when diagnostics are on.
    pub diagnostics: bool,
    /// Where it stands in the source, for messages.
    pub location: &'static str,
    pub options: OptionsSpec,
    /// The resources without which it cannot run.
    pub needs: &'static [Need],
    pub input_schema: fn() -> &'static Json,
    pub output_schema: fn() -> &'static Json,
    pub run: for<'a> fn(&'a mut FlowContext, &'a Json) -> RunFuture<'a>,
}

/// The options of `#[flow(…)]`. Durations are milliseconds because they are written at compile time.
#[derive(Debug, Clone, Copy, Default)]
pub struct OptionsSpec {
    /// Ends the task after this much time that it was not parked.
    pub timeout_ms: Option<u64>,
    /// Ends the task after this much time in all.
    pub deadline_ms: Option<u64>,
    /// How often the whole function is run again after it failed.
    pub retries: u32,
    /// How many tasks of it a worker process runs at once.
    pub concurrency: Option<u32>,
    /// Addresses that hear of every failure; none when the flow does not ask for that, empty when it leaves to the
    /// settings who they are.
    pub notify_on_failure: Option<&'static [&'static str]>,
    /// What a task of it may spend on models, unless its start says otherwise.
    pub max_cost: Option<f64>,
    pub max_tokens: Option<u64>,
}

impl OptionsSpec {
    /// `Default` for statics.
    pub const DEFAULT: Self = Self {
        timeout_ms: None,
        deadline_ms: None,
        retries: 0,
        concurrency: None,
        notify_on_failure: None,
        max_cost: None,
        max_tokens: None,
    };

    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_ms.map(Duration::from_millis)
    }

    pub fn budget(&self) -> Budget {
        Budget { max_cost: self.max_cost, max_tokens: self.max_tokens }
    }
}

impl FlowDefinition {
    /// What it needs and this process does not have; empty when it is ready.
    pub fn missing(&self, resources: &Resources) -> Vec<Missing> {
        self.needs.iter().filter(|need| !(need.is_met)(resources)).map(|need| need.missing).collect()
    }
}

impl std::fmt::Debug for FlowDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowDefinition")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The input of a flow that takes none: `{}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

/// What `inventory` collects.
pub struct FlowRegistration(pub &'static FlowDefinition);

inventory::collect!(FlowRegistration);

/// The JSON Schema (2020-12) of a type, made once per place it is asked from.
pub fn schema_of<T: JsonSchema>(cell: &'static OnceLock<Json>) -> &'static Json {
    cell.get_or_init(|| {
        let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
        Json::of(&schema).unwrap_or_default()
    })
}

/// Parses the input, runs the function, and encodes its result.
pub fn run_boxed<'a, I, O, F, Fut>(ctx: &'a mut FlowContext, input: &'a Json, run: F) -> RunFuture<'a>
where
    I: DeserializeOwned + Send + 'a,
    O: Serialize + Send + 'a,
    F: FnOnce(&'a mut FlowContext, I) -> Fut + Send + 'a,
    Fut: Future<Output = FlowResult<O>> + Send + 'a,
{
    Box::pin(async move {
        let input: I = input
            .parse()
            .map_err(|error| FlowError::invalid_input(format!("the input is no {}: {error}", type_name::<I>())))?;
        let output = run(ctx, input).await?;
        Json::of(&output).map_err(|error| FlowError::give_up(format!("the result cannot be written as JSON: {error}")))
    })
}
