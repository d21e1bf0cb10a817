//! The wait group under every order of steps.

use async_sync::wait_group::{RawWaitGroup, Token, WaitGroup};
use conformance::explorer::sets::wait_group::{Group, GroupSet};
use conformance::explorer::{Actor, Bounds, Explorer};

impl Group for Ours {
    type Token<'a> = Token<'a>;

    fn new() -> Self {
        Ours(WaitGroup::new())
    }

    fn add(&self) -> Token<'_> {
        self.0.add()
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

struct Ours(WaitGroup);

struct Raw(RawWaitGroup);

/// What a caller of the raw group owes it.
struct Owed<'a>(&'a RawWaitGroup);

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl Group for Raw {
    type Token<'a> = Owed<'a>;

    fn new() -> Self {
        Raw(RawWaitGroup::new())
    }

    fn add(&self) -> Owed<'_> {
        self.0.add(1);
        Owed(&self.0)
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

/// Three waits, two tokens, two more: up to four rounds.
#[test]
fn rounds() {
    let set = GroupSet::<Ours>::new(2, Actor::each_alone(3), 2);
    Explorer::new(8).check("wait group: rounds", &set);
}

#[test]
fn of_one_task() {
    let set = GroupSet::<Ours>::new(1, Actor::in_tasks([0, 0, 1]), 2).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        parks: 1,
        ..Bounds::default()
    });
    Explorer::new(6).check("wait group: two of one task, spurious polls, parked", &set);
}

#[test]
fn raw() {
    let set = GroupSet::<Raw>::new(2, Actor::each_alone(3), 2).bounds(Bounds {
        parks: 1,
        ..Bounds::default()
    });
    Explorer::new(7).check("raw wait group: rounds, parked", &set);
}
