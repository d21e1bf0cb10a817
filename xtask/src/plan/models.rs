//! The model checkers: loom walks through every schedule of a small model, shuttle through many
//! random schedules of a larger one. Their tests stand in modules named `loom` and `shuttle`. And the
//! explorer, which walks through every order of polls.

use super::target_dir;
use crate::step::{Command, Step};

/// The packages with models.
const MODELLED: [&str; 3] = ["sync-core", "async-sync", "orchestration"];

/// What is walked through with one preemption more: the queue with all that uses it hardest. It takes
/// thirty times as long, and hours with all models.
const DEEPER: [(&str, &str); 4] = [
    ("sync-core", "loom"),
    ("async-sync", "mutex::loom"),
    ("async-sync", "semaphore::loom"),
    ("async-sync", "wait_group::loom"),
];

/// Random schedules of each shuttle test in the long run.
const SCHEDULES: u32 = 10_000;

/// Loom with few preemptions: nearly all real bugs need no more than two.
pub(super) fn bounded() -> impl Iterator<Item = Step> {
    MODELLED.iter().map(|package| {
        let command = model("loom", package, "loom").env("LOOM_MAX_PREEMPTIONS", "2");
        Step::new(format!("loom {package}"))
            .minutes(20)
            .run(command)
    })
}

/// Loom with one preemption more, and shuttle.
pub(super) fn full() -> impl Iterator<Item = Step> {
    let loom = DEEPER.iter().map(|(package, models)| {
        let command = model("loom", package, models).env("LOOM_MAX_PREEMPTIONS", "3");
        Step::new(format!("loom {package} {models}, 3 preemptions"))
            .minutes(30)
            .run(command)
    });
    // sync-core's protocols have no user but async-sync's primitives, which is where they meet.
    let command =
        model("shuttle", "async-sync", "shuttle").env("SHUTTLE_SCHEDULES", SCHEDULES.to_string());
    let shuttle = Step::new("shuttle async-sync").minutes(15).run(command);
    loom.chain([shuttle, explorer()])
}

/// The sets of the poll-order explorer, two steps deeper than `cargo test` goes.
fn explorer() -> Step {
    // Optimised, with every assertion, as the models.
    let command = Command::cargo("test --release -p conformance --test explorer_*")
        .env("EXPLORER_DEPTH", "2")
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .some_test_runs();
    Step::new("explorer, deeper").minutes(15).run(command)
}

/// Some tests of one package under one checker. There is no `LOOM_MAX_DURATION`: past it loom
/// stops and reports success, while a step past its limit has failed.
fn model(checker: &str, package: &str, tests: &str) -> Command {
    // The output has the numbers of schedules.
    let filter = format!("{tests} --show-output");
    let features = super::features(package);
    Command::cargo(format!(
        "test --release -p {package} {features} --lib -- {filter}"
    ))
    .env("RUSTFLAGS", format!("--cfg {checker}"))
    .env("CARGO_TARGET_DIR", target_dir(checker))
    // Optimised, because there are millions of schedules; with every assertion all the same.
    .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
    .env("CARGO_PROFILE_RELEASE_LTO", "off")
    .some_test_runs()
}
