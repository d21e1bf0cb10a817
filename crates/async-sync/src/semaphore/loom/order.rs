//! What was done under a permit is seen by whoever has it next.
//!
//! Every operation that races stands in a thread of its own: loom tries too few orders of what the
//! model's main thread does itself.

use std::pin::pin;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::all_back;
use crate::semaphore::{Permits, Semaphore};
use sync_core::model::{Task, block_on, model};

/// What was done under any permit is seen by whoever has them all.
#[test]
fn all_permits_see_all() {
    model(|| {
        let shared = Arc::new((Semaphore::new(2), [UnsafeCell::new(0), UnsafeCell::new(0)]));
        let workers: Vec<_> = (0..2)
            .map(|n| {
                let permit = shared.0.try_acquire().unwrap().forget();
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // SAFETY: each has a cell; loom checks it against the reads below.
                    shared.1[n].with_mut(|value| unsafe { *value += 1 });
                    // One by the way of permits that were forgotten, one by that of a guard.
                    match n {
                        0 => shared.0.release(permit),
                        _ => drop(Permits::new(&shared.0, permit)),
                    }
                })
            })
            .collect();
        let both = block_on(shared.0.acquire_many(2)).unwrap();
        for cell in &shared.1 {
            // SAFETY: both workers have given back their permits; loom checks it.
            assert_eq!(cell.with(|value| unsafe { *value }), 1);
        }
        drop(both);
        for worker in workers {
            worker.join().unwrap();
        }
        all_back(&shared.0, 2);
    });
}

/// The same for `try_acquire`.
#[test]
fn try_acquire_sees_what_was_released() {
    model(|| {
        let shared = Arc::new((Semaphore::new(1), UnsafeCell::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || match shared.0.try_acquire() {
                    Ok(permit) => {
                        // SAFETY: there is one permit; loom checks it.
                        shared.1.with_mut(|value| unsafe { *value += 1 });
                        drop(permit);
                        1
                    }
                    Err(_) => 0,
                })
            })
            .collect();
        let got: u32 = threads.into_iter().map(|t| t.join().unwrap()).sum();
        // SAFETY: the threads have ended.
        assert_eq!(shared.1.with(|value| unsafe { *value }), got);
        all_back(&shared.0, 1);
    });
}

/// A permit that comes back for a waiter that has left meanwhile: what was done under it is seen by
/// whoever gets it instead.
#[test]
fn a_gift_that_nobody_takes_keeps_the_order() {
    model(|| {
        let shared = Arc::new((Semaphore::new(1), UnsafeCell::new(0)));
        shared.0.try_acquire().unwrap().forget();
        let use_it = |shared: &(Semaphore, UnsafeCell<u32>)| {
            // SAFETY: the caller has the permit; loom checks it.
            shared.1.with_mut(|value| unsafe { *value += 1 });
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let task = Task::new();
                    let mut acquire = pin!(shared.0.acquire());
                    if let Poll::Ready(permit) = task.poll(acquire.as_mut()) {
                        use_it(&shared);
                        drop(permit);
                    }
                })
            })
            .collect();
        let releaser = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                use_it(&shared);
                drop(Permits::new(&shared.0, 1));
            })
        };
        for thread in threads.into_iter().chain([releaser]) {
            thread.join().unwrap();
        }
        all_back(&shared.0, 1);
    });
}
