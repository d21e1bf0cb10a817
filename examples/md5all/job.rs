//! The job, on any runtime: a walk that submits batches to a group with a limit.
//!
//! ```text
//! walk --(spawn waits for a slot)--> [batch] [batch] ... at most `jobs` --(join)--> sort
//! ```
//!
//! Reading is blocking, and blocking code cannot be aborted. So the policy is `Signal`: a failure
//! cancels the token that every batch looks at between two reads, and the join comes when all of
//! them have stopped.

use std::panic::resume_unwind;

use orchestration::errgroup::{Builder, CancelPolicy};
use runtime::{JoinError, JoinHandle, Spawn};

use crate::batch::{Batch, Digested, How};
use crate::cli::Args;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::walk::Walk;

/// The digests of a tree, sorted by path.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<Digested>,
    /// Only if the job keeps going; sorted by path.
    pub(crate) errors: Vec<Failure>,
}

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
    let progress = Progress::on_terminal();
    let how = How {
        algorithm: args.algorithm,
        keep_going: args.keep_going,
        progress: progress.clone(),
    };
    let group = Builder::new()
        .limit(args.jobs())
        .cancel(CancelPolicy::Signal)
        .spawned(rt.clone());
    let handle = group.handle();
    interrupt.tell(move || handle.fail(Failure::Interrupted));

    let mut errors = Vec::new();
    let mut walking = walk_on(&rt, Walk::new(args.dir.clone()));
    while let (walk, Some(found)) = finished(walking).await {
        // The next batch is looked for while this one waits for its turn.
        walking = walk_on(&rt, walk);
        for error in found.errors {
            if args.keep_going {
                errors.push(error);
            } else {
                group.fail(error);
            }
        }
        let (rt, how) = (rt.clone(), how.clone());
        let read = group.spawn_with(move |stop| async move {
            finished(rt.spawn_blocking(move || how.read(found.files, &stop))).await
        });
        if read.await.is_err() {
            // The group has failed, and the join says why.
            break;
        }
    }
    let batches = group.join().await;
    progress.clear();
    Ok(listing(batches?, errors))
}

/// Looks for the next batch where blocking does no harm.
fn walk_on<R: Spawn>(rt: &R, mut walk: Walk) -> R::Handle<(Walk, Option<crate::walk::Found>)> {
    rt.spawn_blocking(move || {
        let found = walk.next_batch();
        (walk, found)
    })
}

/// The result of blocking code. Its panic is ours, and nobody aborts it.
async fn finished<T>(work: impl JoinHandle<T>) -> T {
    match work.await {
        Ok(result) => result,
        Err(JoinError::Panicked(payload)) => resume_unwind(payload),
        Err(JoinError::Aborted) => unreachable!("nobody aborts blocking code"),
    }
}

fn listing(batches: Vec<Batch>, errors: Vec<Failure>) -> Listing {
    let mut listing = Listing {
        files: Vec::new(),
        errors,
    };
    for batch in batches {
        listing.files.extend(batch.files);
        listing.errors.extend(batch.errors);
    }
    // By bytes. `Path` compares by component, which is not the order of `sort`.
    let bytes = |file: &Digested| file.path.as_os_str().as_encoded_bytes().to_owned();
    listing.files.sort_by_cached_key(bytes);
    listing
        .errors
        .sort_by(|one, other| one.path().cmp(&other.path()));
    listing
}
