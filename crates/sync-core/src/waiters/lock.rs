//! The lock of a queue, with the queue's length and patience in the same word.
//!
//! ```text
//! 31 .. 5   4 .. 1     0
//! LEN       PATIENCE   LOCKED
//! ```
//!
//! `PATIENCE` is how long a baton may lie unclaimed: `1 ms << PATIENCE`. See `list`.
//!
//! A spin lock with back-off that yields to the scheduler. It is held for a few dozen instructions
//! of `list` and of `Protocol::turn`, none of which calls foreign code, so there is nothing to
//! poison. Unlocking stores the new values: the holder alone may change them, so that is a plain
//! store, and anybody may read them. Why not a parking lock: it would need a queue of its own, and
//! this is that queue.

use crate::atomic::{AtomicU32, Ordering};
use crate::const_fn;

const LOCKED: u32 = 1;
const PATIENCE_SHIFT: u32 = 1;
const LEN_SHIFT: u32 = 5;

/// What the lock guards of itself: the word without `LOCKED`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guarded(u32);

impl Guarded {
    /// How many nodes are linked.
    #[inline]
    pub(super) fn len(self) -> u32 {
        self.0 >> LEN_SHIFT
    }

    /// One more is linked. The caller has compared with [`LenLock::MAX`].
    #[inline]
    pub(super) fn linked(&mut self) {
        self.0 += 1 << LEN_SHIFT;
    }

    /// One less is linked.
    #[inline]
    pub(super) fn unlinked(&mut self) {
        self.0 -= 1 << LEN_SHIFT;
    }

    #[inline]
    pub(super) fn patience(self) -> u32 {
        (self.0 >> PATIENCE_SHIFT) & LenLock::MAX_PATIENCE
    }

    /// Patience grows by one, up to the maximum.
    pub(super) fn more_patience(&mut self) {
        if self.patience() < LenLock::MAX_PATIENCE {
            self.0 += 1 << PATIENCE_SHIFT;
        }
    }

    /// Patience shrinks by one, down to zero.
    pub(super) fn less_patience(&mut self) {
        if self.patience() > 0 {
            self.0 -= 1 << PATIENCE_SHIFT;
        }
    }
}

pub(super) struct LenLock {
    word: AtomicU32,
    /// A model checker that knows what blocks what need not try every number of spins.
    #[cfg(loom)]
    gate: gate::Gate,
}

impl LenLock {
    /// The largest length.
    pub(super) const MAX: u32 = u32::MAX >> LEN_SHIFT;

    /// The greatest patience.
    pub(super) const MAX_PATIENCE: u32 = (1 << (LEN_SHIFT - PATIENCE_SHIFT)) - 1;

    const_fn! {
        pub(super) const fn new() -> Self {
            LenLock {
                word: AtomicU32::new(0),
                #[cfg(loom)]
                gate: gate::Gate::new(),
            }
        }
    }

    /// A snapshot.
    #[inline]
    pub(super) fn peek(&self) -> Guarded {
        // Relaxed: a snapshot orders nothing.
        self.peek_with(Ordering::Relaxed)
    }

    /// A snapshot that may order what comes after it.
    #[inline]
    pub(super) fn peek_with(&self, order: Ordering) -> Guarded {
        Guarded(self.word.load(order) & !LOCKED)
    }

    /// Locks, and returns what is guarded.
    #[inline]
    pub(super) fn acquire(&self) -> Guarded {
        #[cfg(loom)]
        self.gate.acquire();
        #[cfg(not(loom))]
        if !try_lock(&self.word) {
            spin(&self.word);
        }
        // Only the holder, this thread, changes it.
        self.peek()
    }

    /// Unlocks, and leaves what is guarded for the next holder.
    #[inline]
    pub(super) fn release(&self, guarded: Guarded) {
        // Release: the next holder sees what this one did to the nodes.
        self.word.store(guarded.0, Ordering::Release);
        #[cfg(loom)]
        self.gate.release();
    }
}

/// Locks, if the lock is free.
#[cfg_attr(
    all(loom, not(test)),
    allow(dead_code, reason = "the gate stands in for it")
)]
#[inline]
fn try_lock(word: &AtomicU32) -> bool {
    // Acquire: what the last holder did to the nodes is seen. Pairs with `release`.
    word.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0
}

#[cfg(not(loom))]
#[cold]
fn spin(word: &AtomicU32) {
    let mut round = 0;
    loop {
        // Wait on a plain load, which leaves the cache line with its owner.
        while word.load(Ordering::Relaxed) & LOCKED != 0 {
            crate::atomic::relax(round);
            round += 1;
        }
        if try_lock(word) {
            return;
        }
    }
}

/// loom's mutex without a guard that has to be kept somewhere.
#[cfg(loom)]
mod gate {
    use loom::sync::{Mutex, MutexGuard};
    use std::cell::UnsafeCell;

    pub(super) struct Gate {
        // Dropped before the mutex that it borrows.
        held: UnsafeCell<Option<MutexGuard<'static, ()>>>,
        mutex: Box<Mutex<()>>,
    }

    impl Gate {
        pub(super) fn new() -> Self {
            Gate {
                held: UnsafeCell::new(None),
                mutex: Box::new(Mutex::new(())),
            }
        }

        pub(super) fn acquire(&self) {
            let guard = self.mutex.lock().unwrap();
            // SAFETY: the mutex is boxed and outlives the guard.
            let guard = unsafe {
                std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard)
            };
            // SAFETY: only the holder of the mutex touches the cell.
            unsafe { *self.held.get() = Some(guard) };
        }

        pub(super) fn release(&self) {
            // SAFETY: only the holder of the mutex touches the cell.
            let guard = unsafe { (*self.held.get()).take() };
            drop(guard.expect("released by its holder"));
        }
    }
}

#[cfg(all(test, loom))]
mod loom {
    use super::*;
    use crate::atomic::UnsafeCell;
    use ::loom::sync::Arc;
    use ::loom::thread;

    struct Spin {
        word: AtomicU32,
        value: UnsafeCell<u32>,
    }

    impl Spin {
        fn try_bump(&self) -> bool {
            let locked = try_lock(&self.word);
            if locked {
                // SAFETY: the lock is held; loom checks it.
                let value = self.value.with_mut(|value| unsafe {
                    *value += 1;
                    *value
                });
                self.word.store(value << 1, Ordering::Release);
            }
            locked
        }
    }

    /// The real lock, which the other models replace by loom's. The attempts are counted: in loom's
    /// memory model a store may remain unseen for ever, and so may an unlocking.
    #[test]
    fn the_spin_lock_excludes() {
        ::loom::model(|| {
            let spin = Arc::new(Spin {
                word: AtomicU32::new(0),
                value: UnsafeCell::new(0),
            });
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let spin = Arc::clone(&spin);
                    thread::spawn(move || u32::from(spin.try_bump()) + u32::from(spin.try_bump()))
                })
                .collect();
            let mut bumps = u32::from(spin.try_bump());
            for other in others {
                bumps += other.join().unwrap();
            }
            assert!(bumps >= 1);
            // SAFETY: the other threads have ended; loom checks it.
            assert_eq!(spin.value.with(|value| unsafe { *value }), bumps);
        });
    }
}
