//! The job, on any runtime: a pipeline of four stages.
//!
//! ```text
//! walk --[queue]--> read x jobs --[queue]--> digest x jobs --[queue]--> collected, and sorted
//! ```
//!
//! All of them block, so they run on the runtime's threads for that, and cannot be aborted. A failure, or
//! Ctrl-C, cancels the token that `read` and `digest` look at between two pieces of a file; the pipeline
//! has ended when all of them have stopped.

use orchestration::pipeline::{Control, Error, Pipeline};
use runtime::Spawn;

use crate::cli::Args;
use crate::digest::{Batch, Digested, How};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::read::{Buffers, read};
use crate::stats::Stats;
use crate::walk::Walk;

/// The digests of a tree, sorted by path.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Digested>,
    /// Only if the job keeps going; sorted by path.
    pub(crate) errors: Vec<Failure>,
}

/// More workers than runtimes have threads for blocking code would only wait for one.
const MOST_WORKERS: usize = 512;

/// Batches that wait between two stages. More would only be more memory.
const QUEUED: usize = 4;

/// Reads the tree that `args` says.
///
/// # Errors
///
/// The first error (but see `--keep-going`), or that Ctrl-C was pressed.
pub(crate) async fn run<R: Spawn>(
    rt: R,
    args: &Args,
    interrupt: &Interrupt,
) -> Result<Listing, Failure> {
    let control = Control::new();
    let cancel = control.clone();
    interrupt.tell(move || cancel.cancel());
    let stats = args.stats.then(|| Stats::show(control.clone()));
    let how = How {
        algorithm: args.algorithm,
        keep_going: args.keep_going,
        // Two things that move in one terminal are one too many.
        progress: Progress::on_terminal(!args.stats),
        buffers: Buffers::default(),
    };
    let (progress, buffers) = (how.progress.clone(), how.buffers.clone());
    let keep_going = args.keep_going;
    let workers = args.jobs().min(MOST_WORKERS);

    let ended = Pipeline::from_blocking_iter("walk", Walk::new(args.dir.clone()))
        .blocking_with("read", move |found, stop| {
            read(found, &buffers, keep_going, stop)
        })
        .concurrency(workers)
        .buffer(QUEUED)
        .unordered()
        .blocking_with("digest", move |begun, stop| how.digest(begun, stop))
        .concurrency(workers)
        .buffer(QUEUED)
        .unordered()
        .control(&control)
        .fold(rt, Listing::default(), Listing::with)
        .await;
    progress.clear();
    if let Some(stats) = stats {
        stats.end();
    }
    match ended {
        Ok((listing, _report)) => Ok(listing.sorted()),
        Err(Error::Stage(failed)) => Err(failed.error),
        Err(_cancelled) => Err(Failure::Interrupted),
    }
}

impl Listing {
    fn with(mut self, batch: Batch) -> Self {
        self.files.extend(batch.files);
        self.errors.extend(batch.errors);
        self
    }

    fn sorted(mut self) -> Self {
        // By bytes. `Path` compares by component, which is not the order of `sort`.
        let bytes = |file: &Digested| file.path.as_os_str().as_encoded_bytes().to_owned();
        self.files.sort_by_cached_key(bytes);
        self.errors
            .sort_by(|one, other| one.path().cmp(&other.path()));
        self
    }
}
