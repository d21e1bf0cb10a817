//! Prints the digest of every file in a directory tree, sorted by path, as `md5sum` does.
//!
//! ```text
//! cargo run --release --example md5all -- <dir>
//! ```
//!
//! It shows how a program uses a `Pipeline`, walk -> read -> digest -> collect:
//!
//! * Queues between the stages are short, and whoever is ahead waits, so a tree of any size is never
//!   in memory. `--jobs` is the number of workers of a stage.
//! * The first error ends the pipeline; the batches that are being worked on are told by its token.
//! * Ctrl-C cancels it.
//! * `--stats` shows live which stage the others wait for.
//! * `job::run` is generic over `runtime::Spawn`: tokio, smol and mini-executor run the same code.
//!
//! Only regular files are read. Symbolic links inside of the tree are neither followed nor listed;
//! a link that is itself the argument is followed. Paths are sorted by their bytes, as
//! `LC_ALL=C sort -k 2` does.
//!
//! | exit code | |
//! |---|---|
//! | 0 | every file was read |
//! | 1 | an error; without `--keep-going` nothing but the error is printed |
//! | 2 | the arguments are wrong |
//! | 130 | Ctrl-C; what was printed until then is whole lines. A second Ctrl-C exits on the spot |

#![forbid(unsafe_code)]

mod cli;
mod digest;
mod failure;
mod interrupt;
mod job;
mod progress;
mod read;
mod report;
mod stats;
mod walk;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use runtime::{SmolRuntime, TokioRuntime};

use crate::cli::{Args, Runtime};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::job::Listing;

fn main() -> ExitCode {
    let args = match Args::from_command_line() {
        Ok(args) => args,
        Err(message) => return complain(&message, 2),
    };
    match md5all(&args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_errors) => ExitCode::FAILURE,
        Err(Failure::Interrupted) => complain(&Failure::Interrupted, 130),
        Err(failure) => complain(&failure, 1),
    }
}

/// Gives the number of errors that `--keep-going` went past.
fn md5all(args: &Args) -> Result<usize, Failure> {
    let interrupt = Interrupt::install()?;
    let listing = run(args, &interrupt)?;
    for error in &listing.errors {
        complain(error, 1);
    }
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    report::print(&mut out, args, &listing, &interrupt)?;
    Ok(listing.errors.len())
}

/// Runs the job on the runtime that was asked for. Nothing else here differs between them.
fn run(args: &Args, interrupt: &Interrupt) -> Result<Listing, Failure> {
    match args.runtime {
        Runtime::Tokio => {
            let tokio = tokio::runtime::Builder::new_multi_thread()
                .build()
                .map_err(|error| Failure::io("tokio", error))?;
            tokio.block_on(job::run(
                TokioRuntime::from(tokio.handle().clone()),
                args,
                interrupt,
            ))
        }
        Runtime::Smol => smol::block_on(job::run(SmolRuntime::new(), args, interrupt)),
        Runtime::Mini => mini_executor::Builder::new()
            // One for each hop of a batch, in a tree of any size.
            .max_polls(u64::MAX)
            // Ctrl-C comes from a thread of its own.
            .allow_external_wakes(true)
            .run(|rt| job::run(rt, args, interrupt))
            .unwrap_or_else(|error| Err(Failure::io("mini-executor", io::Error::other(error)))),
    }
}

/// One line on standard error. That nobody may read it is no reason to panic.
fn complain(what: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "md5all: {what}");
    ExitCode::from(code)
}
