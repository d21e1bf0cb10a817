//! What a condition variable needs of a mutex: to let go of the lock but not of what leads to it.

use core::ops::Deref;

use super::guard::{Guard, Handle};
use super::{Mutex, RawMutex};
use crate::cond::{Homed, Returning, sealed};

impl<H, T: ?Sized> sealed::Sealed for Guard<H, T> where H: Handle<Value = T> {}

impl<H, T: ?Sized> Homed<1> for Guard<H, T>
where
    H: Handle<Value = T> + Deref<Target = Mutex<T, <H as Handle>::Policy>>,
{
    const TAG: usize = 0;
    type Raw = RawMutex<<H as Handle>::Policy>;
    type Lock = Mutex<T, <H as Handle>::Policy>;
    type Handle = H;

    #[inline]
    fn into_handle(self) -> H {
        self.into_handle()
    }

    #[inline]
    unsafe fn unlock(handle: &H) {
        handle.raw.unlock_held(true);
    }

    #[inline]
    unsafe fn from_handle(handle: H) -> Self {
        // SAFETY: the caller has the lock.
        unsafe { Guard::new(handle) }
    }
}

impl<H, T: ?Sized> crate::cond::Relock for Guard<H, T>
where
    H: Handle<Value = T> + Deref<Target = Mutex<T, <H as Handle>::Policy>>,
{
    type Waiting<'c> = Returning<'c, Self, 1>;
}
