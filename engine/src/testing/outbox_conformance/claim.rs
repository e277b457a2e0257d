//! Who may send what: claims, and what becomes of them when their holder dies.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::trial::OutboxTrial;
use crate::notification::{Channel, NewNotification, NotificationState};
use crate::ports::SendOutcome;
use crate::task::WorkerId;

/// Goal: nobody is overtaken by those that came later.
pub async fn what_is_due_longest_is_claimed_first(trial: OutboxTrial) {
    let first = trial.put("a@example.org").await;
    let second = trial.put("b@example.org").await;
    let third = trial.put("c@example.org").await;
    let claimed = trial.claim_mails(2).await;
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.record.id).collect();
    assert_eq!(ids, [first, second]);
    for claimed in &claimed {
        assert_eq!((claimed.record.state, claimed.record.attempts), (NotificationState::Sending, 1));
        let record = trial.record(claimed.record.id).await;
        assert_eq!((record.state, record.attempts, record.due_at), (NotificationState::Sending, 1, None));
    }
    assert_eq!(trial.claim().await.record.id, third);
    assert!(trial.claim_mails(10).await.is_empty());
}

/// Goal: who sends mails gets no webhook calls, and the other way round.
pub async fn channels_have_lines_of_their_own(trial: OutboxTrial) {
    let mail = trial.put("a@example.org").await;
    let call = NewNotification { channel: Channel::Webhook, ..trial.new_mail("https://example.org") };
    let call = trial.put_new(call).await;
    let calls = trial.ask(Channel::Webhook, 10).await;
    assert_eq!((calls.items.len(), calls.items[0].record.id, calls.next_due), (1, call, None));
    let mails = trial.ask(Channel::Mail, 10).await;
    assert_eq!((mails.items.len(), mails.items[0].record.id, mails.next_due), (1, mail, None));
}

/// Goal: an idle sender knows when it is worth asking again: now, later, or not before a ring.
pub async fn a_claim_says_when_to_ask_again(trial: OutboxTrial) {
    assert_eq!(trial.ask(Channel::Mail, 1).await.next_due, None);
    trial.put("a@example.org").await;
    trial.put("b@example.org").await;
    let one = trial.ask(Channel::Mail, 1).await;
    assert!(one.items.len() == 1 && one.next_due.is_some_and(|due| due <= trial.now()), "{one:?}");
    let due_at = trial.now() + Duration::from_secs(60);
    assert!(trial.settle(&one.items[0], SendOutcome::Deferred { due_at, error: "451".to_owned() }).await);
    let rest = trial.ask(Channel::Mail, 10).await;
    assert_eq!(rest.items.len(), 1);
    assert!(trial.settle(&rest.items[0], SendOutcome::Sent).await);
    assert_eq!(trial.ask(Channel::Mail, 10).await.next_due, Some(due_at));
}

/// Goal: however many ask at once, each gets its own.
pub async fn racing_claims_never_give_one_twice(trial: OutboxTrial) {
    for number in 0..40 {
        trial.put(&format!("a{number}@example.org")).await;
    }
    let asking = (0..8).map(|number| {
        let outbox = trial.outbox();
        async move {
            let worker = WorkerId::new(format!("sender-{number}"));
            let mut got = Vec::new();
            for _ in 0..20 {
                let claimed = outbox.claim_notifications(&worker, Channel::Mail, 3).await.unwrap();
                got.extend(claimed.items.into_iter().map(|claimed| claimed.record.id));
            }
            got
        }
    });
    let got: Vec<_> = join_all(asking).await.into_iter().flatten().collect();
    assert_eq!((got.len(), got.iter().collect::<BTreeSet<_>>().len()), (40, 40));
}

/// Goal: a sender that dies loses nothing; what it still says is not heard.
pub async fn what_the_dead_held_comes_back(mut trial: OutboxTrial) {
    let id = trial.put("a@example.org").await;
    let dead = trial.claim().await;
    trial.holders_die().await;
    let again = trial.claim().await;
    assert_eq!((again.record.id, again.record.attempts), (id, 2));
    assert_ne!(again.claim, dead.claim);
    assert!(!trial.settle(&dead, SendOutcome::Sent).await, "a stale claim");
    assert_eq!(trial.state(id).await, NotificationState::Sending);
    assert!(trial.settle(&again, SendOutcome::Sent).await);
    assert_eq!(trial.state(id).await, NotificationState::Sent);
}

/// Goal: a claim that is renewed, or needs no renewal, is nobody else's, however long it takes.
pub async fn nothing_is_taken_from_the_living(trial: OutboxTrial) {
    trial.put("a@example.org").await;
    let held = trial.claim().await;
    for _ in 0..4 {
        let step = trial.outbox().outbox_lease().map_or(Duration::from_secs(3_600), |lease| lease / 2);
        trial.clock.advance(step);
        assert!(trial.claim_mails(1).await.is_empty());
        let renewed = trial.outbox().renew_notifications(&[(held.record.id, held.claim)]).await.unwrap();
        assert_eq!(renewed, [Some(true)]);
    }
    assert!(trial.settle(&held, SendOutcome::Sent).await);
}

/// Goal: whoever lost its claim hears so.
pub async fn a_renewal_tells_who_holds(mut trial: OutboxTrial) {
    trial.put("a@example.org").await;
    let sent = trial.claim().await;
    assert!(trial.settle(&sent, SendOutcome::Sent).await);
    trial.put("b@example.org").await;
    let dead = trial.claim().await;
    trial.holders_die().await;
    let alive = trial.claim().await;
    let claims = [&sent, &dead, &alive].map(|claimed| (claimed.record.id, claimed.claim));
    assert_eq!(trial.outbox().renew_notifications(&claims).await.unwrap(), [Some(false), Some(false), Some(true)]);
}
