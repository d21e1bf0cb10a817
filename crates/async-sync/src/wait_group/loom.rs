//! The wait group under every interleaving of two or three threads.

use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::RawWaitGroup;
use sync_core::model::{Task, block_on, model, model_with};

/// How the group is counted.
trait Counting: 'static {
    fn add(group: &RawWaitGroup);
    fn done(group: &RawWaitGroup);
}

/// Go's calls, which are checked.
struct Checked;

impl Counting for Checked {
    fn add(group: &RawWaitGroup) {
        group.add(1);
    }
    fn done(group: &RawWaitGroup) {
        group.done();
    }
}

/// What tokens do.
struct Tokens;

impl Counting for Tokens {
    fn add(group: &RawWaitGroup) {
        group.add(1);
    }
    fn done(group: &RawWaitGroup) {
        group.done_one();
    }
}

macro_rules! both_ways {
    ($($model:ident)*) => {
        mod checked {
            $(#[test] fn $model() { super::$model::<super::Checked>(); })*
        }
        mod tokens {
            $(#[test] fn $model() { super::$model::<super::Tokens>(); })*
        }
    };
}

both_ways! { done_happens_before_wait_returns cancel_against_done rounds_do_not_mix several_batches a_settled_waiter_sees_its_own_round an_addition_does_not_hide_the_end_of_a_round a_second_addition_begins_the_new_round }

/// What every worker did is seen by every waiter.
fn done_happens_before_wait_returns<C: Counting>() {
    model(|| {
        let shared = Arc::new((
            RawWaitGroup::new(),
            [UnsafeCell::new(0), UnsafeCell::new(0)],
        ));
        C::add(&shared.0);
        C::add(&shared.0);
        let workers: Vec<_> = (0..2)
            .map(|i| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // SAFETY: each worker has a cell; loom checks it against the reads below.
                    shared.1[i].with_mut(|value| unsafe { *value += 1 });
                    C::done(&shared.0);
                })
            })
            .collect();
        block_on(shared.0.wait());
        for cell in &shared.1 {
            // SAFETY: the workers are done; loom checks it.
            assert_eq!(cell.with(|value| unsafe { *value }), 1);
        }
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!((shared.0.count(), shared.0.waiters()), (0, 0));
    });
}

/// The same for a waiter that finds the work done at its first look.
#[test]
fn done_happens_before_a_late_wait() {
    model(|| {
        let shared = Arc::new((RawWaitGroup::new(), UnsafeCell::new(0)));
        shared.0.add(1);
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: read only after the wait; loom checks it.
                shared.1.with_mut(|value| unsafe { *value += 1 });
                shared.0.done();
            })
        };
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(shared.0.wait());
                if task.poll(wait.as_mut()).is_ready() {
                    // SAFETY: the worker is done; loom checks it.
                    assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
                }
            })
        };
        worker.join().unwrap();
        waiter.join().unwrap();
        assert_eq!((shared.0.count(), shared.0.waiters()), (0, 0));
    });
}

/// Several waiters, one of which leaves.
fn cancel_against_done<C: Counting>() {
    model(|| {
        let group = Arc::new(RawWaitGroup::new());
        C::add(&group);
        let leaver = {
            let group = Arc::clone(&group);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(group.wait());
                let _ = task.poll(wait.as_mut());
            })
        };
        let waiter = {
            let group = Arc::clone(&group);
            thread::spawn(move || block_on(group.wait()))
        };
        C::done(&group);
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert_eq!((group.count(), group.waiters()), (0, 0));
    });
}

/// The group is used again before the waiters of the last round have returned: those return, and
/// none of the new round returns early.
fn rounds_do_not_mix<C: Counting>() {
    model(|| {
        let group = Arc::new(RawWaitGroup::new());
        C::add(&group);
        let first = {
            let group = Arc::clone(&group);
            thread::spawn(move || block_on(group.wait()))
        };
        let second = {
            let group = Arc::clone(&group);
            thread::spawn(move || {
                C::add(&group);
                let task = Task::new();
                let mut wait = pin!(group.wait());
                assert!(
                    task.poll(wait.as_mut()).is_pending(),
                    "it holds a count itself"
                );
                assert!(task.poll(wait.as_mut()).is_pending());
                C::done(&group);
            })
        };
        C::done(&group);
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!((group.count(), group.waiters()), (0, 0));
    });
}

/// More waiters than one batch of wake-ups.
fn several_batches<C: Counting>() {
    model(|| {
        let group = Arc::new(RawWaitGroup::new());
        C::add(&group);
        let task = Task::new();
        let mut waits: [_; 3] = std::array::from_fn(|_| Box::pin(group.wait()));
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_pending());
        }
        let leaver = {
            let group = Arc::clone(&group);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(group.wait());
                let _ = task.poll(wait.as_mut());
            })
        };
        let doer = {
            let group = Arc::clone(&group);
            thread::spawn(move || C::done(&group))
        };
        doer.join().unwrap();
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_ready());
        }
        leaver.join().unwrap();
        assert_eq!(group.waiters(), 0);
    });
}

