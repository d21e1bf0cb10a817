//! One facade over the atomics of `core`, of loom and of shuttle.
//!
//! All code of the workspace that synchronises takes its atomics from here, so a build with
//! `RUSTFLAGS="--cfg loom"` or `"--cfg shuttle"` model-checks the very code that ships. The module
//! is public so that code written on top of the workspace can be checked the same way.
//!
//! loom's constructors are not `const`; [`const_fn!`](crate::const_fn) declares a function that is
//! `const` in every other build.

#[cfg(not(any(loom, shuttle)))]
pub use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
#[cfg(all(shuttle, not(loom)))]
pub use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};

// For tables and the like, where nobody waits for longer than an insertion takes.
#[cfg(loom)]
pub use loom::sync::{Mutex, MutexGuard};
#[cfg(all(shuttle, not(loom)))]
pub use shuttle::sync::{Mutex, MutexGuard};
#[cfg(all(feature = "std", not(any(loom, shuttle))))]
pub use std::sync::{Mutex, MutexGuard};

#[cfg(not(loom))]
pub use self::cell::UnsafeCell;
#[cfg(loom)]
pub use loom::cell::UnsafeCell;

/// Declares a function that is `const` except under loom, whose types cannot be built in a
/// constant.
///
/// ```
/// use sync_core::{atomic::AtomicU32, const_fn};
///
/// pub struct Counter(AtomicU32);
///
/// impl Counter {
///     const_fn! {
///         /// A counter at zero.
///         pub const fn new() -> Self {
///             Counter(AtomicU32::new(0))
///         }
///     }
/// }
///
/// static ZERO: Counter = Counter::new();
/// ```
#[macro_export]
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis const $($rest:tt)*) => {
        $(#[$attr])*
        #[cfg(not(loom))]
        $vis const $($rest)*

        $(#[$attr])*
        #[cfg(loom)]
        $vis $($rest)*
    };
}

/// Tells the processor, or the model checker, that this thread waits for another one.
///
/// `round` counts the attempts so far: the first few only pause the core, later ones offer the
/// core to whoever holds the thing that we wait for.
#[cfg(not(loom))]
#[inline]
pub(crate) fn relax(round: u32) {
    #[cfg(shuttle)]
    {
        let _ = round;
        shuttle::thread::yield_now();
    }
    #[cfg(not(shuttle))]
    {
        // Eight pauses at first, which is longer than most critical sections here: whoever comes back
        // as soon as the lock is free takes the cache line away from a thread that is about to lock
        // again, and both go at the speed of the line. (With one pause, eight senders and eight
        // receivers of a channel took 46 ns an item; with eight, 27.)
        if round < 6 {
            for _ in 0..8u32 << round {
                core::hint::spin_loop();
            }
            return;
        }
        #[cfg(feature = "std")]
        std::thread::yield_now();
        #[cfg(not(feature = "std"))]
        core::hint::spin_loop();
    }
}

#[cfg(not(loom))]
mod cell {
    /// `core::cell::UnsafeCell` with loom's interface, through which loom sees every access.
    #[derive(Debug)]
    #[repr(transparent)]
    pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell that holds `value`.
        #[inline]
        pub const fn new(value: T) -> Self {
            UnsafeCell(core::cell::UnsafeCell::new(value))
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// Passes a pointer for reading to `f`. Dereferencing it is the caller's obligation.
        #[inline]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Passes a pointer for writing to `f`. Dereferencing it is the caller's obligation.
        #[inline]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}
