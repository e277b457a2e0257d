//! What can be seen of the outbox, and how it is tidied.

use std::time::Duration;

use super::trial::{OutboxTrial, failed, mail};
use crate::notification::{Channel, NewNotification, NotificationState};
use crate::ports::{NotificationFilter, SendOutcome, TaskWrite};
use crate::task::Tenant;
use crate::testing::conformance::held::line;

/// Goal: pages follow each other without a gap or a repeat, the newest first.
pub async fn a_list_is_newest_first_in_pages(trial: OutboxTrial) {
    let mut put = Vec::new();
    for number in 0..7 {
        put.push(trial.put(&format!("a{number}@example.org")).await);
    }
    put.reverse();
    let (mut listed, mut cursor) = (Vec::new(), None);
    for length in [3, 3, 1] {
        let filter = NotificationFilter { cursor, limit: 3, ..trial.filter() };
        let page = trial.outbox().notifications(&filter).await.unwrap();
        assert_eq!(page.items.len(), length);
        cursor = page.next;
        listed.extend(page.items.into_iter().map(|record| record.id));
    }
    assert_eq!((listed, cursor), (put, None));
}

/// Goal: one finds those of a task, of a state, of a channel, of a person.
pub async fn a_list_can_be_filtered(trial: OutboxTrial) {
    let tasks = trial.task_trial();
    let mut held = tasks.running().await;
    let about = trial.id();
    let write = TaskWrite { notifications: vec![mail(about, "Ana@example.org")], ..held.go_on(&[line("a mail")]) };
    held.send(&*trial.tasks(), write).await.unwrap();
    assert!(trial.settle(&trial.claim().await, failed()).await);
    let call = NewNotification { channel: Channel::Webhook, ..trial.new_mail("https://example.org") };
    let call = trial.put_new(call).await;
    let sent = trial.put("ben@example.org").await;
    assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    let of = async |filter: NotificationFilter| trial.list(filter).await;
    assert_eq!(of(trial.filter()).await, [sent, call, about]);
    assert_eq!(of(NotificationFilter { task: Some(held.task), ..trial.filter() }).await, [about]);
    assert_eq!(of(NotificationFilter { channel: Some(Channel::Webhook), ..trial.filter() }).await, [call]);
    let recipient = Some("ana@example.org".to_owned());
    assert_eq!(of(NotificationFilter { recipient, ..trial.filter() }).await, [about]);
    let states = |states: &[NotificationState]| NotificationFilter { states: states.to_vec(), ..trial.filter() };
    assert_eq!(of(states(&[NotificationState::Sent])).await, [sent]);
    assert_eq!(of(states(&[NotificationState::Failed, NotificationState::Queued])).await, [call, about]);
    let both = NotificationFilter { task: Some(held.task), ..states(&[NotificationState::Sent]) };
    assert!(of(both).await.is_empty());
}

/// Goal: what belongs to one tenant is not there for another.
pub async fn tenants_do_not_see_each_other(trial: OutboxTrial) {
    let id = trial.put("a@example.org").await;
    let another = Tenant::new("another");
    assert_eq!(trial.outbox().notification(&another, id).await.unwrap(), None);
    assert!(trial.list(NotificationFilter { tenant: another, ..trial.filter() }).await.is_empty());
}

/// Goal: the figures say how many there are of each state and how long the oldest waits.
pub async fn figures_count_what_is_there(trial: OutboxTrial) {
    trial.put("a@example.org").await;
    assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    trial.later();
    let oldest = trial.record(trial.put("b@example.org").await).await.queued_at;
    trial.put("c@example.org").await;
    let due_at = trial.now() + Duration::from_secs(60);
    let claimed = trial.claim_mails(1).await.remove(0);
    assert!(trial.settle(&claimed, SendOutcome::Deferred { due_at, error: "451".to_owned() }).await);
    let stats = trial.outbox().outbox_stats().await.unwrap();
    let count = |state| stats.counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
    use NotificationState as S;
    let counts = [S::Queued, S::Sending, S::Deferred, S::Sent, S::Failed, S::Suppressed].map(count);
    assert_eq!((counts, stats.oldest), ([1, 0, 1, 1, 0, 0], Some(oldest)));
}

/// Goal: what ended long ago is forgotten in bites; what is to be sent never is.
pub async fn the_old_are_cleaned_away(trial: OutboxTrial) {
    let day = Duration::from_secs(86_400);
    for address in ["a@example.org", "b@example.org", "c@example.org"] {
        trial.put(address).await;
        assert!(trial.settle(&trial.claim().await, SendOutcome::Sent).await);
    }
    let open = trial.put("d@example.org").await;
    trial.clock.advance(day * 2);
    let young = trial.put("e@example.org").await;
    let claimed = trial.claim_mails(10).await;
    let young_one = claimed.iter().find(|claimed| claimed.record.id == young).unwrap();
    assert!(trial.settle(young_one, failed()).await);
    let outbox = trial.outbox();
    assert_eq!(outbox.clean_notifications(day, 2).await.unwrap(), 2);
    assert_eq!(outbox.clean_notifications(day, 2).await.unwrap(), 1);
    assert_eq!(outbox.clean_notifications(day, 2).await.unwrap(), 0);
    assert_eq!(trial.list(trial.filter()).await, [young, open]);
}
