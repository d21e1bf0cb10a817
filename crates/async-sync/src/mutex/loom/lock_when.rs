//! `lock_when`: a change that comes while somebody is about to wait for it, or leaves.

use std::pin::pin;

use loom::sync::Arc;
use loom::thread;

use crate::mutex::Mutex;
use sync_core::model::{Task, block_on, model, wide_model};

/// A change is not missed by somebody who is about to wait for one.
#[test]
fn no_change_is_missed() {
    wide_model(|| {
        let mutex = Arc::new(Mutex::new(0));
        let changers: Vec<_> = (0..2)
            .map(|_| {
                let mutex = Arc::clone(&mutex);
                thread::spawn(move || block_on(async { *mutex.lock().await += 1 }))
            })
            .collect();
        assert_eq!(*block_on(mutex.lock_when(|n| *n == 2)), 2);
        for changer in changers {
            changer.join().unwrap();
        }
        assert_eq!(mutex.metrics().count(), 0);
    });
}

/// One who waits for a change leaves while it comes; the other one hears of it.
#[test]
fn cancel() {
    wide_model(|| {
        let mutex = Arc::new(Mutex::new(false));
        let leaver = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || {
                let task = Task::new();
                let mut when = pin!(mutex.lock_when(|open| *open));
                let _ = task.poll(when.as_mut());
            })
        };
        let changer = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || block_on(async { *mutex.lock().await = true }))
        };
        assert!(*block_on(mutex.lock_when(|open| *open)));
        leaver.join().unwrap();
        changer.join().unwrap();
        assert_eq!(mutex.metrics().count(), 0);
    });
}

/// Two mutexes share a queue of waiters for a change (under loom there is only one): each wakes its
/// own, and nobody looks at a value that has not changed.
#[test]
fn beside_another_mutex() {
    model(|| {
        let busy = Arc::new(Mutex::new(false));
        let quiet = Mutex::new(false);
        let looks = std::cell::Cell::new(0);
        let task = Task::new();
        let mut never = pin!(quiet.lock_when(|open| {
            looks.set(looks.get() + 1);
            *open
        }));
        assert!(task.poll(never.as_mut()).is_pending());
        let changer = {
            let busy = Arc::clone(&busy);
            thread::spawn(move || block_on(async { *busy.lock().await = true }))
        };
        assert!(*block_on(busy.lock_when(|open| *open)));
        changer.join().unwrap();
        assert!(task.poll(never.as_mut()).is_pending());
        assert_eq!(looks.get(), 1, "a change of one mutex was told to another");
    });
}
