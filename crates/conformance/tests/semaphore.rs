//! The semaphore's scenarios, on every runtime.

use conformance::scenarios::semaphore::*;

mod any {
    use conformance::peers::semaphores::Ours;
    use conformance::scenarios::any_semaphore::*;

    conformance::on_every_runtime! {
        s95_bounded_jobs = s95_bounded_jobs::<Ours, _>;
        big_requests_first = big_requests_first::<Ours, _>;
        cancelled_requests = cancelled_requests::<Ours, _>;
    }
}

conformance::on_every_runtime! {
    s92_all_or_none;
    s95_worker_pool;
    big_requests_are_not_starved;
    s96_limit_moves;
    closing;
    cancelled_requests;
    futurelock_across_tasks;
}

/// S95, to the letter: five jobs of 2 s with three permits take 4 s.
#[test]
fn s95_no_time_is_wasted() {
    use std::sync::Arc;
    use std::time::Duration;

    use runtime::Timer;

    conformance::run::mini(|rt| async move {
        let permits = Arc::new(async_sync::Semaphore::new(3));
        let jobs = (0..5).map(|_| {
            let (permits, rt) = (Arc::clone(&permits), rt.clone());
            async move {
                let _permit = permits.acquire().await.unwrap();
                rt.sleep(Duration::from_secs(2)).await;
            }
        });
        conformance::all(&rt, jobs).await;
        assert_eq!(rt.elapsed(), Duration::from_secs(4));
    });
}
