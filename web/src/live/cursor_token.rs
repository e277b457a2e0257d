//! The `id` of a connection over many tasks: how far the client has come in each of them.
//!
//! Opaque to clients. For each task six random bytes of its id and a number of variable length, in base64: short
//! enough to go with every message. Those that were sent last are kept when it grows too long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caudal_engine::task::TaskId;

const MOST_ENTRIES: usize = 200;
const KEY_BYTES: usize = 6;

type Key = [u8; KEY_BYTES];

/// What of a task a number counts: one connection may carry both its snapshots and its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Task,
    Log,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CursorToken(Vec<(Key, u64)>);

impl CursorToken {
    /// What is no token of ours counts as none: the client sees everything again.
    pub(crate) fn decode(text: &str) -> Self {
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Self::read(&bytes)).unwrap_or_default()
    }

    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(self.0.len() * (KEY_BYTES + 2));
        for (key, seq) in &self.0 {
            bytes.extend_from_slice(key);
            let mut left = *seq;
            while left >= 0x80 {
                bytes.push(low_bits(left) | 0x80);
                left >>= 7;
            }
            bytes.push(low_bits(left));
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Nothing if the client has seen nothing of it.
    pub(crate) fn get(&self, task: TaskId, lane: Lane) -> Option<u64> {
        let key = key_of(task, lane);
        self.0.iter().find(|(found, _)| *found == key).map(|(_, seq)| *seq)
    }

    pub(super) fn set(&mut self, task: TaskId, lane: Lane, seq: u64) {
        let key = key_of(task, lane);
        self.0.retain(|(found, _)| *found != key);
        if self.0.len() >= MOST_ENTRIES {
            self.0.remove(0);
        }
        self.0.push((key, seq));
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut entries = Vec::new();
        while !bytes.is_empty() && entries.len() < MOST_ENTRIES {
            let (key, mut rest) = bytes.split_first_chunk::<KEY_BYTES>()?;
            let (mut seq, mut shift) = (0u64, 0u32);
            loop {
                let (byte, after) = rest.split_first()?;
                rest = after;
                seq |= u64::from(byte & 0x7F).checked_shl(shift)?;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            entries.push((*key, seq));
            bytes = rest;
        }
        Some(Self(entries))
    }
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7F).unwrap_or(0)
}

/// The random end of an id; for its log with one bit turned.
fn key_of(task: TaskId, lane: Lane) -> Key {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(&task.as_bytes()[16 - KEY_BYTES..]);
    if lane == Lane::Log {
        key[0] ^= 1;
    }
    key
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Timestamp;

    use super::*;

    fn task(number: u64) -> TaskId {
        TaskId::from_parts(Timestamp::from_millis(1), 0, number)
    }

    /// Goal: what was encoded is read back, numbers of any size; nonsense is nothing.
    #[test]
    fn there_and_back() {
        let mut token = CursorToken::default();
        for (number, seq) in [(1, 0), (2, 127), (3, 128), (4, u64::MAX), (2, 300)] {
            token.set(task(number), Lane::Task, seq);
        }
        token.set(task(2), Lane::Log, 9);
        let read = CursorToken::decode(&token.encode());
        assert_eq!(read, token);
        let seen = |number, lane| read.get(task(number), lane);
        assert_eq!((seen(2, Lane::Task), seen(2, Lane::Log)), (Some(300), Some(9)));
        assert_eq!((seen(4, Lane::Task), seen(4, Lane::Log), seen(9, Lane::Task)), (Some(u64::MAX), None, None));
        for nonsense in ["7", "%%%", "AAAAAAAA", "gICAgICAgICAgICAgICAgICAgICAgICAgICAgA"] {
            assert_eq!(CursorToken::decode(nonsense), CursorToken::default(), "{nonsense}");
        }
    }

    /// Goal: it stays short enough for a header.
    #[test]
    fn bounded() {
        let mut token = CursorToken::default();
        (0..10_000).for_each(|number| token.set(task(number), Lane::Task, 40_000));
        assert!(token.encode().len() < 3_000);
        assert_eq!(token.get(task(9_999), Lane::Task), Some(40_000));
    }
}
