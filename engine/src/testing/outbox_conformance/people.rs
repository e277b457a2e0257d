//! The people behind the addresses: none is flooded, and who wants no mail gets none.

use std::time::Duration;

use super::trial::OutboxTrial;
use crate::ports::Admission;
use crate::task::Tenant;

/// Goal: a loop cannot flood a person; the next hour begins anew.
pub async fn an_address_gets_so_many_an_hour(trial: OutboxTrial) {
    let outbox = trial.outbox();
    let admit = async |tenant: &str, address: &str| outbox.admit(&Tenant::new(tenant), address, Some(3)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(admit("default", "Ana@example.org").await, Admission::Admitted);
    }
    for address in ["Ana@example.org", "ana@example.org"] {
        assert_eq!(admit("default", address).await, Admission::TooMany, "{address}");
    }
    let again = outbox.admit(&trial.tenant, "ana@example.org", None).await.unwrap();
    assert_eq!(again, Admission::Admitted, "what was counted before is not counted again");
    assert_eq!(admit("default", "ben@example.org").await, Admission::Admitted);
    assert_eq!(admit("another", "ana@example.org").await, Admission::Admitted);
    trial.clock.advance(Duration::from_secs(3_600));
    assert_eq!(admit("default", "ana@example.org").await, Admission::Admitted);
}

/// Goal: an address that is suppressed is sent nothing until it is taken back.
pub async fn who_wants_none_gets_none(trial: OutboxTrial) {
    let outbox = trial.outbox();
    let (tenant, another) = (&trial.tenant, Tenant::new("another"));
    assert!(outbox.suppress(tenant, "Ana@example.org", "unsubscribed").await.unwrap());
    assert!(!outbox.suppress(tenant, "ana@example.org", "again").await.unwrap());
    assert_eq!(outbox.admit(tenant, "ana@EXAMPLE.org", None).await.unwrap(), Admission::Suppressed);
    assert_eq!(outbox.admit(&another, "ana@example.org", Some(9)).await.unwrap(), Admission::Admitted);
    assert!(outbox.unsuppress(tenant, "ANA@example.org").await.unwrap());
    assert!(!outbox.unsuppress(tenant, "ana@example.org").await.unwrap());
    assert_eq!(outbox.admit(tenant, "ana@example.org", Some(9)).await.unwrap(), Admission::Admitted);
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
