//! Futures dropped, leaked, or never polled.

use super::lock::Lock;
use super::tools::{Polled, now, queued};
use super::{Verdict, check};

/// A waiter that is dropped in the queue is as if it had never been there.
pub(super) fn queued_waiters<L: Lock>() -> Verdict {
    for dropped in 0..3 {
        let lock = L::new();
        let held = lock.held();
        let mut waiters: Vec<_> = (0..3).map(|_| queued(lock.take())).collect();
        drop(waiters.remove(dropped));
        drop(held);
        for (n, waiter) in waiters.iter_mut().enumerate() {
            check!(
                waiter.served().is_some(),
                "after waiter {dropped} of 3 was dropped, remaining waiter {n} was never served"
            );
        }
        check!(lock.try_take().is_some(), "it stays taken");
    }
    Verdict::kept()
}

/// A waiter that is dropped after it was woken passes that on.
pub(super) fn woken_waiters<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let mut waiters: Vec<_> = (0..4).map(|_| queued(lock.take())).collect();
    drop(held);
    drop(waiters.remove(0));
    drop(waiters.remove(0));
    check!(waiters[0].served().is_some(), "the next was never served");
    check!(waiters[1].served().is_some(), "the last was never served");
    drop(waiters);
    check!(lock.try_take().is_some(), "it stays taken");
    Verdict::kept()
}

/// ... and to the next in line, not to whoever is polled first.
pub(super) fn order<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let woken = queued(lock.take());
    let mut second = queued(lock.take());
    let mut third = queued(lock.take());
    drop(held);
    drop(woken);
    check!(third.task.woken() == 0, "the last in line was woken first");
    check!(
        second.served().is_some(),
        "the next in line was never served"
    );
    check!(
        third.served().is_some(),
        "the last in line was never served"
    );
    Verdict::kept()
}

/// Dropped futures leave nothing behind, in particular no waker.
pub(super) fn residue<L: Lock>() -> Verdict {
    let lock = L::new();
    let held = lock.held();
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let Polled { task, future } = queued(lock.take());
        drop(future);
        tasks.push(task);
    }
    let kept: usize = tasks.iter().map(super::tools::Task::kept).sum();
    check!(kept == 0, "{kept} wakers of 100 dropped futures are kept");
    drop(held);
    let woken: usize = tasks.iter().map(super::tools::Task::woken).sum();
    check!(woken == 0, "{woken} dropped futures were woken");
    check!(lock.try_take().is_some(), "it stays taken");
    Verdict::kept()
}

/// A future that was never polled has no effect.
pub(super) fn never_polled<L: Lock>() -> Verdict {
    let lock = L::new();
    let idle = lock.take();
    check!(lock.try_take().is_some(), "it is taken");
    check!(now(lock.take()).is_some(), "it has a place in the queue");
    drop(idle);
    Verdict::kept()
}

/// Leaked waiters do not block others for ever.
pub(super) fn leaked<L: Lock>() -> Verdict {
    // Leaked themselves, so that what the leaked futures borrow stays.
    let lock: &'static L = Box::leak(Box::new(L::new()));
    let held = lock.held();
    for _ in 0..3 {
        std::mem::forget(queued(lock.take()));
    }
    drop(held);
    super::futurelock::somebody_gets(lock)
}
