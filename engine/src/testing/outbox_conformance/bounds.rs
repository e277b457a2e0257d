//! How much may wait to be sent.

use super::trial::{OutboxTrial, failed, mail};
use crate::notification::{NewNotification, NotificationId};
use crate::ports::{CreateRefused, PutRefused, SendOutcome, TaskWrite};
use crate::task::record::Idempotency;
use crate::task::{Json, NewTask, TaskOptions, Tenant};
use crate::testing::conformance::OUTBOX;
use crate::testing::conformance::held::line;

fn wish(first: NotificationId, count: u64) -> Vec<NewNotification> {
    (0..count).map(|place| mail(first.nth(usize::try_from(place).unwrap()), "a@example.org")).collect()
}

/// Fills the tenant's outbox up to its bound.
async fn fill(trial: &OutboxTrial) -> NotificationId {
    let first = trial.id();
    assert!(trial.outbox().put(&trial.tenant, wish(first, OUTBOX), None).await.unwrap().unwrap().new);
    first
}

async fn put(trial: &OutboxTrial, id: NotificationId) -> Result<bool, PutRefused> {
    trial.outbox().put(&trial.tenant, wish(id, 1), None).await.unwrap().map(|put| put.new)
}

/// Goal: a tenant whose outbox is full is told so, alone, and until there is room again; a repeat is still a repeat.
pub async fn the_outbox_of_a_tenant_is_bounded(trial: OutboxTrial) {
    let first = fill(&trial).await;
    let (refused, elsewhere) = (trial.id(), trial.id());
    assert_eq!(put(&trial, refused).await, Err(PutRefused::OutboxFull));
    let again = trial.outbox().put(&trial.tenant, wish(first, OUTBOX), None).await.unwrap().unwrap();
    assert_eq!((again.first, again.new), (first, false));
    let other = Tenant::new("another");
    assert!(trial.outbox().put(&other, wish(elsewhere, 1), None).await.unwrap().unwrap().new);
    assert_eq!(trial.outbox().notification(&trial.tenant, refused).await.unwrap(), None);
    // What is put off, or sent again by hand, is still to be sent.
    let claimed = trial.claim_mails(2).await;
    let due_at = trial.now() + std::time::Duration::from_secs(60);
    assert!(trial.settle(&claimed[0], SendOutcome::Deferred { due_at, error: "451".to_owned() }).await);
    assert_eq!(put(&trial, refused).await, Err(PutRefused::OutboxFull));
    assert!(trial.settle(&claimed[1], failed()).await);
    trial.outbox().resend(&trial.tenant, claimed[1].record.id).await.unwrap();
    assert_eq!(put(&trial, refused).await, Err(PutRefused::OutboxFull));
    let sent = trial.claim_mails(1).await.remove(0);
    assert!(trial.settle(&sent, SendOutcome::Sent).await);
    assert_eq!(put(&trial, refused).await, Ok(true));
    assert_eq!(put(&trial, trial.id()).await, Err(PutRefused::OutboxFull));
}

/// Goal: a wish that was refused leaves nothing behind: under its key it is stored when there is room.
pub async fn a_refused_wish_leaves_its_key_free(trial: OutboxTrial) {
    fill(&trial).await;
    let id = trial.id();
    let put = async |id| {
        let key = Some(Idempotency { key: "report-7".to_owned(), body_hash: [7; 32] });
        trial.outbox().put(&trial.tenant, wish(id, 1), key).await.unwrap()
    };
    assert_eq!(put(id).await, Err(PutRefused::OutboxFull));
    for claimed in trial.claim_mails(2).await {
        assert!(trial.settle(&claimed, SendOutcome::Sent).await);
    }
    assert!(put(id).await.unwrap().new);
    let repeated = put(trial.id()).await.unwrap();
    assert_eq!((repeated.first, repeated.new), (id, false));
}

/// Goal: a start that asks for notifications is refused where there is no room for them; one that does not is not.
pub async fn a_full_outbox_refuses_starts_that_notify(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let new = |notify: Option<Json>| NewTask {
        options: TaskOptions { notify, ..TaskOptions::default() },
        ..tasks.new_task()
    };
    let wanted = || new(Json::from_text("{\"email\":[\"a@example.org\"]}").ok());
    let unique = || NewTask { unique_key: Some("report-7".to_owned()), ..wanted() };
    let [before, plain, keyed, quiet] = [wanted(), wanted(), unique(), new(None)];
    tasks.create(before.clone()).await;
    fill(&trial).await;
    let answers = trial.tasks().create(vec![before, plain.clone(), keyed.clone(), quiet]).await.unwrap();
    assert!(answers[0].as_ref().is_ok_and(|created| !created.new), "a repeat is a repeat");
    assert_eq!(answers[1], Err(CreateRefused::OutboxFull));
    assert_eq!(answers[2], Err(CreateRefused::OutboxFull));
    assert!(answers[3].as_ref().is_ok_and(|created| created.new));
    let claimed = trial.claim_mails(1).await.remove(0);
    assert!(trial.settle(&claimed, SendOutcome::Sent).await);
    for created in trial.tasks().create(vec![plain, keyed]).await.unwrap() {
        assert!(created.unwrap().new);
    }
}

/// Goal: what an event of a task bears is never too much: the event, and with it the task, would be held up.
pub async fn what_an_event_bears_passes_a_full_outbox(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let mut held = tasks.running().await;
    fill(&trial).await;
    let new = trial.new_mail("b@example.org");
    let id = new.id;
    let write = TaskWrite { notifications: vec![new], ..held.go_on(&[line("a mail")]) };
    held.send(&*trial.tasks(), write).await.unwrap();
    assert_eq!(trial.record(id).await.task, Some(held.task));
    let claimed = trial.claim_mails(1).await.remove(0);
    assert!(trial.settle(&claimed, SendOutcome::Sent).await);
    assert_eq!(put(&trial, trial.id()).await, Err(PutRefused::OutboxFull), "it counts all the same");
}

/// Goal: what is forgotten when it has ended makes no room that is not there.
pub async fn cleaning_makes_no_room(trial: OutboxTrial) {
    fill(&trial).await;
    for claimed in trial.claim_mails(3).await {
        assert!(trial.settle(&claimed, SendOutcome::Sent).await);
    }
    trial.later();
    assert_eq!(trial.outbox().clean_notifications(std::time::Duration::ZERO, 10).await.unwrap(), 3);
    let first = trial.id();
    assert!(trial.outbox().put(&trial.tenant, wish(first, 3), None).await.unwrap().unwrap().new);
    assert_eq!(put(&trial, trial.id()).await, Err(PutRefused::OutboxFull));
}
