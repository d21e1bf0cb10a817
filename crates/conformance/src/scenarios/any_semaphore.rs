//! Any semaphore: ours, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peers::{AsyncSemaphore, WeightedSemaphore};
use crate::{Runtime, all, counted_in, until};

/// S95: many jobs, few permits: never more at a time than there are.
///
/// # Panics
///
/// If there are.
pub async fn s95_bounded_jobs<S: AsyncSemaphore, R: Runtime>(rt: R) {
    const JOB: Duration = Duration::from_millis(2);
    let semaphore = Arc::new(S::new(3));
    let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let start = rt.now();
    let jobs = (0..5).map(|_| {
        let (semaphore, rt) = (Arc::clone(&semaphore), rt.clone());
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            let _permit = semaphore.acquire().await;
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            rt.sleep(JOB).await;
            now.fetch_sub(1, Ordering::SeqCst);
        }
    });
    all(&rt, jobs).await;
    assert!((1..=3).contains(&peak.load(Ordering::SeqCst)));
    // Two rounds at least. How much longer depends on the machine where time is real.
    assert!(rt.now() - start >= 2 * JOB);
    assert!(semaphore.try_acquire().is_some());
}

/// A big request at the head of the queue is not passed by small ones.
///
/// # Panics
///
/// If it is.
pub async fn big_requests_first<S: WeightedSemaphore, R: Runtime>(rt: R) {
    let semaphore = Arc::new(S::new(4));
    let waiting = Arc::new(AtomicUsize::new(0));
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let held = semaphore.acquire().await;
    let mut tasks = Vec::new();
    for (position, n) in [4, 1, 2].into_iter().enumerate() {
        tasks.push(rt.spawn({
            let (semaphore, waiting) = (Arc::clone(&semaphore), Arc::clone(&waiting));
            let order = Arc::clone(&order);
            async move {
                let _permits = counted_in(&waiting, semaphore.acquire_many(n)).await;
                order.lock().expect("no panic").push(n);
            }
        }));
        until(&rt, || waiting.load(Ordering::SeqCst) == position + 1).await;
    }
    drop(held);
    for task in tasks {
        task.await.expect("a task ends");
    }
    assert_eq!(order.lock().expect("no panic")[0], 4);
    assert!(semaphore.try_acquire_many(4).is_some());
}

/// Requests that are cancelled at any moment lose no permit.
///
/// # Panics
///
/// If they do.
pub async fn cancelled_requests<S: AsyncSemaphore, R: Runtime>(rt: R) {
    let semaphore = Arc::new(S::new(3));
    let tasks = (0..12).map(|n: u64| {
        let (semaphore, rt) = (Arc::clone(&semaphore), rt.clone());
        async move {
            for round in 0..5 {
                let patience = Duration::from_micros((n * 37 + round * 11) % 160);
                let work = async {
                    let _permit = semaphore.acquire().await;
                    rt.sleep(Duration::from_micros(40)).await;
                };
                let _ = rt.timeout(patience, work).await;
            }
        }
    });
    all(&rt, tasks).await;
    let permits: Vec<_> = (0..4).map(|_| semaphore.try_acquire()).collect();
    assert_eq!(permits.iter().flatten().count(), 3);
}
