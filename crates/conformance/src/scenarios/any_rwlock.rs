//! Any reader-writer lock: ours with each policy, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peers::{AsyncRwLock, DowngradableRwLock, UpgradableRwLock};
use crate::{Runtime, all, counted_in, until};

const PAUSE: Duration = Duration::from_micros(50);

/// S22, S30: readers do not wait for each other. Four are inside at the same time, and leave only
/// when all are.
///
/// # Panics
///
/// If they do not get in. (A hang is reported by the runner.)
pub async fn s22_readers_share<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(7));
    let inside = Arc::new(AtomicUsize::new(0));
    let read = |_| {
        let (lock, inside, rt) = (Arc::clone(&lock), Arc::clone(&inside), rt.clone());
        async move {
            let guard = lock.read().await;
            inside.fetch_add(1, Ordering::SeqCst);
            until(&rt, || inside.load(Ordering::SeqCst) == 4).await;
            assert!(lock.try_read().is_some() && lock.try_write().is_none());
            *guard
        }
    };
    assert_eq!(all(&rt, (0..4).map(read)).await, [7; 4]);
    assert!(lock.try_write().is_some());
}

/// S23: a writer waits for the last of the readers, and for no more than that.
///
/// # Panics
///
/// If it does not.
pub async fn s23_the_last_reader<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    let (first, last) = (lock.read().await, lock.read().await);
    let written = Arc::new(AtomicUsize::new(0));
    let writer = rt.spawn({
        let (lock, waiting) = (Arc::clone(&lock), Arc::clone(&waiting));
        let written = Arc::clone(&written);
        async move {
            *counted_in(&waiting, lock.write()).await += 1;
            written.store(1, Ordering::SeqCst);
        }
    });
    until(&rt, || waiting.load(Ordering::SeqCst) == 1).await;
    drop(first);
    rt.sleep(PAUSE).await;
    assert_eq!(written.load(Ordering::SeqCst), 0, "beside a reader");
    drop(last);
    writer.await.expect("the writer ends");
    assert_eq!(*lock.read().await, 1);
}

/// S24: all readers that wait for a writer are inside together afterwards.
///
/// # Panics
///
/// If they are not. (A hang is reported by the runner.)
pub async fn s24_enter_together<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let (waiting, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut writer = lock.write().await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (lock, waiting) = (Arc::clone(&lock), Arc::clone(&waiting));
            let (inside, rt) = (Arc::clone(&inside), rt.clone());
            rt.clone().spawn(async move {
                let guard = counted_in(&waiting, lock.read()).await;
                inside.fetch_add(1, Ordering::SeqCst);
                until(&rt, || inside.load(Ordering::SeqCst) == 4).await;
                *guard
            })
        })
        .collect();
    until(&rt, || waiting.load(Ordering::SeqCst) == 4).await;
    *writer = 1;
    drop(writer);
    for reader in readers {
        assert_eq!(reader.await.expect("a reader ends"), 1);
    }
}

/// S29, S30: readers that overlap all the time do not keep a writer out. Of a lock that does not
/// prefer readers.
///
/// # Panics
///
/// If it has not come in when a hundred readers have, that came after it.
pub async fn s29_a_writer_gets_in<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut reader = lock.read().await;
    let writer = rt.spawn({
        let (lock, waiting) = (Arc::clone(&lock), Arc::clone(&waiting));
        async move { *counted_in(&waiting, lock.write()).await += 1 }
    });
    until(&rt, || waiting.load(Ordering::SeqCst) == 1).await;
    // The one who reads does not let go before the next one has come, or has been told to wait.
    for _ in 0..100 {
        match lock.try_read() {
            Some(next) => reader = next,
            None => break,
        }
        rt.sleep(PAUSE).await;
    }
    assert!(
        lock.try_read().is_none(),
        "readers pass a writer that waits"
    );
    drop(reader);
    writer.await.expect("the writer ends");
    assert_eq!(*lock.read().await, 1);
}

/// S31: `try_write` does not come in beside a reader, nor `try_read` beside a writer; neither leaves
/// anything behind.
///
/// # Panics
///
/// If one does.
pub async fn s31_try<L: AsyncRwLock, R: Runtime>(_rt: R) {
    let lock = L::new(0);
    let reader = lock.try_read().expect("nobody is there");
    assert!(lock.try_write().is_none());
    assert!(lock.try_read().is_some());
    drop(reader);
    let writer = lock.try_write().expect("nobody is there any more");
    assert!(lock.try_read().is_none() && lock.try_write().is_none());
    drop(writer);
    assert!(lock.try_write().is_some());
}

