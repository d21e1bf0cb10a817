//! Semaphores: no permit is lost or made, big requests are not passed, nobody is forgotten.

use super::mutex::waiters_are;
use crate::explorer::order::{Excuse, in_order};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// A semaphore, as the explorer sees it.
pub trait Counting {
    /// Some permits, given back when dropped.
    type Permit<'a>
    where
        Self: 'a;

    /// With so many permits.
    fn new(permits: usize) -> Self;

    /// Waits for `n` permits.
    fn acquire(&self, n: usize) -> impl Future<Output = Result<Self::Permit<'_>, Refused>>;

    /// Takes `n` permits if that is possible at once.
    fn try_acquire(&self, n: usize) -> Option<Self::Permit<'_>>;

    /// How many permits these are.
    fn count(permit: &Self::Permit<'_>) -> usize;

    /// How many permits are free, negative for a debt, if it tells.
    fn available(&self) -> Option<isize> {
        None
    }

    /// How many futures are queued, if it tells.
    fn waiters(&self) -> Option<usize> {
        None
    }
}

/// Why there are no permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The semaphore was closed.
    Closed,
    /// More than there are.
    TooMany,
}

/// What is known of a semaphore. Operations that change these things say so here.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// How many permits there should be.
    pub limit: usize,
    /// The most there ever were.
    pub most: usize,
    /// The least there ever were.
    pub least: usize,
    /// Permits that are out and held by nobody.
    pub forgotten: usize,
    /// Whether it was closed.
    pub closed: bool,
}

impl Known {
    /// The limit is another one.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.most = self.most.max(limit);
        self.least = self.least.min(limit);
    }
}

/// Futures that acquire permits of `M`. The kind of an actor is how many it wants.
#[derive(Debug)]
pub struct SemaphoreSet<M: Counting> {
    permits: usize,
    plan: Plan<Self>,
    settle: for<'a> fn(&mut World<'a, Self>),
}

impl<M: Counting> SemaphoreSet<M> {
    /// So many permits; each future is a task and how many it wants.
    pub fn new(permits: usize, actors: impl IntoIterator<Item = (usize, usize)>) -> Self {
        SemaphoreSet {
            permits,
            plan: Plan::new(Actor::of_kinds(actors), Vec::new()),
            settle: |_| {},
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

    /// With this at the end, to give back what was forgotten.
    #[must_use]
    pub fn settle(self, settle: for<'a> fn(&mut World<'a, Self>)) -> Self {
        SemaphoreSet { settle, ..self }
    }

    /// With so many times a `try_acquire` of one permit, which is kept.
    #[must_use]
    pub fn try_one(self, times: usize) -> Self {
        self.operation(Operation::new("try_one", times, |world| {
            let nobody_waits = world.pending().next().is_none();
            let free = world.model.limit > out(world) && nobody_waits && !world.model.closed;
            match world.object().try_acquire(1) {
                Some(_) if world.model.closed => Err("try_acquire: closed, and it gives".into()),
                Some(permit) => {
                    world.hear();
                    world.keep(permit);
                    in_order(world, None, Excuse::Woken)
                }
                None if free => Err("try_acquire: refused although free".into()),
                None => Ok(()),
            }
        }))
    }
}

impl<M: Counting> SemaphoreSet<M> {
    /// The first in line waits for permits that are not there yet, and for nothing else.
    fn nobody_waits_for_nothing(&self, world: &World<'_, Self>) -> Result<(), String> {
        let waits = world.pending().filter(|i| world.woken(*i).is_none());
        let Some(first) = waits.min_by_key(|i| world.queued(*i)) else {
            return Ok(());
        };
        let (known, wanted) = (world.model, self.plan.actors[first].kind);
        let free = world
            .object()
            .available()
            .is_some_and(|free| wanted as isize <= free);
        let why = match () {
            () if known.closed => "closed",
            () if wanted > known.limit => "it wants more than there are",
            () if free => "what it wants is free",
            () => return Ok(()),
        };
        Err(format!(
            "{why}, and future {first}, the first in line, was not woken"
        ))
    }
}

/// Permits that are held or forgotten.
fn out<M: Counting>(world: &World<'_, SemaphoreSet<M>>) -> usize {
    world
        .held()
        .map(|(_, permit)| M::count(permit))
        .sum::<usize>()
        + world.model.forgotten
}

impl<M: Counting> Scenario for SemaphoreSet<M> {
    type Object = M;
    type Model = Known;
    type Output<'a>
        = Result<M::Permit<'a>, Refused>
    where
        Self: 'a;
    type Held<'a>
        = M::Permit<'a>
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> M {
        M::new(self.permits)
    }

