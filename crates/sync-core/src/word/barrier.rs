//! The word of a barrier.
//!
//! ```text
//! 63 .. 32 (31 .. 16)   31 .. 2 (15 .. 2)   1        0
//! GENERATION            ARRIVED             ACTING   BROKEN
//! ```
//!
//! * `GENERATION`: how often all have arrived and were released, or a broken barrier was mended,
//!   modulo its width.
//! * `ARRIVED`: who has arrived for this generation, and waits.
//! * `ACTING`: all have arrived, and the last of them runs the barrier's action. The generation ends
//!   with that. Whoever comes meanwhile has not arrived yet.
//! * `BROKEN`: this generation will not be completed. Never together with `ACTING`.
//!
//! Unlike other words this one is written under the queue's lock only: all who arrive take that lock
//! in any case, to queue or to release the others. So a transition is a load and a store.
//!
//! A generation in which somebody still waits moves in one way only: it was completed. (A broken
//! barrier is mended when nobody waits any more.) So a waiter that knows with which word it arrived
//! can tell what has become of its generation, and so can anybody who looks at the waiter.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

const BROKEN: usize = 1;
const ACTING: usize = 2;
const ONE: usize = 4;
const GENERATION_SHIFT: u32 = usize::BITS / 2;
const GENERATION_ONE: usize = 1 << GENERATION_SHIFT;
const ARRIVED: usize = (GENERATION_ONE - 1) & !(BROKEN | ACTING);

/// A snapshot of a [`BarrierWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BarrierState(usize);

/// What an arrival has brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Others are still to come.
    Waits(BarrierState),
    /// It was the last of its generation.
    Last(BarrierState),
    /// An action is being run: nobody can arrive now.
    TooEarly,
    /// The barrier is broken.
    Broken,
}

/// What has become of a waiter that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits.
    Open,
    /// All have arrived.
    Released,
    /// Its generation was broken.
    Broken,
    /// The action that it came too early for is over: it may arrive.
    Again,
}

impl BarrierState {
    /// The largest number of parties: 2^30 - 1 where `usize` has 64 bits, 2^14 - 1 where it has 32.
    pub const MAX_PARTIES: usize = ARRIVED / ONE;

    /// Which generation this is, from zero.
    #[inline]
    #[must_use]
    pub const fn generation(self) -> usize {
        self.0 >> GENERATION_SHIFT
    }

    /// How many have arrived and wait for the others.
    #[inline]
    #[must_use]
    pub const fn arrived(self) -> usize {
        (self.0 & ARRIVED) / ONE
    }

    /// All have arrived, and the action is being run.
    #[inline]
    #[must_use]
    pub const fn is_acting(self) -> bool {
        self.0 & ACTING != 0
    }

    /// Somebody left, or the action failed.
    #[inline]
    #[must_use]
    pub const fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// One of `parties` arrives; `acts`: the last one shall run an action.
    #[inline]
    #[must_use]
    pub const fn arrive(self, parties: usize, acts: bool) -> Arrival {
        if self.is_broken() {
            Arrival::Broken
        } else if self.is_acting() {
            Arrival::TooEarly
        } else if self.arrived() + 1 < parties {
            Arrival::Waits(BarrierState(self.0 + ONE))
        } else if acts {
            Arrival::Last(BarrierState((self.0 + ONE) | ACTING))
        } else {
            Arrival::Last(self.next())
        }
    }

    /// One that had arrived goes away, and its arrival is taken back.
    #[inline]
    #[must_use]
    pub const fn withdraw(self) -> Self {
        BarrierState(self.0 - ONE)
    }

    /// The next generation, for which nobody has arrived.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        BarrierState((self.0 & !(GENERATION_ONE - 1)).wrapping_add(GENERATION_ONE))
    }

    /// This generation will not be completed.
    #[inline]
    #[must_use]
    pub const fn broken(self) -> Self {
        BarrierState((self.0 & !(GENERATION_ONE - 1)) | BROKEN)
    }

    /// What a waiter carries that found this state when it arrived.
    #[inline]
    #[must_use]
    pub const fn ticket(self) -> Ticket {
        // Nothing but GENERATION and ARRIVED, or ACTING in the place of the latter.
        if self.is_acting() {
            Ticket((self.0 & !(GENERATION_ONE - 1)) | ACTING)
        } else {
            Ticket(self.0)
        }
    }

    /// What has become of the waiter with this ticket.
    #[inline]
    #[must_use]
    pub const fn fate(self, ticket: Ticket) -> Fate {
        let same = self.generation() == ticket.generation();
        if ticket.is_early() {
            if same && self.is_acting() {
                Fate::Open
            } else {
                Fate::Again
            }
        } else if !same {
            Fate::Released
        } else if self.is_broken() {
            Fate::Broken
        } else {
            Fate::Open
        }
    }
}

impl fmt::Debug for BarrierState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierState")
            .field("generation", &self.generation())
            .field("arrived", &self.arrived())
            .field("acting", &self.is_acting())
            .field("broken", &self.is_broken())
            .finish()
    }
}

