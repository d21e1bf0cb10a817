//! Checks that need a nightly compiler, and the mutants, which need all the others.

use super::{root, target_dir};
use crate::need::{self, Need};
use crate::step::{Command, Step};

/// Integers never turn into pointers here, so provenance is strict. Isolation stays on: the tests
/// read no file, and under it Miri's clock is virtual and repeatable.
pub(crate) const MIRIFLAGS: &str = "-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check";

/// What Miri runs, and for how many minutes at most.
const MIRI: &[(&str, &str, u64)] = &[
    ("sync-core", "-p sync-core --lib --tests", 5),
    (
        "async-sync",
        "-p async-sync --features keyed,map,pool,queue,resource-pool,runtime,stream --lib --tests",
        45,
    ),
    ("mini-executor", "-p mini-executor --lib --tests", 20),
    // On the mini executor and on tokio; smol's tests say themselves why not.
    (
        "orchestration",
        "-p orchestration --features tracing --lib --tests -- --skip multi_thread --skip threads",
        45,
    ),
    (
        "orchestration, threads",
        "-p orchestration --tests -- multi_thread threads",
        45,
    ),
];

/// Where threads meet that no model has, under as many schedules and stale values of Miri's own.
const SEEDS: &str = "-Zmiri-many-seeds=0..16";
const THREADS: &str = "-p sync-core --lib -- park threads_share";

/// What `ThreadSanitizer` runs.
const SANITIZED: &[(&str, &str)] = &[
    (
        "core",
        "-p sync-core -p async-sync --features async-sync/keyed,async-sync/map,async-sync/pool,\
         async-sync/queue,async-sync/resource-pool --lib --tests",
    ),
    // Not the explorer, which has no threads.
    ("conformance", "-p conformance --lib --bins --test [!e]*"),
    ("orchestration", "-p orchestration --lib --tests"),
];

pub(super) fn steps() -> impl Iterator<Item = Step> {
    let miri = MIRI.iter().map(|&(name, args, minutes)| {
        let command = miri(args, MIRIFLAGS.to_owned());
        Step::new(format!("miri {name}"))
            .needs(Need::Miri)
            .minutes(minutes)
            .run(command)
    });
    let seeds = Step::new("miri threads, 16 seeds")
        .needs(Need::Miri)
        .minutes(10)
        .run(miri_seeds());
    miri.chain([seeds])
        .chain(SANITIZED.iter().map(thread_sanitizer))
        .chain([mutants()])
}

fn miri(args: &str, flags: String) -> Command {
    Command::cargo(format!("+nightly miri test {args}"))
        .env("MIRIFLAGS", flags)
        .some_test_runs()
}

fn miri_seeds() -> Command {
    miri(THREADS, format!("{MIRIFLAGS} {SEEDS}"))
}

/// With a standard library that is instrumented as well: its locks and parking would otherwise be
/// reported as races.
fn thread_sanitizer(&(name, packages): &(&str, &str)) -> Step {
    let host = need::host();
    let flags = format!("-Zbuild-std --target {host}");
    let suppressions = root().join("xtask/thread_sanitizer.txt");
    // What the compiler says of a misuse is compared with the words of the stable one.
    let skip = "--skip what_does_not_compile";
    let command = Command::cargo(format!("+nightly test {packages} {flags} -- {skip}"))
        .env("RUSTFLAGS", "-Zsanitizer=thread")
        .env("CARGO_TARGET_DIR", target_dir("tsan"))
        // Its reports, and what suppresses them, name lines and inlined functions.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env(
            "TSAN_OPTIONS",
            format!("suppressions={}", suppressions.display()),
        )
        .some_test_runs();
    Step::new(format!("ThreadSanitizer {name}"))
        .needs(Need::ThreadSanitizer)
        .minutes(30)
        .run(command)
}

/// Do the tests above notice a fault?
fn mutants() -> Step {
    let command = Command::cargo("xtask mutants");
    Step::new("mutants").minutes(60).run(command)
}
