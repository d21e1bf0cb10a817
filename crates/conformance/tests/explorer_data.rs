//! Keyed locks, computed values and pools of resources under every order of steps. Each is one of the
//! usual kinds, so the sets are the usual ones: a lock, a cell that is set once, a semaphore.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_sync::keyed::KeyedGuard;
use async_sync::resource_pool::{Lease, Manager};
use async_sync::{KeyedMutex, Map, ResourcePool};
use conformance::explorer::sets::mutex::{Lock, MutexSet, Order};
use conformance::explorer::sets::once::{Attempt, CellSet, FAILS, SUCCEEDS, Settable};
use conformance::explorer::sets::semaphore::{Counting, Refused, SemaphoreSet};
use conformance::explorer::{Actor, Bounds, Boxed, Explorer, Operation, Waits, World};

/// One key of it.
struct Key(KeyedMutex<u8>);

impl Lock for Key {
    type Guard<'a> = KeyedGuard<'a, u8>;

    fn new(_: u64) -> Self {
        Key(KeyedMutex::new())
    }

    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> {
        self.0.lock(1)
    }

    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock(1)
    }

    fn waiters(&self) -> Option<usize> {
        Some(self.0.waiters(&1))
    }

    fn is_locked(&self) -> Option<bool> {
        Some(self.0.is_locked(&1))
    }

    fn is_consistent(&self, waiting: usize) -> Result<(), String> {
        // The entry is there as long as somebody waits, and it is gone when nobody is left.
        match (self.0.len(), self.0.is_locked(&1) || waiting > 0) {
            (1, true) | (0 | 1, false) => Ok(()),
            (len, _) => Err(format!("{len} entries, and {waiting} wait")),
        }
    }
}

#[test]
fn a_key() {
    let set = |tasks: &[usize], bounds| {
        MutexSet::<Key>::new(Actor::in_tasks(tasks.iter().copied()), Order::Any)
            .bounds(bounds)
            .try_lock(1)
    };
    Explorer::new(8).check("key: three tasks", &set(&[0, 1, 2], Bounds::NONE));
    let late = Bounds {
        times: 2,
        parks: 1,
        waits: Waits::ForANudge,
        ..Bounds::NONE
    };
    Explorer::new(6).check("key: three tasks, one parked", &set(&[0, 1, 2], late));
    let odd = Bounds {
        spurious: 2,
        rewakes: 1,
        ..Bounds::NONE
    };
    Explorer::new(6).check("key: two of one task, odd polls", &set(&[0, 0, 1], odd));
}

/// One key of a map, whose value is computed.
struct Computed(Map<u8, u64>);

impl Settable for Computed {
    fn new() -> Self {
        Computed(Map::new())
    }

    fn get(&self) -> Option<u64> {
        self.0.load(&1)
    }

    /// Not while somebody computes, as the set expects; and not if anything is left of that.
    fn set(&self, value: u64) -> bool {
        self.0.computing() == 0 && !self.0.load_or_store(1, value).1
    }

    fn get_or_try_init<'a>(
        &'a self,
        make: impl FnOnce() -> Boxed<'a, Attempt> + 'a,
    ) -> Boxed<'a, Attempt> {
        Box::pin(self.0.get_or_try_compute(1, make))
    }

    fn wait(&self) -> Boxed<'_, u64> {
        Box::pin(pending())
    }

    /// It does not tell.
    fn waiters(&self) -> usize {
        0
    }
}

#[test]
fn a_computed_value() {
    let actors = [(0, SUCCEEDS), (1, FAILS), (2, FAILS)];
    let set = CellSet::<Computed>::new(actors).polls(1);
    Explorer::new(8).check("map: initialisers", &set);
    let actors = [(0, FAILS), (1, SUCCEEDS), (2, FAILS)];
    let set = CellSet::<Computed>::new(actors).held();
    Explorer::new(7).check("map: one that never ends, and is dropped", &set);
    let actors = [(0, FAILS), (0, SUCCEEDS), (1, FAILS)];
    let set = CellSet::<Computed>::new(actors).polls(1).bounds(Bounds {
        spurious: 2,
        rewakes: 1,
        ..Bounds::default()
    });
    Explorer::new(6).check("map: two of one task, odd polls", &set);
}

struct Numbers;

impl Manager for Numbers {
    type Resource = u8;
    type Error = Infallible;

    async fn create(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

struct Resources(ResourcePool<Numbers>);

impl Counting for Resources {
    type Permit<'a> = Vec<Lease<'a, Numbers>>;

    /// All of them are idle.
    fn new(permits: usize) -> Self {
        let pool = ResourcePool::builder(Numbers)
            .max(permits)
            .min_idle(permits)
            .build();
        let filled = pin!(pool.fill()).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(filled, Poll::Ready(Ok(permits)));
        Resources(pool)
    }

    async fn acquire(&self, n: usize) -> Result<Self::Permit<'_>, Refused> {
        assert_eq!(n, 1);
        match self.0.get().await {
            Ok(lease) => Ok(vec![lease]),
            Err(_) => Err(Refused::Closed),
        }
    }

    fn try_acquire(&self, n: usize) -> Option<Self::Permit<'_>> {
        (0..n).map(|_| self.0.try_get().ok()).collect()
    }

    fn count(permit: &Self::Permit<'_>) -> usize {
        permit.len()
    }

    fn waiters(&self) -> Option<usize> {
        Some(self.0.status().waiters)
    }
}

type Set = SemaphoreSet<Resources>;

fn close() -> Operation<Set> {
    Operation::new("close", 1, |world: &mut World<'_, Set>| {
        world.object().0.close();
        world.model.closed = true;
        Ok(())
    })
}

#[test]
fn resources() {
    let set = Set::new(1, [(0, 1), (1, 1), (2, 1)]);
    Explorer::new(8).check("resource pool: one, three tasks", &set);
    let set = Set::new(2, [(0, 1), (1, 1), (2, 1)]).operation(close());
    Explorer::new(7).check("resource pool: two, three tasks, closing", &set);
    let set = Set::new(1, [(0, 1), (1, 1), (2, 1)]).bounds(Bounds {
        parks: 1,
        times: 2,
        spurious: 1,
        waits: Waits::ForANudge,
        ..Bounds::default()
    });
    Explorer::new(6).check("resource pool: one, three tasks, one parked", &set);
}
