//! Locks for keys: each key by itself is a mutex, no key knows of another, and nothing is left of a key
//! that nobody uses.

use super::mutex::{is_exclusive, waiters_are};
use crate::explorer::order::{Excuse, in_line};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// How many keys there are: 0 and 1.
const KEYS: usize = 2;

/// A lock for every key, as the explorer sees it.
pub trait KeyLock {
    /// Unlocks its key when dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Nothing is locked.
    fn new() -> Self;

    /// Waits for a key.
    fn lock(&self, key: usize) -> impl Future<Output = Self::Guard<'_>>;

    /// Takes a key if that is possible at once.
    fn try_lock(&self, key: usize) -> Option<Self::Guard<'_>>;

    /// The key that this is the guard of.
    fn key(guard: &Self::Guard<'_>) -> usize;

    /// Whether somebody has the key.
    fn is_locked(&self, key: usize) -> bool;

    /// How many futures are queued for the key.
    fn waiters(&self, key: usize) -> usize;

    /// How many keys take up memory.
    fn entries(&self) -> usize;
}

/// Futures that lock keys of `M`. The kind of an actor is its key.
#[derive(Debug)]
pub struct KeyedSet<M: KeyLock> {
    plan: Plan<Self>,
}

impl<M: KeyLock> KeyedSet<M> {
    /// Each future is a task and a key.
    ///
    /// # Panics
    ///
    /// If a key is neither 0 nor 1.
    pub fn new(actors: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let actors = Actor::of_kinds(actors);
        assert!(actors.iter().all(|actor| actor.kind < KEYS));
        KeyedSet {
            plan: Plan::new(actors, Vec::new()),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    /// With so many times a `try_lock` of a key, whose guard is kept.
    #[must_use]
    pub fn try_lock(mut self, key: usize, times: usize) -> Self {
        self.plan.operations.push(match key {
            0 => Operation::new("try_lock0", times, try_lock::<M, 0>),
            _ => Operation::new("try_lock1", times, try_lock::<M, 1>),
        });
        self
    }

    /// The futures that wait for a key.
    fn line<'w>(
        &'w self,
        world: &'w World<'_, Self>,
        key: usize,
    ) -> impl Iterator<Item = usize> + 'w {
        world
            .pending()
            .filter(move |i| self.plan.actors[*i].kind == key)
    }
}

/// Whatever becomes of the other key, one that nobody uses is to be had.
fn try_lock<M: KeyLock, const KEY: usize>(
    world: &mut World<'_, KeyedSet<M>>,
) -> Result<(), String> {
    let guards = guards(world, KEY);
    let free = guards == 0 && world.object().waiters(KEY) == 0;
    match world.object().try_lock(KEY) {
        Some(guard) => world.keep(guard),
        None if free => return Err("try_lock: a free key, wanted by nobody, was refused".into()),
        None => {}
    }
    Ok(())
}

fn guards<M: KeyLock>(world: &World<'_, KeyedSet<M>>, key: usize) -> usize {
    let of_key = world.held().filter(|(_, guard)| M::key(guard) == key);
    of_key.count()
}

impl<M: KeyLock> Scenario for KeyedSet<M> {
    type Object = M;
    type Model = ();
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
        M::new()
    }

    fn model(&self) {}

    fn future<'a>(&'a self, object: &'a M, actor: usize) -> Boxed<'a, M::Guard<'a>> {
        Box::pin(object.lock(self.plan.actors[actor].kind))
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        guard: M::Guard<'a>,
    ) -> Result<Option<M::Guard<'a>>, String> {
        let (key, got) = (self.plan.actors[actor].kind, M::key(&guard));
        if got != key {
            return Err(format!("future {actor} wanted key {key}, and got {got}"));
        }
        // Newcomers may pass; those who wait are woken in their order.
        if world.queued(actor).is_some() {
            let wants = |i: usize| self.plan.actors[i].kind == key;
            in_line(world, Some(actor), Excuse::Race, wants)?;
        }
        Ok(Some(guard))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let mut in_use = 0;
        for key in 0..KEYS {
            let guards = guards(world, key);
            let wants = |i: usize| self.plan.actors[i].kind == key;
            is_exclusive(world, guards, Some(object.is_locked(key)), wants)
                .and_then(|()| waiters_are(world, object.waiters(key), wants))
                .map_err(|why| format!("key {key}: {why}"))?;
            in_use += usize::from(guards > 0 || self.line(world, key).next().is_some());
        }
        match object.entries() {
            n if n == in_use => Ok(()),
            n => Err(format!("{n} entries, and {in_use} keys are in use")),
        }
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        for key in 0..KEYS {
            drop(world.object().try_lock(key));
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let all: Vec<_> = (0..KEYS).filter_map(|key| object.try_lock(key)).collect();
        if all.len() != KEYS {
            return Err("nobody has a key, and it is not to be had".into());
        }
        drop(all);
        match object.entries() {
            0 => Ok(()),
            n => Err(format!("{n} entries are left when nobody is")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        let key = |key| match object.is_locked(key) {
            true => format!("locked, waiters {}", object.waiters(key)),
            false => format!("free, waiters {}", object.waiters(key)),
        };
        let entries = object.entries();
        format!("0 {}, 1 {}, {entries} entries", key(0), key(1))
    }
}
