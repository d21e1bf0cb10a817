//! The digest of one file, read through a buffer that the caller lends.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use clap::ValueEnum;
use md5::Md5;
use sha2::{Digest, Sha256};

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

/// Reads `path` to its end, piece by piece. Gives the digest and the length, or `None` if
/// `go_on(bytes read)`, which is asked after each piece, said no.
pub(crate) fn digest_file(
    path: &Path,
    algorithm: Algorithm,
    buffer: &mut [u8],
    mut go_on: impl FnMut(u64) -> bool,
) -> io::Result<Option<(Sum, u64)>> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut length = 0;
    loop {
        let count = match file.read(buffer) {
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
    fn the_standards_vectors_through_a_small_buffer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
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
            let digest = digest_file(&path, algorithm, &mut [0; 2], |_| true);
            let (sum, length) = digest.unwrap().unwrap();
            assert_eq!((sum.to_string().as_str(), length), (expected, 3));
        }
        let stopped = digest_file(&path, Algorithm::Md5, &mut [0; 2], |_| false);
        assert_eq!(stopped.unwrap(), None);
    }

    #[test]
    fn a_file_that_has_vanished_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let missing = digest_file(&dir.path().join("x"), Algorithm::Md5, &mut [0; 2], |_| true);
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
