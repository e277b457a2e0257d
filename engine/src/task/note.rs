//! What a log keeps of scopes and waits beside what is made in them, for the code that runs again.
//!
//! Notes are `recorded` values without a place: older code and clients pass over them.

use serde::{Deserialize, Serialize};

use super::event::{Key, Recorded};
use super::json::Json;

/// The ordinal of what may be made anywhere (cleanup, notes): its place is not compared.
pub const NO_PLACE: u32 = u32::MAX;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The scope with this key was opened, as which one in its parent.
    Opened(u32),
    /// The `map` with this key ended because this item failed, whichever others were under way.
    FailedItem(u32),
    /// The wait with this key was dropped: nobody waits for the signal of this name or the answer to this approval.
    Withdrawn(Key),
}

impl Note {
    pub fn of(recorded: &Recorded) -> Option<Self> {
        if recorded.ordinal != NO_PLACE {
            return None;
        }
        recorded.value.parse().ok()
    }

    pub fn record(&self, step: Key) -> Recorded {
        Recorded { step, ordinal: NO_PLACE, value: Json::of(self).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a note comes back as it was, and nothing that has a place is one.
    #[test]
    fn notes_come_back() {
        for note in [Note::Opened(3), Note::FailedItem(0), Note::Withdrawn("approval-1".into())] {
            let recorded = note.record("Boxes/1".into());
            assert_eq!(Note::of(&recorded), Some(note));
            assert_eq!(Note::of(&Recorded { ordinal: 0, ..recorded }), None);
        }
        assert_eq!(Note::Opened(3).record("Boxes/1".into()).value.text(), r#"{"opened":3}"#);
    }
}
