//! The people behind the addresses: none is flooded, and who wants no mail gets none.

use std::time::Duration;

use super::trial::OutboxTrial;
use crate::ports::{Admission, MailOfAnHour};
use crate::task::Tenant;

/// A mail put in line now, of which an address gets so many an hour.
fn mail(trial: &OutboxTrial, most: u32) -> Option<MailOfAnHour> {
    Some(MailOfAnHour { id: trial.id(), queued_at: trial.now(), most })
}

/// Goal: a loop cannot flood a person; the next hour begins anew, and what waited for long is held against its own.
pub async fn an_address_gets_so_many_an_hour(trial: OutboxTrial) {
    let outbox = trial.outbox();
    let admit = async |tenant: &str, address: &str, mail: Option<MailOfAnHour>| {
        outbox.admit(&Tenant::new(tenant), address, mail).await.unwrap()
    };
    let waiting: Vec<_> = (0..3).map(|_| mail(&trial, 2)).collect();
    trial.clock.advance(Duration::from_secs(3_600));
    for _ in 0..3 {
        assert_eq!(admit("default", "Ana@example.org", mail(&trial, 3)).await, Admission::Admitted);
    }
    for address in ["Ana@example.org", "ana@example.org"] {
        assert_eq!(admit("default", address, mail(&trial, 3)).await, Admission::TooMany, "{address}");
    }
    let again = admit("default", "ana@example.org", None).await;
    assert_eq!(again, Admission::Admitted, "what was counted before is not counted again");
    assert_eq!(admit("default", "ben@example.org", mail(&trial, 3)).await, Admission::Admitted);
    assert_eq!(admit("another", "ana@example.org", mail(&trial, 3)).await, Admission::Admitted);
    for (waited, admission) in waiting.into_iter().zip([Admission::Admitted, Admission::Admitted, Admission::TooMany]) {
        assert_eq!(admit("default", "ana@example.org", waited).await, admission, "of the hour before");
    }
    trial.clock.advance(Duration::from_secs(3_600));
    assert_eq!(admit("default", "ana@example.org", mail(&trial, 3)).await, Admission::Admitted);
}

/// Goal: an address that is suppressed is sent nothing until it is taken back.
pub async fn who_wants_none_gets_none(trial: OutboxTrial) {
    let outbox = trial.outbox();
    let (tenant, another) = (&trial.tenant, Tenant::new("another"));
    assert!(outbox.suppress(tenant, "Ana@example.org", "unsubscribed").await.unwrap());
    assert!(!outbox.suppress(tenant, "ana@example.org", "again").await.unwrap());
    assert_eq!(outbox.admit(tenant, "ana@EXAMPLE.org", None).await.unwrap(), Admission::Suppressed);
    assert_eq!(outbox.admit(&another, "ana@example.org", mail(&trial, 9)).await.unwrap(), Admission::Admitted);
    assert!(outbox.unsuppress(tenant, "ANA@example.org").await.unwrap());
    assert!(!outbox.unsuppress(tenant, "ana@example.org").await.unwrap());
    assert_eq!(outbox.admit(tenant, "ana@example.org", mail(&trial, 9)).await.unwrap(), Admission::Admitted);
}

/// Goal: the list can be read in pages, with why and since when.
pub async fn suppressions_are_listed(trial: OutboxTrial) {
    let outbox = trial.outbox();
    let since = trial.now();
    for address in ["c@example.org", "a@example.org", "b@example.org"] {
        outbox.suppress(&trial.tenant, address, "unsubscribed").await.unwrap();
    }
    outbox.suppress(&Tenant::new("another"), "d@example.org", "unsubscribed").await.unwrap();
    let first = outbox.suppressions(&trial.tenant, "", 2).await.unwrap();
    let addresses: Vec<&str> = first.iter().map(|suppression| &*suppression.address).collect();
    assert_eq!(addresses, ["a@example.org", "b@example.org"]);
    assert_eq!((&*first[0].reason, first[0].since), ("unsubscribed", since));
    let rest = outbox.suppressions(&trial.tenant, "b@example.org", 9).await.unwrap();
    assert_eq!((rest.len(), &*rest[0].address), (1, "c@example.org"));
}
