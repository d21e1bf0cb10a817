//! The reader-writer lock: what needs our own API. See [`any_rwlock`](super::any_rwlock) for the rest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_sync::Event;
use async_sync::rwlock::{RawRwLock, ReadPreferring, RwLock, RwLockUpgradableReadGuard};

use crate::{Runtime, until};

/// S27: unlocking what is not locked panics with Go's texts, and the lock stays usable by any task.
///
/// # Panics
///
/// If it does not.
pub async fn s27_unlock_of_unlocked<R: Runtime>(rt: R) {
    let text = |unlock: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(unlock)).expect_err("it is not locked");
        *panic.downcast_ref::<&str>().expect("a text")
    };
    let lock = Arc::new(RawRwLock::<ReadPreferring>::new());
    assert_eq!(text(&|| lock.write_unlock()), "Unlock of unlocked RWMutex");
    assert_eq!(text(&|| lock.read_unlock()), "RUnlock of unlocked RWMutex");
    lock.read().await;
    lock.read().await;
    let other = Arc::clone(&lock);
    let task = rt.spawn(async move {
        other.read_unlock();
        other.read_unlock();
    });
    task.await.expect("any task may unlock");
    assert_eq!(text(&|| lock.read_unlock()), "RUnlock of unlocked RWMutex");
    lock.write().await;
    lock.write_unlock();
}

/// S29: of a lock that prefers readers, a writer waits as long as they overlap, and no longer.
///
/// # Panics
///
/// If it does not.
pub async fn s29_readers_first<R: Runtime>(rt: R) {
    let lock = Arc::new(RwLock::<_, ReadPreferring>::with_policy(0));
    let mut reader = lock.read().await;
    let writer = rt.spawn({
        let lock = Arc::clone(&lock);
        async move { *lock.write().await += 1 }
    });
    until(&rt, || lock.waiters() == 1).await;
    for _ in 0..50 {
        let next = lock.read().await;
        rt.sleep(Duration::from_micros(50)).await;
        assert_eq!(*reader, 0, "a writer beside readers");
        reader = next;
    }
    drop(reader);
    writer.await.expect("the writer ends");
    assert_eq!(*lock.read().await, 1);
}

/// S31, R6: what the lock says of itself, while readers and a writer come and go.
///
/// # Panics
///
/// If it is not so.
pub async fn s31_what_it_says<R: Runtime>(rt: R) {
    let lock = Arc::new(RwLock::new(0));
    assert_eq!((lock.reader_count(), lock.has_writer()), (0, false));
    let one = lock.read().await;
    assert_eq!((lock.reader_count(), lock.has_writer()), (1, false));
    let two = lock.read().await;
    assert_eq!((lock.reader_count(), lock.has_writer()), (2, false));
    assert!(lock.try_write().is_none());
    let writer = rt.spawn({
        let (lock, rt) = (Arc::clone(&lock), rt.clone());
        async move {
            let _guard = lock.write().await;
            assert!(lock.is_write_locked() && lock.has_writer());
            assert_eq!(lock.reader_count(), 0);
            rt.sleep(Duration::from_millis(1)).await;
        }
    });
    until(&rt, || lock.has_writer()).await;
    assert!(!lock.is_write_locked(), "it waits");
    drop((one, two));
    writer.await.expect("the writer ends");
    assert_eq!((lock.reader_count(), lock.has_writer()), (0, false));
}

/// RFD 609 across tasks: the first in line is woken, and its task is busy with something else. The
/// others go on, and so does it afterwards.
///
/// # Panics
///
/// If they do not. (A hang is reported by the runner.)
pub async fn futurelock_across_tasks<R: Runtime>(rt: R) {
    let lock = Arc::new(RwLock::new(0));
    let served = Arc::new(Event::new());
    let held = lock.write().await;
    let parked = rt.spawn({
        let (lock, served) = (Arc::clone(&lock), Arc::clone(&served));
        async move {
            let mut write = Box::pin(lock.write());
            assert!(futures::poll!(&mut write).is_pending());
            served.wait().await;
            *write.await += 1;
        }
    });
    until(&rt, || lock.waiters() == 1).await;
    drop(held);
    rt.sleep(Duration::from_millis(5)).await;
    // Finds the grant stale, and is served.
    assert_eq!(*lock.read().await, 0);
    *lock.write().await += 1;
    served.set();
    parked.await.expect("the parked task goes on");
    assert_eq!(*lock.read().await, 2);
}

/// RFD 609 within a task: it keeps one future that it does not poll, and awaits another, of every
/// kind.
///
/// # Panics
///
/// If it locks itself out. (A hang is reported by the runner.)
pub async fn futurelock_in_one_task<R: Runtime>(rt: R) {
    let lock = Arc::new(RwLock::new(0));
    for parked_writes in [true, false] {
        let held = lock.write().await;
        let mut write = Box::pin(lock.write());
        let mut read = Box::pin(lock.read());
        if parked_writes {
            assert!(futures::poll!(&mut write).is_pending());
        } else {
            assert!(futures::poll!(&mut read).is_pending());
        }
        let releaser = Arc::clone(&lock);
        let mut second = Box::pin(releaser.write());
        assert!(futures::poll!(&mut second).is_pending());
        drop(held);
        *second.await += 1;
        let up = lock.upgradable_read().await;
        rt.sleep(Duration::from_micros(10)).await;
        *RwLockUpgradableReadGuard::upgrade(up).await += 1;
        if parked_writes {
            drop(write.await);
        } else {
            drop(read.await);
        }
    }
    assert_eq!(*lock.read().await, 4);
}
