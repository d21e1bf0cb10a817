//! Wait groups: a wait ends when the count comes to zero, not before and not never.

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// A wait group, as the explorer sees it.
pub trait Group {
    /// Counts until it is dropped.
    type Token<'a>
    where
        Self: 'a;

    /// Counts zero.
    fn new() -> Self;

    /// Counts one more.
    fn add(&self) -> Self::Token<'_>;

    /// Waits until the count is zero.
    fn wait(&self) -> impl Future<Output = ()>;

    /// The count, if it tells.
    fn count(&self) -> Option<usize> {
        None
    }

    /// How many futures wait, if it tells.
    fn waiters(&self) -> Option<usize> {
        None
    }
}

/// What is known of a group.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rounds {
    /// Tokens that were out after the last step.
    tokens: usize,
    /// When the count last came to zero.
    ended: usize,
}

/// Futures that wait for `G`, which starts with some tokens.
#[derive(Debug)]
pub struct GroupSet<G: Group> {
    tokens: usize,
    plan: Plan<Self>,
}

impl<G: Group> GroupSet<G> {
    /// So many tokens, these waits, and so many times an `add` in between.
    #[must_use]
    pub fn new(tokens: usize, actors: Vec<Actor>, adds: usize) -> Self {
        let add = Operation::<Self>::new("add", adds, |world| {
            let token = world.object().add();
            world.keep(token);
            Ok(())
        });
        GroupSet {
            tokens,
            plan: Plan::new(actors, vec![add]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }
}

impl<G: Group> Scenario for GroupSet<G> {
    type Object = G;
    type Model = Rounds;
    type Output<'a>
        = ()
    where
        Self: 'a;
    type Held<'a>
        = G::Token<'a>
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> G {
        G::new()
    }

    fn model(&self) -> Rounds {
        Rounds {
            tokens: self.tokens,
            ended: 0,
        }
    }

    fn future<'a>(&'a self, object: &'a G, _: usize) -> Boxed<'a, ()> {
        Box::pin(object.wait())
    }

    fn held_are_alike(&self) -> bool {
        true
    }

    fn setup<'a>(&'a self, world: &mut World<'a, Self>) {
        for _ in 0..self.tokens {
            let token = world.object().add();
            world.keep(token);
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        (): (),
    ) -> Result<Option<G::Token<'a>>, String> {
        let over = world
            .queued(actor)
            .is_some_and(|queued| queued < world.model.ended);
        match world.held().count() {
            tokens if tokens > 0 && !over => Err(format!(
                "wait {actor} ended, and {tokens} tokens were out all the time"
            )),
            _ => Ok(None),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let tokens = world.held().count();
        if tokens == 0 && world.model.tokens > 0 {
            world.model.ended = world.step();
        }
        world.model.tokens = tokens;
        match world.object().count() {
            Some(count) if count != tokens => {
                return Err(format!("count() says {count}, and {tokens} tokens are out"));
            }
            _ => {}
        }
        let ended = world.model.ended;
        let is_over = |i: usize| world.queued(i).is_some_and(|queued| queued < ended);
        for i in world.pending() {
            if is_over(i) && world.woken(i).is_none() {
                return Err(format!("the round of wait {i} is over, and nobody woke it"));
            }
            if tokens == 0 && world.queued(i) == Some(world.step()) {
                return Err(format!("wait {i} waits for nothing"));
            }
        }
        let waiting = world.pending().filter(|i| !is_over(*i)).count();
        match world.object().waiters() {
            Some(waiters) if waiters != waiting => {
                Err(format!("waiters() says {waiters}, and {waiting} wait"))
            }
            _ => Ok(()),
        }
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match (world.object().count(), world.object().waiters()) {
            (None | Some(0), None | Some(0)) => Ok(()),
            left => Err(format!("left in the end: {left:?}")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        format!("count {:?}, waiters {:?}", object.count(), object.waiters())
    }
}