    fn model(&self) -> Known {
        Known {
            limit: self.permits,
            most: self.permits,
            least: self.permits,
            forgotten: 0,
            closed: false,
        }
    }

    fn future<'a>(&'a self, object: &'a M, actor: usize) -> Boxed<'a, Self::Output<'a>> {
        Box::pin(object.acquire(self.plan.actors[actor].kind))
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Self::Output<'a>,
    ) -> Result<Option<M::Permit<'a>>, String> {
        let wanted = self.plan.actors[actor].kind;
        let known = world.model;
        match output {
            Ok(_) if known.closed && world.queued(actor).is_none() => Err(format!(
                "future {actor} came after the close, and was served"
            )),
            Ok(permit) if M::count(&permit) != wanted => {
                let got = M::count(&permit);
                Err(format!("future {actor} wanted {wanted} and got {got}"))
            }
            Ok(permit) => {
                in_order(world, Some(actor), Excuse::Woken)?;
                Ok(Some(permit))
            }
            Err(Refused::Closed) if known.closed => Ok(None),
            Err(Refused::TooMany) if wanted > known.least => Ok(None),
            Err(why) => Err(format!(
                "future {actor} was refused without a reason: {why:?}"
            )),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let out = out(world);
        let known = world.model;
        if out > known.most {
            return Err(format!("{out} permits are out, of {}", known.most));
        }
        if let Some(available) = world.object().available() {
            // Those who were woken may own their permits already.
            let owned = known.limit as isize - available - out as isize;
            let woken: Vec<_> = world
                .pending()
                .filter(|i| world.woken(*i).is_some())
                .map(|i| self.plan.actors[i].kind as isize)
                .collect();
            if !is_sum_of_some(owned, &woken) {
                return Err(format!(
                    "permits do not add up: {available} free, {out} out, of {}; those who were \
                     woken want {woken:?}",
                    known.limit
                ));
            }
        }
        self.nobody_waits_for_nothing(world)?;
        match world.object().waiters() {
            // A refusal takes a waiter out of the queue, and wakes it.
            Some(waiters) if !known.closed && known.least == known.most => {
                waiters_are(world, waiters, |_| true)
            }
            Some(waiters) if waiters > world.pending().count() => {
                Err(format!("waiters() says {waiters}, which are too many"))
            }
            _ => Ok(()),
        }
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        (self.settle)(world);
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        drop(world.object().try_acquire(1));
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let known = world.model;
        match world.object().available() {
            Some(free) if free != known.limit as isize => {
                return Err(format!(
                    "{free} permits are left in the end, of {}",
                    known.limit
                ));
            }
            _ => {}
        }
        match world.object().waiters() {
            None | Some(0) => {}
            Some(n) => return Err(format!("{n} waiters are left when all futures are gone")),
        }
        match world.object().try_acquire(known.limit) {
            Some(_) if known.closed => Err("closed, and it gives permits".into()),
            None if !known.closed => Err("nobody has permits, and they are not to be had".into()),
            _ => Ok(()),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let (object, known) = (world.object(), world.model);
        let (free, waiters) = (object.available(), object.waiters());
        format!("free {free:?} of {}, waiters {waiters:?}", known.limit)
    }
}

fn is_sum_of_some(sum: isize, of: &[isize]) -> bool {
    match of.split_first() {
        None => sum == 0,
        Some((first, rest)) => is_sum_of_some(sum, rest) || is_sum_of_some(sum - first, rest),
    }
}
