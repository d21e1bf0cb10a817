//! The word of a reader-writer lock.
//!
//! ```text
//!  63 (or 31) .. 6   5        4       3           2            1        0
//!  READERS           WRITER   PHASE   UPGRADING   UPGRADABLE   BARRED   WAITING
//! ```
//!
//! * `READERS`: who reads, the holder of the upgradable lock included, and those who were granted it
//!   and have not noticed yet.
//! * `WRITER`: one holds the lock alone, or was granted it.
//! * `UPGRADABLE`: one of the readers may become the writer.
//! * `UPGRADING`: it wants to, and waits for the others to leave.
//! * `BARRED`: newcomers who want to read have to queue.
//! * `WAITING`: somebody is queued, so who lets go has to look at the queue.
//! * `PHASE`: changes whenever those who have queued to read may enter. A reader that queues notes it;
//!   if it has changed since, the reader's phase is open.
//!
//! `WAITING`, `BARRED`, `UPGRADING` and `PHASE` are changed under the queue's lock only. There is no
//! `WRITER` while there are `READERS`.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

const WAITING: usize = 1 << 0;
const BARRED: usize = 1 << 1;
const UPGRADABLE: usize = 1 << 2;
const UPGRADING: usize = 1 << 3;
const PHASE: usize = 1 << 4;
const WRITER: usize = 1 << 5;
const SHIFT: u32 = 6;
const READER: usize = 1 << SHIFT;

/// A snapshot of an [`RwWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RwState(usize);

impl RwState {
    /// Unlocked, nobody waits.
    pub const FREE: RwState = RwState(0);

    /// The most readers that a word counts: 2^25 - 1 where `usize` has 32 bits.
    pub const MAX_READERS: usize = usize::MAX >> (SHIFT + 1);

    /// How many read.
    #[inline]
    #[must_use]
    pub const fn readers(self) -> usize {
        self.0 >> SHIFT
    }

    /// One has the lock alone.
    #[inline]
    #[must_use]
    pub const fn is_written(self) -> bool {
        self.0 & WRITER != 0
    }

    /// One has the lock alone, and nobody waits.
    #[inline]
    #[must_use]
    pub const fn is_only_written(self) -> bool {
        self.0 & !PHASE == WRITER
    }

    /// One of the readers may become the writer.
    #[inline]
    #[must_use]
    pub const fn is_upgradable(self) -> bool {
        self.0 & UPGRADABLE != 0
    }

    /// One of the readers waits for the others to leave.
    #[inline]
    #[must_use]
    pub const fn is_upgrading(self) -> bool {
        self.0 & UPGRADING != 0
    }

    /// Newcomers who want to read have to queue.
    #[inline]
    #[must_use]
    pub const fn is_barred(self) -> bool {
        self.0 & BARRED != 0
    }

    /// Somebody is queued.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// The phase that readers who queue now belong to.
    #[inline]
    #[must_use]
    pub const fn phase(self) -> bool {
        self.0 & PHASE != 0
    }

