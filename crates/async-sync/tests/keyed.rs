//! KeyedMutex: futures polled by hand; and a crowd over few keys, with a counter per key as the oracle.

mod support;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::KeyedMutex;
use async_sync::keyed::KeyedGuard;
use support::{Polled, Task, VirtualTime, queued, yield_now};

/// All keys have one hash.
#[derive(Default)]
struct Same;
impl Hasher for Same {
    fn finish(&self) -> u64 {
        7
    }
    fn write(&mut self, _: &[u8]) {}
}
type OneHash<K> = KeyedMutex<K, BuildHasherDefault<Same>>;

#[test]
fn a_key_excludes_itself_and_no_other() {
    let mutex = KeyedMutex::<&str>::new();
    let a = Polled::new(mutex.lock("a")).ready();
    let mut second = queued(mutex.lock("a"));
    let b = Polled::new(mutex.lock("b")).ready();
    assert!(mutex.try_lock("a").is_none() && mutex.try_lock("b").is_none());
    assert_eq!((*a.key(), *b.key(), mutex.len()), ("a", "b", 2));
    assert!(mutex.is_locked("a") && !mutex.is_locked("c"));
    assert_eq!((mutex.waiters("a"), mutex.waiters("b")), (1, 0));
    drop(a);
    assert!(second.woken());
    let a = second.ready();
    drop((a, b));
    assert!(mutex.is_empty());
}

#[test]
fn keys_of_one_hash_are_told_apart() {
    let mutex = OneHash::<u32>::default();
    let guards: Vec<_> = (0..5).map(|n| mutex.try_lock(n).unwrap()).collect();
    assert_eq!(mutex.len(), 5);
    let mut waits = queued(mutex.lock(3));
    assert_eq!((mutex.waiters(&3), mutex.waiters(&4)), (1, 0));
    assert!(!mutex.is_locked(&9));
    drop(guards);
    assert_eq!(mutex.len(), 1);
    drop(waits.ready());
    assert!(mutex.is_empty());
}

#[test]
fn a_future_that_is_not_polled_has_no_effect() {
    let mutex = KeyedMutex::<u8>::new();
    let future = mutex.lock(1);
    assert!(mutex.is_empty() && mutex.try_lock(1).is_some());
    drop(future);
    assert!(mutex.is_empty());
}

/// Dropped before its first poll, while it waits, after it was woken, and as a guard.
#[test]
fn dropped_at_every_moment_the_entry_goes_with_the_last() {
    let mutex = KeyedMutex::<u8>::new();
    for moment in 0..4 {
        let holder = mutex.try_lock(1).unwrap();
        let mut leaver = Polled::new(mutex.lock(1));
        let mut other = Polled::new(mutex.lock(1));
        if moment > 0 {
            leaver.pending();
        }
        other.pending();
        if moment > 1 {
            drop(holder);
            assert!(leaver.woken());
            if moment == 3 {
                drop(leaver.ready());
            }
            drop(leaver);
        } else {
            drop(leaver);
            assert_eq!(mutex.waiters(&1), 1);
            drop(holder);
        }
        assert!(other.woken(), "moment {moment}");
        assert_eq!(mutex.len(), 1);
        drop(other.ready());
        assert!(mutex.is_empty(), "moment {moment}");
    }
}

#[test]
fn the_last_one_to_leave_may_be_a_cancelled_one() {
    let mutex = KeyedMutex::<u8>::new();
    let holder = mutex.try_lock(1).unwrap();
    let first = queued(mutex.lock(1));
    let second = queued(mutex.lock(1));
    drop(holder);
    assert_eq!(mutex.len(), 1);
    drop(second);
    assert_eq!(mutex.len(), 1);
    drop(first);
    assert!(mutex.is_empty());
}

#[test]
#[should_panic(expected = "a future was polled after it had completed")]
fn polled_after_completion() {
    let mutex = KeyedMutex::<u8>::new();
    let mut future = Polled::new(mutex.lock(1));
    drop(future.ready());
    let _ = future.poll();
}

