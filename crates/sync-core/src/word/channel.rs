//! The books of a channel: how many items and places there are, and who was promised some.
//!
//! ```text
//! capacity   how many items may lie in the channel
//! ready      items that lie there, for whoever comes
//! promised   items that lie there, each for a receiver that was told so and has not come yet
//! reserved   places that are kept free, each for a sender that has a permit or was granted one
//! closed     nothing more is sent, but through permits
//! ```
//!
//! Not an atomic word: the lock of the channel's queue guards the books, as it guards the items. The
//! transitions are pure, as those of the words are.
//!
//! A promise names no item: who comes first takes the first. So to take a promise back moves nothing,
//! and the order of the items does not depend on who was promised what.
//!
//! # Invariants
//!
//! 1. `ready + promised` items lie in the channel.
//! 2. `ready + reserved <= capacity`, unless promises were taken back, or a receiver that waited while a
//!    permit was given left: then items lie over capacity, and no place is free until they are gone.
//! 3. After [`is_over`](ChannelState::is_over) there will never be an item again.

/// A snapshot of a channel's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    /// `capacity - reserved`, or 0 if that is less, or if the channel is closed: one comparison says
    /// whether an item may be put.
    limit: usize,
    ready: usize,
    capacity: usize,
    promised: usize,
    reserved: usize,
    closed: bool,
}

