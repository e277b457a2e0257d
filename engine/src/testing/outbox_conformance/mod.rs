//! What every outbox must do: one suite for all of them, beside the one for the tasks' part of a store.
//!
//! A store's tests bring an [`OutboxHarness`] and call
//! [`outbox_conformance_tests!`](crate::outbox_conformance_tests). A rule is a function that gets an [`OutboxTrial`]; its
//! name says what must hold. A new rule is added to its file and to the list below.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

pub mod birth;
pub mod bounds;
pub mod claim;
pub mod lists;
pub mod people;
pub mod settle;
pub mod trial;

pub use trial::{OutboxHarness, OutboxTrial};

/// Makes a test of each rule for the store that `$open` opens: the name of an `async fn(Parts) -> impl OutboxHarness` in
/// the module that calls it. Its crate needs `tokio` among its dev-dependencies.
#[macro_export]
macro_rules! outbox_conformance_tests {
    ($open:ident) => {
        $crate::outbox_conformance_tests! { @rules $open;
            birth: notifications_are_born_with_the_write, a_refused_write_bears_none, a_repeated_write_bears_them_once,
                a_verdict_bears_them, what_is_to_be_sent_outlives_its_task, a_wish_of_its_own_is_stored_once,
                an_idempotency_key_answers_the_first_wish, what_is_stored_comes_back_as_it_was, births_ring;
            bounds: the_outbox_of_a_tenant_is_bounded, a_refused_wish_leaves_its_key_free,
                a_full_outbox_refuses_starts_that_notify, what_an_event_bears_passes_a_full_outbox,
                cleaning_makes_no_room;
            claim: what_is_due_longest_is_claimed_first, channels_have_lines_of_their_own,
                a_claim_says_when_to_ask_again, racing_claims_never_give_one_twice, what_the_dead_held_comes_back,
                nothing_is_taken_from_the_living, a_renewal_tells_who_holds;
            settle: each_outcome_is_what_it_says, a_stale_claim_settles_nothing, a_repeat_is_answered_as_the_first,
                the_deferred_come_back_in_their_time, a_release_does_not_count,
                a_release_may_be_for_later, the_failed_can_be_sent_again,
                what_goes_on_or_is_sent_is_not_sent_again;
            people: an_address_gets_so_many_an_hour, who_wants_none_gets_none, suppressions_are_listed;
            lists: a_list_is_newest_first_in_pages, a_list_can_be_filtered, tenants_do_not_see_each_other,
                figures_count_what_is_there, the_old_are_cleaned_away;
        }
    };
    (@rules $open:ident; $( $theme:ident: $( $rule:ident ),* $(,)? ; )*) => {
        mod outbox { $( mod $theme {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let parts = $crate::testing::conformance::Parts::default();
                let harness = super::super::$open(parts.clone()).await;
                let trial = $crate::testing::outbox_conformance::OutboxTrial::new(parts, harness);
                $crate::testing::outbox_conformance::$theme::$rule(trial).await;
            } )*
        } )* }
    };
}
