//! Selects under every order of steps.

use async_sync::mutex::{Adaptive, Barging, Fifo, Policy};
use conformance::explorer::sets::select::SelectsSet;
use conformance::explorer::sets::select::kind::{ACQUIRE, DYNAMIC, LOCK, MACRO, WAIT};
use conformance::explorer::{Bounds, Explorer, Waits};

fn explore<P: Policy>(name: &str, steps: usize, kinds: &[usize]) {
    for seed in 0..2 {
        let set = SelectsSet::<P>::new(kinds, 1, seed);
        Explorer::new(steps).check(&format!("select: {name}, seed {seed}"), &set);
    }
}

#[test]
fn selects_among_themselves() {
    explore::<Adaptive>("two macros and a dynamic one", 6, &[MACRO, MACRO, DYNAMIC]);
    explore::<Fifo>("dynamic ones, fifo", 7, &[DYNAMIC, DYNAMIC]);
}

#[test]
fn selects_beside_others() {
    explore::<Fifo>(
        "a macro before a lock and a permit",
        7,
        &[MACRO, LOCK, ACQUIRE],
    );
    explore::<Fifo>(
        "a dynamic one before a lock and a wait",
        7,
        &[DYNAMIC, LOCK, WAIT],
    );
    explore::<Barging>("a dynamic one, barging", 6, &[DYNAMIC, LOCK, ACQUIRE]);
}

/// Polls that nobody asked for, and wakers that change.
#[test]
fn spurious_polls() {
    for kinds in [[MACRO, LOCK], [DYNAMIC, LOCK]] {
        let set = SelectsSet::<Fifo>::new(&kinds, 1, 3).bounds(Bounds {
            spurious: 2,
            rewakes: 1,
            ..Bounds::NONE
        });
        Explorer::new(7).check("select: spurious polls", &set);
    }
}

/// A select that holds grants and is not polled any more.
#[test]
fn parked() {
    for kinds in [[MACRO, LOCK], [DYNAMIC, ACQUIRE]] {
        let set = SelectsSet::<Fifo>::new(&kinds, 1, 4).bounds(Bounds {
            parks: 1,
            times: 1,
            waits: Waits::ForANudge,
            ..Bounds::NONE
        });
        Explorer::new(6).check("select: parked", &set);
    }
}
