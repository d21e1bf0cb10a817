//! The condition variable's scenarios, on every runtime.

use conformance::scenarios::cond::*;

conformance::on_every_runtime! {
    s39_in_order;
    s40_race_start;
    s41_a_single_wait_is_too_early;
    s43_the_lock_is_free_meanwhile;
    s45_calls_of_all_repeat;
    s46_bounded_queue;
    s47_shared_resource;
    cancelled_waiters_pass_calls_on;
    over_tokio;
}
