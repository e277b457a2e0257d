//! Who tried wrong keys lately. After a few free tries an address must wait, longer each time.
//!
//! Nobody can guess a key of 256 bits; this keeps guessers from filling the log, and people from wondering. The memory
//! is bounded: when it is full, the address that has been quiet for longest is forgotten.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const FREE_TRIES: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
const MOST_ADDRESSES: usize = 4_096;

#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<IpAddr, Tries>>);

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    last: Instant,
}

impl Tries {
    fn may_again_at(self) -> Instant {
        match self.count.checked_sub(FREE_TRIES) {
            None => self.last,
            Some(over) => self.last + Duration::from_secs(1 << over.min(5)).min(LONGEST_WAIT),
        }
    }

    fn is_forgotten(self, now: Instant) -> bool {
        self.last + FORGOTTEN_AFTER <= now
    }
}

impl Failures {
    /// How long this address must wait before it may try again.
    pub(super) fn wait_of(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let tries = self.tries().get(&network_of(address)).copied().filter(|tries| !tries.is_forgotten(now))?;
        Some(tries.may_again_at().saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// One more wrong key from there. Returns how many there were lately.
    pub(super) fn note(&self, address: IpAddr, now: Instant) -> u32 {
        let network = network_of(address);
        let mut all = self.tries();
        if all.len() >= MOST_ADDRESSES && !all.contains_key(&network) {
            make_room(&mut all, now);
        }
        let tries = all.entry(network).or_insert(Tries { count: 0, last: now });
        tries.count = if tries.is_forgotten(now) { 1 } else { tries.count.saturating_add(1) };
        tries.last = now;
        tries.count
    }

    fn tries(&self) -> MutexGuard<'_, HashMap<IpAddr, Tries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(all: &mut HashMap<IpAddr, Tries>, now: Instant) {
    all.retain(|_, tries| !tries.is_forgotten(now));
    if all.len() >= MOST_ADDRESSES
        && let Some(quietest) = all.iter().min_by_key(|(_, tries)| tries.last).map(|(address, _)| *address)
    {
        all.remove(&quietest);
    }
}

/// Of version 6 whoever has one address has all with its first 64 bits.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a few tries are free, then each costs a longer wait, up to a bound; quiet is rewarded.
    #[test]
    fn slower_and_slower() {
        let (failures, start) = (Failures::default(), Instant::now());
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..12 {
            failures.note(address, now);
            let wait = failures.wait_of(address, now).unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(failures.wait_of(address, now), None);
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(failures.wait_of("192.0.2.2".parse().unwrap(), now), None, "others do not wait");
        assert_eq!(failures.note(address, now + FORGOTTEN_AFTER), 1);
    }

    /// Goal: neither many addresses nor a whole network of them take more than the bound.
    #[test]
    fn bounded() {
        let (failures, now) = (Failures::default(), Instant::now());
        for number in 0..10_000u32 {
            failures.note(IpAddr::V4(number.into()), now + Duration::from_millis(number.into()));
        }
        assert_eq!(failures.tries().len(), MOST_ADDRESSES);
        assert!(failures.tries().contains_key(&IpAddr::V4(9_999.into())));
        for number in 1..=9u128 {
            failures.note(IpAddr::V6((0x2001_0db8 << 96 | number).into()), now);
        }
        assert!(failures.wait_of("2001:db8::ffff".parse().unwrap(), now).is_some());
        assert!(failures.wait_of("2001:db8:0:1::1".parse().unwrap(), now).is_none());
    }
}
