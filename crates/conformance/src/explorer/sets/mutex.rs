//! Mutual exclusion: one guard at a time, in the order that was promised, nobody forgotten.

use std::pin::pin;
use std::task::{Context, Waker};

use crate::explorer::order::{Excuse, in_order};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// A mutex, as the explorer sees it.
pub trait Lock {
    /// Unlocks when dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Unlocked.
    fn new(value: u64) -> Self;

    /// Waits for the lock.
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>>;

    /// Takes the lock if that is possible at once.
    fn try_lock(&self) -> Option<Self::Guard<'_>>;

    /// How many futures are queued, if it tells.
    fn waiters(&self) -> Option<usize> {
        None
    }

    /// Whether somebody holds the lock, if it tells.
    fn is_locked(&self) -> Option<bool> {
        None
    }

    /// Whether what it says about itself makes sense while so many futures wait.
    ///
    /// # Errors
    ///
    /// Why not.
    fn is_consistent(&self, _waiting: usize) -> Result<(), String> {
        Ok(())
    }

    /// See [`Scenario::fingerprint`]. Futures need not be named: which of them stand where is known.
    fn fingerprint(&self) -> Option<u64> {
        None
    }
}

/// The order in which a lock is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// None.
    Any,
    /// Those who wait are woken in the order in which they came, but newcomers may pass them, and one
    /// that was woken competes with all who run.
    Queue,
    /// In the order in which they came; only a waiter that is late, or a baton that moves within a
    /// task, is an exception.
    Strict,
}

/// Futures that lock `M`.
#[derive(Debug)]
pub struct MutexSet<M: Lock> {
    order: Order,
    plan: Plan<Self>,
    nudge: fn(&M),
}

impl<M: Lock> MutexSet<M> {
    /// A set of these futures.
    #[must_use]
    pub fn new(actors: Vec<Actor>, order: Order) -> Self {
        MutexSet {
            order,
            plan: Plan::new(actors, Vec::new()),
            nudge: |mutex| drop(mutex.try_lock()),
        }
    }

    /// With a future that is polled once and dropped, instead of `try_lock`, for the later operation
    /// that the end may need.
    #[must_use]
    pub fn nudged_by_lock(self) -> Self {
        MutexSet {
            nudge: |mutex| drop(pin!(mutex.lock()).poll(&mut Context::from_waker(Waker::noop()))),
            ..self
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    /// With one more operation.
    #[must_use]
    pub fn operation(mut self, operation: Operation<Self>) -> Self {
        self.plan.operations.push(operation);
        self
    }

    /// With so many times `try_lock`, whose guard is kept.
    #[must_use]
    pub fn try_lock(self, times: usize) -> Self {
        self.operation(Operation::new("try_lock", times, |world| {
            let free = world.held().next().is_none() && world.pending().next().is_none();
            match world.object().try_lock() {
                Some(guard) => {
                    world.hear();
                    world.keep(guard);
                    match world.model {
                        Order::Strict => in_order(world, None, Excuse::Late),
                        Order::Any | Order::Queue => Ok(()),
                    }
                }
                None if free => Err("try_lock: a free lock, wanted by nobody, was refused".into()),
                None => Ok(()),
            }
        }))
    }
}

impl<M: Lock> Scenario for MutexSet<M> {
    type Object = M;
    type Model = Order;
    type Output<'a>
        = M::Guard<'a>
    where
        Self: 'a;
    type Held<'a>
        = M::Guard<'a>
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> M {
        M::new(0)
    }

    fn model(&self) -> Order {
        self.order
    }

    fn future<'a>(&'a self, object: &'a M, _: usize) -> Boxed<'a, M::Guard<'a>> {
        Box::pin(object.lock())
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        guard: M::Guard<'a>,
    ) -> Result<Option<M::Guard<'a>>, String> {
        match (self.order, world.queued(actor)) {
            (Order::Strict, _) => in_order(world, Some(actor), Excuse::Late)?,
            (Order::Queue, Some(_)) => in_order(world, Some(actor), Excuse::Race)?,
            (Order::Queue, None) | (Order::Any, _) => {}
        }
        Ok(Some(guard))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let guards = world.held().count();
        is_exclusive(world, guards, world.object().is_locked(), |_| true)?;
        world.object().is_consistent(world.pending().count())?;
        match world.object().waiters() {
            Some(waiters) => waiters_are(world, waiters, |_| true),
            None => Ok(()),
        }
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        (self.nudge)(world.object());
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match world.object().waiters() {
            None | Some(0) => {}
            Some(n) => return Err(format!("{n} waiters are left when all futures are gone")),
        }
        match world.object().try_lock() {
            Some(_) => Ok(()),
            None => Err("nobody holds the lock, and it is not to be had".into()),
        }
    }

    fn fingerprint(&self, world: &World<'_, Self>) -> Option<u64> {
        world.object().fingerprint()
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        format!(
            "locked {:?}, waiters {:?}",
            object.is_locked(),
            object.waiters()
        )
    }
}

/// Requires that there is one guard at a time; and, if the lock tells whether it is locked, that this is
/// right, and that of the pending futures that want it, one was woken if nobody has it.
pub(super) fn is_exclusive<S: Scenario>(
    world: &World<'_, S>,
    guards: usize,
    is_locked: Option<bool>,
    wants: impl Fn(usize) -> bool,
) -> Result<(), String> {
    if guards > 1 {
        return Err(format!("{guards} guards at a time"));
    }
    let all = || world.pending().filter(|i| wants(*i));
    // Whoever was woken may own the lock already.
    let woken = all().any(|i| world.woken(i).is_some());
    match is_locked {
        Some(false) if guards == 1 => Err("held, and is_locked says no".into()),
        Some(true) if guards == 0 && !woken => {
            Err("locked, but nobody holds it and nobody was woken".into())
        }
        Some(false) if !woken && all().next().is_some() => {
            Err("free, and of those who wait nobody was woken".into())
        }
        _ => Ok(()),
    }
}

/// Requires that `waiters` is the number of pending futures that are `queued`, give or take those
/// whose place may have been taken away.
pub(super) fn waiters_are<S: Scenario>(
    world: &World<'_, S>,
    waiters: usize,
    queued: impl Fn(usize) -> bool,
) -> Result<(), String> {
    let all = || world.pending().filter(|i| queued(*i));
    let most = all().count();
    let least = all().filter(|i| !world.is_late(*i)).count();
    if (least..=most).contains(&waiters) {
        Ok(())
    } else {
        Err(format!(
            "waiters() says {waiters}, and {least} to {most} futures wait"
        ))
    }
}
