//! Cells that are set once: one initialiser at a time, and whoever ends without a value, however it
//! ends, leaves it to the next.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// What an initialising future returns.
pub type Attempt = Result<u64, ()>;

/// A cell, as the explorer sees it.
pub trait Settable {
    /// Without a value.
    fn new() -> Self;

    /// The value, if it is set.
    fn get(&self) -> Option<u64>;

    /// Sets the value, if that is possible at once.
    fn set(&self, value: u64) -> bool;

    /// The value, which `make` makes, or fails to make.
    fn get_or_try_init<'a>(
        &'a self,
        make: impl FnOnce() -> Boxed<'a, Attempt> + 'a,
    ) -> Boxed<'a, Attempt>;

    /// Waits for the value.
    fn wait(&self) -> Boxed<'_, u64>;

    /// How many futures wait.
    fn waiters(&self) -> usize;
}

/// The kind of an actor whose initialiser succeeds.
pub const SUCCEEDS: usize = 0;
/// The kind of one whose initialiser fails.
pub const FAILS: usize = 1;
/// The kind of one that has no initialiser.
pub const WAITS: usize = 2;

/// A cell, and who is initialising it.
#[derive(Debug)]
pub struct Watched<C> {
    cell: C,
    running: Cell<usize>,
    too_many: Cell<bool>,
}

impl<C> Watched<C> {
    fn run(&self, polls: usize, result: Attempt) -> Boxed<'_, Attempt> {
        struct Running<'a>(&'a Cell<usize>);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        self.running.set(self.running.get() + 1);
        self.too_many
            .set(self.too_many.get() || self.running.get() > 1);
        let running = Running(&self.running);
        let mut left = polls;
        Box::pin(async move {
            let _running = running;
            poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            result
        })
    }
}

/// Futures that initialise `C`, or wait for it.
#[derive(Debug)]
pub struct CellSet<C: Settable> {
    polls: usize,
    held: bool,
    plan: Plan<Self>,
}

impl<C: Settable> CellSet<C> {
    /// Each future is a task and a kind.
    pub fn new(actors: impl IntoIterator<Item = (usize, usize)>) -> Self {
        CellSet {
            polls: 0,
            held: false,
            plan: Plan::new(Actor::of_kinds(actors), Vec::new()),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    /// Initialisers are pending so many times.
    #[must_use]
    pub fn polls(self, polls: usize) -> Self {
        CellSet { polls, ..self }
    }

    /// From the start an initialiser is running, which does not end until it is released.
    #[must_use]
    pub fn held(self) -> Self {
        CellSet { held: true, ..self }
    }

    /// With so many times a `set`.
    #[must_use]
    pub fn set(mut self, times: usize) -> Self {
        self.plan
            .operations
            .push(Operation::new("set", times, |world| {
                let object = world.object();
                let (was_set, running) = (object.cell.get().is_some(), object.running.get() != 0);
                match object.cell.set(5) {
                    true if was_set || running => Err("set although it was set or running".into()),
                    true if object.cell.get() != Some(5) => Err("set, and not there".into()),
                    _ => Ok(()),
                }
            }));
        self
    }
}

impl<C: Settable> Scenario for CellSet<C> {
    type Object = Watched<C>;
    type Model = ();
    type Output<'a>
        = Attempt
    where
        Self: 'a;
    type Held<'a>
        = Boxed<'a, Attempt>
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Watched<C> {
        Watched {
            cell: C::new(),
            running: Cell::new(0),
            too_many: Cell::new(false),
        }
    }

    fn model(&self) {}

    fn future<'a>(&'a self, object: &'a Watched<C>, actor: usize) -> Boxed<'a, Attempt> {
        let make = move |result| {
            object
                .cell
                .get_or_try_init(move || object.run(self.polls, result))
        };
        match self.plan.actors[actor].kind {
            SUCCEEDS => make(Ok(actor as u64)),
            FAILS => make(Err(())),
            _ => Box::pin(async { Ok(object.cell.wait().await) }),
        }
    }

    fn setup<'a>(&'a self, world: &mut World<'a, Self>) {
        if self.held {
            let object = world.object();
            let mut runner = object
                .cell
                .get_or_try_init(move || object.run(usize::MAX, Err(())));
            let begun = runner
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(begun.is_pending() && object.running.get() == 1);
            world.keep(runner);
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Attempt,
    ) -> Result<Option<Boxed<'a, Attempt>>, String> {
        let there = world.object().cell.get();
        match output {
            Err(()) if self.plan.actors[actor].kind == FAILS && there.is_none() => Ok(None),
            Ok(value) if there == Some(value) => Ok(None),
            other => Err(format!(
                "future {actor} returned {other:?}, and {there:?} is there"
            )),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        if object.too_many.get() {
            return Err("two initialisers ran at the same time".into());
        }
        let waiters = object.cell.waiters();
        if waiters > world.pending().count() {
            return Err(format!("waiters() says {waiters}, which are too many"));
        }
        if object.cell.get().is_some() {
            return match world.pending().find(|i| world.woken(*i).is_none()) {
                Some(i) => Err(format!("it is set, and nobody woke future {i}")),
                None => Ok(()),
            };
        }
        let line = world
            .pending()
            .filter(|i| self.plan.actors[*i].kind != WAITS);
        let woken: Vec<_> = line.map(|i| world.woken(i).is_some()).collect();
        if object.running.get() == 0 && !woken.is_empty() && !woken.contains(&true) {
            return Err("nobody initialises, and nobody in line was woken".into());
        }
        Ok(())
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        self.plan.actors[actor].kind != WAITS || world.object().cell.get().is_some()
    }

    fn nudges(&self, parked: usize) -> usize {
        parked + 1
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        world.object().cell.set(6);
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        match (object.cell.waiters(), object.running.get()) {
            (0, 0) => {}
            left => return Err(format!("left in the end, waiting and running: {left:?}")),
        }
        if object.cell.get().is_none() && !object.cell.set(7) {
            return Err("nobody has it, and it cannot be set".into());
        }
        Ok(())
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let (cell, running) = (&world.object().cell, world.object().running.get());
        format!(
            "{:?}, {running} running, waiters {}",
            cell.get(),
            cell.waiters()
        )
    }
}
