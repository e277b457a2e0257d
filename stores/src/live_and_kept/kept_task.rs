//! What a task that is only kept answers to those who want something of it: what any ended task answers.

use caudal_engine::ports::{Control, ControlRefused, NewSignal, SignalRefused, StoreError};
use caudal_engine::task::{APPROVAL_PREFIX, Fact, TaskId, TaskRecord, TaskState, Tenant};

use crate::postgres::PostgresStore;

/// Bytes of a log that are read at once.
const BITE: usize = 1024 * 1024;

pub(super) async fn control(
    kept: &PostgresStore,
    tenant: &Tenant,
    task: TaskId,
    control: Control,
) -> Result<TaskState, ControlRefused> {
    let record = kept.task(tenant, task).await?.ok_or(ControlRefused::NotFound)?;
    match (control, record.state) {
        // A repeat.
        (Control::Cancel, TaskState::Cancelled) => Ok(record.state),
        _ => Err(ControlRefused::WrongState { state: record.wire_state() }),
    }
}

pub(super) async fn signal(kept: &PostgresStore, tenant: &Tenant, signal: &NewSignal) -> SignalRefused {
    match refusal(kept, tenant, signal).await {
        Ok(refused) => refused,
        Err(error) => error.into(),
    }
}

async fn refusal(kept: &PostgresStore, tenant: &Tenant, signal: &NewSignal) -> Result<SignalRefused, StoreError> {
    let Some(record) = kept.task(tenant, signal.task).await? else { return Ok(SignalRefused::NotFound) };
    if signal.name.starts_with(APPROVAL_PREFIX) && was_sent(kept, &record, &signal.name).await? {
        return Ok(SignalRefused::AlreadyAnswered);
    }
    Ok(SignalRefused::WrongState { state: record.wire_state() })
}

async fn was_sent(kept: &PostgresStore, record: &TaskRecord, name: &str) -> Result<bool, StoreError> {
    let mut after = 0;
    loop {
        let entries = kept.events(record.id, after, BITE).await?;
        let Some(last) = entries.last() else { return Ok(false) };
        after = last.seq;
        for entry in entries.iter().filter(|entry| entry.kind() == "signal.received") {
            let event = entry.event().map_err(|error| StoreError::Corrupt(error.to_string()))?;
            if matches!(event.fact, Fact::SignalReceived(received) if *received.name == *name) {
                return Ok(true);
            }
        }
    }
}
