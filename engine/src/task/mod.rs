//! What a task is: its names, its states, its log, and the view that everybody sees.

pub mod crash_loop;
pub mod event;
pub mod ids;
pub mod json;
pub mod limits;
pub mod locale;
pub mod note;
pub mod record;
pub mod state;
mod streams;
pub mod summary;
pub mod time;
pub mod usage;
pub mod view;
pub mod wait;

pub use event::{ErrorReport, Event, Fact, Key, LogEntry, LogLevel, PauseReason};
pub use ids::{Claim, TaskId, Tenant, WorkerId, home_of_key};
pub use json::Json;
pub use limits::Limits;
pub use note::{NO_PLACE, Note};
pub use record::{NewTask, Parent, Priority, TaskOptions, TaskRecord};
pub use state::{IllegalMove, Move, TaskState, WireState};
pub use summary::Summary;
pub use time::Timestamp;
pub use usage::{Budget, UsageTotals};
pub use view::TaskView;
pub use wait::{APPROVAL_PREFIX, Wait, WaitKind, shown as shown_waits};
