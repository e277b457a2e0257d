//! When a suspect task (it was there each time its worker died) is run alone, and when the others have their turn.
//!
//! ```text
//!              a suspect waited, and the others had their time
//!     Open ───────────────────────────────────────────────────▶ Closing ──┐ too long: the others
//!      ▲ ▲  nothing runs and nothing ordinary is due              │  ▲    │ go on for as long
//!      │ └────────────────────────┐                  nothing runs │  │    ▼
//!      │                          ▼                               ▼  │   Open
//!      └──── no more suspects ── Alone ◀──────────────────────────┘  │
//!            or long enough       └─────── another suspect is due ───┘
//! ```
//!
//! While it is *closing* nothing is claimed; after five seconds what runs is asked to hand itself back at its next
//! checkpoint. *Alone* lasts until the suspect ended or finished a step: then it is a task like any other. Suspects
//! take turns within one session, so that the innocent ones among many are cleared one after the other in the time
//! of their next steps. After a session the others have at least as long. When a step in flight outlasts the
//! patience of the closing, the others go on for as long as the closing took, and the patience doubles: neither
//! kind can starve.
//!
//! Nothing here waits or asks: time and what runs are given, a decision is returned.

use std::time::{Duration, Instant};

/// A suspect waits this long for a moment when nothing runs anyway.
const SUSPECT_WAITS: Duration = Duration::from_secs(1);
/// What runs has this long to end by itself before it is asked to hand itself back.
const ENDS_BY_ITSELF: Duration = Duration::from_secs(5);
/// A closing lasts this long at most, at first.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
/// After this long the next suspect waits until the others had their turn.
const SESSION: Duration = Duration::from_secs(30);
const SHORTEST_TURN: Duration = Duration::from_secs(1);
/// After a suspect that was said to be due could not be claimed (another worker was quicker).
const AFTER_NONE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Quarantine {
    phase: Phase,
    /// Since when a suspect is known to be due, if one is.
    suspect_since: Option<Instant>,
    /// Whether the last answer said that ordinary tasks were due.
    ordinary_due: bool,
    /// Since when suspects take turns.
    session_since: Option<Instant>,
    /// The others' turn lasts until then.
    turn_until: Option<Instant>,
    /// No suspect is asked for until then.
    none_until: Option<Instant>,
    patience: Duration,
    /// Added to what suspects wait, so that not all workers close at once for the same one.
    spread: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing { since: Instant, asked_to_release: bool },
    Alone,
}

/// What to claim now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    Ordinary,
    Suspect,
    Nothing,
}

impl Quarantine {
    pub(crate) fn new(spread: Duration) -> Self {
        Self {
            phase: Phase::Open,
            suspect_since: None,
            ordinary_due: true,
            session_since: None,
            turn_until: None,
            none_until: None,
            patience: FIRST_PATIENCE,
            spread,
        }
    }

    pub(crate) fn decide(&mut self, now: Instant, running: usize) -> Pick {
        if self.phase == Phase::Open && self.may_close(now, running) {
            self.phase = Phase::Closing { since: now, asked_to_release: false };
        }
        match self.phase {
            Phase::Open => Pick::Ordinary,
            Phase::Alone => Pick::Nothing,
            Phase::Closing { .. } if running == 0 => Pick::Suspect,
            Phase::Closing { since, .. } if now >= since + self.patience => {
                self.phase = Phase::Open;
                self.session_since = None;
                self.turn_until = Some(now + self.patience);
                self.patience = self.patience.saturating_mul(2);
                Pick::Ordinary
            }
            Phase::Closing { .. } => Pick::Nothing,
        }
    }

    /// After a claim of ordinary tasks. `due`: it brought some, or more are due.
    pub(crate) fn ordinary_answered(&mut self, now: Instant, due: bool, suspect_due: bool) {
        self.ordinary_due = due;
        self.suspect_since = suspect_due.then(|| self.suspect_since.unwrap_or(now));
    }

    /// After a claim of a suspect. `more`: another one is due.
    pub(crate) fn suspect_answered(&mut self, now: Instant, claimed: bool, more: bool) {
        self.suspect_since = more.then_some(now);
        if claimed {
            self.phase = Phase::Alone;
            self.session_since.get_or_insert(now);
            self.patience = FIRST_PATIENCE;
        } else {
            self.none_until = Some(now + AFTER_NONE);
            self.end_session(now);
        }
    }

    /// The suspect is gone, or it finished a step and is a task like any other. True when another one is next, so
    /// that it has to make room.
    pub(crate) fn suspect_done(&mut self, now: Instant) -> bool {
        if self.phase != Phase::Alone {
            return false;
        }
        let within_session = self.session_since.is_none_or(|since| now < since + SESSION);
        if self.suspect_since.is_some() && within_session {
            self.phase = Phase::Closing { since: now, asked_to_release: false };
            return true;
        }
        self.end_session(now);
        false
    }

    /// True once per closing: what runs is to be asked to hand itself back.
    pub(crate) fn asks_to_release(&mut self, now: Instant) -> bool {
        match &mut self.phase {
            Phase::Closing { since, asked_to_release } if !*asked_to_release && now >= *since + ENDS_BY_ITSELF => {
                *asked_to_release = true;
                true
            }
            _ => false,
        }
    }

    /// When to decide again, if nothing happens before.
    pub(crate) fn wake_at(&self, running: usize) -> Option<Instant> {
        match self.phase {
            Phase::Open => {
                let since = self.suspect_since?;
                let alone_anyway = running == 0 && !self.ordinary_due;
                let waited = if alone_anyway { Some(since) } else { Some(self.waited_at(since)).max(self.turn_until) };
                waited.max(self.none_until)
            }
            Phase::Closing { since, asked_to_release: false } => Some(since + ENDS_BY_ITSELF),
            Phase::Closing { since, asked_to_release: true } => Some(since + self.patience),
            Phase::Alone => None,
        }
    }

    fn may_close(&self, now: Instant, running: usize) -> bool {
        self.suspect_since.is_some() && self.wake_at(running).is_some_and(|at| now >= at)
    }

    fn waited_at(&self, since: Instant) -> Instant {
        since + SUSPECT_WAITS + self.spread
    }

    fn end_session(&mut self, now: Instant) {
        self.phase = Phase::Open;
        // Asked anew, or a suspect would be alone again before the others were looked at.
        self.ordinary_due = true;
        if let Some(since) = self.session_since.take() {
            self.turn_until = Some(now + now.duration_since(since).max(SHORTEST_TURN));
        }
    }
}

#[cfg(test)]
mod tests;
