//! Keys, values and objects whose code panics, or uses the very thing that calls it.

mod support;

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};

use async_sync::resource_pool::{LeaseIn, Manager};
use async_sync::{BoundedPool, KeyedMutex, Map, Pool, ResourcePool};
use support::{Polled, leak, queued};

/// What a key does when it is hashed, compared or dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Panic,
    Reenter,
}

thread_local! {
    static ON_HASH: Cell<Option<Act>> = const { Cell::new(None) };
    static ON_EQ: Cell<Option<Act>> = const { Cell::new(None) };
    static ON_DROP: Cell<Option<Act>> = const { Cell::new(None) };
}

/// A lock or a map to be used from within, without end: the setting is taken first.
fn act(on: &'static std::thread::LocalKey<Cell<Option<Act>>>) {
    match on.take() {
        None => {}
        Some(Act::Panic) => panic!("a key's own"),
        Some(Act::Reenter) => {
            MUTEX.with(|mutex| {
                assert!(mutex.try_lock(Key(1)).is_none() || mutex.try_lock(Key(2)).is_some());
                assert!(mutex.is_locked(&Key(1)) || !mutex.is_locked(&Key(9)));
                assert!(mutex.len() < 100);
            });
            MAP.with(|map| {
                map.store(Key(3), 3);
                assert_eq!(map.load(&Key(3)), Some(3));
            });
        }
    }
}

struct Key(u32);

impl Clone for Key {
    fn clone(&self) -> Self {
        Key(self.0)
    }
}
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        act(&ON_HASH);
        // One hash for all, so that they are compared.
        state.write_u8(0);
    }
}
impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        act(&ON_EQ);
        self.0 == other.0
    }
}
impl Eq for Key {}
impl Drop for Key {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            act(&ON_DROP);
        }
    }
}

thread_local! {
    static MUTEX: &'static KeyedMutex<Key> = leak(KeyedMutex::default());
    static MAP: &'static Map<Key, u32> = leak(Map::default());
}

fn both() -> (&'static KeyedMutex<Key>, &'static Map<Key, u32>) {
    (MUTEX.with(|m| *m), MAP.with(|m| *m))
}

/// Clears what was not met, so that the test's own drops are quiet.
fn quiet() {
    for on in [&ON_HASH, &ON_EQ, &ON_DROP] {
        on.set(None);
    }
}

#[test]
fn keys_that_panic() {
    let (mutex, map) = both();
    let held = mutex.try_lock(Key(1)).unwrap();
    map.store(Key(1), 1);
    for on in [&ON_HASH, &ON_EQ, &ON_DROP] {
        for operation in 0..6 {
            if cfg!(miri) && operation == 4 {
                continue; // papaya leaks the entry that it was about to make
            }
            on.set(Some(Act::Panic));
            let result = catch_unwind(AssertUnwindSafe(|| match operation {
                0 => drop(mutex.try_lock(Key(1))),
                1 => Polled::new(mutex.lock(Key(1))).pending_or_ready(),
                2 => drop(mutex.is_locked(&Key(2))),
                3 => drop(map.load(&Key(1))),
                4 => drop(map.load_or_store(Key(1), 2)),
                _ => Polled::new(map.get_or_compute(Key(1), async || 5)).pending_or_ready(),
            }));
            assert!(result.is_err() || on.take().is_none());
            quiet();
            assert_eq!(mutex.len(), 1, "operation {operation}");
            assert_eq!((map.load(&Key(1)), map.computing()), (Some(1), 0));
        }
    }
    drop(held);
    assert!(mutex.is_empty());
}

#[test]
fn keys_that_use_the_map_that_calls_them() {
    let (mutex, map) = both();
    for on in [&ON_HASH, &ON_EQ, &ON_DROP] {
        let held = mutex.try_lock(Key(1)).unwrap();
        let mut waits = queued(mutex.lock(Key(1)));
        on.set(Some(Act::Reenter));
        assert!(mutex.try_lock(Key(1)).is_none());
        on.set(Some(Act::Reenter));
        let other = mutex.try_lock(Key(2));
        drop(other);
        on.set(Some(Act::Reenter));
        drop(held);
        on.set(Some(Act::Reenter));
        drop(waits.ready());
        quiet();
        assert!(mutex.is_empty());

        on.set(Some(Act::Reenter));
        map.store(Key(1), 1);
        on.set(Some(Act::Reenter));
        map.store(Key(2), 2);
        on.set(Some(Act::Reenter));
        assert_eq!(map.load(&Key(1)), Some(1));
        on.set(Some(Act::Reenter));
        assert_eq!(
            Polled::new(map.get_or_compute(Key(4), async || 4)).ready(),
            4
        );
        on.set(Some(Act::Reenter));
        assert!(map.delete(&Key(1)) && map.delete(&Key(4)));
        on.set(Some(Act::Reenter));
        map.flush();
        quiet();
        assert_eq!((map.load(&Key(2)), map.computing()), (Some(2), 0));
    }
}

