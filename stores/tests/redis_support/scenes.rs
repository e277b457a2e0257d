//! Every operation that writes, each in a scene in which it has as much to write as it can have.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::{
    Control, ControlRefused, NewSignal, SignalRefused, StoreError, TaskStore, TaskWrite, WriteRefused,
};
use caudal_engine::task::event::Chunk;
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{NewTask, Parent, TaskId, TaskState, Tenant, WorkerId, home_of_key};
use caudal_engine::testing::conformance::held::{Held, line, wait_for_child, wait_for_signal};
use caudal_engine::testing::conformance::trial::{new_signal, report};
use caudal_engine::testing::conformance::{Harness, Parts, Trial};
use caudal_stores::redis::{RedisSettings, RedisStore};

use super::outbox_scenes::a_mail;

pub type Done = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;
/// The operation, to be asked for any number of times.
pub type Operation = Box<dyn Fn() -> Done + Send + Sync>;

pub struct Scene {
    pub trial: Trial,
    pub store: Arc<RedisStore>,
}

struct Opened(Arc<RedisStore>);

#[async_trait::async_trait]
impl Harness for Opened {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.0.clone()
    }

    async fn holders_die(&mut self) {}
}

impl Scene {
    pub fn of(store: &Arc<RedisStore>, parts: Parts) -> Self {
        Self { trial: Trial::new(parts, Opened(store.clone())), store: store.clone() }
    }

    fn child_of(&self, parent: TaskId) -> NewTask {
        let parent = Some(Parent { task: parent, step: "child".into() });
        NewTask { parent, ..self.trial.new_task_of("child_flow") }
    }

    pub(super) fn repeated<F, R>(&self, run: F) -> Operation
    where
        F: Fn(Arc<RedisStore>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let store = self.store.clone();
        Box::new(move || Box::pin(run(store.clone())))
    }

    fn create(&self, new: NewTask) -> Operation {
        self.repeated(move |store| {
            let new = new.clone();
            async move { store.create(vec![new]).await.map(drop) }
        })
    }

    fn write(&self, write: TaskWrite) -> Operation {
        self.repeated(move |store| {
            let write = write.clone();
            async move {
                match store.write(write).await {
                    Err(WriteRefused::Store(error)) => Err(error),
                    Err(other) => panic!("{other:?}"),
                    Ok(_) => Ok(()),
                }
            }
        })
    }

    fn control(&self, task: TaskId, control: Control) -> Operation {
        self.repeated(move |store| async move {
            match store.control(&Tenant::default(), task, control).await {
                Err(ControlRefused::Store(error)) => Err(error),
                Err(other) => panic!("{other:?}"),
                Ok(_) => Ok(()),
            }
        })
    }

    fn signal(&self, signal: NewSignal) -> Operation {
        self.repeated(move |store| {
            let signal = signal.clone();
            async move {
                match store.signal(&Tenant::default(), signal).await {
                    Err(SignalRefused::Store(error)) => Err(error),
                    Err(other) => panic!("{other:?}"),
                    Ok(_) => Ok(()),
                }
            }
        })
    }

    /// A running parent, its child that runs and one that waits in line; the parent waits for the first.
    async fn family(&self) -> (Held, Held, TaskId) {
        let unique_key = Some("report".to_owned());
        let parent = self.trial.create(NewTask { unique_key, ..self.trial.new_task() }).await;
        let mut parent = self.trial.claim(parent).await;
        let (running, queued) = (self.child_of(parent.task), self.child_of(parent.task));
        let (running_id, queued_id) = (running.id, queued.id);
        let write = TaskWrite { children: vec![running, queued], ..parent.go_on(&[line("two children")]) };
        parent.send(&*self.store, write).await.unwrap();
        let running = self.trial.claim(running_id).await;
        (parent, running, queued_id)
    }

    async fn park_for(&self, parent: &mut Held, child: TaskId) {
        let waits = vec![wait_for_child(&"child".into(), child, self.trial.now())];
        let later = self.trial.now() + Duration::from_secs(60);
        let park = parent.park(waits, Some(later));
        parent.send(&*self.store, park).await.unwrap();
    }

