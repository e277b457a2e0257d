//! The bounds. Everything has one; each can be set; control, release and terminal events are never refused by one.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Limits {
    /// An input, a step's result, a signal's value, a whole request body.
    pub payload_bytes: usize,
    pub log_line_bytes: usize,
    pub step_text_bytes: usize,
    pub events_per_task: u64,
    pub children_per_task: u32,
    pub child_depth: u32,
    pub tags: usize,
    pub tag_bytes: usize,
    pub idempotency_key_bytes: usize,
    pub notify_addresses: usize,
    /// What a mail that a flow or another program asks for is filled with.
    pub notification_bytes: usize,
    /// How often one task asks for a mail by `ctx.notify`.
    pub notifications_per_task: usize,
    /// Notifications per tenant that are still to be sent. One more is refused with `line_full` where somebody asks for it;
    /// those that an event bears never are.
    pub outbox_per_tenant: u64,
    /// Sent, failed and suppressed notifications are forgotten after this long.
    pub keep_notifications: Duration,
    /// Tasks in line or running per tenant; one more is refused with `line_full`.
    pub line_per_tenant: u64,
    /// Signals of one name that wait to be consumed.
    pub pending_signals_per_name: usize,
    pub idempotency_lifetime: Duration,
    /// The longest that a task which keeps taking its worker down stays in line before it is tried again.
    pub crash_loop_backoff: Duration,
    /// Ended tasks are forgotten after this long …
    pub keep_ended: Duration,
    /// … or earlier, oldest first, when the store holds more than this.
    pub keep_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            payload_bytes: MIB,
            log_line_bytes: 16 * 1024,
            step_text_bytes: 4 * MIB,
            events_per_task: 50_000,
            children_per_task: 10_000,
            child_depth: 32,
            tags: 10,
            tag_bytes: 64,
            idempotency_key_bytes: 255,
            notify_addresses: 20,
            notification_bytes: 64 * 1024,
            notifications_per_task: 1_000,
            outbox_per_tenant: 1_000_000,
            keep_notifications: Duration::from_secs(30 * 24 * 3600),
            line_per_tenant: 1_000_000,
            pending_signals_per_name: 100,
            idempotency_lifetime: Duration::from_secs(24 * 3600),
            crash_loop_backoff: Duration::from_secs(60),
            keep_ended: Duration::from_secs(30 * 24 * 3600),
            keep_bytes: 8 * 1024 * 1024 * 1024,
        }
    }
}
