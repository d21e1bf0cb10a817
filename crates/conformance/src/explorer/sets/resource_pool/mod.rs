//! Pools of resources: never more than there may be, none lost and none lent twice, and whoever waits is
//! served in turn, whatever becomes of creations, checks, leases and the others.
//!
//! The manager keeps books: what became of each resource, and who has it created or checked. With
//! those and the leases the pool's own numbers have to agree after each step.

mod manager;
mod oracle;

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_sync::ResourcePool;
use async_sync::resource_pool::{GetError, Lease, LeaseIn, TryGetError};

use super::work::{NOBODY, Work};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

pub use manager::{Desk, Resource};
pub use oracle::Known;

use manager::{Fate, RunTime};
use oracle::{Line, is_free, leases, usable, works};

/// What a future does. The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Gets a resource, which is kept until it is released.
    Get,
    /// Creates as many as shall be idle.
    Fill,
    /// Waits until the pool is closed and everything is gone.
    Closed,
}

const KINDS: [Does; 3] = [Does::Get, Does::Fill, Does::Closed];

/// What is kept until it is released.
#[derive(Debug)]
pub enum Held<'a> {
    /// A resource of the pool.
    Lease(Lease<'a, Desk>),
    /// One that was taken out of it.
    Taken(Resource),
}

/// What a future returns.
#[derive(Debug)]
pub enum Out<'a> {
    /// A resource, or why there is none.
    Got(Result<Lease<'a, Desk>, GetError<usize>>),
    /// How many were created, or what failed.
    Filled(Result<usize, usize>),
    /// Everything is gone.
    Gone,
}

/// Futures about a pool.
#[derive(Debug)]
pub struct ResourceSet {
    max: usize,
    max_idle: usize,
    min_idle: usize,
    at_once: bool,
    aging: bool,
    filled: usize,
    plan: Plan<Self>,
}

