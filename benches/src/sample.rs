//! What one run of one case is told, and what it says: the words between the report and the child
//! processes that measure for it, those in Go among them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a run is told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What is wanted of it.
    pub mode: Mode,
    /// For how long it measures.
    pub millis: u64,
    /// For how long tasks that were told to stop may go on before they count as stuck.
    pub grace: u64,
    /// The rounds of [`spend`](crate::measure::work::spend) that take 100 ns on this machine.
    pub work: u64,
    /// Divides the sizes of large workloads, for runs that only show that everything works.
    pub shrink: u64,
}

/// What is wanted of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Nanoseconds per operation.
    Time,
    /// So many operations and no clock: their instructions are counted from outside, and criterion
    /// chooses its own numbers.
    Iterations(u64),
    /// So many operations, counting allocations and wake-ups.
    Count(u64),
}

impl Plan {
    /// So many operations, and nothing else.
    #[must_use]
    pub fn iterations(n: u64) -> Self {
        Plan {
            mode: Mode::Iterations(n),
            millis: 0,
            grace: 1000,
            work: 0,
            shrink: 1,
        }
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// A size that would take a check of the report too long.
    pub(crate) fn scaled(&self, size: usize) -> usize {
        (size / usize::try_from(self.shrink).unwrap_or(1)).max(1)
    }
}

/// What a run says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Nanoseconds of wall-clock time per operation.
    pub ns: Option<f64>,
    /// What each task got of it, in contended cases.
    pub fairness: Option<Fairness>,
    /// Everything else that was counted, by name; see [`figure`].
    #[serde(default)]
    pub figures: BTreeMap<String, f64>,
    /// Why the figures are not worth comparing, if so.
    #[serde(default)]
    pub trouble: Option<String>,
}

impl Sample {
    /// With this trouble, if there was.
    pub(crate) fn trouble_if(mut self, there_was: bool, trouble: &str) -> Self {
        if there_was {
            self.trouble = Some(trouble.to_owned());
        }
        self
    }
}

/// The [`trouble`](Sample::trouble) of a run in which nobody got anything done.
pub const NOTHING_DONE: &str = "no operation at all";

/// Names of [`Sample::figures`].
pub mod figure {
    /// Instructions per operation.
    pub const INSTRUCTIONS: &str = "instructions";
    /// Allocations per operation.
    pub const ALLOCATIONS: &str = "allocations";
    /// Bytes allocated per operation.
    pub const ALLOCATED: &str = "bytes allocated";
    /// Wake-ups per operation.
    pub const WAKES: &str = "wakes";
    /// Bytes of the object, without the value in it.
    pub const OBJECT: &str = "object";
    /// Bytes of a future that waits for it.
    pub const FUTURE: &str = "future";
    /// Bytes on the heap for each future that waits.
    pub const HEAP: &str = "heap per waiter";
    /// Bytes for each waiter, future and heap together.
    pub const WAITER: &str = "waiter";
    /// How often the work of a single flight was begun.
    pub const EXECUTIONS: &str = "executions";
    /// Operations that were given up while they waited, in percent.
    pub const CANCELLED: &str = "given up, %";
}

/// How a contended run was shared out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fairness {
    /// Operations of the task that had the fewest.
    pub min: u64,
    /// Operations of the task that had the most.
    pub max: u64,
    /// Jain's index of the operations per task: 1 when all have the same, 1/n when one has all.
    pub jain: f64,
    /// Tasks that did not get through one operation.
    pub idle: u64,
    /// All tasks.
    pub tasks: u64,
    /// How long an acquisition waited, in nanoseconds.
    pub waits: Option<Waits>,
}

/// Quantiles of the time that acquisitions waited, in nanoseconds; 0 for those that did not.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Waits {
    /// Half waited no longer.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// None waited longer.
    pub worst: f64,
}

impl Fairness {
    /// From the operations of each task.
    #[must_use]
    pub fn of(operations: &[u64]) -> Self {
        let sum: f64 = operations.iter().map(|&n| n as f64).sum();
        let squares: f64 = operations.iter().map(|&n| (n as f64).powi(2)).sum();
        let tasks = operations.len() as f64;
        Fairness {
            min: operations.iter().copied().min().unwrap_or(0),
            max: operations.iter().copied().max().unwrap_or(0),
            jain: if squares > 0.0 {
                sum * sum / (tasks * squares)
            } else {
                0.0
            },
            idle: operations.iter().filter(|&&n| n == 0).count() as u64,
            tasks: operations.len() as u64,
            waits: None,
        }
    }

    /// Operations of the unluckiest task per operation of the luckiest.
    #[must_use]
    pub fn least_share(&self) -> f64 {
        if self.max == 0 {
            0.0
        } else {
            self.min as f64 / self.max as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jain_is_one_when_all_have_the_same() {
        let fair = Fairness::of(&[5, 5, 5, 5]);
        assert_eq!((fair.jain, fair.least_share(), fair.idle), (1.0, 1.0, 0));
    }

    #[test]
    fn jain_is_one_nth_when_one_has_all() {
        let unfair = Fairness::of(&[0, 8, 0, 0]);
        assert_eq!(
            (unfair.jain, unfair.least_share(), unfair.idle),
            (0.25, 0.0, 3)
        );
        assert_eq!(Fairness::of(&[0, 0]).jain, 0.0);
    }

    #[test]
    fn a_sample_may_leave_out_what_it_does_not_know() {
        let sample: Sample = serde_json::from_str(r#"{"ns": 1.5, "fairness": null}"#).unwrap();
        assert_eq!(sample.ns, Some(1.5));
        assert!(sample.figures.is_empty());
    }
}
