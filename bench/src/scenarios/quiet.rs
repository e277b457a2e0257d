//! When a server has done all that the tasks it has ended still need, as to be archived.
//!
//! Little CPU for a moment says little: what archives gathers, rests up to three times as long as it worked, and waits for Postgres, whose CPU is
//! not counted. So it must be quiet for longer than such a pause, and who archives must say that nothing waits.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::server::{Server, Usage};

/// Between two looks.
const SPAN: Duration = Duration::from_millis(250);
/// Spans in a row.
const ENOUGH: u32 = 4;
/// What a server uses at most that has nothing to do, several processes of a peer included.
const QUIET_CORES: f64 = 0.1;
/// One that never is quiet is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server had used when it became quiet, and when that was: the time in which it was only watched does not count.
pub(super) async fn wait_until_quiet(server: &Server) -> Result<(Instant, Usage)> {
    let until = Instant::now() + PATIENCE;
    let mut before = server.usage();
    let mut calm = Calm::since((Instant::now(), before));
    while server.is_known() && Instant::now() < until {
        tokio::time::sleep(SPAN).await;
        let now = server.usage();
        let is_idle = now.cpu_seconds - before.cpu_seconds <= QUIET_CORES * SPAN.as_secs_f64();
        // Asked only then: the answer costs CPU, too.
        let is_quiet = is_idle && server.unarchived().await?.is_none_or(|waiting| waiting == 0);
        before = server.usage();
        if calm.is_enough(is_quiet, (Instant::now(), before)) {
            return Ok(calm.began);
        }
    }
    Ok((Instant::now(), server.usage()))
}

/// How long it has been quiet, and what there was to be told of its beginning.
struct Calm<T> {
    began: T,
    spans: u32,
}

impl<T> Calm<T> {
    fn since(began: T) -> Self {
        Self { began, spans: 0 }
    }

    /// Whether it has been quiet for long enough after one more span, which ended so.
    fn is_enough(&mut self, is_quiet: bool, ended: T) -> bool {
        if is_quiet {
            self.spans += 1;
        } else {
            *self = Self::since(ended);
        }
        self.spans >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a pause between two batches is not taken for the end, and what is watched in vain is not counted.
    #[test]
    fn a_pause_is_not_the_end() {
        let mut calm = Calm::since(0);
        let spans = [true, true, true, false, true, true, true, true];
        let enough: Vec<bool> = (1..).zip(spans).map(|(at, is_quiet)| calm.is_enough(is_quiet, at)).collect();
        assert_eq!(enough, [false, false, false, false, false, false, false, true]);
        assert_eq!(calm.began, 4);
    }
}
