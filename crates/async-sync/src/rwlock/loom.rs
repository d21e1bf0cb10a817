//! The reader-writer lock under every interleaving of two or three threads.

use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Fifo, Policy, RawRwLock, ReadMostly, ReadPreferring, RwLock, WritePreferring};
use crate::rwlock::{RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use sync_core::model::{Task, block_on, model, pass_time};

struct Shared<P: Policy> {
    lock: RawRwLock<P>,
    value: UnsafeCell<u32>,
}

impl<P: Policy> Shared<P> {
    fn new() -> Arc<Self> {
        Arc::new(Shared {
            lock: RawRwLock::new(),
            value: UnsafeCell::new(0),
        })
    }

    /// Reads, as the holder of the lock.
    fn read(&self) -> u32 {
        // SAFETY: the lock is held; loom checks it.
        self.value.with(|value| unsafe { *value })
    }

    /// Writes, as the holder of the lock.
    fn write(&self) {
        // SAFETY: the lock is held; loom checks it.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    #[track_caller]
    fn all_out(&self) {
        let metrics = self.lock.metrics();
        assert_eq!((metrics.readers, metrics.waiters), (0, 0));
        assert!(!metrics.is_write_locked && !metrics.is_barred && !metrics.is_upgradable);
        assert!(self.lock.try_write(), "the word is as new");
    }
}

/// Two writers and a reader: what one does is ordered before what the next sees.
fn exclusion<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    block_on(shared.lock.write());
                    shared.write();
                    shared.lock.leave(super::raw::WRITE);
                })
            })
            .collect();
        block_on(shared.lock.read());
        assert!(shared.read() <= 2);
        shared.lock.leave(super::raw::READ);
        for writer in writers {
            writer.join().unwrap();
        }
        shared.all_out();
    });
}

#[test]
fn exclusion_write_preferring() {
    exclusion::<WritePreferring>();
}

#[test]
fn exclusion_read_preferring() {
    exclusion::<ReadPreferring>();
}

#[test]
fn exclusion_fifo() {
    exclusion::<Fifo>();
}

#[test]
fn exclusion_read_mostly() {
    exclusion::<ReadMostly>();
}

/// Two readers, of whom either may be the last, and a writer that waits for both.
fn the_last_reader_wakes<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                assert!(shared.lock.try_read());
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let _ = shared.read();
                    shared.lock.leave(super::raw::READ);
                })
            })
            .collect();
        block_on(shared.lock.write());
        shared.write();
        shared.lock.leave(super::raw::WRITE);
        for reader in readers {
            reader.join().unwrap();
        }
        shared.all_out();
    });
}

#[test]
fn the_last_reader_wakes_the_writer() {
    the_last_reader_wakes::<WritePreferring>();
}

#[test]
fn the_last_sharded_reader_wakes_the_writer() {
    the_last_reader_wakes::<ReadMostly>();
}

/// A newcomer that reads against one that writes, both without the queue if they can.
fn newcomers<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let writer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if shared.lock.try_write() {
                    shared.write();
                    shared.lock.write_unlock();
                }
            })
        };
        let reader = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if shared.lock.try_read() {
                    let _ = shared.read();
                    shared.lock.read_unlock();
                }
            })
        };
        writer.join().unwrap();
        reader.join().unwrap();
        shared.all_out();
    });
}

#[test]
fn newcomers_exclude_each_other() {
    newcomers::<WritePreferring>();
}

#[test]
fn sharded_newcomers_exclude_each_other() {
    newcomers::<ReadMostly>();
}

/// A writer that everybody waits for leaves the queue, as a reader arrives behind it and another one
/// lets go.
fn cancel<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        assert!(shared.lock.try_read());
        let leaver = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let task = Task::new();
                let mut write = pin!(shared.lock.write());
                if task.poll(write.as_mut()).is_ready() {
                    shared.write();
                    shared.lock.leave(super::raw::WRITE);
                }
            })
        };
        let reader = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                block_on(shared.lock.read());
                let _ = shared.read();
                shared.lock.leave(super::raw::READ);
            })
        };
        let _ = shared.read();
        shared.lock.leave(super::raw::READ);
        leaver.join().unwrap();
        reader.join().unwrap();
        shared.all_out();
    });
}

#[test]
fn cancel_write_preferring() {
    cancel::<WritePreferring>();
}

#[test]
fn cancel_fifo() {
    cancel::<Fifo>();
}

#[test]
fn cancel_read_mostly() {
    cancel::<ReadMostly>();
}

/// An upgrade against a reader that leaves and a writer that comes; nobody writes between the reading
/// and the writing of the one that upgrades.
fn upgrade<P: Policy>() {
    model(|| {
        let lock = Arc::new(RwLock::<u32, P>::with_policy(0));
        let reader = lock.try_read().unwrap();
        let reading = *reader;
        // (Guards that borrow from an `Arc` do not cross threads; the lock itself does.)
        RwLockReadGuard::rwlock(&reader);
        core::mem::forget(reader);
        let leaver = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || lock.raw.leave(super::raw::READ))
        };
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *block_on(lock.write()) += 1)
        };
        let up = block_on(lock.upgradable_read());
        let seen = *up;
        let mut w = block_on(RwLockUpgradableReadGuard::upgrade(up));
        assert_eq!(*w, seen);
        *w += 1;
        let r = RwLockWriteGuard::downgrade(w);
        assert_eq!(*r, seen + 1);
        drop(r);
        leaver.join().unwrap();
        writer.join().unwrap();
        assert_eq!((reading, *lock.try_write().unwrap()), (0, 2));
    });
}

#[test]
fn upgrade_write_preferring() {
    upgrade::<WritePreferring>();
}

#[test]
fn upgrade_read_mostly() {
    upgrade::<ReadMostly>();
}

/// A grant that is taken away, against its owner's claim or drop, and a downgrade beside it.
#[test]
fn revoke() {
    model(|| {
        let shared = Shared::<WritePreferring>::new();
        assert!(shared.lock.try_write());
        let owner = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let task = Task::new();
                let mut write = pin!(shared.lock.write());
                if task.poll(write.as_mut()).is_ready() || task.poll(write.as_mut()).is_ready() {
                    shared.write();
                    shared.lock.leave(super::raw::WRITE);
                }
            })
        };
        shared.write();
        shared.lock.leave(super::raw::WRITE);
        pass_time();
        block_on(shared.lock.read());
        let _ = shared.read();
        shared.lock.leave(super::raw::READ);
        owner.join().unwrap();
        shared.all_out();
    });
}

/// More readers than one batch of wake-ups, while one of them leaves.
#[test]
fn several_batches() {
    model(|| {
        let shared = Shared::<WritePreferring>::new();
        assert!(shared.lock.try_write());
        let leaver = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let task = Task::new();
                let mut read = pin!(shared.lock.read());
                if task.poll(read.as_mut()).is_ready() {
                    shared.lock.leave(super::raw::READ);
                }
            })
        };
        let task = Task::new();
        let mut first = pin!(shared.lock.read());
        let mut second = pin!(shared.lock.read());
        let mut third = pin!(shared.lock.read());
        assert!(task.poll(first.as_mut()).is_pending());
        assert!(task.poll(second.as_mut()).is_pending());
        assert!(task.poll(third.as_mut()).is_pending());
        shared.lock.leave(super::raw::WRITE);
        for read in [first, second, third] {
            let mut read = read;
            assert!(task.poll(read.as_mut()).is_ready());
            shared.lock.leave(super::raw::READ);
        }
        leaver.join().unwrap();
        shared.all_out();
    });
}
