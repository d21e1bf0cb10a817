//! Maps whose values are computed: for each key one initialiser at a time, whose value all get who wait
//! for it; and whoever ends without a value, however it ends, leaves it to the next in line.
//!
//! The oracle knows what is in the map after each step. So it can tell whether a value that is returned
//! was there at some moment of the call.

use std::task::{Context, Waker};

use super::work::{NOBODY, Works};
use crate::explorer::order::{Excuse, in_line};
use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// How many keys there are: 0 and 1.
const KEYS: usize = 2;

/// What an initialiser returns: its number, as a value or as an error.
pub type Attempt = Result<usize, usize>;

/// A map, as the explorer sees it.
pub trait Computes {
    /// Empty.
    fn new() -> Self;

    /// The value of a key.
    fn load(&self, key: usize) -> Option<usize>;

    /// Sets the value of a key.
    fn store(&self, key: usize, value: usize);

    /// Removes the value of a key.
    fn delete(&self, key: usize);

    /// The value of a key, which `make` makes, or fails to make, if there is none.
    fn get_or_compute<'a>(
        &'a self,
        key: usize,
        make: impl FnOnce() -> Boxed<'a, Attempt> + 'a,
    ) -> Boxed<'a, Attempt>;

    /// How many keys have their values computed, if it tells.
    fn computing(&self) -> Option<usize> {
        None
    }
}

/// What the initialiser of a future does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Waits until it is told to end.
    Waits,
    /// Has a value at once.
    Succeeds,
    /// Fails at once.
    Fails,
}

const KINDS: [Does; 3] = [Does::Waits, Does::Succeeds, Does::Fails];

/// A map, and its initialisers.
#[derive(Debug)]
pub struct Watched<M> {
    map: M,
    works: Works,
}

impl<M: Computes> Watched<M> {
    /// A call of the future `owner`.
    fn compute(&self, owner: usize, key: usize, does: Does) -> Boxed<'_, Attempt> {
        self.map.get_or_compute(key, move || {
            let work = self.works.add(owner);
            match does {
                Does::Waits => {}
                Does::Succeeds => self.works.tell(work.number(), true),
                Does::Fails => self.works.tell(work.number(), false),
            }
            Box::pin(work)
        })
    }
}

/// What is known of a map.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What is in it now.
    values: [Option<usize>; KEYS],
    /// What was in it before this step.
    before: [Option<usize>; KEYS],
    /// Each value that ever was in it, and the last step after which it was.
    seen: Vec<(usize, usize)>,
    /// The futures that were waiting when a value was computed: they are not in line any more.
    served: Vec<usize>,
    /// How many values operations have stored.
    stored: usize,
}

/// Futures that compute values of `M`, or wait for somebody who does.
#[derive(Debug)]
pub struct MapSet<M: Computes> {
    held: bool,
    plan: Plan<Self>,
}

impl<M: Computes> MapSet<M> {
    /// Each future is a task, a key, and what its initialiser does.
    ///
    /// # Panics
    ///
    /// If a key is neither 0 nor 1.
    pub fn new(actors: impl IntoIterator<Item = (usize, usize, Does)>) -> Self {
        let kind = |(task, key, does)| (task, key * KINDS.len() + does as usize);
        let actors = Actor::of_kinds(actors.into_iter().map(kind));
        assert!(actors.iter().all(|a| a.kind < KEYS * KINDS.len()));
        MapSet {
            held: false,
            plan: Plan::new(actors, Vec::new()),
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }

    /// From the start the value of key 0 is computed, until that is released.
    #[must_use]
    pub fn held(self) -> Self {
        MapSet { held: true, ..self }
    }

    fn operation(mut self, operation: Operation<Self>) -> Self {
        self.plan.operations.push(operation);
        self
    }

    /// So many times the initialiser that has waited for longest ends, and so many times it fails.
    #[must_use]
    pub fn ends(self, well: usize, badly: usize) -> Self {
        let end = Operation::new("end", well, |world: &mut World<'_, Self>| {
            world.object().works.end(true);
            Ok(())
        });
        let fail = Operation::new("fail", badly, |world: &mut World<'_, Self>| {
            world.object().works.end(false);
            Ok(())
        });
        self.operation(end.when(|world| world.object().works.is_any_waiting()))
            .operation(fail.when(|world| world.object().works.is_any_waiting()))
    }

    /// With so many times a value that is stored for key 0, and deleted.
    #[must_use]
    pub fn changes(self, stores: usize, deletes: usize) -> Self {
        let store = Operation::new("store", stores, |world: &mut World<'_, Self>| {
            let value = 100 + world.model.stored;
            world.model.stored += 1;
            world.model.values[0] = Some(value);
            world.object().map.store(0, value);
            Ok(())
        });
        let delete = Operation::new("delete", deletes, |world: &mut World<'_, Self>| {
            world.model.values[0] = None;
            world.object().map.delete(0);
            Ok(())
        });
        self.operation(store)
            .operation(delete.when(|world| world.model.values[0].is_some()))
    }

    /// Future `i`'s key; key 0 for whoever is not one of the futures.
    fn key(&self, i: usize) -> usize {
        self.plan
            .actors
            .get(i)
            .map_or(0, |actor| actor.kind / KINDS.len())
    }

    /// The futures that want the value of a key, or compute it.
    fn line(&self, world: &World<'_, Self>, key: usize) -> Vec<usize> {
        let is_in_line = |i: &usize| self.key(*i) == key && !world.model.served.contains(i);
        world.pending().filter(is_in_line).collect()
    }

    /// An initialiser has begun: nobody has passed those who wait, nor computed what was there.
    fn has_begun(&self, world: &World<'_, Self>, number: usize) -> Result<(), String> {
        let Some(i) = self.owner(world, number) else {
            return Ok(());
        };
        let key = self.key(i);
        let comes_now = world.queued(i).is_none_or(|step| step == world.step());
        if comes_now && let Some(value) = world.model.before[key] {
            return Err(format!(
                "future {i} computes what was there when it came: {value}"
            ));
        }
        let line = self.line(world, key);
        in_line(world, Some(i), Excuse::Late, |i| line.contains(&i))
    }

    /// The future that made this initialiser, if it was not an operation.
    fn owner(&self, world: &World<'_, Self>, number: usize) -> Option<usize> {
        let owner = world.object().works.get(number)?.owner;
        (owner != NOBODY).then_some(owner)
    }
}

