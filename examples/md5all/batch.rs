//! One task's work: the digests of a batch of files. Blocking code.

use std::path::PathBuf;

use orchestration::errgroup::CancelToken;

use crate::digest::{Algorithm, Sum, digest_file};
use crate::failure::Failure;
use crate::progress::Progress;

/// Large enough for few system calls, small enough for the cache.
const BUFFER: usize = 64 << 10;

/// A file and its digest.
#[derive(Debug)]
pub(crate) struct Digested {
    pub(crate) path: PathBuf,
    pub(crate) sum: Sum,
    pub(crate) bytes: u64,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) files: Vec<Digested>,
    /// Only if the job keeps going.
    pub(crate) errors: Vec<Failure>,
}

/// How a batch is to be read.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) algorithm: Algorithm,
    pub(crate) keep_going: bool,
    pub(crate) progress: Progress,
}

impl How {
    /// Reads the files one after the other, and stops between two pieces of a file when the token
    /// is cancelled. What is read then is of no interest to anybody.
    pub(crate) fn read(&self, paths: Vec<PathBuf>, stop: &CancelToken) -> Result<Batch, Failure> {
        let mut batch = Batch {
            files: Vec::with_capacity(paths.len()),
            errors: Vec::new(),
        };
        let mut buffer = vec![0; BUFFER];
        let go_on = |bytes| {
            self.progress.add_bytes(bytes);
            !stop.is_cancelled()
        };
        for path in paths {
            if stop.is_cancelled() {
                break;
            }
            match digest_file(&path, self.algorithm, &mut buffer, go_on) {
                Ok(Some((sum, bytes))) => batch.files.push(Digested { path, sum, bytes }),
                Ok(None) => break,
                Err(error) if self.keep_going => batch.errors.push(Failure::io(path, error)),
                Err(error) => return Err(Failure::io(path, error)),
            }
            self.progress.add_file();
        }
        Ok(batch)
    }
}
