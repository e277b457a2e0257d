//! The port: what the runtime needs to know about a line of work.

use std::fmt::Display;
use std::sync::Arc;

use async_trait::async_trait;

use crate::intake::Intake;

#[async_trait]
pub trait Claims: Send + Sync + 'static {
    /// Something that was claimed and will be run once.
    type Item: Send + 'static;
    type Error: Display + Send;

    /// Told once, before anything is claimed: where items may be handed in without being asked for.
    fn begin(self: &Arc<Self>, _intake: Intake<Self::Item>) {}

    /// Claims at most `free` items. A call that began is always waited for, because what it claimed must be run.
    async fn next(&self, free: usize) -> Result<Batch<Self::Item>, Self::Error>;

    /// Returns when asking again may give something: the bell rang, or a time came that the last answer named.
    /// What happened since that answer counts, so that no ring is lost between the two calls.
    async fn due(&self);
}

/// The answer to a claim.
#[derive(Debug)]
pub struct Batch<T> {
    pub items: Vec<T>,
    /// More could be had at once: asked again as soon as there is a free slot, without waiting for [`Claims::due`].
    pub more: bool,
}