#[test]
fn spurious_polls_and_another_waker() {
    let mutex = KeyedMutex::<u8>::new();
    let holder = mutex.try_lock(1).unwrap();
    let mut waits = queued(mutex.lock(1));
    waits.pending();
    let old = std::mem::replace(&mut waits.task, Task::new());
    waits.pending();
    assert_eq!(old.kept(), 0);
    drop(holder);
    assert!(waits.woken() && old.woken() == 0);
    drop(waits.ready());
}

/// A waiter that was given the key and is not polled does not hold up the others (rule 6).
#[test]
fn a_baton_that_nobody_claims_is_passed_on() {
    let mut time = VirtualTime::start();
    let mutex = KeyedMutex::<u8>::new();
    let holder = mutex.try_lock(1).unwrap();
    let _parked = queued(mutex.lock(1));
    let mut other = queued(mutex.lock(1));
    drop(holder);
    time.advance_us(2000);
    other.pending_or_ready();
    let third = mutex.try_lock(1);
    assert!(third.is_some() || other.woken() || !mutex.is_locked(&1));
    drop(third);
    drop(other.ready());
}

#[test]
fn owned_guards_and_blocking_calls() {
    let mutex = Arc::new(KeyedMutex::<String>::new());
    let key = || "key".to_string();
    let guard = Arc::clone(&mutex).try_lock_owned(key()).unwrap();
    let waits = queued(Arc::clone(&mutex).lock_owned(key()));
    let thread = std::thread::spawn({
        let mutex = Arc::clone(&mutex);
        move || drop(mutex.lock_blocking("key".to_string()))
    });
    assert!(Arc::clone(&mutex).try_lock_owned(key()).is_none());
    drop(guard);
    // (Waits, and does not only look: if it was late, the thread may have gone first.)
    drop(sync_core::park::block_on(waits.future));
    thread.join().unwrap();
    assert!(mutex.is_empty());
    assert!(format!("{mutex:?}").contains("KeyedMutex"));
}

#[test]
fn a_panic_under_the_lock_lets_go() {
    let mutex = KeyedMutex::<u8>::new();
    let mut waits = Polled::new(mutex.lock(1));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard: KeyedGuard<'_, u8> = mutex.try_lock(1).unwrap();
        waits.pending();
        panic!("under the lock");
    }));
    assert!(panicked.is_err());
    drop(waits.ready());
    assert!(mutex.is_empty());
}

/// Threads lock random keys, some give up; a counter for each key tells whether two are ever inside.
#[test]
fn a_crowd_over_few_keys() {
    let mutex = Arc::new(KeyedMutex::<usize>::new());
    let inside: Arc<Vec<AtomicUsize>> = Arc::new((0..4).map(|_| AtomicUsize::new(0)).collect());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let rounds = if cfg!(miri) { 20 } else { 2000 };
    runtime.block_on(async {
        let tasks: Vec<_> = (0..8usize)
            .map(|task| {
                let (mutex, inside) = (Arc::clone(&mutex), Arc::clone(&inside));
                tokio::spawn(async move {
                    let mut random = task as u64 * 2_654_435_761 + 1;
                    let mut entered: HashMap<usize, usize> = HashMap::new();
                    for _ in 0..rounds {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let key = (random >> 20) as usize % 4;
                        if random.is_multiple_of(3) {
                            let mut lock = Box::pin(mutex.lock(key));
                            if Task::new().poll(lock.as_mut()).is_ready() {
                                continue;
                            }
                            if random.is_multiple_of(2) {
                                tokio::task::yield_now().await;
                            }
                            continue; // given up
                        }
                        let guard = mutex.lock(key).await;
                        assert_eq!(inside[key].fetch_add(1, Ordering::Relaxed), 0);
                        if random.is_multiple_of(5) {
                            yield_now().await;
                        }
                        assert_eq!(inside[key].fetch_sub(1, Ordering::Relaxed), 1);
                        *entered.entry(key).or_default() += 1;
                        drop(guard);
                    }
                    entered.values().sum::<usize>()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap() > 0);
        }
    });
    assert!(mutex.is_empty());
}
