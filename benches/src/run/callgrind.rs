//! Instructions per operation, counted by valgrind.
//!
//! A case is run for n and for 2n operations. Whatever it takes to start and to end is in both, so
//! the difference over n is exact, and the same in every run. Those of the loop around the operation
//! are taken off.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use indicatif::ProgressBar;

use super::child::{self, LOOP};
use crate::case::Case;
use crate::sample::Plan;

/// Finds valgrind when it is asked for.
#[derive(Clone, Debug)]
pub struct Callgrind {
    version: String,
}

const OPERATIONS: u64 = 1000;

impl Callgrind {
    /// `None` where there is no valgrind.
    #[must_use]
    pub fn find() -> Option<Self> {
        let output = Command::new("valgrind")
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(Callgrind { version })
    }

    /// `valgrind-3.19.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Of all these cases, two at a time: nothing is timed here.
    pub(super) fn all<'a>(
        &self,
        cases: &[&'a Arc<Case>],
        bar: &ProgressBar,
    ) -> Vec<(&'a Case, Option<f64>)> {
        let command = |case: &str, n| child::command(case, &Plan::iterations(n));
        // The same for all: counted once.
        let Some(bare) = of_repetition(command, LOOP) else {
            return Vec::new();
        };
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Relaxed)) {
                        let case: &Case = case;
                        let instructions = of_repetition(command, &case.id).map(|all| all - bare);
                        bar.inc(1);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.push((case, instructions));
                    }
                });
            }
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Instructions of one operation of a case, given the command that does so many of a case. `None` if
/// valgrind cannot run it.
pub fn of_operation(command: impl Fn(&str, u64) -> Command, case: &str) -> Option<f64> {
    Some(of_repetition(&command, case)? - of_repetition(&command, LOOP)?)
}

/// The same with those of the loop.
fn of_repetition(command: impl Fn(&str, u64) -> Command, case: &str) -> Option<f64> {
    let once = count(&command(case, OPERATIONS))?;
    let twice = count(&command(case, 2 * OPERATIONS))?;
    Some((twice as f64 - once as f64) / OPERATIONS as f64)
}

/// All instructions of one process.
fn count(program: &Command) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    collected(&String::from_utf8_lossy(&output.stderr)).filter(|_| output.status.success())
}

/// From a line `==1234== Collected : 56789`.
fn collected(report: &str) -> Option<u64> {
    let line = report
        .lines()
        .find_map(|line| line.split_once("Collected :"));
    line?.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_report() {
        let report = "==1== Events    : Ir\n==1== Collected : 186233\n==1==\n";
        assert_eq!(collected(report), Some(186_233));
        assert_eq!(collected("valgrind: no such tool"), None);
    }
}
