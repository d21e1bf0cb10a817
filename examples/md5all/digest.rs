//! The stage that digests: of each file what was read of it, and then what is left. Blocking code.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use clap::ValueEnum;
use md5::Md5;
use orchestration::errgroup::CancelToken;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::read::{Begun, Buffers};

/// Large enough for few system calls, small enough for the cache.
const PIECE: usize = 64 << 10;

/// Which digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    Md5,
    Blake3,
    Sha256,
}

impl Algorithm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }
}

/// A digest. It displays as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    bytes: [u8; 32],
    len: usize,
}

impl Sum {
    fn new(digest: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..digest.len()].copy_from_slice(digest);
        Self {
            bytes,
            len: digest.len(),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digits = self.bytes[..self.len]
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15]);
        let mut text = String::with_capacity(2 * self.len);
        text.extend(digits.map(|digit| HEX[usize::from(digit)] as char));
        f.write_str(&text)
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

enum Hasher {
    Md5(Md5),
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(Md5::new()),
            Algorithm::Blake3 => Self::Blake3(Box::default()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => drop(hasher.update(bytes)),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Sum {
        match self {
            Self::Md5(hasher) => Sum::new(&hasher.finalize()),
            Self::Blake3(hasher) => Sum::new(hasher.finalize().as_bytes()),
            Self::Sha256(hasher) => Sum::new(&hasher.finalize()),
        }
    }
}

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

/// How a batch is to be digested.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) algorithm: Algorithm,
    pub(crate) keep_going: bool,
    pub(crate) progress: Progress,
    pub(crate) buffers: Buffers,
}

impl How {
    /// Digests the files one after the other, and reads what is left of large ones. Stops between two
    /// pieces of a file when the token is cancelled; what was digested then is of no interest to anybody.
    pub(crate) fn digest(&self, begun: Begun, stop: &CancelToken) -> Result<Batch, Failure> {
        let mut batch = Batch {
            files: Vec::with_capacity(begun.files.len()),
            errors: begun.errors,
        };
        let mut piece = Vec::new();
        let go_on = |bytes| {
            self.progress.add_bytes(bytes);
            !stop.is_cancelled()
        };
        for file in begun.files {
            let begins = &begun.buffer[file.begins];
            if file.rest.is_some() && piece.is_empty() {
                piece = vec![0; PIECE];
            }
            match digest_file(begins, file.rest, self.algorithm, &mut piece, go_on) {
                Ok(Some((sum, bytes))) => {
                    let path = file.path;
                    batch.files.push(Digested { path, sum, bytes });
                }
                Ok(None) => break,
                Err(error) => {
                    let failure = Failure::io(file.path, error);
                    if !self.keep_going {
                        return Err(failure);
                    }
                    batch.errors.push(failure);
                }
            }
            self.progress.add_file();
        }
        self.buffers.give_back(begun.buffer);
        Ok(batch)
    }
}

/// The digest and the length of a file that begins with `begins`, and goes on with `rest`, which is read
/// piece by piece. None if `go_on(bytes)`, which is asked after each piece, said no.
fn digest_file(
    begins: &[u8],
    rest: Option<impl Read>,
    algorithm: Algorithm,
    buffer: &mut [u8],
    mut go_on: impl FnMut(u64) -> bool,
) -> io::Result<Option<(Sum, u64)>> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(begins);
    let mut length = begins.len() as u64;
    if !go_on(length) {
        return Ok(None);
    }
    let Some(mut rest) = rest else {
        return Ok(Some((hasher.finish(), length)));
    };
    loop {
        let count = match rest.read(buffer) {
            Ok(0) => return Ok(Some((hasher.finish(), length))),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        length += count as u64;
        if !go_on(count as u64) {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_vectors_however_the_file_is_cut() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Blake3,
                "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
            ),
        ] {
            for cut in 0..=3 {
                let (begins, rest) = b"abc".split_at(cut);
                let rest = (cut < 3).then_some(rest);
                let digest = digest_file(begins, rest, algorithm, &mut [0; 2], |_| true);
                let (sum, length) = digest.unwrap().unwrap();
                assert_eq!((sum.to_string().as_str(), length), (expected, 3));
            }
        }
        let stopped = digest_file(b"a", Some(&b"bc"[..]), Algorithm::Md5, &mut [0; 1], |n| {
            n == 0
        });
        assert_eq!(stopped.unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let broken = digest_file(b"a", Some(Broken), Algorithm::Md5, &mut [0; 2], |_| true);
        assert_eq!(broken.unwrap_err().to_string(), "broken");
    }
}
