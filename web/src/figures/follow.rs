//! What feeds the figures: the store's newest tasks once, then the changes, and a look at the line now and then.

use std::sync::{Arc, Weak};
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::ports::{StoreError, TaskFilter, ToldChange};
use caudal_engine::task::Timestamp;
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Figures, Line};

const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// Beside a busy store changes come thousandfold: they are taken together.
const BETWEEN_CHANGES: Duration = Duration::from_millis(50);
const EARLIER_TASKS: usize = 1_000;
const PAGE: usize = 200;

/// Runs until the server stops.
pub(crate) async fn follow(
    figures: Arc<Figures>,
    engine: Engine,
    mut changes: broadcast::Receiver<ToldChange>,
    stop: CancellationToken,
) {
    let began = engine.clock.now();
    let weak = Arc::downgrade(&figures);
    drop(figures);
    let earlier = read_earlier(&weak, &engine, began);
    tokio::pin!(earlier);
    let mut has_read = false;
    // With nothing in line and nothing going on, nothing is asked.
    let mut moves = true;
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rests_until = None::<Instant>;
    loop {
        let resting = async {
            match rests_until {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = resting => rests_until = None,
            read = &mut earlier, if !has_read => {
                has_read = true;
                if let Err(error) = read {
                    tracing::warn!(%error, "the figures begin empty: the newest tasks cannot be read");
                }
            }
            _ = looks.tick(), if moves => moves = look_at_line(&weak, &engine).await,
            told = changes.recv(), if rests_until.is_none() => match (told, weak.upgrade()) {
                (Err(RecvError::Closed), _) | (_, None) => return,
                (told, Some(figures)) => {
                    moves = true;
                    rests_until = Some(Instant::now() + BETWEEN_CHANGES);
                    // Figures for plots may miss some.
                    told.into_iter().for_each(|told| note(&figures, &engine, &told));
                    loop {
                        match changes.try_recv() {
                            Ok(told) => note(&figures, &engine, &told),
                            Err(TryRecvError::Lagged(_)) => {}
                            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                        }
                    }
                }
            },
        }
    }
}

/// It happened when it was told.
fn note(figures: &Figures, engine: &Engine, told: &ToldChange) {
    figures.note(&told.change, engine.clock.now() - told.at.elapsed());
}

async fn read_earlier(figures: &Weak<Figures>, engine: &Engine, before: Timestamp) -> Result<(), StoreError> {
    let mut filter = TaskFilter { limit: PAGE, ..TaskFilter::default() };
    let mut newest_first = Vec::new();
    while newest_first.len() < EARLIER_TASKS {
        let page = engine.store.list(&filter).await?;
        newest_first.extend(page.items);
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => break,
        }
    }
    if let Some(figures) = figures.upgrade() {
        newest_first.iter().rev().for_each(|task| figures.note_earlier(task, before));
    }
    Ok(())
}

/// What cannot be read now is left out: the page says by itself that the store is away. False when nothing is due.
async fn look_at_line(figures: &Weak<Figures>, engine: &Engine) -> bool {
    let (Ok(stats), Some(figures)) = (engine.store.stats().await, figures.upgrade()) else { return true };
    let now = engine.clock.now();
    let oldest_age = stats.oldest_due.map_or(Duration::ZERO, |oldest| now.since(oldest));
    figures.note_line(Line { due: stats.due, oldest_age }, now);
    stats.due > 0
}
