//! The contract that `runtime` tests its adapters against, kept here as well.

// Some promises need a second thread to make them, and are left out.
#[allow(dead_code, reason = "the module is shared with the tests of `runtime`")]
#[path = "../../runtime/tests/contract/mod.rs"]
mod contract;

use contract::contract;
use mini_executor::{Builder, MiniRuntime, Schedule};

fn with<F: Future<Output = ()>>(test: impl Fn(MiniRuntime) -> F) {
    Builder::new().schedule(Schedule::Fifo).run(&test).unwrap();
    Builder::new().run_seeds(0..if cfg!(miri) { 1 } else { 20 }, test);
}

contract!(with:
    output, many_tasks, detach_on_drop, panic_reaches_the_handle, panic_with_any_payload,
    abort_drops_the_future_first, abort_before_the_first_poll, abort_of_a_finished_task,
    panic_in_a_destructor_on_abort, panic_in_a_destructor_on_completion,
    panic_in_the_destructor_of_an_unwanted_output, handle_survives_a_dropped_poll,
    is_finished_turns_true, blocking_output, blocking_panic, sleep_lasts, sleep_in_the_past,
    sleep_dropped_at_once, sleep_moved_between_tasks, sleep_for_ever, timeout_ready_wins_at_zero,
    timeout_elapses, timeout_in_time, timeout_max, timeout_keeps_a_borrowed_future,
    timeout_dropped_at_each_point, interval_ticks, interval_tick_dropped, works_from_any_thread);
