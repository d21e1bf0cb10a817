//! What a step is: a name, what it needs, and commands with what is expected of them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::need::Need;

/// One line of the closing table.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// Run in order until one of them fails.
    pub(crate) commands: Vec<Command>,
    /// When one is missing, the step is counted as not run.
    pub(crate) needs: Vec<Need>,
    /// Wall-clock time for all commands together, builds included; past it the step has failed.
    pub(crate) limit: Duration,
}

/// One process to run, from the root of the workspace as a rule.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(&'static str, String)>,
    pub(crate) expect: Expect,
    /// Reads the output of a failed command: `Some(reason)` when it could not do its work, for a
    /// reason outside this workspace.
    pub(crate) excuse: Option<fn(&str) -> Option<String>>,
    /// Where to run; the root of the workspace if it is not said.
    pub(crate) dir: Option<PathBuf>,
    /// Whether its output is kept and not shown.
    pub(crate) quiet: bool,
}

/// What a command has to do to pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expect {
    pub(crate) exit: Exit,
    /// Texts that standard output must contain.
    pub(crate) stdout: Vec<&'static str>,
    /// Texts that standard error must contain.
    pub(crate) stderr: Vec<&'static str>,
    /// Texts that neither may contain.
    pub(crate) never: Vec<&'static str>,
    /// A test filter that matches nothing exits with 0: ask for one test at least.
    pub(crate) some_test_ran: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Exit {
    #[default]
    Success,
    /// An error that was reported: not 0, not a panic's 101, not a signal.
    CleanFailure,
}

impl Step {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            commands: Vec::new(),
            needs: Vec::new(),
            limit: Duration::from_secs(10 * 60),
        }
    }

    pub(crate) fn run(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    pub(crate) fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    pub(crate) fn minutes(mut self, minutes: u64) -> Self {
        self.limit = Duration::from_secs(minutes * 60);
        self
    }
}

impl Command {
    /// `cargo` with these arguments, which are separated by white space.
    pub(crate) fn cargo(args: impl AsRef<str>) -> Self {
        Self {
            program: "cargo".to_owned(),
            args: args
                .as_ref()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            env: Vec::new(),
            expect: Expect::default(),
            excuse: None,
            dir: None,
            quiet: false,
        }
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    pub(crate) fn expect(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    pub(crate) fn some_test_runs(mut self) -> Self {
        self.expect.some_test_ran = true;
        self
    }

    pub(crate) fn excuse(mut self, excuse: fn(&str) -> Option<String>) -> Self {
        self.excuse = Some(excuse);
        self
    }

    pub(crate) fn quietly_in(mut self, dir: PathBuf) -> Self {
        self.dir = Some(dir);
        self.quiet = true;
        self
    }

    /// Whether somebody will read the output after the command has ended.
    pub(crate) fn is_read(&self) -> bool {
        let Expect {
            exit: _,
            stdout,
            stderr,
            never,
            some_test_ran,
        } = &self.expect;
        self.quiet
            || self.excuse.is_some()
            || *some_test_ran
            || !(stdout.is_empty() && stderr.is_empty() && never.is_empty())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        for command in &self.commands {
            write!(f, "\n    {command}")?;
        }
        Ok(())
    }
}

/// As one would type it.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            if value.contains(' ') {
                write!(f, "{name}=\"{value}\" ")?;
            } else {
                write!(f, "{name}={value} ")?;
            }
        }
        write!(f, "{}", self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_as_one_would_type_it() {
        let command = Command::cargo("test  --lib")
            .env("A", "1")
            .env("RUSTFLAGS", "--cfg loom");
        assert_eq!(
            command.to_string(),
            r#"A=1 RUSTFLAGS="--cfg loom" cargo test --lib"#
        );
    }

    #[test]
    fn output_is_read_only_when_something_is_expected_of_it() {
        let never = Expect {
            never: vec!["panicked"],
            ..Expect::default()
        };
        assert!(!Command::cargo("build").is_read());
        assert!(Command::cargo("test").some_test_runs().is_read());
        assert!(Command::cargo("deny").excuse(|_| None).is_read());
        assert!(Command::cargo("run").expect(never).is_read());
    }
}
