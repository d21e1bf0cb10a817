//! The mutex under every order of steps.

use async_sync::RawMutex;
use async_sync::mutex::{Adaptive, Barging, Fifo, Mutex, MutexGuard, MutexMetrics, Policy};
use conformance::explorer::sets::mutex::{Lock, MutexSet, Order};
use conformance::explorer::{Actor, Bounds, Explorer, Operation, Waits};

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

    fn is_consistent(&self, waiting: usize) -> Result<(), String> {
        consistent(self.0.metrics(), waiting)
    }
}

/// Our mutex without a value.
struct Raw<P: Policy>(RawMutex<P>);

/// What a caller of the raw mutex owes it.
struct Owed<'a, P: Policy>(&'a RawMutex<P>);

impl<P: Policy> Drop for Owed<'_, P> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl<P: Policy> Lock for Raw<P> {
    type Guard<'a> = Owed<'a, P>;

    fn new(_: u64) -> Self {
        Raw(RawMutex::new())
    }

    fn lock(&self) -> impl Future<Output = Owed<'_, P>> {
        use futures::FutureExt;
        self.0.lock().map(|()| Owed(&self.0))
    }

    fn try_lock(&self) -> Option<Owed<'_, P>> {
        self.0.try_lock().then(|| Owed(&self.0))
    }

    fn waiters(&self) -> Option<usize> {
        Some(self.0.waiters())
    }

    fn is_locked(&self) -> Option<bool> {
        Some(self.0.is_locked())
    }

    fn is_consistent(&self, waiting: usize) -> Result<(), String> {
        consistent(self.0.metrics(), waiting)
    }
}

fn consistent(metrics: MutexMetrics, waiting: usize) -> Result<(), String> {
    let waits = metrics.waiters > 0 && waiting > 0;
    if (metrics.is_woken || metrics.is_starving) && !waits {
        return Err(format!("{metrics:?}, and {waiting} wait"));
    }
    Ok(())
}

fn explore<M: Lock>(name: &str, order: Order) {
    let check = |what: &str, depth, set: &MutexSet<M>| {
        Explorer::new(depth).check(&format!("{name}, {what}"), set);
    };
    let set = |actors| MutexSet::<M>::new(actors, order).try_lock(1);
    let late = Bounds {
        times: 2,
        parks: 1,
        waits: Waits::ForANudge,
        ..Bounds::default()
    };

    let three = Actor::each_alone(3);
    check("three tasks", 10, &set(three.clone()));
    check("four tasks", 9, &set(Actor::each_alone(4)));
    check("time, one parked", 7, &set(three.clone()).bounds(late));
    let odd = Bounds {
        spurious: 2,
        rewakes: 1,
        times: 1,
        ..Bounds::default()
    };
    check(
        "spurious polls, a new waker, time",
        6,
        &set(three).bounds(odd),
    );
    // Within a task, nobody has to come later.
    let alone = Bounds {
        parks: 1,
        times: 1,
        ..Bounds::default()
    };
    let one_task = || Actor::in_tasks([0, 0, 0]);
    check(
        "one task, one parked, time",
        7,
        &set(one_task()).bounds(alone),
    );
    check("one task, spurious polls", 6, &set(one_task()).bounds(odd));
    let mixed = || Actor::in_tasks([0, 0, 1]);
    check(
        "two of one task, time, one parked",
        6,
        &set(mixed()).bounds(late),
    );
    check(
        "two of one task, spurious polls",
        6,
        &set(mixed()).bounds(odd),
    );
    let all = Bounds {
        spurious: 1,
        rewakes: 1,
        ..late
    };
    check("two of one task, everything", 5, &set(mixed()).bounds(all));
    // Any later operation will do.
    let two_parked = Bounds { parks: 2, ..late };
    let four = || MutexSet::<M>::new(Actor::each_alone(4), order).bounds(two_parked);
    check("four tasks, two parked, then a try_lock", 7, &four());
    check(
        "four tasks, two parked, then a lock",
        7,
        &four().nudged_by_lock(),
    );
}

/// More newcomers than the policy lets pass: the lock is handed to the first in line.
#[test]
fn adaptive_bounds_barging() {
    let barges = Operation::<MutexSet<Ours<Adaptive>>>::new("barges", 2, |world| {
        let mutex = world.object();
        let free = world.held().next().is_none();
        let passed = (0..40).filter(|_| mutex.try_lock().is_some()).count();
        let waits = mutex.waiters() > Some(0);
        match passed {
            33.. if waits => Err(format!("{passed} newcomers passed")),
            ..33 if !waits && free && passed > 0 => Err(format!("only {passed} newcomers passed")),
            _ => Ok(()),
        }
    });
    let set = MutexSet::new(Actor::each_alone(3), Order::Queue)
        .operation(barges)
        .bounds(Bounds {
            times: 1,
            parks: 1,
            waits: Waits::ForANudge,
            ..Bounds::default()
        });
    Explorer::new(7).check("Adaptive, 40 newcomers at a time", &set);
}

#[test]
fn adaptive() {
    explore::<Ours<Adaptive>>("Adaptive", Order::Queue);
}

#[test]
fn fifo() {
    explore::<Ours<Fifo>>("Fifo", Order::Strict);
}

#[test]
fn barging() {
    explore::<Ours<Barging>>("Barging", Order::Queue);
}

#[test]
fn raw() {
    explore::<Raw<Adaptive>>("RawMutex", Order::Queue);
}
