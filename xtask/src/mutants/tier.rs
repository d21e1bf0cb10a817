//! The tiers that a mutant runs through, in the order of their cost.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::plan;
use crate::step::Command;

/// Named as in `docs/verification.md`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tier {
    /// Unit and integration tests, exhaustive word tests and hostile inputs among them.
    #[default]
    Tests,
    Conformance,
    Explorer,
    Loom,
    Shuttle,
    /// Only for the mutants that name it: it takes minutes, and sees undefined behaviour and data
    /// races, not protocols.
    Miri,
}

pub(crate) const ALL: [Tier; 6] = [
    Tier::Tests,
    Tier::Conformance,
    Tier::Explorer,
    Tier::Loom,
    Tier::Shuttle,
    Tier::Miri,
];

/// What a fault can be seen by depends on the crate that it is planted in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Room {
    SyncCore,
    AsyncSync,
    MiniExecutor,
    Orchestration,
}

impl Room {
    pub(crate) fn of(file: &str) -> Option<Self> {
        let rest = file.strip_prefix("crates/")?;
        match rest.split('/').next()? {
            "sync-core" => Some(Room::SyncCore),
            "async-sync" => Some(Room::AsyncSync),
            "mini-executor" => Some(Room::MiniExecutor),
            "orchestration" => Some(Room::Orchestration),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Room::SyncCore => "sync-core",
            Room::AsyncSync => "async-sync",
            Room::MiniExecutor => "mini-executor",
            Room::Orchestration => "orchestration",
        }
    }

    /// The crate itself, and what has its tests for it.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Room::SyncCore => &["sync-core", "async-sync"],
            Room::AsyncSync => &["async-sync"],
            Room::MiniExecutor => &["mini-executor"],
            Room::Orchestration => &["orchestration"],
        }
    }
}

impl Tier {
    /// Whether this tier looks at the crate at all.
    pub(crate) fn covers(self, room: Room) -> bool {
        let core = matches!(room, Room::SyncCore | Room::AsyncSync);
        match self {
            Tier::Tests => true,
            Tier::Conformance => room != Room::Orchestration,
            Tier::Loom => core || room == Room::Orchestration,
            Tier::Explorer | Tier::Shuttle | Tier::Miri => core,
        }
    }

    /// The commands, run one after the other until one fails. `dir` is the copy of the workspace.
    pub(crate) fn commands(self, file: &str, preemptions: u8, dir: &Path) -> Vec<Command> {
        let Some(room) = Room::of(file) else {
            return Vec::new();
        };
        let commands = match self {
            // One package at a time: a fault in the lower one is mostly found before the upper one
            // is built. And of a package with many test programs those first that are named after
            // what has the fault, for the same reason.
            Tier::Tests => room
                .packages()
                .iter()
                .flat_map(|package| {
                    let tests = test_programs(&dir.join("crates").join(package).join("tests"));
                    let own: String = tests
                        .iter()
                        .filter(|test| primitive(file).is_some_and(|p| test.starts_with(p)))
                        .map(|test| format!(" --test {test}"))
                        .collect();
                    let own = (!own.is_empty()).then(|| format!("--lib{own}"));
                    // All features, as CI has it: some tests need one that no model can be built with.
                    own.into_iter()
                        .chain(["--lib --tests".to_owned()])
                        .map(move |which| {
                            debug(&format!("test -p {package} --all-features {which}"))
                        })
                })
                .collect(),
            Tier::Conformance | Tier::Explorer => {
                let wanted = |name: &String| name.starts_with(EXPLORER) == (self == Tier::Explorer);
                let tests = test_programs(&dir.join("crates/conformance/tests"));
                let tests: Vec<String> = tests.into_iter().filter(wanted).collect();
                if tests.is_empty() {
                    return Vec::new();
                }
                let tests = tests.join(" --test ");
                vec![debug(&format!("test -p conformance --test {tests}"))]
            }
            Tier::Loom => room
                .packages()
                .iter()
                // The words have their models in the primitives.
                .filter(|package| primitive(file).is_none() || **package != "sync-core")
                .map(|package| {
                    optimised("loom", package).env("LOOM_MAX_PREEMPTIONS", preemptions.to_string())
                })
                .collect(),
            Tier::Shuttle => vec![optimised("shuttle", "async-sync")],
            Tier::Miri => {
                let package = room.name();
                let features = plan::features(package);
                let args = format!("+nightly miri test -p {package} {features} --lib --tests");
                let command = Command::cargo(args)
                    .env("CARGO_TARGET_DIR", target_dir("miri"))
                    .env("MIRIFLAGS", plan::MIRIFLAGS);
                vec![command]
            }
        };
        commands
            .into_iter()
            .map(|command| command.quietly_in(dir.to_owned()))
            .collect()
    }

