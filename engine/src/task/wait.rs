//! What a parked task waits for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Key;
use super::ids::TaskId;
use super::json::Json;
use super::time::Timestamp;

/// An open wait, stored when a task parks and shown to clients as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// The key of the wait, or an approval's id: what an answer refers to.
    pub id: Key,
    pub kind: WaitKind,
    /// For a signal or an approval: the name to send the value to. Else what people call it.
    pub name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Arc<str>>,
    /// What a person is to approve, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Json>,
    /// The JSON Schema of the awaited value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<TaskId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    Sleep,
    Signal,
    Approval,
    Child,
}

impl Wait {
    /// Whether a signal of this name ends the wait.
    pub fn hears_signal(&self, name: &str) -> bool {
        matches!(self.kind, WaitKind::Signal | WaitKind::Approval) && &*self.name == name
    }

    /// Whether the end of this child ends the wait.
    pub fn hears_child(&self, child: TaskId) -> bool {
        self.child == Some(child)
    }
}

/// Names that begin so are approvals: they are answered once, and a second answer is refused.
pub const APPROVAL_PREFIX: &str = "approval-";

/// Waits that are shown at once, and what they may take together; one is shown however large it is.
const MOST_SHOWN: usize = 100;
const MOST_SHOWN_BYTES: usize = 256 * 1024;
/// About what a wait takes beside its texts.
const WAIT_BYTES: usize = 200;

/// Those that are shown, in their order, and how many are left out. What people can answer is shown before what comes
/// by itself.
pub fn shown(waits: &[Wait]) -> (Vec<&Wait>, usize) {
    let (mut count, mut bytes) = (0, 0);
    let mut fits = |wait: &Wait| {
        bytes += WAIT_BYTES + wait.name.len() + wait.id.len();
        bytes += wait.question.as_ref().map_or(0, |text| text.len());
        bytes += [&wait.about, &wait.schema].into_iter().flatten().map(Json::len).sum::<usize>();
        count += 1;
        count <= MOST_SHOWN && (bytes <= MOST_SHOWN_BYTES || count == 1)
    };
    let is_answered_by_people = |wait: &&Wait| matches!(wait.kind, WaitKind::Signal | WaitKind::Approval);
    let mut take = |of_people: bool| -> Vec<bool> {
        waits.iter().map(|wait| is_answered_by_people(&wait) == of_people && fits(wait)).collect()
    };
    let (first, then) = (take(true), take(false));
    let shown: Vec<&Wait> =
        waits.iter().zip(first.iter().zip(&then)).filter(|(_, (a, b))| **a || **b).map(|(wait, _)| wait).collect();
    let omitted = waits.len() - shown.len();
    (shown, omitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(kind: WaitKind, number: usize, question: Option<&str>) -> Wait {
        let id: Key = format!("wait#{number}").into();
        let (since, question) = (Timestamp::from_millis(0), question.map(Into::into));
        Wait { name: id.clone(), id, kind, question, about: None, schema: None, since, until: None, child: None }
    }

    /// Goal: of very many waits, or very large ones, a bounded part is shown, a question before children.
    #[test]
    fn bounded_however_many_wait() {
        let mut waits: Vec<Wait> = (0..10_000).map(|number| wait(WaitKind::Child, number, None)).collect();
        waits.push(wait(WaitKind::Approval, 10_000, Some("Publish it?")));
        let (some, omitted) = shown(&waits);
        assert_eq!((some.len(), omitted), (MOST_SHOWN, waits.len() - MOST_SHOWN));
        assert_eq!(some.last().unwrap().question.as_deref(), Some("Publish it?"));
        let large = "x".repeat(MOST_SHOWN_BYTES);
        let waits: Vec<Wait> = (0..3).map(|number| wait(WaitKind::Signal, number, Some(&large))).collect();
        assert_eq!((shown(&waits).0.len(), shown(&waits).1), (1, 2));
        assert_eq!(shown(&waits[..0]), (Vec::new(), 0));
    }
}
