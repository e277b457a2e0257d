//! Any order of operations, against what must hold at every moment.
//!
//! A script is a list of numbers, each one operation on one task; a number that means nothing in the moment does
//! nothing. So every script is valid, and a failing one shrinks by leaving numbers out. What is checked is not a
//! second store but the rules themselves: who may hold what, and that logs only grow and agree with the records.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::held::{Held, line, wait_for_child, wait_for_signal};
use super::trial::{FLOW, Trial};
use crate::ports::{ClaimKind, ClaimRequest, Control, TaskWrite, WriteRefused, Written};
use crate::task::{Event, NewTask, Parent, TaskId, TaskState};

const MOST_TASKS: usize = 12;

struct Play {
    trial: Trial,
    tasks: Vec<TaskId>,
    /// Who holds a task by right.
    holders: BTreeMap<TaskId, Held>,
    /// Who held one once.
    stale: Vec<Held>,
    /// Each task's last applied write and its answer.
    written: HashMap<TaskId, (TaskWrite, Written)>,
    /// The logs as they were last seen.
    logs: HashMap<TaskId, Vec<Event>>,
    turn: u64,
}

/// Goal: no order of operations breaks a rule.
pub async fn any_order_of_operations_keeps_the_rules(trial: Trial, script: &[u16]) {
    let mut play = Play {
        trial,
        tasks: Vec::new(),
        holders: BTreeMap::new(),
        stale: Vec::new(),
        written: HashMap::new(),
        logs: HashMap::new(),
        turn: 0,
    };
    for (place, number) in script.iter().enumerate() {
        play.step(usize::from(number % 24), usize::from(number / 24)).await;
        // Each step asserts what it changes; the rest is looked at now and then, because a store on disk is not free.
        if place.is_multiple_of(4) {
            play.check().await;
        }
    }
    play.finish().await;
}

impl Play {
    async fn step(&mut self, operation: usize, pick: usize) {
        match operation {
            0 | 1 => self.create().await,
            2..=5 => self.claim(pick).await,
            6 | 7 => self.write(pick, |held, _| held.go_on(&[line("a"), line("b")])).await,
            8 => self.write(pick, |held, _| TaskWrite { step_finished: true, ..held.go_on(&[line("step")]) }).await,
            9 => self.bear(pick).await,
            10 | 11 => self.park(pick).await,
            12 => self.write(pick, |held, trial| held.release(trial.now())).await,
            13 if pick.is_multiple_of(2) => self.write(pick, |held, _| held.pause()).await,
            13 => self.write(pick, |held, _| held.pause_as_asked()).await,
            14 => self.write(pick, |held, _| held.end(TaskState::Succeeded)).await,
            15 => self.write(pick, |held, _| held.end(TaskState::Failed)).await,
            16 => self.signal(pick).await,
            17 => self.control(pick, Control::Cancel).await,
            18 => self.control(pick, Control::Pause).await,
            19 => self.control(pick, Control::Resume).await,
            20 => self.trial.clock.advance(Duration::from_millis(700)),
            21 => self.crash().await,
            22 => self.write_late(pick).await,
            _ => self.repeat(pick).await,
        }
    }

    async fn create(&mut self) {
        if self.tasks.len() < MOST_TASKS {
            self.tasks.push(self.trial.start().await);
        }
    }

    async fn claim(&mut self, pick: usize) {
        self.turn += 1;
        let kind = if pick.is_multiple_of(4) { ClaimKind::Suspect } else { ClaimKind::Ordinary };
        let request =
            ClaimRequest { most: 1 + pick % 3, turn: self.turn, kind, ..self.trial.request_for(&[FLOW, "child_flow"]) };
        for claimed in self.trial.claim_next(request).await.tasks {
            let held = Held::new(&claimed, self.trial.clock.clone());
            assert!(!self.holders.contains_key(&held.task), "{} was claimed twice at once", held.task);
            self.holders.insert(held.task, held);
        }
    }

    fn holder(&self, pick: usize) -> Option<TaskId> {
        let holders = self.holders.keys().copied();
        holders.clone().nth(pick % self.holders.len().max(1))
    }

    /// Lets one holder write, having seen its task's log or not.
    async fn write(&mut self, pick: usize, write: impl FnOnce(&Held, &Trial) -> TaskWrite) {
        let Some(task) = self.holder(pick) else { return };
        let head = self.trial.record(task).await.head;
        let Some(mut held) = self.holders.get(&task).cloned() else { return };
        if !pick.is_multiple_of(3) {
            held.seen = head;
        }
        let write = write(&held, &self.trial);
        match held.send(&*self.trial.store(), write.clone()).await {
            Ok(answer) => {
                assert_eq!(answer.first, head + 1);
                assert_eq!(answer.head, head + write.events.len() as u64);
                self.tasks.extend(write.children.iter().map(|child| child.id));
                self.written.insert(task, (write, answer));
                self.holders.insert(task, held);
            }
            Err(WriteRefused::NewsCame { .. }) => {}
            Err(other) => panic!("the holder was refused: {other:?}"),
        }
        self.forget_who_let_go(task).await;
    }

