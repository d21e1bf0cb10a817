//! The commands of this workspace: `cargo xtask test | deep | mutants | bench | conformance | doc`.
//!
//! A tier is a list of [`Step`](step::Step)s, and a step is data: a name, what it needs, commands
//! and what is expected of them. The rooms:
//!
//! - `cli`: the command line;
//! - `plan`: the steps of each tier, the only place to touch when a check is added;
//! - `step`: what a step is; `need`: what it may need from the machine;
//! - `process`: one command under a watchdog; `outcome`: what its end means;
//! - `run`: a list of steps in order; `report`: the closing table;
//! - `mutants`: faults, and who notices them; `models`: whether `docs/verification.md` names the
//!   models that there are;
//! - `docs`: the tables of documents that commands write; `last_run`: what `deep` writes into
//!   `docs/verification.md`; `highlights`: what `bench` writes into the README.

#![forbid(unsafe_code)]

mod cli;
mod docs;
mod highlights;
mod last_run;
#[cfg(test)]
mod models;
mod mutants;
mod need;
mod outcome;
mod plan;
mod process;
mod report;
mod run;
mod step;

use std::process::ExitCode;
use std::slice;

use clap::Parser as _;

use crate::cli::{Cli, Selection, Tier};

fn main() -> ExitCode {
    let Cli { tier } = Cli::parse();
    if let Err(error) = process::kill_children_on_ctrl_c() {
        eprintln!("Ctrl-C will not reach the running step: {error}");
    }
    // Of the report, `--only` picks rows, not steps.
    let everything = Selection::default();
    let (steps, selection) = match &tier {
        Tier::Mutants(options) => return mutants::run(options),
        Tier::Test(selection) => (plan::test(), selection),
        Tier::Deep { selection, .. } => (plan::deep(), selection),
        Tier::Bench(report) => (plan::bench(report), &everything),
        Tier::Conformance(selection) => (plan::conformance(), selection),
        Tier::Doc { open, selection } => (plan::doc(*open), selection),
    };
    let steps = selection.apply(steps);
    if steps.is_empty() {
        eprintln!("no step's name contains {:?}; see --list", selection.only);
        return ExitCode::from(2);
    }
    if selection.list {
        for step in &steps {
            println!("{step}");
        }
        return ExitCode::SUCCESS;
    }
    let writes = matches!(
        tier,
        Tier::Deep {
            write_docs: true,
            ..
        }
    );
    let mut written = Ok(());
    let results = run::all(&steps, selection.fail_fast, |row| {
        // As they come: a run of hours may be cut off.
        if writes && written.is_ok() && !process::interrupted() {
            written = last_run::write(slice::from_ref(row));
        }
    });
    println!("\n{}", report::table(&results));
    println!("{}", report::closing_line(&results));
    if let Tier::Bench(_) = tier {
        written = highlights::write();
    }
    if let Err(error) = written {
        eprintln!("{error}");
        return ExitCode::from(2);
    }
    report::exit_code(&results)
}