    /// What goes to the test program.
    pub(crate) fn test_args(self, file: &str) -> Vec<String> {
        let args = |args: &[&str]| args.iter().map(ToString::to_string).collect();
        match self {
            // Compiles programs that must not compile, which says nothing about a mutant.
            Tier::Tests => args(&["--skip", "what_does_not_compile"]),
            Tier::Loom => match primitive(file) {
                Some(primitive) => vec![format!("{primitive}::loom")],
                None => args(&["loom"]),
            },
            Tier::Shuttle => args(&["shuttle"]),
            Tier::Conformance | Tier::Explorer | Tier::Miri => Vec::new(),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Tier::Tests => "tests",
            Tier::Conformance => "conformance",
            Tier::Explorer => "explorer",
            Tier::Loom => "loom",
            Tier::Shuttle => "shuttle",
            Tier::Miri => "miri",
        })
    }
}

/// The primitive whose models are the ones that can see a fault in this file; none if all can.
fn primitive(file: &str) -> Option<&'static str> {
    let has = |part: &&(&str, &str)| file.contains(part.0);
    const FILES: &[(&str, &str)] = &[
        ("/broadcast/", "broadcast"),
        ("/channel/", "channel"),
        ("/word/channel.rs", "channel"),
        ("/cond/", "cond"),
        ("/waiters/guest.rs", "cond"),
        ("/waiters/lobby.rs", "cond"),
        ("/waiters/moving.rs", "cond"),
        ("/mutex/", "mutex"),
        ("/word/lock.rs", "mutex"),
        ("/semaphore/", "semaphore"),
        ("/word/permit.rs", "semaphore"),
        ("/single_flight/", "single_flight"),
        ("/word/flight.rs", "single_flight"),
        ("/wait_group/", "wait_group"),
        ("/word/count.rs", "wait_group"),
        ("/broadcast/", "broadcast"),
        ("/oneshot/", "oneshot"),
        ("/barrier/", "barrier"),
        ("/word/barrier.rs", "barrier"),
        ("/event/", "event"),
        ("/word/event.rs", "event"),
        ("/lock_all/", "lock_all"),
        ("/once/", "once"),
        ("/word/once.rs", "once"),
        ("/reentrant/", "reentrant"),
        ("/word/hold.rs", "reentrant"),
        ("/rwlock/", "rwlock"),
        ("/word/rw.rs", "rwlock"),
        ("/select/", "select"),
        ("/latch/", "latch"),
        ("/keyed/", "keyed"),
        ("/map/", "map"),
        ("/pool/", "pool"),
        ("/resource_pool/", "resource_pool"),
        ("/word/latch.rs", "latch"),
        ("/context/", "context"),
        ("/word/cancel.rs", "context"),
        ("/watch/", "watch"),
        ("/word/watch.rs", "watch"),
    ];
    FILES.iter().find(has).map(|(_, primitive)| *primitive)
}

/// How the names of the explorer's test programs begin.
const EXPLORER: &str = "explorer";

/// The names of the test programs in a folder.
fn test_programs(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

fn target_dir(name: &str) -> String {
    plan::target_dir(&format!("mutants/{name}"))
}

fn debug(args: &str) -> Command {
    Command::cargo(args)
        .env("CARGO_TARGET_DIR", target_dir("debug"))
        // Nobody debugs a mutant, and linking is most of the time.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        // One text differs from what was compiled before.
        .env("CARGO_INCREMENTAL", "1")
}

fn optimised(checker: &'static str, package: &str) -> Command {
    let features = plan::features(package);
    Command::cargo(format!("test --release -p {package} {features} --lib"))
        .env("RUSTFLAGS", format!("--cfg {checker}"))
        .env("CARGO_TARGET_DIR", target_dir(checker))
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_INCREMENTAL", "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_with_faults_is_tested() {
        for package in ["sync-core", "async-sync", "mini-executor", "orchestration"] {
            let room = Room::of(&format!("crates/{package}/src/lib.rs")).unwrap();
            assert_eq!(room.name(), package);
            for tier in ALL.into_iter().filter(|tier| tier.covers(room)) {
                let file = format!("crates/{package}/src/lib.rs");
                let there = !tier.commands(&file, 2, plan::root()).is_empty();
                assert!(there || tier == Tier::Explorer, "{tier} {package}");
            }
        }
        assert_eq!(Room::of("crates/runtime/src/lib.rs"), None);
        assert_eq!(Room::of("xtask/src/main.rs"), None);
    }

    #[test]
    fn a_fault_of_one_primitive_needs_its_models_only() {
        let args = |file| Tier::Loom.test_args(file).join(" ");
        assert_eq!(
            args("crates/sync-core/src/word/permit.rs"),
            "semaphore::loom"
        );
        assert_eq!(args("crates/async-sync/src/mutex/raw.rs"), "mutex::loom");
        assert_eq!(args("crates/sync-core/src/waiters/list.rs"), "loom");
    }

    #[test]
    fn tiers_are_ordered_by_their_cost() {
        assert!(ALL.is_sorted());
    }
}
