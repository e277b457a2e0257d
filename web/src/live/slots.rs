//! Where watchers wait: one waker each, and when else than at news it wants to be woken.

use std::task::Waker;
use std::time::Instant;

#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    waker: Option<Waker>,
    comment_at: u64,
    /// It spent its bytes: there is something for it, but not before.
    not_before: Option<Instant>,
}

impl Slots {
    pub(super) fn join(&mut self) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.slots[place] = Some(Slot::default());
                place
            }
            None => {
                self.slots.push(Some(Slot::default()));
                self.slots.len() - 1
            }
        }
    }

    pub(super) fn leave(&mut self, place: usize) {
        if self.slots.get_mut(place).and_then(Option::take).is_some() {
            self.free.push(place);
        }
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    pub(super) fn park(&mut self, place: usize, waker: &Waker, comment_at: u64, not_before: Option<Instant>) {
        if let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) {
            match &mut slot.waker {
                Some(parked) => parked.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            slot.comment_at = comment_at;
            slot.not_before = not_before;
        }
    }

    pub(super) fn take_all(&mut self) -> Vec<Waker> {
        self.present().filter_map(|slot| slot.waker.take()).collect()
    }

    /// Those whose comment is due.
    pub(super) fn take_due(&mut self, beat: u64) -> Vec<Waker> {
        self.present().filter(|slot| slot.comment_at <= beat).filter_map(|slot| slot.waker.take()).collect()
    }

    /// Those who may have bytes again, and when the next one may.
    pub(super) fn take_allowed(&mut self, now: Instant) -> (Vec<Waker>, Option<Instant>) {
        let mut next = None;
        let mut allowed = Vec::new();
        for slot in self.present() {
            match slot.not_before {
                Some(at) if at <= now => {
                    slot.not_before = None;
                    allowed.extend(slot.waker.take());
                }
                Some(at) => next = Some(next.map_or(at, |next: Instant| next.min(at))),
                None => {}
            }
        }
        (allowed, next)
    }

    fn present(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Goal: a place is used again, and everyone is woken for its own reason only.
    #[test]
    fn places_and_reasons() {
        let mut slots = Slots::default();
        let (first, second) = (slots.join(), slots.join());
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        slots.park(first, Waker::noop(), 15, Some(later));
        slots.park(second, Waker::noop(), 16, None);
        assert_eq!(slots.take_due(15).len(), 1);
        slots.park(first, Waker::noop(), 30, Some(later));
        let (allowed, next) = slots.take_allowed(now);
        assert_eq!((allowed.len(), next), (0, Some(later)));
        assert_eq!(slots.take_allowed(later).0.len(), 1);
        assert_eq!(slots.take_all().len(), 1, "only the second is parked now");
        slots.leave(first);
        assert_eq!(slots.join(), first);
        slots.leave(first);
        slots.leave(second);
        assert!(slots.is_empty());
    }
}
