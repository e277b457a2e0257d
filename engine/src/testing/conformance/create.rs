//! Rules of creating.

use std::time::Duration;

use super::held::Held;
use super::trial::{FLOW, Trial};
use crate::ports::{CreateRefused, Created};
use crate::task::record::Idempotency;
use crate::task::{Json, NewTask, Parent, Priority, TaskOptions, TaskState, Tenant};

fn keyed(trial: &Trial, key: &str, body: u8) -> NewTask {
    NewTask { idempotency: Some(Idempotency { key: key.to_owned(), body_hash: [body; 32] }), ..trial.new_task() }
}

fn unique(trial: &Trial, key: &str) -> NewTask {
    NewTask { unique_key: Some(key.to_owned()), ..trial.new_task() }
}

async fn create(trial: &Trial, new: NewTask) -> Result<Created, CreateRefused> {
    trial.store().create(vec![new]).await.unwrap().remove(0)
}

/// Goal: one operation makes the task, its log and its place in line.
pub async fn a_new_task_is_in_line_with_its_first_events(trial: Trial) {
    let mut new = trial.new_task();
    new.events.push(super::held::line("taken over from the task before").encode(trial.now()));
    let task = trial.create(new).await;
    assert_eq!(trial.kinds(task).await, ["task.created", "log"]);
    let record = trial.record(task).await;
    assert_eq!((record.state, record.head, record.started_at), (TaskState::Queued, 2, None));
    assert_eq!(record.due_at, Some(trial.now()));
    trial.check(task).await;
    trial.claim(task).await;
}

/// Goal: nothing that a start carries is lost or rewritten.
pub async fn what_is_stored_comes_back_as_it_was(trial: Trial) {
    let input = r#"{ "empty": [], "large": 18446744073709551615, "small": 1e-400, "nul": "\u0000", "ü": "𝄞" }"#;
    let earlier = trial.start().await;
    let new = NewTask {
        priority: Priority::Low,
        input: Json::from_text(input).unwrap(),
        tags: vec!["nightly".to_owned(), "nul \0".to_owned()],
        unique_key: Some("report-7".to_owned()),
        retry_of: Some(earlier),
        parent: Some(Parent { task: earlier, step: "fan/0".into() }),
        options: TaskOptions { locale: Some("es".to_owned()), depth: 2, ..TaskOptions::default() },
        version: 3,
        ..trial.new_task()
    };
    let task = trial.create(new.clone()).await;
    let record = trial.record(task).await;
    assert_eq!(record.input.text(), input);
    assert_eq!((&record.tags, &record.unique_key), (&new.tags, &new.unique_key));
    assert_eq!((record.retry_of, &record.parent, &record.options), (new.retry_of, &new.parent, &new.options));
    assert_eq!((record.priority, record.version, record.created_at), (new.priority, 3, new.created_at));
    assert_eq!((record.tenant, record.flow, record.summary), (new.tenant, new.flow, new.summary));
    assert_eq!((record.cancelling, record.pausing, record.takeovers), (false, false, 0));
}

/// Goal: a task with a delay is in line, but not taken before its time.
pub async fn a_delayed_task_comes_later(trial: Trial) {
    let due_at = trial.now() + Duration::from_secs(30);
    let task = trial.create(NewTask { due_at, ..trial.new_task() }).await;
    let claimed = trial.claim_next(trial.request()).await;
    assert!(claimed.tasks.is_empty());
    assert_eq!(claimed.next_due, Some(due_at));
    trial.clock.advance_to(due_at);
    trial.claim(task).await;
}

/// Goal: repeating a create whose answer was lost doubles nothing.
pub async fn the_same_id_creates_once(trial: Trial) {
    let new = trial.new_task();
    let task = trial.create(new.clone()).await;
    let before = trial.picture(task).await;
    assert_eq!(create(&trial, new.clone()).await, Ok(Created { id: task, new: false }));
    assert_eq!(trial.picture(task).await, before);
    let mut held = trial.claim(task).await;
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(create(&trial, new).await, Ok(Created { id: task, new: false }), "nor when it has ended");
    assert_eq!(trial.state(task).await, TaskState::Succeeded);
}

