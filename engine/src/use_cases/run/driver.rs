//! The loop around a running flow: it polls the flow, sends what was told, brings news, and lets go at the right time.

mod news;

use std::future::{Future, pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;

use super::RunEnd;
use super::execution::{Execution, Phase, StopReason};
use super::hold::{HoldState, LeaseEnd, Order};
use super::outcome::{Ending, FlowEnd, ending_of};
use super::writer::{Extra, Sent, Writing, send};
use crate::flow::FlowContext;
use crate::flow::error::FlowError;
use crate::flow::step::{BoxFuture, panic_text};
use crate::ports::bell::Ear;
use crate::ports::{TaskWrite, Then};
use crate::task::{Claim, ErrorReport, PauseReason, Timestamp};

/// How long cleanup may take after a stop.
const CLEANUP: Duration = Duration::from_secs(10);

pub(crate) struct Driver {
    execution: Arc<Execution>,
    claim: Claim,
    hold: watch::Receiver<HoldState>,
    /// The number of the last write that was answered.
    number: u64,
    /// A write that lets go of the task is under way: what began now would be dropped with the flow, and run again.
    letting_go: bool,
    /// Somebody rang: ask the store what is new.
    rung: bool,
    pausing: bool,
    /// When its time is over, and which.
    limit: Option<(Timestamp, StopReason)>,
    /// When a task that is being stopped is ended without the flow's consent.
    cleanup_until: Option<Timestamp>,
    flow_end: Option<FlowEnd>,
    /// The flow was dropped to hand the task back at once.
    dropped: bool,
    /// The claim could not be renewed in time. The task may be somebody else's by now; only the store knows.
    lease_over: bool,
    queue_timer: Pin<Box<tokio::time::Sleep>>,
}

/// What there is to send.
enum Turn {
    GoOn,
    Let(Box<Ending>),
}

impl Driver {
    pub(crate) fn new(execution: Arc<Execution>, claim: Claim, hold: watch::Receiver<HoldState>) -> Self {
        let limit = limit_of(&execution);
        let pausing = execution.task.pausing;
        Self {
            execution,
            claim,
            hold,
            number: 0,
            letting_go: false,
            rung: false,
            pausing,
            limit,
            cleanup_until: None,
            flow_end: None,
            dropped: false,
            lease_over: false,
            queue_timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    pub(crate) async fn drive(mut self, ear: Ear) -> RunEnd {
        let mut orders = self.hold.clone();
        let is_unreadable = self.execution.state().mismatch.is_some();
        let mut flow = if is_unreadable { self.drop_flow() } else { start_flow(&self.execution) };
        let attention = self.execution.attention.clone();
        let waker = attention.waker();
        let mut writing: Option<Writing> = None;
        let mut lease_end = LeaseEnd::of(self.hold.clone());
        self.heed_order();
        if let Some((at, reason)) = self.limit
            && self.execution.now() >= at
        {
            self.execution.stop(reason);
        }
        loop {
            if self.dropped && self.execution.is_stopping() {
                // Nobody is left who could tidy up.
                self.flow_end.get_or_insert_with(FlowEnd::forced);
            }
            let timer = self.next_timer();
            let clock = self.execution.engine.clock.clone();
            tokio::select! {
                biased;
                ended = poll_fn(|context| attention.poll_flow(&mut flow, &waker, context)), if self.flow_end.is_none() => {
                    flow = Box::pin(pending());
                    self.flow_end = Some(ended);
                }
                sent = poll_optional(&mut writing) => {
                    writing = None;
                    attention.will_poll();
                    if let Some(end) = self.settle(sent).await {
                        self.execution.close();
                        return end;
                    }
                }
                turn = poll_fn(|context| self.turn(context)), if writing.is_none() => {
                    writing = Some(self.begin_write(turn));
                }
                changed = orders.changed() => {
                    if changed.is_err() || self.heed_order() == Order::Lost || self.must_go_unheard() {
                        self.execution.close();
                        return RunEnd::Lost;
                    }
                    if orders.borrow_and_update().order == Order::ReleaseNow {
                        flow = self.drop_flow();
                    }
                }
                () = ear.rung() => self.rung = true,
                () = lease_end.comes(), if !self.lease_over => {
                    self.lease_over = true;
                    flow = self.drop_flow();
                    self.heed_order();
                    if self.must_go_unheard() {
                        return RunEnd::Lost;
                    }
                }
                () = async { match timer { Some(at) => clock.sleep_until(at).await, None => pending().await } } => {
                    if self.time_is_over() {
                        self.execution.close();
                        flow = Box::pin(pending());
                        self.flow_end.get_or_insert_with(FlowEnd::forced);
                    }
                }
            }
        }
    }

    /// What runs is dropped, and what it was told before is still written, if the claim allows.
    fn drop_flow(&mut self) -> BoxFuture<'static, FlowEnd> {
        self.execution.close();
        self.dropped = true;
        Box::pin(pending())
    }

    /// A worker that ends does not wait for a store that may be away for long: the task is rescued later.
    fn must_go_unheard(&self) -> bool {
        self.lease_over && self.hold.borrow().order >= Order::Release
    }

    /// What should be sent now. Polled right after the flow, so it sees what the flow left.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        if let Some(end) = &self.flow_end {
            let held_up = if self.cannot_continue(end) { self.settled() } else { None };
            let ending = held_up.unwrap_or_else(|| ending_of(&self.execution, end));
            return Poll::Ready(Turn::Let(Box::new(ending)));
        }
        // What it woke while it was polled may go on: it is not only waiting.
        let is_waiting = !self.execution.attention.was_woken();
        if is_waiting && self.execution.phase() == Phase::Running {
            self.execution.tell_of_lasting_waits();
        }
        match self.execution.phase() {
            Phase::Settling if self.execution.in_flight() == 0 => {
                if let Some(ending) = self.settled() {
                    return Poll::Ready(Turn::Let(Box::new(ending)));
                }
            }
            Phase::Running if is_waiting => {
                if let Some(waits) = self.execution.parkable() {
                    return Poll::Ready(Turn::Let(Box::new(Ending::park(&self.execution, waits))));
                }
            }
            _ => {}
        }
        if self.rung {
            return Poll::Ready(Turn::GoOn);
        }
        let due = {
            let state = self.execution.state();
            let due = state.queue.due();
            if due.is_some_and(|due| due <= Instant::now()) {
                return Poll::Ready(Turn::GoOn);
            }
            self.execution.attention.rest();
            due
        };
        let Some(due) = due else { return Poll::Pending };
        let due = tokio::time::Instant::from_std(due);
        if self.queue_timer.deadline() != due {
            self.queue_timer.as_mut().reset(due);
        }
        self.queue_timer.as_mut().poll(context).map(|()| Turn::GoOn)
    }

    /// There is no room for the task that was to go on in this one's place.
    fn cannot_continue(&self, end: &FlowEnd) -> bool {
        let goes_on_elsewhere = matches!(end.result, Err(FlowError::ContinueAsNew(_)));
        goes_on_elsewhere && self.execution.state().no_room.is_some() && !self.execution.is_stopping()
    }

    /// Nothing is in flight and nothing new begins: pause or hand back, for whichever reason.
    fn settled(&self) -> Option<Ending> {
        let mismatch = self.execution.state().mismatch.clone();
        if let Some(detail) = mismatch {
            return Some(Ending::pause(PauseReason::CodeMismatch, Some(detail)));
        }
        if self.pausing {
            return Some(Ending::pause(PauseReason::Requested, None));
        }
        Ending::release(&self.execution)
    }

    fn begin_write(&mut self, turn: Turn) -> Writing {
        self.rung = false;
        if self.flow_end.is_none() && matches!(turn, Turn::Let(_)) {
            self.letting_go = true;
            self.heed_order();
        }
        let execution = &self.execution;
        let now = execution.now();
        let mut state = execution.state();
        state.tell_of_dropped_lines(now);
        let mut batch = state.queue.take();
        let mut summary = state.summary.clone();
        let seen = state.history.head;
        drop(state);
        let mut events = std::mem::take(&mut batch.events);
        let mut children = std::mem::take(&mut batch.children);
        let mut notifications = std::mem::take(&mut batch.notifications);
        let (then, end, extra) = match turn {
            Turn::GoOn => {
                (Then::GoOn, None, Extra { summary: summary.clone(), events: 0, children: 0, notifications: 0 })
            }
            Turn::Let(ending) => {
                let told = ending.notifications(execution);
                let extra = Extra {
                    summary: summary.clone(),
                    events: ending.facts.len(),
                    children: ending.children.len(),
                    notifications: told.len(),
                };
                for fact in &ending.facts {
                    summary.apply(fact);
                    events.push(fact.encode(now));
                }
                children.extend(ending.children);
                notifications.extend(told);
                (ending.then, Some(ending.end), extra)
            }
        };
        let write = TaskWrite {
            task: execution.task.id,
            claim: self.claim,
            number: self.number + 1,
            seen,
            events,
            step_finished: batch.step_finished,
            signals_taken: std::mem::take(&mut batch.signals_taken),
            children,
            notifications,
            compact_from: batch.compact_from,
            summary,
            then,
        };
        send(execution.engine.store.clone(), batch, write, end, extra)
    }

    pub(super) fn heed_flags(&mut self, cancelling: bool, pausing: bool) {
        if cancelling {
            self.execution.stop(StopReason::Cancelled);
        }
        self.pausing = pausing;
        self.heed_order();
    }

    /// Brings the phase in line with what the worker and the controls want; returns the worker's order.
    fn heed_order(&self) -> Order {
        let order = self.hold.borrow().order;
        let (mismatch, no_room) = {
            let state = self.execution.state();
            (state.mismatch.is_some(), state.no_room.is_some())
        };
        let ordered = order >= Order::Release;
        let settling = self.letting_go || self.pausing || self.lease_over || ordered || mismatch || no_room;
        self.execution.set_phase(if settling { Phase::Settling } else { Phase::Running });
        order
    }

    /// The end of the cleanup time if the task is being stopped, else of the flow's time.
    fn next_timer(&mut self) -> Option<Timestamp> {
        if self.flow_end.is_some() {
            return None;
        }
        if self.execution.is_stopping() {
            let until = self.execution.now() + CLEANUP;
            return Some(*self.cleanup_until.get_or_insert(until));
        }
        self.limit.map(|(at, _)| at)
    }

    /// A timer rang: stops the task, or says that its cleanup time is over too.
    fn time_is_over(&mut self) -> bool {
        match self.limit {
            Some((_, reason)) if self.cleanup_until.is_none() => {
                self.execution.stop(reason);
                false
            }
            _ => self.cleanup_until.is_some_and(|until| self.execution.now() >= until),
        }
    }
}