/// A value whose `Clone` uses the map, and a closure that does.
#[test]
fn values_that_use_the_map() {
    thread_local!(static VALUES: &'static Map<u8, Value> = leak(Map::default()));
    struct Value(u8);
    impl Clone for Value {
        fn clone(&self) -> Self {
            VALUES.with(|map| {
                map.with(&1, |value| value.0);
                map.delete(&9);
            });
            Value(self.0)
        }
    }
    VALUES.with(|map| {
        map.store(1, Value(1));
        assert_eq!(map.load(&1).map(|v| v.0), Some(1));
        assert_eq!(map.load_or_store(1, Value(2)).0.0, 1);
        map.update(1, |old| {
            map.store(2, Value(2));
            old.map(|v| Value(v.0 + 1))
        });
        assert_eq!(map.load_and_delete(&1).map(|v| v.0), Some(2));
        let got = Polled::new(
            map.get_or_compute(3, async || map.get_or_compute(4, async || Value(4)).await),
        )
        .ready();
        assert_eq!((got.0, map.computing()), (4, 0));
    });
}

/// The initialiser panics at its call, in its first poll and in a later one.
#[test]
fn initialisers_that_panic() {
    let map = Map::<u8, u8>::new();
    let mut first =
        Polled::new(map.get_or_compute(1, || -> std::future::Ready<u8> { panic!("at once") }));
    assert!(catch_unwind(AssertUnwindSafe(|| first.pending_or_ready())).is_err());
    let mut waits = Polled::new(map.get_or_compute(1, async || 7));
    assert_eq!(waits.ready(), 7);
    assert!(
        catch_unwind(AssertUnwindSafe(|| first.pending_or_ready())).is_err(),
        "completed"
    );
    drop((first, waits));
    assert_eq!(map.computing(), 0);
}

/// A waker that does something, or panics, when it is woken.
struct Acts(Box<dyn Fn() + Send + Sync>);
impl Wake for Acts {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn poll_with<F: Future>(polled: &mut Polled<F>, waker: &Waker) -> bool {
    let mut cx = std::task::Context::from_waker(waker);
    polled.future.as_mut().poll(&mut cx).is_ready()
}

#[test]
fn wakers_that_panic_cost_nobody_a_key() {
    let mutex = KeyedMutex::<u8>::new();
    let panics = Waker::from(Arc::new(Acts(Box::new(|| panic!("a waker's own")))));
    let held = mutex.try_lock(1).unwrap();
    let mut first = Polled::new(mutex.lock(1));
    assert!(!poll_with(&mut first, &panics));
    let mut second = queued(mutex.lock(1));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
    assert_eq!((mutex.len(), mutex.is_locked(&1)), (1, false));
    drop(first); // with its baton
    assert!(second.woken());
    drop(second.ready());
    assert!(mutex.is_empty());
}

#[test]
fn wakers_that_lock_the_key_that_wakes_them() {
    let mutex: &'static KeyedMutex<u8> = leak(KeyedMutex::default());
    let locks = Waker::from(Arc::new(Acts(Box::new(move || {
        drop(mutex.try_lock(1));
        drop(mutex.try_lock(2).expect("nobody has it"));
        assert_eq!(mutex.waiters(&1), 1);
    }))));
    let held = mutex.try_lock(1).unwrap();
    let mut waits = Polled::new(mutex.lock(1));
    assert!(!poll_with(&mut waits, &locks));
    drop(held);
    drop(waits.ready());
    assert!(mutex.is_empty());
}

/// Leaked in the middle: the others go on, by the rule of one millisecond.
#[test]
fn a_future_that_is_leaked_does_not_block_the_key() {
    let mut time = support::VirtualTime::start();
    let mutex: &'static KeyedMutex<u8> = leak(KeyedMutex::default());
    let held = mutex.try_lock(1).unwrap();
    let leaked = queued(mutex.lock(1));
    leak(leaked.future);
    let mut next = queued(mutex.lock(1));
    drop(held);
    time.advance_us(3000);
    drop(mutex.try_lock(1));
    drop(next.ready());
    assert!(mutex.try_lock(1).is_some());
}

/// An object that panics when it is dropped, and one that uses its pool.
#[test]
fn objects_that_are_dropped_late() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("an object's own");
            }
        }
    }
    let pool: Pool<Panics> = Pool::new(|| Panics);
    pool.put(Panics);
    pool.rotate();
    assert!(catch_unwind(AssertUnwindSafe(|| pool.rotate())).is_err());
    assert_eq!(pool.idle(), 0);
    pool.put(Panics);
    std::mem::forget(pool.take());
    let full = BoundedPool::new(0, || Panics);
    assert!(catch_unwind(AssertUnwindSafe(|| full.put(Panics))).is_err());
    assert_eq!(full.idle(), 0);

    thread_local!(static POOL: &'static Pool<Uses> = leak(Pool::new(|| Uses(0))));
    struct Uses(u8);
    impl Drop for Uses {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                POOL.with(|pool| pool.put(Uses(left)));
            }
        }
    }
    POOL.with(|pool| {
        pool.put(Uses(3));
        assert_eq!((pool.clear(), pool.idle()), (1, 1));
        pool.rotate();
        assert_eq!((pool.rotate(), pool.idle()), (1, 1));
        std::mem::forget(pool.take());
    });
}

