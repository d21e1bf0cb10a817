//! What is explored.

use std::time::Duration;

use super::world::{Boxed, World};

/// An object, the futures that wait for it, and what else happens to it.
///
/// Everything may borrow the object, so the futures are those that users have, without an `Arc` or
/// an `async` block around them. A run must be deterministic: the same steps, the same results.
pub trait Scenario: Sized {
    /// What the futures wait for.
    type Object;
    /// What the scenario itself remembers in the course of a run, to compare with.
    type Model;
    /// What a future returns.
    type Output<'a>
    where
        Self: 'a;
    /// What is kept until a `release` step drops it: guards, permits, tokens.
    type Held<'a>
    where
        Self: 'a;

    /// Who does what, how often.
    fn plan(&self) -> &Plan<Self>;

    /// A new object.
    fn object(&self) -> Self::Object;

    /// What is known of a new object.
    fn model(&self) -> Self::Model;

    /// Future number `actor`.
    fn future<'a>(&'a self, object: &'a Self::Object, actor: usize) -> Boxed<'a, Self::Output<'a>>;

    /// Whether it makes no difference which of the things that are held is released. If so, only the
    /// first is.
    fn held_are_alike(&self) -> bool {
        false
    }

    /// Before the first step: whatever is held from the start.
    fn setup<'a>(&'a self, _: &mut World<'a, Self>) {}

    /// Future `actor` has returned `output`: is that right, and what of it is to be kept?
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Self::Output<'a>,
    ) -> Result<Option<Self::Held<'a>>, String>;

    /// After each step.
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String>;

    /// The steps are over: gives back what is not held by anybody (forgotten permits), before it is
    /// required that everybody gets through.
    fn settle<'a>(&'a self, _: &mut World<'a, Self>) {}

    /// Whether future `actor`, which waits, has to complete now that everything was given back.
    fn must_complete(&self, _: &World<'_, Self>, _actor: usize) -> bool {
        true
    }

    /// How many later operations get everybody through, if so many futures are parked: each may sit on
    /// a baton.
    fn nudges(&self, parked: usize) -> usize {
        parked
    }

    /// The *later operation* that somebody does in the end, after time has passed.
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    fn nudge<'a>(&'a self, _: &mut World<'a, Self>) -> Result<(), String> {
        Ok(())
    }

    /// At the very end, when no future is left: is the object as good as new?
    ///
    /// # Errors
    ///
    /// The promise that was broken.
    fn idle(&self, _: &World<'_, Self>) -> Result<(), String> {
        Ok(())
    }

    /// A number that tells all states of the object and of the model apart that behave differently,
    /// or none, if there is no such number.
    fn fingerprint(&self, _: &World<'_, Self>) -> Option<u64> {
        None
    }

    /// The object, in the lines of a replay.
    fn describe(&self, _: &World<'_, Self>) -> String {
        String::new()
    }
}

/// Who does what, how often.
pub struct Plan<S: Scenario> {
    /// The futures, by number.
    pub actors: Vec<Actor>,
    /// How often the less common steps may happen.
    pub bounds: Bounds,
    /// What may happen besides.
    pub operations: Vec<Operation<S>>,
}

impl<S: Scenario> Plan<S> {
    /// Without any of the less common steps.
    #[must_use]
    pub fn new(actors: Vec<Actor>, operations: Vec<Operation<S>>) -> Self {
        Plan {
            actors,
            bounds: Bounds::NONE,
            operations,
        }
    }
}

impl<S: Scenario> std::fmt::Debug for Plan<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("actors", &self.actors)
            .field("bounds", &self.bounds)
            .field("operations", &self.operations)
            .finish()
    }
}

/// A future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Futures with the same number share a waker.
    pub task: usize,
    /// Futures with the same number do the same thing.
    pub kind: usize,
}

impl Actor {
    /// `n` equal futures, each in a task of its own.
    #[must_use]
    pub fn each_alone(n: usize) -> Vec<Actor> {
        Actor::in_tasks(0..n)
    }

    /// Equal futures in these tasks.
    pub fn in_tasks(tasks: impl IntoIterator<Item = usize>) -> Vec<Actor> {
        Actor::of_kinds(tasks.into_iter().map(|task| (task, 0)))
    }

    /// Futures of these tasks and kinds.
    pub fn of_kinds(actors: impl IntoIterator<Item = (usize, usize)>) -> Vec<Actor> {
        let actor = |(task, kind)| Actor { task, kind };
        actors.into_iter().map(actor).collect()
    }
}

/// How often the less common steps may happen in one schedule.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Polls that nobody asked for.
    pub spurious: usize,
    /// Polls with a waker that is new.
    pub rewakes: usize,
    /// Futures that are never polled again.
    pub parks: usize,
    /// How often time passes.
    pub times: usize,
    /// How much of it: 1.2 ms unless told otherwise.
    pub tick: Duration,
    /// What it takes to get everybody through in the end.
    pub waits: Waits,
}

impl Bounds {
    /// None of them, and the usual tick.
    pub const NONE: Bounds = Bounds {
        spurious: 0,
        rewakes: 0,
        parks: 0,
        times: 0,
        tick: Duration::from_micros(1200),
        waits: Waits::ForNobody,
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::NONE
    }
}

/// What it takes to get everybody through in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Nothing but that all give back what they hold.
    ForNobody,
    /// If a future is parked: time, and then some later [operation](Scenario::nudge).
    ForANudge,
}

/// Something that may happen to the object besides.
pub struct Operation<S: Scenario> {
    /// One word, which stands for it in traces.
    pub name: &'static str,
    /// How often it may happen in one schedule.
    pub times: usize,
    /// Whether it may happen now.
    pub when: for<'a> fn(&World<'a, S>) -> bool,
    /// Does it; an error is a promise that was broken.
    pub run: for<'a> fn(&mut World<'a, S>) -> Result<(), String>,
}

impl<S: Scenario> Operation<S> {
    /// One that may happen at any time.
    #[must_use]
    pub fn new(
        name: &'static str,
        times: usize,
        run: for<'a> fn(&mut World<'a, S>) -> Result<(), String>,
    ) -> Self {
        Operation {
            name,
            times,
            when: |_| true,
            run,
        }
    }

    /// One that may happen when `when` holds.
    #[must_use]
    pub fn when(self, when: for<'a> fn(&World<'a, S>) -> bool) -> Self {
        Operation { when, ..self }
    }
}

impl<S: Scenario> Clone for Operation<S> {
    fn clone(&self) -> Self {
        Operation { ..*self }
    }
}

impl<S: Scenario> std::fmt::Debug for Operation<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at most {})", self.name, self.times)
    }
}
