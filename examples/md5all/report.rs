//! The output: the lines of `md5sum`, or one JSON document.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::cli::{Args, Format};
use crate::digest::Digested;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::job::Listing;

/// Prints the listing. Ctrl-C is obeyed between two lines.
pub(crate) fn print(
    out: &mut impl Write,
    args: &Args,
    listing: &Listing,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let to_stdout = |error| Failure::io("standard output", error);
    match args.format {
        Format::Text => {
            for file in &listing.files {
                if interrupt.happened() {
                    out.flush().map_err(to_stdout)?;
                    return Err(Failure::Interrupted);
                }
                line(out, file).map_err(to_stdout)?;
            }
        }
        Format::Json => {
            let document = Document {
                algorithm: args.algorithm.name(),
                files: &listing.files,
                errors: &listing.errors,
            };
            let written = serde_json::to_writer(&mut *out, &document);
            written.map_err(|error| to_stdout(error.into()))?;
            writeln!(out).map_err(to_stdout)?;
        }
    }
    out.flush().map_err(to_stdout)
}

/// A line of `md5sum`. A name with a backslash, a newline or a carriage return is escaped, and the
/// line then begins with a backslash. Other names are written as the bytes that they are.
fn line(out: &mut impl Write, file: &Digested) -> io::Result<()> {
    let name = file.path.as_os_str().as_encoded_bytes();
    let (mark, name) = match escaped(name) {
        Cow::Borrowed(name) => ("", Cow::Borrowed(name)),
        escaped => ("\\", escaped),
    };
    write!(out, "{mark}{}  ", file.sum)?;
    out.write_all(&name)?;
    out.write_all(b"\n")
}

fn escaped(name: &[u8]) -> Cow<'_, [u8]> {
    let escape = |byte: &u8| match byte {
        b'\\' => Some(br"\\"),
        b'\n' => Some(br"\n"),
        b'\r' => Some(br"\r"),
        _ => None,
    };
    if !name.iter().any(|byte| escape(byte).is_some()) {
        return Cow::Borrowed(name);
    }
    let mut text = Vec::with_capacity(name.len() + 8);
    for byte in name {
        match escape(byte) {
            Some(pair) => text.extend(pair),
            None => text.push(*byte),
        }
    }
    Cow::Owned(text)
}

/// A path for a message: one line, whatever is in it.
pub(crate) fn printable(path: &Path) -> String {
    String::from_utf8_lossy(&escaped(path.as_os_str().as_encoded_bytes())).into_owned()
}

#[derive(Serialize)]
struct Document<'a> {
    algorithm: &'static str,
    files: &'a [Digested],
    errors: &'a [Failure],
}

impl Serialize for Digested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_path(&mut map, &self.path)?;
        map.serialize_entry("digest", &self.sum.to_string())?;
        map.serialize_entry("bytes", &self.bytes)?;
        map.end()
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(path) = self.path() {
            serialize_path(&mut map, path)?;
        }
        map.serialize_entry("error", &self.reason())?;
        map.end()
    }
}

/// JSON has no bytes: a name that is not UTF-8 comes with replacement characters, and beside it
/// in hex as it is.
fn serialize_path<M: SerializeMap>(map: &mut M, path: &Path) -> Result<(), M::Error> {
    map.serialize_entry("path", &path.to_string_lossy())?;
    if path.to_str().is_none() {
        let bytes = path.as_os_str().as_encoded_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        map.serialize_entry("path_hex", &hex)?;
    }
    Ok(())
}
