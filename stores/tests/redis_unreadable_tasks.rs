//! Tasks in Redis that cannot be read: they take none along that is claimed with them, and come to an end.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::flow::{Registry, Resources};
use caudal_engine::ports::{ClaimKind, ClaimRequest, Control, KnownFlow, RandomIds, TaskStore, TaskWrite, WorkerBoard};
use caudal_engine::task::crash_loop::{FATAL_TAKEOVERS, is_suspect};
use caudal_engine::task::{Limits, NewTask, Parent, TaskId, TaskState, WorkerId};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::{Held, line};
use caudal_engine::testing::memory::MemoryStore;
use caudal_engine::use_cases::rescue::rescue;
use caudal_stores::redis::RedisStore;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of, shared_server};

/// A store with its scene, and what all keys begin with.
struct Place {
    store: Arc<RedisStore>,
    scene: Scene,
    parts: Parts,
    prefix: String,
}

impl Place {
    async fn open() -> Self {
        let mut parts = Parts::default();
        parts.limits.line_per_tenant = 1_000;
        let settings = settings_of(&shared_server().url(), &parts);
        let store = open_store(&settings, &parts).await;
        let scene = Scene::of(&store, parts.clone());
        Self { store, scene, parts, prefix: format!("{}{{p0}}:", settings.prefix) }
    }

    fn ask(&self, command: &str, kind: &str, task: TaskId, rest: &[&str]) -> String {
        let key = format!("{}{kind}:{task}", self.prefix);
        shared_server().ask(&[&[command, &key], rest].concat())
    }

    fn of_all(&self, command: &str, key: &str) -> String {
        shared_server().ask(&[command, &format!("{}{key}", self.prefix)])
    }

    /// Makes what never changes of it no JSON.
    fn spoil(&self, task: TaskId) {
        self.ask("LSET", "l", task, &["0", "{"]);
    }

    /// These and no others.
    fn is_set_aside(&self, tasks: &[TaskId]) {
        let key = format!("{}unreadable", self.prefix);
        for task in tasks {
            assert_eq!(shared_server().ask(&["HEXISTS", &key, &task.to_string()]), ":1", "{task}");
        }
        assert_eq!(self.of_all("HLEN", "unreadable"), format!(":{}", tasks.len()));
    }

    async fn claim(&self, kind: ClaimKind) -> Vec<TaskId> {
        self.claim_as(1, kind).await
    }

    /// As code of this version.
    async fn claim_as(&self, version: u32, kind: ClaimKind) -> Vec<TaskId> {
        let mut request = ClaimRequest { most: 10, kind, ..self.scene.trial.request() };
        request.flows = request.flows.iter().map(|flow| KnownFlow { version, ..flow.clone() }).collect();
        let claimed = self.scene.trial.claim_next(request).await;
        claimed.tasks.into_iter().map(|claimed| claimed.task.id).collect()
    }

    fn engine(&self) -> Engine {
        let Parts { clock, ids, bell, feed, limits } = self.parts.clone();
        // Nobody is told in these tests.
        let outbox = MemoryStore::new(clock.clone(), ids, bell.clone(), feed.clone(), limits);
        Engine {
            store: self.store.clone(),
            bell,
            feed,
            clock,
            ids: Arc::new(RandomIds),
            registry: Arc::new(Registry::default()),
            resources: Resources::default(),
            limits: Arc::new(Limits::default()),
            workers: Arc::new(WorkerBoard::default()),
            notifications: Arc::new(outbox).to_notify(),
        }
    }
}

fn sorted(mut tasks: Vec<TaskId>) -> Vec<TaskId> {
    tasks.sort_unstable();
    tasks
}

