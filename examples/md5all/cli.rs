//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};

use crate::digest::Algorithm;

/// Prints the digest of every file in a directory tree, sorted by path.
#[derive(Debug, Parser)]
#[command(name = "md5all", version)]
pub(crate) struct Args {
    /// The directory, or a single file
    pub(crate) dir: PathBuf,

    /// How many batches of files are read, and digested, at a time [default: twice the cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,

    /// What runs the tasks
    #[arg(long, value_enum, default_value_t = Runtime::Tokio)]
    pub(crate) runtime: Runtime,

    #[arg(long, value_enum, default_value_t = Algorithm::Md5)]
    pub(crate) algorithm: Algorithm,

    /// text: the lines of md5sum; json: one document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Read what can be read, report every error, and exit with 1 if there was one
    #[arg(short, long)]
    pub(crate) keep_going: bool,

    /// Show where the stages of the pipeline stand, on standard error
    #[arg(long)]
    pub(crate) stats: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    Tokio,
    Smol,
    Mini,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Args {
    /// The arguments of this process, or one line about what is wrong with them. (`--help` and
    /// `--version` print and exit.)
    pub(crate) fn from_command_line() -> Result<Self, String> {
        let args = Self::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
            _ => one_line(&error.to_string()),
        })?;
        if args.jobs == Some(0) {
            return Err("--jobs must be at least 1".to_owned());
        }
        Ok(args)
    }

    /// How many batches may be read at a time; at least one.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.unwrap_or_else(|| {
            let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
            2 * cores
        })
    }
}

/// clap explains at length; the first paragraph says what is wrong.
fn one_line(message: &str) -> String {
    let paragraph = message.trim_start_matches("error: ").split("\n\n").next();
    let lines = paragraph.unwrap_or_default().lines().map(str::trim);
    format!("{} (try --help)", lines.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn errors_are_one_line() {
        for wrong in [
            &["md5all"][..],
            &["md5all", ".", "--jobs", "many"],
            &["md5all", "-x"],
        ] {
            let error = Args::try_parse_from(wrong).unwrap_err();
            let line = one_line(&error.to_string());
            assert!(
                line.lines().count() == 1 && !line.starts_with("error"),
                "{line}"
            );
        }
    }
}
