//! The word of a reentrant lock, beside the word of the lock itself: who is inside, and how deep.
//!
//! ```text
//!  63 .. 1 (31 .. 1)   0           OWNER: 64 bits in two halves
//!  DEPTH               WANTED
//! ```
//!
//! * `DEPTH`: how often the owner has locked and not unlocked. Above zero only while the lock below
//!   is held.
//! * `WANTED`: somebody waits who may belong to the next owner. Set and cleared only under the lock
//!   of the queue of those.
//! * `OWNER`: written by whoever has just got the lock, before it makes the depth 1. Means something
//!   only to who keeps the depth above zero: then it does not change.
//!
//! To enter again is to count first and look second: one exchange `depth -> depth + 1`, refused at
//! zero, and then the owner, who cannot change any more, is compared. (A glance at the owner before
//! it spares others an exchange that would be taken back.) Whoever counted in vain leaves again, and
//! if everybody else has left meanwhile, it is the one who unlocks. So no number can be mistaken for
//! an older equal one.

use core::fmt;

use crate::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::const_fn;

const WANTED: usize = 1;
const ONE: usize = 2;

/// A snapshot of the depth in a [`HoldWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HoldState(usize);

impl HoldState {
    /// The greatest depth: half of what fits, as nobody can make it overflow by guards that fit the
    /// memory, but by leaking them.
    pub const MAX: usize = usize::MAX >> 2;

    /// How often the owner has locked and not unlocked.
    #[inline]
    #[must_use]
    pub const fn depth(self) -> usize {
        self.0 / ONE
    }

    /// Somebody waits who may belong to the next owner.
    #[inline]
    #[must_use]
    pub const fn is_wanted(self) -> bool {
        self.0 & WANTED != 0
    }

    /// Once more; `None` if nobody is inside, or if the depth is [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn deeper(self) -> Option<Self> {
        if self.depth() == 0 || self.depth() >= Self::MAX {
            None
        } else {
            Some(HoldState(self.0 + ONE))
        }
    }

    /// Once less; `None` if nobody is inside.
    #[inline]
    #[must_use]
    pub const fn shallower(self) -> Option<Self> {
        if self.depth() == 0 {
            None
        } else {
            Some(HoldState(self.0 - ONE))
        }
    }
}

impl fmt::Debug for HoldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HoldState")
            .field("depth", &self.depth())
            .field("wanted", &self.is_wanted())
            .finish()
    }
}

/// What became of an attempt to enter again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Again {
    /// The caller is one deeper.
    Entered,
    /// Somebody else is inside, or nobody.
    Outside,
    /// The depth is [`HoldState::MAX`].
    TooDeep,
    /// Somebody else came inside meanwhile, and the caller has counted: it has to
    /// [`leave`](HoldWord::leave).
    Mistaken,
}

/// The word itself. The head of this file explains the fields.
pub struct HoldWord {
    state: AtomicUsize,
    owner: [AtomicU32; 2],
}

impl HoldWord {
    const_fn! {
        /// Nobody is inside.
        #[must_use]
        pub const fn new() -> Self {
            HoldWord {
                state: AtomicUsize::new(0),
                owner: [AtomicU32::new(0), AtomicU32::new(0)],
            }
        }
    }

    /// A snapshot.
    #[inline]
    #[must_use]
    pub fn load(&self, order: Ordering) -> HoldState {
        HoldState(self.state.load(order))
    }

    /// The owner that was written last: a snapshot, which may be torn unless the caller is inside.
    #[inline]
    #[must_use]
    pub fn owner(&self) -> u64 {
        // Relaxed: who is inside has synchronised with the writer by the depth.
        let [low, high] = &self.owner;
        u64::from(low.load(Ordering::Relaxed)) | u64::from(high.load(Ordering::Relaxed)) << 32
    }

    /// The caller has got the lock and enters as `owner`. Returns the state before.
    #[inline]
    pub fn enter(&self, owner: u64) -> HoldState {
        let [low, high] = &self.owner;
        // Relaxed: published by the addition.
        low.store(owner as u32, Ordering::Relaxed);
        high.store((owner >> 32) as u32, Ordering::Relaxed);
        // Release: who enters again sees the owner. An exchange and not a store, so that of two that
        // enter and announce themselves at the same time one sees the other.
        let old = HoldState(self.state.fetch_add(ONE, Ordering::Release));
        debug_assert_eq!(old.depth(), 0);
        old
    }

    /// Enters again, if `owner` is inside.
    #[inline]
    pub fn enter_again(&self, owner: u64) -> Again {
        // Acquire: the owner of this depth is seen. What others of the same owner did is not this
        // word's concern, but comes with it.
        if self.load(Ordering::Acquire).depth() == 0 || self.owner() != owner {
            return Again::Outside;
        }
        self.count_and_look(owner)
    }

    /// The same without the first glance.
    #[inline]
    fn count_and_look(&self, owner: u64) -> Again {
        // Acquire: as above; all that follows `enter` in its release sequence are exchanges.
        match self.update(Ordering::Acquire, HoldState::deeper) {
            Ok(_) if self.owner() == owner => Again::Entered,
            Ok(_) => Again::Mistaken,
            Err(state) if state.depth() == 0 => Again::Outside,
            Err(_) => Again::TooDeep,
        }
    }

    /// The caller, who is inside, leaves once. Returns whether it was the last, who has to unlock.
    #[inline]
    pub fn leave(&self) -> bool {
        // AcqRel: the last one unlocks in the name of all, so it must have seen what they did.
        let old = HoldState(self.state.fetch_sub(ONE, Ordering::AcqRel));
        debug_assert_ne!(old.depth(), 0);
        old.depth() == 1
    }

