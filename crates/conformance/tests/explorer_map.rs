//! Maps whose values are computed, under every order of steps.

use async_sync::Map;
use conformance::explorer::sets::map::Does::{Fails, Succeeds, Waits};
use conformance::explorer::sets::map::{Attempt, Computes, MapSet};
use conformance::explorer::{self, Bounds, Boxed, Explorer};

/// Our map.
struct Ours(Map<usize, usize>);

impl Computes for Ours {
    fn new() -> Self {
        Ours(Map::new())
    }

    fn load(&self, key: usize) -> Option<usize> {
        self.0.load(&key)
    }

    fn store(&self, key: usize, value: usize) {
        self.0.store(key, value);
    }

    fn delete(&self, key: usize) {
        self.0.delete(&key);
    }

    fn get_or_compute<'a>(
        &'a self,
        key: usize,
        make: impl FnOnce() -> Boxed<'a, Attempt> + 'a,
    ) -> Boxed<'a, Attempt> {
        Box::pin(self.0.get_or_try_compute(key, make))
    }

    fn computing(&self) -> Option<usize> {
        Some(self.0.computing())
    }
}

type Set = MapSet<Ours>;

fn check(name: &str, depth: usize, set: &Set) {
    Explorer::new(depth).check(&format!("map: {name}"), set);
}

/// Initialisers that end, fail, are cancelled.
#[test]
fn initialisers() {
    let set = Set::new([(0, 0, Waits), (1, 0, Waits), (2, 0, Waits)]);
    check("three initialisers", 8, &set.ends(1, 2));
    let set = Set::new([
        (0, 0, Waits),
        (1, 0, Fails),
        (2, 0, Fails),
        (3, 0, Succeeds),
    ]);
    check("one that waits, and others", 7, &set.ends(1, 1));
}

/// What one key comes to is nothing to the other.
#[test]
fn two_keys() {
    let set = Set::new([(0, 0, Waits), (1, 0, Waits), (2, 1, Waits), (3, 1, Fails)]);
    check("two keys", 6, &set.ends(1, 1));
}

/// Others store and delete meanwhile.
#[test]
fn changes() {
    let set = Set::new([(0, 0, Waits), (1, 0, Waits), (2, 0, Waits)]);
    check("stores and deletes", 7, &set.ends(1, 1).changes(1, 2));
    let set = Set::new([
        (0, 0, Waits),
        (1, 0, Fails),
        (2, 0, Succeeds),
        (3, 0, Waits),
    ]);
    check("deletes", 6, &set.ends(1, 0).changes(0, 1));
}

/// Futures that are not polled any more; time passes.
#[test]
fn parked() {
    let bounds = Bounds {
        parks: 2,
        times: 2,
        waits: explorer::Waits::ForANudge,
        ..Bounds::default()
    };
    let set = Set::new([(0, 0, Fails), (1, 0, Succeeds), (2, 0, Fails)]);
    check("time, two parked", 6, &set.held().bounds(bounds));
    let set = Set::new([
        (0, 0, Fails),
        (1, 0, Fails),
        (2, 1, Succeeds),
        (3, 0, Succeeds),
    ]);
    check("two keys, time, two parked", 5, &set.held().bounds(bounds));
}

/// Several futures of one task, spurious polls, wakers that change.
#[test]
fn of_one_task() {
    let bounds = Bounds {
        spurious: 2,
        rewakes: 1,
        ..Bounds::default()
    };
    let set = Set::new([(0, 0, Waits), (0, 0, Waits), (1, 0, Waits), (1, 1, Waits)]);
    check("of one task, odd polls", 5, &set.ends(1, 1).bounds(bounds));
    let parked = Bounds {
        parks: 2,
        ..Bounds::default()
    };
    let set = Set::new([(0, 0, Fails), (0, 0, Succeeds), (0, 0, Fails)]);
    check("one task, two parked", 6, &set.held().bounds(parked));
}
