//! Measures every promise of every implementation and writes the table, `docs/conformance.md`.
//!
//! Each measurement runs in a process of its own, this program again, so that one that hangs or
//! aborts can be cut off and counted.

mod guarded;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use conformance::promises::counting::Counting;
use conformance::promises::{Measurement, topics};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Debug, Parser)]
#[command(about = "Measures what our types and the peers' promise, and writes the table")]
struct Cli {
    /// Where to write the table
    #[arg(long, default_value = "docs/conformance.md")]
    out: PathBuf,
    /// Print the table instead
    #[arg(long)]
    print: bool,
    /// Only implementations whose name contains this
    #[arg(long, value_name = "SUBSTRING", default_value = "")]
    only: String,
    /// Only the types whose name, as `--one` takes it, contains this
    #[arg(long, value_name = "SUBSTRING", default_value = "")]
    types: String,
    /// After how many milliseconds a measurement counts as hanging
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    limit: u64,
    /// Run a single measurement in this process, and tell the verdict
    #[arg(long, num_args = 3, value_names = ["TYPE", "IMPLEMENTATION", "PROMISE"])]
    one: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(one) = &cli.one {
        let Some(verdict) = find(&one[0], &one[1], &one[2]) else {
            eprintln!("no such measurement: {}", one.join(" "));
            return ExitCode::from(2);
        };
        println!("{}", guarded::to_line(&verdict.run()));
        return ExitCode::SUCCESS;
    }
    let limit = Duration::from_millis(cli.limit);
    let mut wanted = topics();
    wanted.retain(|topic| topic.id.contains(&cli.types));
    let text = table::document(&wanted, &cli.only, |topic, implementation, measurement| {
        eprintln!("{topic} {implementation} {measurement}");
        guarded::run([topic, implementation, measurement], limit)
    });
    if cli.print {
        println!("{text}");
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = cli.out.parent()
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        eprintln!("{}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    match std::fs::write(&cli.out, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", cli.out.display());
            ExitCode::FAILURE
        }
    }
}

fn find(topic: &str, implementation: &str, promise: &str) -> Option<Measurement> {
    topics()
        .into_iter()
        .find(|it| it.id == topic)?
        .implementations
        .into_iter()
        .find(|it| it.id == implementation)?
        .measurement(promise)
        .copied()
}
