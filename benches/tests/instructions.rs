//! The uncontended mutex in instructions, which are the same in every run on every machine of an
//! architecture: what can be guarded against creeping up.
//!
//! Ignored, because it needs valgrind and an optimised build:
//! `cargo test --release -p benches --test instructions -- --ignored`.
#![allow(missing_docs)]

use std::process::Command;

use benches::run::callgrind;
use benches::run::child::CHILD;
use benches::sample::Plan;

/// As the report counts them.
fn instructions(case: &str) -> f64 {
    let child = |case: &str, n| {
        let plan = serde_json::to_string(&Plan::iterations(n)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_report"));
        command.args([CHILD, case, &plan]);
        command
    };
    callgrind::of_operation(child, case).expect("valgrind counts")
}

#[test]
#[ignore = "needs valgrind and --release"]
fn lock_and_unlock_take_no_more_than_thirty() {
    if cfg!(debug_assertions) {
        panic!("without --release the count means nothing");
    }
    let ours = instructions("mutex-free/one task/async-sync, Adaptive");
    let again = instructions("mutex-free/one task/async-sync, Adaptive");
    assert_eq!(ours, again, "the count is exact");
    assert!(ours <= 30.0, "{ours} instructions");
}
