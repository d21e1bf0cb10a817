//! Reader-writer locks: no reader beside a writer, no two writers, nobody is forgotten, and the order
//! that a policy promises.

use std::pin::pin;
use std::task::{Context, Waker};

use super::mutex::waiters_are;
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// What a future does: the kind of an [`Actor`].
pub mod kind {
    /// Reads.
    pub const READ: usize = 0;
    /// Writes.
    pub const WRITE: usize = 1;
    /// Reads, with the right to upgrade.
    pub const UPGRADABLE: usize = 2;
    /// Reads so, and upgrades: the same future.
    pub const UPGRADE: usize = 3;
    /// Writes, and then reads without letting go.
    pub const DOWNGRADE: usize = 4;
}

/// A reader-writer lock, as the explorer sees it.
pub trait Lock {
    /// Any guard.
    type Guard<'a>
    where
        Self: 'a;

    /// Unlocked.
    fn new() -> Self;

    /// A future of this kind.
    fn lock<'a>(&'a self, kind: usize) -> Boxed<'a, Self::Guard<'a>>;

    /// Locks at once, if that is possible: to read, to write, to read with the right to upgrade.
    fn try_lock(&self, kind: usize) -> Option<Self::Guard<'_>>;

    /// What a guard is good for: [`kind::READ`], [`kind::WRITE`] or [`kind::UPGRADABLE`].
    fn kind(guard: &Self::Guard<'_>) -> usize;

    /// How many read, whether somebody writes, whether somebody may upgrade, and whether newcomers
    /// have to queue.
    fn state(&self) -> (usize, bool, bool, bool);

    /// How many futures are queued.
    fn waiters(&self) -> usize;
}

/// Whom a lock prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Who waits to write keeps newcomers from reading; readers that waited for a writer come before
    /// the next one.
    Phases,
    /// Readers never wait for a writer that waits itself.
    Readers,
    /// First come, first served.
    OneLine,
}

/// Futures of several kinds that lock `L`.
#[derive(Debug)]
pub struct RwLockSet<L: Lock> {
    rule: Rule,
    plan: Plan<Self>,
}