    /// Newcomers may read.
    #[inline]
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.0 & (WRITER | BARRED) == 0
    }

    /// Somebody who let go of a lock for reading in this state has to look at the queue.
    #[inline]
    #[must_use]
    pub const fn concerns_waiters(self) -> bool {
        // The last one, or the last but the one who upgrades.
        self.is_waiting() && self.readers() <= 1 + (self.is_upgrading() as usize)
    }

    /// A newcomer reads.
    #[inline]
    #[must_use]
    pub const fn join_read(self) -> Option<Self> {
        if self.is_barred() {
            None
        } else {
            self.enter_read()
        }
    }

    /// A newcomer becomes the reader that may upgrade.
    #[inline]
    #[must_use]
    pub const fn join_upgradable(self) -> Option<Self> {
        if self.is_barred() {
            None
        } else {
            self.enter_upgradable()
        }
    }

    /// A newcomer writes.
    #[inline]
    #[must_use]
    pub const fn join_write(self) -> Option<Self> {
        if self.0 & !PHASE == 0 {
            Some(RwState(self.0 | WRITER))
        } else {
            None
        }
    }

    /// Whose turn it is reads.
    #[inline]
    #[must_use]
    pub const fn enter_read(self) -> Option<Self> {
        if self.is_written() || self.readers() == Self::MAX_READERS {
            None
        } else {
            Some(RwState(self.0 + READER))
        }
    }

    /// Whose turn it is becomes the reader that may upgrade.
    #[inline]
    #[must_use]
    pub const fn enter_upgradable(self) -> Option<Self> {
        if self.is_upgradable() {
            return None;
        }
        match self.enter_read() {
            Some(new) => Some(RwState(new.0 | UPGRADABLE)),
            None => None,
        }
    }

    /// Whose turn it is writes.
    #[inline]
    #[must_use]
    pub const fn enter_write(self) -> Option<Self> {
        if self.is_written() || self.readers() != 0 {
            None
        } else {
            Some(RwState(self.0 | WRITER))
        }
    }

    /// The reader that may upgrade becomes the writer, if it is alone.
    #[inline]
    #[must_use]
    pub const fn upgraded(self) -> Option<Self> {
        if self.is_upgradable() && self.readers() == 1 {
            Some(RwState(
                (self.0 - READER) & !(UPGRADABLE | UPGRADING) | WRITER,
            ))
        } else {
            None
        }
    }

    /// A reader leaves.
    #[inline]
    #[must_use]
    pub const fn left_read(self) -> Self {
        RwState(self.0 - READER)
    }

    /// The reader that may upgrade leaves.
    #[inline]
    #[must_use]
    pub const fn left_upgradable(self) -> Self {
        RwState((self.0 - READER) & !UPGRADABLE)
    }

    /// The writer leaves, and the next phase begins.
    #[inline]
    #[must_use]
    pub const fn left_write(self) -> Self {
        self.unwritten().next_phase()
    }

    /// Who was to write does not: nothing has ended.
    #[inline]
    #[must_use]
    pub const fn unwritten(self) -> Self {
        RwState(self.0 & !WRITER)
    }

    /// Who was to upgrade does not: it is the reader again that it was.
    #[inline]
    #[must_use]
    pub const fn not_upgraded(self) -> Self {
        RwState((self.unwritten().0 + READER) | UPGRADABLE)
    }

    /// Those who have queued to read until now may enter.
    #[inline]
    #[must_use]
    pub const fn next_phase(self) -> Self {
        RwState(self.0 ^ PHASE)
    }

    /// The writer becomes a reader, and the next phase begins.
    #[inline]
    #[must_use]
    pub const fn downgraded(self) -> Self {
        RwState(self.left_write().0 + READER)
    }

    /// The writer becomes the reader that may upgrade, and the next phase begins.
    #[inline]
    #[must_use]
    pub const fn downgraded_to_upgradable(self) -> Self {
        RwState(self.downgraded().0 | UPGRADABLE)
    }

    /// The reader that may upgrade becomes one that may not.
    #[inline]
    #[must_use]
    pub const fn not_upgradable(self) -> Self {
        RwState(self.0 & !UPGRADABLE)
    }

    /// Somebody queues. `barred`: newcomers who want to read have to, too.
    #[inline]
    #[must_use]
    pub const fn queued(self, barred: bool) -> Self {
        RwState(self.0 | WAITING | if barred { BARRED } else { 0 })
    }

    /// The reader that may upgrade waits, or does no longer.
    #[inline]
    #[must_use]
    pub const fn upgrading(self, waits: bool) -> Self {
        RwState(self.0 & !UPGRADING | if waits { UPGRADING } else { 0 })
    }

    /// What the queue looks like now.
    #[inline]
    #[must_use]
    pub const fn with_queue(self, waiting: bool, barred: bool) -> Self {
        let flags = if waiting { WAITING } else { 0 } | if barred { BARRED } else { 0 };
        RwState(self.0 & !(WAITING | BARRED) | flags)
    }
}

impl fmt::Debug for RwState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwState")
            .field("readers", &self.readers())
            .field("written", &self.is_written())
            .field("upgradable", &self.is_upgradable())
            .field("upgrading", &self.is_upgrading())
            .field("barred", &self.is_barred())
            .field("waiting", &self.is_waiting())
            .field("phase", &self.phase())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct RwWord(AtomicUsize);

