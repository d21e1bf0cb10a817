//! Room for one object that is taken and given in one exchange: the quick part of a shard.
//!
//! # States
//!
//! ```text
//! EMPTY --put--> BUSY --written--> FULL --take--> BUSY --read--> EMPTY
//! ```
//!
//! # Invariants
//!
//! Who has made it BUSY is alone with the object, and makes it FULL or EMPTY next, without anything
//! foreign in between. Nobody waits for that: a slot that is BUSY counts as empty to who takes, and as
//! full to who gives.

use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};

use sync_core::atomic::{AtomicU8, Ordering, UnsafeCell};
use sync_core::const_fn;

const EMPTY: u8 = 0;
const BUSY: u8 = 1;
const FULL: u8 = 2;

pub(super) struct Slot<T> {
    state: AtomicU8,
    object: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the slot owns the object; sending it sends the object.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: an object is put in by one thread and taken out by another; it is never shared.
unsafe impl<T: Send> Sync for Slot<T> {}
// Objects are moved only, and nothing panics meanwhile.
impl<T> UnwindSafe for Slot<T> {}
impl<T> RefUnwindSafe for Slot<T> {}

impl<T> Slot<T> {
    const_fn! {
        pub(super) const fn new() -> Self {
            Slot {
                state: AtomicU8::new(EMPTY),
                object: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// Whether there is an object: a snapshot.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        // Relaxed: a hint.
        self.state.load(Ordering::Relaxed) == FULL
    }

    #[inline]
    pub(super) fn take(&self) -> Option<T> {
        // (A look first: an exchange that fails would take the cache line away from its owner.)
        // Acquire: the object is as it was put in.
        let taken = self.is_full()
            && self
                .state
                .compare_exchange(FULL, BUSY, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        taken.then(|| {
            // SAFETY: it was FULL, and we are alone with it.
            let object = self
                .object
                .with(|object| unsafe { (*object).assume_init_read() });
            // Release: who puts in the next one comes after we have read this one.
            self.state.store(EMPTY, Ordering::Release);
            object
        })
    }

    /// Keeps the object, or gives it back if there is one already.
    #[inline]
    pub(super) fn put(&self, object: T) -> Result<(), T> {
        // Acquire: the one before has been read.
        let entered = self.state.load(Ordering::Relaxed) == EMPTY
            && self
                .state
                .compare_exchange(EMPTY, BUSY, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !entered {
            return Err(object);
        }
        self.object.with_mut(|place| {
            // SAFETY: it was EMPTY, and we are alone with it.
            unsafe { (*place).write(object) };
        });
        // Release: who takes it sees it.
        self.state.store(FULL, Ordering::Release);
        Ok(())
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        // (If it panics, so does the pool's destructor; it is empty by then.)
        drop(self.take());
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.is_full()).finish()
    }
}
