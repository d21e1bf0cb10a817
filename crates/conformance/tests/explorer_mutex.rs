//! The mutex under every order of steps.

use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Waker};

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

/// Everything that a lock has to go through.
struct Sets<M: Lock> {
    name: &'static str,
    order: Order,
    mutex: PhantomData<M>,
}

const NONE: Bounds = Bounds::NONE;

/// Time passes, and one future stops being polled: then somebody has to come.
const LATE: Bounds = Bounds {
    times: 2,
    parks: 1,
    waits: Waits::ForANudge,
    ..NONE
};

/// Polls that nobody asked for, and a waker that changes.
const ODD: Bounds = Bounds {
    spurious: 2,
    rewakes: 1,
    times: 1,
    ..NONE
};

impl<M: Lock> Sets<M> {
    fn new(name: &'static str, order: Order) -> Self {
        Sets {
            name,
            order,
            mutex: PhantomData,
        }
    }

    fn set(&self, tasks: &[usize], bounds: Bounds) -> MutexSet<M> {
        MutexSet::new(Actor::in_tasks(tasks.iter().copied()), self.order).bounds(bounds)
    }

    fn check(&self, what: &str, depth: usize, set: &MutexSet<M>) {
        Explorer::new(depth).check(&format!("{}, {what}", self.name), set);
    }

    fn of_three(&self) {
        let own = |bounds| self.set(&[0, 1, 2], bounds).try_lock(1);
        self.check("three tasks", 13, &own(NONE));
        self.check("three tasks, time, one parked", 7, &own(LATE));
        self.check("three tasks, odd polls", 6, &own(ODD));
        // Nobody is parked, some come late: nobody has to come later.
        let late = Bounds {
            spurious: 1,
            times: 3,
            ..NONE
        };
        self.check("three tasks, all late", 7, &own(late));
    }

    fn of_four(&self) {
        self.check("four tasks", 9, &self.set(&[0, 1, 2, 3], NONE).try_lock(1));
        let two_parked = Bounds { parks: 2, ..LATE };
        let four = || self.set(&[0, 1, 2, 3], two_parked);
        // Any later operation will do.
        self.check("four tasks, two parked, then a try_lock", 6, &four());
        self.check(
            "four tasks, two parked, then a lock",
            6,
            &four().nudged_by_lock(),
        );
    }

    /// Within a task, nobody has to come later.
    fn of_one_task(&self) {
        let parked = |parks| Bounds {
            parks,
            times: 1,
            ..NONE
        };
        let one = |bounds| self.set(&[0, 0, 0], bounds).try_lock(1);
        self.check("one task, one parked, time", 7, &one(parked(1)));
        self.check("one task, odd polls", 6, &one(ODD));
        let four = self.set(&[0, 0, 0, 0], parked(2));
        self.check("one task of four, two parked, time", 7, &four);
    }

    fn of_two_tasks(&self) {
        let mixed = |bounds| self.set(&[0, 0, 1], bounds).try_lock(1);
        self.check("two of one task, time, one parked", 6, &mixed(LATE));
        self.check("two of one task, odd polls", 6, &mixed(ODD));
        let all = Bounds {
            spurious: 1,
            rewakes: 1,
            ..LATE
        };
        self.check("two of one task, everything", 6, &mixed(all));
        let pairs = self.set(&[0, 0, 1, 1], all);
        self.check("two and two, everything", 5, &pairs);
    }

    fn all(&self) {
        self.of_three();
        self.of_four();
        self.of_one_task();
        self.of_two_tasks();
    }
}

#[test]
fn adaptive() {
    Sets::<Ours<Adaptive>>::new("Adaptive", Order::Queue).all();
}

#[test]
fn fifo() {
    Sets::<Ours<Fifo>>::new("Fifo", Order::Strict).all();
}

#[test]
fn barging() {
    Sets::<Ours<Barging>>::new("Barging", Order::Queue).all();
}

/// Two that lost their batons come back: in the order in which they came.
#[test]
fn fifo_order_of_the_late() {
    let sets = Sets::<Ours<Fifo>>::new("Fifo", Order::Strict);
    let times = Bounds { times: 2, ..NONE };
    let three = sets.set(&[0, 1, 2], times).try_lock(1);
    sets.check("three tasks, time, in order", 9, &three);
}

/// The same algorithm, so the smaller half.
#[test]
fn raw() {
    let sets = Sets::<Raw<Adaptive>>::new("RawMutex", Order::Queue);
    sets.of_three();
    sets.of_one_task();
}

/// More newcomers than the policy lets pass: the lock is handed to the first in line.
#[test]
fn adaptive_bounds_barging() {
    let barges = Operation::<MutexSet<Ours<Adaptive>>>::new("barges", 2, |world| {
        let mutex = world.object();
        // One that is late may be out of the queue, and is passed until it is polled.
        let waits = world.pending().any(|i| !world.is_late(i));
        let nobody = world.pending().next().is_none();
        let free = mutex.is_locked() == Some(false);
        let mut cx = Context::from_waker(Waker::noop());
        let passes = |_: &i32| pin!(mutex.lock()).poll(&mut cx).is_ready();
        match (0..64).filter(passes).count() {
            passed @ 50.. if waits => Err(format!("{passed} newcomers passed those who wait")),
            passed @ ..64 if free && nobody => Err(format!("only {passed} of 64 came in")),
            _ => Ok(()),
        }
    });
    let set = MutexSet::new(Actor::each_alone(3), Order::Queue)
        .operation(barges)
        .bounds(Bounds {
            times: 1,
            parks: 1,
            waits: Waits::ForANudge,
            ..NONE
        });
    Explorer::new(7).check("Adaptive, 64 newcomers at a time", &set);
}
