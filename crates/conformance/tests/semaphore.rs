//! The semaphore's scenarios, on every runtime.

use conformance::scenarios::semaphore::*;

conformance::on_every_runtime! {
    s95_worker_pool;
    big_requests_are_not_starved;
    s96_limit_moves;
    closing;
    cancelled_requests;
    futurelock_across_tasks;
}
