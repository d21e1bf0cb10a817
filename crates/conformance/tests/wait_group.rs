//! The wait group's scenarios, on every runtime.

use conformance::scenarios::wait_group::*;

conformance::on_every_runtime! {
    s33_ten_workers;
    s34_add_before_spawn;
    s35_three_waiters;
    s37_panic_and_abort;
    rounds;
}
