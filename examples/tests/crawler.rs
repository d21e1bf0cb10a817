//! Runs the crawler as a user does.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, Output};

/// The example that belongs to this build of the tests; `cargo test` has built it.
fn crawler(args: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let binary = profile.join("examples").join("crawler");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "examples"]);
    build.args(["--example", "crawler"]);
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    Command::new(binary).args(args).output().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn it_finds_all_pages_and_says_which_are_not_there() {
    let output = crawler(&["--parallel", "4"]);
    assert!(output.status.success(), "{output:?}");
    let lines = lines(&output);
    // Forty pages, and the forty links beyond the last one.
    assert_eq!(lines.last().unwrap(), "81 pages, 41 of them failed");
    let missing = lines.iter().filter(|line| line.contains("404 Not Found"));
    assert_eq!(missing.count(), 41);
    assert!(
        lines[0].ends_with("/0"),
        "in the order of discovery: {}",
        lines[0]
    );
}

#[test]
fn the_number_of_pages_is_bounded() {
    let output = crawler(&["--pages", "5"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&output).len(), 6);
}

#[test]
fn without_a_server_it_says_why() {
    let output = crawler(&["http://127.0.0.1:9/", "--attempts", "2"]);
    assert!(!output.status.success());
    let line = &lines(&output)[0];
    assert!(
        line.starts_with("http://127.0.0.1:9/: given up after 2 attempts"),
        "{line}"
    );
    assert!(line.contains("no connection"), "{line}");
}