/// Goal: for a day, the same key with the same body answers the first task, with another body it is a conflict.
pub async fn an_idempotency_key_answers_the_first_task(trial: Trial) {
    let first = trial.create(keyed(&trial, "k", 1)).await;
    assert_eq!(create(&trial, keyed(&trial, "k", 1)).await, Ok(Created { id: first, new: false }));
    assert_eq!(create(&trial, keyed(&trial, "k", 2)).await, Err(CreateRefused::IdempotencyConflict { first }));
    let elsewhere = NewTask { tenant: Tenant::new("other"), ..keyed(&trial, "k", 2) };
    assert!(create(&trial, elsewhere).await.unwrap().new, "a key is its tenant's own");
    let mut held = trial.claim(first).await;
    held.send(&*trial.store(), held.end(TaskState::Failed)).await.unwrap();
    assert!(!create(&trial, keyed(&trial, "k", 1)).await.unwrap().new, "an ended task answers too");
    let under = async |tenant: &str, key: &str, body: u8| {
        let used = Idempotency { key: key.to_owned(), body_hash: [body; 32] };
        trial.store().created_under(&Tenant::new(tenant), &used).await.unwrap()
    };
    let mine = Tenant::default();
    assert_eq!(under(mine.as_str(), "k", 1).await, Some(first), "it can be asked for without creating anything");
    for (tenant, key, body) in [(mine.as_str(), "k", 2), (mine.as_str(), "l", 1), ("nobody", "k", 1)] {
        assert_eq!(under(tenant, key, body).await, None, "{tenant} {key} {body}");
    }
    trial.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(under(mine.as_str(), "k", 1).await, None);
    assert!(create(&trial, keyed(&trial, "k", 2)).await.unwrap().new, "a key is free again after a day");
}

/// Goal: a key's answer does not depend on what happened to the task that answered the first time.
pub async fn an_idempotency_key_that_met_a_unique_key_keeps_its_answer(trial: Trial) {
    let holder = trial.create(unique(&trial, "report")).await;
    let both = || NewTask { unique_key: Some("report".to_owned()), ..keyed(&trial, "k", 1) };
    assert_eq!(create(&trial, both()).await, Ok(Created { id: holder, new: false }));
    let mut held = trial.claim(holder).await;
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    assert_eq!(create(&trial, both()).await, Ok(Created { id: holder, new: false }));
}

/// Goal: while a task with the key is not ended, a start answers it; afterwards the key is free.
pub async fn a_unique_key_is_held_until_the_end(trial: Trial) {
    let first = trial.create(unique(&trial, "report")).await;
    assert_eq!(create(&trial, unique(&trial, "report")).await, Ok(Created { id: first, new: false }));
    let elsewhere = NewTask { tenant: Tenant::new("other"), ..unique(&trial, "report") };
    assert!(create(&trial, elsewhere).await.unwrap().new, "a key is its tenant's own");
    let mut held: Held = trial.claim(first).await;
    assert!(!create(&trial, unique(&trial, "report")).await.unwrap().new);
    held.send(&*trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
    let second = create(&trial, unique(&trial, "report")).await.unwrap();
    assert!(second.new);
    trial.control(second.id, crate::ports::Control::Cancel).await.unwrap();
    assert!(create(&trial, unique(&trial, "report")).await.unwrap().new, "a cancelled task lets go of it too");
}

async fn race(trial: &Trial, new: impl Fn() -> NewTask) {
    let creates = (0..16).map(|_| {
        let (store, new) = (trial.store(), new());
        tokio::spawn(async move { store.create(vec![new]).await.unwrap().remove(0).unwrap() })
    });
    let answers: Vec<Created> =
        futures_util::future::join_all(creates).await.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answers.iter().filter(|created| created.new).count(), 1);
    assert!(answers.iter().all(|created| created.id == answers[0].id));
    let request = crate::ports::ClaimRequest { most: 16, ..trial.request_for(&[FLOW]) };
    assert_eq!(trial.claim_next(request).await.tasks.len(), 1, "one task is in line");
}

/// Goal: clients that repeat a start at the same moment start one task.
pub async fn creates_racing_for_an_idempotency_key_make_one_task(trial: Trial) {
    race(&trial, || keyed(&trial, "k", 1)).await;
}

/// Goal: the same, of the unique key.
pub async fn creates_racing_for_a_unique_key_make_one_task(trial: Trial) {
    race(&trial, || unique(&trial, "report")).await;
}
