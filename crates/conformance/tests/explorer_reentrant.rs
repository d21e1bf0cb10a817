//! The reentrant mutex under every order of steps.

use async_sync::mutex::{Adaptive, Barging, Fifo, Policy};
use conformance::explorer::sets::reentrant::OwnerSet;
use conformance::explorer::{Actor, Bounds, Explorer, Waits};

fn families<P: Policy>(name: &str) {
    let set = OwnerSet::<P>::new(Actor::each_alone(4), &[2, 3, 2, 1], 1);
    Explorer::new(7).check(&format!("reentrant: two of one owner, {name}"), &set);
}

#[test]
fn two_of_one_owner() {
    families::<Adaptive>("adaptive");
    families::<Fifo>("fifo");
    families::<Barging>("barging");
}

#[test]
fn of_one_task() {
    let set = OwnerSet::<Fifo>::new(Actor::in_tasks([0, 0, 1]), &[2, 2, 3], 1).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        ..Bounds::NONE
    });
    Explorer::new(7).check("reentrant: two of one owner and task, spurious polls", &set);
}

#[test]
fn late() {
    let set = OwnerSet::<Adaptive>::new(Actor::each_alone(3), &[2, 3, 2], 1).bounds(Bounds {
        times: 2,
        parks: 1,
        waits: Waits::ForANudge,
        ..Bounds::NONE
    });
    Explorer::new(7).check("reentrant: time passes, parked", &set);
}
