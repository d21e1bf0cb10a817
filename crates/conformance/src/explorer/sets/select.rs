//! Selects over a lock, a permit and an event, beside those who wait for one of them: exactly one case
//! commits, and the losers leave nothing behind.

use async_sync::mutex::{Mutex, MutexGuard, Policy};
use async_sync::select::{Select, SelectAll};
use async_sync::semaphore::{Permit, Semaphore};
use async_sync::{AutoEvent, select};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// What is waited for.
#[derive(Debug)]
pub struct Three<P: Policy> {
    lock: Mutex<(), P>,
    semaphore: Semaphore,
    event: AutoEvent,
}

/// What a future got.
#[derive(Debug)]
pub enum Got<'a, P: Policy> {
    /// The lock.
    Lock(MutexGuard<'a, (), P>),
    /// The permit.
    Permit(Permit<'a>),
    /// The event.
    Signal,
}

/// What a future does: its actor's `kind`.
pub mod kind {
    /// A `select!` over all three, in random order.
    pub const MACRO: usize = 0;
    /// A `Select` over all three, in random order.
    pub const DYNAMIC: usize = 1;
    /// Waits for the lock.
    pub const LOCK: usize = 2;
    /// Waits for the permit.
    pub const ACQUIRE: usize = 3;
    /// Waits for the event.
    pub const WAIT: usize = 4;
}

/// Futures of these kinds.
#[derive(Debug)]
pub struct SelectsSet<P: Policy> {
    seed: u64,
    plan: Plan<Self>,
}

/// How often the event was set, and how often somebody went on by it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals {
    sets: usize,
    gone: usize,
}

impl<P: Policy> SelectsSet<P> {
    /// Actors by [`kind`]; the event is set so many times. Choices follow the seed.
    #[must_use]
    pub fn new(kinds: &[usize], sets: usize, seed: u64) -> Self {
        let actors = kinds.iter().enumerate();
        let actors = actors.map(|(task, &kind)| Actor { task, kind }).collect();
        let set = Operation::<Self>::new("set", sets, |world| {
            world.object().event.set();
            world.model.sets += 1;
            Ok(())
        });
        SelectsSet {
            seed,
            plan: Plan::new(actors, vec![set]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    fn pending(&self, world: &World<'_, Self>, alone: usize) -> usize {
        let waits = |&i: &usize| {
            let kind = self.plan.actors[i].kind;
            kind == kind::MACRO || kind == kind::DYNAMIC || kind == alone
        };
        world.pending().filter(waits).count()
    }
}

async fn by_macro<'a, P: Policy>(three: &'a Three<P>) -> Got<'a, P> {
    select! {
        guard = three.lock.lock() => Got::Lock(guard),
        permit = three.semaphore.acquire() => Got::Permit(permit.expect("nobody closes it")),
        () = three.event.wait() => Got::Signal,
    }
}

type Dynamic<'a, P> = SelectAll<async_sync::select::BoxedCase<'a, Got<'a, P>>>;

fn dynamic<'a, P: Policy>(three: &'a Three<P>) -> Dynamic<'a, P> {
    let mut select = Select::new();
    select.case(three.lock.lock(), Got::Lock);
    select.case(three.semaphore.acquire(), |permit| {
        Got::Permit(permit.expect("nobody closes it"))
    });
    select.case(three.event.wait(), |()| Got::Signal);
    select.into_future()
}

impl<P: Policy> Scenario for SelectsSet<P> {
    type Object = Three<P>;
    type Model = Signals;
    type Output<'a> = Got<'a, P>;
    type Held<'a> = Got<'a, P>;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Three<P> {
        // Every run chooses alike.
        sync_core::chance::set_seed(Some(self.seed));
        Three {
            lock: Mutex::with_policy(()),
            semaphore: Semaphore::new(1),
            event: AutoEvent::new(),
        }
    }

    fn model(&self) -> Signals {
        Signals::default()
    }

