//! The semaphore: what needs our own API. See [`any_semaphore`](super::any_semaphore) for the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_sync::Semaphore;
use async_sync::semaphore::AcquireError;
use futures::future::poll_fn;

use crate::{Runtime, all, until};

/// S95: a pool of workers limited by permits; acquiring all of them waits for the last.
///
/// # Panics
///
/// If more run at a time than there are permits, or one is not waited for.
pub async fn s95_worker_pool<R: Runtime>(rt: R) {
    const WORKERS: usize = 3;
    let semaphore = Arc::new(Semaphore::new(WORKERS));
    let (now, peak, done) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    for _ in 0..4 * WORKERS {
        let permit = Arc::clone(&semaphore)
            .acquire_owned()
            .await
            .expect("it is open");
        let (now, peak, done) = (Arc::clone(&now), Arc::clone(&peak), Arc::clone(&done));
        let sleep = rt.sleep(Duration::from_millis(1));
        let _detached = rt.spawn(async move {
            let running = now.fetch_add(1, Ordering::SeqCst) + 1;
            peak.fetch_max(running, Ordering::SeqCst);
            sleep.await;
            now.fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(1, Ordering::SeqCst);
            drop(permit);
        });
    }
    let _all = semaphore.acquire_many(WORKERS).await.expect("it is open");
    assert_eq!(done.load(Ordering::SeqCst), 4 * WORKERS);
    assert!((1..=WORKERS).contains(&peak.load(Ordering::SeqCst)));
    // A task may not have ended yet although it gave its permit back.
    rt.sleep(Duration::from_millis(1)).await;
}

/// S1 (semaphore): a big request at the head is not passed by small ones.
///
/// # Panics
///
/// If it is.
pub async fn big_requests_are_not_starved<R: Runtime>(rt: R) {
    let semaphore = Arc::new(Semaphore::new(4));
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let held = semaphore.acquire().await.expect("it is open");
    let mut tasks = Vec::new();
    for (position, n) in [4, 1, 2].into_iter().enumerate() {
        tasks.push(rt.spawn({
            let (semaphore, order) = (Arc::clone(&semaphore), Arc::clone(&order));
            async move {
                let _permits = semaphore.acquire_many(n).await.expect("it is open");
                order.lock().expect("no panic").push(n);
            }
        }));
        until(&rt, || semaphore.waiters() == position + 1).await;
    }
    assert_eq!(
        semaphore.available(),
        3,
        "permits are free, and kept for the first in line"
    );
    drop(held);
    for task in tasks {
        task.await.expect("a task ends");
    }
    assert_eq!(order.lock().expect("no panic")[0], 4);
    assert_eq!(semaphore.available(), 4);
}

/// S92: a `try_` call takes all or none, and giving back what nobody took panics and changes nothing.
///
/// # Panics
///
/// If it does not.
pub async fn s92_all_or_none<R: Runtime>(rt: R) {
    let semaphore = Arc::new(Semaphore::new(3));
    let permit = semaphore.acquire().await.expect("it is open");
    assert!(semaphore.try_acquire_many(3).is_err());
    assert_eq!(semaphore.available(), 2);
    let guilty = Arc::clone(&semaphore);
    let guilty = rt.spawn(async move {
        let release = std::panic::AssertUnwindSafe(|| guilty.release(2));
        let panic = std::panic::catch_unwind(release).expect_err("one is out, not two");
        *panic.downcast_ref::<&str>().expect("a text")
    });
    let text = guilty.await.expect("the panic is caught");
    assert!(text.contains("released more than held"), "{text}");
    drop(permit);
    assert_eq!(semaphore.available(), 3);
}

/// S96: the limit moves while tasks come and go.
///
/// # Panics
///
/// If permits are lost or invented.
pub async fn s96_limit_moves<R: Runtime>(rt: R) {
    let semaphore = Arc::new(Semaphore::new(2));
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let (semaphore, rt) = (Arc::clone(&semaphore), rt.clone());
            rt.clone().spawn(async move {
                for _ in 0..4 {
                    match semaphore.acquire_many(1 + n % 2).await {
                        Ok(_permits) => rt.sleep(Duration::from_micros(300)).await,
                        // The limit that is told is that of the moment of telling.
                        Err(AcquireError::TooMany { requested, .. }) => assert_eq!(requested, 2),
                        Err(AcquireError::Closed) => panic!("nobody closes it"),
                    }
                }
            })
        })
        .collect();
    for limit in [1, 5, 2, 1, 3] {
        semaphore.set_limit(limit);
        rt.sleep(Duration::from_millis(1)).await;
    }
    for task in tasks {
        task.await.expect("a task ends");
    }
    assert_eq!((semaphore.metrics().available, semaphore.limit()), (3, 3));
}

/// Closing refuses those who wait, now and later, and takes nothing from holders.
///
/// # Panics
///
/// If it does not.
pub async fn closing<R: Runtime>(rt: R) {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.acquire().await.expect("it is open");
    let waiters: Vec<_> = (0..20)
        .map(|_| {
            let semaphore = Arc::clone(&semaphore);
            rt.spawn(async move { semaphore.acquire().await.map(drop) })
        })
        .collect();
    until(&rt, || semaphore.waiters() == 20).await;
    semaphore.close();
    for waiter in waiters {
        assert_eq!(
            waiter.await.expect("a waiter ends"),
            Err(AcquireError::Closed)
        );
    }
    drop(held);
    assert_eq!(
        semaphore.acquire().await.map(drop),
        Err(AcquireError::Closed)
    );
    assert_eq!(semaphore.available(), 1);
}

/// Cancelled requests of all weights lose no permit.
///
/// # Panics
///
/// If they do.
pub async fn cancelled_requests<R: Runtime>(rt: R) {
    let semaphore = Arc::new(Semaphore::new(3));
    let tasks = (0..12).map(|n: usize| {
        let (semaphore, rt) = (Arc::clone(&semaphore), rt.clone());
        async move {
            for round in 0..5 {
                let patience = Duration::from_micros(((n * 37 + round * 11) % 160) as u64);
                let work = async {
                    let _permits = semaphore.acquire_many(1 + n % 3).await.expect("it is open");
                    rt.sleep(Duration::from_micros(40)).await;
                };
                let _ = rt.timeout(patience, work).await;
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0));
}

/// Futurelock across tasks: permits that were given to a future which nobody polls are given to
/// others once they are stale.
///
/// # Panics
///
/// If they are not. (A hang is reported by the runner.)
pub async fn futurelock_across_tasks<R: Runtime>(rt: R) {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.acquire().await.expect("it is open");
    let mut parked = Box::pin(semaphore.acquire());
    let pending = poll_fn(|cx| Poll::Ready(parked.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
    let next = rt.spawn({
        let semaphore = Arc::clone(&semaphore);
        async move { drop(semaphore.acquire().await.expect("it is open")) }
    });
    until(&rt, || semaphore.waiters() == 2).await;
    drop(held);
    rt.sleep(Duration::from_millis(3)).await;
    drop(semaphore.try_acquire()); // any later operation
    next.await.expect("the next in line gets the permit");
    drop(
        parked
            .await
            .expect("and so does the parked future, in the end"),
    );
    assert_eq!(semaphore.available(), 1);
}
