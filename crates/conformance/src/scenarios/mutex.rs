//! The mutex.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_sync::mutex::{Fifo, Mutex, OwnedMutexGuard, Policy};
use futures::future::{Either, poll_fn, select};
use std::task::Poll;

use crate::{Runtime, all, until};

/// S1: ten tasks, many guarded increments, none lost.
///
/// # Panics
///
/// If one is.
pub async fn s1_counter<R: Runtime>(rt: R) {
    let counter = Arc::new(Mutex::new(0));
    let bump = |counter: Arc<Mutex<u32>>, rt: R| async move {
        for n in 0..20 {
            let mut guard = counter.lock().await;
            let seen = *guard;
            if n % 7 == 0 {
                rt.sleep(Duration::from_micros(50)).await;
            }
            *guard = seen + 1;
        }
    };
    all(&rt, (0..10).map(|_| bump(Arc::clone(&counter), rt.clone()))).await;
    assert_eq!(*counter.lock().await, 200);
}

/// S4: a guard may be released by another task than locked it.
///
/// # Panics
///
/// If the next waiter does not get the lock.
pub async fn s4_guards_move<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::new(1));
    let guard = Arc::clone(&mutex).lock_owned().await;
    let waiter = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move { *mutex.lock().await }
    });
    let releaser = rt.spawn(async move {
        let mut guard = guard;
        *guard += 1;
        drop(OwnedMutexGuard::map(guard, |value| value));
    });
    releaser.await.expect("the releaser ends");
    assert_eq!(waiter.await.expect("the waiter ends"), 2);
}

/// S7: those who wait get the lock in the order in which they came.
///
/// # Panics
///
/// If they do not.
pub async fn s7_order<R: Runtime>(rt: R) {
    async fn check<R: Runtime, P: Policy>(rt: &R) {
        let mutex = Arc::new(Mutex::<_, P>::with_policy(Vec::new()));
        let guard = mutex.lock().await;
        let mut tasks = Vec::new();
        for n in 0..4 {
            tasks.push(rt.spawn({
                let mutex = Arc::clone(&mutex);
                async move { mutex.lock().await.push(n) }
            }));
            until(rt, || mutex.waiters() == n + 1).await;
        }
        drop(guard);
        for task in tasks {
            task.await.expect("a waiter ends");
        }
        assert_eq!(*mutex.lock().await, [0, 1, 2, 3]);
    }
    check::<R, Fifo>(&rt).await;
    check::<R, async_sync::mutex::Adaptive>(&rt).await;
    check::<R, async_sync::mutex::Barging>(&rt).await;
}

/// S13: waiters that are cancelled at any moment, those that had been given the lock included, lose
/// nothing for the others.
///
/// # Panics
///
/// If they do.
pub async fn s13_cancelled_waiters<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::new(0));
    let tasks = (0..12).map(|n: u64| {
        let (mutex, rt) = (Arc::clone(&mutex), rt.clone());
        async move {
            for round in 0..5 {
                let patience = Duration::from_micros((n * 37 + round * 11) % 160);
                let work = async {
                    let mut guard = mutex.lock().await;
                    rt.sleep(Duration::from_micros(40)).await;
                    *guard += 1;
                };
                let _ = rt.timeout(patience, work).await;
            }
        }
    });
    all(&rt, tasks).await;
    assert!(mutex.try_lock().is_some());
    assert_eq!(mutex.metrics().count(), 0);
}

/// S16: the snapshot counts holder and waiters.
///
/// # Panics
///
/// If it does not.
pub async fn s16_metrics<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::new(()));
    let guard = mutex.lock().await;
    let waiters: Vec<_> = (0..20)
        .map(|_| {
            let mutex = Arc::clone(&mutex);
            rt.spawn(async move { drop(mutex.lock().await) })
        })
        .collect();
    until(&rt, || mutex.metrics().count() == 21).await;
    assert!(mutex.is_locked());
    drop(guard);
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
    assert_eq!(mutex.metrics().count(), 0);
}

/// Futurelock within a task (RFD 609): a select loop keeps a lock future that has become ready, and
/// awaits the same lock elsewhere.
///
/// # Panics
///
/// If the second lock is not to be had. (A hang is reported by the runner.)
pub async fn futurelock_in_one_task<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::new(0));
    let guard = Arc::clone(&mutex).lock_owned().await;
    let sleep = rt.sleep(Duration::from_millis(5));
    let background = rt.spawn(async move {
        sleep.await;
        drop(guard);
    });
    let mut parked = Box::pin(mutex.lock());
    match select(parked.as_mut(), pin!(rt.sleep(Duration::from_millis(1)))).await {
        // The lock became free already: nothing to show in this schedule.
        Either::Left((mut guard, _)) => *guard += 1,
        Either::Right(_) => {
            // `parked` is first in line. Now await the lock a second time.
            *mutex.lock().await += 1;
            // And the parked future is none the worse for it.
            *parked.await += 1;
        }
    }
    background.await.expect("the background task ends");
    assert_eq!(mutex.metrics().count(), 0);
}

/// Futurelock across tasks: the lock was handed to a future that nobody polls; others get it all
/// the same once the baton is stale.
///
/// # Panics
///
/// If they do not. (A hang is reported by the runner.)
pub async fn futurelock_across_tasks<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::<_, Fifo>::with_policy(0));
    let guard = mutex.lock().await;
    let mut parked = Box::pin(mutex.lock());
    let pending = poll_fn(|cx| Poll::Ready(parked.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
    let next = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move { *mutex.lock().await += 1 }
    });
    until(&rt, || mutex.waiters() == 2).await;
    drop(guard); // handed to `parked`
    rt.sleep(Duration::from_millis(3)).await;
    // Any later operation, of whichever task: here, a newcomer.
    let newcomer = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move { *mutex.lock().await += 1 }
    });
    next.await.expect("the next in line gets the lock");
    newcomer.await.expect("the newcomer gets the lock");
    assert_eq!(
        *parked.await,
        2,
        "and so does the parked future, in the end"
    );
}

/// `lock_when`: producer and consumer without anything but a mutex.
///
/// # Panics
///
/// If an item is lost.
pub async fn conditional_sections<R: Runtime>(rt: R) {
    let shelf = Arc::new(Mutex::new(Vec::new()));
    let consumers = (0..3).map(|_| {
        let shelf = Arc::clone(&shelf);
        async move {
            let mut sum = 0;
            for _ in 0..5 {
                let mut shelf = shelf.lock_when(|shelf: &Vec<u32>| !shelf.is_empty()).await;
                sum += shelf.pop().expect("the condition holds");
            }
            sum
        }
    });
    let consumers: Vec<_> = consumers.map(|task| rt.spawn(task)).collect();
    for n in 1..=15 {
        shelf.lock_when(|shelf| shelf.len() < 2).await.push(n);
    }
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.expect("a consumer ends");
    }
    assert_eq!(sum, 120);
}
