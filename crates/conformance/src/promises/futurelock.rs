//! Futurelock, after Oxide's RFD 609: a future that was given the lock is not polled, and all wait.

use std::pin::pin;
use std::thread::sleep;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::lock::Lock;
use super::tools::{KEPT, Looks, Polled, Task, now, queued};
use super::{Verdict, check};

/// Within a task: it keeps one future that it does not poll, and awaits another.
pub(super) fn one_task<L: Lock>() -> Verdict {
    for second_comes_late in [false, true] {
        let lock = L::new();
        let task = Task::new();
        let held = lock.held();
        let mut parked = Polled::of(task.clone(), lock.take());
        assert!(parked.poll().is_none());
        let mut second = Polled::of(task.clone(), lock.take());
        if !second_comes_late {
            assert!(second.poll().is_none());
        }
        drop(held); // which wakes the task, and gives or offers the lock to `parked`
        check!(
            second.served().is_some(),
            "the task awaits a second future, which never gets it"
        );
        task.waker().wake_by_ref();
        check!(
            parked.served().is_some(),
            "the parked future never gets it afterwards"
        );
    }
    Verdict::kept()
}

/// The same, with the parked future in a `FuturesUnordered`, which has a waker of its own.
pub(super) fn unordered<L: Lock>() -> Verdict {
    loop {
        let lock = L::new();
        let task = Task::new();
        let held = lock.held();
        let mut parked = FuturesUnordered::new();
        parked.push(lock.take());
        assert!(task.ready(pin!(parked.next())).is_none());
        let mut second = Polled::of(task, lock.take());
        assert!(second.poll().is_none());
        let released = Instant::now();
        drop(held);
        let at_once = second.task.woken() > 0 && second.poll().is_some();
        if at_once && released.elapsed() > KEPT {
            continue; // Because this thread was stopped for so long: once more.
        }
        check!(
            at_once || second.served().is_some(),
            "the task awaits a second future, which never gets it"
        );
        return Verdict::kept();
    }
}

/// Across tasks: another task does not poll its future, and a third comes later.
pub(super) fn other_task<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let mut parked = queued(lock.take());
    let mut behind = queued(lock.take());
    drop(held);
    sleep(Duration::from_millis(3));
    let mut looks = Looks::new();
    loop {
        // The later operations.
        drop(lock.try_take());
        drop(now(lock.take()));
        if behind.task.woken() > 0 && behind.poll().is_some() {
            break;
        }
        check!(
            looks.again(),
            "the next in line never gets it, though others look at it all the time"
        );
    }
    parked.task.waker().wake_by_ref();
    check!(
        parked.served().is_some(),
        "the parked future never gets it afterwards"
    );
    Verdict::kept()
}

/// The same, and nobody comes later.
pub(super) fn nobody_comes<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let _parked = queued(lock.take());
    let mut behind = queued(lock.take());
    drop(held);
    check!(behind.served().is_some(), "the next in line never gets it");
    Verdict::kept()
}

/// Whether a newcomer gets the lock within a while.
pub(super) fn somebody_gets<L: Lock>(lock: &L) -> Verdict {
    let mut newcomer = Polled::new(lock.take());
    newcomer.task.waker().wake_by_ref();
    let mut looks = Looks::new();
    while looks.again() {
        drop(lock.try_take());
        if newcomer.task.woken() > 0 && newcomer.poll().is_some() {
            return Verdict::kept();
        }
    }
    Verdict::Broken("a newcomer never gets it".to_owned())
}
