//! The semaphore under every order of steps.

use async_sync::semaphore::{AcquireError, Permit, Semaphore};
use conformance::explorer::sets::semaphore::{Counting, Refused, SemaphoreSet};
use conformance::explorer::{Bounds, Explorer, Operation, Waits, World};
use futures::TryFutureExt;

impl Counting for Ours {
    type Permit<'a> = Permit<'a>;

    fn new(permits: usize) -> Self {
        Ours(Semaphore::new(permits))
    }

    fn acquire(&self, n: usize) -> impl Future<Output = Result<Permit<'_>, Refused>> {
        self.0.acquire_many(n).map_err(|error| match error {
            AcquireError::Closed => Refused::Closed,
            _ => Refused::TooMany,
        })
    }

    fn try_acquire(&self, n: usize) -> Option<Permit<'_>> {
        self.0.try_acquire_many(n).ok()
    }

    fn count(permit: &Permit<'_>) -> usize {
        permit.count()
    }

    fn available(&self) -> Option<isize> {
        Some(self.0.metrics().available)
    }

    fn waiters(&self) -> Option<usize> {
        Some(self.0.waiters())
    }
}

struct Ours(Semaphore);

type Set = SemaphoreSet<Ours>;

fn set_limit(world: &mut World<'_, Set>, limit: usize) -> Result<(), String> {
    world.object().0.set_limit(limit);
    world.model.set_limit(limit);
    Ok(())
}

fn first_held(world: &World<'_, Set>) -> Option<usize> {
    world.held().map(|(slot, _)| slot).next()
}

fn can_split(world: &World<'_, Set>) -> bool {
    world
        .held()
        .next()
        .is_some_and(|(_, permit)| permit.count() > 1)
}

fn split() -> Operation<Set> {
    Operation::new("split", 1, |world| {
        let slot = first_held(world).unwrap();
        let half = world.held_mut(slot).unwrap().split(1).unwrap();
        world.keep(half);
        Ok(())
    })
    .when(can_split)
}

fn merge() -> Operation<Set> {
    Operation::new("merge", 1, |world| {
        let last = world.held().map(|(slot, _)| slot).last().unwrap();
        let other = world.take(last).unwrap();
        let first = first_held(world).unwrap();
        world.held_mut(first).unwrap().merge(other);
        Ok(())
    })
    .when(|world| world.held().count() > 1)
}

fn forget() -> Operation<Set> {
    Operation::new("forget", 1, |world| {
        let slot = first_held(world).unwrap();
        world.model.forgotten += world.take(slot).unwrap().forget();
        Ok(())
    })
    .when(|world| first_held(world).is_some())
}

fn give_back() -> Operation<Set> {
    Operation::new("give_back", 1, |world: &mut World<'_, Set>| {
        world.model.forgotten -= 1;
        world.object().0.release(1);
        Ok(())
    })
    .when(|world| world.model.forgotten > 0)
}

fn close() -> Operation<Set> {
    Operation::new("close", 1, |world| {
        world.model.closed = true;
        world.object().0.close();
        Ok(())
    })
}

fn give_back_all(world: &mut World<'_, Set>) {
    let forgotten = std::mem::take(&mut world.model.forgotten);
    world.object().0.release(forgotten);
}

const OWN: [(usize, usize); 3] = [(0, 2), (1, 3), (2, 1)];

/// Weights 2, 3 and 1 of 3: the big one in the middle is not passed.
#[test]
fn weights() {
    let set = Set::new(3, OWN).try_one(1);
    Explorer::new(13).check("semaphore: weights 2, 3, 1 of 3", &set);
    let set = Set::new(2, [(0, 1), (1, 1), (2, 2), (3, 1)]).try_one(1);
    Explorer::new(8).check("semaphore: weights 1, 1, 2, 1 of 2", &set);
}

#[test]
fn limits() {
    let set = Set::new(3, OWN)
        .operation(Operation::new("limit1", 1, |world| set_limit(world, 1)))
        .operation(Operation::new("limit4", 1, |world| set_limit(world, 4)))
        .operation(close());
    Explorer::new(7).check("semaphore: limit 1, limit 4, close", &set);
}

#[test]
fn permits() {
    let set = Set::new(3, OWN)
        .operation(split())
        .operation(merge())
        .operation(forget())
        .operation(give_back())
        .settle(give_back_all);
    Explorer::new(8).check("semaphore: split, merge, forget", &set);
}

#[test]
fn parked() {
    let bounds = Bounds {
        times: 2,
        parks: 2,
        waits: Waits::ForANudge,
        ..Bounds::default()
    };
    let set = Set::new(3, OWN).try_one(1).bounds(bounds);
    Explorer::new(7).check("semaphore: time, two parked", &set);
    let set = Set::new(2, [(0, 1), (0, 2), (1, 1)])
        .try_one(1)
        .bounds(bounds);
    Explorer::new(7).check("semaphore: two of one task, time, two parked", &set);
}

#[test]
fn one_task() {
    let set = Set::new(2, [(0, 1), (0, 2), (0, 1)])
        .try_one(1)
        .bounds(Bounds {
            parks: 1,
            ..Bounds::default()
        });
    Explorer::new(8).check("semaphore: one task, one parked", &set);
    let set = Set::new(3, [(0, 1), (0, 1), (0, 1), (0, 3)]).bounds(Bounds {
        parks: 3,
        ..Bounds::default()
    });
    Explorer::new(8).check("semaphore: one task of four, three parked", &set);
}

#[test]
fn spurious() {
    let set = Set::new(2, [(0, 1), (1, 2), (2, 1)]).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        times: 1,
        ..Bounds::default()
    });
    Explorer::new(7).check("semaphore: spurious polls, new wakers", &set);
}

/// A request for nothing waits its turn, and holds up nobody.
#[test]
fn nothing() {
    let set = Set::new(1, [(0, 1), (1, 0), (2, 1)])
        .try_one(1)
        .bounds(Bounds {
            times: 1,
            parks: 1,
            waits: Waits::ForANudge,
            ..Bounds::default()
        });
    Explorer::new(8).check("semaphore: 1, 0, 1 of 1, time, one parked", &set);
}

/// Limits that move, a close and forgotten permits while a future does not run.
#[test]
fn parked_while_things_change() {
    let bounds = Bounds {
        times: 1,
        parks: 1,
        waits: Waits::ForANudge,
        ..Bounds::default()
    };
    let set = Set::new(2, [(0, 2), (0, 1), (1, 1)])
        .operation(Operation::new("limit0", 1, |world| set_limit(world, 0)))
        .operation(Operation::new("limit3", 1, |world| set_limit(world, 3)))
        .bounds(bounds);
    Explorer::new(6).check("semaphore: limit 0, limit 3, time, one parked", &set);
    let set = Set::new(2, [(0, 2), (0, 1), (1, 1)])
        .operation(close())
        .operation(forget())
        .operation(give_back())
        .settle(give_back_all)
        .bounds(bounds);
    Explorer::new(6).check("semaphore: close, forget, time, one parked", &set);
}