impl<M: Computes> Scenario for MapSet<M> {
    type Object = Watched<M>;
    type Model = Known;
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

    fn object(&self) -> Watched<M> {
        Watched {
            map: M::new(),
            works: Works::default(),
        }
    }

    fn model(&self) -> Known {
        Known::default()
    }

    fn future<'a>(&'a self, object: &'a Watched<M>, actor: usize) -> Boxed<'a, Attempt> {
        let does = KINDS[self.plan.actors[actor].kind % KINDS.len()];
        object.compute(actor, self.key(actor), does)
    }

    fn setup<'a>(&'a self, world: &mut World<'a, Self>) {
        if self.held {
            let mut first = world.object().compute(NOBODY, 0, Does::Waits);
            let begun = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(begun.is_pending());
            world.keep(first);
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        output: Attempt,
    ) -> Result<Option<Boxed<'a, Attempt>>, String> {
        let key = self.key(actor);
        let own = world.object().works.all();
        let own = own.into_iter().find(|work| work.owner == actor);
        match (output, own) {
            (Err(number), Some(own)) if own.has_ended(false) && number == own.number => Ok(None),
            (Ok(value), Some(own)) if own.has_ended(true) => {
                // What was stored meanwhile stays, and is what all get.
                let there = *world.model.values[key].get_or_insert(own.number);
                if value != there {
                    return Err(format!(
                        "future {actor} returned {value}, and {there} is there"
                    ));
                }
                let line = self.line(world, key);
                if let Some(i) = line.iter().find(|i| world.woken(**i).is_none()) {
                    return Err(format!("it was computed, and nobody woke future {i}"));
                }
                world.model.served.extend(line);
                Ok(None)
            }
            (Ok(value), None) => {
                let came = world.queued(actor).unwrap_or(world.step());
                let was_there = |seen: &(usize, usize)| seen.0 == value && seen.1 + 1 >= came;
                match world.model.seen.iter().any(was_there) {
                    true => Ok(None),
                    false => Err(format!(
                        "future {actor} returned {value}, which was not there during the call"
                    )),
                }
            }
            other => Err(format!("future {actor} returned what it cannot: {other:?}")),
        }
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        let step = world.step();
        let running = object.works.running();
        let (mut computed, mut in_use) = (0, 0);
        for key in 0..KEYS {
            let initialisers = running.iter().filter(|work| self.key(work.owner) == key);
            let initialisers = initialisers.count();
            if initialisers > 1 {
                return Err(format!(
                    "{initialisers} initialisers of key {key} run at the same time"
                ));
            }
            let line = self.line(world, key);
            let woken = line.iter().any(|i| world.woken(*i).is_some());
            if initialisers == 0 && !line.is_empty() && !woken {
                return Err(format!(
                    "nobody computes key {key}, and of those who wait nobody was woken"
                ));
            }
            computed += initialisers;
            let in_use_by = |i: usize| self.key(i) == key;
            in_use += usize::from(initialisers > 0 || world.pending().any(in_use_by));
            let (there, known) = (object.map.load(key), world.model.values[key]);
            if there != known {
                return Err(format!("key {key} has {there:?} instead of {known:?}"));
            }
            if let Some(value) = known {
                world.model.seen.retain(|seen| seen.0 != value);
                world.model.seen.push((value, step));
            }
        }
        for number in object.works.take_begun() {
            self.has_begun(world, number)?;
        }
        world.model.before = world.model.values;
        match object.map.computing() {
            Some(n) if !(computed..=in_use).contains(&n) => Err(format!(
                "{n} keys are computed; {computed} run, {in_use} are in use"
            )),
            _ => Ok(()),
        }
    }

    fn settle<'a>(&'a self, world: &mut World<'a, Self>) {
        world.object().works.end_all();
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        let object = world.object();
        for key in 0..KEYS {
            let mut comes = object.compute(NOBODY, key, Does::Fails);
            let _ = comes.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        let object = world.object();
        match (object.map.computing(), object.works.running().len()) {
            (None | Some(0), 0) => {}
            left => return Err(format!("left in the end: {left:?} (keys, initialisers)")),
        }
        for key in 0..KEYS {
            let mut comes = object.compute(NOBODY, key, Does::Succeeds);
            let polled = comes.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if polled.is_pending() || object.map.load(key).is_none() {
                return Err(format!("nobody is there, and key {key} cannot be computed"));
            }
        }
        match object.map.computing() {
            None | Some(0) => Ok(()),
            Some(n) => Err(format!("{n} keys are computed by nobody")),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        let object = world.object();
        let running = object.works.running();
        let owners: Vec<_> = running.iter().map(|work| work.owner).collect();
        let (values, computing) = (world.model.values, object.map.computing());
        format!("values {values:?}, computing {computing:?}, initialisers of {owners:?}")
    }
}
