//! Cancel, pause, resume: each may be repeated and then changes nothing. And what an outsider may ask beside that:
//! signals, the verdict on a crash loop.

use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{Control, ControlRefused, NewSignal, Outcome, SignalAccepted, SignalRefused, StoreError};
use caudal_engine::task::event::{SignalReceived, TaskFailed, TaskPaused, TaskResumed};
use caudal_engine::task::{APPROVAL_PREFIX, ErrorReport, Fact, PauseReason, TaskId, TaskState, Tenant, WireState};
use redis::Value;

use super::facts::{cancelled, cancelling, told};
use super::fault::unreadable;
use super::log::lines_of;
use super::record::signal_line;
use super::reply;
use super::scripts::{CONTROL, FAIL, SIGNAL};
use super::store::RedisStore;

impl RedisStore {
    pub(super) async fn control_once(
        &self,
        tenant: &Tenant,
        task: TaskId,
        control: Control,
    ) -> Result<TaskState, ControlRefused> {
        let at = self.clock.now();
        let paused = told(TaskPaused { reason: PauseReason::Requested, detail: None }, at);
        let resumed = told(TaskResumed {}, at);
        let call = CONTROL
            .call(&self.keys.of(task.partition()))
            .arg(self.turned())
            .ending(at, WireState::Cancelled, &Outcome::default())
            .arg(task.to_string())
            .arg(tenant.as_str())
            .arg(match control {
                Control::Cancel => "cancel",
                Control::Pause => "pause",
                Control::Resume => "resume",
            })
            .arg(cancelling(at, None).body)
            .arg(cancelled(at, None).body)
            .arg(paused.body)
            .arg(paused.status)
            .arg(resumed.body)
            .arg(resumed.status);
        let answer = reply::text(self.nodes.call(task.partition(), &call).await?)?;
        self.rounds.ring(task.partition());
        if answer.is_empty() {
            return Err(ControlRefused::NotFound);
        }
        if let Some(shown) = answer.strip_prefix('!') {
            return Err(ControlRefused::WrongState { state: wire_state(shown)? });
        }
        Ok(TaskState::parse(&answer).ok_or_else(|| unreadable(format_args!("'{answer}' is no state")))?)
    }

    pub(super) async fn signal_once(
        &self,
        tenant: &Tenant,
        signal: &NewSignal,
    ) -> Result<SignalAccepted, SignalRefused> {
        let received = SignalReceived { name: signal.name.clone(), value: signal.value.clone() };
        let partition = signal.task.partition();
        let call = SIGNAL
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .arg(signal.task.to_string())
            .arg(tenant.as_str())
            .arg(&*signal.name)
            .arg(signal.id.as_deref().unwrap_or_default())
            .arg(signal.most_pending)
            .flag(signal.name.starts_with(APPROVAL_PREFIX))
            .arg(lines_of(&[Fact::from(received).encode(self.clock.now())]))
            .arg(signal_line(&signal.name))
            .arg(signal.most_events);
        let answer = self.nodes.call(partition, &call).await?;
        self.rounds.ring(partition);
        if let Value::Int(_) = answer {
            return Ok(SignalAccepted { seq: reply::count(&answer)? });
        }
        let answer = reply::text(answer)?;
        Err(match (&*answer, answer.strip_prefix('!')) {
            (_, Some(shown)) => SignalRefused::WrongState { state: wire_state(shown)? },
            ("answered", _) => SignalRefused::AlreadyAnswered,
            ("many", _) => SignalRefused::TooMany,
            _ => SignalRefused::NotFound,
        })
    }

    pub(super) async fn fail_once(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: &[NewNotification],
    ) -> Result<bool, StoreError> {
        let at = self.clock.now();
        let failed = told(TaskFailed { error: error.clone() }, at);
        let outcome = Outcome { error: Some(error), ..Outcome::default() };
        let call = FAIL
            .call(&self.keys.of(task.partition()))
            .arg(self.turned())
            .ending(at, WireState::Failure, &outcome)
            .arg(task.to_string())
            .arg(lines_of(&[failed.body]))
            .arg(failed.status)
            .arg(notifications.len())
            .notifications(notifications);
        let failed = reply::int(&self.nodes.call(task.partition(), &call).await?)? == 1;
        self.rounds.ring(task.partition());
        if !notifications.is_empty() {
            self.outbox_rounds.ring(task.partition());
        }
        Ok(failed)
    }
}

pub(super) fn wire_state(shown: &str) -> Result<WireState, StoreError> {
    WireState::parse(shown).ok_or_else(|| unreadable(format_args!("'{shown}' is no state")))
}
