//! The uncontended mutex in instructions, which are the same in every run on every machine of an
//! architecture: what can be guarded against creeping up.
//!
//! Ignored, because it needs valgrind and an optimised build:
//! `cargo test --release -p benches --test instructions -- --ignored`.
#![allow(missing_docs)]

use benches::run::callgrind;
use benches::sample::Plan;

/// Instructions of one operation in the child processes of the report.
fn instructions(case: &str) -> f64 {
    let child = |n| {
        let plan = serde_json::to_string(&Plan::iterations(n)).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_report"));
        command.args(["child", case, &plan]);
        command
    };
    callgrind::difference(child).expect("valgrind counts")
}

#[test]
#[ignore = "needs valgrind and --release"]
fn lock_and_unlock_take_no_more_than_thirty() {
    assert!(!cfg!(debug_assertions), "needs --release");
    let ours = instructions("mutex-free/one task/async-sync, Adaptive");
    let again = instructions("mutex-free/one task/async-sync, Adaptive");
    assert_eq!(ours, again, "the count is exact");
    assert!(ours <= 30.0, "{ours} instructions");
}
