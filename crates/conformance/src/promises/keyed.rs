//! What is measured of locks by key: of one key, all that holds for a lock; and that keys come and go.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::counting;
use super::lock::Lock;
use super::polls::judged;
use super::tools::{Task, now, panics, queued};
use super::{Measurement, Verdict, check, list, of_every_lock};
use crate::peers::AsyncKeyedMutex;

/// Of every lock by key.
pub(super) fn every<K: AsyncKeyedMutex>() -> Vec<Measurement> {
    let mut all = list! {
        "apart", keys_do_not_meet::<K>, "Keys do not wait for each other",
            "One is locked with somebody waiting; a second is locked.";
        "keys-gone", keys_go::<K>, "A key that nobody uses takes no memory",
            "A hundred are locked, tried in vain, and unlocked; then no key is left.";
        "keys-cancelled", cancelled_keys_go::<K>, "... also if those who waited were cancelled",
            "One holds, two wait, of which one is dropped in the queue and one after it was given the lock.";
        "keys-unpolled", unpolled_keys_go::<K>, "... or never polled",
            "A future is made, kept, and dropped.";
        "keys-panicked", panicked_keys_go::<K>, "... or panicked",
            "A guard is dropped by unwinding.";
        "keys-kept", keys_in_use_stay::<K>, "A key in use stays, whoever leaves it",
            "One holds, one waits; the holder leaves while others come and go: never two at a time.";
        "keys-threads", keys_under_load::<K>, "Never two at a time while keys come and go",
            "Four threads lock one of three keys 2000 times each, by turns without and with a wait that is dropped.";
        "allocations", allocations::<K>, "Waiting for a key in use does not allocate",
            "A counting allocator around a wait that is polled once before and once after the key is unlocked.";
    };
    let mut of_one = of_every_lock::<OneKey<K>>();
    // A key takes memory while it is in use, so there waiting alone is counted.
    of_one.retain(|it| it.id != "allocations");
    all.extend(of_one);
    all
}

/// One of the keys.
struct OneKey<K>(K);

const KEY: u64 = 7;

impl<K: AsyncKeyedMutex> Lock for OneKey<K> {
    type Held<'a> = K::Guard<'a>;

    fn new() -> Self {
        OneKey(K::new())
    }

    fn take(&self) -> impl Future<Output = Self::Held<'_>> + Send {
        self.0.lock(KEY)
    }

    fn try_take(&self) -> Option<Self::Held<'_>> {
        self.0.try_lock(KEY)
    }
}

fn keys_do_not_meet<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    let _first = now(keys.lock(1));
    let _waits = queued(keys.lock(1));
    check!(keys.try_lock(2).is_some(), "`try_lock` of another fails");
    check!(now(keys.lock(2)).is_some(), "`lock` of another waits");
    Verdict::kept()
}

fn nothing_left<K: AsyncKeyedMutex>(keys: &K) -> Verdict {
    let left = keys.keys();
    check!(left == 0, "{left} are left");
    Verdict::kept()
}

fn keys_go<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    for key in 0..100 {
        let guard = now(keys.lock(key));
        check!(guard.is_some(), "it waits");
        check!(keys.try_lock(key).is_none(), "it is locked twice");
        drop(guard);
        drop(keys.try_lock(key));
    }
    nothing_left(&keys)
}

fn cancelled_keys_go<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    let guard = now(keys.lock(KEY));
    let given = queued(keys.lock(KEY));
    let waits = queued(keys.lock(KEY));
    drop(waits);
    drop(guard);
    drop(given);
    check!(keys.try_lock(KEY).is_some(), "it stays locked");
    // That may have cleaned up after them: another key, without.
    let guard = now(keys.lock(1));
    let given = queued(keys.lock(1));
    drop(guard);
    drop(given);
    nothing_left(&keys)
}

fn unpolled_keys_go<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    let idle = keys.lock(KEY);
    check!(keys.try_lock(KEY).is_some(), "it is locked");
    drop(idle);
    nothing_left(&keys)
}

fn panicked_keys_go<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    let panicked = panics(|| {
        let _guard = now(keys.lock(KEY));
        panic!("owner");
    });
    assert!(panicked);
    check!(keys.try_lock(KEY).is_some(), "it stays locked");
    nothing_left(&keys)
}

fn keys_in_use_stay<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    let first = now(keys.lock(KEY));
    let mut second = queued(keys.lock(KEY));
    drop(queued(keys.lock(KEY)));
    drop(first);
    let held = second.served();
    check!(held.is_some(), "the second is never served");
    drop(keys.lock(KEY));
    check!(keys.try_lock(KEY).is_none(), "two at a time");
    let mut third = queued(keys.lock(KEY));
    drop(held);
    let held = third.served();
    check!(held.is_some(), "the third is never served");
    check!(keys.try_lock(KEY).is_none(), "two at a time");
    Verdict::kept()
}

fn allocations<K: AsyncKeyedMutex>() -> Verdict {
    let keys = K::new();
    let task = Task::new();
    let one_wait = || {
        let held = now(keys.lock(KEY));
        let mut waiter = pin!(keys.lock(KEY));
        counting::allocations(|| {
            assert!(task.ready(waiter.as_mut()).is_none());
            drop(held);
            assert!(task.ready(waiter.as_mut()).is_some());
        })
    };
    judged(one_wait)
}

fn keys_under_load<K: AsyncKeyedMutex>() -> Verdict {
    let keys = Arc::new(K::new());
    let inside = [(); 3].map(|()| AtomicUsize::new(0));
    let most = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (keys, inside, most) = (&keys, &inside, &most);
            scope.spawn(move || {
                for round in 0..2000 {
                    let key = (thread + round) % 3;
                    if round % 2 == 0 {
                        // Looks once, and leaves.
                        let _ = now(keys.lock(key as u64)).is_some();
                    }
                    let Some(_guard) = keys.try_lock(key as u64) else {
                        continue;
                    };
                    let now = inside[key].fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::yield_now();
                    inside[key].fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    let most = most.load(Ordering::SeqCst);
    check!(most == 1, "{most} at a time");
    Verdict::kept()
}
