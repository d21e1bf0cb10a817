//! Who is next.

use std::time::{Duration, Instant};

use super::lock::Lock;
use super::tools::{KEPT, now, queued};
use super::{Verdict, check};

/// Those who wait get it in the order in which they came, if nobody else comes.
pub(super) fn in_order<L: Lock>() -> Verdict {
    const WAITERS: usize = 16;
    let lock = L::new();
    let held = lock.held();
    let mut waiters: Vec<_> = (0..WAITERS).map(|_| queued(lock.take())).collect();
    drop(held);
    let mut order = Vec::new();
    for _ in 0..WAITERS {
        // Polls whoever is woken, the last one first: a wake-up is no licence to jump the queue.
        for n in (0..WAITERS).rev() {
            if waiters[n].task.woken() > 0 && waiters[n].poll().is_some() {
                order.push(n);
                break;
            }
        }
    }
    check!(
        order == (0..WAITERS).collect::<Vec<_>>(),
        "16 waiters were served in the order {order:?}"
    );
    Verdict::kept()
}

/// A newcomer does not get it before somebody who has been told that it is free.
pub(super) fn newcomers_queue<L: Lock>() -> Verdict {
    loop {
        let lock = L::new();
        let held = lock.held();
        let mut waiter = queued(lock.take());
        let released = Instant::now();
        drop(held);
        let tried = lock.try_take().is_some();
        let asked = now(lock.take()).is_some();
        if released.elapsed() > KEPT {
            continue; // This thread was stopped for so long: once more.
        }
        check!(
            !tried,
            "a `try_` call took it from a waiter that had been woken"
        );
        check!(
            !asked,
            "a newcomer took it from a waiter that had been woken"
        );
        check!(waiter.served().is_some(), "the waiter did not get it");
        return Verdict::kept();
    }
}

/// Newcomers try to starve a waiter for 20 ms; and a thousand times, should the thread be stopped meanwhile.
fn siege() -> impl Iterator<Item = ()> {
    const SIEGE: Duration = Duration::from_millis(20);
    let start = Instant::now();
    (0..)
        .take_while(move |&round| round < 1000 || start.elapsed() < SIEGE)
        .map(|_| ())
}

/// A waiter that always comes second gets it after a while.
pub(super) fn late_waiters<L: Lock>() -> Verdict {
    let lock = L::new();
    let mut held = Some(lock.held());
    let mut waiter = queued(lock.take());
    let mut passed = 0_u64;
    for () in siege() {
        drop(held.take());
        held = now(lock.take());
        if held.is_some() {
            passed += 1;
        }
        if waiter.task.woken() > 0 && waiter.poll().is_some() {
            return Verdict::Kept(format!("passed {passed} times"));
        }
    }
    Verdict::Broken(format!("passed {passed} times in 20 ms"))
}

/// A waiter whose task does not run is not passed for ever either: the lock is kept for it.
pub(super) fn waiters_that_do_not_run<L: Lock>() -> Verdict {
    let lock = L::new();
    let mut held = Some(lock.held());
    let mut waiter = queued(lock.take());
    let mut passed = 0_u64;
    for () in siege() {
        drop(held.take());
        held = now(lock.take());
        if held.is_none() {
            check!(waiter.served().is_some(), "nobody gets it");
            return Verdict::Kept(format!("passed {passed} times"));
        }
        passed += 1;
    }
    Verdict::Broken(format!("passed {passed} times in 20 ms"))
}

/// A release wakes one waiter, not all.
pub(super) fn no_herd<L: Lock>() -> Verdict {
    const WAITERS: usize = 64;
    let lock = L::new();
    let held = lock.held();
    let mut waiters: Vec<_> = (0..WAITERS).map(|_| queued(lock.take())).collect();
    drop(held);
    let (mut served, mut wakes) = (0, 0);
    for _ in 0..WAITERS {
        for waiter in &mut waiters {
            let woken = waiter.task.woken();
            wakes += woken;
            if woken > 0 && waiter.poll().is_some() {
                served += 1;
            }
        }
    }
    check!(served == WAITERS, "{served} of {WAITERS} were served");
    check!(
        wakes <= 2 * WAITERS,
        "{wakes} wake-ups to serve {WAITERS} waiters"
    );
    Verdict::Kept(format!("{wakes} wake-ups for {WAITERS} waiters"))
}
