//! How notifications come to be: in the operation that stores their cause, or by a wish of their own.

use std::time::Duration;

use super::trial::{OutboxTrial, mail};
use crate::notification::{Channel, NewNotification, NotificationState};
use crate::ports::{Outcome, PutRefused, TaskWrite, Then, WriteRefused};
use crate::task::event::{ErrorReport, TaskSucceeded};
use crate::task::record::Idempotency;
use crate::task::{Json, TaskState, Tenant};
use crate::testing::conformance::held::line;

/// Goal: what a write causes is in the outbox when the write is stored, and waits to be claimed.
pub async fn notifications_are_born_with_the_write(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let mut held = tasks.running().await;
    let first = trial.id();
    let born = vec![mail(first, "a@example.org"), mail(first.nth(1), "b@example.org")];
    let write = TaskWrite { notifications: born.clone(), ..held.go_on(&[line("two mails")]) };
    held.send(&*trial.tasks(), write).await.unwrap();
    for new in &born {
        let record = trial.record(new.id).await;
        assert_eq!((record.task, record.state, record.attempts), (Some(held.task), NotificationState::Queued, 0));
        assert_eq!((&record.recipient, &record.body), (&new.recipient, &new.body));
        assert_eq!((record.created_at, record.queued_at), (trial.now(), trial.now()));
    }
    assert_eq!(trial.claim_mails(10).await.len(), 2);
}

/// Goal: a write that is not applied tells nobody of anything.
pub async fn a_refused_write_bears_none(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let held = tasks.running().await;
    let new = trial.new_mail("a@example.org");
    let id = new.id;
    let mut write = TaskWrite { notifications: vec![new], ..held.go_on(&[line("never")]) };
    write.claim.id = write.claim.id.wrapping_add(1);
    let refused = trial.tasks().write(write).await;
    assert!(matches!(refused, Err(WriteRefused::Stale)), "{refused:?}");
    assert_eq!(trial.outbox().notification(&trial.tenant, id).await.unwrap(), None);
    assert!(trial.claim_mails(1).await.is_empty());
}

/// Goal: a write that is sent twice tells once.
pub async fn a_repeated_write_bears_them_once(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let held = tasks.running().await;
    let id = trial.id();
    let write = TaskWrite { notifications: vec![mail(id, "a@example.org")], ..held.go_on(&[line("a mail")]) };
    trial.tasks().write(write.clone()).await.unwrap();
    let claimed = trial.claim().await;
    trial.tasks().write(write).await.unwrap();
    assert!(trial.claim_mails(1).await.is_empty());
    assert_eq!(trial.record(id).await.attempts, claimed.record.attempts);
}

/// Goal: the verdict on a crash loop is told; a verdict that comes too late is not.
pub async fn a_verdict_bears_them(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let task = tasks.start().await;
    let report = || ErrorReport::new("crash_loop", "it kept taking its worker down");
    let (told, untold) = (trial.new_mail("a@example.org"), trial.new_mail("b@example.org"));
    assert!(trial.tasks().fail_queued(task, report(), vec![told.clone()]).await.unwrap());
    assert!(!trial.tasks().fail_queued(task, report(), vec![untold]).await.unwrap());
    let claimed = trial.claim().await.record;
    assert_eq!((claimed.id, claimed.task), (told.id, Some(task)));
}

/// Goal: forgetting a task does not swallow the mail about it.
pub async fn what_is_to_be_sent_outlives_its_task(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let mut held = tasks.running().await;
    let new = trial.new_mail("a@example.org");
    let outcome = Outcome { result: Some(Json::null()), ..Outcome::default() };
    let ended = TaskSucceeded { result: Json::null(), continued_as: None };
    let end = Then::End { state: TaskState::Succeeded, outcome };
    let write = TaskWrite { notifications: vec![new.clone()], then: end, ..held.go_on(&[ended.into()]) };
    held.send(&*trial.tasks(), write).await.unwrap();
    trial.tasks().delete(&trial.tenant, held.task).await.unwrap();
    assert_eq!(trial.claim().await.record.id, new.id);
}

