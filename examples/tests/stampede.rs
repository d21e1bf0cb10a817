//! Runs the stampede as a user does.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, Output};

/// The example that belongs to this build of the tests; `cargo test` has built it.
fn stampede(args: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let binary = profile.join("examples").join("stampede");
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--package",
        "examples",
        "--example",
        "stampede",
    ]);
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    Command::new(binary).args(args).output().unwrap()
}

#[test]
fn a_thousand_requests_are_one_query() {
    for (args, requests) in [(&[][..], 1000), (&["50"][..], 50)] {
        let output = stampede(args);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let expected = format!("{requests} requests, one of them aborted: 1 query in ");
        assert!(text.starts_with(&expected), "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.contains("not cached"), "{text}");
    }
}

#[test]
fn a_bad_number_is_one_line() {
    let output = stampede(&["none"]);
    assert!(!output.status.success());
    assert_eq!(
        output.stderr,
        b"stampede: REQUESTS is a number above zero\n"
    );
}