/// R3: many readers, few writers; each writer changes two things (here: in two steps) that no reader
/// sees half changed.
///
/// # Panics
///
/// If one does, or if a change is lost.
pub async fn r3_nobody_sees_half<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let tasks = (0..10_u64).map(|n| {
        let (lock, rt) = (Arc::clone(&lock), rt.clone());
        async move {
            for round in 0..10 {
                if n < 2 {
                    let mut guard = lock.write().await;
                    *guard += 1;
                    rt.sleep(PAUSE).await;
                    *guard += 1;
                } else {
                    let guard = lock.read().await;
                    let seen = *guard;
                    if round % 3 == 0 {
                        rt.sleep(PAUSE).await;
                    }
                    assert_eq!((seen % 2, *guard), (0, seen), "a half-written value");
                }
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(*lock.read().await, 40);
}

/// S13 for readers and writers: cancelled at any moment, they lose nothing for the others.
///
/// # Panics
///
/// If they do.
pub async fn s13_cancelled_waiters<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let tasks = (0..12_u64).map(|n| {
        let (lock, rt) = (Arc::clone(&lock), rt.clone());
        async move {
            for round in 0..5 {
                let patience = Duration::from_micros((n * 37 + round * 11) % 160);
                let work = async {
                    if n % 3 == 0 {
                        let mut guard = lock.write().await;
                        *guard += 1;
                        rt.sleep(Duration::from_micros(40)).await;
                    } else {
                        let guard = lock.read().await;
                        let seen = *guard;
                        rt.sleep(Duration::from_micros(40)).await;
                        assert_eq!(*guard, seen, "beside a writer");
                    }
                };
                let _ = rt.timeout(patience, work).await;
            }
        }
    });
    all(&rt, tasks).await;
    assert!(lock.try_write().is_some());
}

/// A writer that gives up lets those in who have queued behind it, beside those who read.
///
/// # Panics
///
/// If a reader does not get in. (A hang is reported by the runner.)
pub async fn a_cancelled_writer_lets_readers_in<L: AsyncRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let held = lock.read().await;
    let waiting = Arc::new(AtomicUsize::new(0));
    let writes = rt.spawn({
        let (lock, rt, waiting) = (Arc::clone(&lock), rt.clone(), Arc::clone(&waiting));
        async move {
            let write = counted_in(&waiting, lock.write());
            assert!(rt.timeout(Duration::from_millis(3), write).await.is_err());
        }
    });
    until(&rt, || waiting.load(Ordering::SeqCst) == 1).await;
    let read = |_| {
        let lock = Arc::clone(&lock);
        async move { *lock.read().await }
    };
    all(&rt, (0..3).map(read)).await;
    writes.await.expect("the writer gives up");
    drop(held);
    assert!(lock.try_write().is_some());
}

/// A writer that becomes a reader reads what it wrote, whoever waits to write.
///
/// # Panics
///
/// If somebody wrote in between.
pub async fn a_downgrade_keeps_writers_out<L: DowngradableRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let tasks = (0..6).map(|_| {
        let (lock, rt) = (Arc::clone(&lock), rt.clone());
        async move {
            for _ in 0..5 {
                let mut guard = lock.write().await;
                *guard += 1;
                let mine = *guard;
                let guard = L::downgrade(guard);
                rt.sleep(PAUSE).await;
                assert_eq!(*guard, mine);
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(*lock.read().await, 30);
}

/// What was read with the right to upgrade still holds when the upgrade is there, whoever waits to
/// write.
///
/// # Panics
///
/// If somebody wrote in between.
pub async fn an_upgrade_keeps_writers_out<L: UpgradableRwLock, R: Runtime>(rt: R) {
    let lock = Arc::new(L::new(0));
    let tasks = (0..9_u64).map(|n| {
        let (lock, rt) = (Arc::clone(&lock), rt.clone());
        async move {
            for _ in 0..5 {
                match n % 3 {
                    0 => {
                        let up = lock.upgradable_read().await;
                        let seen = *up;
                        rt.sleep(PAUSE).await;
                        let mut guard = L::upgrade(up).await;
                        assert_eq!(*guard, seen);
                        *guard += 1;
                    }
                    1 => *lock.write().await += 1,
                    _ => {
                        let guard = lock.read().await;
                        let seen = *guard;
                        rt.sleep(PAUSE).await;
                        assert_eq!(*guard, seen);
                    }
                }
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(*lock.read().await, 30);
}
