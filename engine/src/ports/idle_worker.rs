//! A worker of this process with free places, as a store may know it: what is due the moment it is born is claimed
//! in the operation that bears it, and nobody has to be woken in between to ask.

use super::task_store::{ClaimRequest, Claimed};

pub trait IdleWorker: Send + Sync + 'static {
    /// Reserves the free places and says what to claim for them; none when there is no place, or a question is
    /// under way already. Must not wait. Each offer is followed by exactly one [`Self::accept`].
    fn offer(&self) -> Option<ClaimRequest>;

    /// Ends the offer with what was claimed, durable by now; possibly nothing. The answer says when to ask again, as
    /// a claim's does.
    fn accept(&self, claimed: Claimed);
}
