//! A claim and a commit of the embedded store, each awaited before the next: what one of them costs when nobody shares
//! its flush to the disk. `full` waits for the disk, `normal` shows what remains without it.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up must fail")]

use std::sync::Arc;

use async_trait::async_trait;
use caudal_engine::ports::TaskStore;
use caudal_engine::task::Limits;
use caudal_engine::testing::conformance::{Harness, Parts, Trial};
use caudal_stores::sqlite::{Durability, SqliteSettings, SqliteStore};
use divan::Bencher;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const SAMPLES: u32 = 200;

fn main() {
    divan::main();
}

struct Opened {
    store: Arc<SqliteStore>,
    _folder: TempDir,
}

#[async_trait]
impl Harness for Opened {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {}
}

fn trial(durability: Durability) -> (Runtime, Trial) {
    let runtime = Runtime::new().expect("a runtime");
    let parts = Parts { limits: Limits::default(), ..Parts::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let settings = SqliteSettings { durability, ..SqliteSettings::new(folder.path()) };
    let Parts { clock, ids, bell, feed, .. } = parts.clone();
    let store = {
        let _inside = runtime.enter();
        Arc::new(SqliteStore::open(&settings, clock, ids, bell, feed).expect("a store"))
    };
    let trial = Trial::new(parts, Opened { store, _folder: folder });
    (runtime, trial)
}

#[divan::bench(args = [Durability::Full, Durability::Normal], sample_size = 1, sample_count = SAMPLES)]
fn create(bencher: Bencher<'_, '_>, durability: Durability) {
    let (runtime, trial) = trial(durability);
    bencher.bench_local(|| runtime.block_on(trial.start()));
}

#[divan::bench(args = [Durability::Full, Durability::Normal], sample_size = 1, sample_count = SAMPLES)]
fn create_a_hundred(bencher: Bencher<'_, '_>, durability: Durability) {
    let (runtime, trial) = trial(durability);
    bencher
        .with_inputs(|| (0..100).map(|_| trial.new_task()).collect::<Vec<_>>())
        .bench_local_values(|tasks| runtime.block_on(trial.store().create(tasks)).expect("stored").len());
}

#[divan::bench(args = [Durability::Full, Durability::Normal], sample_size = 1, sample_count = SAMPLES)]
fn claim(bencher: Bencher<'_, '_>, durability: Durability) {
    let (runtime, trial) = trial(durability);
    bencher
        .with_inputs(|| runtime.block_on(trial.start()))
        .bench_local_values(|_| runtime.block_on(trial.claim_next(trial.request())).tasks.len());
}
