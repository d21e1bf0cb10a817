//! Every promise can be broken: for each that all the real types keep, a type that does not.
//!
//! A faulty type is one of ours in a wrapper that does one thing wrong, chosen by a number; without a
//! fault it keeps these promises, so that it is the fault that is seen. What is named here is what only a
//! faulty type breaks; the rest is in the table, `docs/conformance.md`.

mod broadcast;
mod channel;
mod future;
mod keyed;
mod resource_pool;
mod select;
mod token;
mod watch;

use std::sync::mpsc;
use std::time::Duration;

use super::counting::Counting;
use super::{Measurement, Verdict};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Nothing is wrong.
const SOUND: u8 = 0;

// What goes wrong with a future, see `future`.

/// Nobody is woken.
const DEAF: u8 = 1;
/// The first waker is woken, not the last.
const STALE: u8 = 2;
/// Each poll keeps a waker.
const HOARDS: u8 = 3;
/// Dropping the future does not drop it.
const LEAKS: u8 = 4;
/// Each poll allocates.
const ALLOCATES: u8 = 5;
/// A lock is held over everything, also while wakers run.
const LOCKED: u8 = 6;
/// Something is done before the first poll.
const EAGER: u8 = 7;

// What goes wrong otherwise. What that is, each type says.

/// What has come is given out again.
const TWICE: u8 = 10;
/// Who leaves takes something along.
const EATS: u8 = 11;
/// The last comes first.
const LIFO: u8 = 12;
/// What is left, or what was missed, is not told.
const FORGETS: u8 = 13;
/// Something is kept for ever.
const KEEPS: u8 = 14;
/// Who leaves stays in the queue.
const STAYS: u8 = 15;
/// All are woken where one would do.
const HERD: u8 = 16;
/// What is called a right is none.
const EMPTY: u8 = 17;
/// A call does nothing.
const IDLE: u8 = 18;
/// Nothing is connected.
const APART: u8 = 19;
/// It is not what it says, but something near.
const OTHER: u8 = 20;

fn verdict(measurement: Measurement, limit: Duration) -> Verdict {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(measurement.run()));
    told.recv_timeout(limit).unwrap_or(Verdict::Hangs)
}

/// Each of these promises is kept without a fault, and broken with it.
fn bites(sound: &[Measurement], faulty: &[Measurement], ids: &[&str]) {
    for id in ids {
        let find = |all: &[Measurement]| {
            let it = all.iter().find(|it| it.id == *id).copied();
            it.unwrap_or_else(|| panic!("there is no promise {id}"))
        };
        let kept = verdict(find(sound), Duration::from_secs(30));
        assert!(matches!(kept, Verdict::Kept(_)), "{id}: {kept:?}");
        breaks(find(faulty));
    }
}

/// This promise is broken. (Ours, without the box of a wrapper, keeps it.)
fn breaks(faulty: Measurement) {
    let broken = verdict(faulty, Duration::from_millis(500));
    assert!(
        matches!(broken, Verdict::Broken(_) | Verdict::Hangs),
        "{}: {broken:?}",
        faulty.id
    );
}

/// Waiting that allocates is seen.
fn counts_allocations(faulty: &[Measurement]) {
    let it = faulty.iter().find(|it| it.id == "allocations");
    breaks(*it.expect("it is measured"));
}
