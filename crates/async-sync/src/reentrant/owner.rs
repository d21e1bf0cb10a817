//! Who locks: an id, since a task has none that every runtime would know.
//!
//! Ids from [`OwnerId::new`] have the highest bit set and count up; ids that the program chooses
//! itself are whatever it likes. Zero is nobody, and cannot be made.

use core::fmt;
use core::num::NonZeroU64;
// Not the facade's: the counter synchronises nothing, and a model checker need not look at it.
use core::sync::atomic::{AtomicUsize, Ordering};

/// Who holds a [`ReentrantMutex`](super::ReentrantMutex): whatever has the same id is the same owner.
///
/// A task, a request, a session: pass the id down the calls that belong together. It is a plain
/// number, so nothing keeps two tasks that run at the same time from using the same one; they are
/// then inside at the same time.
///
/// ```
/// use std::num::NonZeroU64;
/// use async_sync::OwnerId;
///
/// let session = OwnerId::new(); // unlike all others
/// assert_ne!(session, OwnerId::new());
///
/// let seven = OwnerId::from(NonZeroU64::new(7).unwrap());
/// assert_eq!(OwnerId::try_from(7).unwrap(), seven);
/// assert_eq!(
///     OwnerId::try_from(0).unwrap_err().to_string(),
///     "owner id 0 means nobody and cannot lock"
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(NonZeroU64);

impl OwnerId {
    /// An id that no other call of this function returns.
    ///
    /// Has its highest bit set: ids that you choose yourself do not collide with it if theirs is not.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a default that differs each time is a surprise"
    )]
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        const GENERATED: NonZeroU64 = NonZeroU64::new(1 << 63).unwrap();
        // (On a target of 32 bits the ids come again after four billion.)
        OwnerId(GENERATED | NEXT.fetch_add(1, Ordering::Relaxed) as u64)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl From<NonZeroU64> for OwnerId {
    fn from(id: NonZeroU64) -> Self {
        OwnerId(id)
    }
}

impl TryFrom<u64> for OwnerId {
    type Error = ZeroOwner;

    fn try_from(id: u64) -> Result<Self, ZeroOwner> {
        NonZeroU64::new(id).map(OwnerId).ok_or(ZeroOwner)
    }
}

impl fmt::Debug for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerId({})", self.0)
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Zero was to be made an [`OwnerId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroOwner;

impl fmt::Display for ZeroOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("owner id 0 means nobody and cannot lock")
    }
}

impl core::error::Error for ZeroOwner {}
