//! Runs every case: what is counted once first, then the clock, in rounds.
//!
//! Every measurement is a process of its own: this program again, with the name of one case, or the
//! Go program. A peer that hangs is killed and disturbs nobody after it; memory, threads and the
//! layout of the address space start afresh, so that luck with them is spread over the rounds and
//! shows in their spread. A round runs everybody once, each next to those it is compared with, and
//! every other round runs backwards.

pub mod callgrind;
pub mod child;
pub mod go;
pub mod results;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::case::{Case, Passes, Run};
use crate::row::Row;
use crate::sample::{Mode, Plan, Sample};
use callgrind::Callgrind;
use child::Ended;
use go::Go;
use results::Results;

/// How thorough.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often everybody is timed.
    pub rounds: u32,
    /// For how long each time.
    pub millis: u64,
    /// For how long tasks that were told to stop may go on.
    pub grace: u64,
    /// Divides the sizes of large workloads.
    pub shrink: u64,
}

impl Effort {
    /// For the documentation.
    pub const FULL: Self = Effort {
        rounds: 5,
        millis: 120,
        grace: 1500,
        shrink: 1,
    };
    /// For a look, in minutes.
    pub const QUICK: Self = Effort {
        rounds: 2,
        millis: 8,
        grace: 500,
        shrink: 1,
    };
    /// Shows that everything runs, and measures nothing.
    pub const TINY: Self = Effort {
        rounds: 1,
        millis: 2,
        grace: 5000,
        shrink: 100,
    };
}

/// The machine's tools, and how thoroughly they are used.
#[derive(Debug)]
pub struct Runner {
    /// How thorough.
    pub effort: Effort,
    /// The Go program, if there is a toolchain.
    pub go: Option<Go>,
    /// valgrind, if it is there.
    pub callgrind: Option<Callgrind>,
    /// The rounds of work that take 100 ns.
    pub work: u64,
}

impl Runner {
    /// Runs all cases of these rows.
    #[must_use]
    pub fn run(&self, rows: &[Row]) -> Results {
        let cases = self.possible(rows);
        let mut results = Results::default();
        self.count(&cases, &mut results);
        self.instructions(&cases, &mut results);
        self.rounds(&cases, &mut results);
        results
    }

    /// Every case once, without those that cannot run here.
    fn possible(&self, rows: &[Row]) -> Vec<Arc<Case>> {
        let mut seen = BTreeSet::new();
        let cases = rows
            .iter()
            .flat_map(|row| &row.points)
            .flat_map(|point| &point.cases);
        cases
            .filter(|case| match &case.run {
                Run::Here(_) => true,
                Run::Go(arguments) => self.go.as_ref().is_some_and(|go| go.can(arguments)),
            })
            .filter(|case| seen.insert(case.id.clone()))
            .cloned()
            .collect()
    }

    fn count(&self, cases: &[Arc<Case>], results: &mut Results) {
        let counted: Vec<_> = cases
            .iter()
            .filter(|case| case.passes != Passes::Timed)
            .collect();
        let bar = progress("counting", counted.len());
        for case in counted {
            bar.set_message(case.id.clone());
            match self.one(case, Mode::Count(1000)) {
                Ok(sample) => {
                    let cell = results.entry(&case.id);
                    cell.figures.extend(sample.figures);
                    cell.given_up = sample.trouble;
                }
                Err(ended) => results.entry(&case.id).given_up = Some(ended.to_string()),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
    }

    fn instructions(&self, cases: &[Arc<Case>], results: &mut Results) {
        let Some(callgrind) = &self.callgrind else {
            return;
        };
        let counted: Vec<_> = cases
            .iter()
            .filter(|case| case.passes == Passes::Instructions && matches!(case.run, Run::Here(_)))
            .collect();
        let bar = progress("instructions", counted.len());
        for (case, instructions) in callgrind.all(&counted, &bar) {
            if let Some(instructions) = instructions {
                let name = crate::sample::figure::INSTRUCTIONS.to_owned();
                results.entry(&case.id).figures.insert(name, instructions);
            }
        }
        bar.finish_and_clear();
    }

    fn rounds(&self, cases: &[Arc<Case>], results: &mut Results) {
        let timed: Vec<_> = cases
            .iter()
            .filter(|case| case.passes != Passes::Sizes)
            .collect();
        let bar = progress("timing", timed.len() * self.effort.rounds as usize);
        for round in 0..self.effort.rounds {
            let mut order = timed.clone();
            if round % 2 == 1 {
                order.reverse();
            }
            for case in order {
                bar.set_message(case.id.clone());
                self.time(case, results);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
    }

    fn time(&self, case: &Case, results: &mut Results) {
        if results
            .cell(&case.id)
            .is_some_and(|cell| cell.given_up.is_some())
        {
            return;
        }
        let mut ran = self.round(case);
        // A machine may stand still for longer than a measurement takes. Whoever fails twice running
        // is not asked again; once is reported.
        if let Err(trouble) = &ran {
            results.entry(&case.id).once.push(trouble.clone());
            ran = self.round(case);
        }
        let cell = results.entry(&case.id);
        match ran {
            Ok(sample) => cell.rounds.push(sample),
            Err(trouble) => {
                cell.once.pop();
                cell.given_up = Some(trouble);
            }
        }
    }

    fn round(&self, case: &Case) -> Result<Sample, String> {
        let sample = self
            .one(case, Mode::Time)
            .map_err(|ended| ended.to_string())?;
        match sample.trouble {
            Some(trouble) => Err(trouble),
            None => Ok(sample),
        }
    }

    fn one(&self, case: &Case, mode: Mode) -> Result<Sample, Ended> {
        let plan = Plan {
            mode,
            millis: self.effort.millis,
            grace: self.effort.grace,
            work: self.work,
            shrink: self.effort.shrink,
        };
        // Three parts of measuring, three waits for stragglers, and time to start.
        let limit = Duration::from_millis(2 * plan.millis + 3 * plan.grace) + START;
        match (&case.run, &self.go) {
            (Run::Go(arguments), Some(go)) => child::run(go.command(arguments, &plan), limit),
            (Run::Go(_), None) => Err(Ended::NotStarted("there is no Go".to_owned())),
            (Run::Here(_), _) => child::run(child::command(&case.id, &plan), limit),
        }
    }
}

/// For a process to start, on a machine that is busy.
const START: Duration = Duration::from_secs(20);

fn progress(what: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let style = ProgressStyle::with_template("{prefix:12} {bar:30} {pos}/{len} {eta} {wide_msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(what)
}
