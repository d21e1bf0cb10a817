//! Our own types keep the promises that we make, and break those that we say they do.

#![cfg(not(miri))] // real time, and a subprocess

use std::sync::mpsc;
use std::time::Duration;

use conformance::promises::counting::Counting;
use conformance::promises::{self, Implementation, Known, Verdict, known};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Whatever is measured, it has ended by then.
const LIMIT: Duration = Duration::from_secs(30);

fn check(implementations: Vec<Implementation>, id: &str) {
    let it = implementations
        .iter()
        .find(|it| it.id == id)
        .expect("it is in the list");
    let mut surprises = Vec::new();
    for measurement in it.measurements.clone() {
        let (tell, verdict) = mpsc::channel();
        std::thread::spawn(move || tell.send(measurement.run()));
        let verdict = verdict.recv_timeout(LIMIT).unwrap_or(Verdict::Hangs);
        let expected = match known(it.name, measurement.id) {
            // What a policy leaves to chance may go well.
            Some(Known::ByDesign(_)) if measurement.id == "shares" => true,
            Some(_) => matches!(verdict, Verdict::Broken(_)),
            None => matches!(verdict, Verdict::Kept(_)),
        };
        if !expected {
            surprises.push((measurement.id, verdict));
        }
    }
    assert!(surprises.is_empty(), "{}: {surprises:#?}", it.name);
}

#[test]

fn adaptive() {
    check(promises::mutexes(), "adaptive");
}

#[test]

fn fifo() {
    check(promises::mutexes(), "fifo");
}

#[test]

fn barging() {
    check(promises::mutexes(), "barging");
}

#[test]
fn rwlock_write_preferring() {
    check(promises::rwlocks(), "write_preferring");
}

#[test]
fn rwlock_read_preferring() {
    check(promises::rwlocks(), "read_preferring");
}

#[test]
fn rwlock_fifo() {
    check(promises::rwlocks(), "fifo");
}

#[test]
fn rwlock_read_mostly() {
    check(promises::rwlocks(), "read_mostly");
}

#[test]

fn semaphore() {
    check(promises::semaphores(), "ours");
}

#[test]

fn wait_group() {
    check(promises::wait_groups(), "ours");
}

/// The program that writes the table runs, and cuts off what hangs.
#[test]

fn the_table_is_written() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_promises"))
        .args(["--print", "--only", "futures-util", "--limit", "300"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("| Never two at a time | ✓ |"), "{text}");
    // futures-util calls wakers under an internal lock.
    let hangs = text.lines().filter(|line| line.contains("| hangs |"));
    assert!(hangs.count() >= 1, "{text}");
}
