//! Single flight's scenarios, on every runtime.

use conformance::scenarios::single_flight::*;

conformance::on_every_runtime! {
    s97_shared_and_not;
    s98_five_hundred_fast;
    s100_errors_and_again;
    the_first_is_aborted;
    timeouts;
    panics_reach_everybody;
    spawned;
}

/// In virtual time only: it is about a second that passes.
#[test]
fn s98_five_hundred_callers_and_one_second() {
    mini_executor::Builder::new()
        .fail_on_leaks(true)
        .run_seeds(0..if cfg!(miri) { 1 } else { 20 }, s98_five_hundred_seconds);
}
