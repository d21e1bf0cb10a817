//! `cargo xtask mutants`: do the tests notice a fault?
//!
//! The faults are data (`xtask/mutants`), chosen by hand: cargo-mutants replaces operators and
//! return values, while what can go wrong here are orderings, the order of two statements, and a
//! baton that one path forgets. Each fault is planted alone into a copy of the workspace, which
//! then runs through the tiers until one of them fails. A fault that no tier notices fails the
//! command: a test is missing.
//!
//! `data`: the faults; `scratch`: the copy; `tier`: what is run; `verdict`: what the output means;
//! `trial`: one fault through the tiers; `table`: the rows in `docs/verification.md`.

mod data;
mod scratch;
mod table;
mod tier;
mod trial;
mod verdict;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use self::data::Mutant;
use self::scratch::Scratch;
use self::trial::{Lab, Trial};
use crate::{plan, process};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Run only the mutants whose name or file contains this (may be repeated)
    #[arg(long, value_name = "SUBSTRING")]
    only: Vec<String>,
    /// Print the mutants instead of running them
    #[arg(long)]
    list: bool,
    /// Go on after the first tier that catches a mutant
    #[arg(long)]
    all_tiers: bool,
    /// Only check that every mutant still fits the sources
    #[arg(long)]
    check: bool,
    /// Write the results into docs/verification.md
    #[arg(long)]
    write_docs: bool,
}

impl Options {
    fn wants(&self, mutant: &Mutant) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|part| mutant.name.contains(part) || mutant.file.contains(part))
    }
}

/// Runs the command. What went wrong was printed.
pub(crate) fn run(options: &Options) -> ExitCode {
    match try_run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn try_run(options: &Options) -> Result<bool, String> {
    let root = plan::root();
    let all = data::load(root)?;
    let mutants: Vec<&Mutant> = all.iter().filter(|mutant| options.wants(mutant)).collect();
    if mutants.is_empty() {
        return Err(format!(
            "no mutant is called {:?}; see --list",
            options.only
        ));
    }
    if options.list {
        for mutant in mutants {
            println!(
                "{} ({}, from {} on)",
                mutant.name,
                mutant.place(),
                mutant.tier
            );
            println!("    {}", mutant.why);
        }
        return Ok(true);
    }
    // Before an hour is spent.
    let stale: Vec<String> = all.iter().filter_map(|m| m.apply_in(root).err()).collect();
    if !stale.is_empty() {
        return Err(stale.join("\n\n"));
    }
    if options.check {
        println!("{} mutants fit the sources", all.len());
        return Ok(true);
    }
    let copy = plan::target_dir("mutants/workspace").into();
    let scratch = Scratch::update(root, copy).map_err(|error| format!("copying: {error}"))?;
    let mut lab = Lab::new(scratch, options.all_tiers);
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (index, mutant) in mutants.iter().enumerate() {
        if process::interrupted() {
            broken.push("interrupted".to_owned());
            break;
        }
        println!("[{}/{}] {}", index + 1, mutants.len(), mutant.name);
        let original = fs::read_to_string(root.join(&mutant.file))
            .map_err(|error| format!("{}: {error}", mutant.file))?;
        match lab.run(mutant, &original) {
            Ok(trial) => {
                println!("    {}", summary(&trial));
                rows.push(table::Row::new(mutant, &trial));
                if options.write_docs {
                    // At once: a run that is interrupted goes on with --only.
                    table::write(&all, &rows)?;
                }
            }
            Err(reason) => {
                println!("    ERROR: {reason}");
                broken.push(reason);
            }
        }
    }
    let survivors: Vec<&str> = rows.iter().filter_map(table::Row::survivor).collect();
    for survivor in &survivors {
        println!("SURVIVED: {survivor}");
    }
    for reason in &broken {
        println!("ERROR: {reason}");
    }
    println!(
        "{} mutants: {} caught, {} survived, {} errors",
        mutants.len(),
        rows.len() - survivors.len(),
        survivors.len(),
        broken.len()
    );
    Ok(survivors.is_empty() && broken.is_empty())
}

fn summary(trial: &Trial) -> String {
    let by = match &trial.caught[..] {
        [] => "SURVIVED".to_owned(),
        caught => table::caught_by(caught),
    };
    format!("{by} ({})", seconds(trial.time))
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}
