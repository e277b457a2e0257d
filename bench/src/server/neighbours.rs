//! Who else had the machine: without it, figures of two hours cannot be compared, nor two rounds of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The kernel counts in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;
const LOOK: Duration = Duration::from_millis(50);
/// A busy machine keeps a thread waiting for tens of milliseconds; so long, and somebody has stopped it.
const STOPPED: Duration = Duration::from_secs(1);

/// Seconds of CPU time that all processes together have had.
pub(crate) fn busy_seconds() -> f64 {
    busy_ticks(&std::fs::read_to_string("/proc/stat").unwrap_or_default()) / TICKS_PER_SECOND
}

/// All but `idle` and `iowait`, the fourth and fifth; the last two are counted in the first two already.
fn busy_ticks(stat: &str) -> f64 {
    let first = stat.lines().next().unwrap_or_default();
    let ticks = first.split_whitespace().skip(1).filter_map(|field| field.parse::<f64>().ok());
    ticks.take(8).enumerate().filter(|(place, _)| !matches!(place, 3 | 4)).map(|(_, ticks)| ticks).sum()
}

/// Notices when this program was stopped for a while, as by a debugger or by somebody who wants the machine: what was
/// measured meanwhile is nobody's figure.
#[derive(Debug)]
pub(crate) struct Watch {
    longest_micros: Arc<AtomicU64>,
    looking: tokio::task::JoinHandle<()>,
}

impl Watch {
    pub(crate) fn begin() -> Self {
        let longest_micros = Arc::new(AtomicU64::new(0));
        let longest = longest_micros.clone();
        let looking = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                tokio::time::sleep(LOOK).await;
                let late = began.elapsed().saturating_sub(LOOK);
                longest.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { longest_micros, looking }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let longest = Duration::from_micros(self.longest_micros.load(Ordering::Relaxed));
        if longest > STOPPED {
            bail!("this program stood still for {:.1} s meanwhile: the round does not count", longest.as_secs_f64());
        }
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: waiting is not working, and guests' time is not counted twice.
    #[test]
    fn busy_is_all_but_waiting() {
        let stat = "cpu  100 10 50 9000 800 5 4 3 70 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert!((busy_ticks(stat) - 172.0).abs() < f64::EPSILON);
        assert!(busy_ticks("").abs() < f64::EPSILON);
    }
}
