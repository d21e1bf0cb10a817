//! The benchmark report: see the crate's documentation, and `--help`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use benches::alloc::Counting;
use benches::measure::work;
use benches::report::machine::About;
use benches::row::Row;
use benches::run::callgrind::Callgrind;
use benches::run::child::{self, CHILD};
use benches::run::go::Go;
use benches::run::results::Results;
use benches::run::{Effort, Runner};
use benches::{report, rows};
use clap::Parser;
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Puts this workspace beside its peers: measures, judges, writes tables and charts
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Cli {
    /// Short measurements: a look, in minutes
    #[arg(long)]
    quick: bool,
    /// Hardly any measurement: shows that everything runs
    #[arg(long, hide = true, conflicts_with = "quick")]
    tiny: bool,
    /// Only the rows whose number is this, or else whose title contains it (may be repeated)
    #[arg(long, value_name = "ROW")]
    only: Vec<String>,
    /// Where to write (docs for a run of everything, target/bench-report otherwise)
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
    /// Write all samples there as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the document again from samples that `--json` wrote, instead of measuring
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// How often everybody is timed
    #[arg(long)]
    rounds: Option<u32>,
    /// For how long each time
    #[arg(long)]
    millis: Option<u64>,
    /// Leave out Go and valgrind
    #[arg(long)]
    rust_only: bool,
    /// Print the rows instead of measuring
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    // Before anything else runs, so that all of it is the same in every process that measures.
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(CHILD)
        && let (Some(id), Some(plan)) = (arguments.next(), arguments.next())
    {
        child::main(&id, &plan);
    }
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let rows = chosen(&cli.only)?;
    if cli.list {
        for row in &rows {
            println!("{:4} {}", row.id, row.title);
        }
        return Ok(());
    }
    let target = target();
    let record = match &cli.from {
        Some(file) => {
            let json = fs::read(file).with_context(|| format!("{}", file.display()))?;
            serde_json::from_slice(&json).context("no record of this program")?
        }
        None => measure(cli, &rows, &target)?,
    };
    let out = cli.out.clone().unwrap_or_else(|| {
        let all = !cli.quick && !cli.tiny && cli.only.is_empty();
        if all {
            root().join("docs")
        } else {
            target.join("bench-report")
        }
    });
    report::write(&out, &rows, &record.results, &record.about)?;
    if let Some(file) = &cli.json {
        let json = serde_json::to_string_pretty(&record)?;
        fs::write(file, json).with_context(|| format!("{}", file.display()))?;
    }
    println!("wrote {}", out.join("benchmarks.md").display());
    Ok(())
}

/// All that a run leaves behind.
#[derive(Serialize, Deserialize)]
struct Record {
    about: About,
    results: Results,
}

fn measure(cli: &Cli, rows: &[Row], target: &Path) -> anyhow::Result<Record> {
    let (go, callgrind) = if cli.rust_only {
        (None, None)
    } else {
        (Go::build(target)?, Callgrind::find())
    };
    let about = About::gather(command(cli), go.as_ref(), callgrind.as_ref());
    let runner = Runner {
        effort: effort(cli),
        go,
        callgrind,
        work: work::calibrate(),
    };
    let results = runner.run(rows);
    Ok(Record { about, results })
}

fn effort(cli: &Cli) -> Effort {
    let effort = match (cli.quick, cli.tiny) {
        (true, _) => Effort::QUICK,
        (_, true) => Effort::TINY,
        _ => Effort::FULL,
    };
    Effort {
        rounds: cli.rounds.unwrap_or(effort.rounds),
        millis: cli.millis.unwrap_or(effort.millis),
        ..effort
    }
}

/// `P1` is P1 and not P12; anything that is no number of a row is looked for in the titles.
fn chosen(only: &[String]) -> anyhow::Result<Vec<Row>> {
    let mut rows = rows::all();
    let numbers: Vec<_> = rows.iter().map(|row| row.id.to_lowercase()).collect();
    let wanted: Vec<_> = only.iter().map(|part| part.to_lowercase()).collect();
    let matches = |row: &Row, part: &String| {
        if numbers.contains(part) {
            row.id.to_lowercase() == *part
        } else {
            row.title.to_lowercase().contains(part)
        }
    };
    rows.retain(|row| wanted.is_empty() || wanted.iter().any(|part| matches(row, part)));
    if rows.is_empty() {
        bail!("no row is called {only:?}; see --list");
    }
    Ok(rows)
}

/// What to type for the same again.
fn command(cli: &Cli) -> String {
    let mut command = "cargo xtask bench".to_owned();
    if cli.quick {
        command.push_str(" --quick");
    }
    if let Some(rounds) = cli.rounds {
        command.push_str(&format!(" --rounds {rounds}"));
    }
    for part in &cli.only {
        command.push_str(&format!(" --only '{part}'"));
    }
    command
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The folder for what can be built again, where this program is.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
