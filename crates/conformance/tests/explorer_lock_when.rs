//! `lock_when` under every order of steps: whose condition holds gets the lock, and nobody else.

use async_sync::mutex::{Adaptive, Barging, Fifo, Mutex, MutexGuard, Policy};
use conformance::explorer::{
    Actor, Bounds, Boxed, Explorer, Operation, Plan, Scenario, Waits, World,
};

/// Futures that wait for the value to be at least their kind; 0 is a plain `lock`.
struct When<P: Policy> {
    plan: Plan<Self>,
}

impl<P: Policy> When<P> {
    fn new(actors: &[(usize, usize)], bounds: Bounds) -> Self {
        let add = Operation::<Self>::new("add", 2, |world| {
            let (holder, _) = world.held().next().unwrap();
            **world.held_mut(holder).unwrap() += 1;
            world.model += 1;
            Ok(())
        });
        When {
            plan: Plan {
                bounds,
                ..Plan::new(
                    Actor::of_kinds(actors.iter().copied()),
                    vec![add.when(|world| world.held().next().is_some())],
                )
            },
        }
    }
}

impl<P: Policy> Scenario for When<P> {
    type Object = Mutex<usize, P>;
    /// The value.
    type Model = usize;
    type Output<'a> = MutexGuard<'a, usize, P>;
    type Held<'a> = MutexGuard<'a, usize, P>;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Self::Object {
        Mutex::with_policy(0)
    }

    fn model(&self) -> usize {
        0
    }

    fn future<'a>(
        &'a self,
        object: &'a Self::Object,
        actor: usize,
    ) -> Boxed<'a, MutexGuard<'a, usize, P>> {
        match self.plan.actors[actor].kind {
            0 => Box::pin(object.lock()),
            least => Box::pin(object.lock_when(move |value| *value >= least)),
        }
    }

    fn completed<'a>(
        &'a self,
        world: &mut World<'a, Self>,
        actor: usize,
        guard: MutexGuard<'a, usize, P>,
    ) -> Result<Option<MutexGuard<'a, usize, P>>, String> {
        if *guard != world.model || *guard < self.plan.actors[actor].kind {
            return Err(format!(
                "future {actor} has the lock while the value is {}",
                *guard
            ));
        }
        Ok(Some(guard))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let guards = world.held().count();
        let woken = world.pending().any(|i| world.woken(i).is_some());
        let locked = world.object().is_locked();
        if guards > 1 || guards == 1 && !locked || guards == 0 && !woken && locked {
            return Err(format!("{guards} guards, and is_locked says {locked}"));
        }
        Ok(())
    }

    fn must_complete(&self, world: &World<'_, Self>, actor: usize) -> bool {
        world.model >= self.plan.actors[actor].kind
    }

    fn nudges(&self, parked: usize) -> usize {
        // The change needs the lock, which the first may only get out of the hands of a parked future,
        // and of a lone one only the second.
        2 * parked + 1
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        if let Some(mut value) = world.object().try_lock() {
            *value = 10;
            world.model = 10;
        }
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match (world.object().waiters(), world.object().try_lock()) {
            (0, Some(_)) => Ok(()),
            (n, lock) => Err(format!("{n} waiters are left, lock {}", lock.is_some())),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        format!("value {}, {:?}", world.model, world.object().metrics())
    }
}

fn explore<P: Policy>(name: &str) {
    let check = |what: &str, depth, set: &When<P>| {
        Explorer::new(depth).check(&format!("{name}, lock_when, {what}"), set);
    };
    let none = Bounds::default();
    check(
        "1 and 2 and a lock",
        14,
        &When::new(&[(0, 1), (1, 2), (2, 0)], none),
    );
    check(
        "1 twice and two locks",
        7,
        &When::new(&[(0, 1), (1, 1), (2, 0), (3, 0)], none),
    );
    let odd = Bounds {
        spurious: 2,
        rewakes: 1,
        times: 1,
        ..none
    };
    check(
        "spurious polls",
        6,
        &When::new(&[(0, 1), (1, 2), (2, 0)], odd),
    );
    check(
        "one task, spurious polls",
        6,
        &When::new(&[(0, 1), (0, 2), (0, 0)], odd),
    );
    let late = Bounds {
        times: 2,
        parks: 1,
        waits: Waits::ForANudge,
        ..none
    };
    check(
        "time, one parked",
        7,
        &When::new(&[(0, 1), (1, 2), (2, 0)], late),
    );
}

#[test]
fn adaptive() {
    explore::<Adaptive>("Adaptive");
}

#[test]
fn fifo() {
    explore::<Fifo>("Fifo");
}

#[test]
fn barging() {
    explore::<Barging>("Barging");
}
