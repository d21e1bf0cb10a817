//! A queue that is locked by somebody who expects to find nobody in it.
//!
//! A primitive whose state is guarded by the queue's lock (a channel) has its uncontended path here: one
//! exchange and one store.

use core::fmt;
use core::mem::ManuallyDrop;

use super::links::Links;
use super::list::{Locked, WaitList};

/// A queue that was locked [briefly](WaitList::lock_briefly). Dropping it unlocks the queue.
pub struct Brief<'a, const LANES: usize>(Links<'a, LANES>);

impl<const LANES: usize> WaitList<LANES> {
    /// Locks the queue, for who expects to find nobody in it.
    #[inline]
    pub fn lock_briefly(&self) -> Brief<'_, LANES> {
        Brief(self.acquire())
    }
}

impl<'a, const LANES: usize> Brief<'a, LANES> {
    /// Whether nobody waits in any lane. Batons may be out.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.0.below(WaitList::<LANES>::BATONS).is_null()
    }

    /// Whether nobody is queued in any lane.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.guarded.len() == 0
    }

    /// There is somebody after all: goes on with the lock held.
    #[inline]
    #[must_use]
    pub fn stay(self) -> Locked<'a, LANES> {
        let this = ManuallyDrop::new(self);
        let Links { list, guarded } = this.0;
        Locked::new(Links { list, guarded })
    }
}

impl<const LANES: usize> Drop for Brief<'_, LANES> {
    #[inline]
    fn drop(&mut self) {
        self.0.list.release(self.0.guarded);
    }
}

impl<const LANES: usize> fmt::Debug for Brief<'_, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brief")
            .field("len", &self.0.guarded.len())
            .finish()
    }
}
