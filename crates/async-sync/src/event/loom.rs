//! The events under every interleaving of two or three threads.

use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use sync_core::clock;

use super::{AutoEvent, Event, Notify};
use crate::testing::{Task, block_on, model, model_with, pass_time};

mod manual {
    use super::*;

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
}

mod auto {
    use super::*;

    /// One set, one that waits: it sees what was done before, wherever the two meet.
    #[test]
    fn set_happens_before_the_wait_returns() {
        model(|| {
            let shared = Arc::new((AutoEvent::new(), UnsafeCell::new(0)));
            let setter = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // SAFETY: read only after the wait; loom checks it.
                    shared.1.with_mut(|value| unsafe { *value = 1 });
                    shared.0.set();
                })
            };
            block_on(shared.0.wait());
            // SAFETY: the event has been set; loom checks it.
            assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
            setter.join().unwrap();
            assert!(!shared.0.is_set() && shared.0.waiters() == 0);
        });
    }

    /// One that sets it while it is set publishes, too: who takes it looks for what both have done.
    #[test]
    fn a_set_that_changes_nothing_publishes() {
        model(|| {
            let shared = Arc::new((AutoEvent::new_set(), AtomicBool::new(false)));
            let setter = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.store(true, Ordering::Relaxed);
                    shared.0.set();
                })
            };
            assert!(shared.0.try_wait());
            let seen = shared.1.load(Ordering::Relaxed);
            setter.join().unwrap();
            assert!(seen || shared.0.try_wait(), "a set was lost");
        });
    }

    /// Two sets release two waiters.
    #[test]
    fn as_many_as_sets() {
        model(|| {
            let event = Arc::new(AutoEvent::new());
            let task = Task::new();
            let mut waits: [_; 2] = std::array::from_fn(|_| Box::pin(event.wait()));
            for wait in &mut waits {
                assert!(task.poll(wait.as_mut()).is_pending());
            }
            let setters: Vec<_> = (0..2)
                .map(|_| {
                    let event = Arc::clone(&event);
                    thread::spawn(move || event.set())
                })
                .collect();
            for setter in setters {
                setter.join().unwrap();
            }
            assert_eq!(task.wakes(), 2);
            for wait in &mut waits {
                assert!(task.poll(wait.as_mut()).is_ready());
            }
            assert!(!event.is_set());
        });
    }

    /// One waiter leaves while the event is set: nothing is lost, whoever is released.
    #[test]
    fn cancel_against_set() {
        model(|| {
            let event = Arc::new(AutoEvent::new());
            let leaver = {
                let event = Arc::clone(&event);
                thread::spawn(move || {
                    let task = Task::new();
                    let mut wait = pin!(event.wait());
                    if task.poll(wait.as_mut()).is_ready() {
                        event.set(); // for the other one
                    }
                })
            };
            let waiter = {
                let event = Arc::clone(&event);
                thread::spawn(move || block_on(event.wait()))
            };
            event.set();
            leaver.join().unwrap();
            waiter.join().unwrap();
            assert!(!event.is_set() && event.waiters() == 0);
        });
    }

    /// A notification that nobody claims is taken away while its holder comes for it.
    #[test]
    fn revoked_against_claimed() {
        model(|| {
            let before = clock::set_virtual(Some(1 << 40));
            let event = Arc::new(AutoEvent::new());
            let task = Task::new();
            let mut wait = Box::pin(event.wait());
            assert!(task.poll(wait.as_mut()).is_pending());
            event.set();
            pass_time();
            let thief = {
                let event = Arc::clone(&event);
                thread::spawn(move || event.try_wait())
            };
            let claimed = task.poll(wait.as_mut()).is_ready();
            let stolen = thief.join().unwrap();
            assert_ne!(claimed, stolen, "one set releases one");
            if stolen {
                event.set();
                assert!(task.poll(wait.as_mut()).is_ready());
            }
            assert!(!event.is_set() && event.waiters() == 0);
            clock::set_virtual(before);
        });
    }

    /// More than one batch of wake-ups, newcomers among them.
    #[test]
    fn notify_all_against_a_newcomer() {
        model(|| {
            let event = Arc::new(AutoEvent::new());
            let task = Task::new();
            let mut waits: [_; 3] = std::array::from_fn(|_| Box::pin(event.wait()));
            for wait in &mut waits {
                assert!(task.poll(wait.as_mut()).is_pending());
            }
            let newcomer = {
                let event = Arc::clone(&event);
                thread::spawn(move || block_on(event.wait()))
            };
            let notifier = {
                let event = Arc::clone(&event);
                thread::spawn(move || event.notify_all())
            };
            event.set(); // for the newcomer, or one of the three is released twice
            notifier.join().unwrap();
            for wait in &mut waits {
                assert!(task.poll(wait.as_mut()).is_ready());
            }
            drop(waits);
            event.set();
            newcomer.join().unwrap();
            assert_eq!(event.waiters(), 0);
        });
    }
}

mod notify {
    use super::*;

    /// A flag that is written and read without any ordering: the queue's lock gives it.
    async fn raised(flag: &(AtomicBool, Notify)) {
        loop {
            let mut listen = pin!(flag.1.listen());
            listen.as_mut().enable();
            if flag.0.load(Ordering::Relaxed) {
                return;
            }
            listen.await;
        }
    }

    fn nothing_is_lost(tell: fn(&Notify)) {
        model(move || {
            let flag = Arc::new((AtomicBool::new(false), Notify::new()));
            let raiser = {
                let flag = Arc::clone(&flag);
                thread::spawn(move || {
                    flag.0.store(true, Ordering::Relaxed);
                    tell(&flag.1);
                })
            };
            block_on(raised(&flag));
            raiser.join().unwrap();
            assert_eq!(flag.1.waiters(), 0);
        });
    }

    #[test]
    fn a_listener_that_looks_loses_nothing() {
        nothing_is_lost(|notify| {
            notify.notify(1);
        });
    }

    #[test]
    fn a_listener_that_looks_loses_nothing_of_notify_all() {
        nothing_is_lost(Notify::notify_all);
    }

    /// One of two listeners finds what it wants and leaves; its notification goes to the other.
    #[test]
    fn cancel_against_notify() {
        model(|| {
            let flag = Arc::new((AtomicBool::new(false), Notify::new()));
            let leaver = {
                let flag = Arc::clone(&flag);
                thread::spawn(move || {
                    let mut listen = pin!(flag.1.listen());
                    if listen.as_mut().enable() {
                        flag.1.notify(1); // used up: on to the next
                    }
                })
            };
            let waiter = {
                let flag = Arc::clone(&flag);
                thread::spawn(move || block_on(raised(&flag)))
            };
            flag.0.store(true, Ordering::Relaxed);
            flag.1.notify(1);
            leaver.join().unwrap();
            waiter.join().unwrap();
            assert_eq!(flag.1.waiters(), 0);
        });
    }
}
