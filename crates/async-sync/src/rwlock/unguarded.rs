//! Go's unguarded interface of the raw lock.

use super::futures::RawLocking;
use super::policy::Policy;
use super::raw::{READ, RawRwLock, WRITE};

impl<P: Policy> RawRwLock<P> {
    /// Waits for the lock, to read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; if it had been given the lock, it leaves
    /// it.
    ///
    /// # Fairness
    ///
    /// See the [policies](super::Policy).
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "RLock")]
    #[inline]
    pub fn read(&self) -> RawLocking<'_, P> {
        RawLocking::new(self, READ)
    }

    /// Waits for the lock, to write. All that is said of [`read`](Self::read) holds.
    #[doc(alias = "Lock")]
    #[inline]
    pub fn write(&self) -> RawLocking<'_, P> {
        RawLocking::new(self, WRITE)
    }

    /// Takes the lock for reading if that is possible at once.
    #[doc(alias = "TryRLock")]
    #[inline]
    #[must_use = "the lock must be unlocked if this returns true"]
    pub fn try_read(&self) -> bool {
        self.try_enter(READ)
    }

    /// Takes the lock for writing if that is possible at once.
    #[doc(alias = "TryLock")]
    #[inline]
    #[must_use = "the lock must be unlocked if this returns true"]
    pub fn try_write(&self) -> bool {
        self.try_enter(WRITE)
    }

    /// Takes the lock for reading, blocking this thread until that is possible.
    #[cfg(feature = "std")]
    pub fn read_blocking(&self) {
        self.block(READ);
    }

    /// Takes the lock for writing, blocking this thread until that is possible.
    #[cfg(feature = "std")]
    pub fn write_blocking(&self) {
        self.block(WRITE);
    }

    /// Parking costs some 20 us, a short critical section far less: looks a few times, as long as
    /// nobody is queued who should come first.
    #[cfg(feature = "std")]
    pub(super) fn block(&self, kind: usize) {
        for _ in 0..SPINS {
            if self.try_enter(kind) {
                return;
            }
            if self.state().is_waiting() {
                break;
            }
            core::hint::spin_loop();
        }
        sync_core::park::block_on(RawLocking::new(self, kind));
    }

    /// Ends one reading. Need not be called by the task that began it.
    ///
    /// # Panics
    ///
    /// `RUnlock of unlocked RWMutex`, if nobody reads. The lock stays usable. (With
    /// [`ReadMostly`](super::ReadMostly) a mistake goes unnoticed if others read.)
    #[doc(alias = "RUnlock")]
    pub fn read_unlock(&self) {
        assert!(
            self.leave_checked(READ).is_ok(),
            "RUnlock of unlocked RWMutex"
        );
    }

    /// Ends the writing. Need not be called by the task that began it.
    ///
    /// # Panics
    ///
    /// `Unlock of unlocked RWMutex`, if nobody writes. The lock stays usable.
    #[doc(alias = "Unlock")]
    pub fn write_unlock(&self) {
        assert!(
            self.leave_checked(WRITE).is_ok(),
            "Unlock of unlocked RWMutex"
        );
    }
}

/// How often a blocking call looks before it parks: one to two microseconds.
#[cfg(feature = "std")]
const SPINS: u32 = 50;
