//! What a running flow tells: queued in order, some of it awaited, some of it promised.
//!
//! | | the flow goes on | a step may begin |
//! |---|---|---|
//! | `tell`: log, progress, a start | at once | at once |
//! | `promise`: an outcome, a recorded time | at once | when it is durable |
//! | `record`: a child, a consumed signal, … | when it is durable | when it is durable |

use std::future::poll_fn;
use std::sync::MutexGuard;
use std::task::Poll;

use super::execution::{Execution, State, StopReason};
use super::queue::Cargo;
use crate::task::event::Log;
use crate::task::{Fact, LogLevel, NewTask, Timestamp};
use crate::use_cases::notify;

impl Execution {
    /// Queues a fact without waiting for it.
    pub fn tell(&self, fact: Fact) {
        self.queue(fact, Cargo::default());
    }

    /// Queues that something is waited for; of a question to a person, with the notifications that somebody wants of it.
    pub fn tell_of_wait(&self, asked: Fact) {
        let notifications = match &asked {
            Fact::SignalAwaited(awaited) if awaited.question.is_none() => Vec::new(),
            _ => notify::of_question(&self.engine, &self.task, self.flow, &asked),
        };
        self.queue(asked, Cargo { notifications, ..Cargo::default() });
    }

    /// What is waited for again, and still is now that the flow has been polled.
    pub fn tell_of_lasting_waits(&self) {
        let untold = std::mem::take(&mut self.state().untold_waits);
        for asked in untold.into_values() {
            self.tell_of_wait(asked);
        }
    }

    /// Queues a fact and waits until it is durable.
    pub async fn record(&self, fact: Fact, cargo: Cargo) {
        let ticket = self.queue(fact, cargo);
        self.hurry(self.state());
        self.durable(ticket).await;
    }

    /// The same for a child and its start. False when the store has no room for it.
    pub async fn bear(&self, started: Fact, child: NewTask) -> bool {
        let ticket = self.queue(started, Cargo { child: Some(child), ..Cargo::default() });
        self.hurry(self.state());
        poll_fn(|context| {
            let mut state = self.state();
            if state.no_room.is_some() || state.queue.is_durable(ticket) {
                return Poll::Ready(state.no_room.is_none());
            }
            state.queue.wake_on_settle(context.waker());
            Poll::Pending
        })
        .await
    }

    /// Queues what the flow may know at once and others may see only when it is durable: no step begins before.
    pub fn promise(&self, fact: Fact, cargo: Cargo) {
        let ticket = self.queue(fact, cargo);
        let mut state = self.state();
        state.promised = ticket;
        self.hurry(state);
    }

    /// What is queued goes out at once.
    fn hurry(&self, mut state: MutexGuard<'_, State>) {
        state.queue.make_urgent();
        let asleep = self.attention.is_resting();
        drop(state);
        if asleep {
            self.attention.call();
        }
    }

    /// Waits until all that was promised is durable.
    pub async fn promises_kept(&self) {
        let promised = self.state().promised;
        if self.state().queue.is_durable(promised) {
            return;
        }
        // A step is about to begin: the task must not park meanwhile.
        let _busy = self.pulse.be_busy();
        self.durable(promised).await;
    }

    async fn durable(&self, ticket: u64) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.queue.is_durable(ticket) {
                return Poll::Ready(());
            }
            state.queue.wake_on_settle(context.waker());
            Poll::Pending
        })
        .await;
    }

    fn queue(&self, fact: Fact, cargo: Cargo) -> u64 {
        let now = self.now();
        let most = self.engine.limits.events_per_task;
        let mut guard = self.state();
        let state = &mut *guard;
        if state.closed {
            return state.queue.push_nothing();
        }
        let optional = matches!(fact, Fact::Log(_) | Fact::Progress(_) | Fact::ToolResult(_) | Fact::Custom(_));
        if optional && state.queue.is_full() {
            state.queue.dropped_lines += 1;
            return state.queue.push_nothing();
        }
        if state.events >= most && !is_control(&fact) {
            // Nothing of what comes now would be kept, so nothing more may be done.
            let ticket = state.queue.push_nothing();
            drop(guard);
            self.stop(StopReason::TooManyEvents);
            return ticket;
        }
        match &fact {
            Fact::Usage(usage) => state.purse.spent.add(usage),
            // Void if its attempt does not finish, whether it is written by then or not.
            Fact::Chunk(chunk) => state.history.steps.entry(chunk.step.clone()).or_default().streamed = true,
            _ => {}
        }
        // Told from elsewhere than the driver's own poll: somebody must tell it when the queue is due.
        let due_before = self.attention.is_resting().then(|| state.queue.due());
        state.queue.load(cargo);
        let ticket = state.push(now, fact);
        let too_many = state.events >= most;
        if !state.warned && state.events > most / 5 * 4 {
            state.warned = true;
            let message =
                format!("this task has {} of at most {most} events; continue_as_new starts afresh", state.events);
            let warning = Log { level: LogLevel::Warn, message: message.into(), teller: Default::default() };
            state.push(now, warning.into());
        }
        let is_sooner = due_before.is_some_and(|before| before.is_none() || state.queue.due() < before);
        drop(guard);
        if is_sooner {
            self.attention.call();
        }
        if too_many {
            self.stop(StopReason::TooManyEvents);
        }
        ticket
    }

    /// Waits while the queue is too full for more.
    pub async fn room(&self) {
        poll_fn(|context| {
            let mut state = self.state();
            // Nobody will write any more: whoever has outlived the execution need not wait.
            if state.queue.has_room() || state.closed {
                return Poll::Ready(());
            }
            state.queue.wake_on_settle(context.waker());
            self.hurry(state);
            Poll::Pending
        })
        .await;
    }
}

impl State {
    /// Lines that the full queue did not take are not missing silently.
    pub fn tell_of_dropped_lines(&mut self, now: Timestamp) {
        let dropped = std::mem::take(&mut self.queue.dropped_lines);
        if dropped > 0 {
            let message = format!("{dropped} lines or results are missing here: more was told than could be written");
            let warning = Log { level: LogLevel::Warn, message: message.into(), teller: Default::default() };
            self.push(now, warning.into());
        }
    }

    /// Text that joins what is queued already is no event of its own.
    fn push(&mut self, now: Timestamp, fact: Fact) -> u64 {
        let before = self.queue.queued();
        let ticket = self.queue.push(now, fact, &mut self.summary);
        self.events += ticket - before;
        ticket
    }
}

fn is_control(fact: &Fact) -> bool {
    fact.is_terminal()
        || matches!(
            fact,
            Fact::TaskPaused(_)
                | Fact::TaskReleased(_)
                | Fact::TaskWaiting(_)
                | Fact::TaskRetrying(_)
                | Fact::StepCancelled(_)
        )
}
