//! The state of a run: who has been polled, woken, dropped, and what is held.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::time::Duration;

use super::clock::Clock;
use super::scenario::Scenario;
use super::task::Bell;

/// A future, in a box because those of a scenario need not be of one type.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Where a future stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Never polled.
    New,
    /// Polled, and not done.
    Pending,
    /// Done.
    Completed,
    /// Cancelled while it was pending, or at the end.
    Dropped,
}

/// An object, its futures, and what they hold.
///
/// Steps are counted from 1; where a method says *when*, it means the number of a step.
#[allow(
    explicit_outlives_requirements,
    reason = "wrongly said to be inferred: without it, each function that takes a world has to say it"
)]
pub struct World<'a, S: Scenario + 'a> {
    /// What the scenario remembers.
    pub model: S::Model,
    pub(super) object: &'a S::Object,
    pub(super) actors: Vec<State<'a, S>>,
    pub(super) held: Vec<Option<S::Held<'a>>>,
    pub(super) bells: Vec<Bell>,
    pub(super) left: Left,
    pub(super) step: usize,
    pub(super) time_passed: usize,
    /// Polls of futures that may have lost a baton: each may have made the object more patient.
    pub(super) late_polls: u32,
    pub(super) just_completed: Option<usize>,
    /// The last field: futures are dropped in virtual time.
    clock: Clock,
}

#[allow(explicit_outlives_requirements, reason = "as above")]
pub(super) struct State<'a, S: Scenario + 'a> {
    pub(super) future: Option<Boxed<'a, S::Output<'a>>>,
    pub(super) stage: Stage,
    pub(super) bell: usize,
    pub(super) parked: bool,
    pub(super) woken: Option<usize>,
    pub(super) queued: Option<usize>,
    /// Somebody was polled who may have taken its baton.
    pub(super) robbed: bool,
    /// It may have lost its baton when it was last polled.
    pub(super) was_late: bool,
}

/// How often each of the bounded steps may still happen.
#[derive(Clone, Hash)]
pub(super) struct Left {
    pub(super) spurious: usize,
    pub(super) rewakes: usize,
    pub(super) parks: usize,
    pub(super) times: usize,
    pub(super) operations: Vec<usize>,
}

