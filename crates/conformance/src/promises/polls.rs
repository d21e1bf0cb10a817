//! Polls that come too often, with another waker, or too late; and what a wait allocates.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::counting;
use super::lock::Lock;
use super::tools::{Task, queued};
use super::{Verdict, check};

/// Polling without need changes nothing.
pub(super) fn spurious<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let mut first = queued(lock.take());
    let mut second = queued(lock.take());
    for _ in 0..1000 {
        check!(
            first.poll().is_none() && second.poll().is_none(),
            "it was given away while it was held"
        );
    }
    check!(
        first.task.kept() <= 1,
        "{} clones of the waker are kept",
        first.task.kept()
    );
    let _ = (first.task.woken(), second.task.woken());
    drop(held);
    check!(second.task.woken() == 0, "the second was woken first");
    check!(first.served().is_some(), "the first was never served");
    check!(second.served().is_some(), "the second was never served");
    Verdict::kept()
}

/// The waker of the last poll is the one that is woken.
pub(super) fn another_waker<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let mut moved = queued(lock.take());
    let old = std::mem::replace(&mut moved.task, Task::new());
    assert!(moved.poll().is_none());
    check!(old.kept() == 0, "the old waker is kept");
    drop(held);
    check!(
        moved.served().is_some(),
        "the waker of the last poll was not woken"
    );
    check!(old.woken() == 0, "the old waker was woken");
    Verdict::kept()
}

/// Polling after completion panics.
pub(super) fn after_completion<L: Lock>() -> Verdict {
    let lock = L::new();
    polled_after_completion(pin!(lock.take()))
}

pub(super) fn polled_after_completion<F: Future>(mut future: Pin<&mut F>) -> Verdict {
    let task = Task::new();
    assert!(task.ready(future.as_mut()).is_some());
    again(&task, future)
}

/// Polls a future that has completed.
pub(super) fn again<F: Future>(task: &Task, future: Pin<&mut F>) -> Verdict {
    let outcome = catch_unwind(AssertUnwindSafe(|| match task.poll(future) {
        Poll::Ready(_) => "it is ready a second time",
        Poll::Pending => "it is pending for ever",
    }));
    match outcome {
        Ok(outcome) => Verdict::Broken(outcome.to_owned()),
        Err(_) => Verdict::kept(),
    }
}

/// Waiting does not allocate.
pub(super) fn allocations<L: Lock>() -> Verdict {
    let lock = L::new();
    let task = Task::new();
    let one_wait = || {
        let held = lock.held();
        let mut waiter = pin!(lock.take());
        assert!(task.ready(waiter.as_mut()).is_none());
        drop(held);
        assert!(task.ready(waiter.as_mut()).is_some());
    };
    judged(|| counting::allocations(one_wait))
}

/// By the allocations of a first wait, and of a hundred more.
pub(super) fn judged(mut one_wait: impl FnMut() -> usize) -> Verdict {
    let first = one_wait();
    let later: usize = (0..100).map(|_| one_wait()).sum();
    check!(
        first == 0 && later == 0,
        "{first} allocations in the first wait, {} in each of the next hundred",
        later as f64 / 100.0
    );
    Verdict::kept()
}
