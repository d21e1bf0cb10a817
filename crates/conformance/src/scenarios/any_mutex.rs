//! Any mutex: ours with each policy, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peers::AsyncMutex;
use crate::{Runtime, all, counted_in, until};

/// S1: ten tasks, many guarded increments, none lost.
///
/// # Panics
///
/// If one is.
pub async fn s1_counter<M: AsyncMutex, R: Runtime>(rt: R) {
    let counter = Arc::new(M::new(0));
    let bump = |counter: Arc<M>, rt: R| async move {
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

/// S6b: two tasks that want the same two locks finish if they lock them in the same order, and also
/// if each gives up what it has when it cannot get the rest.
///
/// # Panics
///
/// If they get both at the same time. (A hang is reported by the runner.)
pub async fn s6_no_cycle<M: AsyncMutex, R: Runtime>(rt: R) {
    let locks = Arc::new([M::new(0), M::new(0)]);
    let ordered = || {
        let (locks, rt) = (Arc::clone(&locks), rt.clone());
        async move {
            let mut first = locks[0].lock().await;
            rt.sleep(Duration::from_micros(50)).await;
            let mut second = locks[1].lock().await;
            *first += 1;
            *second += 1;
        }
    };
    all(&rt, [ordered(), ordered()]).await;
    let backing_off = |one: usize| {
        let (locks, rt) = (Arc::clone(&locks), rt.clone());
        async move {
            // Different pauses, or the two might dance for ever.
            for pause in (50..).step_by(70 + 30 * one) {
                let mut first = locks[one].lock().await;
                rt.sleep(Duration::from_micros(50)).await;
                if let Some(mut second) = locks[1 - one].try_lock() {
                    *first += 1;
                    *second += 1;
                    return;
                }
                drop(first);
                rt.sleep(Duration::from_micros(pause)).await;
            }
        }
    };
    all(&rt, [backing_off(0), backing_off(1)]).await;
    assert_eq!((*locks[0].lock().await, *locks[1].lock().await), (4, 4));
}

/// S7: those who wait get the lock in the order in which they came.
///
/// # Panics
///
/// If they do not.
pub async fn s7_order<M: AsyncMutex, R: Runtime>(rt: R) {
    let mutex = Arc::new(M::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    let guard = mutex.lock().await;
    let mut tasks = Vec::new();
    for n in 0..4 {
        tasks.push(rt.spawn({
            let (mutex, waiting) = (Arc::clone(&mutex), Arc::clone(&waiting));
            async move {
                let mut turn = counted_in(&waiting, mutex.lock()).await;
                *turn += 1;
                (n, *turn)
            }
        }));
        until(&rt, || waiting.load(Ordering::SeqCst) == n + 1).await;
    }
    drop(guard);
    for task in tasks {
        let (n, turn) = task.await.expect("a waiter ends");
        assert_eq!(turn, n as u64 + 1, "the turn of waiter {n}");
    }
}

/// S13: waiters that are cancelled at any moment, those that had been given the lock included, lose
/// nothing for the others.
///
/// # Panics
///
/// If they do.
pub async fn s13_cancelled_waiters<M: AsyncMutex, R: Runtime>(rt: R) {
    let mutex = Arc::new(M::new(0));
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
}

/// S14, S15: `try_lock` takes a free lock, refuses a held one, and never waits, whenever the holder
/// releases.
///
/// # Panics
///
/// If it does not.
pub async fn s14_try_lock<M: AsyncMutex, R: Runtime>(rt: R) {
    let mutex = Arc::new(M::new(0));
    for release in [0, 100] {
        let guard = mutex.try_lock().expect("nobody has it");
        assert!(mutex.try_lock().is_none(), "it is held");
        drop(guard);
        let holder = rt.spawn({
            let (mutex, rt) = (Arc::clone(&mutex), rt.clone());
            async move {
                let _guard = mutex.lock().await;
                rt.sleep(Duration::from_micros(release)).await;
            }
        });
        rt.sleep(Duration::from_micros(100)).await;
        // Either way, and at once.
        drop(mutex.try_lock());
        holder.await.expect("the holder ends");
    }
    assert!(mutex.try_lock().is_some());
}

/// S19: a time limit around a lock that is held ends at the limit, and leaves nothing behind.
///
/// # Panics
///
/// If it does not.
pub async fn s19_time_limit<M: AsyncMutex, R: Runtime>(rt: R) {
    const LIMIT: Duration = Duration::from_millis(3);
    let mutex = M::new(0);
    let guard = mutex.lock().await;
    let start = rt.now();
    assert!(rt.timeout(LIMIT, mutex.lock()).await.is_err());
    assert!(rt.now() - start >= LIMIT);
    drop(guard);
    assert!(rt.timeout(LIMIT, mutex.lock()).await.is_ok());
}

/// S21: five philosophers, each with two forks, all eat.
///
/// # Panics
///
/// If one goes hungry. (A deadlock is reported by the runner.)
pub async fn s21_philosophers<M: AsyncMutex, R: Runtime>(rt: R) {
    const MEALS: u64 = 10;
    let forks: Arc<[M; 5]> = Arc::new(std::array::from_fn(|_| M::new(0)));
    let philosophers = (0..5_usize).map(|seat| {
        let (forks, rt) = (Arc::clone(&forks), rt.clone());
        async move {
            let (left, right) = (seat, (seat + 1) % 5);
            for _ in 0..MEALS {
                let mut first = forks[left.min(right)].lock().await;
                let mut second = forks[left.max(right)].lock().await;
                rt.sleep(Duration::from_micros(20)).await;
                *first += 1;
                *second += 1;
            }
        }
    });
    all(&rt, philosophers).await;
    for fork in &*forks {
        assert_eq!(*fork.lock().await, 2 * MEALS);
    }
}
