//! Sets of locks under every order of steps.

use async_sync::mutex::{Adaptive, Barging, Fifo, Policy};
use conformance::explorer::sets::lock_all::PairSet;
use conformance::explorer::{Actor, Bounds, Explorer, Waits};

/// A triangle: each future shares a lock with each other one.
fn triangle<P: Policy>(name: &str, back_off: [bool; 3]) {
    let pairs = [[0, 1], [1, 2], [2, 0]];
    let pairs = pairs.into_iter().zip(back_off).collect();
    let set = PairSet::<P>::new(Actor::each_alone(3), pairs, 1);
    Explorer::new(8).check(&format!("lock_all: {name}"), &set);
}

#[test]
fn in_order() {
    triangle::<Adaptive>("triangle, adaptive", [false; 3]);
    triangle::<Fifo>("triangle, fifo", [false; 3]);
}

#[test]
fn by_trial() {
    triangle::<Barging>("triangle by trial, barging", [true; 3]);
    triangle::<Fifo>("triangle by trial, fifo", [true; 3]);
}

#[test]
fn mixed() {
    triangle::<Adaptive>("triangle, mixed, adaptive", [true, false, true]);
}

/// Two futures of one task want the same two locks, with polls nobody asked for, and wakers that change.
#[test]
fn of_one_task() {
    for back_off in [false, true] {
        let pairs = vec![([0, 1], back_off), ([1, 0], false)];
        let set = PairSet::<Adaptive>::new(Actor::in_tasks([0, 0]), pairs, 1).bounds(Bounds {
            spurious: 2,
            rewakes: 1,
            ..Bounds::NONE
        });
        Explorer::new(8).check("lock_all: two of one task, spurious polls", &set);
    }
}

/// A future that was given a lock, and has none yet, is not polled any more.
#[test]
fn late() {
    let pairs = vec![([0, 1], false), ([0, 2], false), ([2, 0], true)];
    let set = PairSet::<Fifo>::new(Actor::each_alone(3), pairs, 0).bounds(Bounds {
        times: 1,
        waits: Waits::ForANudge,
        ..Bounds::NONE
    });
    Explorer::new(8).check("lock_all: late", &set);
}
