//! The end of a schedule: does everybody get through, and is nothing left behind?
//!
//! ```text
//! 1. give back all that is held; poll exactly what is woken, in order of numbers; until nothing is
//!    woken. Whoever still waits has missed a wake-up.
//! 2. whoever waits nevertheless, because a future is parked and the bounds allow it, or because the
//!    scenario does not say that it must complete: time passes, somebody does a later operation, as
//!    in 1; so often as the scenario says
//! 3. drop what is parked or was never polled; as in 1
//! 4. the object is as good as new, and nobody keeps a waker
//! ```

use super::action::Action;
use super::run::{Tape, other_step, step};
use super::scenario::{Scenario, Waits};
use super::world::{Stage, World};

const PART: &str = "end: ";

pub(super) fn end<'a, S: Scenario>(
    scenario: &'a S,
    world: &mut World<'a, S>,
    tape: &mut Tape,
) -> Result<(), String> {
    other_step(scenario, world, tape, PART, &|| "settle".into(), |world| {
        scenario.settle(world);
        Ok(())
    })?;
    drain(scenario, world, tape)?;
    let parked = (0..world.actors()).filter(|i| world.is_parked(*i)).count();
    let unaided = parked == 0 || scenario.plan().bounds.waits == Waits::ForNobody;
    if unaided {
        all_done(world, |world, i| scenario.must_complete(world, i))?;
    }
    for _ in 0..scenario.nudges(parked) {
        if waiting(world).next().is_none() {
            break;
        }
        other_step(scenario, world, tape, PART, &|| "time".into(), |world| {
            // As long as it takes at most: patience doubles with each holder that came too late.
            world.pass(scenario.plan().bounds.tick * (1 << world.late_polls.min(15)));
            Ok(())
        })?;
        other_step(scenario, world, tape, PART, &|| "nudge".into(), |world| {
            scenario.nudge(world)
        })?;
        drain(scenario, world, tape)?;
    }
    all_done(world, |_, _| true)?;
    for i in 0..world.actors() {
        if matches!(world.stage(i), Stage::New | Stage::Pending) {
            step(scenario, world, tape, PART, Action::Drop(i))?;
        }
    }
    drain(scenario, world, tape)?;
    world.leaked_wakers()?;
    scenario.idle(world)
}

fn waiting<S: Scenario>(world: &World<'_, S>) -> impl Iterator<Item = usize> {
    world.pending().filter(|i| !world.is_parked(*i))
}

fn all_done<'a, S: Scenario>(
    world: &World<'a, S>,
    must: impl Fn(&World<'a, S>, usize) -> bool,
) -> Result<(), String> {
    match waiting(world).find(|i| must(world, *i)) {
        Some(i) => Err(format!(
            "lost wake-up: nothing is held, nobody is woken, and future {i} waits"
        )),
        None => Ok(()),
    }
}

/// Gives back all that is held and polls all who are woken, until nothing is either.
fn drain<'a, S: Scenario>(
    scenario: &'a S,
    world: &mut World<'a, S>,
    tape: &mut Tape,
) -> Result<(), String> {
    // Enough for each to look a few times after each of the others has gone.
    let most = 8 * world.actors().pow(2) + world.held().count();
    for _ in 0..most {
        let slot = world.held().map(|(slot, _)| slot).next();
        let next = match slot {
            Some(slot) => Action::Release(slot),
            None => match waiting(world).find(|i| world.woken(*i).is_some()) {
                Some(i) => Action::Poll(i),
                None => return Ok(()),
            },
        };
        step(scenario, world, tape, PART, next)?;
    }
    Err(format!(
        "no end after {most} steps: the futures keep waking themselves"
    ))
}