impl ChannelState {
    /// An open, empty channel.
    #[inline]
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        ChannelState {
            limit: capacity,
            capacity,
            ready: 0,
            promised: 0,
            reserved: 0,
            closed: false,
        }
    }

    /// How many items may lie in the channel.
    #[inline]
    #[must_use]
    pub const fn capacity(self) -> usize {
        self.capacity
    }

    /// Items for whoever comes.
    #[inline]
    #[must_use]
    pub const fn ready(self) -> usize {
        self.ready
    }

    /// Items that were promised.
    #[inline]
    #[must_use]
    pub const fn promised(self) -> usize {
        self.promised
    }

    /// All items that lie in the channel.
    #[inline]
    #[must_use]
    pub const fn len(self) -> usize {
        self.ready + self.promised
    }

    /// Whether no item lies in the channel.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Places that are kept free.
    #[inline]
    #[must_use]
    pub const fn reserved(self) -> usize {
        self.reserved
    }

    /// Nothing more is sent, but through permits.
    #[inline]
    #[must_use]
    pub const fn is_closed(self) -> bool {
        self.closed
    }

    /// Whether the channel is open and there is a place for one more item. (What was promised has left,
    /// for this purpose: it was handed to a receiver that waited.)
    #[inline]
    #[must_use]
    pub const fn has_room(self) -> bool {
        self.ready < self.limit
    }

    /// With the limit that follows from the rest.
    const fn limited(self) -> Self {
        ChannelState {
            limit: if self.closed {
                0
            } else {
                self.capacity.saturating_sub(self.reserved)
            },
            ..self
        }
    }

    /// Whether an item is let in: there is room, or it is `awaited` by a receiver, so that it will not
    /// stay. A rendezvous channel, where there is no room, keeps an awaiting receiver for the sender
    /// that has a permit.
    #[inline]
    #[must_use]
    pub const fn admits(self, awaited: bool) -> bool {
        self.has_room() || (awaited && !self.closed && (self.capacity > 0 || self.reserved == 0))
    }

    /// Closed, and no item is left or can come: neither back from a receiver that was promised one, nor
    /// through a permit.
    #[inline]
    #[must_use]
    pub const fn is_over(self) -> bool {
        self.closed && self.is_empty() && self.reserved == 0
    }

    /// An item is put in, even over capacity.
    #[inline]
    #[must_use]
    pub const fn put(self) -> Self {
        ChannelState {
            ready: self.ready + 1,
            ..self
        }
    }

    /// An item is taken by somebody to whom none was promised.
    #[inline]
    #[must_use]
    pub const fn take(self) -> Option<Self> {
        match self.ready.checked_sub(1) {
            Some(ready) => Some(ChannelState { ready, ..self }),
            None => None,
        }
    }

    /// An item is promised.
    #[inline]
    #[must_use]
    pub const fn promise(self) -> Option<Self> {
        match self.take() {
            Some(taken) => Some(ChannelState {
                promised: self.promised + 1,
                ..taken
            }),
            None => None,
        }
    }

    /// An item is put in and promised at once.
    #[inline]
    #[must_use]
    pub const fn hand_over(self) -> Self {
        ChannelState {
            promised: self.promised + 1,
            ..self
        }
    }

    /// Whether the channel is open, and nothing is ready, promised or reserved.
    #[inline]
    #[must_use]
    pub const fn is_idle(self) -> bool {
        (self.ready | self.promised | self.reserved) == 0 && !self.closed
    }

    /// Whether the channel is open, no place is kept free, and there would be room for exactly one item if
    /// one were taken. In a rendezvous channel: whether nothing is ready.
    #[inline]
    #[must_use]
    pub const fn is_just_full(self) -> bool {
        self.ready == self.capacity && self.reserved == 0 && !self.closed
    }

    /// An item is taken by somebody to whom one was promised.
    #[inline]
    #[must_use]
    pub const fn claim(self) -> Option<Self> {
        match self.promised.checked_sub(1) {
            Some(promised) => Some(ChannelState { promised, ..self }),
            None => None,
        }
    }

    /// A promise is taken back.
    #[inline]
    #[must_use]
    pub const fn recant(self) -> Option<Self> {
        match self.claim() {
            Some(claimed) => Some(claimed.put()),
            None => None,
        }
    }

    /// A place is kept free for somebody. Where there is no room, one place at a time may be kept for an
    /// item that will be `awaited`: a receiver waits for it.
    #[inline]
    #[must_use]
    pub const fn reserve(self, awaited: bool) -> Option<Self> {
        if self.has_room() || (awaited && !self.closed && self.reserved == 0) {
            Some(
                ChannelState {
                    reserved: self.reserved + 1,
                    ..self
                }
                .limited(),
            )
        } else {
            None
        }
    }

    /// A place is not kept free any more.
    #[inline]
    #[must_use]
    pub const fn release(self) -> Option<Self> {
        match self.reserved.checked_sub(1) {
            Some(reserved) => Some(ChannelState { reserved, ..self }.limited()),
            None => None,
        }
    }

    /// Nothing more is sent, but through permits.
    #[inline]
    #[must_use]
    pub const fn close(self) -> Self {
        ChannelState {
            closed: true,
            ..self
        }
        .limited()
    }

    /// Nobody is there to receive: closed, and the items are gone. Promises were taken back before.
    #[inline]
    #[must_use]
    pub const fn abandon(self) -> Option<Self> {
        if self.promised != 0 {
            return None;
        }
        Some(ChannelState {
            ready: 0,
            ..self.close()
        })
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// All books with small numbers, those included that lie over capacity.
    fn all() -> impl Iterator<Item = ChannelState> {
        (0..3).flat_map(|capacity| {
            (0..54).map(move |n| {
                ChannelState {
                    limit: 0,
                    capacity,
                    ready: n % 3,
                    promised: n / 3 % 3,
                    reserved: n / 9 % 3,
                    closed: n / 27 % 2 == 1,
                }
                .limited()
            })
        })
    }

    /// What changed, as (ready, promised, reserved); everything else has to be as it was.
    fn change(old: ChannelState, new: ChannelState) -> (isize, isize, isize) {
        assert_eq!((old.capacity, old.closed), (new.capacity, new.closed));
        assert_eq!(new, new.limited());
        let less = |old: usize, new: usize| new as isize - old as isize;
        (
            less(old.ready, new.ready),
            less(old.promised, new.promised),
            less(old.reserved, new.reserved),
        )
    }

    #[test]
    fn a_new_channel_is_open_and_empty() {
        let new = ChannelState::new(3);
        assert_eq!((new.capacity(), new.len(), new.reserved()), (3, 0, 0));
        assert!(new.is_empty() && !new.is_closed() && !new.is_over() && new.has_room());
        assert!(!ChannelState::new(0).has_room());
    }

    #[test]
    fn every_transition_changes_what_it_says_and_nothing_else() {
        for old in all() {
            assert_eq!(change(old, old.put()), (1, 0, 0));
            assert_eq!(change(old, old.hand_over()), (0, 1, 0));
            assert_eq!(Some(old.hand_over()), old.put().promise());
            let expect = |new: Option<ChannelState>, possible: bool, by| {
                assert_eq!(
                    new.map(|new| change(old, new)),
                    possible.then_some(by),
                    "{old:?}"
                );
            };
            expect(old.take(), old.ready > 0, (-1, 0, 0));
            expect(old.promise(), old.ready > 0, (-1, 1, 0));
            expect(old.claim(), old.promised > 0, (0, -1, 0));
            expect(old.recant(), old.promised > 0, (1, -1, 0));
            expect(old.release(), old.reserved > 0, (0, 0, -1));
            let room = !old.closed && old.ready + old.reserved < old.capacity;
            assert_eq!(old.has_room(), room);
            let awaited = !old.closed && old.reserved == 0;
            expect(old.reserve(false), room, (0, 0, 1));
            expect(old.reserve(true), room || awaited, (0, 0, 1));
            assert_eq!(old.admits(false), room);
            let awaited = !old.closed && (old.capacity > 0 || old.reserved == 0);
            assert_eq!(old.admits(true), room || awaited);
        }
    }

    #[test]
    fn what_is_taken_from_a_channel_that_is_just_full_makes_room_for_one() {
        for old in all() {
            let one_more = |state: ChannelState| !state.has_room() && !state.closed;
            // In a rendezvous, what is taken is a sender's own.
            let taken = old.take().unwrap_or(old);
            let fits =
                old.capacity == 0 && old.ready == 0 || taken.has_room() && one_more(taken.put());
            let unreserved = old.reserved == 0 && !old.closed;
            let just_full = unreserved && one_more(old) && fits;
            assert_eq!(old.is_just_full(), just_full, "{old:?}");
        }
    }

    #[test]
    fn an_idle_channel_is_open_and_owes_nothing() {
        for old in all() {
            let owed = old.ready + old.promised + old.reserved;
            assert_eq!(old.is_idle(), owed == 0 && !old.closed);
        }
    }

    #[test]
    fn closing_changes_nothing_else() {
        for old in all() {
            let new = old.close();
            assert!(new.is_closed());
            let reopened = ChannelState {
                closed: old.closed,
                ..new
            };
            assert_eq!(reopened.limited(), old);
            assert_eq!(new.close(), new);
        }
    }

    #[test]
    fn over_is_for_ever() {
        for old in all() {
            let left = old.ready + old.promised + old.reserved;
            assert_eq!(old.is_over(), old.closed && left == 0);
            if old.is_over() {
                for new in [
                    old.take(),
                    old.promise(),
                    old.claim(),
                    old.recant(),
                    old.release(),
                ] {
                    assert_eq!(new, None);
                }
            }
        }
    }

    #[test]
    fn an_abandoned_channel_has_no_items() {
        for old in all() {
            match old.abandon() {
                Some(new) => {
                    assert!(new.is_closed() && new.is_empty());
                    assert_eq!(new.reserved, old.reserved);
                }
                None => assert_ne!(old.promised, 0),
            }
        }
    }

    #[test]
    fn len_counts_what_lies_there() {
        for state in all() {
            assert_eq!(state.len(), state.ready() + state.promised());
            assert_eq!(state.is_empty(), state.ready() + state.promised() == 0);
        }
    }
}
