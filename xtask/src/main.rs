//! The commands of this workspace: `cargo xtask test | deep | bench | conformance | doc`.
//!
//! A tier is a list of [`Step`](step::Step)s, and a step is data: a name, what it needs, commands
//! and what is expected of them. The rooms:
//!
//! - `cli`: the command line;
//! - `plan`: the steps of each tier, the only place to touch when a check is added;
//! - `step`: what a step is; `need`: what it may need from the machine;
//! - `process`: one command under a watchdog; `outcome`: what its end means;
//! - `run`: a list of steps in order; `report`: the closing table.

#![forbid(unsafe_code)]

mod cli;
mod need;
mod outcome;
mod plan;
mod process;
mod report;
mod run;
mod step;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Tier};

fn main() -> ExitCode {
    let Cli { tier } = Cli::parse();
    let steps = match &tier {
        Tier::Test(_) => plan::test(),
        Tier::Deep(_) => plan::deep(),
        Tier::Bench(report) => plan::bench(report),
        Tier::Conformance(_) => plan::conformance(),
        Tier::Doc { open, .. } => plan::doc(*open),
    };
    let selection = tier.selection();
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
    if let Err(error) = process::kill_children_on_ctrl_c() {
        eprintln!("Ctrl-C will not reach the running step: {error}");
    }
    let results = run::all(&steps, selection.fail_fast);
    println!("\n{}", report::table(&results));
    println!("{}", report::closing_line(&results));
    report::exit_code(&results)
}
