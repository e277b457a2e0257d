//! What the project wants of a figure beside BullMQ's in the same run.
//!
//! Some floors were set as values of one machine, on which BullMQ took 0.39 s of CPU for 1,000 tasks and 1.9 ms for an idle
//! one. Values of two machines cannot be compared, what both need of one can: such a floor is held as a share of BullMQ's.

use crate::figures::Floor;
use crate::server::System;

const CPU_OF_BULLMQ: f64 = 0.39;
const LATENCY_OF_BULLMQ: f64 = 1.9;

/// Of ours divided by theirs.
pub(crate) fn floor_beside(peer: System, ours: System, scenario: &str, figure: &str) -> Option<Floor> {
    let of_ours = |embedded, machines| if ours == System::Embedded { embedded } else { machines };
    match (peer, scenario, figure) {
        (System::Bullmq, "throughput", "tasks") => Some(Floor::AtLeast(of_ours(2.0, 1.3))),
        (System::Bullmq, "throughput", "server CPU") => Some(Floor::AtMost(of_ours(0.18, 0.28) / CPU_OF_BULLMQ)),
        (System::Bullmq, "latency", "POST to terminal event p50") => {
            Some(Floor::AtMost(of_ours(1.5, 1.8) / LATENCY_OF_BULLMQ))
        }
        (System::Bullmq, "watchers", "change to watcher p99" | "server CPU") => Some(Floor::AtMost(1.0)),
        _ => None,
    }
}
