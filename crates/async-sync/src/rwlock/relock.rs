//! What a condition variable needs of a reader-writer lock: to let go of the lock but not of what leads
//! to it. Who read comes back to read, who wrote comes back to write.

use core::ops::Deref;

use super::RwLock;
use super::guard::Guard;
use super::handle::Handle;
use super::mode::Mode;
use super::raw::{LANES, RawRwLock};
use crate::cond::{Homed, Relock, Returning, sealed};

impl<H, M: Mode, T: ?Sized> sealed::Sealed for Guard<H, M, T> where H: Handle<Value = T> {}

impl<H, M: Mode, T: ?Sized> Homed<LANES> for Guard<H, M, T>
where
    H: Handle<Value = T> + Deref<Target = RwLock<T, <H as Handle>::Policy>>,
{
    const TAG: usize = M::KIND;
    type Raw = RawRwLock<<H as Handle>::Policy>;
    type Lock = RwLock<T, <H as Handle>::Policy>;
    type Handle = H;

    #[inline]
    fn into_handle(self) -> H {
        self.into_handle()
    }

    #[inline]
    unsafe fn unlock(handle: &H) {
        handle.raw.leave(M::KIND);
    }

    #[inline]
    unsafe fn from_handle(handle: H) -> Self {
        // SAFETY: the caller has the lock.
        unsafe { Guard::new(handle) }
    }
}

impl<H, M: Mode, T: ?Sized> Relock for Guard<H, M, T>
where
    H: Handle<Value = T> + Deref<Target = RwLock<T, <H as Handle>::Policy>>,
{
    type Waiting<'c> = Returning<'c, Self, LANES>;
}