/// A thread that ends one round may find waiters of the next, whose round another thread has ended
/// meanwhile: what was done in that one must be seen, too.
fn a_settled_waiter_sees_its_own_round<C: Counting>() {
    // Each of the three threads has to be interrupted once.
    model_with(3, || {
        let shared = Arc::new((RawWaitGroup::new(), UnsafeCell::new(0)));
        C::add(&shared.0);
        let task = Task::new();
        let mut first = Box::pin(shared.0.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let ender = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || C::done(&shared.0))
        };
        let next = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                C::add(&shared.0);
                let task = Task::new();
                let mut wait = pin!(shared.0.wait());
                if task.poll(wait.as_mut()).is_ready() {
                    return;
                }
                let worker = {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        // SAFETY: read only after the wait; loom checks it.
                        shared.1.with_mut(|value| unsafe { *value = 1 });
                        C::done(&shared.0);
                    })
                };
                if task.poll(wait.as_mut()).is_ready() {
                    // SAFETY: the round is over; loom checks it.
                    assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
                }
                worker.join().unwrap();
            })
        };
        ender.join().unwrap();
        next.join().unwrap();
        assert!(task.poll(first.as_mut()).is_ready());
    });
}

/// An addition that comes right after the count was zero does not keep the waiters of that round from
/// being woken.
fn an_addition_does_not_hide_the_end_of_a_round<C: Counting>() {
    model(|| {
        let group = Arc::new(RawWaitGroup::new());
        C::add(&group);
        let task = Task::new();
        let mut wait = Box::pin(group.wait());
        assert!(task.poll(wait.as_mut()).is_pending());
        let ender = {
            let group = Arc::clone(&group);
            thread::spawn(move || C::done(&group))
        };
        let adder = {
            let group = Arc::clone(&group);
            thread::spawn(move || C::add(&group))
        };
        ender.join().unwrap();
        adder.join().unwrap();
        if task.wakes() == 0 {
            assert!(
                task.poll(wait.as_mut()).is_pending() && group.waiters() == 1,
                "its round is over, and nobody has woken it"
            );
        }
        C::done(&group);
        assert!(task.wakes() != 0, "the count is zero");
        assert!(task.poll(wait.as_mut()).is_ready());
        if group.count() != 0 {
            C::done(&group);
        }
    });
}

/// Whoever waits after its own addition has returned waits for the end of that one, whatever other
/// additions are under way.
fn a_second_addition_begins_the_new_round<C: Counting>() {
    // Each of the three threads has to be interrupted once.
    model_with(3, || {
        let group = Arc::new(RawWaitGroup::new());
        C::add(&group);
        let task = Task::new();
        let mut first = Box::pin(group.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let ender = {
            let group = Arc::clone(&group);
            thread::spawn(move || C::done(&group))
        };
        let adder = {
            let group = Arc::clone(&group);
            thread::spawn(move || C::add(&group))
        };
        C::add(&group);
        let task = Task::new();
        let mut wait = Box::pin(group.wait());
        assert!(task.poll(wait.as_mut()).is_pending());
        ender.join().unwrap();
        adder.join().unwrap();
        // Two additions are not done yet, one of them of this very thread.
        assert_eq!(group.count(), 2);
        assert!(task.poll(wait.as_mut()).is_pending(), "the count is 2");
        C::done(&group);
        C::done(&group);
        assert!(task.poll(wait.as_mut()).is_ready());
    });
}

/// A token that is cloned keeps the round open, even if the original is dropped at that moment.
#[test]
fn a_cloned_token_keeps_the_round_open() {
    model(|| {
        let group = Arc::new((super::WaitGroup::new(), UnsafeCell::new(0)));
        group.0.raw.add(1);
        let worker = {
            let group = Arc::clone(&group);
            thread::spawn(move || {
                group.0.raw.add_another(); // while its own count keeps the round open
                let helper = {
                    let group = Arc::clone(&group);
                    thread::spawn(move || {
                        // SAFETY: read only after the wait; loom checks it.
                        group.1.with_mut(|value| unsafe { *value = 1 });
                        group.0.raw.done_one();
                    })
                };
                group.0.raw.done_one();
                helper.join().unwrap();
            })
        };
        block_on(group.0.wait());
        // SAFETY: both counts are done; loom checks it.
        assert_eq!(group.1.with(|value| unsafe { *value }), 1);
        worker.join().unwrap();
        assert_eq!((group.0.count(), group.0.waiters()), (0, 0));
    });
}
