//! Contexts and watches under every order of steps.

use conformance::explorer::sets::scope::ScopeSet;
use conformance::explorer::sets::watch::WatchSet;
use conformance::explorer::{Actor, Bounds, Explorer};

#[test]
fn a_line_of_scopes() {
    let set = ScopeSet::new(Actor::each_alone(3), [1, 1, 1]);
    Explorer::new(7).check("contexts: three scopes, three waits", &set);
}

#[test]
fn again_and_again() {
    let set = ScopeSet::new(Actor::in_tasks([0, 0, 1]), [2, 1, 0]).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        parks: 1,
        ..Bounds::default()
    });
    Explorer::new(6).check("contexts: spurious polls, parked, cancelled twice", &set);
}

#[test]
fn many_at_one_scope() {
    let set = ScopeSet::new(Actor::each_alone(6), [1, 0, 1]);
    Explorer::new(5).check("contexts: two waits a scope", &set);
}

#[test]
fn a_watch() {
    let set = WatchSet::new(Actor::each_alone(3), 3, 1);
    Explorer::new(7).check("watch: three waits, three values", &set);
}

#[test]
fn a_watch_of_one_task() {
    let set = WatchSet::new(Actor::in_tasks([0, 0, 1]), 2, 1).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        parks: 1,
        ..Bounds::default()
    });
    Explorer::new(6).check("watch: two of one task, spurious polls, parked", &set);
}
