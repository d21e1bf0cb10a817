//! The reentrant mutex under every interleaving of two or three threads.

use std::num::NonZeroU64;
use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{OwnerId, RawReentrantMutex};
use crate::mutex::{Adaptive, Fifo, Policy};
use sync_core::model::{Task, block_on, model};

fn id(n: u64) -> OwnerId {
    OwnerId::from(NonZeroU64::new(n).unwrap())
}

/// A value that loom watches: any access that the lock does not order is an error.
struct Shared<P: Policy> {
    mutex: RawReentrantMutex<P>,
    value: UnsafeCell<usize>,
}

impl<P: Policy> Shared<P> {
    fn new() -> Arc<Self> {
        Arc::new(Shared {
            mutex: RawReentrantMutex::new(),
            value: UnsafeCell::new(0),
        })
    }

    fn bump(&self) {
        // SAFETY: the caller is inside, alone of its owner; loom checks it.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    fn ends_with(&self, expected: usize) {
        assert!(self.mutex.try_lock(id(99)));
        // SAFETY: this thread has the lock.
        assert_eq!(self.value.with(|value| unsafe { *value }), expected);
        assert_eq!((self.mutex.depth(), self.mutex.waiters()), (1, 0));
        self.mutex.unlock(id(99));
        assert!(!self.mutex.is_locked());
    }
}

/// Two owners that nest: what one did is seen by the other.
fn exclusion<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let work = |shared: &Shared<P>, owner| {
            block_on(shared.mutex.lock(owner));
            assert!(shared.mutex.try_lock(owner), "nested");
            shared.bump();
            shared.mutex.unlock(owner);
            shared.mutex.unlock(owner);
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || work(&shared, id(1)))
        };
        work(&shared, id(2));
        other.join().unwrap();
        shared.ends_with(2);
    });
}

#[test]
fn exclusion_adaptive() {
    exclusion::<Adaptive>();
}

#[test]
fn exclusion_fifo() {
    exclusion::<Fifo>();
}

/// Two threads of one owner and one of another: who leaves last unlocks, in the name of both, and what
/// both did is seen by the other owner. (They write different values: of one owner, both are inside.)
fn the_last_to_leave_unlocks(leave: fn(&RawReentrantMutex<Fifo>)) {
    model(move || {
        let mutex = Arc::new(RawReentrantMutex::<Fifo>::new());
        let values = Arc::new((UnsafeCell::new(0), UnsafeCell::new(0)));
        assert!(mutex.try_lock(id(1)));
        assert!(mutex.try_lock(id(1)));
        let leaver = {
            let (mutex, values) = (Arc::clone(&mutex), Arc::clone(&values));
            thread::spawn(move || {
                // SAFETY: nobody else writes the first value before this thread has left.
                values.0.with_mut(|value| unsafe { *value = 1 });
                leave(&mutex);
            })
        };
        let other = {
            let (mutex, values) = (Arc::clone(&mutex), Arc::clone(&values));
            thread::spawn(move || {
                block_on(mutex.lock(id(2)));
                // SAFETY: both have left, and this thread has seen it; loom checks it.
                let sum = values.0.with(|a| values.1.with(|b| unsafe { *a + *b }));
                assert_eq!(sum, 3);
                mutex.unlock(id(2));
            })
        };
        // SAFETY: nobody else writes the second value before this thread has left.
        values.1.with_mut(|value| unsafe { *value = 2 });
        leave(&mutex);
        leaver.join().unwrap();
        other.join().unwrap();
        assert!(!mutex.is_locked());
    });
}

#[test]
fn the_last_to_unlock_unlocks() {
    the_last_to_leave_unlocks(|mutex| mutex.unlock(id(1)));
}

/// As guards leave.
#[test]
fn the_last_guard_unlocks() {
    the_last_to_leave_unlocks(RawReentrantMutex::leave);
}

/// One enters while another of the same owner queues: that one must come in, without waiting for the
/// first, who does not leave before.
#[test]
fn kin_is_called() {
    model(|| {
        let mutex = Arc::new(RawReentrantMutex::<Fifo>::new());
        let kin = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || block_on(mutex.lock(id(1))))
        };
        block_on(mutex.lock(id(1)));
        kin.join().unwrap(); // a lost wake-up is a deadlock here
        assert_eq!(mutex.depth(), 2);
        mutex.unlock(id(1));
        mutex.unlock(id(1));
        assert!(!mutex.is_locked());
    });
}

/// The same where the first one waited, too, and was handed the lock.
#[test]
fn kin_is_called_after_a_hand_over() {
    model(|| {
        let mutex = Arc::new(RawReentrantMutex::<Fifo>::new());
        assert!(mutex.try_lock(id(2)));
        let task = Task::new();
        let mut lock = pin!(mutex.lock(id(1)));
        assert!(task.poll(lock.as_mut()).is_pending());
        let kin = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || block_on(mutex.lock(id(1))))
        };
        mutex.unlock(id(2));
        block_on(lock);
        kin.join().unwrap();
        assert_eq!((mutex.depth(), mutex.waiters()), (2, 0));
        mutex.unlock(id(1));
        mutex.unlock(id(1));
        assert!(!mutex.is_locked());
    });
}

/// One owner leaves and another one enters while a second thread tries to enter as the first owner: it
/// may count in vain, and then may be the one who unlocks.
#[test]
fn an_entry_races_with_a_change_of_owner() {
    model(|| {
        let shared = Shared::<Adaptive>::new();
        assert!(shared.mutex.try_lock(id(1)));
        let late = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let entered = shared.mutex.try_lock(id(1));
                if entered {
                    assert_eq!(shared.mutex.owner(), Some(id(1)));
                    shared.mutex.unlock(id(1));
                }
            })
        };
        shared.mutex.unlock(id(1));
        block_on(shared.mutex.lock(id(2)));
        shared.bump();
        shared.mutex.unlock(id(2));
        late.join().unwrap();
        shared.ends_with(1);
    });
}

/// A future in both queues is dropped while its owner comes inside and the lock is handed on.
#[test]
fn cancel() {
    model(|| {
        let mutex = Arc::new(RawReentrantMutex::<Fifo>::new());
        assert!(mutex.try_lock(id(1)));
        let leaver = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || {
                let task = Task::new();
                let mut lock = pin!(mutex.lock(id(2)));
                if task.poll(lock.as_mut()).is_ready() {
                    mutex.unlock(id(2));
                }
            })
        };
        mutex.unlock(id(1));
        block_on(mutex.lock(id(2)));
        mutex.unlock(id(2));
        leaver.join().unwrap();
        assert_eq!((mutex.is_locked(), mutex.waiters()), (false, 0));
        assert!(mutex.try_lock(id(3)));
    });
}
