//! The scenarios of groups, results and retries, on every runtime.

use conformance::scenarios::group::*;

conformance::on_every_runtime! {
    s106_the_first_error_after_all;
    s107_who_is_told_to_stop;
    s110_a_panic_is_an_error;
    s111_workers_and_a_queue;
    s112_two_errors;
    s113_sized_groups;
    s116_retries;
    s117_results;
}
