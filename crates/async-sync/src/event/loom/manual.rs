//! The manual-reset event under every interleaving of two or three threads.

use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::event::Event;
use sync_core::model::{Task, block_on, model, model_with};

/// What was done before the event was set is seen; a reset that follows keeps nobody back.
#[test]
fn set_happens_before_the_wait_returns() {
    model(|| {
        let shared = Arc::new((Event::new(), UnsafeCell::new(0)));
        let task = Task::new();
        let mut queued = Box::pin(shared.0.wait());
        assert!(task.poll(queued.as_mut()).is_pending());
        let setter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: read only after the wait; loom checks it.
                shared.1.with_mut(|value| unsafe { *value = 1 });
                shared.0.set();
                shared.0.reset();
            })
        };
        if task.poll(queued.as_mut()).is_ready() {
            // SAFETY: the event has been set; loom checks it.
            assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
            setter.join().unwrap();
        } else {
            setter.join().unwrap();
            assert_ne!(task.wakes(), 0, "released, and not woken");
            assert!(task.poll(queued.as_mut()).is_ready());
        }
        assert_eq!(shared.0.waiters(), 0);
    });
}

/// One that finds somebody waiting queues without an exchange of the word, while the event is set, and
/// reset: it is released with the other one, or may wait.
#[test]
fn a_newcomer_behind_another_against_set() {
    model(|| {
        let shared = Arc::new((Event::new(), UnsafeCell::new(0)));
        let task = Task::new();
        let mut first = Box::pin(shared.0.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let setter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: read only after the wait; loom checks it.
                shared.1.with_mut(|value| unsafe { *value = 1 });
                shared.0.set();
            })
        };
        let mut second = Box::pin(shared.0.wait());
        let ready = task.poll(second.as_mut()).is_ready();
        if !ready {
            setter.join().unwrap();
            assert!(task.poll(second.as_mut()).is_ready(), "not released");
        } else {
            // SAFETY: the event has been set; loom checks it.
            assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
            setter.join().unwrap();
        }
        assert!(task.poll(first.as_mut()).is_ready());
        // SAFETY: as above.
        assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
        assert_eq!(shared.0.waiters(), 0);
    });
}

/// One that sets it while it is set is heard, too.
#[test]
fn every_set_is_seen() {
    model(|| {
        let shared = Arc::new((Event::new(), [UnsafeCell::new(0), UnsafeCell::new(0)]));
        let setters: Vec<_> = (0..2)
            .map(|i| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // SAFETY: each has a cell; loom checks it against the reads below.
                    shared.1[i].with_mut(|value| unsafe { *value = 1 });
                    shared.0.set();
                })
            })
            .collect();
        block_on(shared.0.wait());
        for setter in setters {
            setter.join().unwrap();
        }
        assert!(shared.0.reset());
    });
}

/// A thread that settles the waiters of another one's set passes on what that one did.
#[test]
fn a_settled_waiter_sees_who_released_it() {
    model_with(3, || {
        let shared = Arc::new((Event::new(), UnsafeCell::new(0)));
        let task = Task::new();
        let mut first = Box::pin(shared.0.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let one = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.0.set())
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if !shared.0.reset() {
                    return; // the first set is still to come
                }
                let task = Task::new();
                let mut wait = pin!(shared.0.wait());
                assert!(task.poll(wait.as_mut()).is_pending());
                let setter = {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        // SAFETY: read only after the wait; loom checks it.
                        shared.1.with_mut(|value| unsafe { *value = 1 });
                        shared.0.set();
                    })
                };
                if task.poll(wait.as_mut()).is_ready() {
                    // SAFETY: the second set has released it; loom checks it.
                    assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
                }
                setter.join().unwrap();
            })
        };
        one.join().unwrap();
        other.join().unwrap();
        assert!(task.poll(first.as_mut()).is_ready());
        assert_eq!(shared.0.waiters(), 0);
    });
}

#[test]
fn cancel_against_set() {
    model(|| {
        let event = Arc::new(Event::new());
        let leaver = {
            let event = Arc::clone(&event);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(event.wait());
                let _ = task.poll(wait.as_mut());
            })
        };
        let waiter = {
            let event = Arc::clone(&event);
            thread::spawn(move || block_on(event.wait()))
        };
        event.set();
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(event.waiters(), 0);
    });
}
