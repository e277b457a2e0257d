//! Short writes of many tasks that go to Redis together: each is applied by itself, and none waits for ever.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;

use caudal_engine::notification::{NewNotification, NotificationId};
use caudal_engine::ports::{NotificationOutbox, StoreError, TaskStore, TaskWrite, WriteRefused};
use caudal_engine::task::{Limits, TaskState, Timestamp};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::{Held, line};
use caudal_engine::testing::conformance::trial::within;
use caudal_stores::redis::RedisStore;
use futures_util::future::join_all;
use redis_support::outbox_scenes::a_mail;
use redis_support::redis_server::RedisServer;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of};

const TASKS: usize = 30;

struct Place {
    server: RedisServer,
    store: Arc<RedisStore>,
    scene: Scene,
    prefix: String,
    held: Vec<Held>,
}

impl Place {
    /// With tasks that run.
    async fn open() -> Self {
        let server = RedisServer::start();
        let mut parts = Parts::default();
        parts.limits = Limits { line_per_tenant: 1_000, ..parts.limits };
        let settings = settings_of(&server.url(), &parts);
        let store = open_store(&settings, &parts).await;
        let scene = Scene::of(&store, parts);
        let mut held = Vec::new();
        for _ in 0..TASKS {
            held.push(scene.trial.running().await);
        }
        Self { server, store, scene, prefix: format!("{}{{p0}}:", settings.prefix), held }
    }

    /// Sends them while the server answers nobody, so that all but the first go together. Answers in their order, and how
    /// many scripts it took.
    async fn send_together(&self, writes: Vec<TaskWrite>) -> (Vec<Result<u64, WriteRefused>>, usize) {
        let before = self.scripts();
        self.server.ask(&["CLIENT", "PAUSE", "300", "WRITE"]);
        let sending = join_all(writes.into_iter().map(|write| self.store.write(write)));
        let answers = within(sending).await.into_iter().map(|answer| answer.map(|written| written.head)).collect();
        (answers, self.scripts() - before)
    }

    fn scripts(&self) -> usize {
        let told = self.server.ask(&["INFO", "commandstats"]);
        let calls = told.split("cmdstat_evalsha:calls=").nth(1).unwrap_or("0");
        calls.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
    }
}

/// Goal: what comes while another is under way goes with one script; a task that cannot be written to keeps none of the
/// others from being written to, stays as it was, and is told why.
#[tokio::test]
async fn each_is_applied_by_itself() {
    let place = Place::open().await;
    let odd = place.held[7].task;
    let log = format!("{}l:{odd}", place.prefix);
    place.server.ask(&["RENAME", &log, &format!("{log}-kept")]);
    place.server.ask(&["SET", &log, "no log"]);
    let writes: Vec<TaskWrite> = place.held.iter().map(|held| held.go_on(&[line("one"), line("two")])).collect();
    let (answers, scripts) = place.send_together(writes.clone()).await;
    assert!(scripts <= 6, "{scripts} scripts for {TASKS} writes");
    for (held, answer) in place.held.iter().zip(&answers) {
        match answer {
            Ok(head) => assert_eq!(*head, held.seen + 2),
            Err(error) => {
                assert!(held.task == odd && matches!(error, WriteRefused::Store(StoreError::Corrupt(_))), "{error}");
            }
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
    place.server.ask(&["DEL", &log]);
    place.server.ask(&["RENAME", &format!("{log}-kept"), &log]);
    // Repeated, they are answered as they were, and the odd one is applied at last.
    let (repeated, _) = place.send_together(writes).await;
    for (held, answer) in place.held.iter().zip(repeated) {
        assert_eq!(answer.unwrap(), held.seen + 2);
        place.scene.trial.check(held.task).await;
        assert_eq!(place.scene.trial.log(held.task).await.len() as u64, held.seen + 2);
    }
}

fn mail(about: &Held, number: usize) -> NewNotification {
    let id = NotificationId::first(Timestamp::default(), about.task.partition(), (number as u64 + 1) << 20);
    NewNotification { id, ..a_mail(about.task) }
}

/// Goal: tasks that end together are counted, listed and told of as if each had ended alone, whatever goes with them.
#[tokio::test]
async fn ends_together_are_ends() {
    let place = Place::open().await;
    let states = [TaskState::Succeeded, TaskState::Failed, TaskState::Cancelled];
    let writes = place.held.iter().zip(states.into_iter().cycle()).enumerate().map(|(number, (held, state))| {
        let stale = Held { number: 7, ..held.clone() };
        let notifications = if number % 2 == 0 { vec![mail(held, number)] } else { Vec::new() };
        match number % 5 {
            0 => held.go_on(&[line("goes on")]),
            1 => stale.end(state),
            _ => TaskWrite { notifications, ..held.end(state) },
        }
    });
    let writes: Vec<TaskWrite> = writes.collect();
    let mails = writes.iter().map(|write| write.notifications.len()).sum::<usize>();
    let (answers, scripts) = place.send_together(writes).await;
    assert!(scripts <= 6, "{scripts} scripts for {TASKS} writes");
    let mut ended = 0;
    for (number, (held, answer)) in place.held.iter().zip(answers).enumerate() {
        let state = place.scene.trial.state(held.task).await;
        match number % 5 {
            0 => assert!(answer.is_ok() && state == TaskState::Running),
            1 => assert!(matches!(answer, Err(WriteRefused::Stale)) && state == TaskState::Running),
            _ => {
                assert!(answer.is_ok() && state == states[number % 3]);
                ended += 1;
            }
        }
        place.scene.trial.check(held.task).await;
    }
    let stats = place.store.stats().await.unwrap();
    let of = |wanted| stats.tasks.iter().filter(|(_, state, _)| *state == wanted).map(|(.., tasks)| tasks).sum::<u64>();
    assert_eq!(states.map(of).iter().sum::<u64>(), ended);
    assert_eq!(of(TaskState::Running), TASKS as u64 - ended);
    let leases = place.server.ask(&["ZCARD", &format!("{}leases", place.prefix)]);
    assert_eq!(leases, format!(":{}", TASKS as u64 - ended));
    assert_eq!(place.server.ask(&["ZCARD", &format!("{}ended", place.prefix)]), format!(":{ended}"));
    assert_eq!(place.server.ask(&["ZCARD", &format!("{}o:m", place.prefix)]), format!(":{mails}"));
    let outbox = place.store.outbox_stats().await.unwrap();
    assert_eq!(outbox.counts.iter().map(|(_, count)| count).sum::<u64>(), mails as u64);
}

/// Goal: a write that waits to go out is answered when the store is closed, and one that comes later at once.
#[tokio::test]
async fn nobody_waits_for_a_closed_store() {
    let place = Place::open().await;
    place.server.ask(&["CLIENT", "PAUSE", "2000", "ALL"]);
    let writes: Vec<_> = place.held.iter().map(|held| held.go_on(&[line("one")])).collect();
    let waiting = writes.iter().cloned().map(|write| {
        let store = place.store.clone();
        tokio::spawn(async move { store.write(write).await })
    });
    let waiting: Vec<_> = waiting.collect();
    // All of them run on this thread: now each has handed in its write.
    tokio::task::yield_now().await;
    place.store.shutdown().await;
    for answer in join_all(waiting).await {
        assert!(matches!(answer.unwrap(), Err(WriteRefused::Store(StoreError::Unavailable(_)))));
    }
    for write in writes {
        let answer = within(place.store.write(write)).await;
        assert!(matches!(answer, Err(WriteRefused::Store(StoreError::Unavailable(_)))), "{answer:?}");
    }
}
