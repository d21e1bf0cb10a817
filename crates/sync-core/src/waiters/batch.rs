//! Wakers on the stack, to be called once no lock is held.
//!
//! A waker is foreign code: it may panic. With `std` each call is isolated: all wakers of the batch
//! are called, whoever fills the batch goes on filling it, and the first panic goes on when the batch
//! is dropped, unless the thread panics already. Without `std` nothing can catch a panic; the rest of
//! the batch is called from its destructor.

#[cfg(feature = "std")]
use core::mem::ManuallyDrop;
use core::mem::MaybeUninit;
use core::task::Waker;

/// Up to [`CAPACITY`](Self::CAPACITY) wakers. Dropping the batch calls them.
pub struct WakeBatch {
    // Slots below `len` are initialised, except those below `called`.
    wakers: [MaybeUninit<Waker>; WakeBatch::CAPACITY],
    called: usize,
    len: usize,
    /// Taken, hence None, whenever the batch is empty and dropped.
    #[cfg(feature = "std")]
    panic: ManuallyDrop<Option<Box<dyn core::any::Any + Send>>>,
    /// Whether anything was ever pushed: most batches are empty, and dropped in one comparison.
    used: bool,
}

impl WakeBatch {
    /// Wakers in one batch. Tiny under a model checker, so that the paths with several batches are
    /// explored.
    pub const CAPACITY: usize = if cfg!(any(loom, shuttle)) { 2 } else { 16 };

    /// An empty batch.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        WakeBatch {
            wakers: [const { MaybeUninit::uninit() }; Self::CAPACITY],
            called: 0,
            len: 0,
            #[cfg(feature = "std")]
            panic: ManuallyDrop::new(None),
            used: false,
        }
    }

    /// Whether another waker has room.
    #[inline]
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.len < Self::CAPACITY
    }

    /// Whether so many wakers more have room.
    #[inline]
    pub(super) const fn has_room_for(&self, n: usize) -> bool {
        self.len + n <= Self::CAPACITY
    }

    /// Adds a waker.
    ///
    /// # Panics
    ///
    /// If the batch is full.
    #[inline]
    pub fn push(&mut self, waker: Waker) {
        self.wakers[self.len].write(waker);
        self.len += 1;
        self.used = true;
    }

    /// Calls all wakers. No lock may be held.
    ///
    /// With `std`, a panic of a waker comes out when the batch is dropped.
    #[inline]
    pub fn wake_all(&mut self) {
        if self.len != 0 {
            self.call();
        }
    }

    /// Takes the next waker out. `called` moves first, so a panic cannot call a waker twice.
    fn next(&mut self) -> Option<Waker> {
        if self.called == self.len {
            self.called = 0;
            self.len = 0;
            return None;
        }
        let slot = &self.wakers[self.called];
        self.called += 1;
        // SAFETY: the slot lies below `len` and `called` has just passed it, so it is initialised
        // and nobody reads it again.
        Some(unsafe { slot.assume_init_read() })
    }

    #[cfg(feature = "std")]
    fn call(&mut self) {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        while let Some(waker) = self.next() {
            // Unwind-safe: the waker is consumed and nothing of ours is touched by the call.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                self.keep(payload);
            }
        }
    }

    /// The first panic goes on later. What the others carried is leaked: its destructor is foreign, and
    /// another panic here would leave those behind unwoken.
    #[cfg(feature = "std")]
    fn keep(&mut self, payload: Box<dyn core::any::Any + Send>) {
        if self.panic.is_some() {
            core::mem::forget(payload);
        } else {
            *self.panic = Some(payload);
        }
    }

    #[cfg(not(feature = "std"))]
    fn call(&mut self) {
        while let Some(waker) = self.next() {
            waker.wake();
        }
    }
}

impl Default for WakeBatch {
    fn default() -> Self {
        WakeBatch::new()
    }
}

impl WakeBatch {
    /// Calls what is left; nothing will be pushed any more.
    #[inline(never)]
    fn finish(&mut self) {
        #[cfg(feature = "std")]
        {
            if self.len == 1 && self.panic.is_none() && !std::thread::panicking() {
                // Nobody is behind it whom its panic could cost a wake-up.
                if let Some(waker) = self.next() {
                    waker.wake();
                }
                return;
            }
            self.wake_all();
            if let Some(payload) = self.panic.take() {
                // (A second panic while the thread unwinds would abort the process.)
                if std::thread::panicking() {
                    core::mem::forget(payload); // as in `keep`
                } else {
                    std::panic::resume_unwind(payload);
                }
            }
        }
        #[cfg(not(feature = "std"))]
        {
            /// Calls those behind one that panicked.
            struct Rest<'a>(&'a mut WakeBatch);
            impl Drop for Rest<'_> {
                fn drop(&mut self) {
                    self.0.wake_all();
                }
            }
            Rest(self).0.wake_all();
        }
    }
}

impl Drop for WakeBatch {
    #[inline]
    fn drop(&mut self) {
        if self.used {
            self.finish();
        }
    }
}

impl core::fmt::Debug for WakeBatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WakeBatch")
            .field("len", &(self.len - self.called))
            .finish()
    }
}
