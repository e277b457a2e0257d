//! The flows that ship with Caudal.

pub mod guarded_fetch;
mod page_text;
mod public_address;
mod tame_html;
