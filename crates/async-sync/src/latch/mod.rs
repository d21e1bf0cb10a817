//! A latch: closed until so many have counted down, and open for ever after.
//!
//! # States
//!
//! The word ([`LatchWord`]) has the count. The queue has one lane.
//!
//! # Transitions
//!
//! ```text
//! count_down   open: nothing. Else COUNT -= n, one RMW.
//!              this made it zero: under the queue's lock, everybody is settled
//! wait         open: ready. Else, under the queue's lock and if it still is not, the tail of the queue
//! polled       open: ready, even if nobody has come to settle it yet
//! ```
//!
//! # Invariant
//!
//! A waiter queues under the lock, while the count is above zero. Whoever makes it zero takes the
//! lock after that, always. So either it finds the waiter, or the waiter has seen the zero. (No bit
//! for "somebody waits" is needed: it would save one lock in the life of a latch.)

mod futures;
#[cfg(all(test, loom))]
mod loom;
mod token;

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::atomic::Ordering;
use sync_core::const_fn;
use sync_core::waiters::{Driver, Left, Locked, Protocol, Turn, Verdict, WaitList};
use sync_core::word::{LatchState, LatchWord};

pub use futures::{CountDownAndWait, CountDownAndWaitOf, Wait, WaitOf};
#[cfg(feature = "alloc")]
pub use futures::{CountDownAndWaitOwned, WaitOwned};
#[cfg(feature = "alloc")]
pub use token::OwnedToken;
pub use token::{Token, TokenOf};

/// Opens when it has been counted down to zero, and stays open.
///
/// Java's `CountDownLatch`. Use it for "go" (a count of one, many who wait), for "all are ready" (a
/// count of many, one who waits), or for both at once ([`count_down_and_wait`](Self::count_down_and_wait)).
/// What has to be counted again is a [`WaitGroup`](crate::WaitGroup), what has to close again an
/// [`Event`](crate::Event) or a [`Barrier`](crate::Barrier).
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::Latch;
///
/// // A service is ready when its three parts are.
/// let ready = Arc::new(Latch::new(3));
/// for part in ["listener", "cache", "database"] {
///     // Counts down when it is dropped, so also if the part fails to start.
///     let token = ready.token_owned();
///     tokio::spawn(async move {
///         let _token = token;
///         tokio::task::yield_now().await; // start the part
///         assert_ne!(part, "cache", "a part that panics does not hang the others");
///     });
/// }
/// ready.wait().await;
/// assert!(ready.is_open());
/// # });
/// ```
#[doc(alias = "CountDownLatch")]
pub struct Latch {
    word: LatchWord,
    queue: WaitList,
}

impl Latch {
    /// The largest count, a quarter of what a `usize` holds.
    pub const MAX: usize = LatchState::MAX;

    const_fn! {
        /// A latch that opens when it has been counted down `n` times; one of zero is open.
        ///
        /// # Panics
        ///
        /// If `n` is more than [`MAX`](Self::MAX).
        #[must_use]
        pub const fn new(n: usize) -> Self {
            Latch { word: LatchWord::new(n), queue: WaitList::new() }
        }
    }

    /// Counts one less. Does nothing if the latch is open.
    #[doc(alias = "countDown")]
    #[doc(alias = "arrive")]
    #[inline]
    pub fn count_down(&self) {
        if self.word.less_one() {
            self.release();
        }
    }

    /// Counts `n` less, but not less than zero. Does nothing if the latch is open.
    #[inline]
    pub fn count_down_many(&self, n: usize) {
        if self.word.less(n) {
            self.release();
        }
    }

    #[cold]
    fn release(&self) {
        crate::rounds::release(&self.queue, &|_| true);
    }

    /// A value that counts down when it is dropped, by a panic or a cancellation, too.
    #[inline]
    pub fn token(&self) -> Token<'_> {
        TokenOf::new(self)
    }

    /// A value that counts down when it is dropped, and keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn token_owned(self: &Arc<Self>) -> OwnedToken {
        TokenOf::new(Arc::clone(self))
    }

    /// Waits until the latch is open.
    ///
    /// What was done before each count is seen by all whose wait has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "await")]
    #[inline]
    pub fn wait(&self) -> Wait<'_> {
        Wait::new(self)
    }

    /// As [`wait`](Self::wait), with a future that keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn wait_owned(self: Arc<Self>) -> WaitOwned {
        WaitOwned::new(self)
    }

    /// Waits until the latch is open, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        sync_core::park::block_on(self.wait());
    }

    /// Counts one less and waits for the others, as at a barrier that is used once.
    ///
    /// # Cancel safety
    ///
    /// The first poll counts down. That is not taken back if the future is dropped later: the others
    /// do not wait for it any more.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "arrive_and_wait")]
    #[inline]
    pub fn count_down_and_wait(&self) -> CountDownAndWait<'_> {
        CountDownAndWait::new(self)
    }

    /// As [`count_down_and_wait`](Self::count_down_and_wait), with a future that keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn count_down_and_wait_owned(self: Arc<Self>) -> CountDownAndWaitOwned {
        CountDownAndWaitOwned::new(self)
    }

    /// Counts one less and waits for the others, blocking this thread.
    #[cfg(feature = "std")]
    pub fn count_down_and_wait_blocking(&self) {
        sync_core::park::block_on(self.count_down_and_wait());
    }

    /// Whether a wait would end at once. If so, what was done before each count is seen.
    #[inline]
    #[must_use]
    pub fn try_wait(&self) -> bool {
        // Acquire: pairs with the Release of every count, which all are exchanges.
        self.word.load(Ordering::Acquire).is_open()
    }

    /// Whether the latch is open: [`try_wait`](Self::try_wait) under the name of a question.
    #[inline]
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.try_wait()
    }

    /// How many are still to come: a snapshot.
    #[doc(alias = "getCount")]
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        self.word.load(Ordering::Relaxed).count()
    }

    /// How many futures wait: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.queue.len()
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for Latch {
    const TIMED: bool = false;
    const SETTLES: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        self.try_wait()
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
        if self.try_wait() {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        if self.try_wait() {
            Verdict::Acquired
        } else {
            turn.stay()
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch")
            .field("count", &self.count())
            .field("waiters", &self.waiters())
            .finish()
    }
}
