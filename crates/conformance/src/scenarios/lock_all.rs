//! Several locks at once: whatever the order in which they are named, everybody gets through.

use std::sync::Arc;
use std::time::Duration;

use async_sync::lock_all::LockSet;
use async_sync::mutex::Policy;
use async_sync::{Locker, Mutex, RawMutex, Semaphore};
use async_sync::{lock_all, lock_all_backing_off, try_lock_all};
use runtime::JoinHandle;

use crate::{Runtime, all};

/// How a set is locked.
pub trait Way: Send + Sync + 'static {
    /// Locks a set.
    fn lock<S>(set: S) -> impl Future<Output = S::Guards> + Send
    where
        S: LockSet + Send,
        async_sync::lock_all::LockAll<S>: Send,
        async_sync::lock_all::LockAllBackingOff<S>: Send;
}

/// By `lock_all`.
#[derive(Debug)]
pub struct InOrder;

/// By `lock_all_backing_off`.
#[derive(Debug)]
pub struct ByTrial;

impl Way for InOrder {
    fn lock<S>(set: S) -> impl Future<Output = S::Guards> + Send
    where
        S: LockSet + Send,
        async_sync::lock_all::LockAll<S>: Send,
    {
        lock_all(set)
    }
}

impl Way for ByTrial {
    fn lock<S>(set: S) -> impl Future<Output = S::Guards> + Send
    where
        S: LockSet + Send,
        async_sync::lock_all::LockAllBackingOff<S>: Send,
    {
        lock_all_backing_off(set)
    }
}

/// S6b: the police and the property office, each of which wants the other's certificate, both come to
/// an end.
///
/// # Panics
///
/// If what they did is not there. (A deadlock is reported by the runner.)
pub async fn s6b_both_finish<W: Way, R: Runtime>(rt: R) {
    let police = Arc::new(Mutex::new(0));
    let property = Arc::new(Mutex::new(0));
    let office = |first: &Arc<Mutex<i32>>, second: &Arc<Mutex<i32>>| {
        let (first, second, rt) = (Arc::clone(first), Arc::clone(second), rt.clone());
        async move {
            let (mut one, mut two) = W::lock((&*first, &*second)).await;
            rt.sleep(Duration::from_millis(5)).await;
            *one += 1;
            *two += 1;
        }
    };
    all(
        &rt,
        [office(&police, &property), office(&property, &police)],
    )
    .await;
    let (police, property) = try_lock_all((&*police, &*property)).expect("nobody has them");
    assert_eq!((*police, *property), (2, 2));
}

/// S21: five philosophers dine for long, each with the left fork named first.
///
/// # Panics
///
/// If one goes hungry. (A deadlock is reported by the runner.)
pub async fn s21_philosophers<W: Way, P: Policy, R: Runtime>(rt: R) {
    const MEALS: u64 = 40;
    let forks: Arc<[Mutex<u64, P>; 5]> = Arc::new(std::array::from_fn(|_| Mutex::with_policy(0)));
    let philosophers = (0..5_usize).map(|seat| {
        let (forks, rt) = (Arc::clone(&forks), rt.clone());
        async move {
            for meal in 0..MEALS {
                let [mut left, mut right] = W::lock([&forks[seat], &forks[(seat + 1) % 5]]).await;
                if meal % 4 == 0 {
                    rt.sleep(Duration::from_micros(20)).await;
                }
                *left += 1;
                *right += 1;
            }
        }
    });
    all(&rt, philosophers).await;
    let forks = try_lock_all(&*forks).expect("nobody dines any more");
    assert!(forks.iter().all(|fork| **fork == 2 * MEALS));
}

/// Philosophers of both manners, and some who lose patience and get up, at one table.
///
/// # Panics
///
/// If a fork is not on the table in the end. (A deadlock is reported by the runner.)
pub async fn guests_that_leave<R: Runtime>(rt: R) {
    let forks: Arc<[Mutex<u64>; 5]> = Arc::new(std::array::from_fn(|_| Mutex::new(0)));
    let philosophers = (0..10_usize).map(|guest| {
        let (forks, rt) = (Arc::clone(&forks), rt.clone());
        async move {
            let seat = guest % 5;
            let hands = [&forks[seat], &forks[(seat + 1) % 5]];
            let mut meals = 0;
            for turn in 0..10_u64 {
                let patience = Duration::from_micros(30 * (turn % 3 + 1));
                let taken = if guest < 5 {
                    rt.timeout(patience, lock_all(hands)).await
                } else {
                    rt.timeout(patience, lock_all_backing_off(hands)).await
                };
                if let Ok([mut left, mut right]) = taken {
                    rt.sleep(Duration::from_micros(20)).await;
                    *left += 1;
                    *right += 1;
                    meals += 1;
                }
            }
            meals
        }
    });
    let meals: u64 = all(&rt, philosophers).await.into_iter().sum();
    let forks = try_lock_all(&*forks).expect("nobody dines any more");
    assert_eq!(forks.iter().map(|fork| **fork).sum::<u64>(), 2 * meals);
}

/// Locks of different types in one set, and a task that is aborted while it waits for the last of them.
///
/// # Panics
///
/// If it keeps one.
pub async fn an_aborted_task_releases_all<W: Way, R: Runtime>(rt: R) {
    let locks = Arc::new((
        Mutex::new(()),
        RawMutex::<async_sync::mutex::Fifo>::new(),
        Semaphore::new(2),
    ));
    for busy in 0..3 {
        let held = (
            (busy == 0).then(|| Locker::try_lock(&locks.0)),
            (busy == 1).then(|| Locker::try_lock(&locks.1)),
            (busy == 2).then(|| locks.2.try_acquire_many(2)),
        );
        let task = {
            let locks = Arc::clone(&locks);
            rt.spawn(async move {
                let _all = W::lock((&locks.2, &locks.0, &locks.1)).await;
            })
        };
        let queued = || locks.0.waiters() + locks.1.waiters() + locks.2.waiters() == 1;
        crate::until(&rt, queued).await;
        task.abort();
        assert!(task.await.expect_err("aborted").is_aborted());
        drop(held);
        assert!(try_lock_all((&locks.0, &locks.1, &locks.2)).is_some());
    }
}