/// Rules that panic cost the object, and leave the pool as it was.
#[test]
fn rules_and_makers_that_panic() {
    let pool: Pool<u8> = Pool::new(|| panic!("made")).cleaned_by(|n| assert!(*n < 5, "cleaned"));
    pool.put(1);
    assert!(catch_unwind(AssertUnwindSafe(|| pool.put(5))).is_err());
    assert_eq!((pool.idle(), pool.take()), (1, 1));
    assert!(catch_unwind(AssertUnwindSafe(|| pool.take())).is_err());
    pool.put(2);
    assert_eq!(pool.take(), 2);
    let pool: BoundedPool<u8> = BoundedPool::new(2, || panic!("made")).keep_if(|n| {
        assert!(*n < 5, "asked");
        true
    });
    assert!(catch_unwind(AssertUnwindSafe(|| pool.take())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| pool.put(5))).is_err());
    pool.put(1);
    assert_eq!((pool.take(), pool.idle()), (1, 0));
}

/// A manager that uses the pool, from `close`; wakers that use it, from the release of a place.
#[test]
fn a_manager_that_uses_its_pool() {
    thread_local!(static POOL: &'static ResourcePool<Uses> =
        leak(ResourcePool::new(Uses, 2)));
    struct Uses;
    impl Manager for Uses {
        type Resource = u8;
        type Error = ();
        async fn create(&self) -> Result<u8, ()> {
            POOL.with(|pool| assert!(pool.status().size > 0));
            Ok(1)
        }
        fn close(&self, _: u8) {
            POOL.with(|pool| {
                assert!(pool.status().size > 0, "it is counted until it is closed");
                drop(pool.try_get());
                pool.retain(|_, _| true);
            });
        }
    }
    POOL.with(|pool| {
        let (mut a, b) = (
            Polled::new(pool.get()).ready().unwrap(),
            Polled::new(pool.get()).ready().unwrap(),
        );
        drop(b);
        LeaseIn::mark_unusable(&mut a);
        drop(a);
        assert_eq!((pool.status().size, pool.status().idle), (1, 1));
        pool.close();
        assert_eq!(pool.status().size, 0);
    });
}

#[test]
fn wakers_that_panic_cost_nobody_a_place() {
    struct Plain;
    impl Manager for Plain {
        type Resource = u8;
        type Error = ();
        async fn create(&self) -> Result<u8, ()> {
            Ok(1)
        }
    }
    let pool = ResourcePool::new(Plain, 1);
    let panics = Waker::from(Arc::new(Acts(Box::new(|| panic!("a waker's own")))));
    let lease = Polled::new(pool.get()).ready().unwrap();
    let mut first = Polled::new(pool.get());
    assert!(!poll_with(&mut first, &panics));
    let mut second = queued(pool.get());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(lease))).is_err());
    assert_eq!(pool.status().idle, 1, "the resource came back");
    drop(first);
    assert!(second.woken());
    drop(second.ready().unwrap());
    drop(second);
    assert_eq!((pool.status().idle, pool.status().size), (1, 1));
    assert!(pool.try_get().is_ok());
}
