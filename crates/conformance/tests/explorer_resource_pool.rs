//! Pools of resources under every order of steps.

use conformance::explorer::sets::resource_pool::Does::{self, Closed, Fill, Get};
use conformance::explorer::sets::resource_pool::ResourceSet;
use conformance::explorer::{Bounds, Explorer, Waits};

fn check(name: &str, depth: usize, set: &ResourceSet) {
    Explorer::new(depth).check(&format!("resource pool: {name}"), set);
}

const THREE: [(usize, Does); 3] = [(0, Get), (1, Get), (2, Get)];

/// Creations that end, fail, and are cancelled.
#[test]
fn creations() {
    let set = ResourceSet::new(1, THREE);
    check("one, created", 7, &set.ends(2, 2));
    let set = ResourceSet::new(2, THREE);
    check("two, created", 6, &set.ends(2, 1).try_get(1));
}

/// Checks that end, fail, and are cancelled.
#[test]
fn checks() {
    let set = ResourceSet::new(1, THREE).filled(1);
    check("one, checked", 7, &set.ends(2, 2));
    let set = ResourceSet::new(2, THREE).filled(2);
    check("two, checked", 6, &set.ends(2, 1).try_get(1));
}

/// What comes back is kept, closed, or does not come back.
#[test]
fn leases() {
    let set = ResourceSet::new(2, THREE).at_once();
    check("unusable, taken", 7, &set.break_one(1).take(1).try_get(1));
    let set = ResourceSet::new(2, THREE).at_once().max_idle(1);
    check("one idle of two", 7, &set.try_get(1).spoil(1));
    let set = ResourceSet::new(1, THREE).at_once().filled(1);
    check("one, three tasks", 8, &set.empty(1).spoil(1));
}

#[test]
fn closing() {
    let actors = [(0, Get), (1, Get), (2, Closed)];
    let set = ResourceSet::new(1, actors);
    check("one, created, closing", 7, &set.ends(1, 1).close());
    let set = ResourceSet::new(1, actors).filled(1);
    check("one, checked, closing", 7, &set.ends(1, 1).close());
    let actors = [(0, Get), (1, Get), (2, Get), (3, Closed)];
    let set = ResourceSet::new(2, actors).at_once().filled(1);
    check("two, taken, closing", 6, &set.take(1).close());
    let set = ResourceSet::new(2, THREE).at_once().filled(2);
    check("two, closing", 7, &set.close());
}

#[test]
fn filling() {
    let actors = [(0, Get), (1, Fill), (2, Get)];
    let set = ResourceSet::new(2, actors).min_idle(1);
    check("filled to one of two", 7, &set.ends(2, 1));
    let actors = [(0, Fill), (1, Fill), (2, Get)];
    let set = ResourceSet::new(2, actors).min_idle(2);
    check("filled to two of two", 6, &set.ends(2, 1).close());
}

/// Futures that are not polled any more; time passes.
#[test]
fn parked() {
    let bounds = Bounds {
        spurious: 1,
        parks: 2,
        times: 2,
        waits: Waits::ForANudge,
        ..Bounds::default()
    };
    let set = ResourceSet::new(1, THREE).at_once().filled(1);
    check("one, time, two parked", 6, &set.try_get(1).bounds(bounds));
    let set = ResourceSet::new(2, [(0, Get), (1, Get), (2, Get), (3, Get)]).at_once();
    check("two, time, two parked", 7, &set.bounds(bounds));
}

#[test]
fn aging() {
    let bounds = Bounds {
        times: 2,
        ..Bounds::default()
    };
    let set = ResourceSet::new(2, THREE).at_once().aging().filled(2);
    check("two, aging", 6, &set.try_get(1).bounds(bounds));
}

/// Several futures of one task, spurious polls, wakers that change.
#[test]
fn of_one_task() {
    let bounds = Bounds {
        spurious: 1,
        rewakes: 1,
        ..Bounds::default()
    };
    let set = ResourceSet::new(1, [(0, Get), (0, Get), (1, Get)]);
    check(
        "two of one task, odd polls",
        6,
        &set.ends(1, 1).bounds(bounds),
    );
    let parked = Bounds {
        parks: 2,
        ..Bounds::default()
    };
    let set = ResourceSet::new(1, [(0, Get), (0, Get), (0, Get)]).at_once();
    check("one task, two parked", 7, &set.try_get(1).bounds(parked));
}
