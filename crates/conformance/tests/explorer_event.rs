//! Events and latches under every order of steps.
//!
//! A manual event and a latch take the part of a wait group: a token that is out keeps them closed.

use std::cell::Cell;

use async_sync::{AutoEvent, Event, Latch, latch};
use conformance::explorer::sets::signal::{Signal, SignalSet};
use conformance::explorer::sets::wait_group::{Group, GroupSet};
use conformance::explorer::{Actor, Bounds, Explorer, Waits};

struct Auto(AutoEvent);

impl Signal for Auto {
    fn new() -> Self {
        Auto(AutoEvent::new())
    }
    fn set(&self) {
        self.0.set();
    }
    fn try_wait(&self) -> bool {
        self.0.try_wait()
    }
    fn wait(&self) -> impl Future<Output = ()> {
        self.0.wait()
    }
    fn is_set(&self) -> bool {
        self.0.is_set()
    }
    fn waiters(&self) -> usize {
        self.0.waiters()
    }
}

#[test]
fn each_set_releases_one() {
    let set = SignalSet::<Auto>::new(Actor::each_alone(3), 3, 1);
    Explorer::new(7).check("auto event: three waits, three sets", &set);
}

#[test]
fn of_one_task() {
    let set = SignalSet::<Auto>::new(Actor::in_tasks([0, 0, 1]), 2, 1).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        ..Bounds::default()
    });
    Explorer::new(6).check("auto event: two of one task, spurious polls", &set);
}

#[test]
fn late_and_parked() {
    let set = SignalSet::<Auto>::new(Actor::each_alone(3), 2, 1).bounds(Bounds {
        parks: 1,
        times: 2,
        waits: Waits::ForANudge,
        ..Bounds::default()
    });
    Explorer::new(6).check("auto event: late and parked", &set);
}

/// Open while no token is out.
struct Gate(Event, Cell<usize>);

struct Closes<'a>(&'a Gate);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.1.set(self.0.1.get() - 1);
        if self.0.1.get() == 0 {
            self.0.0.set();
        }
    }
}

impl Group for Gate {
    type Token<'a> = Closes<'a>;

    fn new() -> Self {
        Gate(Event::new_set(), Cell::new(0))
    }
    fn add(&self) -> Closes<'_> {
        self.0.reset();
        self.1.set(self.1.get() + 1);
        Closes(self)
    }
    fn wait(&self) -> impl Future<Output = ()> {
        self.0.wait()
    }
    fn waiters(&self) -> Option<usize> {
        Some(self.0.waiters())
    }
}

#[test]
fn manual_event() {
    let set = GroupSet::<Gate>::new(2, Actor::each_alone(3), 2).bounds(Bounds {
        spurious: 1,
        rewakes: 1,
        ..Bounds::default()
    });
    Explorer::new(6).check("event: set and reset", &set);
}

/// For two tokens.
struct Two(Latch);

impl Group for Two {
    type Token<'a> = latch::Token<'a>;

    fn new() -> Self {
        Two(Latch::new(2))
    }
    fn add(&self) -> latch::Token<'_> {
        self.0.token()
    }
    fn wait(&self) -> impl Future<Output = ()> {
        self.0.wait()
    }
    fn count(&self) -> Option<usize> {
        Some(self.0.count())
    }
    fn waiters(&self) -> Option<usize> {
        Some(self.0.waiters())
    }
}

#[test]
fn a_latch() {
    let set = GroupSet::<Two>::new(2, Actor::in_tasks([0, 0, 1]), 0).bounds(Bounds {
        spurious: 1,
        rewakes: 1,
        parks: 1,
        ..Bounds::default()
    });
    Explorer::new(7).check("latch: spurious polls, parked", &set);
}