impl ResourceSet {
    /// At most so many resources; each future is a task and what it does. Creations and checks wait until
    /// they are told to end.
    pub fn new(max: usize, actors: impl IntoIterator<Item = (usize, Does)>) -> Self {
        let actors = actors.into_iter().map(|(task, does)| (task, does as usize));
        ResourceSet {
            max,
            max_idle: max,
            min_idle: 0,
            at_once: false,
            aging: false,
            filled: 0,
            plan: Plan::new(Actor::of_kinds(actors), Vec::new()),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    /// Creations and checks end in their first poll: well, unless they are [spoilt](Self::spoil).
    #[must_use]
    pub fn at_once(self) -> Self {
        ResourceSet {
            at_once: true,
            ..self
        }
    }

    /// So many are idle from the start.
    #[must_use]
    pub fn filled(self, filled: usize) -> Self {
        ResourceSet { filled, ..self }
    }

    /// No more than so many may be idle.
    #[must_use]
    pub fn max_idle(self, max_idle: usize) -> Self {
        ResourceSet { max_idle, ..self }
    }

    /// So many shall be idle.
    #[must_use]
    pub fn min_idle(self, min_idle: usize) -> Self {
        ResourceSet { min_idle, ..self }
    }

    /// What has been idle for a millisecond is closed: when somebody comes upon it.
    #[must_use]
    pub fn aging(self) -> Self {
        ResourceSet {
            aging: true,
            ..self
        }
    }

    fn operation(mut self, operation: Operation<Self>) -> Self {
        self.plan.operations.push(operation);
        self
    }

    /// So many times the creation or check that has waited for longest ends, and so many times it fails.
    #[must_use]
    pub fn ends(self, well: usize, badly: usize) -> Self {
        let end = Operation::<Self>::new("end", well, |world| {
            works(world).end(true);
            Ok(())
        });
        let fail = Operation::<Self>::new("fail", badly, |world| {
            works(world).end(false);
            Ok(())
        });
        self.operation(end.when(|world| works(world).is_any_waiting()))
            .operation(fail.when(|world| works(world).is_any_waiting()))
    }

    /// So many times the next creation or check fails at once.
    #[must_use]
    pub fn spoil(self, times: usize) -> Self {
        self.operation(Operation::new("spoil", times, |world| {
            works(world).spoil();
            Ok(())
        }))
    }

    /// With so many times a `try_get`, whose lease is kept.
    #[must_use]
    pub fn try_get(self, times: usize) -> Self {
        self.operation(Operation::new("try_get", times, |world| {
            let pool = world.object();
            let (idle, free) = (pool.status().idle, is_free(world));
            match pool.try_get() {
                Ok(lease) => {
                    world.keep(Held::Lease(lease));
                    world.model.newcomer = true;
                    Ok(())
                }
                Err(why) if (why == TryGetError::Closed) != world.model.closed => {
                    Err(format!("try_get: {why}, without a reason"))
                }
                // (Unless it is too old.)
                Err(_) if free && idle > 0 && pool.status().idle > 0 => {
                    Err("try_get: refused what is idle and wanted by nobody".into())
                }
                Err(_) => Ok(()),
            }
        }))
    }

    /// With so many times a lease whose resource is said to be unusable.
    #[must_use]
    pub fn break_one(self, times: usize) -> Self {
        let breaks = Operation::<Self>::new("break", times, |world| {
            if let Some(slot) = usable(world)
                && let Some(Held::Lease(lease)) = world.held_mut(slot)
            {
                LeaseIn::mark_unusable(lease);
                let number = lease.number;
                world.model.unusable.push(number);
            }
            Ok(())
        });
        self.operation(breaks.when(|world| usable(world).is_some()))
    }

    /// With so many times a lease whose resource is taken out of the pool.
    #[must_use]
    pub fn take(self, times: usize) -> Self {
        let take = Operation::<Self>::new("take", times, |world| {
            if let Some(slot) = usable(world)
                && let Some(Held::Lease(lease)) = world.take(slot)
            {
                world.object().manager().books.lock()[lease.number].fate = Fate::Taken;
                let taken = LeaseIn::take(lease);
                world.keep(Held::Taken(taken));
            }
            Ok(())
        });
        self.operation(take.when(|world| usable(world).is_some()))
    }

    /// With so many times a closing of all that is idle.
    #[must_use]
    pub fn empty(self, times: usize) -> Self {
        self.operation(Operation::new("empty", times, |world| {
            let (idle, free) = (world.object().status().idle, is_free(world));
            world.model.emptied = world.step();
            match world.object().retain(|_, _| false) {
                closed if closed < idle && free => {
                    Err(format!("of {idle} that are idle {closed} were closed"))
                }
                _ => Ok(()),
            }
        }))
    }

    /// With a closing of the pool.
    #[must_use]
    pub fn close(self) -> Self {
        self.operation(Operation::new("close", 1, |world| {
            world.model.closed = true;
            world.object().close();
            Ok(())
        }))
    }
}

impl Scenario for ResourceSet {
    type Object = ResourcePool<Desk>;
    type Model = Known;
    type Output<'a> = Out<'a>;
    type Held<'a> = Held<'a>;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> ResourcePool<Desk> {
        let builder = ResourcePool::builder(Desk::new())
            .max(self.max)
            .max_idle(self.max_idle)
            .min_idle(self.min_idle);
        match self.aging {
            false => builder.build(),
            true => builder
                .idle_limit(Duration::from_millis(1))
                .timer(&RunTime(Instant::now()))
                .build(),
        }
    }

    fn model(&self) -> Known {
        Known::default()
    }

    fn setup<'a>(&'a self, world: &mut World<'a, Self>) {
        let pool = world.object();
        works(world).at_once(true);
        let all: Vec<_> = (0..self.filled).map(|_| get_now(pool)).collect();
        assert!(all.iter().all(Option::is_some));
        drop(all);
        works(world).at_once(self.at_once);
        let line = Line {
            fate: Fate::Open,
            idle: Some(0),
        };
        world.model.lines = vec![line; self.filled];
    }

    fn future<'a>(&'a self, pool: &'a ResourcePool<Desk>, actor: usize) -> Boxed<'a, Out<'a>> {
        let mut future: Boxed<'a, Out<'a>> = match self.does(actor) {
            Does::Get => Box::pin(async { Out::Got(pool.get().await) }),
            Does::Fill => Box::pin(async { Out::Filled(pool.fill().await) }),
            Does::Closed => Box::pin(async {
                pool.closed().await;
                Out::Gone
            }),
        };
        // So that the manager knows for whom it works.
        Box::pin(poll_fn(move |cx| {
            pool.manager().works_for(actor);
            future.as_mut().poll(cx)
        }))
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Out<'a>,
    ) -> Result<Option<Held<'a>>, String> {
        let status = world.object().status();
        let mut own = works(world).all();
        own.retain(|work| work.owner == actor);
        let last = own.last();
        let is_fit = |lease: &Lease<'_, Desk>, work: &Work| {
            let book = world.object().manager().books.lock()[lease.number];
            work.has_ended(true) && work.number == book.work
        };
        let failed = |number| last.is_some_and(|w| w.has_ended(false) && w.number == number);
        match output {
            Out::Got(Ok(_)) if world.model.closed => {
                Err(format!("closed, and future {actor} got a resource"))
            }
            Out::Got(Ok(lease)) if last.is_some_and(|work| is_fit(&lease, work)) => {
                Ok(Some(Held::Lease(lease)))
            }
            Out::Got(Err(GetError::Closed)) if world.model.closed => Ok(None),
            Out::Got(Err(GetError::Create(number))) if failed(number) => Ok(None),
            Out::Filled(Err(number)) if failed(number) => Ok(None),
            Out::Filled(Ok(n)) if n == own.iter().filter(|work| work.has_ended(true)).count() => {
                let more = status.idle < self.min_idle && status.size < self.max;
                match more && is_free(world) {
                    true => Err(format!("future {actor} filled no further than {status:?}")),
                    false => Ok(None),
                }
            }
            Out::Gone if world.model.closed && status.size == 0 => Ok(None),
            other => Err(format!("future {actor} returned what it cannot: {other:?}")),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let status = world.object().status();
        self.numbers(world, status)?;
        self.resources(world, status)?;
        self.places(world, status)?;
        let asleep = world
            .pending()
            .find(|i| self.does(*i) == Does::Closed && world.woken(*i).is_none());
        match asleep {
            Some(i) if world.model.closed && status.size == 0 => {
                Err(format!("all is gone, and nobody woke future {i}"))
            }
            _ => Ok(()),
        }
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        works(world).end_all();
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        self.does(actor) != Does::Closed || world.model.closed
    }

    fn nudges(&self, parked: usize) -> usize {
        parked + 1
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        drop(world.object().try_get());
        let waits = |i: usize| !world.is_parked(i) && self.does(i) != Does::Closed;
        if !world.pending().any(waits) {
            world.model.closed = true;
            world.object().close();
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let pool = world.object();
        let (status, open) = (pool.status(), pool.manager().books.open());
        if status.waiters != 0 || status.in_use() != 0 || status.idle != open {
            return Err(format!("left in the end, with {open} open: {status:?}"));
        }
        let all: Vec<_> = (0..=self.max).map_while(|_| get_now(pool)).collect();
        let most = if world.model.closed { 0 } else { self.max };
        if all.len() != most {
            return Err(format!("{} of {most} are to be had in the end", all.len()));
        }
        drop(all);
        pool.close();
        match (pool.status().size, pool.manager().books.open()) {
            (0, 0) => Ok(()),
            left => Err(format!("left of a closed pool: {left:?} (size, open)")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let running = works(world).running();
        let owners: Vec<_> = running.iter().map(|work| work.owner).collect();
        let (status, lent) = (world.object().status(), leases(world));
        format!(
            "size {}, idle {}, waiters {}, lent {lent:?}, works of {owners:?}",
            status.size, status.idle, status.waiters
        )
    }
}

/// A resource, if there is one at once.
fn get_now(pool: &ResourcePool<Desk>) -> Option<Lease<'_, Desk>> {
    pool.manager().works_for(NOBODY);
    match pin!(pool.get()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(got) => got.ok(),
        Poll::Pending => None,
    }
}
