//! The word of a mutual-exclusion lock.
//!
//! ```text
//!  31      15..8    3         2         1          0
//!  LOCKED  BARGES   STARVING  NOTIFIED  CONDITION  WAITING
//! ```
//!
//! * `LOCKED`: somebody owns the lock.
//! * `WAITING`: the queue is not empty. Set and cleared only under the queue's lock.
//! * `NOTIFIED`: the head of the queue was told to try; releasing owners need not tell another.
//!   Set and cleared only under the queue's lock.
//! * `STARVING`: the head has waited for more than a millisecond; the lock is handed to it directly
//!   and newcomers queue.
//! * `CONDITION`: somebody waits for the guarded value to change (`lock_when`).
//! * `BARGES`: how often a newcomer took the lock past the queue since the head last changed; it
//!   wraps, where the policy sets no bound.
//!
//! Go's `sync.Mutex` counts its waiters in the word; ours counts them in the queue, so the word
//! fits 32 bits everywhere and no number of waiters overflows it.

use core::fmt;

use crate::atomic::{AtomicU32, Ordering};
use crate::const_fn;

const WAITING: u32 = 1 << 0;
const CONDITION: u32 = 1 << 1;
const NOTIFIED: u32 = 1 << 2;
const STARVING: u32 = 1 << 3;
const BARGE: u32 = 1 << 8;
const BARGES: u32 = 0xff << 8;
const LOCKED: u32 = 1 << 31;

/// What a lock's policy lets newcomers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Newcomers never pass a waiter, every release hands the lock to the head.
    pub fifo: bool,
    /// After this many newcomers passed the queue the lock goes to its head. At most 255; 0 is no
    /// bound.
    pub barges: u8,
}

/// A snapshot of a [`LockWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LockState(u32);

impl LockState {
    /// Unlocked, nobody waits.
    pub const FREE: LockState = LockState(0);

    /// Somebody owns the lock.
    #[inline]
    #[must_use]
    pub const fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    /// Locked, and nothing else to take care of.
    #[inline]
    #[must_use]
    pub const fn is_only_locked(self) -> bool {
        self.0 == LOCKED
    }

    /// Somebody is queued.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// The head of the queue was told to try.
    #[inline]
    #[must_use]
    pub const fn is_notified(self) -> bool {
        self.0 & NOTIFIED != 0
    }

    /// The lock is handed over directly.
    #[inline]
    #[must_use]
    pub const fn is_starving(self) -> bool {
        self.0 & STARVING != 0
    }

    /// Somebody waits for the guarded value to change.
    #[inline]
    #[must_use]
    pub const fn has_condition(self) -> bool {
        self.0 & CONDITION != 0
    }

    /// Newcomers that passed the queue since its head last changed.
    #[inline]
    #[must_use]
    pub const fn barges(self) -> u8 {
        ((self.0 & BARGES) >> BARGE.trailing_zeros()) as u8
    }

    /// Whether a release has to give the lock to the head itself instead of letting it compete.
    #[inline]
    #[must_use]
    pub const fn must_hand_over(self, rule: Rule) -> bool {
        self.is_waiting()
            && (rule.fifo
                || self.is_starving()
                || (rule.barges != 0 && self.barges() >= rule.barges))
    }

    /// A newcomer takes the lock, if it is free and the policy lets newcomers pass those who wait.
    #[inline]
    #[must_use]
    pub const fn join(self, rule: Rule) -> Option<Self> {
        if self.is_locked() || self.must_hand_over(rule) {
            None
        } else if self.is_waiting() {
            let barges = self.0.wrapping_add(BARGE) & BARGES;
            Some(LockState(self.0 & !BARGES | barges | LOCKED))
        } else {
            Some(LockState(self.0 | LOCKED))
        }
    }

    /// The first in the queue takes the free lock. `last`: nobody else is queued.
    ///
    /// Ends a notification and, with the last waiter, the starving mode.
    #[inline]
    #[must_use]
    pub const fn enter(self, last: bool) -> Option<Self> {
        if self.is_locked() {
            return None;
        }
        let taken = LockState((self.0 & !(NOTIFIED | BARGES)) | LOCKED);
        Some(if last { taken.drained() } else { taken })
    }

    /// The owner that releases makes the head the owner. `starving`: the head waited too long.
    #[inline]
    #[must_use]
    pub const fn hand_over(self, starving: bool) -> Option<Self> {
        if self.is_locked() || !self.is_waiting() {
            return None;
        }
        let given = (self.0 & !(NOTIFIED | BARGES)) | LOCKED;
        Some(LockState(if starving { given | STARVING } else { given }))
    }

