//! What the store itself tells of a task, encoded here because scripts take no JSON apart and put none together.
//!
//! Where a script has to fill in what only it knows (a child's id, the key under which a parent waits), it gets the
//! encoded fact in pieces, cut where something goes in.

use caudal_engine::ports::Outcome;
use caudal_engine::task::event::{ChildEnded, TaskCancelled, TaskCancelling, TaskRescued};
use caudal_engine::task::{Fact, Summary, TaskId, Timestamp, WireState, WorkerId};

use super::scripts::Call;

/// Stands in a fact for what a script fills in. JSON escapes it, so nothing else can look like it.
const HOLE: &str = "\u{1}";
const HOLE_IN_JSON: &str = "\"\\u0001\"";

/// A fact as a script is told it: its body, and the sentence that a list then shows of the task.
pub(super) struct Told {
    pub(super) body: String,
    pub(super) status: String,
}

pub(super) fn told(fact: impl Into<Fact>, at: Timestamp) -> Told {
    let fact = fact.into();
    let mut summary = Summary::default();
    summary.apply(&fact);
    Told { body: fact.encode(at), status: summary.status.to_string() }
}

pub(super) fn cancelling(at: Timestamp, reason: Option<&str>) -> Told {
    told(TaskCancelling { reason: reason.map(str::to_owned) }, at)
}

pub(super) fn cancelled(at: Timestamp, reason: Option<&str>) -> Told {
    told(TaskCancelled { reason: reason.map(str::to_owned) }, at)
}

/// `task.rescued` around the worker and the takeovers.
pub(super) fn rescued(at: Timestamp) -> ([String; 3], String) {
    let Told { body, status } = told(TaskRescued { worker: WorkerId::new(HOLE), takeovers: 0 }, at);
    let (before, rest) = body.split_once(HOLE_IN_JSON).unwrap_or((&body, ""));
    let (between, after) = rest.rsplit_once('0').unwrap_or((rest, ""));
    ([before.to_owned(), between.to_owned(), after.to_owned()], status)
}

/// `child.ended` around the step's key and the child's id.
pub(super) fn child_ended(at: Timestamp, state: WireState, outcome: &Outcome) -> [String; 3] {
    let child = TaskId::from_bytes([0; 16]);
    let Outcome { result, error, usage, .. } = outcome.clone();
    let fact = ChildEnded { step: HOLE.into(), child, state, result, error, usage };
    let body = Fact::from(fact).encode(at);
    let (before, rest) = body.split_once(HOLE_IN_JSON).unwrap_or((&body, ""));
    let (between, after) = rest.split_once(&child.to_string()).unwrap_or((rest, ""));
    [before.to_owned(), between.to_owned(), after.to_owned()]
}

impl Call {
    /// What `ending.lua` wants to know: what is told of children, and what a parent is told of this task.
    pub(super) fn ending(self, at: Timestamp, state: WireState, outcome: &Outcome) -> Self {
        let reason = Some("its parent has ended");
        let (asked, ended) = (cancelling(at, reason), cancelled(at, reason));
        let call = self.arg(asked.body).arg(asked.status).arg(ended.body).arg(ended.status);
        child_ended(at, state, outcome).into_iter().fold(call, Call::arg)
    }

    /// In the place of [`ending`](Self::ending), where nothing ends.
    pub(super) fn no_ending(self) -> Self {
        (0..7).fold(self, |call, _| call.arg(""))
    }
}

/// A summary as it is kept: the progress, a space, the sentence.
pub(super) fn summary_text(summary: &Summary) -> String {
    format!("{} {}", summary.progress, summary.status)
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::{ErrorReport, Json};

    use super::*;

    /// Goal: what a script puts together is what the engine would have encoded.
    #[test]
    fn pieces_make_the_whole() {
        let at = Timestamp::from_millis(1_767_225_600_123);
        let nasty = "it \"is\" \u{1} \\ \n";
        let outcomes = [
            Outcome { result: Some(Json::of(&nasty).unwrap()), ..Outcome::default() },
            Outcome { error: Some(ErrorReport::new("failed", nasty)), ..Outcome::default() },
            Outcome::default(),
        ];
        let child = TaskId::from_parts(at, 3, 99);
        for outcome in outcomes {
            let [before, between, after] = child_ended(at, WireState::Failure, &outcome);
            let step = serde_json::to_string(nasty).unwrap();
            let put_together = format!("{before}{step}{between}{child}{after}");
            let Outcome { result, error, usage, .. } = outcome;
            let fact = ChildEnded { step: nasty.into(), child, state: WireState::Failure, result, error, usage };
            assert_eq!(put_together, Fact::from(fact).encode(at));
        }
        let ([before, between, after], _) = rescued(at);
        let worker = serde_json::to_string(nasty).unwrap();
        let whole = Fact::from(TaskRescued { worker: WorkerId::new(nasty), takeovers: 7 }).encode(at);
        assert_eq!(format!("{before}{worker}{between}7{after}"), whole);
    }
}
