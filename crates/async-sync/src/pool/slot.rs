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

    /// Makes it BUSY, to take the object.
    #[inline]
    pub(super) fn full(&self) -> Option<Full<'_, T>> {
        // (A look first: an exchange that fails would take the cache line away from its owner.)
        // Acquire: the object is as it was put in.
        let mine = self.is_full()
            && self
                .state
                .compare_exchange(FULL, BUSY, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        mine.then_some(Full(self))
    }

    /// Makes it BUSY, to put an object in.
    #[inline]
    pub(super) fn empty(&self) -> Option<Empty<'_, T>> {
        // Acquire: the one before has been read.
        let mine = self.state.load(Ordering::Relaxed) == EMPTY
            && self
                .state
                .compare_exchange(EMPTY, BUSY, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        mine.then_some(Empty(self))
    }

    pub(super) fn take(&self) -> Option<T> {
        self.full().map(Full::take)
    }
}

/// The right to the object of a slot. (An `Option` of the object itself would be written and read in
/// pieces of different sizes, for which a processor waits longer than for the exchange.)
#[must_use]
pub(super) struct Full<'a, T>(&'a Slot<T>);

impl<T> Full<'_, T> {
    pub(super) fn take(self) -> T {
        self.take_as(|object| object)
    }

    /// Takes it as part of what `new` makes, which is moved there at once.
    #[inline]
    pub(super) fn take_as<R>(self, new: impl FnOnce(T) -> R) -> R {
        // (At the end of the scope, so that what is made needs no place before its last.)
        let _read = Read(&self.0.state);
        self.0.object.with(|object| {
            // SAFETY: it was FULL, and we are alone with it.
            new(unsafe { (*object).assume_init_read() })
        })
    }
}

/// Makes a slot EMPTY on drop.
struct Read<'a>(&'a AtomicU8);

impl Drop for Read<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: who puts in the next one comes after we have read this one.
        self.0.store(EMPTY, Ordering::Release);
    }
}

/// The right to a slot's room.
#[must_use]
pub(super) struct Empty<'a, T>(&'a Slot<T>);

impl<T> Empty<'_, T> {
    #[inline]
    pub(super) fn put(self, object: impl FnOnce() -> T) {
        self.0.object.with_mut(|place| {
            // SAFETY: it was EMPTY, and we are alone with it.
            unsafe { (*place).write(object()) };
        });
        // Release: who takes it sees it.
        self.0.state.store(FULL, Ordering::Release);
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
