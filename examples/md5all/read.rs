//! The stage that reads: the beginnings of a batch of files, into one buffer. Blocking code.
//!
//! A small file is read whole. Of a large one the rest is left to the stage that digests it, piece by
//! piece: so a batch in a queue is never much larger than the walk made it. Buffers are used again.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use orchestration::errgroup::CancelToken;

use crate::failure::Failure;
use crate::walk::Found;

/// As much as this of each file.
const PIECE: usize = 64 << 10;

/// A file of which the beginning was read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    /// Where it is in the buffer.
    pub(crate) begins: Range<usize>,
    /// If there is more of it.
    pub(crate) rest: Option<File>,
}

/// Files that were read together.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    pub(crate) files: Vec<Opened>,
    /// Only if the job keeps going.
    pub(crate) errors: Vec<Failure>,
    pub(crate) buffer: Vec<u8>,
}

/// Buffers that nobody uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, buffer: Vec<u8>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(buffer);
    }
}

/// Reads the beginnings of the files one after the other, until the token is cancelled.
pub(crate) fn read(
    found: Found,
    buffers: &Buffers,
    keep_going: bool,
    stop: &CancelToken,
) -> Result<Begun, Failure> {
    let mut batch = Begun {
        files: Vec::with_capacity(found.files.len()),
        errors: Vec::new(),
        buffer: buffers.take(),
    };
    let mut used = 0;
    let fail = |errors: &mut Vec<Failure>, failure| {
        if keep_going {
            errors.push(failure);
            return Ok(());
        }
        Err(failure)
    };
    for failure in found.errors {
        fail(&mut batch.errors, failure)?;
    }
    for path in found.files {
        if stop.is_cancelled() {
            break;
        }
        match begin(&path, &mut batch.buffer, used) {
            Ok((begins, rest)) => {
                used = begins.end;
                batch.files.push(Opened { path, begins, rest });
            }
            Err(error) => fail(&mut batch.errors, Failure::io(path, error))?,
        }
    }
    Ok(batch)
}

/// Reads the beginning of a file to where the buffer is not used yet.
fn begin(
    path: &Path,
    buffer: &mut Vec<u8>,
    used: usize,
) -> io::Result<(Range<usize>, Option<File>)> {
    let mut file = File::open(path)?;
    let most = used + PIECE;
    if buffer.len() < most {
        // Doubled, since it is filled with zeros, once.
        buffer.resize(most.max(2 * buffer.len()), 0);
    }
    let mut end = used;
    while end < most {
        match file.read(&mut buffer[end..most]) {
            Ok(0) => return Ok((used..end, None)),
            Ok(count) => end += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((used..end, Some(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_read_whole_and_large_ones_begun() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = [0, 1, PIECE - 1, PIECE, PIECE + 1];
        let files = sizes.map(|size| {
            let path = dir.path().join(size.to_string());
            std::fs::write(&path, vec![size as u8; size]).unwrap();
            path
        });
        let found = Found {
            files: files.into(),
            errors: Vec::new(),
        };
        let batch = read(found, &Buffers::default(), false, &CancelToken::new()).unwrap();
        let mut end = 0;
        for (file, size) in batch.files.iter().zip(sizes) {
            assert_eq!(
                (file.begins.start, file.begins.len()),
                (end, size.min(PIECE))
            );
            assert!(
                batch.buffer[file.begins.clone()]
                    .iter()
                    .all(|byte| *byte == size as u8)
            );
            assert_eq!(file.rest.is_some(), size >= PIECE, "{size}");
            end = file.begins.end;
        }
    }

    #[test]
    fn a_file_that_has_vanished_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let found = || Found {
            files: vec![dir.path().join("x")],
            errors: Vec::new(),
        };
        let (buffers, stop) = (Buffers::default(), CancelToken::new());
        let error = read(found(), &buffers, false, &stop).unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
        let batch = read(found(), &buffers, true, &stop).unwrap();
        assert_eq!((batch.files.len(), batch.errors.len()), (0, 1));
    }
}
