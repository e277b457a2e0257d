//! The flows: one file each. A new file is a new flow; no list is kept.

caudal::flows_in!("src/flows");
