//! What becomes of an attempt.

use std::time::Duration;

use super::trial::{OutboxTrial, failed};
use crate::notification::{Channel, NotificationState};
use crate::ports::{ResendRefused, SendOutcome};
use crate::task::Tenant;

/// Goal: each outcome leads to its state, with the server's words, and only a final one has an end.
pub async fn each_outcome_is_what_it_says(trial: OutboxTrial) {
    use NotificationState as S;
    let later = trial.now() + Duration::from_secs(3_600);
    let words = || "4.2.1 try again \u{2709}".to_owned();
    for (outcome, state, due_at, error) in [
        (SendOutcome::Sent, S::Sent, None, None),
        (SendOutcome::Deferred { due_at: later, error: words() }, S::Deferred, Some(later), Some(words())),
        (SendOutcome::Failed { error: words() }, S::Failed, None, Some(words())),
        (SendOutcome::Suppressed { error: words() }, S::Suppressed, None, Some(words())),
    ] {
        let id = trial.put("a@example.org").await;
        let claimed = trial.claim().await;
        trial.later();
        assert!(trial.settle(&claimed, outcome).await);
        let record = trial.record(id).await;
        assert_eq!((record.state, record.due_at, record.error, record.attempts), (state, due_at, error, 1));
        assert_eq!(record.ended_at, state.is_final().then(|| trial.now()));
    }
    assert!(trial.claim_mails(1).await.is_empty());
}

/// Goal: only who holds it says what became of it.
pub async fn a_stale_claim_settles_nothing(trial: OutboxTrial) {
    let id = trial.put("a@example.org").await;
    let claimed = trial.claim().await;
    let mut stale = claimed.clone();
    stale.claim.id = stale.claim.id.wrapping_add(1);
    assert!(!trial.settle(&stale, failed()).await);
    assert_eq!(trial.state(id).await, NotificationState::Sending);
    stale.record.id = trial.id();
    assert!(!trial.settle(&stale, failed()).await, "there is no such notification");
}

/// Goal: an answer that was lost can be asked for again, and changes nothing.
pub async fn a_repeat_is_answered_as_the_first(trial: OutboxTrial) {
    let id = trial.put("a@example.org").await;
    let claimed = trial.claim().await;
    for _ in 0..2 {
        assert!(trial.settle(&claimed, SendOutcome::Sent).await);
        assert_eq!(trial.state(id).await, NotificationState::Sent);
        trial.later();
    }
    let record = trial.record(id).await;
    assert!(record.ended_at.is_some_and(|ended| ended < trial.now()));
}

/// Goal: what was put off is due at its time and not before, and the words of the last attempt stay until then.
pub async fn the_deferred_come_back_in_their_time(trial: OutboxTrial) {
    let id = trial.put("a@example.org").await;
    let claimed = trial.claim().await;
    let due_at = trial.now() + Duration::from_secs(60);
    assert!(trial.settle(&claimed, SendOutcome::Deferred { due_at, error: "451".to_owned() }).await);
    trial.clock.advance(Duration::from_secs(59));
    assert!(trial.claim_mails(1).await.is_empty());
    trial.clock.advance(Duration::from_secs(1));
    let again = trial.claim().await;
    assert_eq!((again.record.id, again.record.attempts, again.record.error.as_deref()), (id, 2, Some("451")));
    assert_eq!(again.record.tries, 2);
}

/// Goal: what a sender hands back untried is due at once, as if it had not been claimed.
pub async fn a_release_does_not_count(trial: OutboxTrial) {
    let id = trial.put("a@example.org").await;
    let claimed = trial.claim().await;
    assert!(trial.settle(&claimed, SendOutcome::Released { due_at: trial.now() }).await);
    let record = trial.record(id).await;
    assert_eq!((record.state, record.attempts, record.tries), (NotificationState::Queued, 0, 0));
    let again = trial.claim().await.record;
    assert_eq!((again.attempts, again.tries), (1, 1));
}

/// Goal: who hands something back says when it is worth trying.
pub async fn a_release_may_be_for_later(trial: OutboxTrial) {
    trial.put("a@example.org").await;
    let claimed = trial.claim().await;
    let second = Duration::from_secs(1);
    assert!(trial.settle(&claimed, SendOutcome::Released { due_at: trial.now() + second }).await);
    let asked = trial.ask(Channel::Mail, 1).await;
    assert!(asked.items.is_empty());
    assert_eq!(asked.next_due, Some(trial.now() + second));
    trial.clock.advance(second);
    assert_eq!(trial.claim().await.record.tries, 1);
}

/// Goal: who looked at a failure can have it tried again, with all its time and all its tries before it.
pub async fn the_failed_can_be_sent_again(trial: OutboxTrial) {
    for outcome in [failed(), SendOutcome::Suppressed { error: "unsubscribed".to_owned() }] {
        let id = trial.put("a@example.org").await;
        let claimed = trial.claim().await;
        assert!(trial.settle(&claimed, outcome).await);
        trial.later();
        trial.outbox().resend(&trial.tenant, id).await.unwrap();
        let record = trial.record(id).await;
        assert_eq!((record.state, record.queued_at), (NotificationState::Queued, trial.now()));
        assert_eq!((record.due_at, record.ended_at), (Some(trial.now()), None));
        assert_eq!((record.attempts, record.tries), (1, 0));
        let again = trial.claim().await;
        assert_eq!((again.record.id, again.record.attempts, again.record.tries), (id, 2, 1));
        assert!(trial.settle(&again, SendOutcome::Sent).await);
        assert_eq!(trial.record(id).await.error, None);
    }
}

/// Goal: nobody doubles what is on its way or has arrived; the unknown is unknown.
pub async fn what_goes_on_or_is_sent_is_not_sent_again(trial: OutboxTrial) {
    let refused = async |id, state| match trial.outbox().resend(&trial.tenant, id).await {
        Err(ResendRefused::WrongState { state: is }) => assert_eq!(is, state),
        other => panic!("{other:?}"),
    };
    let id = trial.put("a@example.org").await;
    refused(id, NotificationState::Queued).await;
    let claimed = trial.claim().await;
    refused(id, NotificationState::Sending).await;
    assert!(trial.settle(&claimed, SendOutcome::Sent).await);
    refused(id, NotificationState::Sent).await;
    let unknown = trial.outbox().resend(&trial.tenant, trial.id()).await;
    assert!(matches!(unknown, Err(ResendRefused::NotFound)));
    let foreign = trial.outbox().resend(&Tenant::new("another"), id).await;
    assert!(matches!(foreign, Err(ResendRefused::NotFound)));
    assert!(trial.ask(Channel::Mail, 1).await.items.is_empty());
}
