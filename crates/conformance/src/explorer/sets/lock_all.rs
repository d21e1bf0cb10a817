//! Sets of locks: each lock has one holder, and whoever waits for a set gets it in the end.

use async_sync::lock_all::{lock_all, lock_all_backing_off, try_lock_all};
use async_sync::mutex::{Mutex, MutexGuard, Policy};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// Futures that lock two of three locks each.
#[derive(Debug)]
pub struct PairSet<P: Policy> {
    /// The locks of each future, and whether it backs off.
    pairs: Vec<([usize; 2], bool)>,
    plan: Plan<Self>,
}

/// The guards of two locks.
pub type Pair<'a, P> = [MutexGuard<'a, usize, P>; 2];

impl<P: Policy> PairSet<P> {
    /// Future number `i` locks `pairs[i].0`, and backs off if `pairs[i].1`. In between, so many times,
    /// the first two are tried.
    ///
    /// # Panics
    ///
    /// If there are not as many pairs as actors.
    #[must_use]
    pub fn new(actors: Vec<Actor>, pairs: Vec<([usize; 2], bool)>, tries: usize) -> Self {
        assert_eq!(actors.len(), pairs.len());
        let try_two = Operation::<Self>::new("try_lock_all", tries, |world| {
            let [a, b, _] = world.object();
            if let Some(pair) = try_lock_all([b, a]) {
                world.keep(pair);
            }
            Ok(())
        });
        PairSet {
            pairs,
            plan: Plan::new(actors, vec![try_two]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }
}

impl<P: Policy> Scenario for PairSet<P> {
    type Object = [Mutex<usize, P>; 3];
    type Model = ();
    type Output<'a> = Pair<'a, P>;
    type Held<'a> = Pair<'a, P>;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Self::Object {
        std::array::from_fn(Mutex::with_policy)
    }

    fn model(&self) {}

    fn future<'a>(&'a self, locks: &'a Self::Object, actor: usize) -> Boxed<'a, Pair<'a, P>> {
        let ([one, two], backs_off) = self.pairs[actor];
        let pair = [&locks[one], &locks[two]];
        if backs_off {
            Box::pin(lock_all_backing_off(pair))
        } else {
            Box::pin(lock_all(pair))
        }
    }

    fn completed<'a>(
        &'a self,
        _: &mut World<'a, Self>,
        actor: usize,
        pair: Pair<'a, P>,
    ) -> Result<Option<Pair<'a, P>>, String> {
        if [*pair[0], *pair[1]] == self.pairs[actor].0 {
            Ok(Some(pair))
        } else {
            Err(format!("future {actor} has the guards in another order"))
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        for lock in 0..3 {
            let holders = world
                .held()
                .flat_map(|(_, pair)| pair)
                .filter(|guard| ***guard == lock);
            if holders.count() > 1 {
                return Err(format!("lock {lock} has two holders"));
            }
        }
        // Who backs off holds nothing while it waits, and nobody else waits here.
        let somebody_in_order = world.pending().any(|i| !self.pairs[i].1);
        let woken = world.pending().any(|i| world.woken(i).is_some());
        if !somebody_in_order && !woken {
            let held = 2 * world.held().count();
            let locked = world
                .object()
                .iter()
                .filter(|lock| lock.is_locked())
                .count();
            if locked != held {
                return Err(format!("{locked} are locked, and {held} are held"));
            }
        }
        // Whoever waits is in one queue.
        let waiters: usize = world.object().iter().map(Mutex::waiters).sum();
        let pending = world.pending().count();
        let late = world.pending().filter(|i| world.is_late(*i)).count();
        if !(pending - late..=pending).contains(&waiters) {
            return Err(format!("{waiters} places in queues, and {pending} wait"));
        }
        if pending > 0 && world.held().next().is_none() && !woken {
            return Err("nobody holds anything, and of those who wait nobody was woken".into());
        }
        Ok(())
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        for lock in world.object() {
            drop(lock.try_lock());
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match try_lock_all(world.object()) {
            Some(_) => Ok(()),
            None => Err("all futures are gone, and a lock is not to be had".into()),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let locks = world.object().iter();
        let locks: Vec<_> = locks.map(|l| (l.is_locked(), l.waiters())).collect();
        format!("locked and waiters {locks:?}")
    }
}
