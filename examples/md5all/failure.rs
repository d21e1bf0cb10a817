//! What can go wrong.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::printable;

/// Why the job has no listing, or lacks a file.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something about a file, or about what stands in place of one.
    Io { path: PathBuf, error: io::Error },
    /// Ctrl-C.
    Interrupted,
}

impl Failure {
    pub(crate) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        let path = path.into();
        Self::Io { path, error }
    }

    /// The file that is concerned, if one is.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. } => Some(path),
            Self::Interrupted => None,
        }
    }

    /// What is wrong, without the path.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Io { error, .. } => error.to_string(),
            Self::Interrupted => "interrupted".to_owned(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path() {
            write!(f, "{}: ", printable(path))?;
        }
        f.write_str(&self.reason())
    }
}
