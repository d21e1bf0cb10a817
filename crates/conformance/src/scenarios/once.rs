//! Acts and cells: what needs our own API. See [`any_once`](super::any_once) for the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::once::{InProgress, Lazy, Once, OnceCell};
use runtime::JoinHandle;

use crate::{Runtime, all, until};

/// S48: two functions, one after the other: only the first runs. Then ten at the same time.
///
/// # Panics
///
/// If more than one runs.
pub async fn s48_only_once<R: Runtime>(rt: R) {
    let once = Once::new();
    let ran = AtomicUsize::new(0);
    once.call_once(async || ran.store(1, Ordering::SeqCst))
        .await;
    once.call_once(async || ran.store(2, Ordering::SeqCst))
        .await;
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
    let callers = (0..10).map(|_| {
        let (shared, rt) = (Arc::clone(&shared), rt.clone());
        async move {
            let run = async || {
                rt.sleep(Duration::from_millis(1)).await;
                shared.1.fetch_add(1, Ordering::SeqCst);
            };
            shared.0.call_once(run).await;
            assert_eq!(shared.1.load(Ordering::SeqCst), 1, "returned too early");
        }
    });
    all(&rt, callers.collect::<Vec<_>>()).await;
}

/// S51, where we differ: a function that panics has not done it. Its caller is told, the next one runs.
///
/// # Panics
///
/// If that is not so.
pub async fn s51_a_panic_is_not_done<R: Runtime>(rt: R) {
    let once = Arc::new(Once::new());
    let panics = {
        let once = Arc::clone(&once);
        // Without the panic hook's message.
        let panic = || async { std::panic::resume_unwind(Box::new("f")) };
        rt.spawn(async move { once.call_once(panic).await })
    };
    assert!(panics.await.is_err());
    assert!(!once.is_done());
    once.call_once(async || ()).await;
    assert!(once.is_done());
}

/// S53: it is not done before, nor while it runs; it is done afterwards.
///
/// # Panics
///
/// If it says otherwise.
pub async fn s53_done<R: Runtime>(rt: R) {
    let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
    assert!(!shared.0.is_done());
    let runner = {
        let (shared, rt) = (Arc::clone(&shared), rt.clone());
        rt.clone().spawn(async move {
            let run = async || {
                shared.1.store(1, Ordering::SeqCst);
                rt.sleep(Duration::from_millis(5)).await;
                assert!(!shared.0.is_done());
                shared.1.store(2, Ordering::SeqCst);
            };
            shared.0.call_once(run).await;
        })
    };
    until(&rt, || shared.1.load(Ordering::SeqCst) > 0).await;
    assert!(!shared.0.is_done() || shared.1.load(Ordering::SeqCst) == 2);
    shared.0.wait().await;
    assert_eq!(
        (shared.0.is_done(), shared.1.load(Ordering::SeqCst)),
        (true, 2)
    );
    runner.await.expect("the runner ends");
}

/// S54: after a reset it is done again; a reset while it runs, also from inside, is refused.
///
/// # Panics
///
/// If that is not so.
pub async fn s54_reset<R: Runtime>(rt: R) {
    let once = Arc::new(Once::new());
    let runs = Arc::new(AtomicUsize::new(0));
    for round in 1..=3 {
        let callers = (0..4).map(|_| {
            let (once, runs, rt) = (Arc::clone(&once), Arc::clone(&runs), rt.clone());
            async move {
                let run = async || {
                    assert_eq!(once.reset(), Err(InProgress));
                    rt.sleep(Duration::from_micros(100)).await;
                    assert_eq!(once.reset(), Err(InProgress));
                    runs.fetch_add(1, Ordering::SeqCst);
                };
                once.call_once(run).await;
            }
        });
        all(&rt, callers.collect::<Vec<_>>()).await;
        assert_eq!(runs.load(Ordering::SeqCst), round);
        assert_eq!(once.reset(), Ok(()));
        assert!(!once.is_done());
    }
}

