//! Two pages of a list made one.

use std::cmp::Reverse;

use caudal_engine::ports::{NotificationPage, TaskPage};

/// Both are newest first and whole down to their `next`. What stands in both is taken from the first.
pub(super) fn merge(live: TaskPage, kept: TaskPage, limit: usize) -> TaskPage {
    // Below the higher of the two, one of them has not looked.
    let whole_to = live.next.max(kept.next);
    let mut items = live.items;
    items.extend(kept.items);
    items.retain(|record| whole_to.is_none_or(|whole_to| record.id >= whole_to));
    // The sort is stable, so that of two the live one stays in front.
    items.sort_by_key(|record| Reverse(record.id));
    items.dedup_by_key(|record| record.id);
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|record| record.id);
    TaskPage { next: if more { last } else { whole_to }, items, partial: live.partial || kept.partial }
}

/// The same for notifications.
pub(super) fn merge_notifications(live: NotificationPage, kept: NotificationPage, limit: usize) -> NotificationPage {
    let whole_to = live.next.max(kept.next);
    let mut items = live.items;
    items.extend(kept.items);
    items.retain(|record| whole_to.is_none_or(|whole_to| record.id >= whole_to));
    items.sort_by_key(|record| Reverse(record.id));
    items.dedup_by_key(|record| record.id);
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|record| record.id);
    NotificationPage { next: if more { last } else { whole_to }, items, partial: live.partial || kept.partial }
}