impl<'a, S: Scenario + 'a> World<'a, S> {
    pub(super) fn new(scenario: &'a S, object: &'a S::Object) -> Self {
        let clock = Clock::start();
        let actors = &scenario.plan().actors;
        let bounds = scenario.plan().bounds;
        let tasks = actors.iter().map(|actor| actor.task + 1).max();
        let mut world = World {
            model: scenario.model(),
            object,
            actors: Vec::with_capacity(actors.len()),
            held: Vec::with_capacity(actors.len()),
            bells: (0..tasks.unwrap_or(0)).map(|_| Bell::new()).collect(),
            left: Left {
                spurious: bounds.spurious,
                rewakes: bounds.rewakes,
                parks: bounds.parks,
                times: bounds.times,
                operations: scenario.plan().operations.iter().map(|o| o.times).collect(),
            },
            step: 0,
            time_passed: 0,
            late_polls: 0,
            just_completed: None,
            clock,
        };
        for (i, actor) in actors.iter().enumerate() {
            world.held.push(None);
            world.actors.push(State {
                future: Some(scenario.future(object, i)),
                stage: Stage::New,
                bell: actor.task,
                parked: false,
                woken: None,
                queued: None,
                robbed: false,
                was_late: false,
            });
        }
        scenario.setup(&mut world);
        world
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> &'a S::Object {
        self.object
    }

    /// How many futures there are.
    #[must_use]
    pub fn actors(&self) -> usize {
        self.actors.len()
    }

    /// Where future `actor` stands.
    #[must_use]
    pub fn stage(&self, actor: usize) -> Stage {
        self.actors[actor].stage
    }

    /// Whether it will never be polled again.
    #[must_use]
    pub fn is_parked(&self, actor: usize) -> bool {
        self.actors[actor].parked
    }

    /// When it was woken, if it waits and has not been polled since.
    #[must_use]
    pub fn woken(&self, actor: usize) -> Option<usize> {
        self.actors[actor].woken
    }

    /// When it was first told to wait, if ever.
    #[must_use]
    pub fn queued(&self, actor: usize) -> Option<usize> {
        self.actors[actor].queued
    }

    /// Whether it was woken, has not been polled since, and may have lost the baton that it was woken
    /// for: because time has passed and the baton is stale, or because another future was polled
    /// that may take it over, one with the same waker or one that lost its own.
    #[must_use]
    pub fn is_late(&self, actor: usize) -> bool {
        let actor = &self.actors[actor];
        actor.robbed || actor.woken.is_some_and(|when| when < self.time_passed)
    }

    /// Whether it was [late](Self::is_late) when it was last polled.
    #[must_use]
    pub fn was_late(&self, actor: usize) -> bool {
        self.actors[actor].was_late
    }

    /// Whether two futures are polled with the same waker.
    #[must_use]
    pub fn share_a_waker(&self, one: usize, other: usize) -> bool {
        self.actors[one].bell == self.actors[other].bell
    }

    /// The futures that wait.
    pub fn pending(&self) -> impl Iterator<Item = usize> {
        (0..self.actors.len()).filter(|i| self.stage(*i) == Stage::Pending)
    }

    /// The future that completed in this step, if one did.
    #[must_use]
    pub fn just_completed(&self) -> Option<usize> {
        self.just_completed
    }

    /// The number of this step.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// What is held, and under which number.
    pub fn held(&self) -> impl Iterator<Item = (usize, &S::Held<'a>)> {
        self.held
            .iter()
            .enumerate()
            .filter_map(|(slot, held)| Some((slot, held.as_ref()?)))
    }

    /// What is held under the number `slot`.
    pub fn held_mut(&mut self, slot: usize) -> Option<&mut S::Held<'a>> {
        self.held.get_mut(slot)?.as_mut()
    }

    /// Keeps something until it is released.
    pub fn keep(&mut self, held: S::Held<'a>) {
        self.held.push(Some(held));
    }

    /// Takes away what is held under the number `slot`.
    pub fn take(&mut self, slot: usize) -> Option<S::Held<'a>> {
        self.held.get_mut(slot)?.take()
    }

    /// Future `polled` is about to be polled: whose baton may it take?
    pub(super) fn note_poll(&mut self, polled: usize) {
        let was_late = self.is_late(polled);
        let bell = self.actors[polled].bell;
        self.late_polls += u32::from(was_late);
        for actor in &mut self.actors {
            actor.robbed |= actor.woken.is_some() && (was_late || actor.bell == bell);
        }
        let actor = &mut self.actors[polled];
        (actor.was_late, actor.robbed, actor.woken) = (was_late, false, None);
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.time_passed = self.step;
    }

    /// Tells states of the futures apart, as far as steps and oracles see them.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (i, actor) in self.actors.iter().enumerate() {
            (
                actor.stage,
                actor.parked,
                actor.bell,
                self.held[i].is_some(),
            )
                .hash(&mut hasher);
            (actor.woken.is_some(), self.is_late(i), actor.was_late).hash(&mut hasher);
            for other in &self.actors {
                (actor.queued < other.queued).hash(&mut hasher);
            }
        }
        for (slot, _) in self.held() {
            slot.hash(&mut hasher);
        }
        (&self.left, self.late_polls).hash(&mut hasher);
        hasher.finish()
    }

    /// Notes who was woken since the last call. Happens after each step; an operation that checks
    /// something itself does it first.
    pub fn hear(&mut self) {
        for (n, bell) in self.bells.iter().enumerate() {
            if !bell.take_rung() {
                continue;
            }
            for actor in &mut self.actors {
                if actor.bell == n && actor.stage == Stage::Pending && actor.woken.is_none() {
                    actor.woken = Some(self.step);
                }
            }
        }
    }

    /// Whether wakers are kept of which no future has a use.
    pub(super) fn leaked_wakers(&self) -> Result<(), String> {
        for (n, bell) in self.bells.iter().enumerate() {
            let in_use = self
                .actors
                .iter()
                .any(|actor| actor.bell == n && actor.stage == Stage::Pending);
            if !in_use && bell.kept() != 0 {
                let polled_with =
                    |(i, actor): (usize, &State<'a, S>)| (actor.bell == n).then(|| i.to_string());
                let futures: Vec<_> = self
                    .actors
                    .iter()
                    .enumerate()
                    .filter_map(polled_with)
                    .collect();
                let whose = match futures.is_empty() {
                    true => "that was replaced by a newer one".to_owned(),
                    false => format!("of future(s) {}, none of which waits", futures.join(", ")),
                };
                return Err(format!(
                    "waker leak: {} clone(s) are kept of a waker {whose}",
                    bell.kept()
                ));
            }
        }
        Ok(())
    }
}

impl<'a, S: Scenario + 'a> std::fmt::Debug for World<'a, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for i in 0..self.actors() {
            let held = if self.held[i].is_some() { " holds" } else { "" };
            let parked = if self.is_parked(i) { " parked" } else { "" };
            let woken = match self.woken(i) {
                Some(_) if self.is_late(i) => " woken (late)",
                Some(_) => " woken",
                None => "",
            };
            let stage = match self.stage(i) {
                Stage::New => "new",
                Stage::Pending => "waits",
                Stage::Completed => "done",
                Stage::Dropped => "dropped",
            };
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{i} {stage}{woken}{parked}{held}")?;
        }
        for (slot, _) in self.held().filter(|(slot, _)| *slot >= self.actors()) {
            write!(f, ", {slot} held")?;
        }
        Ok(())
    }
}
