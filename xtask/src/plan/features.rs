//! The feature combinations that users will pick, one package at a time: building the whole
//! workspace unifies features and hides what a crate forgot to ask for.

use crate::need::Need;
use crate::step::{Command, Step};

/// Package, name of the combination, flags, and whether its tests run too.
const COMBINATIONS: &[(&str, &str, &str, Tests)] = &[
    ("sync-core", "none", "--no-default-features", Tests::Run),
    (
        "sync-core",
        "std",
        "--no-default-features --features std",
        Tests::Skip,
    ),
    ("async-sync", "none", "--no-default-features", Tests::Run),
    (
        "async-sync",
        "alloc",
        "--no-default-features --features alloc",
        Tests::Run,
    ),
    (
        "async-sync",
        "context",
        "--no-default-features --features context",
        Tests::Skip,
    ),
    (
        "async-sync",
        "runtime",
        "--no-default-features --features runtime",
        Tests::Skip,
    ),
    ("async-sync", "all", "--all-features", Tests::Skip),
    ("runtime", "none", "--no-default-features", Tests::Run),
    (
        "runtime",
        "tokio",
        "--no-default-features --features tokio",
        Tests::Run,
    ),
    (
        "runtime",
        "smol",
        "--no-default-features --features smol",
        Tests::Run,
    ),
    ("orchestration", "none", "--no-default-features", Tests::Run),
    ("orchestration", "all", "--all-features", Tests::Skip),
];

/// Targets without an operating system.
const BARE: &[&str] = &["thumbv7em-none-eabi", "wasm32-unknown-unknown"];

#[derive(Clone, Copy, Eq, PartialEq)]
enum Tests {
    Run,
    /// What they would show, the run over the whole workspace shows.
    Skip,
}

pub(super) fn steps() -> impl Iterator<Item = Step> {
    COMBINATIONS
        .iter()
        .map(combination)
        .chain(BARE.iter().map(bare))
}

fn combination(&(package, name, flags, tests): &(&str, &str, &str, Tests)) -> Step {
    // Without --all-targets: dev-dependencies may switch features on.
    let lint = Command::cargo(format!("clippy -p {package} {flags} -- -D warnings"));
    let step = Step::new(format!("features {package}: {name}")).run(lint);
    match tests {
        Tests::Run => {
            // Not the examples in the documentation, which are written for the default features.
            step.run(Command::cargo(format!(
                "test -p {package} {flags} --lib --tests"
            )))
        }
        Tests::Skip => step,
    }
}

fn bare(target: &&'static str) -> Step {
    let build = |package: &str, features: &str| {
        let flags = format!("--no-default-features {features} --target {target}");
        Command::cargo(format!("build -p {package} {flags}"))
    };
    Step::new(format!("no_std {target}"))
        .needs(Need::Target(target))
        .run(build("sync-core", ""))
        .run(build("async-sync", ""))
        .run(build("async-sync", "--features alloc"))
}
