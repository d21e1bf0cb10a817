//! One schedule: a new world, some steps, the end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use super::action::Action;
use super::ending;
use super::scenario::Scenario;
use super::task::Bell;
use super::world::{Stage, World};

/// What a run did, for the counts and for a replay.
pub(super) struct Tape {
    /// The steps that were chosen.
    pub(super) trace: Vec<Action>,
    /// All steps, those of the end included.
    pub(super) steps: u64,
    /// What each of them came to, if anybody wants to know.
    pub(super) lines: Option<Vec<String>>,
}

impl Tape {
    pub(super) fn new(explain: bool) -> Self {
        Tape {
            trace: Vec::new(),
            steps: 0,
            lines: explain.then(Vec::new),
        }
    }
}

/// What comes next.
pub(super) enum Next {
    /// This step.
    Do(Action),
    /// The end, and its checks.
    End,
    /// Nothing: the run is of no interest.
    Abandon,
    /// Nothing: something is wrong with the question.
    Fail(String),
}

/// Runs the steps that `choose` picks from the possible ones. A panic is a failure like others.
pub(super) fn run<S: Scenario>(
    scenario: &S,
    tape: &mut Tape,
    choose: impl FnMut(&[Action], &World<'_, S>) -> Next,
) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| drive(scenario, tape, choose)))
        .unwrap_or_else(|panic| Err(format!("panic: {}", message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("with something that is not text")
}

fn drive<S: Scenario>(
    scenario: &S,
    tape: &mut Tape,
    mut choose: impl FnMut(&[Action], &World<'_, S>) -> Next,
) -> Result<(), String> {
    let object = scenario.object();
    let mut world = World::new(scenario, &object);
    let mut possible = Vec::new();
    loop {
        Action::enumerate(scenario, &world, &mut possible);
        match choose(&possible, &world) {
            Next::Do(action) => {
                tape.trace.push(action);
                step(scenario, &mut world, tape, "", action)?;
            }
            Next::End => return ending::end(scenario, &mut world, tape),
            Next::Abandon => return Ok(()),
            Next::Fail(why) => return Err(why),
        }
    }
}

/// Does one step, and looks whether all promises are kept.
pub(super) fn step<'a, S: Scenario>(
    scenario: &'a S,
    world: &mut World<'a, S>,
    tape: &mut Tape,
    part: &str,
    action: Action,
) -> Result<(), String> {
    other_step(
        scenario,
        world,
        tape,
        part,
        &|| action.name(scenario),
        |world| act(scenario, world, action),
    )
}

/// The same for what only happens at the end.
pub(super) fn other_step<'a, S: Scenario>(
    scenario: &'a S,
    world: &mut World<'a, S>,
    tape: &mut Tape,
    part: &str,
    name: &dyn Fn() -> String,
    act: impl FnOnce(&mut World<'a, S>) -> Result<(), String>,
) -> Result<(), String> {
    world.step += 1;
    world.just_completed = None;
    tape.steps += 1;
    if let Some(lines) = &mut tape.lines {
        lines.push(format!("{part}{}", name())); // first, for the case of a panic
    }
    let done = act(world);
    world.hear();
    let result = done
        .and_then(|()| scenario.check(world))
        .and_then(|()| world.leaked_wakers());
    if let Some(line) = tape.lines.as_mut().and_then(|lines| lines.last_mut()) {
        let state = scenario.describe(world);
        *line = format!("{line:<18} {world:?}; {state}");
    }
    result
}

fn act<'a, S: Scenario>(
    scenario: &'a S,
    world: &mut World<'a, S>,
    action: Action,
) -> Result<(), String> {
    match action {
        Action::Poll(i) => poll(scenario, world, i),
        Action::Spurious(i) => {
            world.left.spurious -= 1;
            poll(scenario, world, i)
        }
        Action::Rewake(i) => {
            world.left.rewakes -= 1;
            world.bells.push(Bell::new());
            world.actors[i].bell = world.bells.len() - 1;
            poll(scenario, world, i)
        }
        Action::Drop(i) => {
            cancel(world, i);
            Ok(())
        }
        Action::Park(i) => {
            world.left.parks -= 1;
            world.actors[i].parked = true;
            Ok(())
        }
        Action::Release(slot) => {
            drop(world.take(slot));
            Ok(())
        }
        Action::Operation(n) => {
            world.left.operations[n] -= 1;
            (scenario.plan().operations[n].run)(world)
        }
        Action::Time => {
            world.left.times -= 1;
            world.pass(scenario.plan().bounds.tick);
            Ok(())
        }
    }
}

/// Drops the future `i`.
pub(super) fn cancel<'a, S: Scenario>(world: &mut World<'a, S>, i: usize) {
    let actor = &mut world.actors[i];
    actor.stage = Stage::Dropped;
    (actor.woken, actor.robbed) = (None, false);
    drop(actor.future.take());
}

fn poll<'a, S: Scenario>(
    scenario: &'a S,
    world: &mut World<'a, S>,
    i: usize,
) -> Result<(), String> {
    world.note_poll(i);
    let step = world.step;
    let (actor, bells) = (&mut world.actors[i], &world.bells);
    let future = actor.future.as_mut().expect("only live futures are polled");
    match future
        .as_mut()
        .poll(&mut Context::from_waker(bells[actor.bell].waker()))
    {
        Poll::Pending => {
            actor.stage = Stage::Pending;
            actor.queued.get_or_insert(step);
            Ok(())
        }
        Poll::Ready(output) => {
            actor.stage = Stage::Completed;
            actor.future = None;
            world.just_completed = Some(i);
            world.hear();
            world.held[i] = scenario.completed(world, i, output)?;
            Ok(())
        }
    }
}