/// Goal: of a claimed batch those that can be read are there, whatever is wrong with the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_claimed_without_those_that_cannot_be_read() {
    let place = Place::open().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(place.scene.trial.start().await);
    }
    place.spoil(ids[0]);
    place.ask("HSET", "t", ids[1], &["takeovers", "many"]);
    place.ask("HSET", "t", ids[2], &["version", "first"]);
    place.ask("HDEL", "t", ids[3], &["head"]);
    place.ask("HSET", "t", ids[4], &["needs", "nothing"]);
    place.ask("HDEL", "t", ids[5], &["summary"]);
    place.ask("HDEL", "t", ids[6], &["tenant"]);
    place.ask("DEL", "l", ids[7], &[]);
    assert_eq!(place.claim(ClaimKind::Ordinary).await, ids[8..]);
    assert!(place.claim(ClaimKind::Ordinary).await.is_empty());
    // One that counts its takeovers wrongly does not keep the others from being rescued.
    place.scene.trial.clock.advance(Duration::from_secs(9));
    let rescued = place.store.rescue(100).await.unwrap();
    let rescued = sorted(rescued.into_iter().map(|rescued| rescued.task).collect());
    // Nobody can tell whose task the sixth is.
    let but_one: Vec<TaskId> = ids.iter().copied().filter(|id| *id != ids[6]).collect();
    assert_eq!(rescued, but_one);
    assert_eq!(place.of_all("HLEN", "unreadable"), ":1");
    assert_eq!(place.store.stats().await.unwrap().set_aside, 1);
    // What the others lacked could be told from the rest.
    let mended = [ids[3], ids[4], ids[5], ids[8], ids[9]];
    let claimed = place.claim(ClaimKind::Ordinary).await;
    assert!(mended.iter().all(|id| claimed.contains(id)), "{claimed:?}");
    place.scene.trial.clock.advance(Duration::from_secs(9));
    assert_eq!(place.store.rescue(100).await.unwrap().len(), 9);
}

/// Goal: tasks that were damaged while they ran, or lay parked, keep none from being rescued, and go on with what can be
/// told from the rest; those of which too little is left are set aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_damaged_meanwhile_stops_no_rescue() {
    let place = Place::open().await;
    let trial = &place.scene.trial;
    let mut running = Vec::new();
    for _ in 0..8 {
        running.push(trial.running().await.task);
    }
    let damages: [(&str, &[&str]); 7] = [
        ("HDEL", &["priority"]),
        ("HSET", &["summary", "at its best"]),
        ("HSET", &["head", "many"]),
        ("HDEL", &["needs"]),
        ("HDEL", &["flow"]),
        ("HDEL", &["tenant"]),
        ("HDEL", &["state"]),
    ];
    for (task, (command, rest)) in running.iter().zip(damages) {
        place.ask(command, "t", *task, rest);
    }
    trial.clock.advance(Duration::from_secs(9));
    let rescued = place.store.rescue(100).await.unwrap();
    let rescued: Vec<TaskId> = rescued.into_iter().map(|rescued| rescued.task).collect();
    let mut whole = [&running[..4], &running[7..]].concat();
    assert_eq!(sorted(rescued), sorted(whole.clone()));
    assert_eq!(place.store.stats().await.unwrap().set_aside, 3);
    assert_eq!(place.of_all("ZCARD", "leases"), ":0");
    // The first ones are odd again, in line: they are told to go on as soon as somebody meets them, or to end.
    place.ask("HDEL", "t", running[0], &["summary", "priority"]);
    trial.control(running[0], Control::Cancel).await.unwrap();
    whole.remove(0);
    assert_eq!(sorted(place.claim(ClaimKind::Ordinary).await), sorted(whole.clone()));
    for task in whole {
        trial.check(task).await;
    }
}

/// Goal: a running task whose log's head makes no sense is nobody's, so that it is rescued; those that are renewed with it
/// are told of themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_odd_head_shifts_no_other_answer() {
    let place = Place::open().await;
    let (trial, worker) = (&place.scene.trial, WorkerId::new("worker"));
    let mut running = Vec::new();
    for lines in 0..3 {
        let mut held = trial.running().await;
        for _ in 0..lines {
            held.send(&*place.store, held.go_on(&[line("on its way")])).await.unwrap();
        }
        running.push(held);
    }
    for damage in [["HSET", "head", "many"].as_slice(), &["HDEL", "head"]] {
        place.ask(damage[0], "t", running[0].task, &damage[1..]);
        trial.clock.advance(Duration::from_secs(1));
        let claims: Vec<_> = running.iter().map(|held| (held.task, held.claim)).collect();
        let renewed = place.store.renew(&worker, &claims).await.unwrap();
        let told: Vec<_> = renewed.iter().map(|told| (told.task, told.held, told.head)).collect();
        let held = |held: &Held| (held.task, true, held.seen);
        assert_eq!(told, [(running[0].task, false, 0), held(&running[1]), held(&running[2])]);
    }
    // Its claim was not renewed.
    trial.clock.advance(Duration::from_secs(1));
    let rescued = place.store.rescue(100).await.unwrap();
    assert_eq!(rescued.into_iter().map(|rescued| rescued.task).collect::<Vec<_>>(), [running[0].task]);
    assert_eq!(place.claim(ClaimKind::Ordinary).await, [running[0].task]);
    trial.check(running[0].task).await;
}