    /// The same for a caller of whom it is not known.
    ///
    /// # Errors
    ///
    /// The owner that is inside instead, 0 if nobody is. Nothing has changed then.
    #[inline]
    pub fn leave_checked(&self, owner: u64) -> Result<bool, u64> {
        // Acquire: the owner is seen.
        if self.load(Ordering::Acquire).depth() == 0 {
            return Err(0);
        }
        let inside = self.owner();
        if inside != owner {
            return Err(inside);
        }
        // AcqRel: as `leave`.
        match self.update(Ordering::AcqRel, HoldState::shallower) {
            Ok(old) => Ok(old.depth() == 1),
            Err(_) => Err(0),
        }
    }

    /// Somebody waits who may belong to the next owner. Under the lock of its queue.
    ///
    /// A look at the word after this sees everybody who entered without having seen this.
    #[inline]
    pub fn want(&self) {
        // Relaxed: the look that follows acquires, and reads this exchange or a later one.
        self.state.fetch_or(WANTED, Ordering::Relaxed);
    }

    /// Nobody does any more. Under the lock of the queue.
    #[inline]
    pub fn unwant(&self) {
        // Relaxed: whoever sets it again holds the same lock.
        self.state.fetch_and(!WANTED, Ordering::Relaxed);
    }

    /// Applies a transition, retrying while others change the word.
    #[inline]
    fn update(
        &self,
        order: Ordering,
        next: impl Fn(HoldState) -> Option<HoldState>,
    ) -> Result<HoldState, HoldState> {
        super::update_loop!(&self.state, HoldState, order, next)
    }
}

impl Default for HoldWord {
    fn default() -> Self {
        HoldWord::new()
    }
}

impl fmt::Debug for HoldWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.load(Ordering::Relaxed);
        f.debug_struct("HoldWord")
            .field("depth", &state.depth())
            .field("wanted", &state.is_wanted())
            .field("owner", &self.owner())
            .finish()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = HoldState> {
        [0, 1, 2, HoldState::MAX - 1, HoldState::MAX]
            .into_iter()
            .flat_map(|depth| [0, WANTED].map(|wanted| HoldState((depth * ONE) | wanted)))
    }

    #[test]
    fn depth_goes_up_and_down_within_bounds() {
        for s in all() {
            let up = s.deeper();
            assert_eq!(up.is_some(), (1..HoldState::MAX).contains(&s.depth()));
            if let Some(up) = up {
                assert_eq!((up.depth(), up.is_wanted()), (s.depth() + 1, s.is_wanted()));
            }
            let down = s.shallower();
            assert_eq!(down.is_some(), s.depth() != 0);
            if let Some(down) = down {
                assert_eq!(
                    (down.depth(), down.is_wanted()),
                    (s.depth() - 1, s.is_wanted())
                );
            }
        }
    }

    #[test]
    fn the_owner_enters_again_and_nobody_else() {
        let word = HoldWord::new();
        let (mine, other) = (u64::MAX - 1, (u64::MAX - 1) & 0xffff_ffff);
        assert_eq!(word.enter_again(0), Again::Outside, "nobody is inside");
        assert_eq!(word.enter(mine).depth(), 0);
        assert_eq!(word.owner(), mine);
        assert_eq!(word.enter_again(mine), Again::Entered);
        for wrong in [other, mine & !0xffff_ffff, 0, 1] {
            assert_eq!(word.enter_again(wrong), Again::Outside);
            assert_eq!(word.leave_checked(wrong), Err(mine));
        }
        assert!(!word.leave());
        assert_eq!(word.leave_checked(mine), Ok(true));
        assert_eq!(word.leave_checked(mine), Err(0));
        assert_eq!(word.enter_again(mine), Again::Outside, "it has left");
        assert_eq!(word.load(Ordering::Relaxed).depth(), 0);
    }

    #[test]
    fn who_counted_in_vain_is_the_last_to_leave() {
        let word = HoldWord::new();
        word.enter(1);
        // What happens when 2 looked at the owner before 1 came.
        assert_eq!(word.count_and_look(2), Again::Mistaken);
        assert!(!word.leave(), "1 leaves, and 2 still counts");
        assert!(word.leave());
        assert_eq!(word.count_and_look(2), Again::Outside);
    }

    #[test]
    fn too_deep_is_refused() {
        let word = HoldWord::new();
        word.enter(1);
        word.state.store(HoldState::MAX * ONE, Ordering::Relaxed);
        assert_eq!(word.enter_again(1), Again::TooDeep);
        assert_eq!(word.load(Ordering::Relaxed).depth(), HoldState::MAX);
    }

    #[test]
    fn wanted_survives_the_comings_and_goings() {
        let word = HoldWord::new();
        word.want();
        assert!(word.enter(1).is_wanted());
        assert_eq!(word.enter_again(1), Again::Entered);
        assert!(!word.leave());
        assert_eq!(word.leave_checked(1), Ok(true));
        assert!(word.load(Ordering::Relaxed).is_wanted());
        word.unwant();
        assert_eq!(word.load(Ordering::Relaxed), HoldState(0));
    }

    #[test]
    fn debug_names_the_fields() {
        let word = HoldWord::new();
        word.enter(7);
        let text = format!("{word:?}");
        assert!(
            text.contains("depth: 1") && text.contains("owner: 7"),
            "{text}"
        );
    }
}