/// When the flow's `timeout` (time that it was not parked) or the task's deadline is over, whichever is first.
fn limit_of(execution: &Execution) -> Option<(Timestamp, StopReason)> {
    let ran = execution.state().history.ran;
    let timeout = execution
        .flow
        .options
        .timeout()
        .map(|timeout| (execution.now() + timeout.saturating_sub(ran), StopReason::Timeout));
    let deadline = execution.task.options.deadline.map(|deadline| (deadline, StopReason::Deadline));
    timeout.into_iter().chain(deadline).min_by_key(|(at, _)| *at)
}

fn start_flow(execution: &Arc<Execution>) -> BoxFuture<'static, FlowEnd> {
    let execution = execution.clone();
    Box::pin(async move {
        let mut ctx = FlowContext::root(execution.clone());
        let run = AssertUnwindSafe((execution.flow.run)(&mut ctx, &execution.task.input)).catch_unwind().await;
        let result = run.unwrap_or_else(|panic| Err(FlowError::Failed(ErrorReport::new("panic", panic_text(&*panic)))));
        FlowEnd { result, made: ctx.scope.made(), opened: ctx.scope.opened() }
    })
}

async fn poll_optional(writing: &mut Option<Writing>) -> Sent {
    match writing {
        Some(writing) => writing.await,
        None => pending().await,
    }
}
