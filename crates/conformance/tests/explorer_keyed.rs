//! Keyed locks under every order of steps.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};

use async_sync::KeyedMutex;
use async_sync::keyed::KeyedGuard;
use conformance::explorer::sets::keyed::{KeyLock, KeyedSet};
use conformance::explorer::{Bounds, Explorer, Waits};

/// Our keyed mutex.
struct Ours<S>(KeyedMutex<usize, S>);

impl<S: BuildHasher + Default> KeyLock for Ours<S> {
    type Guard<'a>
        = KeyedGuard<'a, usize, S>
    where
        S: 'a;

    fn new() -> Self {
        Ours(KeyedMutex::default())
    }

    fn lock(&self, key: usize) -> impl Future<Output = Self::Guard<'_>> {
        self.0.lock(key)
    }

    fn try_lock(&self, key: usize) -> Option<Self::Guard<'_>> {
        self.0.try_lock(key)
    }

    fn key(guard: &Self::Guard<'_>) -> usize {
        *guard.key()
    }

    fn is_locked(&self, key: usize) -> bool {
        self.0.is_locked(&key)
    }

    fn waiters(&self, key: usize) -> usize {
        self.0.waiters(&key)
    }

    fn entries(&self) -> usize {
        self.0.len()
    }
}

type Usual = Ours<BuildHasherDefault<DefaultHasher>>;

/// All keys have one hash.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}

type Colliding = Ours<BuildHasherDefault<Same>>;

const NONE: Bounds = Bounds::NONE;

/// Time passes, and one future stops being polled: then somebody has to come.
const LATE: Bounds = Bounds {
    times: 2,
    parks: 1,
    waits: Waits::ForANudge,
    ..NONE
};

/// Polls that nobody asked for, and a waker that changes.
const ODD: Bounds = Bounds {
    spurious: 2,
    rewakes: 1,
    ..NONE
};

fn check<M: KeyLock>(name: &str, depth: usize, set: &KeyedSet<M>) {
    Explorer::new(depth).check(&format!("keyed: {name}"), set);
}

#[test]
fn one_key() {
    let set = |tasks: [usize; 3], bounds| {
        let set = KeyedSet::<Usual>::new(tasks.map(|task| (task, 0)));
        set.bounds(bounds).try_lock(0, 1)
    };
    check("three tasks", 8, &set([0, 1, 2], NONE));
    check("three tasks, time, one parked", 6, &set([0, 1, 2], LATE));
    check("two of one task, odd polls", 6, &set([0, 0, 1], ODD));
}

#[test]
fn two_keys() {
    let set = KeyedSet::<Usual>::new([(0, 0), (1, 0), (2, 1)]);
    check("two keys", 6, &set.try_lock(0, 1).try_lock(1, 1));
    let set = KeyedSet::<Usual>::new([(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)]);
    check("two keys, five tasks", 7, &set);
    let set = KeyedSet::<Usual>::new([(0, 0), (1, 0), (2, 1), (3, 1)]);
    check("two keys, time, one parked", 6, &set.bounds(LATE));
}

/// They are told apart by what they are, not by where they lie.
#[test]
fn keys_of_one_hash() {
    let set = || KeyedSet::<Colliding>::new([(0, 0), (1, 0), (2, 1), (3, 1)]);
    check("keys of one hash", 6, &set().try_lock(1, 1));
    check("keys of one hash, time, one parked", 6, &set().bounds(LATE));
}

/// A task's baton for one key is of no use for the other.
#[test]
fn of_one_task() {
    let set = KeyedSet::<Usual>::new([(0, 0), (0, 1), (1, 0), (1, 1)]);
    check("two tasks, both keys, odd polls", 5, &set.bounds(ODD));
    let parked = Bounds { parks: 1, ..NONE };
    let set = KeyedSet::<Usual>::new([(0, 0), (0, 0), (0, 0), (0, 1)]);
    check("one task, one parked", 7, &set.bounds(parked));
}
