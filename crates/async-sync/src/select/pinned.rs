//! An element of a pinned slice.

use core::pin::Pin;

/// Element `n`.
///
/// # Panics
///
/// If there is none.
#[inline]
pub(super) fn nth<T>(slice: Pin<&mut [T]>, n: usize) -> Pin<&mut T> {
    // SAFETY: nothing here moves out of a pinned slice, so its elements are as pinned as it is; a slice
    // has no destructor of its own that could.
    unsafe { slice.map_unchecked_mut(|slice| &mut slice[n]) }
}