super::state_word!(RwWord, RwState);

impl RwWord {
    const_fn! {
        /// An unlocked word.
        #[must_use]
        pub const fn new() -> Self {
            RwWord(AtomicUsize::new(0))
        }
    }

    /// The state, in the one order of all SeqCst accesses: for who has written something else before.
    #[inline]
    #[must_use]
    pub fn load_in_order(&self) -> RwState {
        #[cfg(not(loom))]
        return self.load(Ordering::SeqCst);
        // Loom knows no such order, but one of all exchanges.
        #[cfg(loom)]
        return RwState(self.0.fetch_add(0, Ordering::SeqCst));
    }

    /// A reader leaves: one read-modify-write. Returns the state before.
    #[inline]
    pub fn leave_read(&self) -> RwState {
        // Release: the next writer sees that this one has read.
        let old = RwState(self.0.fetch_sub(READER, Ordering::Release));
        debug_assert!(old.readers() != 0);
        old
    }

    /// The reader that may upgrade leaves: one read-modify-write. Returns the state before.
    #[inline]
    pub fn leave_upgradable(&self) -> RwState {
        // Release: as above.
        let old = RwState(self.0.fetch_sub(READER | UPGRADABLE, Ordering::Release));
        debug_assert!(old.readers() != 0 && old.is_upgradable());
        old
    }

    /// The writer leaves, if nobody waits: one exchange. Otherwise it holds the lock still.
    #[inline]
    #[must_use]
    pub fn leave_write(&self) -> bool {
        let old = self.load(Ordering::Relaxed);
        // Release: the next owner sees what this one did.
        old.is_only_written()
            && self
                .0
                .compare_exchange(old.0, old.0 & !WRITER, Ordering::Release, Ordering::Relaxed)
                .is_ok()
    }
}

