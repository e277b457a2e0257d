//! What the engine needs from outside. The store is a trait with several adapters; bell, feed and worker board are
//! things of the process; an adapter rings the one and fills the other.

pub mod bell;
pub mod clock;
pub mod feed;
pub mod idle_worker;
pub mod ids;
pub mod mail_templates;
pub mod outbox;
pub mod recent_logs;
pub mod task_store;
pub mod workers;

pub use bell::Bell;
pub use clock::{Clock, SystemClock};
pub use feed::{Feed, News, TaskChange, ToldChange, Watch};
pub use idle_worker::IdleWorker;
pub use ids::{IdSource, RandomIds};
pub use mail_templates::{MailTemplates, RenderedMail, TemplateError};
pub use outbox::*;
pub use recent_logs::LogEnd;
pub use task_store::*;
pub use workers::{RunningTask, WorkerBoard, WorkerReport, WorkerStatus};
