//! The reentrant mutex: its owner enters again, others wait, and futures of one owner keep together.

use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_sync::{OwnerId, RawReentrantMutex, ReentrantMutex};

use crate::{Runtime, all, until};

fn owner(n: u64) -> OwnerId {
    OwnerId::from(NonZeroU64::new(n).expect("not zero"))
}

/// S17: locked three times and unlocked twice, others still wait; after the third they enter.
///
/// # Panics
///
/// If they enter too early.
pub async fn s17_as_many_unlocks<R: Runtime>(rt: R) {
    let mutex = Arc::new(ReentrantMutex::new(AtomicU64::new(0)));
    let me = OwnerId::new();
    let one = mutex.lock(me).await;
    let two = mutex.lock(me).await;
    let three = mutex.lock(me).await;
    let other = {
        let mutex = Arc::clone(&mutex);
        rt.spawn(async move { mutex.lock(OwnerId::new()).await.load(Ordering::Relaxed) })
    };
    until(&rt, || mutex.waiters() == 1).await;
    drop(one);
    drop(two);
    rt.sleep(Duration::from_millis(3)).await;
    assert_eq!((mutex.waiters(), mutex.depth()), (1, 1));
    three.store(1, Ordering::Relaxed);
    drop(three);
    assert_eq!(other.await.expect("it enters"), 1);
    assert!(!mutex.is_locked());
}

/// S17b, S18: who is not the owner cannot unlock, and is told who is; the token 0 is refused.
///
/// # Panics
///
/// If it can.
pub async fn s18_tokens<R: Runtime>(_: R) {
    let mutex = <RawReentrantMutex>::new();
    mutex.lock(owner(7)).await;
    mutex.lock(owner(7)).await;
    let panic = catch_unwind(AssertUnwindSafe(|| mutex.unlock(owner(8)))).expect_err("a panic");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert_eq!(text, "wrong the owner(7): 8!");
    mutex.unlock(owner(7));
    mutex.unlock(owner(7));
    assert!(!mutex.is_locked());
    assert!(OwnerId::try_from(0).is_err());
}

/// Owners with several tasks each: inside are only tasks of one owner at a time, and all get through.
///
/// # Panics
///
/// If two owners are inside.
pub async fn families<R: Runtime>(rt: R) {
    const VISITS: u64 = 20;
    let mutex = Arc::new(ReentrantMutex::new(AtomicU64::new(0)));
    let tasks = (0..9).map(|n| {
        let (mutex, rt) = (Arc::clone(&mutex), rt.clone());
        let me = owner(n % 3 + 1);
        async move {
            for visit in 0..VISITS {
                let guard = mutex.lock(me).await;
                if visit % 3 == 0 {
                    rt.sleep(Duration::from_micros(10)).await;
                }
                let nested = mutex.lock(me).await;
                assert_eq!(mutex.owner(), Some(me));
                nested.fetch_add(1, Ordering::Relaxed);
                drop(guard);
                assert_eq!(mutex.owner(), Some(me), "one guard is left");
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(
        mutex.lock(owner(9)).await.load(Ordering::Relaxed),
        9 * VISITS
    );
    assert_eq!((mutex.depth(), mutex.waiters()), (0, 0));
}

/// Two tasks of one owner wait together, and the first does not leave before the second has come.
///
/// # Panics
///
/// If one does not get in. (A deadlock is reported by the runner.)
pub async fn one_waits_for_the_other_inside<R: Runtime>(rt: R) {
    let mutex = Arc::new(<RawReentrantMutex>::new());
    mutex.lock(owner(1)).await;
    let family = (0..3).map(|_| {
        let (mutex, rt) = (Arc::clone(&mutex), rt.clone());
        rt.clone().spawn(async move {
            mutex.lock(owner(2)).await;
            until(&rt, || mutex.depth() == 3).await;
        })
    });
    let family: Vec<_> = family.collect();
    until(&rt, || mutex.waiters() == 3).await;
    mutex.unlock(owner(1));
    for task in family {
        task.await.expect("it gets in");
    }
    for _ in 0..3 {
        mutex.unlock(owner(2));
    }
    assert!(!mutex.is_locked());
}

/// Tasks that give up while they wait, of the owner inside and of others.
///
/// # Panics
///
/// If the lock is not free in the end.
pub async fn some_give_up<R: Runtime>(rt: R) {
    let mutex = Arc::new(ReentrantMutex::new(()));
    let tasks = (0..12).map(|n| {
        let (mutex, rt) = (Arc::clone(&mutex), rt.clone());
        let me = owner(n % 4 + 1);
        async move {
            let mut visits = 0;
            for _ in 0..10 {
                let limit = Duration::from_micros(20 * (n % 3 + 1));
                if let Ok(_guard) = rt.timeout(limit, mutex.lock(me)).await {
                    rt.sleep(Duration::from_micros(15)).await;
                    visits += 1;
                }
            }
            visits
        }
    });
    let visits: u64 = all(&rt, tasks).await.into_iter().sum();
    assert!(visits > 0);
    assert_eq!((mutex.depth(), mutex.waiters()), (0, 0));
    assert!(mutex.try_lock(owner(9)).is_some());
}
