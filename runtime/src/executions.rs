//! What is running, each as a tokio task of its own with a way to abort it.
//!
//! apalis polls all its handlers in one task; spawned, a slow one cannot hold up its neighbours or the claiming.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::{AbortHandle, JoinHandle};

#[derive(Debug, Clone, Default)]
pub(crate) struct Executions(Arc<Mutex<Spawned>>);

#[derive(Debug, Default)]
struct Spawned {
    next: u64,
    running: HashMap<u64, AbortHandle>,
}

impl Executions {
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // Locked until it is written down, so that even the quickest takes itself out after that.
        let mut spawned = self.lock();
        let number = spawned.next;
        spawned.next += 1;
        let entry = Entry { executions: self.clone(), number };
        let handle = tokio::spawn(async move {
            let _entry = entry;
            future.await
        });
        spawned.running.insert(number, handle.abort_handle());
        handle
    }

    /// Aborts everything at its next await. Returns how many were running.
    pub(crate) fn abort_all(&self) -> usize {
        let running: Vec<AbortHandle> = self.lock().running.drain().map(|(_, handle)| handle).collect();
        running.iter().for_each(AbortHandle::abort);
        running.len()
    }

    fn lock(&self) -> MutexGuard<'_, Spawned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes itself out when its execution ends, however that is.
struct Entry {
    executions: Executions,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.executions.lock().running.remove(&self.number);
    }
}
