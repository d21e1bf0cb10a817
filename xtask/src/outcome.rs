//! What the end of a command means.

use crate::process::{End, Output};
use crate::step::{Command, Exit};

/// The result of a command, and of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Not run, or not able to do its work, for a reason that is not this workspace's.
    NotRun(String),
}

pub(crate) fn judge(command: &Command, end: &End) -> Outcome {
    let output = match end {
        End::Exited(output) => output,
        End::TimedOut(_) => return Outcome::Failed("timed out".to_owned()),
        End::Interrupted => return Outcome::Failed("interrupted".to_owned()),
        End::NotStarted(error) => return Outcome::Failed(format!("could not start: {error}")),
    };
    let Err(complaint) = check(command, output) else {
        return Outcome::Passed;
    };
    let excuse = command.excuse.and_then(|excuse| excuse(&output.both()));
    excuse.map_or(Outcome::Failed(complaint), Outcome::NotRun)
}

fn check(command: &Command, output: &Output) -> Result<(), String> {
    let expect = &command.expect;
    let Some(code) = output.code else {
        return Err("killed by a signal".to_owned());
    };
    match expect.exit {
        Exit::Success if code != 0 => return Err(format!("exit code {code}")),
        Exit::CleanFailure if code == 0 || code == 101 => {
            return Err(format!(
                "exit code {code} where a reported error was expected"
            ));
        }
        Exit::Success | Exit::CleanFailure => {}
    }
    if let Some(text) = expect
        .stdout
        .iter()
        .find(|text| !output.stdout.contains(**text))
    {
        return Err(format!("{text:?} is not on standard output"));
    }
    if let Some(text) = expect
        .stderr
        .iter()
        .find(|text| !output.stderr.contains(**text))
    {
        return Err(format!("{text:?} is not on standard error"));
    }
    let both = output.both();
    if let Some(text) = expect.never.iter().find(|text| both.contains(**text)) {
        return Err(format!("{text:?} is in the output"));
    }
    if expect.some_test_ran && tests_passed(&both) == 0 {
        return Err("no test ran".to_owned());
    }
    Ok(())
}

/// The sum over libtest's lines `test result: ok. 3 passed; 0 failed; ...`.
pub(crate) fn tests_passed(output: &str) -> u64 {
    output
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("test result: ok. ")?
                .split_once(" passed")
        })
        .filter_map(|(count, _)| count.parse::<u64>().ok())
        .sum()
}

/// The sum over the lines `1234 schedules` of the models.
pub(crate) fn schedules(output: &str) -> u64 {
    output
        .lines()
        .filter_map(|line| line.trim().strip_suffix(" schedules")?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Expect;

    fn exited(code: i32, stdout: &str, stderr: &str) -> End {
        End::Exited(Output {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        })
    }

    fn failed(reason: &str) -> Outcome {
        Outcome::Failed(reason.to_owned())
    }

    #[test]
    fn exit_codes() {
        let command = Command::cargo("build");
        assert_eq!(judge(&command, &exited(0, "", "")), Outcome::Passed);
        assert_eq!(judge(&command, &exited(2, "", "")), failed("exit code 2"));
        let signal = End::Exited(Output {
            code: None,
            ..Output::default()
        });
        assert_eq!(judge(&command, &signal), failed("killed by a signal"));
    }

    #[test]
    fn ends_without_an_exit() {
        let command = Command::cargo("build").excuse(|_| Some("never asked".to_owned()));
        assert_eq!(
            judge(&command, &End::TimedOut(Output::default())),
            failed("timed out")
        );
        assert_eq!(judge(&command, &End::Interrupted), failed("interrupted"));
        let missing = End::NotStarted("no such file".to_owned());
        assert_eq!(
            judge(&command, &missing),
            failed("could not start: no such file")
        );
    }

    #[test]
    fn a_clean_failure_is_neither_success_nor_panic_nor_signal() {
        let expect = Expect {
            exit: Exit::CleanFailure,
            ..Expect::default()
        };
        let command = Command::cargo("run").expect(expect);
        assert_eq!(judge(&command, &exited(1, "", "")), Outcome::Passed);
        for end in [
            exited(0, "", ""),
            exited(101, "", ""),
            End::Exited(Output {
                code: None,
                ..Output::default()
            }),
        ] {
            assert!(
                matches!(judge(&command, &end), Outcome::Failed(_)),
                "{end:?}"
            );
        }
    }

    #[test]
    fn expected_and_forbidden_texts() {
        let command = Command::cargo("run").expect(Expect {
            stdout: vec!["digest"],
            stderr: vec!["done"],
            never: vec!["panicked"],
            ..Expect::default()
        });
        let outcome = |stdout, stderr| judge(&command, &exited(0, stdout, stderr));
        assert_eq!(outcome("a digest", "done"), Outcome::Passed);
        assert_eq!(
            outcome("", "digest done"),
            failed(r#""digest" is not on standard output"#)
        );
        assert_eq!(
            outcome("digest done", ""),
            failed(r#""done" is not on standard error"#)
        );
        assert_eq!(
            outcome("digest", "done, panicked"),
            failed(r#""panicked" is in the output"#)
        );
    }

    #[test]
    fn a_filter_that_matches_no_test_fails() {
        let command = Command::cargo("test -- loom").some_test_runs();
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out\n";
        let some = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; finished\n";
        assert_eq!(judge(&command, &exited(0, none, "")), failed("no test ran"));
        assert_eq!(
            judge(&command, &exited(0, &[none, some].concat(), "")),
            Outcome::Passed
        );
        assert_eq!(tests_passed(&[some, none, some].concat()), 24);
    }

    #[test]
    fn schedules_are_added_up() {
        assert_eq!(
            schedules("a\n12 schedules\nmany schedules\n30 schedules\n"),
            42
        );
    }

    #[test]
    fn an_excuse_is_heard_only_after_a_failure() {
        let command = Command::cargo("deny").excuse(|output| {
            output
                .contains("no network")
                .then(|| "out of reach".to_owned())
        });
        assert_eq!(
            judge(&command, &exited(0, "", "no network")),
            Outcome::Passed
        );
        assert_eq!(
            judge(&command, &exited(1, "", "no network")),
            Outcome::NotRun("out of reach".to_owned())
        );
        assert_eq!(
            judge(&command, &exited(1, "", "found")),
            failed("exit code 1")
        );
    }
}