/// Callers, watchers and resets all at once, round after round: every caller returns.
///
/// # Panics
///
/// If two functions run at the same time. (A hang is reported by the runner.)
pub async fn reset_storm<R: Runtime>(rt: R) {
    let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
    let tasks = (0..6).map(|n| {
        let (shared, rt) = (Arc::clone(&shared), rt.clone());
        async move {
            for _ in 0..20 {
                match n {
                    0 => {
                        let _ = shared.0.reset();
                    }
                    1 => {
                        let give_up = rt.sleep(Duration::from_micros(200));
                        let wait = shared.0.wait();
                        futures::future::select(Box::pin(wait), Box::pin(give_up)).await;
                    }
                    _ => {
                        let run = async || {
                            assert_eq!(shared.1.fetch_add(1, Ordering::SeqCst), 0);
                            rt.sleep(Duration::from_micros(50)).await;
                            shared.1.fetch_sub(1, Ordering::SeqCst);
                            if n == 2 { Err(()) } else { Ok(()) }
                        };
                        let _ = shared.0.call_once_try(run).await;
                    }
                }
                rt.sleep(Duration::from_micros(20)).await;
            }
        }
    });
    all(&rt, tasks.collect::<Vec<_>>()).await;
    assert_eq!(shared.0.waiters(), 0);
}

/// Callers give up at every moment; in the end somebody gets through, and nobody is left.
///
/// # Panics
///
/// If two initialisers run at the same time. (A hang is reported by the runner.)
pub async fn abort_storm<R: Runtime>(rt: R) {
    let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
    struct Inside<'a>(&'a AtomicUsize);
    impl Drop for Inside<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let callers: Vec<_> = (0..12)
        .map(|n| {
            let (shared, rt) = (Arc::clone(&shared), rt.clone());
            rt.clone().spawn(async move {
                let make = async || {
                    assert_eq!(shared.1.fetch_add(1, Ordering::SeqCst), 0);
                    let _inside = Inside(&shared.1);
                    rt.sleep(Duration::from_micros(300)).await;
                    n
                };
                *shared.0.get_or_init(make).await
            })
        })
        .collect();
    for (n, caller) in callers.iter().enumerate().take(11) {
        rt.sleep(Duration::from_micros(40 * (n as u64 % 4))).await;
        caller.abort();
    }
    let mut callers = callers;
    let last = callers.pop().expect("there are twelve").await;
    assert_eq!(Some(&last.expect("the last caller ends")), shared.0.get());
    for caller in callers {
        let _ = caller.await;
    }
    assert_eq!(
        (shared.0.waiters(), shared.1.load(Ordering::SeqCst)),
        (0, 0)
    );
}

/// Many force a lazy value; the one that runs it is aborted, and the next starts it again.
///
/// # Panics
///
/// If it runs more often than that, or somebody gets another value.
pub async fn lazy<R: Runtime>(rt: R) {
    let runs = Arc::new(AtomicUsize::new(0));
    let lazy = {
        let (runs, rt) = (Arc::clone(&runs), rt.clone());
        Arc::new(Lazy::new(move || {
            let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
            let sleep = rt.sleep(Duration::from_millis(5));
            async move {
                sleep.await;
                run
            }
        }))
    };
    let force = || {
        let lazy = Arc::clone(&lazy);
        rt.spawn(async move { *lazy.force().await })
    };
    let aborted = force();
    until(&rt, || runs.load(Ordering::SeqCst) == 1).await;
    let others: Vec<_> = (0..3).map(|_| force()).collect();
    aborted.abort();
    let was_aborted = aborted.await.is_err();
    let expected = if was_aborted { 2 } else { 1 };
    for other in others {
        assert_eq!(other.await.expect("a caller ends"), expected);
    }
    assert_eq!(
        (lazy.get(), runs.load(Ordering::SeqCst)),
        (Some(&expected), expected)
    );
}
