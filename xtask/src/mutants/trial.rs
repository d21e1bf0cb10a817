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
    /// How long each command takes for unchanged sources; absent when it has not been asked.
    baselines: BTreeMap<(Tier, Vec<String>), Baseline>,
}

#[derive(Clone, Copy, Debug)]
enum Baseline {
    Passed(Duration),
    /// It has nothing to say of this: no tests, or not on this machine.
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
            let verdict = self.tier(tier, mutant, (original, &faulty), &mut trial.time)?;
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

    /// The commands of a tier, until one of them catches the fault. What it takes is added to `time`.
    fn tier(
        &mut self,
        tier: Tier,
        mutant: &Mutant,
        (original, faulty): (&str, &str),
        time: &mut Duration,
    ) -> Result<Verdict, String> {
        let commands = tier.commands(&mutant.file, mutant.preemptions, self.scratch.root());
        let args = tier.test_args(&mutant.file);
        for command in commands {
            // (Not of all of them at once: the later ones take long, and are seldom needed.)
            let Baseline::Passed(usual) = self.baseline(tier, &command, &args, &mutant.file)?
            else {
                continue;
            };
            let started = Instant::now();
            self.write(mutant, faulty)?;
            let verdict = match build(&command) {
                Ok(()) => {
                    let limit = LEAST.max(usual * PATIENCE);
                    verdict::of_run(&execute(&command, &args, limit))
                }
                Err(reason) => Verdict::Void(reason),
            };
            self.write(mutant, original)?;
            *time += started.elapsed();
            if verdict != Verdict::Missed {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Missed)
    }

    /// How long the unchanged sources take, which have to pass. Asked once.
    fn baseline(
        &mut self,
        tier: Tier,
        command: &Command,
        args: &[String],
        file: &str,
    ) -> Result<Baseline, String> {
        let typed = [command.to_string()].into_iter();
        let key = (tier, typed.chain(args.iter().cloned()).collect());
        if let Some(known) = self.baselines.get(&key) {
            return Ok(*known);
        }
        println!("    (the unchanged sources under {tier}, for {file})");
        let missing = (tier == Tier::Miri).then(|| crate::need::Need::Miri.missing());
        if let Some(Some(remedy)) = missing {
            println!("    NOT AVAILABLE {tier}: {remedy}");
            self.baselines.insert(key, Baseline::Absent);
            return Ok(Baseline::Absent);
        }
        build(command)?;
        let started = Instant::now();
        let end = execute(command, args, BASELINE);
        let tests = match (&end, verdict::of_run(&end)) {
            (End::Exited(output), Verdict::Missed) => crate::outcome::tests_passed(&output.stdout),
            (_, verdict) => {
                return Err(format!("the unchanged sources fail {tier}: {verdict:?}"));
            }
        };
        let baseline = if tests == 0 {
            println!("    NOT AVAILABLE {tier}: it has no tests");
            Baseline::Absent
        } else {
            Baseline::Passed(started.elapsed())
        };
        self.baselines.insert(key, baseline);
        Ok(baseline)
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
