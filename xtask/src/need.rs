//! What a step may need from the machine, and the line that says how to get it.

use std::path::Path;
use std::process::{Command, Stdio};

/// Something that not every machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// The standard library of a compilation target.
    Target(&'static str),
    CargoDeny,
    /// A toolchain of this release, see [`release`].
    Release(&'static str),
    Miri,
    Valgrind,
    /// `-Zbuild-std` on a host that `ThreadSanitizer` supports.
    ThreadSanitizer,
}

/// Hosts on which rustc links `ThreadSanitizer`.
const SANITIZED: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
];

impl Need {
    /// `None` when it is there; otherwise what to do.
    pub(crate) fn missing(self) -> Option<String> {
        let (found, remedy) = match self {
            Self::Target(target) => (has_target(target), format!("rustup target add {target}")),
            Self::CargoDeny => (
                succeeds("cargo", &["deny", "--version"]),
                "cargo install --locked cargo-deny".to_owned(),
            ),
            Self::Release(version) => (
                release(version).is_some(),
                format!("rustup toolchain install {version}"),
            ),
            Self::Miri => (
                succeeds("cargo", &["+nightly", "miri", "--version"]),
                "rustup toolchain install nightly --component miri,rust-src".to_owned(),
            ),
            Self::Valgrind => (
                succeeds("valgrind", &["--version"]),
                "install valgrind (Debian: apt install valgrind)".to_owned(),
            ),
            Self::ThreadSanitizer if !SANITIZED.contains(&host().as_str()) => {
                (false, "this host has no ThreadSanitizer".to_owned())
            }
            Self::ThreadSanitizer => (
                has_nightly_sources(),
                "rustup toolchain install nightly --component rust-src".to_owned(),
            ),
        };
        (!found).then_some(remedy)
    }
}

/// How to call cargo of a release such as `1.95`: without an argument when it is the active one,
/// with `+1.95.0` when rustup has it.
pub(crate) fn release(version: &str) -> Option<String> {
    let active = output("rustc", &["--version"])?;
    if active
        .split(' ')
        .nth(1)
        .is_some_and(|full| is_of(full, version))
    {
        return Some(String::new());
    }
    let toolchains = output("rustup", &["toolchain", "list"])?;
    let name = toolchains.lines().filter_map(|line| line.split(' ').next());
    name.map(|name| name.split('-').next().unwrap_or(name))
        .find(|name| is_of(name, version))
        .map(|name| format!("+{name}"))
}

/// `1.95` and `1.95.2` are of `1.95`; `1.950` and nightlies are not.
fn is_of(full: &str, version: &str) -> bool {
    full.strip_prefix(version).is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('.')
                .is_some_and(|patch| patch.parse::<u32>().is_ok())
    })
}

/// The triple that this machine compiles for by default.
pub(crate) fn host() -> String {
    let verbose = output("rustc", &["--version", "--verbose"]).unwrap_or_default();
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap_or("unknown").to_owned()
}

fn has_target(target: &str) -> bool {
    output("rustc", &["--print", "target-libdir", "--target", target])
        .is_some_and(|directory| Path::new(&directory).is_dir())
}

fn has_nightly_sources() -> bool {
    output("rustc", &["+nightly", "--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot)
            .join("lib/rustlib/src/rust/library")
            .is_dir()
    })
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    output(program, args).is_some()
}

/// Standard output, trimmed, of a quick question; `None` when it fails in any way.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_always_there() {
        assert!(has_target(&host()));
    }

    #[test]
    fn a_missing_target_says_what_to_do() {
        let remedy = Need::Target("no-such-target").missing();
        assert_eq!(remedy.as_deref(), Some("rustup target add no-such-target"));
    }

    #[test]
    fn releases_are_compared_by_their_parts() {
        for full in ["1.95", "1.95.0", "1.95.12"] {
            assert!(is_of(full, "1.95"), "{full}");
        }
        for full in ["1.950", "1.96.0", "1.95.0-nightly", "stable"] {
            assert!(!is_of(full, "1.95"), "{full}");
        }
    }
}
