//! The mutex under every order of steps.

use async_sync::mutex::{Adaptive, Barging, Fifo, Mutex, MutexGuard, Policy};
use conformance::explorer::sets::mutex::{Lock, MutexSet, Order};
use conformance::explorer::{Actor, Bounds, Explorer, Waits};

/// Our mutex.
struct Ours<P: Policy>(Mutex<u64, P>);

impl<P: Policy> Lock for Ours<P> {
    type Guard<'a> = MutexGuard<'a, u64, P>;

    fn new(value: u64) -> Self {
        Ours(Mutex::with_policy(value))
    }

    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> {
        self.0.lock()
    }

    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock()
    }

    fn waiters(&self) -> Option<usize> {
        Some(self.0.waiters())
    }

    fn is_locked(&self) -> Option<bool> {
        Some(self.0.is_locked())
    }
}

fn set<P: Policy>(actors: Vec<Actor>, order: Order) -> MutexSet<Ours<P>> {
    MutexSet::new(actors, order)
}

fn three<P: Policy>(name: &str, order: Order) {
    let s = set::<P>(Actor::each_alone(3), order).try_lock(1);
    Explorer::new(8).check(&format!("{name}: three tasks"), &s);
    let s = set::<P>(Actor::each_alone(3), order).try_lock(1).bounds(Bounds {
        times: 2, parks: 1, waits: Waits::ForANudge, ..Bounds::default()
    });
    Explorer::new(7).check(&format!("{name}: time, parked"), &s);
    let s = set::<P>(Actor::in_tasks([0,0,0]), order).try_lock(1).bounds(Bounds {
        parks: 1, ..Bounds::default()
    });
    Explorer::new(7).check(&format!("{name}: one task, parked"), &s);
}

#[test]
fn adaptive() { three::<Adaptive>("Adaptive", Order::Queue) }
#[test]
fn fifo() { three::<Fifo>("Fifo", Order::Strict) }
#[test]
fn barging() { three::<Barging>("Barging", Order::Queue) }
