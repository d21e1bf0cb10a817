//! Cells and acts under every interleaving of two or three threads.
//!
//! The slot of a cell is one of loom's, which fails if a value is read or written out of order.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Once, OnceCell};
use sync_core::model::{Task, block_on, model, model_with, pass_time};

/// Three callers: one initialises, all see its value.
#[test]
fn one_initialiser() {
    model(|| {
        let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
        let get = |shared: &(OnceCell<usize>, AtomicUsize), n| {
            let make = async || {
                shared.1.fetch_add(1, Ordering::Relaxed);
                n
            };
            *block_on(shared.0.get_or_init(make))
        };
        let threads: Vec<_> = (1..3)
            .map(|n| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || get(&shared, n))
            })
            .collect();
        let values: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        assert!(values.iter().all(|value| Some(value) == shared.0.get()));
        assert_eq!(shared.0.waiters(), 0);
    });
}

/// Whoever sees the cell set sees the value: by a look, by waiting, by being refused.
#[test]
fn set_happens_before_what_sees_it() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let setter = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.set(Box::new(1)).unwrap())
        };
        let waiter = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || assert_eq!(**block_on(cell.wait()), 1))
        };
        let looker = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                if let Some(value) = cell.get() {
                    assert_eq!(**value, 1);
                }
            })
        };
        setter.join().unwrap();
        waiter.join().unwrap();
        looker.join().unwrap();
        assert_eq!(cell.waiters(), 0);
    });
}

/// The same for callers that want to initialise and come too late, by any of the ways to notice.
#[test]
fn set_happens_before_a_refusal() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let cell = Arc::clone(&cell);
                thread::spawn(move || {
                    let task = Task::new();
                    let mut get = pin!(cell.get_or_init(async || Box::new(1)));
                    // The second poll comes without a wake-up, most likely.
                    for _ in 0..2 {
                        if let Poll::Ready(value) = task.poll(get.as_mut()) {
                            return assert_eq!(**value, 1);
                        }
                    }
                })
            })
            .collect();
        let setter = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || drop(cell.set(Box::new(1))))
        };
        setter.join().unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(cell.get().map(|value| **value), Some(1));
    });
}

/// An initialiser that fails, and the one after it: what the first did is seen by the second, and
/// nobody else is there. Both against somebody who only waits.
#[test]
fn a_failure_passes_the_right_on() {
    model(|| {
        let shared = Arc::new((OnceCell::new(), UnsafeCell::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let attempt = shared.0.get_or_try_init(async || {
                        // SAFETY: one initialiser runs at a time; loom checks it.
                        let runs = shared.1.with_mut(|runs| unsafe {
                            *runs += 1;
                            *runs
                        });
                        if runs == 1 { Err(()) } else { Ok(runs) }
                    });
                    block_on(attempt).copied()
                })
            })
            .collect();
        let results: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(results.contains(&Err(())) && results.contains(&Ok(2)));
        assert_eq!((shared.0.get(), shared.0.waiters()), (Some(&2), 0));
    });
}

/// A caller is dropped, wherever it has come to, while another one waits for it or for the value.
#[test]
fn a_cancelled_caller_passes_the_right_on() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let leaver = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                let task = Task::new();
                let mut get = pin!(cell.get_or_init(|| std::future::pending()));
                assert!(task.poll(get.as_mut()).is_pending() || cell.is_set());
            })
        };
        let watcher = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || assert_eq!(*block_on(cell.wait()), 2))
        };
        let getter = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || *block_on(cell.get_or_init(async || 2)))
        };
        leaver.join().unwrap();
        assert_eq!(getter.join().unwrap(), 2);
        watcher.join().unwrap();
        assert_eq!(cell.waiters(), 0);
    });
}

/// The one that was given the right leaves at that moment: the third gets it.
#[test]
fn a_dropped_grant_is_passed_on() {
    model(|| {
        let shared = Arc::new((Once::new(), UnsafeCell::new(0)));
        let task = Task::new();
        let mut first = Box::pin(shared.0.call_once_try(async || {
            // SAFETY: one runs at a time; loom checks it.
            shared.1.with_mut(|value| unsafe { *value = 1 });
            std::future::pending::<Result<(), ()>>().await
        }));
        assert!(task.poll(first.as_mut()).is_pending());
        let second = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let task = Task::new();
                let mut call = pin!(shared.0.call_once(|| std::future::pending()));
                let _ = task.poll(call.as_mut());
            })
        };
        let third = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let see = async || {
                    // SAFETY: as above.
                    assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
                };
                block_on(shared.0.call_once(see));
            })
        };
        drop(first);
        second.join().unwrap();
        third.join().unwrap();
        assert!(shared.0.is_done() && shared.0.waiters() == 0);
    });
}

