//! The condition variable under every order of steps.

use async_sync::mutex::{Adaptive, Fifo, MutexGuard, Policy};
use async_sync::{Cond, Mutex};
use conformance::explorer::sets::cond::{CondSet, Condition};
use conformance::explorer::{Actor, Bounds, Explorer, Waits};

/// Ours, over our own lock.
struct Ours<P: Policy>(Mutex<(), P>, Cond);

impl<P: Policy> Condition for Ours<P> {
    type Guard<'a> = MutexGuard<'a, (), P>;

    fn new() -> Self {
        Ours(Mutex::with_policy(()), Cond::new())
    }
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> {
        self.0.lock()
    }
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock()
    }
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>> {
        self.1.wait(guard)
    }
    fn notify_one(&self) {
        self.1.notify_one();
    }
    fn notify_all(&self) {
        self.1.notify_all();
    }
    fn waiters(&self) -> usize {
        self.1.waiters()
    }
}

/// Ours, over tokio's.
struct OverTokio(tokio::sync::Mutex<()>, Cond);

impl Condition for OverTokio {
    type Guard<'a> = tokio::sync::MutexGuard<'a, ()>;

    fn new() -> Self {
        OverTokio(tokio::sync::Mutex::new(()), Cond::new())
    }
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> {
        self.0.lock()
    }
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock().ok()
    }
    fn is_locked(&self) -> bool {
        self.0.try_lock().is_err()
    }
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>> {
        self.1.wait(guard)
    }
    fn notify_one(&self) {
        self.1.notify_one();
    }
    fn notify_all(&self) {
        self.1.notify_all();
    }
    fn waiters(&self) -> usize {
        self.1.waiters()
    }
}

fn two_are_called<C: Condition>(name: &str) {
    let set = CondSet::<C>::new(Actor::each_alone(3), 2, 0).try_lock(1);
    Explorer::new(8).check(&format!("{name}: two calls, a lock in between"), &set);
}

fn all_are_called<C: Condition>(name: &str) {
    let set = CondSet::<C>::new(Actor::each_alone(3), 1, 1).try_lock(1);
    Explorer::new(8).check(&format!("{name}: a call of all, a lock in between"), &set);
}

#[test]
fn two_are_called_and_the_lock_is_held() {
    two_are_called::<Ours<Adaptive>>("adaptive");
    two_are_called::<Ours<Fifo>>("fifo");
    two_are_called::<OverTokio>("tokio");
}

#[test]
fn all_are_called_and_the_lock_is_held() {
    all_are_called::<Ours<Adaptive>>("adaptive");
    all_are_called::<Ours<Fifo>>("fifo");
    all_are_called::<OverTokio>("tokio");
}

#[test]
fn spurious_polls_and_new_wakers() {
    let bounds = Bounds {
        spurious: 2,
        rewakes: 2,
        ..Bounds::default()
    };
    let set = CondSet::<Ours<Adaptive>>::new(Actor::each_alone(3), 1, 1).bounds(bounds);
    Explorer::new(7).check("spurious polls, new wakers", &set);
}

/// Time passes, so calls and batons become stale.
#[test]
fn stale_calls() {
    let bounds = Bounds {
        times: 2,
        spurious: 1,
        ..Bounds::default()
    };
    let set = CondSet::<Ours<Adaptive>>::new(Actor::each_alone(3), 3, 0).bounds(bounds);
    Explorer::new(7).check("stale calls of one", &set);
    let set = CondSet::<Ours<Fifo>>::new(Actor::each_alone(3), 2, 1).bounds(bounds);
    Explorer::new(7).check("stale calls of one and all", &set);
}

/// A future that is not polled any more does not hold up the others.
#[test]
fn a_future_that_is_not_polled() {
    let bounds = Bounds {
        parks: 1,
        times: 1,
        waits: Waits::ForANudge,
        ..Bounds::default()
    };
    for alls in [0, 1] {
        let set = CondSet::<Ours<Adaptive>>::new(Actor::each_alone(3), 2, alls).bounds(bounds);
        Explorer::new(7).check("one is parked, adaptive", &set);
        let set = CondSet::<Ours<Fifo>>::new(Actor::each_alone(3), 2, alls).bounds(bounds);
        Explorer::new(7).check("one is parked, fifo", &set);
    }
}