    async fn forget_who_let_go(&mut self, task: TaskId) {
        if self.trial.state(task).await != TaskState::Running {
            self.stale.extend(self.holders.remove(&task));
        }
    }

    async fn bear(&mut self, pick: usize) {
        let Some(parent) = self.holder(pick).filter(|_| self.tasks.len() < MOST_TASKS) else { return };
        let parent = Some(Parent { task: parent, step: "child".into() });
        let child = NewTask { parent, ..self.trial.new_task_of("child_flow") };
        self.write(pick, |held, _| TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) }).await;
    }

    async fn park(&mut self, pick: usize) {
        let mut waits = vec![wait_for_signal("go", self.trial.now())];
        let youngest = self.tasks.last().copied();
        waits.extend(youngest.map(|child| wait_for_child(&"child".into(), child, self.trial.now())));
        let due_at = pick.is_multiple_of(2).then(|| self.trial.now() + Duration::from_secs(1));
        self.write(pick, |held, _| held.park(waits, due_at)).await;
    }

    fn task(&self, pick: usize) -> Option<TaskId> {
        self.tasks.get(pick % self.tasks.len().max(1)).copied()
    }

    async fn signal(&mut self, pick: usize) {
        let Some(task) = self.task(pick) else { return };
        let before = self.trial.record(task).await;
        let answer = self.trial.signal(task, "go").await;
        assert_eq!(answer.is_ok(), !before.state.is_ended(), "{answer:?} in {:?}", before.state);
        if before.waits.iter().any(|wait| wait.hears_signal("go")) && before.state == TaskState::Waiting {
            let due_at = self.trial.record(task).await.due_at;
            assert!(due_at.is_some_and(|due_at| due_at <= self.trial.now()), "a parked signal was lost");
        }
    }

    async fn control(&mut self, pick: usize, control: Control) {
        let Some(task) = self.task(pick) else { return };
        let before = self.trial.state(task).await;
        let answer = self.trial.control(task, control).await;
        let repeated = control == Control::Cancel && before == TaskState::Cancelled;
        assert_eq!(answer.is_ok(), !before.is_ended() || repeated, "{answer:?} in {before:?}");
        if let Ok(state) = answer {
            assert_eq!(state, self.trial.state(task).await);
        }
    }

    async fn crash(&mut self) {
        for rescued in self.trial.crash().await {
            assert!(self.holders.contains_key(&rescued.task), "{} was taken from nobody", rescued.task);
        }
        for task in self.holders.keys() {
            assert_ne!(self.trial.state(*task).await, TaskState::Running, "{task} was not taken over");
        }
        self.stale.extend(std::mem::take(&mut self.holders).into_values());
    }

    async fn write_late(&mut self, pick: usize) {
        let Some(held) = self.stale.get(pick % self.stale.len().max(1)).cloned() else { return };
        let before = self.trial.picture(held.task).await;
        let writes = [held.go_on(&[line("late")]), held.end(TaskState::Succeeded), held.release(self.trial.now())];
        for write in writes {
            let answer = self.trial.store().write(write).await;
            assert!(matches!(answer, Err(WriteRefused::Stale)), "{answer:?}");
        }
        assert_eq!(self.trial.picture(held.task).await, before);
    }

    /// Sends a last write again: by its holder, or by one who let go with it while nobody came after.
    async fn repeat(&mut self, pick: usize) {
        let Some(task) = self.task(pick) else { return };
        let Some((write, answer)) = self.written.get(&task).cloned() else { return };
        let before = self.trial.picture(task).await;
        match self.trial.store().write(write.clone()).await {
            // What was asked of the task meanwhile may show in the flags; nothing was written again.
            Ok(again) => assert_eq!((again.first, again.head), (answer.first, answer.head)),
            Err(WriteRefused::Stale) => {
                let held = self.holders.get(&task).is_some_and(|held| held.claim == write.claim);
                assert!(!held, "a repeat by the holder was refused");
            }
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(self.trial.picture(task).await, before);
    }

    async fn check(&mut self) {
        for task in self.tasks.clone() {
            self.trial.check(task).await;
            let log = self.trial.log(task).await;
            if let Some(before) = self.logs.get(&task) {
                assert_eq!(log.get(..before.len()), Some(&before[..]), "a log only grows");
            }
            self.logs.insert(task, log);
            let claim = self.trial.record(task).await.claim.map(|(claim, _)| claim);
            assert_eq!(claim, self.holders.get(&task).map(|held| held.claim), "the claim is its holder's");
        }
    }

    /// Nothing is stuck: whatever happened, every task can be brought to an end.
    async fn finish(&mut self) {
        for task in self.tasks.clone() {
            self.trial.control(task, Control::Cancel).await.ok();
        }
        for task in self.holders.keys().copied().collect::<Vec<_>>() {
            let Some(mut held) = self.holders.remove(&task) else { continue };
            held.send(&*self.trial.store(), held.end(TaskState::Cancelled)).await.unwrap();
        }
        for task in self.tasks.clone() {
            assert!(self.trial.state(task).await.is_ended());
        }
        self.check().await;
    }
}
