//! A watched value under every order of steps: each future is one wait, by a receiver that has seen
//! the first value.
//!
//! The oracle knows the last value. A wait completes with that, if it is not the first; and is woken
//! by then.

use std::sync::Arc;

use async_sync::Watch;

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// Futures that wait for a change.
#[derive(Debug)]
pub struct WatchSet {
    plan: Plan<Self>,
}

#[allow(clippy::unnecessary_wraps, reason = "an operation")]
fn store(world: &mut World<'_, WatchSet>) -> Result<(), String> {
    world.model += 1;
    world.object().store(world.model);
    Ok(())
}

impl WatchSet {
    /// These wait; so many stores, and so many attempts to store that must fail.
    #[must_use]
    pub fn new(actors: Vec<Actor>, stores: usize, compares: usize) -> Self {
        let store = Operation::<Self>::new("store", stores, store);
        let compare = Operation::<Self>::new("compare and swap", compares, |world| {
            let equal = Arc::new(world.model);
            match world.object().compare_and_swap(&equal, usize::MAX) {
                Ok(_) => Err("another Arc was taken for the last one".to_owned()),
                Err(error) if *error.current == world.model => Ok(()),
                Err(error) => Err(format!("the last value is {}", error.current)),
            }
        });
        WatchSet {
            plan: Plan::new(actors, vec![store, compare]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }
}

impl Scenario for WatchSet {
    type Object = Watch<usize>;
    type Model = usize;
    type Output<'a> = usize;
    type Held<'a> = ();

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Watch<usize> {
        Watch::new(0)
    }

    fn model(&self) -> usize {
        0
    }

    fn future<'a>(&'a self, object: &'a Watch<usize>, _: usize) -> Boxed<'a, usize> {
        // Made when the step comes: it has seen what is there by then.
        let mut receiver = object.subscribe();
        Box::pin(async move { *receiver.changed().await.expect("it is never closed") })
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        _: usize,
        value: usize,
    ) -> Result<Option<()>, String> {
        if value == world.model && value != 0 {
            Ok(None)
        } else {
            Err(format!(
                "the last value is {}, and it got {value}",
                world.model
            ))
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let waiters = world.object().waiters();
        let asleep = world
            .pending()
            .filter(|i| world.woken(*i).is_none())
            .count();
        let last = *world.object().load();
        if last != world.model {
            return Err(format!("the last value is {last}"));
        }
        if asleep > waiters {
            return Err(format!("{asleep} sleep, and {waiters} are in the queue"));
        }
        Ok(())
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        world.woken(actor).is_some()
    }

    fn nudges(&self, parked: usize) -> usize {
        1 + parked
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        store(world)
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match world.object().waiters() {
            0 => Ok(()),
            n => Err(format!("waiters() says {n} in the end")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        format!("{:?}", world.object())
    }
}
