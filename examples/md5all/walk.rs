//! The walk: the regular files of a tree, in batches.
//!
//! A batch is one item of the pipeline. It has many small files, because handing a task to another
//! thread costs as much as reading a few of them; but a large file comes alone, or closes its
//! batch, so that the work stays evenly spread.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::failure::Failure;

const MOST_FILES: usize = 32;
const MOST_BYTES: u64 = 1 << 19;

pub(crate) struct Walk {
    root: PathBuf,
    entries: walkdir::IntoIter,
}

/// Files to read, and what the walk could not get at on its way to them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) errors: Vec<Failure>,
}

impl Walk {
    pub(crate) fn new(root: PathBuf) -> Self {
        let entries = WalkDir::new(&root).into_iter();
        Self { root, entries }
    }

    /// The next batch; `None` at the end of the tree. Blocks.
    fn next_batch(&mut self) -> Option<Found> {
        let mut found = Found::default();
        let mut bytes = 0;
        while found.files.len() < MOST_FILES && bytes < MOST_BYTES {
            match self.entries.next() {
                None if found.files.is_empty() && found.errors.is_empty() => return None,
                None => break,
                Some(Ok(entry)) if is_file(&entry) => {
                    // A file whose length is not known is read all the same.
                    bytes += entry.metadata().map_or(0, |metadata| metadata.len());
                    found.files.push(entry.into_path());
                }
                Some(Ok(entry)) if entry.depth() == 0 && !is_dir(&entry) => {
                    let error = io::Error::other("neither a directory nor a regular file");
                    found.errors.push(Failure::io(entry.into_path(), error));
                }
                Some(Ok(_directory_link_or_device)) => {}
                Some(Err(error)) => {
                    found.errors.push(failure(&self.root, error));
                    // Told at once: it may be what stops the whole job.
                    break;
                }
            }
        }
        Some(found)
    }
}

/// A link is followed only if it is the root itself.
fn is_file(entry: &DirEntry) -> bool {
    let is_root_link = entry.depth() == 0 && entry.file_type().is_symlink();
    entry.file_type().is_file() || (is_root_link && entry.path().is_file())
}

fn is_dir(entry: &DirEntry) -> bool {
    let is_root_link = entry.depth() == 0 && entry.file_type().is_symlink();
    entry.file_type().is_dir() || (is_root_link && entry.path().is_dir())
}

fn failure(root: &Path, error: walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(root).to_owned();
    let reason = error.to_string();
    Failure::io(
        path,
        error
            .into_io_error()
            .unwrap_or_else(|| io::Error::other(reason)),
    )
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        self.next_batch()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn batches_are_closed_by_number_and_by_size() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MOST_FILES + 1 {
            fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
        let mut walk = Walk::new(dir.path().to_owned());
        assert_eq!(walk.next_batch().unwrap().files.len(), MOST_FILES);
        assert_eq!(walk.next_batch().unwrap().files.len(), 1);
        assert!(walk.next_batch().is_none());

        let dir = tempfile::tempdir().unwrap();
        for n in 0..3 {
            let file = fs::File::create(dir.path().join(n.to_string())).unwrap();
            file.set_len(MOST_BYTES).unwrap();
        }
        let mut walk = Walk::new(dir.path().to_owned());
        for _ in 0..3 {
            assert_eq!(walk.next_batch().unwrap().files.len(), 1);
        }
        assert!(walk.next_batch().is_none());
    }

    #[test]
    fn an_empty_tree_has_no_batch_and_a_missing_one_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Walk::new(dir.path().to_owned()).next_batch().is_none());
        let missing = dir.path().join("missing");
        let mut walk = Walk::new(missing.clone());
        let found = walk.next_batch().unwrap();
        assert_eq!(found.errors[0].path(), Some(missing.as_path()));
        assert!(walk.next_batch().is_none());
    }
}