/// Goal: a task that forgot which version it needs is run by no older code than made it or ran it last; when nobody can tell,
/// it is set aside, and can be cancelled all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgetful_tasks_meet_no_older_code() {
    let place = Place::open().await;
    let trial = &place.scene.trial;
    let damages: [&[&str]; 4] = [&["needs"], &["needs", "version"], &["needs", "ran"], &["needs", "version", "ran"]];
    let mut tasks = Vec::new();
    for _ in damages {
        tasks.push(trial.start().await);
    }
    assert_eq!(place.claim_as(2, ClaimKind::Ordinary).await, tasks);
    for (task, damage) in tasks.iter().zip(damages) {
        place.ask("HDEL", "t", *task, damage);
    }
    trial.clock.advance(Duration::from_secs(3));
    let rescued = place.store.rescue(100).await.unwrap();
    assert_eq!(sorted(rescued.into_iter().map(|rescued| rescued.task).collect()), tasks[..2]);
    assert!(place.claim(ClaimKind::Ordinary).await.is_empty(), "newer code ran them");
    assert_eq!(sorted(place.claim_as(2, ClaimKind::Ordinary).await), tasks[..2]);
    place.is_set_aside(&tasks[2..]);

    // In line it is met, and set aside, too.
    let queued = trial.start().await;
    place.ask("HDEL", "t", queued, damages[3]);
    assert!(place.claim_as(2, ClaimKind::Ordinary).await.is_empty());
    trial.clock.advance(Duration::from_secs(3));
    place.store.rescue(100).await.unwrap();
    assert_eq!(place.store.stats().await.unwrap().set_aside, 3);
    trial.control(queued, Control::Cancel).await.unwrap();
    assert_eq!(place.ask("HGET", "t", queued, &["state"]), "cancelled");
}

/// Goal: however many in line make no sense, a claim takes a bounded number of them out of it and those behind them are
/// reached; each is brought on by the rescuer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_odd_ones_are_passed_in_bites() {
    const ODD: usize = 600;
    let place = Place::open().await;
    let trial = &place.scene.trial;
    let mut tasks = Vec::new();
    for number in 0..=ODD {
        let task = trial.start().await;
        if number < ODD {
            place.ask("HSET", "t", task, &["needs", "nothing"]);
        }
        tasks.push(task);
    }
    let mut claimed = Vec::new();
    for claims in 1..=3 {
        assert!(claimed.is_empty());
        claimed = place.claim(ClaimKind::Ordinary).await;
        let out: usize = place.of_all("ZCARD", "leases").trim_start_matches(':').parse().unwrap();
        assert!(out <= claims * 300, "{out} were taken out of line");
    }
    assert_eq!(claimed, tasks[ODD..]);
    trial.clock.advance(Duration::from_secs(3));
    while !place.store.rescue(100).await.unwrap().is_empty() {}
    claimed.clear();
    while let next = place.claim(ClaimKind::Ordinary).await
        && !next.is_empty()
    {
        claimed.extend(next);
    }
    assert!(sorted(claimed) == tasks, "some were lost");
}

