//! Single flight under every order of steps.

use conformance::explorer::sets::single_flight::FlightSet;
use conformance::explorer::{Actor, Bounds, Explorer};

#[test]
fn three_callers() {
    let set = FlightSet::new(Actor::each_alone(3), Bounds::default(), 1, 1, 0);
    Explorer::new(8).check("single flight: three callers", &set);
}

#[test]
fn parked() {
    let bounds = Bounds {
        parks: 2,
        spurious: 1,
        ..Bounds::default()
    };
    let set = FlightSet::new(Actor::each_alone(3), bounds, 1, 1, 0);
    Explorer::new(6).check("single flight: two of three are not polled again", &set);
}

#[test]
fn of_one_task() {
    let bounds = Bounds {
        parks: 1,
        rewakes: 1,
        ..Bounds::default()
    };
    let set = FlightSet::new(Actor::in_tasks([0, 0, 1]), bounds, 1, 1, 0);
    Explorer::new(6).check("single flight: two callers of one task", &set);
}

#[test]
fn forgotten() {
    let set = FlightSet::new(Actor::each_alone(3), Bounds::default(), 2, 0, 2);
    Explorer::new(8).check("single flight: forgotten executions", &set);
}
