//! Who is called how often at once: one host that is slow, or swallows everything, must not hold up the calls of others.
//!
//! A quarter of the calls may go to one host. Whoever finds it full is put back untried, for a second or, where many wait,
//! somewhat longer. Where three calls in a row had no answer in time, nobody is called for a while; then one goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const PUT_BACK: Duration = Duration::from_secs(1);
/// Where this many rest already, the next one rests a second longer: so they come back one after the other.
const PUT_BACK_PER_SECOND: u32 = 100;
const LONGEST_PUT_BACK: Duration = Duration::from_secs(30);
/// Calls in a row without an answer after which nobody is called for a while.
const PATIENCE: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Hosts that are remembered though nobody is calling them.
const MOST_REMEMBERED: usize = 1_000;

#[derive(Debug)]
pub(super) struct Hosts {
    most_each: usize,
    began: Instant,
    called: Mutex<HashMap<String, Host>>,
}

#[derive(Debug, Default)]
struct Host {
    calls: usize,
    /// How many of those that were put back rest until which second from the beginning on.
    resting: BTreeMap<u64, u32>,
    silences: u32,
    /// Nobody is called before.
    until: Option<Instant>,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Turn {
    hosts: Arc<Hosts>,
    host: String,
}

impl Hosts {
    pub(super) fn new(concurrency: usize) -> Self {
        Self { most_each: (concurrency / 4).max(1), began: Instant::now(), called: Mutex::default() }
    }