    /// Prepares what the named operation needs.
    pub async fn set(&self, name: &str) -> Operation {
        let trial = &self.trial;
        match name {
            "create" => {
                let idempotency = Some(Idempotency { key: "k".to_owned(), body_hash: [7; 32] });
                self.create(NewTask { idempotency, due_at: trial.now() + Duration::from_secs(1), ..trial.new_task() })
            }
            "create with keys and a parent" => {
                let parent = trial.start().await;
                let idempotency = Some(Idempotency { key: "k".to_owned(), body_hash: [7; 32] });
                self.create(NewTask { idempotency, unique_key: Some("u".to_owned()), ..self.child_of(parent) })
            }
            "create apart" => {
                let idempotency = Some(Idempotency { key: key_at_home_in_the_second(), body_hash: [7; 32] });
                let id = TaskId::from_parts(trial.now(), 0, 1 << 20);
                self.create(NewTask { id, idempotency, ..trial.new_task() })
            }
            "claim" => self.set_claim().await,
            "append"
            | "full write"
            | "write without children"
            | "park"
            | "release"
            | "pause"
            | "end"
            | "end as failed" => self.set_write(name).await,
            "end of a parent" => {
                let (parent, ..) = self.family().await;
                let mut next = trial.new_task_of("child_flow");
                next.options.continued_from = Some(parent.task);
                next.unique_key = Some("report".to_owned());
                self.write(parent.continue_in(next))
            }
            "end of a child" => {
                let (mut parent, running, _) = self.family().await;
                self.park_for(&mut parent, running.task).await;
                self.write(running.end(TaskState::Failed))
            }
            "cancel" => {
                let (mut parent, running, _) = self.family().await;
                self.park_for(&mut parent, running.task).await;
                self.control(parent.task, Control::Cancel)
            }
            "control pause" => {
                let (mut parent, running, _) = self.family().await;
                self.park_for(&mut parent, running.task).await;
                self.control(parent.task, Control::Pause)
            }
            "control resume" => {
                let task = trial.start().await;
                trial.control(task, Control::Pause).await.unwrap();
                self.control(task, Control::Resume)
            }
            "signal" => {
                let mut held = trial.running().await;
                let park = held.park(vec![wait_for_signal("approval-a1", trial.now())], None);
                held.send(&*self.store, park).await.unwrap();
                self.signal(NewSignal { id: Some("click".into()), ..new_signal(held.task, "approval-a1") })
            }
            other => self.set_rare(other).await,
        }
    }

    async fn set_claim(&self) -> Operation {
        let trial = &self.trial;
        let mut parked = trial.running().await;
        let park = parked.park(vec![wait_for_signal("go", trial.now())], Some(trial.now()));
        parked.send(&*self.store, park).await.unwrap();
        trial.start().await;
        let mut request = trial.request();
        request.most = 5;
        self.repeated(move |store| {
            let request = request.clone();
            async move { store.claim_next(request).await.map(drop) }
        })
    }

    async fn set_write(&self, name: &str) -> Operation {
        let trial = &self.trial;
        let mut held = trial.running().await;
        for text in ["a", "b", "c"] {
            let chunk = Chunk { step: "Write/1".into(), attempt: 1, text: text.to_owned() };
            held.send(&*self.store, held.go_on(&[chunk.into()])).await.unwrap();
        }
        let signal = trial.signal(held.task, "go").await.unwrap().seq;
        held.seen = signal;
        let now = trial.now();
        self.write(match name {
            "append" => TaskWrite { step_finished: true, ..held.go_on(&[line("one"), line("two")]) },
            "park" => held.park(vec![wait_for_signal("go", now)], Some(now + Duration::from_secs(9))),
            "release" => held.release(now),
            "pause" => held.pause(),
            "end" => held.end(TaskState::Succeeded),
            "end as failed" => held.end(TaskState::Failed),
            _ => TaskWrite {
                step_finished: true,
                signals_taken: vec![signal],
                children: if name == "full write" { vec![self.child_of(held.task)] } else { Vec::new() },
                notifications: vec![a_mail(held.task)],
                compact_from: Some(3),
                ..held.go_on(&[line("one")])
            },
        })
    }