/// With which generation a waiter arrived, and as the how manieth. Fits into a node's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(usize);

impl Ticket {
    /// From a tag.
    #[inline]
    #[must_use]
    pub const fn from_tag(tag: usize) -> Self {
        Ticket(tag)
    }

    /// As a tag.
    #[inline]
    #[must_use]
    pub const fn tag(self) -> usize {
        self.0
    }

    /// The generation.
    #[inline]
    #[must_use]
    pub const fn generation(self) -> usize {
        self.0 >> GENERATION_SHIFT
    }

    /// How many had arrived before.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & ARRIVED) / ONE
    }

    /// It came while an action was being run, and has not arrived.
    #[inline]
    #[must_use]
    pub const fn is_early(self) -> bool {
        self.0 & ACTING != 0
    }
}

/// The word itself. The head of this file explains the fields.
pub struct BarrierWord(AtomicUsize);

impl BarrierWord {
    const_fn! {
        /// The word of a new barrier.
        #[must_use]
        pub const fn new() -> Self {
            BarrierWord(AtomicUsize::new(0))
        }
    }

    /// A snapshot; the state itself for who holds the queue's lock.
    #[inline]
    #[must_use]
    pub fn load(&self) -> BarrierState {
        // Relaxed: the lock orders those who decide; others want a snapshot.
        BarrierState(self.0.load(Ordering::Relaxed))
    }

    /// Under the queue's lock.
    #[inline]
    pub fn store(&self, state: BarrierState) {
        // Relaxed: as `load`.
        self.0.store(state.0, Ordering::Relaxed);
    }
}

impl Default for BarrierWord {
    fn default() -> Self {
        BarrierWord::new()
    }
}

impl fmt::Debug for BarrierWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const LAST: usize = usize::MAX >> GENERATION_SHIFT;
    const MAX: usize = BarrierState::MAX_PARTIES;

    fn all() -> impl Iterator<Item = BarrierState> {
        [0, 1, LAST].into_iter().flat_map(|generation| {
            let plain = [0, 1, 2, MAX - 1].map(|n| n * ONE);
            let special = [BROKEN, ACTING | ONE, ACTING | (MAX * ONE)];
            plain
                .into_iter()
                .chain(special)
                .map(move |low| BarrierState((generation * GENERATION_ONE) | low))
        })
    }

    fn fields(s: BarrierState) -> (usize, usize, bool, bool) {
        (s.generation(), s.arrived(), s.is_acting(), s.is_broken())
    }

    #[test]
    fn the_last_arrival_ends_the_generation_or_acts() {
        for s in all() {
            let (generation, arrived, acting, broken) = fields(s);
            let next = if generation == LAST {
                0
            } else {
                generation + 1
            };
            for parties in [1, 2, 3, MAX].into_iter().filter(|n| *n > arrived) {
                for acts in [false, true] {
                    let arrival = s.arrive(parties, acts);
                    match arrival {
                        Arrival::Broken => assert!(broken),
                        Arrival::TooEarly => assert!(acting && !broken),
                        Arrival::Waits(new) => {
                            assert!(arrived + 1 < parties);
                            assert_eq!(fields(new), (generation, arrived + 1, false, false));
                            assert_eq!(new.withdraw(), s);
                        }
                        Arrival::Last(new) if acts => {
                            assert_eq!(fields(new), (generation, parties, true, false));
                        }
                        Arrival::Last(new) => assert_eq!(fields(new), (next, 0, false, false)),
                    }
                    let free = !broken && !acting;
                    let last = free && arrived + 1 == parties;
                    assert_eq!(matches!(arrival, Arrival::Last(_)), last, "{s:?} {parties}");
                }
            }
            assert_eq!(fields(s.next()), (next, 0, false, false));
            assert_eq!(fields(s.broken()), (generation, 0, false, true));
        }
    }

    #[test]
    fn a_ticket_tells_what_has_become_of_its_waiter() {
        for then in all().filter(|s| !s.is_broken()) {
            let ticket = then.ticket();
            assert_eq!(Ticket::from_tag(ticket.tag()), ticket);
            assert_eq!(ticket.generation(), then.generation());
            assert_eq!(ticket.is_early(), then.is_acting());
            if !ticket.is_early() {
                assert_eq!(ticket.index(), then.arrived());
            }
            for now in all() {
                let same = now.generation() == then.generation();
                let fate = match (ticket.is_early(), same) {
                    (true, true) if now.is_acting() => Fate::Open,
                    (true, _) => Fate::Again,
                    (false, false) => Fate::Released,
                    (false, true) if now.is_broken() => Fate::Broken,
                    (false, true) => Fate::Open,
                };
                assert_eq!(now.fate(ticket), fate, "{then:?} {now:?}");
            }
        }
    }

    #[test]
    fn the_word_keeps_what_it_is_given() {
        let word = BarrierWord::new();
        word.store(word.load().broken());
        assert!(word.load().is_broken());
        assert_eq!(
            format!("{word:?}"),
            "BarrierState { generation: 0, arrived: 0, acting: false, broken: true }"
        );
    }
}