    /// Or how long to wait before asking again.
    pub(super) fn enter(self: &Arc<Self>, host: &str) -> Result<Turn, Duration> {
        let mut called = self.lock();
        if called.len() >= MOST_REMEMBERED {
            called.retain(|_, host| host.calls > 0);
        }
        let one = called.entry(host.to_owned()).or_default();
        let now = Instant::now();
        if let Some(until) = one.until.filter(|until| now < *until) {
            return Err(one.put_back(self.began, until));
        }
        let most = if one.silences >= PATIENCE { 1 } else { self.most_each };
        if one.calls >= most {
            return Err(one.put_back(self.began, now));
        }
        one.calls += 1;
        Ok(Turn { hosts: self.clone(), host: host.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// How long one rests that cannot be called before this moment.
    fn put_back(&mut self, began: Instant, earliest: Instant) -> Duration {
        self.forget_rested(began);
        let resting: u32 = self.resting.values().sum();
        let rest = PUT_BACK + Duration::from_secs(1).saturating_mul(resting) / PUT_BACK_PER_SECOND;
        let till = earliest + rest.min(LONGEST_PUT_BACK);
        *self.resting.entry((till - began).as_secs()).or_default() += 1;
        till - Instant::now()
    }

    fn forget_rested(&mut self, began: Instant) {
        self.resting = self.resting.split_off(&(began.elapsed().as_secs() + 1));
    }
}

impl Turn {
    /// It said something, whatever that was.
    pub(super) fn was_answered(&self) {
        if let Some(host) = self.hosts.lock().get_mut(&self.host) {
            (host.silences, host.until) = (0, None);
        }
    }

    /// It said nothing in the time it had.
    pub(super) fn was_not_answered(&self) {
        let mut called = self.hosts.lock();
        let Some(host) = called.get_mut(&self.host) else { return };
        host.silences = host.silences.saturating_add(1);
        if host.silences >= PATIENCE {
            let pause = PUT_BACK.saturating_mul(1 << (host.silences - PATIENCE).min(10)).min(LONGEST_PAUSE);
            host.until = Some(Instant::now() + pause);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut called = self.hosts.lock();
        let Some(host) = called.get_mut(&self.host) else { return };
        host.calls -= 1;
        host.forget_rested(self.hosts.began);
        if host.calls == 0 && host.silences == 0 && host.resting.is_empty() {
            called.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Arc<Hosts> {
        Arc::new(Hosts::new(16))
    }

    /// Goal: one host has a quarter of the calls and no more; others have theirs, and a call that ends makes room.
    #[tokio::test(start_paused = true)]
    async fn a_host_has_its_share() {
        let hosts = hosts();
        let mut slow: Vec<Turn> = (0..4).map(|_| hosts.enter("slow.example").unwrap()).collect();
        assert_eq!(hosts.enter("slow.example").unwrap_err(), PUT_BACK);
        let others: Vec<Turn> = (0..4).map(|_| hosts.enter("good.example").unwrap()).collect();
        slow.pop();
        slow.push(hosts.enter("slow.example").unwrap());
        let waits: Vec<Duration> = (0..10_000).map(|_| hosts.enter("slow.example").unwrap_err()).collect();
        assert!(waits.is_sorted() && waits[0] < 2 * PUT_BACK && waits[9_999] == LONGEST_PUT_BACK);
        tokio::time::advance(2 * LONGEST_PUT_BACK).await;
        drop((slow, others));
        assert!(hosts.lock().is_empty(), "nobody is remembered for nothing");
        assert_eq!(Hosts::new(1).most_each, 1);
    }

    /// Goal: where thousands wait for one host that answers at once, it is kept busy, and nobody is tried again and again
    /// meanwhile; the last of them do not rest for long.
    #[tokio::test(start_paused = true)]
    async fn thousands_wait_for_a_quick_host() {
        const ALL: u32 = 4_000;
        const CALL: Duration = Duration::from_millis(100);
        let hosts = hosts();
        let began = Instant::now();
        let mut waiting: Vec<Instant> = (0..ALL).map(|_| began).collect();
        let (mut tries, mut last_rests) = (0, Vec::new());
        while !waiting.is_empty() {
            let (now, left) = (Instant::now(), waiting.len());
            let mut calls = Vec::new();
            waiting.retain_mut(|due| {
                if *due > now {
                    return true;
                }
                tries += 1;
                match hosts.enter("quick.example") {
                    Ok(turn) => calls.push(turn),
                    Err(rest) => {
                        *due = now + rest;
                        last_rests.extend((left < 100).then_some(rest));
                        return true;
                    }
                }
                false
            });
            tokio::time::advance(CALL).await;
            calls.iter().for_each(Turn::was_answered);
        }
        assert!(tries < 5 * ALL, "{tries}");
        let took = began.elapsed();
        assert!(took < CALL * ALL / 4 * 3 / 2, "{took:?}");
        assert!(last_rests.iter().all(|rest| *rest < 2 * PUT_BACK), "{last_rests:?}");
    }

    /// Goal: a host that swallows everything is left alone for a while, then called once, and anew when it answers.
    #[tokio::test(start_paused = true)]
    async fn a_silent_host_is_left_alone() {
        let hosts = hosts();
        let silent = |times: u32| (0..times).for_each(|_| hosts.enter("a.example").unwrap().was_not_answered());
        silent(2);
        hosts.enter("a.example").unwrap().was_answered();
        silent(3);
        let wait = hosts.enter("a.example").unwrap_err();
        assert!(wait > PUT_BACK, "{wait:?}");
        tokio::time::advance(PUT_BACK).await;
        let first = hosts.enter("a.example").unwrap();
        hosts.enter("a.example").unwrap_err();
        first.was_not_answered();
        drop(first);
        tokio::time::advance(PUT_BACK).await;
        hosts.enter("a.example").unwrap_err();
        tokio::time::advance(PUT_BACK).await;
        hosts.enter("a.example").unwrap().was_answered();
        let all: Vec<Turn> = (0..4).map(|_| hosts.enter("a.example").unwrap()).collect();
        tokio::time::advance(LONGEST_PUT_BACK).await;
        drop(all);
        assert!(hosts.lock().is_empty());
    }

    /// Goal: what is remembered of silent hosts is bounded.
    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let hosts = hosts();
        for number in 0..3 * MOST_REMEMBERED {
            hosts.enter(&format!("{number}.example")).unwrap().was_not_answered();
        }
        assert!(hosts.lock().len() <= MOST_REMEMBERED);
    }
}
