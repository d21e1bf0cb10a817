//! Under load, on tokio with two workers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::lock::Lock;
use super::{Verdict, check};
use crate::counted_in;

fn on_two_workers<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime starts")
        .block_on(future)
}

/// Never two at a time.
pub(super) fn exclusion<L: Lock>() -> Verdict {
    let lock = Arc::new(L::new());
    let inside = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    on_two_workers(async {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (lock, inside, most) = (lock.clone(), inside.clone(), most.clone());
                tokio::spawn(async move {
                    for n in 0..500 {
                        let _held = lock.take().await;
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        if n % 5 == 0 {
                            yield_now().await;
                        }
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    });
    let most = most.load(Ordering::SeqCst);
    check!(most == 1, "{most} at a time");
    Verdict::kept()
}

/// Tasks that wait for it, and then do nothing but take it, all get it.
pub(super) fn shares<L: Lock>() -> Verdict {
    const TASKS: usize = 8;
    const TIME: Duration = Duration::from_millis(200);
    let lock = Arc::new(L::new());
    let go = Arc::new(OnceLock::<Instant>::new());
    let waiting = Arc::new(AtomicUsize::new(0));
    let counts = on_two_workers(async {
        let held = lock.held();
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (lock, go, waiting) = (lock.clone(), go.clone(), waiting.clone());
                tokio::spawn(async move {
                    drop(counted_in(&waiting, lock.take()).await);
                    let start = go.get_or_init(Instant::now);
                    let mut count = 0_u64;
                    // What comes after the time is the others' leavings.
                    while start.elapsed() < TIME {
                        count += 1;
                        drop(lock.take().await);
                    }
                    count
                })
            })
            .collect();
        // Whoever has not asked yet cannot be starved.
        while waiting.load(Ordering::SeqCst) < TASKS {
            yield_now().await;
        }
        go.get_or_init(Instant::now);
        drop(held);
        let mut counts = Vec::new();
        for task in tasks {
            counts.push(task.await.expect("no task panics"));
        }
        counts
    });
    let least = counts.iter().min().copied().unwrap_or(0);
    let most = counts.iter().max().copied().unwrap_or(0);
    let starved = counts.iter().filter(|&&count| count == 0).count();
    check!(
        starved == 0,
        "{starved} of {TASKS} tasks got nothing in 200 ms; the busiest {most} times"
    );
    Verdict::Kept(format!("least {least}, most {most} times"))
}

/// Waits that are cancelled at any moment lose nothing.
pub(super) fn cancellation<L: Lock>() -> Verdict {
    let lock = Arc::new(L::new());
    let free = on_two_workers(async {
        let tasks: Vec<_> = (0..8_u64)
            .map(|task| {
                let lock = lock.clone();
                tokio::spawn(async move {
                    for round in 0..100 {
                        let wait = lock.take();
                        tokio::pin!(wait);
                        // Polls it a few times, with the others in between, and drops it.
                        for _ in 0..(task * 7 + round) % 5 {
                            if let Some(held) =
                                futures_util::future::poll_immediate(&mut wait).await
                            {
                                yield_now().await;
                                drop(held);
                                break;
                            }
                            yield_now().await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
        tokio::time::timeout(Duration::from_secs(1), lock.take())
            .await
            .is_ok()
    });
    check!(free, "nobody has it, and nobody gets it");
    Verdict::kept()
}
