//! Starts to send and stops.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::notification::Channel;
use caudal_engine::ports::{IdSource, NotificationOutbox};
use caudal_engine::task::WorkerId;
use caudal_runtime::Runtime;
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::attempt::send;
use crate::claims::OutboxClaims;
use crate::cleaner::clean_notifications;
use crate::lease_renewer::LeaseRenewer;
use crate::mail::Postbox;
use crate::pace::Pace;
use crate::sending::Sending;
use crate::server_outage::ServerOutage;
use crate::settings::NotificationSettings;
use crate::templates::Templates;
use crate::webhook::Caller;

/// Mails that are claimed for each connection: while one is on its way to the server, others are asked for, made and
/// written down.
const CLAIMED_PER_CONNECTION: usize = 4;

/// The notifications role of a process.
pub struct Notifications;

/// A sender at work. Dropping it is a crash on a small scale: what is being sent stays claimed.
pub struct NotificationsHandle {
    grace: Duration,
    runtimes: Vec<(Channel, Runtime)>,
    _loops: JoinSet<()>,
    _renewer: Option<LeaseRenewer>,
}

/// What the parts of one sender share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) id: WorkerId,
    pub(crate) settings: NotificationSettings,
    pub(crate) templates: Arc<Templates>,
    pub(crate) postbox: Postbox,
    pub(crate) caller: Caller,
    pub(crate) pace: Pace,
    pub(crate) outage: ServerOutage,
    pub(crate) sending: Arc<Sending>,
}

impl Shared {
    pub(crate) fn outbox(&self) -> &dyn NotificationOutbox {
        &*self.engine.notifications.outbox
    }
}

impl Notifications {
    /// Starts to claim and to send. Must be called within a tokio runtime.
    pub fn start(
        engine: Engine,
        templates: Arc<Templates>,
        settings: NotificationSettings,
    ) -> std::io::Result<NotificationsHandle> {
        let shared = Arc::new(Shared {
            id: sender_id(&*engine.ids),
            postbox: Postbox::open(&settings.mail, settings.mail_connections)?,
            caller: Caller::new(&settings.webhook)?,
            pace: Pace::new(settings.mails_per_second, settings.mail_connections),
            outage: ServerOutage::default(),
            sending: Arc::default(),
            templates,
            engine,
            settings,
        });
        let renewer = LeaseRenewer::start(shared.clone())?;
        let mut loops = JoinSet::new();
        loops.spawn(clean_notifications(shared.clone()));
        let runtimes = Channel::ALL.map(|channel| (channel, runtime(&shared, channel))).into();
        tracing::info!(sender = %shared.id, mail = %shared.settings.mail, "notifications are sent");
        Ok(NotificationsHandle { grace: shared.settings.grace, runtimes, _loops: loops, _renewer: renewer })
    }
}

fn runtime(shared: &Arc<Shared>, channel: Channel) -> Runtime {
    let slots = match channel {
        Channel::Mail => shared.settings.mail_connections * CLAIMED_PER_CONNECTION,
        Channel::Webhook => shared.settings.webhook.concurrency,
    };
    let name = format!("{}:{}", shared.id, channel.as_str());
    let sending = shared.clone();
    Runtime::start(&name, slots, OutboxClaims::new(shared.clone(), channel), move |work| send(sending.clone(), work))
}

impl NotificationsHandle {
    /// Claims nothing more, waits for what is being sent at most the grace time, and leaves the rest to be taken over.
    /// Answers how many those are.
    pub async fn drain(self) -> usize {
        finish(self.runtimes, self.grace).await
    }
}

/// All at once: none claims while it waits for another, and the grace time counts once.
async fn finish(runtimes: Vec<(Channel, Runtime)>, grace: Duration) -> usize {
    let finishing = runtimes.into_iter().map(|(channel, runtime)| async move {
        let aborted = runtime.finish(grace).await;
        if aborted > 0 {
            let channel = channel.as_str();
            tracing::warn!(notifications = aborted, channel, "notifications were being sent; they are sent again");
        }
        aborted
    });
    join_all(finishing).await.into_iter().sum()
}

/// `host:pid:random`, so that people can tell where it was and no two are the same.
fn sender_id(ids: &dyn IdSource) -> WorkerId {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    WorkerId::new(format!("{host}:{}:{:08x}", std::process::id(), ids.random() >> 32))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use caudal_runtime::{Batch, Claims};
    use tokio::sync::mpsc;

    use super::*;

    /// One notification, once.
    #[derive(Default)]
    struct One(AtomicBool);

    #[async_trait]
    impl Claims for One {
        type Item = ();
        type Error = Infallible;

        async fn next(&self, _free: usize) -> Result<Batch<()>, Infallible> {
            let items = if self.0.swap(true, Ordering::SeqCst) { Vec::new() } else { vec![()] };
            Ok(Batch { items, more: false })
        }

        async fn due(&self) {
            std::future::pending().await
        }
    }

    /// Goal: a mail and a call that hang at the same time hold up a stop for the grace time once, and both are counted.
    #[tokio::test(start_paused = true)]
    async fn channels_have_the_grace_time_together() {
        let (begun, mut heard) = mpsc::unbounded_channel();
        let hanging = |channel: Channel| {
            let begun = begun.clone();
            let run = move |()| {
                let _ = begun.send(());
                std::future::pending()
            };
            (channel, Runtime::start(channel.as_str(), 1, One::default(), run))
        };
        let runtimes = Channel::ALL.map(hanging).into();
        for _ in Channel::ALL {
            heard.recv().await;
        }
        let (grace, began) = (Duration::from_secs(100), tokio::time::Instant::now());
        assert_eq!(finish(runtimes, grace).await, Channel::ALL.len());
        let took = began.elapsed();
        assert!((grace..grace * 3 / 2).contains(&took), "the turned clock says {took:?}");
    }
}
