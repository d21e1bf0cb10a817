//! Checks that need a nightly compiler.

use super::target_dir;
use crate::need::{self, Need};
use crate::step::{Command, Step};

/// The packages with unsafe code, and so with undefined behaviour or data races to look for.
const PACKAGES: &str = "-p sync-core -p async-sync";

/// Integers never turn into pointers here, so provenance is strict.
pub(crate) const MIRIFLAGS: &str = "-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check";

pub(super) fn steps() -> [Step; 2] {
    [miri(), thread_sanitizer()]
}

/// Isolation stays on: the tests read no file, and under it Miri's clock is virtual and repeatable.
fn miri() -> Step {
    let command = Command::cargo(format!("+nightly miri test {PACKAGES} --lib --tests"))
        .env("MIRIFLAGS", MIRIFLAGS)
        .some_test_runs();
    Step::new("miri")
        .needs(Need::Miri)
        .minutes(120)
        .run(command)
}

/// With a standard library that is instrumented as well: its locks and parking would otherwise be
/// reported as races.
fn thread_sanitizer() -> Step {
    let host = need::host();
    let flags = format!("-Zbuild-std --target {host} --lib --tests");
    let command = Command::cargo(format!("+nightly test {PACKAGES} {flags}"))
        .env("RUSTFLAGS", "-Zsanitizer=thread")
        .env("CARGO_TARGET_DIR", target_dir("tsan"))
        .some_test_runs();
    Step::new("ThreadSanitizer")
        .needs(Need::ThreadSanitizer)
        .minutes(60)
        .run(command)
}
