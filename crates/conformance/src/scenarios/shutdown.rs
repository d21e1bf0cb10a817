//! Ending a service in two phases.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use orchestration::Shutdown;

use crate::{Runtime, until};

const MS: Duration = Duration::from_millis(1);

/// S84: a cleanup that takes too long is cut off at the limit, and told of; one in time is waited for
/// and no longer.
///
/// # Panics
///
/// If not.
pub async fn s84_the_limit<R: Runtime>(rt: R) {
    // Sixty seconds and half a second, in a thousandth.
    for (cleanup, limit, timed_out) in [(60_000, 10, true), (5, 60_000, false)] {
        let shutdown = Shutdown::new(rt.clone()).closed_limit(limit * MS);
        let clock = rt.clone();
        let cleans = async move { clock.sleep(cleanup * MS).await };
        shutdown
            .on_closed("cleanup", cleans)
            .expect("not yet closed");
        shutdown.begin();
        let start = rt.now();
        let report = shutdown.finish().await;
        assert_eq!(report.closed.timed_out, timed_out);
        let took = rt.now() - start;
        assert!(took >= MS * cleanup.min(limit) && took < 30_000 * MS);
        assert_eq!(report.closed.late.len(), usize::from(timed_out));
    }
}

/// PT2: workers that look at the first phase between two jobs end by themselves, and are waited for.
///
/// # Panics
///
/// If a job is left half-way.
pub async fn pt2_two_phases<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(rt.clone());
    let (begun, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..3)
        .map(|n| {
            let (begun, done) = (Arc::clone(&begun), Arc::clone(&done));
            let (rt, closing) = (rt.clone(), shutdown.closing().clone());
            let work = async move {
                while !closing.is_cancelled() {
                    begun.fetch_add(1, Ordering::SeqCst);
                    rt.sleep(MS).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            };
            shutdown
                .track(format!("worker {n}"), work)
                .expect("it is open")
        })
        .map(|work| rt.spawn(work))
        .collect();
    until(&rt, || done.load(Ordering::SeqCst) >= 3).await;
    let (begun_by, done_by) = (Arc::clone(&begun), Arc::clone(&done));
    let look = async move {
        assert_eq!(
            begun_by.load(Ordering::SeqCst),
            done_by.load(Ordering::SeqCst)
        );
    };
    shutdown.on_closed("look", look).expect("not yet closed");
    let handle = shutdown.handle();
    let finish = rt.spawn(shutdown.finish());
    handle.begin();
    assert!(handle.track("late", async {}).is_err());
    let report = finish.await.expect("no panic");
    assert!(report.is_clean(), "{report}");
    for worker in workers {
        worker.await.expect("a worker ends");
    }
}
