//! The steps that are possible in a state, and their names.

use super::scenario::Scenario;
use super::world::{Stage, World};

/// A step. The head of the module explains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Poll(usize),
    Spurious(usize),
    Rewake(usize),
    Drop(usize),
    Park(usize),
    Release(usize),
    Operation(usize),
    Time,
}

impl Action {
    pub(super) fn name<S: Scenario>(self, scenario: &S) -> String {
        match self {
            Action::Poll(i) => format!("poll{i}"),
            Action::Spurious(i) => format!("spurious{i}"),
            Action::Rewake(i) => format!("rewake{i}"),
            Action::Drop(i) => format!("drop{i}"),
            Action::Park(i) => format!("park{i}"),
            Action::Release(i) => format!("release{i}"),
            Action::Operation(i) => scenario.plan().operations[i].name.to_owned(),
            Action::Time => "time".to_owned(),
        }
    }

    /// Puts all steps that are possible now into `out`.
    pub(super) fn enumerate<S: Scenario>(
        scenario: &S,
        world: &World<'_, S>,
        out: &mut Vec<Action>,
    ) {
        out.clear();
        let left = &world.left;
        for i in 0..world.actors() {
            let live = world.stage(i) == Stage::Pending && !world.is_parked(i);
            if world.stage(i) == Stage::New && is_first_of_its_kind(scenario, world, i)
                || live && world.woken(i).is_some()
            {
                out.push(Action::Poll(i));
            }
            if !live {
                continue;
            }
            if left.spurious > 0 && world.woken(i).is_none() {
                out.push(Action::Spurious(i));
            }
            if left.rewakes > 0 {
                out.push(Action::Rewake(i));
            }
            out.push(Action::Drop(i));
            if left.parks > 0 {
                out.push(Action::Park(i));
            }
        }
        let all = if scenario.held_are_alike() {
            1
        } else {
            usize::MAX
        };
        let held = world.held().take(all);
        out.extend(held.map(|(slot, _)| Action::Release(slot)));
        for (n, operation) in scenario.plan().operations.iter().enumerate() {
            if left.operations[n] > 0 && (operation.when)(world) {
                out.push(Action::Operation(n));
            }
        }
        if left.times > 0 {
            out.push(Action::Time);
        }
    }
}

/// Whether no identical future that was never polled has a lower number.
fn is_first_of_its_kind<S: Scenario>(scenario: &S, world: &World<'_, S>, actor: usize) -> bool {
    let all = &scenario.plan().actors;
    let me = all[actor];
    let is_alone = |task| all.iter().filter(|other| other.task == task).count() == 1;
    !(0..actor).any(|other| {
        let other_is = all[other];
        world.stage(other) == Stage::New
            && other_is.kind == me.kind
            && (other_is.task == me.task || is_alone(other_is.task) && is_alone(me.task))
    })
}