    async fn set_rare(&self, name: &str) -> Operation {
        let trial = &self.trial;
        match name {
            "renew" => {
                let held = trial.running().await;
                trial.clock.advance(Duration::from_secs(1));
                self.repeated(move |store| async move {
                    store.renew(&WorkerId::new("worker"), &[(held.task, held.claim)]).await.map(drop)
                })
            }
            "rescue" => {
                let (mut parent, running, _) = self.family().await;
                self.park_for(&mut parent, running.task).await;
                trial.control(running.task, Control::Cancel).await.unwrap();
                trial.running().await;
                trial.clock.advance(Duration::from_secs(9));
                self.repeated(|store| async move { store.rescue(10).await.map(drop) })
            }
            "verdict" => {
                let (mut parent, running, queued) = self.family().await;
                self.park_for(&mut parent, running.task).await;
                let error = report("crash_loop");
                self.repeated(move |store| {
                    let error = error.clone();
                    async move { store.fail_queued(queued, error, vec![a_mail(queued)]).await.map(drop) }
                })
            }
            "share" => self.repeated(|store| async move { store.share("secret", "value").await.map(drop) }),
            "delete" | "clean" | "archived" | "set aside" | "retry what is aside" => {
                let mut held = trial.running().await;
                trial.signal(held.task, "go").await.unwrap();
                let child = self.child_of(held.task);
                let write = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
                held.send(&*self.store, write).await.unwrap();
                held.send(&*self.store, held.end(TaskState::Succeeded)).await.unwrap();
                if name == "retry what is aside" {
                    self.store.set_aside(held.task, "it has a NUL").await.unwrap();
                }
                self.set_ended(name, held.task)
            }
            of_outbox => self.set_outbox(of_outbox).await,
        }
    }

    fn set_ended(&self, name: &str, task: TaskId) -> Operation {
        match name {
            "delete" => self.repeated(move |store| async move {
                match store.delete(&Tenant::default(), task).await {
                    Err(ControlRefused::Store(error)) => Err(error),
                    // A repeat finds it gone.
                    Ok(()) | Err(_) => Ok(()),
                }
            }),
            "clean" => self.repeated(|store| async move { store.clean(Duration::ZERO, u64::MAX, 10).await.map(drop) }),
            "archived" => {
                self.repeated(move |store| async move { store.archived(&[task], Duration::from_secs(3600)).await })
            }
            "set aside" => self.repeated(move |store| async move { store.set_aside(task, "it has a NUL").await }),
            "retry what is aside" => self.repeated(|store| async move { store.retry_aside().await.map(drop) }),
            other => panic!("there is no scene '{other}'"),
        }
    }
}

/// What brings something new, or something that can wait: a server without memory refuses it.
pub const WRITING: &[&str] = &[
    "create",
    "create with keys and a parent",
    "full write",
    "end of a parent",
    "signal",
    "put",
    "resend",
    "suppress",
    "unsuppress",
    "restore",
];
/// What frees memory, or brings what is there nearer to its end, or a process up: done without memory, too.
pub const FREEING: &[&str] = &[
    "share",
    "claim",
    "append",
    "park",
    "release",
    "pause",
    "write without children",
    "end",
    "end as failed",
    "end of a child",
    "cancel",
    "control pause",
    "control resume",
    "renew",
    "rescue",
    "verdict",
    "delete",
    "clean",
    "archived",
    "set aside",
    "retry what is aside",
    "claim a notification",
    "admit",
    "set a notification aside",
    "retry notifications",
    "renew a notification",
    "sent",
    "put off",
    "handed back",
    "clean notifications",
];

/// After a notification was tried: one that cannot be read is set aside then.
pub const SETTLING: &[&str] = &["sent", "put off", "handed back"];

/// Made of several scripts in two partitions, each of which may be repeated.
pub const APART: &[&str] = &["create apart", "put apart"];

/// What a scene of this name is played in: some need a partition beside the one they happen in.
pub fn stage_of(name: &str, settings: RedisSettings) -> RedisSettings {
    let partitions = name.ends_with("apart").then_some(2);
    RedisSettings { partitions, ..settings }
}

/// Of two partitions.
pub(super) fn key_at_home_in_the_second() -> String {
    let mut keys = (0..).map(|number| format!("key {number}"));
    keys.find(|key| home_of_key(&Tenant::default(), key, 2) == 1).unwrap()
}
