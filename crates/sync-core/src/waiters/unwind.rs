//! What has to be finished even if a waker panics on the way and nothing can catch that.

use core::mem::ManuallyDrop;

/// Calls its function if the thread unwinds before [`disarm`](Self::disarm).
///
/// For loops that [flush](super::Locked::flush): with `std` no panic of a waker comes out of a flush;
/// without, it leaves the loop, and those whom the loop has not come to would wait for ever. Make it
/// before the queue is locked, so that the function finds it unlocked.
#[derive(Debug)]
pub struct OnUnwind<F: FnMut()>(F);

impl<F: FnMut()> OnUnwind<F> {
    /// `again` is called if the thread unwinds.
    #[inline]
    pub fn new(again: F) -> Self {
        OnUnwind(again)
    }

    /// It is not needed any more.
    #[inline]
    pub fn disarm(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl<F: FnMut()> Drop for OnUnwind<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
