//! Puts a task back in line whose execution panicked in the engine, not in the flow.
//!
//! Where claims expire nothing has to be done: the task is rescued, and the rescues are counted. Where a claim
//! belongs to the living process, nobody would take it over before the next start.

use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::ports::{StoreError, TaskWrite, Then, WriteRefused};
use caudal_engine::task::event::TaskReleased;
use caudal_engine::task::{Claim, Fact, TaskId, TaskRecord, Tenant, WorkerId};

/// What panicked once will probably do so again.
const PAUSE: Duration = Duration::from_secs(60);
/// Executions that wrote more than this often are left to the next start.
const MOST_WRITES: u64 = 10_000;

/// True when the task is no longer claimed by this execution.
pub(crate) async fn hand_back(
    engine: &Engine,
    worker: &WorkerId,
    tenant: &Tenant,
    task: TaskId,
    claim: Claim,
) -> Result<bool, StoreError> {
    let Some(record) = held(engine, tenant, task, claim).await? else { return Ok(true) };
    // The number of the next write was lost with the execution. A wrong one is refused, or answered as a repeat.
    for number in 1..=MOST_WRITES {
        match engine.store.write(release(engine, worker, &record, claim, number)).await {
            Ok(_) if held(engine, tenant, task, claim).await?.is_none() => return Ok(true),
            Ok(_) | Err(WriteRefused::Stale) => {}
            Err(WriteRefused::NewsCame { .. }) => return Ok(false),
            Err(WriteRefused::Store(error)) => return Err(error),
        }
    }
    Ok(false)
}

async fn held(engine: &Engine, tenant: &Tenant, task: TaskId, claim: Claim) -> Result<Option<TaskRecord>, StoreError> {
    let record = engine.store.task(tenant, task).await?;
    Ok(record.filter(|record| record.claim.as_ref().is_some_and(|(held, _)| *held == claim)))
}

fn release(engine: &Engine, worker: &WorkerId, record: &TaskRecord, claim: Claim, number: u64) -> TaskWrite {
    let now = engine.clock.now();
    let released = Fact::from(TaskReleased { worker: worker.clone() });
    let mut summary = record.summary.clone();
    summary.apply(&released);
    TaskWrite {
        task: record.id,
        claim,
        number,
        seen: record.head,
        events: vec![released.encode(now)],
        step_finished: false,
        signals_taken: Vec::new(),
        children: Vec::new(),
        notifications: Vec::new(),
        compact_from: None,
        summary,
        then: Then::Release { due_at: now + PAUSE },
    }
}

#[cfg(test)]
mod tests {
    use caudal_engine::ports::{ClaimKind, ClaimRequest, KnownFlow};
    use caudal_engine::task::TaskState;
    use caudal_engine::use_cases::start::{StartRequest, start_task};

    use super::*;
    use crate::claims::tests::engine;

    /// Goal: whatever the execution wrote before it panicked, its task is in line again, with its log whole.
    #[tokio::test]
    async fn a_task_is_put_back_in_line() {
        let (engine, _clock) = engine(None);
        let (tenant, worker) = (Tenant::default(), WorkerId::new("test"));
        let request = StartRequest { flow: "idle_flow".to_owned(), ..StartRequest::default() };
        let task = start_task(&engine, &tenant, request).await.unwrap().id;
        let flows = [KnownFlow { name: "idle_flow".into(), version: 1, free: None }].into();
        let request = ClaimRequest { worker: worker.clone(), most: 1, flows, kind: ClaimKind::Ordinary, turn: 0 };
        let claimed = engine.store.claim_next(request).await.unwrap().tasks.remove(0);
        for number in 1..=3 {
            let mut write = release(&engine, &worker, &claimed.task, claimed.claim, number);
            write.then = Then::GoOn;
            engine.store.write(write).await.unwrap();
        }
        assert!(hand_back(&engine, &worker, &tenant, task, claimed.claim).await.unwrap());
        let record = engine.store.task(&tenant, task).await.unwrap().unwrap();
        assert_eq!((record.state, record.claim, record.takeovers), (TaskState::Queued, None, 0));
        assert_eq!(record.head, 2 + 3 + 1);
        assert!(hand_back(&engine, &worker, &tenant, task, claimed.claim).await.unwrap(), "twice is once");
    }
}
