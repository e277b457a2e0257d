//! Randomness, as a port: tests seed it.

use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::task::{TaskId, Timestamp};

pub trait IdSource: Send + Sync + 'static {
    fn random(&self) -> u64;

    fn task_id(&self, created: Timestamp, partition: u16) -> TaskId {
        TaskId::from_parts(created, partition, self.random())
    }
}

#[derive(Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn random(&self) -> u64 {
        rand::random()
    }
}

/// The same numbers for the same seed.
#[derive(Debug)]
pub struct SeededIds(Mutex<StdRng>);

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl IdSource for SeededIds {
    fn random(&self) -> u64 {
        self.0.lock().map_or(0, |mut rng| rng.random())
    }
}
