//! One mutant through the tiers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::data::Mutant;
use super::scratch::Scratch;
use super::tier::{self, Room, Tier};
use super::verdict::{self, Verdict};
use crate::process::{self, End};
use crate::step::Command;

/// Builds may take long, runs may not.
const BUILD: Duration = Duration::from_secs(15 * 60);
/// A mutant hangs if it takes so many times as long as the unchanged sources, and so long at least.
const PATIENCE: u32 = 6;
const LEAST: Duration = Duration::from_secs(20);
/// For the unchanged sources themselves.
const BASELINE: Duration = Duration::from_secs(30 * 60);

/// The end of a mutant.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Who caught it: the first, or all, as was asked.
    pub(crate) caught: Vec<(Tier, String)>,
    pub(crate) time: Duration,
}

/// Runs mutants in one copy of the workspace.
pub(crate) struct Lab {
    scratch: Scratch,
    all_tiers: bool,
    /// How long each tier takes for unchanged sources; absent when it has not been asked.
    baselines: BTreeMap<(Tier, Vec<String>), Baseline>,
}

#[derive(Clone, Debug)]
enum Baseline {
    Passed(Vec<Duration>),
    /// The tier is not there, or not on this machine.
    Absent,
}

impl Lab {
    pub(crate) fn new(scratch: Scratch, all_tiers: bool) -> Self {
        Lab {
            scratch,
            all_tiers,
            baselines: BTreeMap::new(),
        }
    }

    /// Plants the fault, runs the tiers, takes the fault out again.
    ///
    /// # Errors
    ///
    /// Why nothing can be said: the mutant is stale or does not compile, or the unchanged sources
    /// fail.
    pub(crate) fn run(&mut self, mutant: &Mutant, original: &str) -> Result<Trial, String> {
        let room = Room::of(&mutant.file)
            .ok_or_else(|| format!("{:?}: no tier looks at {}", mutant.name, mutant.file))?;
        let faulty = mutant.apply(original)?;
        let mut trial = Trial {
            caught: Vec::new(),
            time: Duration::ZERO,
        };
        for tier in tier::ALL {
            let unasked = tier == Tier::Miri && mutant.tier != Tier::Miri;
            if tier < mutant.tier || unasked || !tier.covers(room) {
                continue;
            }
            let Baseline::Passed(times) = self.baseline(tier, mutant)? else {
                continue;
            };
            let started = Instant::now();
            self.write(mutant, &faulty)?;
            let verdict = self.tier(tier, mutant, &times);
            self.write(mutant, original)?;
            trial.time += started.elapsed();
            match verdict {
                Verdict::Missed => {}
                Verdict::Caught { test, others } => {
                    let more = if others > 0 {
                        format!(" and {others} more")
                    } else {
                        String::new()
                    };
                    trial.caught.push((tier, format!("`{test}`{more}")));
                    if !self.all_tiers {
                        break;
                    }
                }
                Verdict::Void(reason) => return Err(format!("{:?}: {reason}", mutant.name)),
            }
        }
        Ok(trial)
    }

    fn write(&self, mutant: &Mutant, text: &str) -> Result<(), String> {
        self.scratch
            .write(&mutant.file, text.as_bytes())
            .map_err(|error| format!("{}: {error}", mutant.file))
    }

    /// How long the unchanged sources take, which have to pass. Asked once.
    fn baseline(&mut self, tier: Tier, mutant: &Mutant) -> Result<Baseline, String> {
        let commands = tier.commands(&mutant.file, mutant.preemptions, self.scratch.root());
        let args = tier.test_args(&mutant.file);
        let typed = commands.iter().map(ToString::to_string);
        let key = (tier, typed.chain(args.iter().cloned()).collect());
        if let Some(known) = self.baselines.get(&key) {
            return Ok(known.clone());
        }
        println!(
            "    (the unchanged sources under {tier}, for {})",
            mutant.file
        );
        let mut times = Vec::new();
        let mut tests = 0;
        let missing = (tier == Tier::Miri).then(|| crate::need::Need::Miri.missing());
        if let Some(Some(remedy)) = missing {
            println!("    NOT AVAILABLE {tier}: {remedy}");
            self.baselines.insert(key, Baseline::Absent);
            return Ok(Baseline::Absent);
        }
        for command in commands {
            build(&command)?;
            let started = Instant::now();
            let end = execute(&command, &args, BASELINE);
            match (&end, verdict::of_run(&end)) {
                (End::Exited(output), Verdict::Missed) => {
                    tests += crate::outcome::tests_passed(&output.stdout);
                }
                (_, verdict) => {
                    return Err(format!("the unchanged sources fail {tier}: {verdict:?}"));
                }
            }
            times.push(started.elapsed());
        }
        let baseline = if tests == 0 {
            println!("    NOT AVAILABLE {tier}: it has no tests");
            Baseline::Absent
        } else {
            Baseline::Passed(times)
        };
        self.baselines.insert(key, baseline.clone());
        Ok(baseline)
    }

    fn tier(&self, tier: Tier, mutant: &Mutant, times: &[Duration]) -> Verdict {
        let commands = tier.commands(&mutant.file, mutant.preemptions, self.scratch.root());
        let args = tier.test_args(&mutant.file);
        for (command, time) in commands.iter().zip(times) {
            if let Err(reason) = build(command) {
                return Verdict::Void(reason);
            }
            let end = execute(command, &args, LEAST.max(*time * PATIENCE));
            let verdict = verdict::of_run(&end);
            if verdict != Verdict::Missed {
                return verdict;
            }
        }
        Verdict::Missed
    }
}

/// Compiles, apart from the run, so that a hang is told from a slow compiler.
fn build(command: &Command) -> Result<(), String> {
    let mut build = command.clone();
    build.args.push("--no-run".to_owned());
    match process::run(&build, Instant::now() + BUILD) {
        End::Exited(output) if output.code == Some(0) => Ok(()),
        End::Exited(output) => Err(format!(
            "does not compile: {}",
            verdict::last_lines(&output.stderr)
        )),
        end => Err(format!("the build did not end: {end:?}")),
    }
}

fn execute(command: &Command, args: &[String], limit: Duration) -> End {
    let mut command = command.clone();
    if !args.is_empty() {
        command.args.push("--".to_owned());
        command.args.extend_from_slice(args);
    }
    process::run(&command, Instant::now() + limit)
}
