//! What the fold of a log knows of attempts that a crash cut off.

use super::*;
use crate::task::event::{Chunk, StepStarted, StepSucceeded, Teller, Usage};

fn lost(facts: &[Fact]) -> Vec<usize> {
    let mut history = History::default();
    for (seq, fact) in (1..).zip(facts) {
        history.apply(Event { seq, at: Timestamp::from_millis(0), fact: fact.clone() });
    }
    history.note_lost();
    history.lost.into_values().collect()
}

/// Goal: an attempt that began and neither ended nor told what it took is known, with how much it had said.
#[test]
fn a_lost_attempt_is_known() {
    let step = Key::from("a/1");
    let began = Fact::from(StepStarted { step: step.clone(), name: "a".into(), attempt: 1, ordinal: 0 });
    let said = Fact::from(Chunk { step: step.clone(), attempt: 1, text: "four".to_owned() });
    let took = Fact::from(Usage {
        model: "m".into(),
        prompt_tokens: 1,
        completion_tokens: 1,
        cost: None,
        estimated: false,
        rehearsal: false,
        teller: Teller { step: Some(step.clone()), attempt: Some(1), key: None },
    });
    let done = Fact::from(StepSucceeded { step, name: "a".into(), attempt: 1, result: Json::null() });
    assert_eq!(lost(std::slice::from_ref(&began)), [0]);
    assert_eq!(lost(&[began.clone(), said.clone(), said.clone()]), [8]);
    assert_eq!(lost(&[began.clone(), said.clone(), took]), [0; 0]);
    assert_eq!(lost(&[began.clone(), said.clone(), done]), [0; 0]);
    assert_eq!(lost(&[began.clone(), said, began]), [0], "only the last one can be");
}