/// Reset against callers: an act is done in each round by one, and nobody waits for ever.
#[test]
fn reset_against_callers() {
    model(|| {
        let shared = Arc::new((Once::new(), UnsafeCell::new(0)));
        let call = |shared: &(Once, UnsafeCell<u32>)| {
            // SAFETY: one runs at a time; loom checks it.
            let f = async || shared.1.with_mut(|value| unsafe { *value += 1 });
            block_on(shared.0.call_once(f));
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || call(&shared))
            })
            .collect();
        let resetter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if shared.0.is_done() && shared.0.reset().is_ok() {
                    call(&shared);
                }
            })
        };
        for thread in threads {
            thread.join().unwrap();
        }
        resetter.join().unwrap();
        assert!(shared.0.is_done());
        assert_eq!(shared.0.waiters(), 0);
    });
}

/// Between a completion and the settling of its waiters, the act is reset and begun again: those who
/// wait for the second run are not told of the first, those who wait for the first are.
#[test]
fn rounds_do_not_mix() {
    model_with(3, || {
        let once = Arc::new(Once::new());
        let task = Task::new();
        let mut right = Box::pin(once.call_once(|| {
            let mut polls = 0;
            std::future::poll_fn(move |_| {
                polls += 1;
                if polls == 1 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
        }));
        assert!(task.poll(right.as_mut()).is_pending());
        let old = Task::new();
        let mut old_wait = Box::pin(once.wait());
        assert!(old.poll(old_wait.as_mut()).is_pending());
        let mut old_call =
            Box::pin(once.call_once(async || unreachable!("the first run completes")));
        assert!(old.poll(old_call.as_mut()).is_pending());
        let next = {
            let once = Arc::clone(&once);
            thread::spawn(move || {
                if !once.is_done() {
                    return;
                }
                once.reset().unwrap();
                let (running, task) = (Task::new(), Task::new());
                let mut run = pin!(once.call_once(|| std::future::pending()));
                assert!(running.poll(run.as_mut()).is_pending());
                let mut wait = pin!(once.wait());
                let mut call = pin!(once.call_once(async || unreachable!("somebody else runs")));
                for _ in 0..2 {
                    assert!(task.poll(wait.as_mut()).is_pending(), "it is not done");
                    assert!(task.poll(call.as_mut()).is_pending(), "it is not done");
                }
            })
        };
        assert!(task.poll(right.as_mut()).is_ready());
        assert!(old.wakes() >= 2, "both are told");
        assert!(old.poll(old_wait.as_mut()).is_ready());
        assert!(old.poll(old_call.as_mut()).is_ready());
        next.join().unwrap();
        assert_eq!(once.waiters(), 0);
    });
}

/// A right that is stale is revoked while its owner claims it.
#[test]
fn revoke() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let task = Task::new();
        let mut first = Box::pin(cell.get_or_init(|| std::future::pending()));
        assert!(task.poll(first.as_mut()).is_pending());
        let late = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || *block_on(cell.get_or_init(async || 1)))
        };
        drop(first);
        pass_time();
        let other = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || *block_on(cell.get_or_init(async || 2)))
        };
        let set = cell.set(3);
        let values = [late.join().unwrap(), other.join().unwrap()];
        assert!(values.iter().all(|value| Some(value) == cell.get()));
        assert!(set.is_err() || cell.get() == Some(&3));
        assert_eq!(cell.waiters(), 0);
    });
}

/// More waiters than one batch of wake-ups, of both kinds, while another one comes.
#[test]
fn several_batches() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let task = Task::new();
        let mut right = Box::pin(cell.get_or_init(|| {
            let mut polls = 0;
            std::future::poll_fn(move |_| {
                polls += 1;
                if polls == 1 {
                    Poll::Pending
                } else {
                    Poll::Ready(7)
                }
            })
        }));
        assert!(task.poll(right.as_mut()).is_pending());
        let mut waits: [_; 3] = std::array::from_fn(|_| Box::pin(cell.wait()));
        let mut gets: [_; 3] =
            std::array::from_fn(|_| Box::pin(cell.get_or_init(async || unreachable!())));
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_pending());
        }
        for get in &mut gets {
            assert!(task.poll(get.as_mut()).is_pending());
        }
        let late = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(cell.wait());
                let _ = task.poll(wait.as_mut());
            })
        };
        assert!(task.poll(right.as_mut()).is_ready());
        assert_eq!(task.wakes(), 6);
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_ready());
        }
        for get in &mut gets {
            assert!(task.poll(get.as_mut()).is_ready());
        }
        late.join().unwrap();
        assert_eq!(cell.waiters(), 0);
    });
}
