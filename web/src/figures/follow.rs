//! What feeds the figures: the store's newest tasks once, then the changes, and a look at the line now and then.

use std::sync::{Arc, Weak};
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::ports::{StoreError, TaskChange, TaskFilter};
use caudal_engine::task::Timestamp;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Figures, Line};

const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
const EARLIER_TASKS: usize = 1_000;
const PAGE: usize = 200;

/// Runs until the server stops.
pub(crate) async fn follow(
    figures: Arc<Figures>,
    engine: Engine,
    mut changes: broadcast::Receiver<TaskChange>,
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
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            read = &mut earlier, if !has_read => {
                has_read = true;
                if let Err(error) = read {
                    tracing::warn!(%error, "the figures begin empty: the newest tasks cannot be read");
                }
            }
            _ = looks.tick(), if moves => moves = look_at_line(&weak, &engine).await,
            change = changes.recv() => match (change, weak.upgrade()) {
                (Ok(change), Some(figures)) => {
                    moves = true;
                    figures.note(&change, engine.clock.now());
                }
                // Figures for plots may miss some.
                (Err(RecvError::Lagged(_)), Some(_)) => moves = true,
                (Err(RecvError::Closed), _) | (_, None) => return,
            },
        }
    }
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