impl<L: Lock> RwLockSet<L> {
    /// Each future is a task and a [kind].
    pub fn new(rule: Rule, actors: impl IntoIterator<Item = (usize, usize)>) -> Self {
        RwLockSet {
            rule,
            plan: Plan::new(Actor::of_kinds(actors), Vec::new()),
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

    /// With so many times `try_read` and `try_write`, whose guards are kept.
    #[must_use]
    pub fn tries(self, reads: usize, writes: usize) -> Self {
        fn attempt<L: Lock>(
            world: &mut World<'_, RwLockSet<L>>,
            kind: usize,
        ) -> Result<(), String> {
            let free = world.held().next().is_none() && world.pending().next().is_none();
            let waits = world
                .pending()
                .any(|i| world.woken(i).is_none() && world.model.actors[i] == kind::WRITE);
            match world.object().try_lock(kind) {
                Some(_) if kind == kind::READ && waits && world.model.rule != Rule::Readers => {
                    Err("try_read: passed a writer that waits".into())
                }
                Some(guard) => {
                    world.hear();
                    world.keep(guard);
                    Ok(())
                }
                None if free => Err("a free lock, wanted by nobody, was refused".into()),
                None => Ok(()),
            }
        }
        let set = if reads == 0 {
            self
        } else {
            self.operation(Operation::new("try_read", reads, |world| {
                attempt(world, kind::READ)
            }))
        };
        if writes == 0 {
            return set;
        }
        set.operation(Operation::new("try_write", writes, |world| {
            attempt(world, kind::WRITE)
        }))
    }
}

/// What is known of a lock.
#[derive(Clone, Debug)]
pub struct Known {
    rule: Rule,
    actors: Vec<usize>,
    /// Since when each has been queued behind a writer that was there, as a reader.
    writers_before: Vec<usize>,
}

impl<L: Lock> Scenario for RwLockSet<L> {
    type Object = L;
    type Model = Known;
    type Output<'a>
        = L::Guard<'a>
    where
        Self: 'a;
    type Held<'a>
        = L::Guard<'a>
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> L {
        L::new()
    }

    fn model(&self) -> Known {
        Known {
            rule: self.rule,
            actors: self.plan.actors.iter().map(|actor| actor.kind).collect(),
            writers_before: vec![0; self.plan.actors.len()],
        }
    }

    fn future<'a>(&'a self, object: &'a L, actor: usize) -> Boxed<'a, L::Guard<'a>> {
        object.lock(self.plan.actors[actor].kind)
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        guard: L::Guard<'a>,
    ) -> Result<Option<L::Guard<'a>>, String> {
        let writes = L::kind(&guard) == kind::WRITE;
        // Writers in the order in which they came; newcomers behind those who wait.
        let overtaken = |other: &usize| {
            world.model.actors[*other] == kind::WRITE
                && world.woken(*other).is_none()
                && !world.is_late(*other)
                && match (world.queued(actor), world.queued(*other)) {
                    (Some(mine), Some(theirs)) => theirs < mine,
                    (None, _) => true,
                    (_, None) => false,
                }
        };
        let plain = world.model.actors[actor] == kind::WRITE;
        let excused = world.was_late(actor)
            || world
                .pending()
                .any(|i| i != actor && world.share_a_waker(i, actor));
        if writes && plain && !excused {
            if let Some(other) = world.pending().find(overtaken) {
                return Err(format!("writer {actor} came before writer {other}"));
            }
            // One turn of writers, then those who have waited to read since before it.
            for reader in 0..self.plan.actors.len() {
                let waits = world.pending().any(|i| i == reader);
                if !waits
                    || self.plan.actors[reader].kind != kind::READ
                    || world.woken(reader).is_some()
                {
                    continue;
                }
                world.model.writers_before[reader] += 1;
                // (One may have been inside already, one is the one that it queued behind.)
                if self.rule == Rule::Phases
                    && world.model.writers_before[reader] > 2
                    && !world.is_late(reader)
                {
                    return Err(format!("reader {reader} waits for a third writer"));
                }
            }
        }
        Ok(Some(guard))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let count = |kind| {
            let alike = |guard: &&L::Guard<'_>| L::kind(guard) == kind;
            world.held().map(|(_, guard)| guard).filter(alike).count()
        };
        let (reads, writes, ups) = (
            count(kind::READ),
            count(kind::WRITE),
            count(kind::UPGRADABLE),
        );
        if writes > 1 || ups > 1 || (writes == 1 && reads + ups > 0) {
            return Err(format!("{reads} read, {ups} may upgrade, {writes} write"));
        }
        let (readers, written, upgradable, barred) = world.object().state();
        if writes == 1 && !written || ups == 1 && !upgradable || readers < reads + ups {
            return Err(format!(
                "{reads} read, {ups} may upgrade, {writes} write, and it says {readers} read, \
                 written {written}, upgradable {upgradable}"
            ));
        }
        if written && readers != 0 {
            return Err("readers are counted beside a writer".into());
        }
        // Whoever was woken may own the lock already, and one that upgrades reads meanwhile.
        let pending = || world.pending();
        let woken = pending().any(|i| world.woken(i).is_some());
        let upgrades = pending().any(|i| self.plan.actors[i].kind == kind::UPGRADE);
        if !woken && !upgrades {
            if written && writes == 0 || readers > reads + ups || upgradable && ups == 0 {
                return Err(format!(
                    "it says {readers} read, written {written}, upgradable {upgradable}, and \
                     nobody holds that"
                ));
            }
            if !written && readers == 0 && pending().next().is_some() {
                return Err("free, and of those who wait nobody was woken".into());
            }
        }
        if barred && pending().next().is_none() {
            return Err("barred, and nobody waits".into());
        }
        waiters_are(world, world.object().waiters(), |_| true)
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        drop(world.object().try_lock(kind::READ));
        let mut write = pin!(world.object().lock(kind::WRITE));
        drop(write.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let lock = world.object();
        if lock.waiters() != 0 || lock.state() != (0, false, false, false) {
            return Err(format!(
                "all are gone, and there are {} waiters, {:?}",
                lock.waiters(),
                lock.state()
            ));
        }
        for kind in [kind::READ, kind::UPGRADABLE, kind::WRITE] {
            if lock.try_lock(kind).is_none() {
                return Err(format!("nobody holds it, and kind {kind} is not to be had"));
            }
        }
        Ok(())
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let (readers, written, upgradable, barred) = world.object().state();
        format!(
            "{readers} read, written {written}, upgradable {upgradable}, barred {barred}, {} wait",
            world.object().waiters()
        )
    }
}
