//! Our own types keep the promises that we make, and break those that we say they do.

#![cfg(not(miri))] // real time, and a subprocess

use std::sync::mpsc;
use std::time::Duration;

use conformance::promises::counting::Counting;
use conformance::promises::{self, Known, Verdict, known};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Whatever is measured, it has ended by then.
const LIMIT: Duration = Duration::from_secs(30);

fn check(topic: &str, id: &str) {
    let it = promises::of(topic)
        .into_iter()
        .find(|it| it.id == id)
        .expect("it is in the list");
    let mut surprises = Vec::new();
    for measurement in it.measurements {
        let run = || {
            let (tell, verdict) = mpsc::channel();
            std::thread::spawn(move || tell.send(measurement.run()));
            verdict.recv_timeout(LIMIT).unwrap_or(Verdict::Hangs)
        };
        let is_expected = |verdict: &Verdict| match known(it.name, measurement.id) {
            // What a policy leaves to chance may go well.
            Some(Known::ByDesign(_)) if measurement.id == "shares" => true,
            Some(_) => matches!(verdict, Verdict::Broken(_)),
            None => matches!(verdict, Verdict::Kept(_)),
        };
        let mut verdict = run();
        // One that counts what threads do in 200 ms; and one of them may have been stopped for as long.
        for _ in 0..if measurement.id == "shares" { 3 } else { 0 } {
            if !is_expected(&verdict) {
                verdict = run();
            }
        }
        if !is_expected(&verdict) {
            surprises.push((measurement.id, verdict));
        }
    }
    assert!(surprises.is_empty(), "{}: {surprises:#?}", it.name);
}

#[test]
fn adaptive() {
    check("mutex", "adaptive");
}

#[test]
fn fifo() {
    check("mutex", "fifo");
}

#[test]
fn barging() {
    check("mutex", "barging");
}

#[test]
fn rwlock_write_preferring() {
    check("rwlock", "write_preferring");
}

#[test]
fn rwlock_read_preferring() {
    check("rwlock", "read_preferring");
}

#[test]
fn rwlock_fifo() {
    check("rwlock", "fifo");
}

#[test]
fn rwlock_read_mostly() {
    check("rwlock", "read_mostly");
}

#[test]
fn semaphore() {
    check("semaphore", "ours");
}

#[test]
fn wait_group() {
    check("wait_group", "ours");
}

#[test]
fn cond() {
    check("cond", "ours");
}

#[test]
fn once() {
    check("once", "ours");
}

#[test]
fn barrier() {
    check("barrier", "ours");
}

#[test]
fn lenient_barrier() {
    check("barrier", "ours_lenient");
}

#[test]
fn signal() {
    check("signal", "ours");
}

#[test]
fn gates() {
    for id in ["ours", "ours_latch", "ours_notify"] {
        check("gate", id);
    }
}

#[test]
fn single_flight() {
    check("single_flight", "ours");
}

#[test]
fn channel() {
    for topic in ["channel", "receive", "reserve"] {
        check(topic, "ours");
    }
}

#[test]
fn broadcast() {
    check("broadcast", "ours");
}

#[test]
fn watch() {
    check("watch", "ours");
}

#[test]
fn token() {
    check("token", "ours");
}

#[test]
fn select() {
    for id in ["ours", "ours_all"] {
        check("select", id);
    }
}

#[test]
fn keyed() {
    check("keyed", "ours");
}

#[test]
fn resource_pool() {
    check("resource_pool", "ours");
}

/// The program that writes the table runs, and cuts off what hangs.
#[test]
fn the_table_is_written() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_promises"))
        .args(["--print", "--only", "futures-util", "--limit", "1500"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("| Never two at a time | ✓ |"), "{text}");
    // futures-util calls wakers under an internal lock.
    let hangs = text.lines().filter(|line| line.contains("| hangs |"));
    assert!(hangs.count() >= 1, "{text}");
}
