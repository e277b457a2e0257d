//! What the engine needs from outside. The store is a trait with several adapters; bell and feed are things of the
//! process, which an adapter rings and fills.

pub mod bell;
pub mod clock;
pub mod feed;
pub mod ids;
pub mod task_store;

pub use bell::Bell;
pub use clock::{Clock, SystemClock};
pub use feed::{Feed, News, TaskChange, Watch};
pub use ids::{IdSource, RandomIds};
pub use task_store::*;