    /// The head is told to try.
    #[inline]
    #[must_use]
    pub const fn notify(self) -> Option<Self> {
        if self.is_locked() || !self.is_waiting() || self.is_notified() {
            None
        } else {
            Some(LockState(self.0 | NOTIFIED))
        }
    }

    /// The head's notification is void: it lost to a newcomer, left, or did not come in time.
    #[inline]
    #[must_use]
    pub const fn unnotified(self) -> Self {
        LockState(self.0 & !NOTIFIED)
    }

    /// From here on the lock is handed over directly.
    #[inline]
    #[must_use]
    pub const fn starving(self) -> Self {
        LockState(self.0 | STARVING)
    }

    /// Back to normal: newcomers may compete.
    #[inline]
    #[must_use]
    pub const fn normal(self) -> Self {
        LockState(self.0 & !STARVING)
    }

    /// The queue gets its first waiter, or one more.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Self {
        LockState(self.0 | WAITING)
    }

    /// The queue is empty, so nothing that concerns waiters holds any more.
    #[inline]
    #[must_use]
    pub const fn drained(self) -> Self {
        LockState(self.0 & (LOCKED | CONDITION))
    }

    /// The owner lets go.
    #[inline]
    #[must_use]
    pub const fn released(self) -> Self {
        LockState(self.0 & !LOCKED)
    }

    /// Somebody waits for the value to change.
    #[inline]
    #[must_use]
    pub const fn conditional(self) -> Self {
        LockState(self.0 | CONDITION)
    }

    /// Nobody waits for the value to change any more.
    #[inline]
    #[must_use]
    pub const fn unconditional(self) -> Self {
        LockState(self.0 & !CONDITION)
    }
}

impl fmt::Debug for LockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockState")
            .field("locked", &self.is_locked())
            .field("waiting", &self.is_waiting())
            .field("notified", &self.is_notified())
            .field("starving", &self.is_starving())
            .field("condition", &self.has_condition())
            .field("barges", &self.barges())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct LockWord(AtomicU32);

super::state_word!(LockWord, LockState);

impl LockWord {
    const_fn! {
        /// An unlocked word.
        #[must_use]
        pub const fn new() -> Self {
            LockWord(AtomicU32::new(0))
        }
    }

