//! Forgetting ended tasks: one by one when asked, or by age and size.

use std::time::Duration;

use super::state::State;
use crate::ports::ControlRefused;
use crate::task::{TaskId, Tenant, Timestamp};

impl State {
    pub(super) fn delete(&mut self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        let record = &self.of_tenant(tenant, task).ok_or(ControlRefused::NotFound)?.record;
        if !record.state.is_ended() {
            return Err(ControlRefused::WrongState { state: record.wire_state() });
        }
        self.forget(task);
        Ok(())
    }

    /// Those that are too old; then, oldest end first, as many as are too much.
    pub(super) fn clean(&mut self, keep_ended: Duration, keep_bytes: u64, most: usize, now: Timestamp) -> usize {
        self.idempotency.retain(|_, first| first.until > now);
        let ended = self.tasks.values().filter_map(|stored| Some((stored.record.ended_at?, stored.record.id)));
        let mut ended: Vec<(Timestamp, TaskId)> = ended.collect();
        ended.sort_unstable();
        let mut bytes = self.bytes();
        let mut forgotten = 0;
        for (ended_at, task) in ended.into_iter().take(most) {
            if ended_at + keep_ended > now && bytes <= keep_bytes {
                break;
            }
            bytes = bytes.saturating_sub(self.forget(task));
            forgotten += 1;
        }
        forgotten
    }

    /// Answers how many bytes it took.
    fn forget(&mut self, task: TaskId) -> u64 {
        let Some(stored) = self.tasks.remove(&task) else { return 0 };
        self.effects.announcements.change(stored.change());
        self.children.remove(&task);
        self.outbox.forget(task);
        if let Some(parent) = &stored.record.parent
            && let Some(siblings) = self.children.get_mut(&parent.task)
        {
            siblings.remove(&task);
        }
        stored.bytes
    }
}