impl Default for RwWord {
    fn default() -> Self {
        RwWord::new()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// Every combination of the flags, with the reader counts around each bound. Not all of them
    /// occur.
    fn all() -> impl Iterator<Item = RwState> {
        (0..READER).flat_map(|flags| {
            [0, 1, 2, 3, RwState::MAX_READERS - 1, RwState::MAX_READERS]
                .into_iter()
                .map(move |readers| RwState(flags | readers << SHIFT))
        })
    }

    /// Those that occur.
    fn valid() -> impl Iterator<Item = RwState> {
        all().filter(|s| {
            (!s.is_written() || s.readers() == 0)
                && (!s.is_upgradable() || s.readers() != 0)
                && (!s.is_upgrading() || s.is_upgradable())
        })
    }

    /// What is beside the reader count.
    fn flags(s: RwState) -> usize {
        s.0 & (READER - 1)
    }

    #[test]
    fn there_is_room_for_many_readers() {
        const { assert!(RwState::MAX_READERS > 1 << 20) };
        assert_eq!(
            WAITING | BARRED | UPGRADABLE | UPGRADING | PHASE | WRITER,
            READER - 1
        );
    }

    #[test]
    fn readers_enter_beside_readers() {
        for s in valid() {
            let full = s.readers() == RwState::MAX_READERS;
            match s.enter_read() {
                None => assert!(s.is_written() || full),
                Some(new) => {
                    assert!(!s.is_written());
                    assert_eq!(new.readers(), s.readers() + 1);
                    assert_eq!(flags(new), flags(s));
                    assert_eq!(new.left_read(), s);
                }
            }
            assert_eq!(s.join_read(), s.enter_read().filter(|_| !s.is_barred()));
            assert_eq!(
                s.join_read().is_some(),
                s.is_open() && !full,
                "what is open lets in whoever fits"
            );
        }
    }

    #[test]
    fn one_reader_may_upgrade() {
        for s in valid() {
            match s.enter_upgradable() {
                None => assert!(s.is_upgradable() || s.enter_read().is_none()),
                Some(new) => {
                    assert!(!s.is_upgradable() && !s.is_written());
                    assert_eq!(new.readers(), s.readers() + 1);
                    assert_eq!(flags(new), flags(s) | UPGRADABLE);
                    assert_eq!(new.left_upgradable(), s);
                    assert_eq!(Some(new.not_upgradable()), s.enter_read());
                }
            }
            assert_eq!(
                s.join_upgradable(),
                s.enter_upgradable().filter(|_| !s.is_barred())
            );
        }
    }

    #[test]
    fn a_writer_is_alone() {
        for s in valid() {
            match s.enter_write() {
                None => assert!(s.is_written() || s.readers() != 0),
                Some(new) => {
                    assert_eq!(s.readers(), 0);
                    assert_eq!(new.0, s.0 | WRITER);
                    assert_eq!(new.left_write().0, s.0 ^ PHASE);
                    assert_eq!(new.unwritten(), s);
                }
            }
            let nobody = s.readers() == 0 && !s.is_written() && !s.is_waiting() && !s.is_barred();
            match s.join_write() {
                None => assert!(!nobody),
                Some(new) => {
                    assert!(nobody);
                    assert_eq!(Some(new), s.enter_write());
                    assert!(new.is_only_written());
                }
            }
        }
    }

    #[test]
    fn an_upgrade_leaves_the_queue_alone() {
        for s in valid() {
            match s.upgraded() {
                None => assert!(!s.is_upgradable() || s.readers() != 1),
                Some(new) => {
                    assert!(new.is_written() && new.readers() == 0);
                    assert!(!new.is_upgradable() && !new.is_upgrading());
                    assert_eq!(
                        (new.is_waiting(), new.is_barred(), new.phase()),
                        (s.is_waiting(), s.is_barred(), s.phase())
                    );
                    assert_eq!(new.not_upgraded(), s.upgrading(false));
                    let back = new.downgraded_to_upgradable();
                    assert_eq!(back, s.upgrading(false).next_phase());
                }
            }
        }
    }

    #[test]
    fn every_end_of_a_writer_begins_a_phase() {
        for s in valid().filter(|s| s.is_written()) {
            assert_ne!(s.left_write().phase(), s.phase());
            assert!(!s.left_write().is_written());
            assert_eq!(s.downgraded().0, s.left_write().0 + READER);
            assert_eq!(
                s.downgraded_to_upgradable().0,
                s.downgraded().0 | UPGRADABLE
            );
        }
    }

    #[test]
    fn the_last_reader_looks_at_the_queue() {
        for s in valid().filter(|s| s.readers() != 0) {
            let last = s.readers() == 1 || s.is_upgrading() && s.readers() == 2;
            assert_eq!(s.concerns_waiters(), s.is_waiting() && last);
        }
    }

    #[test]
    fn flags_are_set_and_cleared_alone() {
        for s in all() {
            assert_eq!(s.queued(false).0, s.0 | WAITING);
            assert_eq!(s.queued(true).0, s.0 | WAITING | BARRED);
            assert_eq!(s.upgrading(true).0, s.0 | UPGRADING);
            assert_eq!(s.upgrading(false).0, s.0 & !UPGRADING);
            for (waiting, barred) in [(false, false), (true, false), (true, true)] {
                let new = s.with_queue(waiting, barred);
                assert_eq!((new.is_waiting(), new.is_barred()), (waiting, barred));
                assert_eq!((new.0 ^ s.0) & !(WAITING | BARRED), 0);
            }
        }
    }

    #[test]
    fn the_words_own_steps_are_those_transitions() {
        for s in valid() {
            let word = || RwWord(AtomicUsize::new(s.0));
            if s.readers() != 0 {
                let w = word();
                assert_eq!(w.leave_read(), s);
                assert_eq!(w.load(Ordering::Relaxed), s.left_read());
            }
            if s.is_upgradable() {
                let w = word();
                assert_eq!(w.leave_upgradable(), s);
                assert_eq!(w.load(Ordering::Relaxed), s.left_upgradable());
            }
            let w = word();
            assert_eq!(w.leave_write(), s.is_only_written());
            let expected = if s.is_only_written() {
                s.0 & !WRITER
            } else {
                s.0
            };
            assert_eq!(w.load(Ordering::Relaxed).0, expected);
        }
    }

    #[test]
    fn debug_names_the_fields() {
        let text = format!("{:?}", RwState(WRITER | PHASE));
        assert!(
            text.contains("written: true") && text.contains("readers: 0"),
            "{text}"
        );
    }
}
