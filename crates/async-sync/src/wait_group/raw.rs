//! The wait group's state machine, and Go's unguarded interface.
//!
//! # States
//!
//! The word ([`CountWord`]) has the count, and a round that moves whenever the count has come back
//! to zero while somebody waited. The queue has one lane; each waiter is marked with the round that it
//! waits for.
//!
//! # Transitions
//!
//! ```text
//! add     COUNT += n
//! done    COUNT -= n. Not zero, or nobody waits: done, one RMW.
//!         zero: ROUND += 1, WAITING cleared (by this one, or by an `add` that comes between); then,
//!         under the queue's lock, everybody at the front who waits for an older round is settled
//! wait    COUNT is zero: ready. Else, under the queue's lock, WAITING and the tail of the queue
//! polled  its round is over: ready, even if nobody has come to settle it yet
//! ```
//!
//! Nothing here is a baton: an end of a round concerns every waiter alike.
//!
//! # Invariants
//!
//! 1. Waiters stand in the order of their rounds, since a later one reads the word under the lock
//!    after an earlier one did; so those of older rounds are a prefix of the queue.
//! 2. If a queued waiter's round is over, a thread is about to settle it (it has made the count zero
//!    and waits for the queue's lock).

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use sync_core::atomic::Ordering;
use sync_core::const_fn;
use sync_core::waiters::{
    Driver, Left, Locked, OnUnwind, Protocol, Turn, Verdict, WaitList, Waiting,
};
use sync_core::word::{CountState, CountWord, Done};

/// A counter to wait for, Go's `sync.WaitGroup` as it is.
///
/// [`WaitGroup`](super::WaitGroup) cannot be miscounted; use this one where calls to `add` and
/// `done` cannot be paired by a value.
///
/// Unlike Go's, it may be reused while waiters of the last round have not returned yet: they wait
/// for their own round.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::RawWaitGroup;
///
/// let group = Arc::new(RawWaitGroup::new());
/// group.add(2); // before the tasks exist: they might be done before we wait
/// for _ in 0..2 {
///     let group = Arc::clone(&group);
///     tokio::spawn(async move { group.done() });
/// }
/// group.wait().await;
/// # });
/// ```
#[doc(alias = "sync.WaitGroup")]
pub struct RawWaitGroup {
    word: CountWord,
    queue: WaitList,
}

impl RawWaitGroup {
    /// The largest count: 2^31 - 1 where `usize` has 64 bits, 2^19 - 1 where it has 32.
    pub const MAX: usize = CountState::MAX;

    const_fn! {
        /// A group that counts zero.
        #[must_use]
        pub const fn new() -> Self {
            RawWaitGroup { word: CountWord::new(), queue: WaitList::new() }
        }
    }

    /// Counts `n` more. Call it before the work is handed to somebody who may be done with it
    /// before [`wait`](Self::wait) looks.
    ///
    /// # Panics
    ///
    /// If the count would exceed [`MAX`](Self::MAX). It has not changed then.
    #[doc(alias = "Add")]
    #[inline]
    pub fn add(&self, n: usize) {
        if self.word.add(n).is_err() {
            too_many();
        }
    }

    /// Counts one more, as `add(1)`, while the caller holds a count itself.
    #[inline]
    pub(super) fn add_another(&self) {
        if self.word.add_another().is_err() {
            too_many();
        }
    }

    /// Counts one less that the caller has counted, so it need not be checked.
    #[inline]
    pub(super) fn done_one(&self) {
        if self.word.done_one() == Done::RoundOver {
            self.end_round();
        }
    }

    /// Counts one less.
    ///
    /// # Panics
    ///
    /// As [`done_many`](Self::done_many).
    #[doc(alias = "Done")]
    #[inline]
    pub fn done(&self) {
        self.done_many(1);
    }

    /// Counts `n` less, Go's `Add` with a negative number.
    ///
    /// # Panics
    ///
    /// `negative WaitGroup counter`, if the count is smaller than `n`. It has not changed then.
    #[inline]
    pub fn done_many(&self, n: usize) {
        match self.word.done(n) {
            Ok(Done::Counted) => {}
            Ok(Done::RoundOver) => self.end_round(),
            Err(_) => panic!("negative WaitGroup counter"),
        }
    }

    #[cold]
    fn end_round(&self) {
        let again = OnUnwind::new(|| self.end_round());
        let mut queue = self.queue.lock();
        while let Some(head) = queue.front(0) {
            // Acquire: a waiter may be settled here in the name of a thread that ended a newer
            // round, and it must see what was done in that one, too.
            if head.tag() == self.word.load(Ordering::Acquire).round() {
                break;
            }
            head.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
        again.disarm();
    }

    /// Waits until the count is zero.
    ///
    /// Returns at once if it is zero already. Otherwise the wait ends with the round: when the
    /// count comes to zero, even if it has risen again before this task runs.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "Wait")]
    #[inline]
    pub fn wait(&self) -> RawWait<'_> {
        RawWait {
            waiting: Waiting::borrowed(self, 0),
        }
    }

    /// Waits until the count is zero, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        sync_core::park::block_on(self.wait());
    }

    /// What has been added and is not done yet: a snapshot.
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

#[cold]
fn too_many() -> ! {
    panic!("WaitGroup counter exceeds RawWaitGroup::MAX");
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for RawWaitGroup {
    const TIMED: bool = false;
    const SETTLES: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        // Acquire: what was done is seen. Pairs with the Release of every `done`.
        self.word.load(Ordering::Acquire).count() == 0
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match self.word.update(Ordering::Relaxed, CountState::queued) {
            Ok(state) => {
                turn.set_tag(state.round());
                Verdict::Back
            }
            Err(_) => {
                // Acquire, for a count of zero: as in `try_now`.
                let _ = self.word.load(Ordering::Acquire);
                Verdict::Acquired
            }
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        // Acquire: as in `try_now`; the round moves in the same exchange as the count.
        if self.word.load(Ordering::Acquire).round() != turn.tag() {
            Verdict::Acquired
        } else {
            turn.stay()
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}

impl Default for RawWaitGroup {
    fn default() -> Self {
        RawWaitGroup::new()
    }
}

impl fmt::Debug for RawWaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawWaitGroup")
            .field("count", &self.count())
            .field("waiters", &self.waiters())
            .finish()
    }
}

pin_project! {
    /// The future of [`RawWaitGroup::wait`] and of [`WaitGroup::wait`](super::WaitGroup::wait).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct RawWait<'a> {
        #[pin]
        waiting: Waiting<&'a RawWaitGroup>,
    }
}

impl Future for RawWait<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A wait group refuses nobody.
        self.project().waiting.poll(cx).map(|_| ())
    }
}
