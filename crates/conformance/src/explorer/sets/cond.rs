//! Condition variables: a call that is made while somebody waits is not lost.
//!
//! The futures are customers of a counter of tokens, as a channel or a semaphore would be made of a
//! condition variable: lock, wait as long as there is no token, take one, return the guard. Whoever
//! adds a token makes one call. So whenever there are tokens, the lock is free and somebody waits,
//! somebody has been woken.

use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Waker};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// A condition variable and its lock, as the explorer sees them.
pub trait Condition {
    /// Unlocks when dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Unlocked; nobody waits.
    fn new() -> Self;

    /// Waits for the lock.
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>>;

    /// Takes the lock if that is possible at once.
    fn try_lock(&self) -> Option<Self::Guard<'_>>;

    /// Whether somebody holds the lock.
    fn is_locked(&self) -> bool;

    /// Lets go of the lock, waits for a call, locks again.
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>>;

    /// Calls the first.
    fn notify_one(&self);

    /// Calls all.
    fn notify_all(&self);

    /// How many wait for a call.
    fn waiters(&self) -> usize;
}

/// A condition variable, and the tokens.
#[derive(Debug)]
pub struct Tokens<C> {
    cond: C,
    tokens: Cell<usize>,
}

/// Futures that take a token each.
#[derive(Debug)]
pub struct CondSet<C: Condition> {
    plan: Plan<Self>,
}

impl<C: Condition> CondSet<C> {
    /// These futures; so many times one token and a call of one, so many times a token for everybody and
    /// a call of all.
    #[must_use]
    pub fn new(actors: Vec<Actor>, ones: usize, alls: usize) -> Self {
        let one = Operation::<Self>::new("one", ones, |world| {
            let object = world.object();
            object.tokens.set(object.tokens.get() + 1);
            object.cond.notify_one();
            Ok(())
        });
        let all = Operation::<Self>::new("all", alls, |world| {
            let object = world.object();
            object.tokens.set(object.tokens.get() + world.actors());
            object.cond.notify_all();
            Ok(())
        });
        CondSet {
            plan: Plan::new(actors, vec![one, all]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    /// With so many times `try_lock`, whose guard is kept.
    #[must_use]
    pub fn try_lock(mut self, times: usize) -> Self {
        self.plan
            .operations
            .push(Operation::new("try_lock", times, |world| {
                if let Some(guard) = world.object().cond.try_lock() {
                    world.hear();
                    world.keep(guard);
                }
                Ok(())
            }));
        self
    }
}

impl<C: Condition> Scenario for CondSet<C> {
    type Object = Tokens<C>;
    type Model = ();
    type Output<'a>
        = C::Guard<'a>
    where
        Self: 'a;
    type Held<'a>
        = C::Guard<'a>
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Tokens<C> {
        Tokens {
            cond: C::new(),
            tokens: Cell::new(0),
        }
    }

    fn model(&self) {}

    fn future<'a>(&'a self, object: &'a Tokens<C>, _: usize) -> Boxed<'a, C::Guard<'a>> {
        Box::pin(async {
            let mut guard = object.cond.lock().await;
            while object.tokens.get() == 0 {
                guard = object.cond.wait(guard).await;
            }
            object.tokens.set(object.tokens.get() - 1);
            guard
        })
    }

    fn completed<'a>(
        &'a self,
        _: &mut World<'a, Self>,
        _: usize,
        guard: C::Guard<'a>,
    ) -> Result<Option<C::Guard<'a>>, String> {
        Ok(Some(guard))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let guards = world.held().count();
        if guards > 1 {
            return Err(format!("{guards} guards at a time"));
        }
        let waiting = world.pending().count();
        if object.cond.waiters() > waiting {
            return Err(format!("waiters() says more than the {waiting} that wait"));
        }
        // What a parked future has, nobody else can have for a while.
        let parked = world.pending().any(|i| world.is_parked(i));
        let woken = world.pending().any(|i| world.woken(i).is_some());
        if guards > 0 || parked || woken || waiting == 0 {
            return Ok(());
        }
        if object.cond.is_locked() {
            return Err("locked, but nobody holds it and nobody was woken".into());
        }
        match object.tokens.get() {
            0 => Ok(()),
            n => Err(format!(
                "{n} tokens, and of those who wait nobody was woken"
            )),
        }
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        let object = world.object();
        object.tokens.set(world.actors());
        object.cond.notify_all();
    }

    fn nudges(&self, parked: usize) -> usize {
        // It may sit on a call and then on the lock.
        2 * parked
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        let object = world.object();
        if let Some(guard) = object.cond.try_lock() {
            let wait = pin!(object.cond.wait(guard));
            drop(wait.poll(&mut Context::from_waker(Waker::noop())));
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let cond = &world.object().cond;
        match (cond.waiters(), cond.try_lock().is_some()) {
            (0, true) => Ok(()),
            (waiters, free) => Err(format!(
                "left in the end: {waiters} waiters, lock free: {free}"
            )),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        format!(
            "tokens {}, locked {}, waiters {}",
            object.tokens.get(),
            object.cond.is_locked(),
            object.cond.waiters()
        )
    }
}