/// Goal: a task of which too little is left keeps neither its parent nor its children from their ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_ends_around_one_that_is_damaged() {
    let place = Place::open().await;
    let trial = &place.scene.trial;
    for damaged in [0, 1] {
        let mut parent = trial.running().await;
        let of = Some(Parent { task: parent.task, step: "child".into() });
        let child = NewTask { parent: of, ..trial.new_task() };
        let family = [parent.task, child.id];
        let write = TaskWrite { children: vec![child], ..parent.go_on(&[line("a child")]) };
        parent.send(&*place.store, write).await.unwrap();
        place.ask("HDEL", "t", family[damaged], &["flow", "head"]);
        let mut other = if damaged == 0 { trial.claim(family[1]).await } else { parent };
        other.send(&*place.store, other.end(TaskState::Succeeded)).await.unwrap();
        trial.check(other.task).await;
        trial.clock.advance(Duration::from_secs(9));
        let rescued = place.store.rescue(100).await.unwrap();
        assert!(rescued.is_empty(), "{damaged}");
    }
}

/// Goal: what was set aside and is repaired by hand goes on when that is looked for, and knows what happened meanwhile; the
/// others stay, those that are gone do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repaired_go_on() {
    let place = Place::open().await;
    let trial = &place.scene.trial;
    let mut parent = trial.running().await;
    let of = Some(Parent { task: parent.task, step: "child".into() });
    let child = NewTask { parent: of, ..trial.new_task() };
    let child_id = child.id;
    let write = TaskWrite { children: vec![child], ..parent.go_on(&[line("a child")]) };
    parent.send(&*place.store, write).await.unwrap();
    let mut child = trial.claim(child_id).await;
    let (stays, gone) = (trial.running().await.task, trial.running().await.task);
    let queued = trial.start().await;
    for task in [parent.task, stays, gone, queued] {
        place.ask("HDEL", "t", task, &["flow"]);
    }
    assert!(place.claim(ClaimKind::Ordinary).await.is_empty());
    child.send(&*place.store, child.end(TaskState::Succeeded)).await.unwrap();
    trial.clock.advance(Duration::from_secs(3));
    assert!(place.store.rescue(100).await.unwrap().is_empty());
    assert_eq!(place.store.retry_aside().await.unwrap(), 0);
    assert_eq!(place.store.stats().await.unwrap().set_aside, 4);

    let flow = trial.record(child_id).await.flow;
    for task in [parent.task, queued] {
        place.ask("HSET", "t", task, &["flow", &flow]);
    }
    place.ask("DEL", "t", gone, &[]);
    place.store.retry_aside().await.unwrap();
    place.is_set_aside(&[stays]);
    let rescued = place.store.rescue(100).await.unwrap();
    let repaired = sorted(vec![parent.task, queued]);
    assert_eq!(sorted(rescued.into_iter().map(|rescued| rescued.task).collect()), repaired);
    assert_eq!(sorted(place.claim(ClaimKind::Ordinary).await), repaired);
    assert!(trial.kinds(parent.task).await.contains(&"child.ended"));
    for task in repaired {
        trial.check(task).await;
    }
}

/// Goal: a task that cannot be read is claimed so many times, later each time, and then it has failed and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_read_comes_to_an_end() {
    let place = Place::open().await;
    let (trial, engine) = (&place.scene.trial, place.engine());
    let task = trial.start().await;
    place.spoil(task);
    for takeovers in 1..=FATAL_TAKEOVERS {
        for kind in [ClaimKind::Ordinary, ClaimKind::Suspect] {
            assert!(place.claim(kind).await.is_empty());
        }
        trial.clock.advance(Duration::from_secs(5));
        assert_eq!(rescue(&engine).await.unwrap().taken_over, 1, "takeover {takeovers}");
        if is_suspect(takeovers) {
            assert!(place.claim(ClaimKind::Suspect).await.is_empty());
            trial.clock.advance(Duration::from_secs(60));
        }
    }
    assert_eq!(place.ask("HGET", "t", task, &["state"]), "failed");
    assert_eq!(place.ask("HGET", "t", task, &["epoch"]), FATAL_TAKEOVERS.to_string());
    let last = place.store.last_event(task).await.unwrap().unwrap();
    assert!(last.is_terminal() && last.body.contains("crash_loop") && last.body.contains("cannot be read"), "{last:?}");
    trial.clock.advance(Duration::from_secs(60));
    assert_eq!(rescue(&engine).await.unwrap().taken_over, 0);
}
