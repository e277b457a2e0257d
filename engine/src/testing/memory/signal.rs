//! A value for a task: kept until it is consumed, whatever the task does meanwhile.

use super::state::State;
use crate::ports::{NewSignal, SignalAccepted, SignalRefused};
use crate::task::event::SignalReceived;
use crate::task::{APPROVAL_PREFIX, Tenant, Timestamp};

impl State {
    pub(super) fn signal(
        &mut self,
        tenant: &Tenant,
        signal: NewSignal,
        now: Timestamp,
    ) -> Result<SignalAccepted, SignalRefused> {
        let effects = &mut self.effects;
        let stored = self.tasks.get_mut(&signal.task).filter(|stored| stored.record.tenant == *tenant);
        let stored = stored.ok_or(SignalRefused::NotFound)?;
        if let Some(seq) = signal.id.as_ref().and_then(|id| stored.signal_ids.get(id)) {
            return Ok(SignalAccepted { seq: *seq });
        }
        let is_approval = signal.name.starts_with(APPROVAL_PREFIX);
        if is_approval && stored.answered.contains(&signal.name) {
            // Whoever answers second learns that, also when the first answer has ended the task by now.
            return Err(SignalRefused::AlreadyAnswered);
        }
        if stored.record.state.is_ended() {
            return Err(SignalRefused::WrongState { state: stored.record.wire_state() });
        }
        let waiting = stored.pending.iter().filter(|(_, name)| *name == signal.name).count();
        if waiting >= signal.most_pending || stored.record.head >= signal.most_events {
            return Err(SignalRefused::TooMany);
        }
        let name = signal.name;
        let seq = stored.tell(SignalReceived { name: name.clone(), value: signal.value }, now, effects);
        stored.pending.push((seq, name.clone()));
        if let Some(id) = signal.id {
            stored.signal_ids.insert(id, seq);
        }
        if is_approval {
            stored.answered.insert(name.clone());
        }
        let hears = stored.record.waits.iter().any(|wait| wait.hears_signal(&name));
        stored.wake(hears, now, effects);
        Ok(SignalAccepted { seq })
    }
}