    fn setup<'a>(&'a self, world: &mut World<'a, Self>) {
        // Both are out, or the first select would never wait.
        let three = world.object();
        world.keep(Got::Lock(three.lock.try_lock().expect("it is new")));
        world.keep(Got::Permit(
            three.semaphore.try_acquire().expect("it is new"),
        ));
    }

    fn future<'a>(&'a self, three: &'a Three<P>, actor: usize) -> Boxed<'a, Got<'a, P>> {
        match self.plan.actors[actor].kind {
            kind::MACRO => Box::pin(by_macro(three)),
            kind::DYNAMIC => Box::pin(async { dynamic(three).await.1 }),
            kind::LOCK => Box::pin(async { Got::Lock(three.lock.lock().await) }),
            kind::ACQUIRE => Box::pin(async {
                Got::Permit(three.semaphore.acquire().await.expect("nobody closes it"))
            }),
            _ => Box::pin(async {
                three.event.wait().await;
                Got::Signal
            }),
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        _: usize,
        got: Got<'a, P>,
    ) -> Result<Option<Got<'a, P>>, String> {
        if matches!(got, Got::Signal) {
            world.model.gone += 1;
            return Ok(None);
        }
        Ok(Some(got))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let three = world.object();
        let locks = world
            .held()
            .filter(|(_, got)| matches!(got, Got::Lock(_)))
            .count();
        let permits = world
            .held()
            .filter(|(_, got)| matches!(got, Got::Permit(_)))
            .count();
        if locks > 1 || permits > 1 {
            return Err(format!("{locks} guards and {permits} permits are out"));
        }
        let Signals { sets, gone } = world.model;
        if gone > sets {
            return Err(format!("{gone} went on, and it was set {sets} times"));
        }
        // Losers leave no trace: whoever waits has one place in each of its queues, and nobody else has.
        let late = world.pending().filter(|i| world.is_late(*i)).count();
        for (name, waiters, pending) in [
            (
                "lock",
                three.lock.waiters(),
                self.pending(world, kind::LOCK),
            ),
            (
                "semaphore",
                three.semaphore.waiters(),
                self.pending(world, kind::ACQUIRE),
            ),
            (
                "event",
                three.event.waiters(),
                self.pending(world, kind::WAIT),
            ),
        ] {
            if !(pending.saturating_sub(late)..=pending).contains(&waiters) {
                return Err(format!("{name}: {waiters} places, and {pending} wait"));
            }
        }
        // What is free goes to somebody.
        let woken = world.pending().any(|i| world.woken(i).is_some());
        if late > 0 || woken {
            return Ok(());
        }
        let free = [
            ("lock", locks == 0 && three.lock.waiters() > 0),
            ("permit", permits == 0 && three.semaphore.waiters() > 0),
            ("signal", three.event.is_set() && three.event.waiters() > 0),
        ];
        match free.into_iter().find(|(_, lost)| *lost) {
            Some((name, _)) => Err(format!(
                "the {name} is free, and nobody who waits was woken"
            )),
            None => Ok(()),
        }
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        self.plan.actors[actor].kind != kind::WAIT
            || world.woken(actor).is_some()
            || world.object().event.is_set()
    }

    fn nudges(&self, parked: usize) -> usize {
        3 * (self.plan.actors.len() + parked)
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        let three = world.object();
        drop(three.lock.try_lock());
        drop(three.semaphore.try_acquire());
        three.event.set();
        world.model.sets += 1;
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let three = world.object();
        let free = three.lock.try_lock().is_some() && three.semaphore.available() == 1;
        let waiters = three.lock.waiters() + three.semaphore.waiters() + three.event.waiters();
        if free && waiters == 0 {
            Ok(())
        } else {
            Err(format!("all are gone; free: {free}, waiters: {waiters}"))
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let three = world.object();
        format!(
            "lock {} {}, permits {} {}, event {} {}",
            three.lock.is_locked(),
            three.lock.waiters(),
            three.semaphore.available(),
            three.semaphore.waiters(),
            three.event.is_set(),
            three.event.waiters()
        )
    }
}
