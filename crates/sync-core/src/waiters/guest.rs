//! A guest of a [`Lobby`]: a node, and what the lobby has to know of it besides.
//!
//! Whoever holds the lobby's lock meets nodes only, by pointers. Those point to whole guests (the node is
//! the first field), so that the card can be had from the node.

use core::cell::Cell;
use core::fmt;
use core::mem::ManuallyDrop;

use super::lobby::Lobby;
use super::node::Waiter;
use crate::atomic::UnsafeCell;
use crate::const_fn;

/// Who was meant by a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// It has not been called, or its call was passed on.
    None,
    /// One guest, which passes it on if it goes without having had its lock back.
    One,
    /// Everybody.
    All,
}

/// Where a guest is, as far as its future knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not polled yet: it has the lock.
    Outside,
    /// In the lobby, or moved out of it by another one.
    Lobby,
    /// It waits for its lock, as any other.
    Home,
    /// It has the lock again, or is called if it wanted no more.
    Over,
}

/// What the lobby knows of a guest.
pub(super) struct Card {
    /// The address of its home's queue: a number to compare with. 0: it goes home by itself.
    pub(super) home: usize,
    pub(super) signal: Signal,
}

/// A node and its card.
#[repr(C)]
pub(super) struct Guest {
    /// The first field: a pointer to it that was made from one to the guest is a pointer to both.
    pub(super) waiter: Waiter,
    /// Guarded as the node's fields are: by the lobby's lock while it is in the lobby, else the future's.
    card: UnsafeCell<Card>,
    /// The future's own.
    place: Cell<Place>,
}

// SAFETY: as for `Waiter`.
unsafe impl Send for Guest {}
// SAFETY: as for `Waiter`: a shared reference allows others to read what the future changes only while
// it is borrowed mutably.
unsafe impl Sync for Guest {}

impl Guest {
    const_fn! {
        pub(super) const fn new(tag: usize) -> Self {
            Guest {
                waiter: Waiter::new(tag),
                card: UnsafeCell::new(Card { home: 0, signal: Signal::None }),
                place: Cell::new(Place::Outside),
            }
        }
    }

    #[inline]
    pub(super) fn place(&self) -> Place {
        self.place.get()
    }

    /// Only the future calls this, from a method that borrows it mutably.
    #[inline]
    pub(super) fn set_place(&self, place: Place) {
        self.place.set(place);
    }

    /// # Safety
    ///
    /// The caller holds the lobby's lock, or the node is not in the lobby and the caller is its future.
    #[inline]
    pub(super) unsafe fn card<R>(&self, f: impl FnOnce(&mut Card) -> R) -> R {
        self.card.with_mut(|card| {
            // SAFETY: the caller has exclusive access, and nothing below nests another access.
            f(unsafe { &mut *card })
        })
    }

    /// # Safety
    ///
    /// `node` is linked in a lobby whose lock the caller holds for `'q`.
    #[inline]
    pub(super) unsafe fn of<'q>(node: *const Waiter) -> &'q Guest {
        // SAFETY: the lobby's nodes are the first fields of guests, linked by pointers to the whole
        // guest; they live until they have left, under the lock.
        unsafe { &*node.cast::<Guest>() }
    }

    /// Whether the guest passes on a call of one if it leaves now.
    ///
    /// # Safety
    ///
    /// As for [`card`](Self::card).
    #[inline]
    pub(super) unsafe fn owed<'a>(&self, lobby: &'a Lobby) -> Owed<'a> {
        // SAFETY: the caller's promise.
        let one = unsafe { self.card(|card| card.signal == Signal::One) };
        Owed { lobby, one }
    }
}

/// A call that its guest has heeded, but has not made use of yet. Passed on if it is dropped.
#[derive(Debug)]
#[must_use = "a call that is dropped is passed on"]
pub struct Owed<'a> {
    lobby: &'a Lobby,
    one: bool,
}

impl Owed<'_> {
    /// The guest has its lock back.
    #[inline]
    pub fn settle(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if self.one {
            self.lobby.notify_one();
        }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("place", &self.place())
            .field("waiter", &self.waiter)
            .finish()
    }
}
