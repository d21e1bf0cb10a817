//! All sequences of steps, the short ones first; and one of them, again.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Instant;

use super::action::Action;
use super::report::{Extent, Failure, Replay, Report};
use super::run::{Next, Tape, run};
use super::scenario::Scenario;

/// Runs every schedule up to a depth.
///
/// The depth counts the steps before the end; the end itself is of any length.
#[derive(Clone, Copy, Debug)]
pub struct Explorer {
    depth: usize,
    at_most: u64,
}

impl Explorer {
    /// All schedules of up to `depth` steps.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Explorer {
            depth,
            at_most: u64::MAX,
        }
    }

    /// Stops after so many schedules; the report says so.
    #[must_use]
    pub fn at_most(self, schedules: u64) -> Self {
        Explorer {
            at_most: schedules,
            ..self
        }
    }

    /// Looks for a broken promise.
    ///
    /// # Errors
    ///
    /// The first that was found, which has a shortest trace.
    pub fn explore<S: Scenario>(self, scenario: &S) -> Result<Report, Box<Failure>> {
        let start = Instant::now();
        let mut search = Search {
            scenario,
            at_most: self.at_most,
            seen: HashSet::default(),
            schedules: 0,
            steps: 0,
            merged: 0,
        };
        let mut extent = Extent::Depth(self.depth);
        for depth in 0..=self.depth {
            match search.round(depth)? {
                Round::Done => {}
                Round::Nothing => {
                    extent = Extent::Complete;
                    break;
                }
                Round::Cut => {
                    extent = Extent::Cut(depth);
                    break;
                }
            }
        }
        Ok(Report {
            extent,
            schedules: search.schedules,
            steps: search.steps,
            merged: search.merged,
            elapsed: start.elapsed(),
        })
    }

    /// The same for tests, [`extra_depth`] steps deeper: prints the report under this `name`.
    ///
    /// # Panics
    ///
    /// With the failure, if there is one.
    pub fn check<S: Scenario>(self, name: &str, scenario: &S) -> Report {
        let deeper = Explorer {
            depth: self.depth + extra_depth(),
            ..self
        };
        match deeper.explore(scenario) {
            Ok(report) => {
                println!("{name}: {report}");
                report
            }
            Err(failure) => panic!("{name}: {failure}"),
        }
    }
}

/// How much deeper than usual to go: the number in the environment variable `EXPLORER_DEPTH`. Each
/// step multiplies the schedules by three to six.
///
/// # Panics
///
/// If it is not a number.
#[must_use]
pub fn extra_depth() -> usize {
    match std::env::var("EXPLORER_DEPTH") {
        Ok(text) => text.parse().expect("EXPLORER_DEPTH is a number of steps"),
        Err(_) => 0,
    }
}

enum Round {
    /// All schedules of this length were run.
    Done,
    /// There are none of this length.
    Nothing,
    /// There are more than were allowed.
    Cut,
}

struct Search<'s, S> {
    scenario: &'s S,
    at_most: u64,
    /// Fingerprints of states, with the steps that were left to go.
    seen: HashSet<(u64, usize)>,
    schedules: u64,
    steps: u64,
    merged: u64,
}

/// Which of how many possible steps was taken.
struct Choice {
    taken: usize,
    of: usize,
}

impl<S: Scenario> Search<'_, S> {
    /// Depth first over all sequences of exactly `depth` steps.
    fn round(&mut self, depth: usize) -> Result<Round, Box<Failure>> {
        let mut path: Vec<Choice> = Vec::with_capacity(depth);
        let before = self.schedules + self.merged;
        loop {
            if self.one(&mut path, depth)? {
                return Ok(Round::Cut);
            }
            while let Some(last) = path.last_mut() {
                last.taken += 1;
                if last.taken < last.of {
                    break;
                }
                path.pop();
            }
            if path.is_empty() {
                break;
            }
        }
        Ok(match self.schedules + self.merged == before {
            true => Round::Nothing,
            false => Round::Done,
        })
    }

    /// Replays `path`, and goes on with the first possible step each time. Returns whether this is
    /// one schedule too many.
    fn one(&mut self, path: &mut Vec<Choice>, depth: usize) -> Result<bool, Box<Failure>> {
        let mut tape = Tape::new(false);
        let mut at = 0;
        let mut ended = false;
        let mut merged = false;
        let mut too_many = false;
        let used_up = self.schedules == self.at_most;
        let seen = &mut self.seen;
        let scenario = self.scenario;
        let result = run(scenario, &mut tape, |possible, world| {
            if at == path.len() {
                // Nobody has been here before; by another way, perhaps.
                if let Some(object) = scenario.fingerprint(world) {
                    let hasher = BuildHasherDefault::<DefaultHasher>::default();
                    let state = hasher.hash_one((object, world.fingerprint()));
                    if !seen.insert((state, depth - at)) {
                        merged = true;
                        return Next::Abandon;
                    }
                }
            }
            if at == depth && used_up {
                too_many = true;
                return Next::Abandon;
            }
            if at == depth {
                ended = true;
                return Next::End;
            }
            if at == path.len() {
                if possible.is_empty() {
                    return Next::Abandon;
                }
                path.push(Choice {
                    taken: 0,
                    of: possible.len(),
                });
            }
            let choice = &path[at];
            if choice.of != possible.len() {
                return Next::Fail(
                    "the scenario is not deterministic: after the same steps, others are possible"
                        .to_owned(),
                );
            }
            at += 1;
            Next::Do(possible[choice.taken])
        });
        self.steps += tape.steps;
        self.merged += u64::from(merged);
        match result {
            Ok(()) => {
                self.schedules += u64::from(ended);
                Ok(too_many)
            }
            Err(message) => Err(Box::new(self.failure(&tape, message))),
        }
    }

    fn failure(&self, tape: &Tape, message: String) -> Failure {
        let names = tape.trace.iter().map(|action| action.name(self.scenario));
        let trace = names.collect::<Vec<_>>().join(" ");
        let explained = replay(self.scenario, &trace);
        Failure {
            explained,
            trace,
            message,
            schedules: self.schedules,
        }
    }
}

/// Runs the schedule that `trace` says, and tells what each step came to.
///
/// A step that is not possible breaks it off; the message lists those that are.
pub fn replay<S: Scenario>(scenario: &S, trace: &str) -> Replay {
    let mut tape = Tape::new(true);
    let mut steps = trace.split_whitespace();
    let result = run(scenario, &mut tape, |possible, _| {
        let Some(step) = steps.next() else {
            return Next::End;
        };
        let name = |action: &Action| action.name(scenario);
        match possible.iter().find(|action| name(action) == step) {
            Some(action) => Next::Do(*action),
            None => {
                let names: Vec<_> = possible.iter().map(name).collect();
                Next::Fail(format!(
                    "{step} is not possible here; these are: {}",
                    names.join(" ")
                ))
            }
        }
    });
    Replay {
        lines: tape.lines.unwrap_or_default(),
        broken: result.err(),
    }
}
