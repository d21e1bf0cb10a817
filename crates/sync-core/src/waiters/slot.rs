//! A slot: where a waiting future keeps what it sends, or finds what it receives.
//!
//! ```text
//! future:  [ waiter | slot ]        the waiter's tag is a Mark: the slot's address and two bits
//! ```
//!
//! The slot lies in the pinned future, beside its waiter. Whoever holds the queue's lock reaches it
//! through the [`Mark`] that is written on the waiter, as long as the waiter is linked. So an item goes
//! from one task to another without a third place to lie in, and without an allocation.
//!
//! # Who may touch it
//!
//! As the fields of the node: while the node is linked, whoever holds the queue's lock; otherwise its
//! future. The two bits of a mark say what the waiter wants ([`Kind`]). They are free because a slot
//! is aligned to four bytes.

use core::fmt;
use core::marker::PhantomPinned;

use crate::atomic::UnsafeCell;

/// A place for one item in a future that waits.
#[repr(align(4))]
pub struct Slot<T> {
    item: UnsafeCell<Option<T>>,
    /// Marks point here. And a mutable reference to what is pinned does not claim to be the only way
    /// that leads there.
    _pin: PhantomPinned,
}

// SAFETY: a slot gives access to its item through `&mut self`, or to a caller that promises to be alone.
unsafe impl<T: Send> Sync for Slot<T> {}
// SAFETY: it owns its item, and nothing else.
unsafe impl<T: Send> Send for Slot<T> {}

/// What a waiter with a [`Mark`] wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To put away what its slot holds.
    Put,
    /// To get something into its slot.
    Get,
    /// A place for something that it does not have yet. Its mark has no slot.
    Place,
}

/// What is written on a waiter: where its slot is, and what it wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark(*mut ());

const BITS: usize = 3;
const GET: usize = 1;
const PLACE: usize = 2;

impl Mark {
    /// Of a waiter that wants a place.
    pub const PLACE: Mark = Mark(core::ptr::without_provenance_mut(PLACE));

    /// What was written on a waiter.
    #[inline]
    #[must_use]
    pub const fn from_ptr(mark: *mut ()) -> Self {
        Mark(mark)
    }

    /// What to write on a waiter.
    #[inline]
    #[must_use]
    pub const fn as_ptr(self) -> *mut () {
        self.0
    }

    /// What the waiter wants.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Kind {
        Mark::kind_of(self.0.addr())
    }

    /// The same, of a mark of which only the address is left.
    #[inline]
    #[must_use]
    pub const fn kind_of(tag: usize) -> Kind {
        match tag & BITS {
            GET => Kind::Get,
            PLACE => Kind::Place,
            _ => Kind::Put,
        }
    }

    /// The item in the slot, if there is one.
    ///
    /// # Safety
    ///
    /// The mark was made by [`Slot::put`] or [`Slot::get`] of a `Slot<T>` that still exists, and nobody
    /// else accesses that slot: the caller holds the lock of the queue that the waiter is linked in, or
    /// is the waiter's future and the waiter is not linked.
    #[inline]
    #[must_use]
    pub unsafe fn take<T>(self) -> Option<T> {
        // SAFETY: the caller's promise.
        unsafe { self.slot::<T>() }.item.with_mut(|item| {
            // SAFETY: the caller has exclusive access.
            unsafe { (*item).take() }
        })
    }

    /// Puts an item into the slot, which is empty.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take).
    #[inline]
    pub unsafe fn fill<T>(self, new: T) {
        // SAFETY: the caller's promise.
        unsafe { self.slot::<T>() }.item.with_mut(|item| {
            // SAFETY: the caller has exclusive access.
            let item = unsafe { &mut *item };
            debug_assert!(item.is_none());
            *item = Some(new);
        });
    }

    /// # Safety
    ///
    /// As for [`take`](Self::take), but for the last part.
    #[inline]
    unsafe fn slot<'a, T>(self) -> &'a Slot<T> {
        debug_assert!(self.kind() != Kind::Place);
        let slot = self.0.map_addr(|addr| addr & !BITS).cast::<Slot<T>>();
        // SAFETY: the mark was made from a reference to a slot that still exists.
        unsafe { &*slot }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mark").field(&self.kind()).finish()
    }
}

impl<T> Slot<T> {
    /// A slot that holds `item`.
    #[inline]
    pub fn new(item: Option<T>) -> Self {
        Slot {
            item: UnsafeCell::new(item),
            _pin: PhantomPinned,
        }
    }

    /// The mark of a waiter that wants to put away what is in this slot.
    #[inline]
    pub fn put(&self) -> Mark {
        Mark(core::ptr::from_ref(self).cast_mut().cast())
    }

    /// The mark of a waiter that wants something put into this slot.
    #[inline]
    pub fn get(&self) -> Mark {
        Mark(self.put().0.map_addr(|addr| addr | GET))
    }
}

impl<T> fmt::Debug for Slot<T> {
    /// Does not look inside: somebody else may have access.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_is_wanted_and_leads_to_the_slot() {
        let slot = Slot::new(Some(7_u8));
        assert_eq!(slot.put().kind(), Kind::Put);
        assert_eq!(slot.get().kind(), Kind::Get);
        assert_eq!(Mark::PLACE.kind(), Kind::Place);
        for mark in [slot.put(), slot.get(), Mark::PLACE] {
            assert_eq!(Mark::from_ptr(mark.as_ptr()), mark);
            assert_eq!(Mark::kind_of(mark.as_ptr().addr()), mark.kind());
        }
        // SAFETY: the slot is a `Slot<u8>`, it exists, and nobody else accesses it.
        unsafe {
            assert_eq!(slot.put().take(), Some(7_u8));
            assert_eq!(slot.put().take::<u8>(), None);
            slot.get().fill(8_u8);
            assert_eq!(slot.get().take(), Some(8_u8));
        }
    }

    #[test]
    fn small_items_leave_room_for_the_bits() {
        assert_eq!(align_of::<Slot<u8>>() & BITS, 0);
        assert_eq!(align_of::<Slot<()>>() & BITS, 0);
    }

    #[test]
    fn a_slot_drops_what_is_left_in_it() {
        let item = std::sync::Arc::new(());
        drop(Slot::new(Some(std::sync::Arc::clone(&item))));
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
    }
}
