//! How a request is read: its body, its query, the task it names, how long it wants to wait.

mod body;
mod canonical;
mod filter;
mod idempotency;
mod notification;
mod query;
mod start;
mod strict_json;

pub(crate) use body::{read_body, read_no_body};
pub(crate) use filter::{filter_of_json, filter_of_query};
pub(crate) use idempotency::IdempotencyKey;
pub(crate) use notification::{notification_filter, notification_id, send_request};
pub(crate) use query::{Query, invalid, log_and_number, task_id};
pub(crate) use start::{start_request, unknown_field};
