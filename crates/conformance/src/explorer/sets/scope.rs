//! A tree of three scopes under every order of steps: root, child, grandchild.
//!
//! The oracle knows the tree. Whoever waits for a scope completes if and only if that or one above it
//! was cancelled, with the cause that came first on its way down; and is woken by then.

use async_sync::Context;
use async_sync::context::Cause;

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// Scopes from the root down.
pub const DEPTH: usize = 3;

/// What is known: the cause of each scope, by the number of the cancellation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    causes: [Option<usize>; DEPTH],
    cancelled: usize,
}

/// Futures that wait: number `n` for scope `n % 3`.
#[derive(Debug)]
pub struct ScopeSet {
    plan: Plan<Self>,
}

/// A line of scopes, each below the one before it.
#[derive(Debug)]
pub struct Line([Context; DEPTH]);

fn cancel(world: &mut World<'_, ScopeSet>, at: usize) -> Result<(), String> {
    let number = world.model.cancelled;
    world.model.cancelled += 1;
    let alive = world.model.causes[at].is_none();
    for cause in &mut world.model.causes[at..] {
        cause.get_or_insert(number);
    }
    let ctx = &world.object().0[at];
    let was_alive = ctx.cancel_with(Cause::custom(number.to_string()));
    if was_alive == alive {
        Ok(())
    } else {
        Err(format!("cancel() says {was_alive}, and should say {alive}"))
    }
}

impl ScopeSet {
    /// These wait, and each scope is cancelled up to so many times.
    #[must_use]
    pub fn new(actors: Vec<Actor>, cancels: [usize; DEPTH]) -> Self {
        let operations = vec![
            Operation::<Self>::new("cancel the root", cancels[0], |world| cancel(world, 0)),
            Operation::<Self>::new("cancel the child", cancels[1], |world| cancel(world, 1)),
            Operation::<Self>::new("cancel the grandchild", cancels[2], |world| {
                cancel(world, 2)
            }),
        ];
        ScopeSet {
            plan: Plan::new(actors, operations),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }
}

impl Scenario for ScopeSet {
    type Object = Line;
    type Model = Known;
    type Output<'a> = Cause;
    type Held<'a> = ();

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Line {
        let root = Context::new();
        let child = root.child();
        let grandchild = child.child();
        Line([root, child, grandchild])
    }

    fn model(&self) -> Known {
        Known::default()
    }

    fn future<'a>(&'a self, object: &'a Line, actor: usize) -> Boxed<'a, Cause> {
        Box::pin(object.0[actor % DEPTH].cancelled())
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        cause: Cause,
    ) -> Result<Option<()>, String> {
        let known = world.model.causes[actor % DEPTH].map(|number| number.to_string());
        if known == Some(cause.to_string()) {
            Ok(None)
        } else {
            Err(format!("the cause is {known:?}, and it got {cause}"))
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        for (n, ctx) in world.object().0.iter().enumerate() {
            let known = world.model.causes[n].map(|number| number.to_string());
            let cause = ctx.cause().map(|cause| cause.to_string());
            if cause != known || ctx.is_cancelled() != known.is_some() {
                return Err(format!(
                    "scope {n} says {cause:?}, and should say {known:?}"
                ));
            }
        }
        let asleep = world
            .pending()
            .find(|i| world.model.causes[i % DEPTH].is_some() && world.woken(*i).is_none());
        match asleep {
            Some(actor) => Err(format!("future {actor} was not woken")),
            None => Ok(()),
        }
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        world.model.causes[actor % DEPTH].is_some()
    }

    fn nudges(&self, parked: usize) -> usize {
        1 + parked
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        cancel(world, 0)
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match world.object().0.iter().map(Context::waiters).sum::<usize>() {
            0 => Ok(()),
            n => Err(format!("waiters() says {n} in the end")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        format!("{:?}", world.object().0)
    }
}