/// Goal: a wish of another program is stored as a whole, and once.
pub async fn a_wish_of_its_own_is_stored_once(trial: OutboxTrial) {
    let first = trial.id();
    let wish = || vec![mail(first, "a@example.org"), mail(first.nth(1), "b@example.org")];
    for is_new in [true, false] {
        let put = trial.outbox().put(&trial.tenant, wish(), None).await.unwrap().unwrap();
        assert_eq!((put.first, put.new), (first, is_new));
    }
    let claimed = trial.claim_mails(10).await;
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().all(|claimed| claimed.record.task.is_none()));
}

/// Goal: the same key answers the first wish and stores nothing; with another body it is refused; in time it is free.
pub async fn an_idempotency_key_answers_the_first_wish(trial: OutboxTrial) {
    let key = |hash: u8| Some(Idempotency { key: "report-7".to_owned(), body_hash: [hash; 32] });
    let put = async |tenant: &str, hash| {
        let new = trial.new_mail("a@example.org");
        let id = new.id;
        let put = trial.outbox().put(&Tenant::new(tenant), vec![new], key(hash)).await.unwrap();
        put.map(|put| (put.first, put.new, id))
    };
    let (first, new, id) = put("default", 1).await.unwrap();
    assert_eq!((first, new), (id, true));
    let (again, new, _) = put("default", 1).await.unwrap();
    assert_eq!((again, new), (first, false));
    assert_eq!(put("default", 2).await, Err(PutRefused::IdempotencyConflict));
    assert!(put("another", 2).await.unwrap().1, "another tenant's key is another key");
    trial.clock.advance(trial.parts.limits.idempotency_lifetime + Duration::from_millis(1));
    assert!(put("default", 2).await.unwrap().1);
}

/// Goal: nothing is lost or changed on the way: any script, NUL, numbers beyond a double.
pub async fn what_is_stored_comes_back_as_it_was(trial: OutboxTrial) {
    let text = "{\"text\":\"Núñez \\u0000 \u{1F30A}\",\"list\":[],\"number\":12345678901234567890,\"b\":1,\"a\":2}";
    let new = NewNotification {
        channel: Channel::Webhook,
        recipient: "https://example.org/hook?a=ñ".into(),
        body: Json::from_text(text).unwrap(),
        ..trial.new_mail("a@example.org")
    };
    let id = trial.put_new(new.clone()).await;
    let record = trial.record(id).await;
    assert_eq!((record.channel, &record.recipient, record.body.text()), (new.channel, &new.recipient, text));
    assert_eq!((record.due_at, record.ended_at, record.error), (Some(trial.now()), None, None));
}

/// Goal: whoever sends hears of each birth, and of those of its own channel only.
pub async fn births_ring(trial: OutboxTrial) {
    use futures_util::FutureExt;
    let bell = &trial.parts.bell;
    // A store may ring when it is opened, because it cannot know what was lost before.
    for channel in Channel::ALL {
        let _rung = bell.outbox_rung(channel).now_or_never();
    }
    trial.put("a@example.org").await;
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, bell.outbox_rung(Channel::Mail)).await.expect("the bell rings");
    assert!(bell.outbox_rung(Channel::Webhook).now_or_never().is_none());
    let tasks = trial.task_trial();
    let mut held = tasks.running().await;
    let new = NewNotification { channel: Channel::Webhook, ..trial.new_mail("b@example.org") };
    let write = TaskWrite { notifications: vec![new], ..held.go_on(&[line("a call")]) };
    held.send(&*trial.tasks(), write).await.unwrap();
    tokio::time::timeout(patience, bell.outbox_rung(Channel::Webhook)).await.expect("the bell rings");
}
