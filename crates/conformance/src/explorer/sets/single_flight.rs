//! Single flight: whoever is polled gets through, whatever becomes of the others.
//!
//! The works are told from outside when to end. A future that is parked may be the one that began the
//! execution, or polled it last: the others have to get through without it, and without any later
//! operation.

use async_sync::SingleFlight;

use super::work::{Work, Works};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

const KEY: u8 = 1;

/// A group, and the works that its executions have begun.
#[derive(Debug)]
pub struct Flights {
    group: SingleFlight<u8, usize, usize>,
    works: Works,
}

/// Callers of one key.
#[derive(Debug)]
pub struct FlightSet {
    plan: Plan<Self>,
}

impl FlightSet {
    /// These callers; so many times the work ends, is woken for nothing, and is forgotten.
    #[must_use]
    pub fn new(
        actors: Vec<Actor>,
        bounds: Bounds,
        ends: usize,
        wakes: usize,
        forgets: usize,
    ) -> Self {
        let end = Operation::<Self>::new("end", ends, |world| {
            world.object().works.end(true);
            Ok(())
        });
        let wake_up = Operation::<Self>::new("wake", wakes, |world| {
            world.object().works.disturb();
            Ok(())
        });
        let forget = Operation::<Self>::new("forget", forgets, |world| {
            world.object().group.forget(&KEY);
            Ok(())
        });
        FlightSet {
            plan: Plan {
                bounds,
                ..Plan::new(actors, vec![end, wake_up, forget])
            },
        }
    }
}

impl Scenario for FlightSet {
    type Object = Flights;
    type Model = ();
    type Output<'a> = Result<usize, usize>;
    type Held<'a> = ();

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Flights {
        Flights {
            group: SingleFlight::new(),
            works: Works::default(),
        }
    }

    fn model(&self) {}

    fn future<'a>(&'a self, object: &'a Flights, i: usize) -> Boxed<'a, Result<usize, usize>> {
        Box::pin(async move {
            let work = object.works.add(i);
            let run = object.group.run(&KEY, move || work);
            run.await.map(|outcome| outcome.value)
        })
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Result<usize, usize>,
    ) -> Result<Option<()>, String> {
        let work = output.ok().and_then(|n| world.object().works.get(n));
        match work {
            Some(work) if work.has_ended(true) => Ok(None),
            _ => Err(format!("caller {actor} got what no work has returned")),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let works = object.works.running();
        let running = works.len();
        let waiting: Vec<_> = world.pending().collect();
        if waiting.is_empty() && (running != 0 || !object.group.is_empty()) {
            return Err(format!("nobody waits, and {running} works go on"));
        }
        if running > waiting.len() {
            return Err(format!("{running} works for {} callers", waiting.len()));
        }
        // A single work that wants a poll: every caller has to know, as any may be the only one that
        // is ever polled again.
        if let [Work { wants: true, .. }] = works[..] {
            for i in waiting {
                if world.woken(i).is_none() {
                    return Err(format!("the work was woken, and caller {i} does not know"));
                }
            }
        }
        Ok(())
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        world.object().works.end_all();
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        match (object.group.len(), object.works.running().len()) {
            (0, 0) => Ok(()),
            left => Err(format!("left in the end: {left:?} (entries, works)")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let group = &world.object().group;
        format!(
            "callers {}, waiters {}",
            group.callers(&KEY),
            group.waiters(&KEY)
        )
    }
}
