//! Runs what is claimed from a line: apalis drives the worker, and one backend of our own feeds it.
//!
//! The line is a small port, [`Claims`], so that tasks and notifications run on the same runtime. Read on in
//! `docs/decisions/0001-own-apalis-backend.md`: why none of apalis' own backends is the line.
//!
//! ```text
//!   Claims ──▶ line ──▶ backend ──▶ apalis worker ──▶ one tokio task per item
//!              waits for work   ▲    (Monitor)         holds its slot until it ends
//!              and a free slot  │
//!   Intake ────────────────────┘  handed over where it is born, without a claim of its own
//! ```

mod backend;
mod claims;
mod executions;
mod intake;
mod line;
mod outage;
mod runtime;
mod slots;

pub use claims::{Batch, Claims};
pub use intake::{Intake, Places};
pub use runtime::Runtime;
