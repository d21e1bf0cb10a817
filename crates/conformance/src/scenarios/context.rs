//! Contexts: what needs our own API. See [`any_token`](super::any_token) for the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::context::{Cause, Context};
use async_sync::{AutoEvent, Event, Mutex, Semaphore, watch};

use crate::{Runtime, all};

const MS: Duration = Duration::from_millis(1);

/// S66, S69: what the cause says, before and after; the same for all.
///
/// # Panics
///
/// If it says something else.
pub async fn s66_the_cause<R: Runtime>(rt: R) {
    let root = Context::new();
    let below = root.child().child();
    assert!(below.cause().is_none());
    let waits: Vec<_> = (0..3)
        .map(|_| {
            let below = below.clone();
            rt.spawn(async move { below.cancelled().await.to_string() })
        })
        .collect();
    rt.sleep(MS).await;
    root.cancel();
    assert!(below.is_cancelled());
    for wait in waits {
        assert_eq!(wait.await.expect("a waiter ends"), "context canceled");
    }
}

/// S67: deadlines in the past, earlier ones, later ones.
///
/// # Panics
///
/// If one is not kept.
pub async fn s67_deadlines<R: Runtime>(rt: R) {
    let root = Context::new();
    let past = root.with_deadline(&rt, rt.now());
    assert!(past.cause().is_some_and(|c| c.is_deadline_exceeded()));
    past.cancel();
    assert!(past.cause().is_some_and(|c| c.is_deadline_exceeded()));
    let start = rt.now();
    let outer = root.with_timeout(&rt, 5 * MS);
    let inner = outer.with_timeout(&rt, 1000 * MS);
    assert_eq!(inner.deadline(), outer.deadline());
    assert!(inner.cancelled().await.is_deadline_exceeded());
    assert!(rt.now() - start >= 5 * MS && outer.is_cancelled() && !root.is_cancelled());
}

/// S68: a deadline against a longer sleep, and a worker that looks now and then.
///
/// # Panics
///
/// If the deadline is not kept.
pub async fn s68_fifty_milliseconds<R: Runtime>(rt: R) {
    let start = rt.now();
    let ctx = Context::background().with_timeout(&rt, 50 * MS);
    let worker = {
        let (ctx, rt) = (ctx.clone(), rt.clone());
        rt.clone().spawn(async move {
            let mut looks = 0;
            while !ctx.is_cancelled() {
                rt.sleep(10 * MS).await;
                looks += 1;
            }
            // (None, if its thread comes too late.)
            assert!(rt.now() - start >= 50 * MS, "told too early");
            looks
        })
    };
    let overslept = ctx.run(rt.sleep(60_000 * MS)).await;
    assert!(
        overslept
            .expect_err("the deadline comes first")
            .is_deadline_exceeded()
    );
    let took = rt.now() - start;
    assert!((50 * MS..60_000 * MS).contains(&took), "{took:?}");
    assert!((0..=6).contains(&worker.await.expect("the worker ends")));
}

/// S71: a generator that does not outlive those who read from it.
///
/// # Panics
///
/// If it does.
pub async fn s71_a_generator<R: Runtime>(rt: R) {
    let ctx = Context::new();
    let (tx, mut numbers) = watch::channel(0);
    let asked = Arc::new(AutoEvent::new());
    let generator = {
        let (ctx, asked) = (ctx.child(), Arc::clone(&asked));
        rt.spawn(async move {
            for n in 1.. {
                if let Err(cause) = ctx.run(asked.wait()).await {
                    return cause.is_canceled();
                }
                tx.store(n);
            }
            false
        })
    };
    for expected in 1..=5 {
        asked.set();
        assert_eq!(numbers.changed().await, Ok(&expected));
    }
    ctx.cancel();
    assert!(generator.await.expect("the generator ends"));
    assert!(numbers.changed().await.is_err(), "its side is gone");
}

/// S72: ten thousand requests leave nothing behind in the service.
///
/// # Panics
///
/// If they do.
pub async fn s72_nothing_is_left<R: Runtime>(rt: R) {
    let service = Context::new();
    let rounds = if cfg!(miri) { 10 } else { 100 };
    for _ in 0..rounds {
        let requests: Vec<_> = (0..100)
            .map(|n| {
                let request = service.child();
                if n % 2 == 0 {
                    request.cancel();
                }
                request
            })
            .collect();
        assert_eq!(service.children(), 50);
        drop(requests);
        assert_eq!(service.children(), 0);
    }
    let tasks = (0..10).map(|_| {
        let (service, rt) = (service.clone(), rt.clone());
        async move {
            let request = service.with_timeout(&rt, 60_000 * MS).cancel_on_drop();
            request.run(rt.sleep(MS)).await.expect("it is in time");
        }
    });
    all(&rt, tasks).await;
    assert_eq!((service.children(), service.waiters()), (0, 0));
}

/// Tasks that are told to stop give their locks and permits back, and nobody hangs: 3A 3.
///
/// # Panics
///
/// If something is lost. (A hang is reported by the runner.)
pub async fn cancelled_waits_give_back<R: Runtime>(rt: R) {
    let shared = Arc::new((Mutex::new(0), Semaphore::new(1), Event::new()));
    let served = Arc::new(AtomicUsize::new(0));
    let service = Context::new();
    let tasks: Vec<_> = (0..12)
        .map(|n: u32| {
            let (shared, served, rt) = (Arc::clone(&shared), Arc::clone(&served), rt.clone());
            let ctx = service.with_timeout(&rt, (1 + n % 4) * MS);
            rt.clone().spawn(async move {
                loop {
                    let work = ctx.run(async {
                        let _permit = shared.1.acquire().await;
                        let mut guard = shared.0.lock().await;
                        rt.sleep(MS / 5).await;
                        *guard += 1;
                        served.fetch_add(1, Ordering::Relaxed);
                    });
                    if work.await.is_err() {
                        break ctx.run(shared.2.wait()).await.is_err();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.expect("a task ends"));
    }
    assert!(shared.1.try_acquire().is_ok());
    let count = *shared.0.try_lock().expect("nobody holds it");
    assert_eq!(count, served.load(Ordering::Relaxed));
    assert_eq!((service.children(), shared.2.waiters()), (0, 0));
}

/// A callback is called by whoever cancels, or withdrawn, and its handle knows which.
///
/// # Panics
///
/// If it does not.
pub async fn callbacks<R: Runtime>(rt: R) {
    for round in 0..10 {
        let ctx = Context::new();
        let calls = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let calls = Arc::clone(&calls);
                ctx.on_cancel(move |cause| {
                    assert!(matches!(cause, Cause::Custom(_)));
                    calls.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        let canceller = {
            let (ctx, rt) = (ctx.clone(), rt.clone());
            rt.clone().spawn(async move {
                rt.sleep(MS / 10 * (round % 3)).await;
                ctx.cancel_with(Cause::custom("enough"))
            })
        };
        let withdrawer = {
            let rt = rt.clone();
            rt.clone().spawn(async move {
                let mut stopped = 0;
                for handle in handles {
                    rt.sleep(MS / 20).await;
                    stopped += usize::from(handle.stop());
                }
                stopped
            })
        };
        assert!(canceller.await.expect("it ends"));
        let stopped = withdrawer.await.expect("it ends");
        assert_eq!(calls.load(Ordering::SeqCst) + stopped, 4);
    }
}
