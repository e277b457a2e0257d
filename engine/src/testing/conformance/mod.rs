//! What every store must do: one suite for all of them.
//!
//! A store's tests bring a [`Harness`] and call [`conformance_tests!`](crate::conformance_tests), which makes one
//! test of each rule. A rule is a function that gets a [`Trial`], a store with nothing in it and a clock that
//! stands still; its name says what must hold. A new rule is added to its file and to the list below.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

pub mod bounds;
pub mod children;
pub mod claim;
pub mod control;
pub mod create;
pub mod feed;
pub mod held;
pub mod lists;
pub mod park;
pub mod random;
pub mod rescue;
pub mod signal;
pub mod trial;
pub mod write;

pub use trial::{Harness, OUTBOX, Parts, Trial};

/// Makes a test of each rule for the store that `$open` opens: the name of an `async fn(Parts) -> impl Harness`
/// in the module that calls it. With `by theme` after it, the rules of a theme are one test: for a store whose servers
/// take long to start.
///
/// The crate that calls it needs `tokio` and `proptest` among its dev-dependencies.
#[macro_export]
macro_rules! conformance_tests {
    ($open:ident) => {
        $crate::conformance_tests! { @all rules $open }
    };
    ($open:ident by theme) => {
        $crate::conformance_tests! { @all themes $open }
    };
    (@all $way:ident $open:ident) => {
        $crate::conformance_tests! { @$way $open;
            create: a_new_task_is_in_line_with_its_first_events, what_is_stored_comes_back_as_it_was,
                a_delayed_task_comes_later, the_same_id_creates_once, an_idempotency_key_answers_the_first_task,
                an_idempotency_key_that_met_a_unique_key_keeps_its_answer, a_unique_key_is_held_until_the_end,
                creates_racing_for_an_idempotency_key_make_one_task, creates_racing_for_a_unique_key_make_one_task;
            claim: a_claim_makes_the_task_run, a_worker_gets_only_what_it_knows, old_code_never_runs_newer_tasks,
                first_in_is_first_out, every_priority_gets_its_share, a_flow_takes_only_its_free_places,
                a_claim_says_when_to_ask_again, a_full_flow_does_not_call_its_worker,
                a_suspect_is_claimed_alone, racing_claims_never_give_a_task_twice;
            write: events_get_the_next_numbers, a_stale_claim_is_refused_by_every_write,
                a_claim_that_was_never_given_is_refused, a_repeated_write_is_applied_once,
                write_numbers_have_no_gap, a_new_claim_counts_its_writes_anew, a_refused_write_changes_nothing,
                a_release_puts_the_task_back, a_finished_step_forgets_takeovers,
                news_refuses_whoever_lets_go, news_does_not_refuse_who_goes_on_or_ends,
                every_end_is_final, finished_text_reads_the_same_when_merged,
                the_log_is_gapless_whoever_writes;
            park: a_parked_task_is_held_by_nobody, a_timer_brings_a_parked_task_back,
                a_timer_that_is_over_already_is_due_at_once, a_signal_wakes_a_parked_task,
                a_signal_that_nobody_awaits_wakes_nobody, a_signal_before_the_park_refuses_it,
                a_childs_end_before_the_park_refuses_it, a_cancel_before_the_park_refuses_it,
                a_pause_before_the_park_refuses_it, a_refused_park_can_be_sent_again,
                a_signal_racing_the_park_is_never_lost, a_childs_end_racing_the_park_is_never_lost,
                a_cancel_racing_the_park_is_never_lost, a_pause_racing_the_park_is_never_lost,
                a_signal_racing_the_timer_wakes_once;
            control: cancel_ends_what_nobody_runs, cancel_asks_what_runs, a_cancelling_task_can_be_handed_over,
                cancel_can_be_repeated, a_stored_success_wins_over_cancel, a_success_after_the_question_is_kept,
                success_and_cancel_racing_end_once, pause_stops_what_nobody_runs, pause_asks_what_runs,
                resume_puts_a_paused_task_in_line, a_pause_keeps_a_delay, resume_takes_a_pause_back,
                a_pause_that_was_taken_back_is_refused, resume_of_what_goes_on_does_nothing,
                controls_of_the_ended_are_refused, controls_of_the_unknown_are_refused,
                racing_controls_leave_a_sound_log;
            signal: a_signal_is_an_event_with_a_number, a_repeated_signal_is_taken_once,
                a_signal_is_kept_whatever_the_task_does, an_approval_is_answered_once,
                racing_answers_of_an_approval_are_taken_once, signals_of_the_ended_are_refused,
                signals_of_the_unknown_are_refused;
            children: children_are_born_with_the_write, a_childs_end_wakes_its_parent,
                a_childs_failure_is_told_with_its_error, a_childs_end_is_told_to_a_paused_parent,
                a_cancelled_child_tells_its_parent, an_ended_parent_is_told_nothing,
                the_end_of_a_parent_cancels_its_children, cancel_reaches_the_grandchildren,
                a_continued_task_takes_its_place, a_continued_task_keeps_its_unique_key,
                a_task_goes_on_in_another_only_with_all_news,
                children_racing_to_end_are_all_told;
            rescue: a_rescue_puts_the_task_back, a_late_write_after_a_rescue_is_stale,
                a_rescue_ends_what_was_being_cancelled, a_rescue_keeps_a_pause, a_rescue_takes_what_it_may,
                nobody_is_rescued_from_the_living, a_crash_leaves_the_parked_alone,
                what_was_written_survives_a_crash, a_crashing_task_comes_back_later_each_time,
                racing_rescues_take_over_once, a_renewal_tells_who_holds, a_verdict_ends_what_is_in_line,
                a_verdict_on_a_child_is_told, a_late_write_and_a_rescue_do_not_both_win;
            lists: a_list_is_newest_first_in_pages, a_list_can_be_filtered, a_search_sees_no_secret,
                tenants_do_not_see_each_other,
                a_log_is_read_in_pieces, a_log_comes_whole_or_not_at_all, what_has_ended_can_be_forgotten, the_old_are_cleaned_away,
                the_many_are_cleaned_away, figures_count_what_is_there;
            bounds: the_line_of_a_tenant_is_bounded, what_goes_on_passes_a_full_line,
                waiting_signals_are_bounded_per_name, a_full_log_takes_no_signals;
            feed: nothing_is_published_before_it_can_be_read, a_watch_begun_at_any_time_misses_nothing,
                news_comes_in_order, a_refused_write_is_no_news, changes_of_state_are_told,
                work_rings_the_line, outsiders_ring_the_running;
        }

        mod random {
            use $crate::testing::conformance::{Parts, Trial, random};
            proptest::proptest! {
                #![proptest_config(proptest::prelude::ProptestConfig {
                    cases: 32, failure_persistence: None, ..Default::default()
                })]
                /// Goal: no order of operations breaks a rule.
                #[test]
                fn any_order_of_operations_keeps_the_rules(
                    script in proptest::collection::vec(proptest::prelude::any::<u16>(), 1..150)
                ) {
                    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
                    runtime.block_on(async {
                        let parts = Parts::default();
                        let trial = Trial::new(parts.clone(), super::$open(parts).await);
                        random::any_order_of_operations_keeps_the_rules(trial, &script).await;
                    });
                }
            }
        }
    };
    (@rules $open:ident; $( $theme:ident: $( $rule:ident ),* $(,)? ; )*) => {
        $( mod $theme {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let parts = $crate::testing::conformance::Parts::default();
                let harness = super::$open(parts.clone()).await;
                let trial = $crate::testing::conformance::Trial::new(parts, harness);
                $crate::testing::conformance::$theme::$rule(trial).await;
            } )*
        } )*
    };
    (@themes $open:ident; $( $theme:ident: $( $rule:ident ),* $(,)? ; )*) => {
        $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $theme() {
            $(
                // Shown when the test fails: the last one named is the one.
                eprintln!(concat!("rule: ", stringify!($rule)));
                let parts = $crate::testing::conformance::Parts::default();
                let harness = $open(parts.clone()).await;
                let trial = $crate::testing::conformance::Trial::new(parts, harness);
                $crate::testing::conformance::$theme::$rule(trial).await;
            )*
        } )*
    };
}
