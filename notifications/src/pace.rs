//! No more mails a second than the mail server should be sent.
//!
//! Turns come in groups, as many at once as there are conversations, or as come in a tenth of a second: ten mails at a time
//! cost a busy machine, and a store that flushes what it is told, far less than one mail ten times as often. A turn of a
//! group may be taken as long as the group lasts, so that conversations that end at odd times find one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// Groups in a second: no clock tells more apart.
const MOST_GROUPS: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Pace {
    turns: u32,
    lasts: Duration,
    /// How many of them come in a second; none where they are not told apart.
    in_a_second: Option<usize>,
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    now: Option<Group>,
    /// When the last turn of each group before was taken, of the second that is over.
    before: VecDeque<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    begins: Instant,
    left: u32,
    /// When its last turn was taken.
    taken: Instant,
}

impl Pace {
    pub(crate) fn new(per_second: u32, conversations: usize) -> Self {
        let per_second = per_second.max(1);
        let turns = u32::try_from(conversations).unwrap_or(u32::MAX).min(per_second / 10).max(1);
        let groups = per_second.div_ceil(turns) as usize;
        let in_a_second = (groups <= MOST_GROUPS).then_some(groups);
        Self { turns, lasts: SECOND * turns / per_second, in_a_second, groups: Mutex::default() }
    }

    /// Returns when it is this one's turn.
    pub(crate) async fn turn(&self) {
        let now = Instant::now();
        let mine = self.groups.lock().unwrap_or_else(PoisonError::into_inner).take(self, now);
        if mine > now {
            tokio::time::sleep_until(mine).await;
        }
    }
}

impl Groups {
    fn take(&mut self, pace: &Pace, now: Instant) -> Instant {
        if let Some(group) = self.now.as_mut().filter(|group| group.left > 0 && now < group.begins + pace.lasts) {
            group.left -= 1;
            group.taken = now.max(group.begins);
            return group.taken;
        }
        let mut begins = now;
        if let Some(last) = self.now {
            begins = begins.max(last.begins + pace.lasts);
            self.before.push_back(last.taken);
        }
        // No second, wherever it begins, has turns of more groups than that.
        if let Some(groups) = pace.in_a_second {
            while self.before.len() > groups {
                self.before.pop_front();
            }
            if self.before.len() == groups
                && let Some(first) = self.before.front()
            {
                begins = begins.max(*first + SECOND);
            }
        } else {
            self.before.clear();
        }
        self.now = Some(Group { begins, left: pace.turns - 1, taken: begins });
        begins
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// When each of so many turns came, in milliseconds from now.
    async fn turns(pace: &Pace, count: usize) -> Vec<u128> {
        let began = Instant::now();
        let waiting = (0..count).map(|_| async {
            pace.turn().await;
            began.elapsed().as_millis()
        });
        join_all(waiting).await
    }

    /// Goal: turns keep their distance; who comes late has no claim to the turns that nobody took.
    #[tokio::test(start_paused = true)]
    async fn turns_keep_their_distance() {
        let pace = Pace::new(10, 10);
        assert_eq!(turns(&pace, 11).await, (0..11).map(|place| place * 100).collect::<Vec<_>>());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(turns(&pace, 3).await, [0, 100, 200]);
    }

    /// Goal: turns come in groups, of no more than there are conversations or come in a tenth of a second.
    #[tokio::test(start_paused = true)]
    async fn turns_come_together() {
        let pace = Pace::new(100, 4);
        let came = turns(&pace, 101).await;
        assert_eq!(came[..10], [0, 0, 0, 0, 40, 40, 40, 40, 80, 80]);
        assert_eq!(came[100], 1_000);
        let many = turns(&Pace::new(1_000, 1_000), 1_001).await;
        assert_eq!((many[99], many[100], many[1_000]), (0, 100, 1_000));
        assert!(*turns(&Pace::new(1_000_000, 10), 10_001).await.last().unwrap() <= 11);
    }

    /// Goal: conversations that each take a while, and never the same, use the pace up, and no second has more than that.
    #[tokio::test(start_paused = true)]
    async fn nothing_of_the_pace_is_lost() {
        for (each_ms, at_least) in [(5, 1_000), (20, 1_000), (50, 1_000), (80, 950)] {
            let (pace, began) = (Pace::new(100, 10), Instant::now());
            let conversations = (0..10_u64).map(|place| {
                let (pace, mut came) = (&pace, Vec::new());
                async move {
                    for mail in 0.. {
                        pace.turn().await;
                        if began.elapsed() >= Duration::from_secs(10) {
                            break;
                        }
                        came.push(began.elapsed().as_millis());
                        let odd = (place * 7 + mail * 13) % 7;
                        tokio::time::sleep(Duration::from_millis(each_ms * (7 + odd) / 10)).await;
                    }
                    came
                }
            });
            let mut came: Vec<u128> = join_all(conversations).await.into_iter().flatten().collect();
            came.sort_unstable();
            assert!(came.len() >= at_least, "{} mails of {each_ms} ms in ten seconds", came.len());
            let most =
                came.iter().map(|from| came.iter().filter(|at| (*from..from + 1_000).contains(*at)).count()).max();
            assert!(most <= Some(100), "{most:?} in one second, of {each_ms} ms each");
        }
    }
}
