//! The wait group's scenarios, on every runtime.

use conformance::scenarios::wait_group::*;

mod any {
    use conformance::peers::wait_groups::Ours;
    use conformance::scenarios::any_wait_group::*;

    conformance::on_every_runtime! {
        s33_ten_workers = s33_ten_workers::<Ours, _>;
        s35_three_waiters = s35_three_waiters::<Ours, _>;
        s37_panic_and_abort = s37_panic_and_abort::<Ours, _>;
    }
}

conformance::on_every_runtime! {
    s34_add_before_spawn;
    s35_three_waiters;
    s37_panic_and_abort;
    rounds;
}
