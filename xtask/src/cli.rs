//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::mutants;
use crate::step::Step;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The commands of this workspace")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) tier: Tier,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tier {
    /// What CI runs: formatting, lints, all tests, feature combinations, docs, bounded models,
    /// dependency rules, examples
    Test(Selection),
    /// `test`, and the model checkers, Miri, `ThreadSanitizer` and the mutants at length (hours)
    Deep {
        /// Write the results into docs/verification.md
        #[arg(long)]
        write_docs: bool,
        #[command(flatten)]
        selection: Selection,
    },
    /// Plants faults and looks which tier of the tests notices each
    Mutants(mutants::Options),
    /// The benchmark report: everything beside its peers, as tables and charts
    Bench(Report),
    /// Measures who keeps which promise, ours and others, and writes docs/conformance.md
    Conformance(Selection),
    /// The documentation, with warnings denied
    Doc {
        /// Show it in a browser
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        selection: Selection,
    },
}

/// What goes into the benchmark report, and where it goes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Report {
    /// Short measurements: a look, in minutes, written below target/
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only the rows with this number, or else with this in their title (may be repeated)
    #[arg(long, value_name = "ROW")]
    pub(crate) only: Vec<String>,
    /// How often everybody is timed (default: 5, and 2 if quick)
    #[arg(long)]
    pub(crate) rounds: Option<u32>,
    /// Write it to this directory (default: docs, or below target/ if it is not complete)
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) out: Option<PathBuf>,
    /// Write all samples to this file as well, to compare with later
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the document again from samples that `--json` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Print the rows instead of measuring
    #[arg(long = "list")]
    pub(crate) rows: bool,
}

/// Which steps of a tier to run, and what to do after a failure.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Run only the steps whose name contains this (may be repeated)
    #[arg(long, value_name = "SUBSTRING")]
    pub(crate) only: Vec<String>,
    /// Print the steps and their commands instead of running them
    #[arg(long)]
    pub(crate) list: bool,
    /// Stop at the first step that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
}

impl Selection {
    /// The steps to run, in their order. None at all means that `only` matches nothing.
    pub(crate) fn apply(&self, mut steps: Vec<Step>) -> Vec<Step> {
        if !self.only.is_empty() {
            steps.retain(|step| self.only.iter().any(|part| step.name.contains(part)));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn chosen(only: &[&str]) -> Vec<String> {
        let steps = ["fmt", "clippy", "loom sync-core", "loom async-sync"].map(Step::new);
        let only = only.iter().map(ToString::to_string).collect();
        let selection = Selection {
            only,
            ..Selection::default()
        };
        selection
            .apply(steps.into())
            .into_iter()
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_filter_every_step_runs() {
        assert_eq!(chosen(&[]).len(), 4);
    }

    #[test]
    fn filters_add_up_and_keep_the_order() {
        assert_eq!(
            chosen(&["loom", "fmt"]),
            ["fmt", "loom sync-core", "loom async-sync"]
        );
    }

    #[test]
    fn a_filter_may_match_nothing() {
        assert!(chosen(&["nothing like this"]).is_empty());
    }

    #[test]
    fn options_follow_the_tier() {
        let cli = Cli::parse_from(["xtask", "doc", "--open", "--only", "a", "--only", "b"]);
        let Tier::Doc { open, selection } = cli.tier else {
            panic!("another command");
        };
        assert!(open);
        assert_eq!(selection.only, ["a", "b"]);
    }

    #[test]
    fn rows_of_the_report_are_no_steps() {
        let cli = Cli::parse_from(["xtask", "bench", "--quick", "--only", "P1"]);
        assert!(matches!(cli.tier, Tier::Bench(Report { quick: true, .. })));
    }
}
