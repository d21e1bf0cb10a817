//! Sets of locks under every interleaving of two threads. (The locks have models of their own; these
//! are about who holds what while it waits.)

use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{lock_all, lock_all_backing_off, try_lock_all};
use crate::mutex::{Adaptive, Fifo, Mutex, Policy};
use sync_core::model::{Task, block_on, model};

type Pair<P> = (Mutex<UnsafeCell<usize>, P>, Mutex<UnsafeCell<usize>, P>);

fn pair<P: Policy>() -> Arc<Pair<P>> {
    Arc::new((
        Mutex::with_policy(UnsafeCell::new(0)),
        Mutex::with_policy(UnsafeCell::new(0)),
    ))
}

fn bump(value: &UnsafeCell<usize>) {
    // SAFETY: the caller has the lock; loom checks it.
    value.with_mut(|value| unsafe { *value += 1 });
}

fn ends_with<P: Policy>(pair: &Pair<P>, expected: usize) {
    let (a, b) = try_lock_all((&pair.0, &pair.1)).expect("nobody holds them");
    // SAFETY: the guards have the locks.
    let values = a.with(|a| b.with(|b| unsafe { (*a, *b) }));
    assert_eq!(values, (expected, expected));
    drop((a, b));
    assert_eq!(pair.0.waiters() + pair.1.waiters(), 0);
}

/// Each thread names the locks in its own order.
#[test]
fn crosswise() {
    model(|| {
        let locks = pair::<Fifo>();
        let other = {
            let locks = Arc::clone(&locks);
            thread::spawn(move || {
                let (b, a) = block_on(lock_all((&locks.1, &locks.0)));
                bump(&a);
                bump(&b);
            })
        };
        {
            let (a, b) = block_on(lock_all((&locks.0, &locks.1)));
            bump(&a);
            bump(&b);
        }
        other.join().unwrap();
        ends_with(&locks, 2);
    });
}

/// One by trial, one in order: neither waits for the other for ever.
#[test]
fn by_trial_against_in_order() {
    model(|| {
        let locks = pair::<Adaptive>();
        let other = {
            let locks = Arc::clone(&locks);
            thread::spawn(move || {
                let (b, a) = block_on(lock_all_backing_off((&locks.1, &locks.0)));
                bump(&a);
                bump(&b);
            })
        };
        {
            let (a, b) = block_on(lock_all((&locks.0, &locks.1)));
            bump(&a);
            bump(&b);
        }
        other.join().unwrap();
        ends_with(&locks, 2);
    });
}

/// A future that may hold one lock and wait for the other is dropped while the other one is released.
#[test]
fn cancel() {
    model(|| {
        let locks = pair::<Fifo>();
        let leaver = {
            let locks = Arc::clone(&locks);
            thread::spawn(move || {
                let task = Task::new();
                let mut all = pin!(lock_all((&locks.1, &locks.0)));
                drop(task.poll(all.as_mut()));
            })
        };
        {
            let (a, b) = block_on(lock_all((&locks.0, &locks.1)));
            bump(&a);
            bump(&b);
        }
        leaver.join().unwrap();
        ends_with(&locks, 1);
    });
}
