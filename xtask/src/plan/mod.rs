//! The steps of each tier. A new check is a new line here.

mod deny;
mod examples;
mod features;
mod models;
mod nightly;

use std::env;
use std::path::{Path, PathBuf};

use crate::cli::Report;
use crate::need::{self, Need};
use crate::step::{Command, Step};

pub(crate) use nightly::MIRIFLAGS;

/// The oldest release that this workspace promises to compile with.
const MSRV: &str = env!("CARGO_PKG_RUST_VERSION");

/// What CI runs. Cheap and telling checks come first; all share one target directory and one set
/// of flags, except where the flags are the check.
pub(crate) fn test() -> Vec<Step> {
    let mut steps = vec![
        Step::new("fmt").run(Command::cargo("fmt --all --check")),
        Step::new("clippy").run(Command::cargo(
            "clippy --workspace --all-targets --all-features -- -D warnings",
        )),
        // Unit, integration and doc tests, and nearly everything is built here: ten minutes when the machine
        // does nothing else.
        Step::new("tests")
            .minutes(30)
            .run(Command::cargo("test --workspace --all-features").some_test_runs()),
        documentation(false),
        msrv(),
    ];
    steps.extend(features::steps());
    steps.extend(deny::steps());
    steps.extend(models::bounded());
    steps.extend(examples::steps());
    steps
}

/// What an uncontended lock costs, counted and therefore the same every time.
fn instructions() -> Step {
    let test = "test --profile bench -p benches --test instructions -- --ignored";
    Step::new("instructions")
        .needs(Need::Valgrind)
        .minutes(15)
        .run(Command::cargo(test).some_test_runs())
}

/// Everything that we know to check: hours on two cores, the mutants most of them.
pub(crate) fn deep() -> Vec<Step> {
    let mut steps = test();
    steps.push(instructions());
    steps.extend(models::full());
    steps.extend(nightly::steps());
    steps
}

/// With the profile of criterion's benches, fat LTO and one codegen unit, which takes minutes to build; a
/// look does without.
pub(crate) fn bench(report: &Report) -> Vec<Step> {
    let profile = if report.quick { "quick" } else { "bench" };
    let run = format!("run --profile {profile} -p benches --bin report --");
    let mut command = Command::cargo(run);
    let mut add = |name: &str, value: Option<&str>| {
        command.args.push(name.to_owned());
        command.args.extend(value.map(str::to_owned));
    };
    if report.quick {
        add("--quick", None);
    }
    if report.rows {
        add("--list", None);
    }
    if let Some(rounds) = report.rounds {
        add("--rounds", Some(&rounds.to_string()));
    }
    for row in &report.only {
        add("--only", Some(row));
    }
    let files = [
        ("--out", &report.out),
        ("--json", &report.json),
        ("--from", &report.from),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            add(name, Some(&file.display().to_string()));
        }
    }
    vec![Step::new("benchmark report").minutes(60).run(command)]
}

/// Optimised: the measurements of starvation count what a loop can do in some milliseconds.
pub(crate) fn conformance() -> Vec<Step> {
    let command = Command::cargo("run --release -p conformance --bin promises");
    vec![Step::new("conformance").minutes(30).run(command)]
}

pub(crate) fn doc(open: bool) -> Vec<Step> {
    vec![documentation(open)]
}

fn documentation(open: bool) -> Step {
    let open = if open { "--open" } else { "" };
    let command = Command::cargo(format!("doc --workspace --no-deps --all-features {open}"));
    Step::new("docs").run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn msrv() -> Step {
    let toolchain = need::release(MSRV).unwrap_or_default();
    let check = format!("{toolchain} check --workspace --all-targets --all-features");
    Step::new(format!("msrv {MSRV}"))
        .needs(Need::Release(MSRV))
        .run(Command::cargo(check))
}

/// Features of a package that are not among its default ones and have tests and models of their own,
/// where not all features will do: tokio and async-lock would be built under a `cfg` that means something
/// else to them.
pub(crate) fn features(package: &str) -> &'static str {
    match package {
        "async-sync" => "--features keyed,map,pool,queue,resource-pool",
        _ => "",
    }
}

/// The root of the workspace, from where every command runs.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A target directory of their own for builds whose `RUSTFLAGS` would evict everything else.
/// Absolute: trybuild runs cargo in the folder of its package.
pub(crate) fn target_dir(name: &str) -> String {
    let shared = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(shared).join(name).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_tier_has_distinct_steps_with_something_to_run() {
        for steps in [
            test(),
            deep(),
            bench(&Report::default()),
            conformance(),
            doc(false),
        ] {
            let names: BTreeSet<_> = steps.iter().map(|step| &step.name).collect();
            assert_eq!(names.len(), steps.len(), "two steps of one name: {names:?}");
            assert!(steps.iter().all(|step| !step.commands.is_empty()));
        }
    }

    #[test]
    fn deep_contains_test() {
        let deep: Vec<_> = deep().into_iter().map(|step| step.name).collect();
        let test: Vec<_> = test().into_iter().map(|step| step.name).collect();
        assert!(deep.starts_with(&test) && deep.len() > test.len());
    }

    #[test]
    fn flags_that_evict_the_build_cache_have_their_own_target_directory() {
        for command in deep().iter().flat_map(|step| &step.commands) {
            let sets = |name| command.env.iter().any(|(key, _)| *key == name);
            assert_eq!(sets("RUSTFLAGS"), sets("CARGO_TARGET_DIR"), "{command}");
        }
    }

    #[test]
    fn the_report_is_told_what_it_is_to_do() {
        let report = Report {
            quick: true,
            only: vec!["mutex, one".to_owned()],
            ..Report::default()
        };
        let [step] = &bench(&report)[..] else {
            panic!("one step");
        };
        let args = &step.commands[0].args;
        assert!(args.ends_with(&["--", "--quick", "--only", "mutex, one"].map(str::to_owned)));
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