    /// Takes a lock that is free and has no waiters: the uncontended path, one exchange. (The look
    /// before it is free where the exchange succeeds, and saves one that would fail.)
    #[inline]
    #[must_use]
    pub fn try_take_free(&self) -> bool {
        // Acquire: what the last owner did is seen. Pairs with `release`.
        self.0.load(Ordering::Relaxed) == 0
            && self
                .0
                .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Lets go of the lock that the caller holds: one read-modify-write. Returns the state before.
    #[inline]
    pub fn release(&self) -> LockState {
        // Release: the next owner sees what this one did.
        let old = LockState(self.0.fetch_sub(LOCKED, Ordering::Release));
        debug_assert!(old.is_locked());
        old
    }

    /// Lets go of the lock with `new` as the next state, in which the caller keeps or gives up
    /// `LOCKED` as it likes.
    ///
    /// The caller holds the lock, and the queue's: then nobody else changes the word. (Newcomers
    /// find it locked; flags that concern waiters are changed under the queue's lock. Only
    /// `CONDITION` may be cleared by a former owner meanwhile, and set again here, which costs one
    /// look at an empty queue.)
    #[inline]
    pub fn hand_on(&self, new: LockState) {
        // Release: as `release`.
        self.0.store(new.0, Ordering::Release);
    }

    /// Lets go of the lock if somebody holds it. Returns the state before.
    ///
    /// # Errors
    ///
    /// The state, unchanged, if nobody holds the lock.
    #[inline]
    pub fn release_checked(&self) -> Result<LockState, LockState> {
        // Release: as above.
        self.update(Ordering::Release, |s| s.is_locked().then(|| s.released()))
    }
}

impl Default for LockWord {
    fn default() -> Self {
        LockWord::new()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const ADAPTIVE: Rule = Rule {
        fifo: false,
        barges: 2,
    };
    const BARGING: Rule = Rule {
        fifo: false,
        barges: 0,
    };
    const FIFO: Rule = Rule {
        fifo: true,
        barges: 0,
    };

    /// Every combination of the flags, with the barge counts around each bound.
    fn all() -> impl Iterator<Item = LockState> {
        (0..32u32).flat_map(|bits| {
            [0u32, 1, 2, 3, 254, 255].into_iter().map(move |barges| {
                let flag = |n: u32, mask: u32| if (bits >> n) & 1 != 0 { mask } else { 0 };
                LockState(
                    flag(0, LOCKED)
                        | flag(1, WAITING)
                        | flag(2, NOTIFIED)
                        | flag(3, STARVING)
                        | flag(4, CONDITION)
                        | (barges * BARGE),
                )
            })
        })
    }

    #[test]
    fn fields_do_not_overlap() {
        assert_eq!(
            WAITING | CONDITION | NOTIFIED | STARVING | BARGES | LOCKED,
            0x8000_ff0f
        );
        assert_eq!(LockState(BARGE * 255).barges(), 255);
    }

    #[test]
    fn newcomers_take_only_a_free_lock_that_the_policy_opens() {
        for s in all() {
            for rule in [ADAPTIVE, BARGING, FIFO] {
                let open = !s.is_locked()
                    && !(s.is_waiting()
                        && (rule.fifo
                            || s.is_starving()
                            || rule.barges != 0 && s.barges() >= rule.barges));
                match s.join(rule) {
                    None => assert!(!open, "{s:?} {rule:?}"),
                    Some(new) => {
                        assert!(open, "{s:?} {rule:?}");
                        assert!(new.is_locked());
                        let one = u8::from(s.is_waiting());
                        assert_eq!(new.barges(), s.barges().wrapping_add(one));
                        assert_eq!(new.is_waiting(), s.is_waiting());
                        assert_eq!(new.is_notified(), s.is_notified());
                        assert_eq!(new.is_starving(), s.is_starving());
                        assert_eq!(new.has_condition(), s.has_condition());
                    }
                }
            }
        }
    }

    #[test]
    fn the_head_enters_a_free_lock_and_ends_its_notification() {
        for s in all() {
            for last in [false, true] {
                match s.enter(last) {
                    None => assert!(s.is_locked()),
                    Some(new) => {
                        assert!(!s.is_locked() && new.is_locked());
                        assert!(!new.is_notified() && new.barges() == 0);
                        assert_eq!(new.is_waiting(), s.is_waiting() && !last);
                        assert_eq!(new.is_starving(), s.is_starving() && !last);
                        assert_eq!(new.has_condition(), s.has_condition());
                    }
                }
            }
        }
    }

    #[test]
    fn a_hand_over_needs_a_free_lock_and_a_waiter() {
        for s in all() {
            for starving in [false, true] {
                match s.hand_over(starving) {
                    None => assert!(s.is_locked() || !s.is_waiting()),
                    Some(new) => {
                        assert!(new.is_locked() && new.is_waiting() && !new.is_notified());
                        assert_eq!(new.is_starving(), starving || s.is_starving());
                        assert_eq!(new.barges(), 0);
                        assert_eq!(new.has_condition(), s.has_condition());
                    }
                }
            }
        }
    }

    #[test]
    fn one_notification_at_a_time() {
        for s in all() {
            match s.notify() {
                None => assert!(s.is_locked() || !s.is_waiting() || s.is_notified()),
                Some(new) => assert_eq!(new.unnotified(), s),
            }
            assert!(!s.unnotified().is_notified());
        }
    }

    #[test]
    fn flags_are_set_and_cleared_alone() {
        for s in all() {
            assert_eq!(s.starving().normal(), s.normal());
            assert!(s.starving().is_starving() && !s.normal().is_starving());
            assert!(s.queued().is_waiting());
            assert_eq!(s.conditional().unconditional(), s.unconditional());
            assert_eq!(s.released().0, s.0 & !LOCKED);
            let drained = s.drained();
            assert_eq!(drained.is_locked(), s.is_locked());
            assert_eq!(drained.has_condition(), s.has_condition());
            assert!(!drained.is_waiting() && !drained.is_notified() && !drained.is_starving());
            assert_eq!(drained.barges(), 0);
            assert_eq!(
                s.is_only_locked(),
                s.is_locked() && s.released() == LockState::FREE
            );
        }
    }

    #[test]
    fn only_a_held_lock_is_released() {
        for s in all() {
            let word = LockWord(AtomicU32::new(s.0));
            let result = word.release_checked();
            assert_eq!(result.is_ok(), s.is_locked());
            assert_eq!(result.unwrap_or_else(|s| s), s);
            assert_eq!(word.load(Ordering::Relaxed), s.released());
            if s.is_locked() {
                let word = LockWord(AtomicU32::new(s.0));
                assert_eq!(word.release(), s);
                assert_eq!(word.load(Ordering::Relaxed), s.released());
            }
        }
    }

    #[test]
    fn debug_names_the_fields() {
        let word = LockWord::new();
        assert!(word.try_take_free() && !word.try_take_free());
        let text = format!("{word:?}");
        assert!(
            text.contains("locked: true") && text.contains("barges: 0"),
            "{text}"
        );
    }
}
