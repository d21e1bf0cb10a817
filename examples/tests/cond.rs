//! Runs the condition variable's examples as a user does.

#![forbid(unsafe_code)]

use std::process::Command;

/// What an example that belongs to this build of the tests prints.
fn output_of(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(std::path::Path::parent).unwrap();
    // An example with unit tests is built as a test by `cargo test`, and not as a program: so it is
    // built here, which takes no time if it is up to date.
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--package",
        "examples",
        "--example",
        name,
    ]);
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    let run = Command::new(profile.join("examples").join(name))
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn bounded_queue() {
    let output = output_of("bounded_queue");
    assert!(
        output.contains("all: [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]"),
        "{output}"
    );
    assert!(
        output.ends_with("after close: Err(Closed(99))\n"),
        "{output}"
    );
}

#[test]
fn priority_queue() {
    assert_eq!(
        output_of("priority_queue"),
        "Ok((9, \"urgent\"))\nOk((5, \"normal\"))\nclosed; Ok((1, \"low\")) was left\nErr(QueueClosed)\n"
    );
}

/// SPEC S40.
#[test]
fn race_start() {
    let output = output_of("race_start");
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), 11, "{output}");
    let ready = lines.iter().position(|line| line.contains("go!")).unwrap();
    assert!(lines[ready].starts_with("10 ready after"), "{output}");
}
