//! Signals for one waiter at a time: as many go on as it was set, in order, and none is lost.
//!
//! The oracle counts. Futures that have completed, those that have been woken and not polled, and a
//! signal that is kept make as many as there were signals; two become one only where one is kept
//! already and nobody waits.

use crate::explorer::order::{Excuse, in_order};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// A signal, as the explorer sees it.
pub trait Signal {
    /// Not set.
    fn new() -> Self;

    /// Releases the first who waits, or is kept.
    fn set(&self);

    /// Takes one that is kept.
    fn try_wait(&self) -> bool;

    /// Waits.
    fn wait(&self) -> impl Future<Output = ()>;

    /// Whether one is kept.
    fn is_set(&self) -> bool;

    /// How many futures are queued.
    fn waiters(&self) -> usize;
}

/// What is known of a signal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals {
    /// How often it was set.
    sets: usize,
    /// How many went on, newcomers that did not wait included.
    gone: usize,
    /// As it was after the last step, and may be now.
    count: usize,
    /// Somebody has been late: notifications may have been taken away, and two have become one.
    blurred: bool,
}

/// Futures that wait for `S`.
#[derive(Debug)]
pub struct SignalSet<S: Signal> {
    plan: Plan<Self>,
}

impl<S: Signal> SignalSet<S> {
    /// These waits; so many times `set`, and so many times a newcomer that does not wait.
    #[must_use]
    pub fn new(actors: Vec<Actor>, sets: usize, tries: usize) -> Self {
        let set = Operation::<Self>::new("set", sets, set);
        let try_wait = Operation::<Self>::new("try_wait", tries, |world| {
            if world.object().try_wait() {
                world.model.gone += 1;
                world.hear();
                in_order(world, None, Excuse::Woken)?;
            }
            Ok(())
        });
        SignalSet {
            plan: Plan::new(actors, vec![set, try_wait]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    fn each_alone(&self) -> bool {
        let alone = |actor: &Actor| {
            self.plan
                .actors
                .iter()
                .filter(|a| a.task == actor.task)
                .count()
                == 1
        };
        self.plan.actors.iter().all(alone)
    }
}

fn unwoken<S: Signal>(world: &World<'_, SignalSet<S>>) -> usize {
    world
        .pending()
        .filter(|i| world.woken(*i).is_none())
        .count()
}

#[allow(clippy::unnecessary_wraps, reason = "an operation")]
fn set<S: Signal>(world: &mut World<'_, SignalSet<S>>) -> Result<(), String> {
    let merges = world.object().is_set() && unwoken(world) == 0;
    world.object().set();
    world.model.sets += 1;
    world.model.count += usize::from(!merges);
    Ok(())
}

impl<S: Signal> Scenario for SignalSet<S> {
    type Object = S;
    type Model = Signals;
    type Output<'a>
        = ()
    where
        Self: 'a;
    type Held<'a>
        = ()
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> S {
        S::new()
    }

    fn model(&self) -> Signals {
        Signals::default()
    }

    fn future<'a>(&'a self, object: &'a S, _: usize) -> Boxed<'a, ()> {
        Box::pin(object.wait())
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        (): (),
    ) -> Result<Option<()>, String> {
        world.model.gone += 1;
        in_order(world, Some(actor), Excuse::Woken)?;
        Ok(None)
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let Signals { sets, gone, .. } = world.model;
        if gone > sets {
            return Err(format!("{gone} went on, and it was set {sets} times"));
        }
        let is_set = world.object().is_set();
        let late = world.pending().any(|i| world.is_late(i));
        world.model.blurred |= late;
        if is_set && !world.model.blurred && unwoken(world) != 0 {
            return Err("one is kept, and somebody waits".to_owned());
        }
        if world.model.blurred || !self.each_alone() {
            return Ok(());
        }
        let woken = world.pending().count() - unwoken(world);
        let count = gone + woken + usize::from(is_set);
        let merged = is_set && unwoken(world) == 0 && count + 1 == world.model.count;
        if count != world.model.count && !merged {
            return Err(format!(
                "{gone} went on, {woken} are woken, kept: {is_set}; that should make {}",
                world.model.count
            ));
        }
        world.model.count = count;
        Ok(())
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        world.woken(actor).is_some() || world.object().is_set()
    }

    fn nudges(&self, parked: usize) -> usize {
        2 * self.plan.actors.len() + parked
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        set(world)
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match world.object().waiters() {
            0 => Ok(()),
            n => Err(format!("waiters() says {n} in the end")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        format!("set {}, waiters {}", object.is_set(), object.waiters())
    }
}
