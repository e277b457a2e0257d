//! The flows that ship with Caudal.
//!
//! To add one, add a file: copy `count_words_flow.rs` under the name of your flow and change it. Nothing else is to be
//! edited — `flows_in!` takes every file of this folder as a module, `#[flow]` registers what it stands on, and the
//! page, the command line and the API show it at the next start. The flows marked `diagnostics` are for tests and
//! measurements and are there only with `CAUDAL_DIAGNOSTICS=1`.
//!
//! A flow runs again from its top after a crash, so outside its steps it must do the same each time. `clippy.toml`
//! beside this crate names what may not be called there, and what to call in its place.

caudal::flows_in!("src");
