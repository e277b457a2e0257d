//! The operations on notifications that write, each with as much to write as it can have.

use std::time::Duration;

use caudal_engine::notification::{Channel, NewNotification, NotificationId};
use caudal_engine::ports::{ClaimedNotification, MailOfAnHour, NotificationOutbox, ResendRefused, SendOutcome};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Json, TaskId, Tenant, WorkerId};

use caudal_stores::live_and_kept::LiveOutbox;

use super::scenes::{Operation, Scene, key_at_home_in_the_second};

const ADDRESS: &str = "ana@example.org";

impl Scene {
    pub(super) async fn set_outbox(&self, name: &str) -> Operation {
        match name {
            "put" => self.put("k".to_owned()),
            "put apart" => self.put(key_at_home_in_the_second()),
            "claim a notification" => {
                self.a_queued_one().await;
                self.repeated(|store| async move {
                    store.claim_notifications(&WorkerId::new("sender"), Channel::Mail, 5).await.map(drop)
                })
            }
            "renew a notification" => {
                let claimed = self.a_claimed_one().await;
                self.trial.clock.advance(Duration::from_secs(1));
                let claim = (claimed.record.id, claimed.claim);
                self.repeated(move |store| async move { store.renew_notifications(&[claim]).await.map(drop) })
            }
            "sent" => self.settle(SendOutcome::Sent).await,
            "put off" => {
                let due_at = self.trial.now() + Duration::from_secs(60);
                self.settle(SendOutcome::Deferred { due_at, error: "greylisted".to_owned() }).await
            }
            "handed back" => self.settle(SendOutcome::Released { due_at: self.trial.now() }).await,
            "resend" => self.resend().await,
            "admit" => {
                let mail = MailOfAnHour {
                    id: NotificationId::first(self.trial.now(), 0, 7),
                    queued_at: self.trial.now(),
                    most: 9,
                };
                self.repeated(move |store| async move {
                    store.admit(&Tenant::default(), ADDRESS, Some(mail)).await.map(drop)
                })
            }
            "suppress" => self.repeated(|store| async move {
                store.suppress(&Tenant::default(), ADDRESS, "it bounced").await.map(drop)
            }),
            "unsuppress" => {
                self.store.suppress(&Tenant::default(), ADDRESS, "it bounced").await.unwrap();
                self.repeated(|store| async move { store.unsuppress(&Tenant::default(), ADDRESS).await.map(drop) })
            }
            "clean notifications" => {
                let claimed = self.a_claimed_one().await;
                assert!(self.store.settle(claimed.record.id, claimed.claim, SendOutcome::Sent).await.unwrap());
                self.trial.clock.advance(Duration::from_secs(9));
                self.repeated(|store| async move { store.clean_notifications(Duration::ZERO, 10).await.map(drop) })
            }
            "restore" | "set a notification aside" | "retry notifications" => self.of_the_archiver(name).await,
            other => panic!("there is no scene '{other}'"),
        }
    }

    async fn of_the_archiver(&self, name: &str) -> Operation {
        let claimed = self.a_claimed_one().await;
        let (id, failed) = (claimed.record.id, SendOutcome::Failed { error: "550".to_owned() });
        assert!(self.store.settle(id, claimed.claim, failed).await.unwrap());
        let record = self.store.notification(&Tenant::default(), id).await.unwrap().unwrap();
        match name {
            "restore" => {
                self.trial.clock.advance(Duration::from_secs(9));
                assert_eq!(self.store.clean_notifications(Duration::ZERO, 10).await.unwrap(), 1);
                self.repeated(move |store| {
                    let record = record.clone();
                    async move { store.restore(&record).await }
                })
            }
            "set a notification aside" => {
                self.repeated(move |store| async move { store.set_notification_aside(id, "it is odd").await })
            }
            _ => {
                self.store.set_notification_aside(id, "it is odd").await.unwrap();
                self.repeated(|store| async move { store.retry_notifications_set_aside().await.map(drop) })
            }
        }
    }

    fn put(&self, key: String) -> Operation {
        let id = NotificationId::first(self.trial.now(), 0, 1 << 20);
        let wish = ["ana@example.org", "ben@example.org"].into_iter().enumerate();
        let wish: Vec<_> = wish.map(|(place, to)| NewNotification { id: id.nth(place), ..mail_to(to, id) }).collect();
        self.repeated(move |store| {
            let used = Idempotency { key: key.clone(), body_hash: [7; 32] };
            let wish = wish.clone();
            async move { store.put(&Tenant::default(), wish, Some(used)).await.map(drop) }
        })
    }

    async fn a_queued_one(&self) {
        let mail = mail_to(ADDRESS, NotificationId::first(self.trial.now(), 0, 1 << 20));
        self.store.put(&Tenant::default(), vec![mail], None).await.unwrap().unwrap();
    }

    pub async fn a_claimed_one(&self) -> ClaimedNotification {
        self.a_queued_one().await;
        let worker = WorkerId::new("sender");
        self.store.claim_notifications(&worker, Channel::Mail, 1).await.unwrap().items.remove(0)
    }

    async fn settle(&self, outcome: SendOutcome) -> Operation {
        let claimed = self.a_claimed_one().await;
        self.repeated(move |store| {
            let outcome = outcome.clone();
            async move { store.settle(claimed.record.id, claimed.claim, outcome).await.map(|settled| assert!(settled)) }
        })
    }

    async fn resend(&self) -> Operation {
        let claimed = self.a_claimed_one().await;
        let id = claimed.record.id;
        let failed = SendOutcome::Failed { error: "no such mailbox".to_owned() };
        assert!(self.store.settle(id, claimed.claim, failed).await.unwrap());
        self.trial.clock.advance(Duration::from_secs(1));
        self.repeated(move |store| async move {
            match store.resend(&Tenant::default(), id).await {
                Err(ResendRefused::Store(error)) => Err(error),
                // A repeat finds it in line.
                Ok(()) | Err(_) => Ok(()),
            }
        })
    }
}

/// One about nothing but its own id's partition.
fn mail_to(recipient: &str, id: NotificationId) -> NewNotification {
    NewNotification { id, channel: Channel::Mail, recipient: recipient.into(), body: Json::null() }
}

/// One about a task.
pub fn a_mail(about: TaskId) -> NewNotification {
    mail_to(ADDRESS, NotificationId::first(Default::default(), about.partition(), 1 << 20))
}
