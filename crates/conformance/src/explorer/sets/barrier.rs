//! Barriers: all meet, or all are told. The oracle is Java's barrier, as a list of who has arrived.

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, Stage, World};

/// A barrier, as the explorer sees it.
pub trait Meeting {
    /// Whether one that leaves while it waits breaks it.
    const BREAKS: bool;

    /// For so many.
    fn new(parties: usize) -> Self;

    /// Arrives, and waits. The number of the generation, or nothing if it is broken.
    fn wait(&self) -> impl Future<Output = Option<usize>>;

    /// Breaks and mends.
    fn reset(&self);

    /// Whether it is broken, how many have arrived, and which generation it is.
    fn state(&self) -> (bool, usize, usize);
}

/// What becomes of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Not polled yet, or known already.
    None,
    Waits,
    Ends(Option<usize>),
}

/// What is known of a barrier.
#[derive(Clone, Debug)]
pub struct Arrivals {
    broken: bool,
    generation: usize,
    fates: Vec<Fate>,
}

impl Arrivals {
    fn arrived(&self) -> usize {
        self.fates.iter().filter(|f| **f == Fate::Waits).count()
    }

    fn end(&mut self, how: Option<usize>) {
        for fate in &mut self.fates {
            if *fate == Fate::Waits {
                *fate = Fate::Ends(how);
            }
        }
    }
}

/// Futures that meet at an `M`.
#[derive(Debug)]
pub struct BarrierSet<M: Meeting> {
    parties: usize,
    plan: Plan<Self>,
}

impl<M: Meeting> BarrierSet<M> {
    /// For so many parties, these futures, and so many times a `reset`.
    #[must_use]
    pub fn new(parties: usize, actors: Vec<Actor>, resets: usize) -> Self {
        BarrierSet {
            parties,
            plan: Plan::new(actors, vec![Operation::<Self>::new("reset", resets, reset)]),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }
}

#[allow(clippy::unnecessary_wraps, reason = "an operation")]
fn reset<M: Meeting>(world: &mut World<'_, BarrierSet<M>>) -> Result<(), String> {
    world.object().reset();
    let model = &mut world.model;
    model.generation += usize::from(model.broken || model.arrived() != 0);
    model.broken = false;
    model.end(None);
    Ok(())
}

impl<M: Meeting> Scenario for BarrierSet<M> {
    type Object = M;
    type Model = Arrivals;
    type Output<'a>
        = Option<usize>
    where
        Self: 'a;
    type Held<'a>
        = ()
    where
        Self: 'a;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> M {
        M::new(self.parties)
    }

    fn model(&self) -> Arrivals {
        Arrivals {
            broken: false,
            generation: 0,
            fates: vec![Fate::None; self.plan.actors.len()],
        }
    }

    fn future<'a>(&'a self, object: &'a M, _: usize) -> Boxed<'a, Option<usize>> {
        Box::pin(object.wait())
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Option<usize>,
    ) -> Result<Option<()>, String> {
        let parties = self.parties;
        let model = &mut world.model;
        let expected = match model.fates[actor] {
            Fate::Ends(how) => how,
            Fate::Waits => return Err(format!("wait {actor} ended, and not all have arrived")),
            Fate::None if model.broken => None,
            Fate::None if model.arrived() + 1 == parties => {
                let generation = model.generation;
                model.end(Some(generation));
                model.generation += 1;
                Some(generation)
            }
            Fate::None => return Err(format!("wait {actor} did not wait for the others")),
        };
        model.fates[actor] = Fate::None;
        if output == expected {
            Ok(None)
        } else {
            Err(format!(
                "wait {actor} returned {output:?} instead of {expected:?}"
            ))
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        for i in 0..world.actors() {
            match (world.stage(i), world.model.fates[i]) {
                (Stage::Pending, Fate::None) => {
                    if world.model.broken || world.model.arrived() + 1 == self.parties {
                        return Err(format!("wait {i} waits for nobody"));
                    }
                    world.model.fates[i] = Fate::Waits;
                }
                (Stage::Dropped, Fate::Waits) => {
                    world.model.fates[i] = Fate::None;
                    if M::BREAKS {
                        world.model.broken = true;
                        world.model.end(None);
                    }
                }
                (Stage::Dropped, _) => world.model.fates[i] = Fate::None,
                _ => {}
            }
        }
        let model = &world.model;
        let expected = (model.broken, model.arrived(), model.generation);
        let state = world.object().state();
        if state != expected {
            return Err(format!(
                "broken, arrived, generation: {state:?}, not {expected:?}"
            ));
        }
        let told = |i: &usize| matches!(world.model.fates[*i], Fate::Ends(_));
        match world
            .pending()
            .find(|i| told(i) && world.woken(*i).is_none())
        {
            Some(i) => Err(format!("wait {i} is over, and nobody woke it")),
            None => Ok(()),
        }
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        world.model.fates[actor] != Fate::Waits
    }

    fn nudges(&self, parked: usize) -> usize {
        1 + parked
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        reset(world)
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let (broken, arrived, generation) = world.object().state();
        format!("broken {broken}, arrived {arrived}, generation {generation}")
    }
}
