//! The model checkers: loom walks through every schedule of a small model, shuttle through many
//! random schedules of a larger one. Their tests stand in modules named `loom` and `shuttle`.

use super::target_dir;
use crate::step::{Command, Step};

/// The packages with models.
const MODELLED: [&str; 2] = ["sync-core", "async-sync"];

/// Loom with few preemptions: nearly all real bugs need no more than two.
pub(super) fn bounded() -> impl Iterator<Item = Step> {
    MODELLED.iter().map(|package| {
        let command = model("loom", package).env("LOOM_MAX_PREEMPTIONS", "2");
        Step::new(format!("loom {package}")).minutes(8).run(command)
    })
}

/// Loom with one preemption more, which takes a hundred times as long, and shuttle.
pub(super) fn full() -> impl Iterator<Item = Step> {
    let loom = MODELLED.iter().map(|package| {
        let command = model("loom", package).env("LOOM_MAX_PREEMPTIONS", "3");
        Step::new(format!("loom {package}, at length"))
            .minutes(120)
            .run(command)
    });
    // sync-core's protocols have no user but async-sync's primitives, which is where they meet.
    let shuttle = Step::new("shuttle async-sync")
        .minutes(60)
        .run(model("shuttle", "async-sync"));
    loom.chain([shuttle])
}

/// The tests of one package under one checker. There is no `LOOM_MAX_DURATION`: past it loom
/// stops and reports success, while a step past its limit has failed.
fn model(checker: &str, package: &str) -> Command {
    Command::cargo(format!("test --release -p {package} --lib -- {checker}"))
        .env("RUSTFLAGS", format!("--cfg {checker}"))
        .env("CARGO_TARGET_DIR", target_dir(checker))
        // Optimised, because there are millions of schedules; with every assertion all the same.
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .some_test_runs()
}
