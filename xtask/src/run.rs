//! Steps in order.

use std::time::{Duration, Instant};

use crate::outcome::{Outcome, judge, schedules, tests_passed};
use crate::process::{self, End};
use crate::step::Step;

/// One row of the closing table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) time: Duration,
    pub(crate) figures: Figures,
}

/// What a step has run, as far as its output was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) tests: u64,
    /// Of the model checkers.
    pub(crate) schedules: u64,
}

/// Runs every step, and shows `each` what became of it; goes on after a failure unless told to stop there.
pub(crate) fn all(steps: &[Step], fail_fast: bool, mut each: impl FnMut(&Row)) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(steps.len());
    let begin = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        // The time so far: when a run is cut off, its last lines say how long it had taken.
        println!(
            "\n==> [{}/{}] {} (after {} s)",
            index + 1,
            steps.len(),
            step.name,
            begin.elapsed().as_secs()
        );
        let stopped = fail_fast
            && rows
                .iter()
                .any(|row| matches!(row.outcome, Outcome::Failed(_)));
        let started = Instant::now();
        let mut figures = Figures::default();
        let outcome = if process::interrupted() {
            Outcome::NotRun("interrupted".to_owned())
        } else if stopped {
            Outcome::NotRun("an earlier step failed (--fail-fast)".to_owned())
        } else {
            one(step, started + step.limit, &mut figures)
        };
        match &outcome {
            Outcome::Passed => {}
            Outcome::Failed(reason) => println!("==> FAILED {}: {reason}", step.name),
            Outcome::NotRun(reason) => println!("==> NOT RUN {}: {reason}", step.name),
        }
        let row = Row {
            name: step.name.clone(),
            outcome,
            time: started.elapsed(),
            figures,
        };
        each(&row);
        rows.push(row);
    }
    rows
}

fn one(step: &Step, deadline: Instant, figures: &mut Figures) -> Outcome {
    if let Some(missing) = step.needs.iter().find_map(|need| need.missing()) {
        return Outcome::NotRun(missing);
    }
    for command in &step.commands {
        println!("$ {command}");
        let end = process::run(command, deadline);
        if let End::Exited(output) = &end {
            figures.tests += tests_passed(&output.stdout);
            figures.schedules += schedules(&output.stdout);
        }
        let outcome = judge(command, &end);
        if outcome != Outcome::Passed {
            return outcome;
        }
    }
    Outcome::Passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::need::Need;
    use crate::step::Command;

    fn step(name: &str, commands: &[&str]) -> Step {
        commands
            .iter()
            .fold(Step::new(name), |step, args| step.run(Command::cargo(args)))
    }

    fn outcomes(steps: &[Step], fail_fast: bool) -> Vec<Outcome> {
        all(steps, fail_fast, |_| {})
            .into_iter()
            .map(|row| row.outcome)
            .collect()
    }

    const GOOD: &str = "--version";
    const BAD: &str = "no-such-subcommand";

    #[test]
    fn a_failure_does_not_hide_the_next_one() {
        let steps = [
            step("a", &[BAD]),
            step("b", &[GOOD]),
            step("c", &[GOOD, BAD]),
        ];
        let failed = Outcome::Failed("exit code 101".to_owned());
        assert_eq!(
            outcomes(&steps, false),
            [failed.clone(), Outcome::Passed, failed]
        );
    }

    #[test]
    fn fail_fast_counts_the_rest_as_not_run() {
        let steps = [step("a", &[GOOD]), step("b", &[BAD]), step("c", &[GOOD])];
        let outcomes = outcomes(&steps, true);
        assert_eq!(outcomes[0], Outcome::Passed);
        assert!(matches!(outcomes[1], Outcome::Failed(_)));
        assert!(matches!(outcomes[2], Outcome::NotRun(_)));
    }

    #[test]
    fn a_missing_need_is_named_and_nothing_runs() {
        let steps = [step("a", &[BAD]).needs(Need::Target("no-such-target"))];
        let [Outcome::NotRun(reason)] = &outcomes(&steps, false)[..] else {
            panic!("ran without what it needs");
        };
        assert_eq!(reason, "rustup target add no-such-target");
    }
}
