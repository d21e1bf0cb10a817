//! What became of a mutant in a tier: read from the output of cargo and libtest.

use std::path::Path;
use std::process;

use crate::process::{End, Output};

/// What one tier says of a mutant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// By this test, and how many others of the same program.
    Caught {
        test: String,
        others: usize,
    },
    Missed,
    /// The tier could not look: the reason.
    Void(String),
}

/// Reads a run of `cargo test`.
pub(crate) fn of_run(end: &End) -> Verdict {
    match end {
        End::Exited(output) if output.code == Some(0) => Verdict::Missed,
        End::Exited(output) => of_failure(output),
        End::TimedOut(output) => Verdict::Caught {
            test: format!("{} hangs", hanging(output)),
            others: 0,
        },
        End::Interrupted => Verdict::Void("interrupted".to_owned()),
        End::NotStarted(error) => Verdict::Void(error.clone()),
    }
}

fn of_failure(output: &Output) -> Verdict {
    let program = program(output);
    let failed = failed(&output.stdout);
    if let Some(first) = failed.first() {
        return Verdict::Caught {
            test: format!("{program}::{first}"),
            others: failed.len() - 1,
        };
    }
    // The program died before it could say so; with one thread, as under Miri, the name of the
    // test stands at the end.
    let unfinished = output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("test "))
        .filter_map(|line| line.split_once(" ... "))
        .rfind(|(_, result)| !finished(result));
    if let Some((name, _)) = unfinished {
        return Verdict::Caught {
            test: format!("{program}::{name}"),
            others: 0,
        };
    }
    if program.is_empty() {
        return Verdict::Void(last_lines(&output.stderr));
    }
    Verdict::Caught {
        test: format!("{program} dies"),
        others: 0,
    }
}

fn finished(result: &str) -> bool {
    ["ok", "FAILED", "ignored"]
        .iter()
        .any(|end| result.starts_with(end))
}

/// The tests that libtest reports as failed, in its order.
fn failed(stdout: &str) -> Vec<&str> {
    stdout
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .map(|name| name.strip_suffix(" - should panic").unwrap_or(name))
        .collect()
}

/// Cargo's line about the program that it has started last.
fn running(output: &Output) -> Option<&str> {
    let lines = output.stderr.lines();
    lines
        .filter_map(|line| line.trim().strip_prefix("Running "))
        .next_back()
}

/// The path in `unittests src/lib.rs (target/debug/deps/name-0123456789abcdef)`.
fn executable(running: &str) -> Option<&str> {
    running.rsplit_once('(')?.1.strip_suffix(')')
}

/// The name of the test program that was started last.
fn program(output: &Output) -> String {
    let path = running(output).and_then(executable).map(Path::new);
    let name = path.and_then(Path::file_stem).unwrap_or_default();
    let name = name.to_string_lossy();
    let name = name.rsplit_once('-').map_or(&*name, |(name, _)| name);
    name.to_owned()
}

/// The test that is still running: libtest starts them in the order in which it lists them, and
/// names a test when it has ended.
fn hanging(output: &Output) -> String {
    let program = program(output);
    let ended: Vec<&str> = {
        let last = output.stdout.rfind("\nrunning ").unwrap_or(0);
        output.stdout[last..]
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "))
            .map(|(name, _)| name.strip_suffix(" - should panic").unwrap_or(name))
            .collect()
    };
    let unfinished = listed(output)
        .into_iter()
        .find(|name| !ended.contains(&name.as_str()));
    match unfinished {
        Some(name) => format!("{program}::{name}"),
        None => program,
    }
}

/// The tests of the program that was started last, among those that it was asked for.
fn listed(output: &Output) -> Vec<String> {
    let Some(path) = running(output).and_then(executable) else {
        return Vec::new();
    };
    let list = process::Command::new(path).arg("--list").output();
    let list = list.map(|list| list.stdout).unwrap_or_default();
    String::from_utf8_lossy(&list)
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect()
}

/// What a build that failed has to say.
pub(crate) fn last_lines(text: &str) -> String {
    let errors = text.lines().filter(|line| line.starts_with("error"));
    let first = errors.take(2).collect::<Vec<_>>().join("; ");
    if first.is_empty() {
        text.lines().next_back().unwrap_or("no output").to_owned()
    } else {
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "     Running unittests src/lib.rs (target/debug/deps/alpha-01ab)\n     \
                           Running tests/beta.rs (target/debug/deps/beta-23cd)\n";

    fn exited(code: i32, stdout: &str, stderr: &str) -> End {
        End::Exited(Output {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        })
    }

    fn caught(test: &str, others: usize) -> Verdict {
        Verdict::Caught {
            test: test.to_owned(),
            others,
        }
    }

    #[test]
    fn the_first_failure_is_named() {
        let stdout = "test a ... ok\ntest b::c - should panic ... FAILED\ntest d ... FAILED\n";
        assert_eq!(
            of_run(&exited(101, stdout, RUNNING)),
            caught("beta::b::c", 1)
        );
        assert_eq!(
            of_run(&exited(0, "test a ... ok\n", RUNNING)),
            Verdict::Missed
        );
    }

    #[test]
    fn a_program_that_dies_is_caught_too() {
        let stdout = "test a ... ok\ntest b ... ignored\ntest c ... error: Undefined Behavior\n";
        assert_eq!(of_run(&exited(1, stdout, RUNNING)), caught("beta::c", 0));
        assert_eq!(
            of_run(&exited(101, "test a ... ok\n", RUNNING)),
            caught("beta dies", 0)
        );
    }

    #[test]
    fn a_build_that_fails_catches_nothing() {
        let stderr = "warning: w\nerror[E0001]: wrong\n --> x\nerror: could not compile `a`\n";
        let reason = "error[E0001]: wrong; error: could not compile `a`";
        assert_eq!(
            of_run(&exited(101, "", stderr)),
            Verdict::Void(reason.to_owned())
        );
    }

    #[test]
    fn a_program_that_hangs_is_named() {
        let output = Output {
            code: None,
            stdout: "running 2 tests\ntest a ... ok\n".to_owned(),
            stderr: RUNNING.to_owned(),
        };
        assert_eq!(of_run(&End::TimedOut(output)), caught("beta hangs", 0));
    }
}
