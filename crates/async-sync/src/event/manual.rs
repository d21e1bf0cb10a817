//! The manual-reset event: once it has happened, it has for everybody, until it is reset.
//!
//! # States
//!
//! The word ([`EventWord`]): `SET`, `WAITING`, and a round that moves whenever the event is set. The
//! queue has one lane; each waiter is marked with the round in which it queued.
//!
//! # Transitions
//!
//! ```text
//! set      SET, ROUND += 1, WAITING cleared: one RMW. Somebody waited: under the queue's lock,
//!          everybody at the front of an older round is settled
//! reset    SET cleared
//! wait     SET: ready. Else, under the queue's lock, WAITING and the tail of the queue
//! polled   its round is over: ready, even if nobody has come to settle it yet
//! ```
//!
//! # Invariants
//!
//! 1. Waiters stand in the order of their rounds, since a later one reads the word under the lock
//!    after an earlier one did.
//! 2. If a queued waiter's round is over, a thread is about to settle it. A reset that comes
//!    between changes nothing for it.

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use pin_project_lite::pin_project;
use sync_core::atomic::Ordering;
use sync_core::const_fn;
use sync_core::waiters::{Driver, Left, Locked, Protocol, Turn, Verdict, WaitList, Waiting};
use sync_core::word::{EventState, EventWord};

/// A gate: open while it is set, for all who come.
///
/// Windows' and C#'s manual-reset event. [`set`](Self::set) releases everybody who waits, even if
/// [`reset`](Self::reset) follows at once. [`AutoEvent`](super::AutoEvent) releases one for each
/// `set`.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::Event;
///
/// // Workers go on while the service is not paused.
/// let running = Arc::new(Event::new());
/// let worker = tokio::spawn({
///     let running = Arc::clone(&running);
///     async move {
///         for _job in 0..3 {
///             running.wait().await;
///             // one job
///         }
///     }
/// });
/// running.reset(); // paused, as it was from the beginning
/// running.set(); // goes on
/// worker.await.unwrap();
/// # });
/// ```
#[doc(alias = "ManualResetEvent")]
pub struct Event {
    word: EventWord,
    queue: WaitList,
}

impl Event {
    const_fn! {
        /// An event that has not happened.
        #[must_use]
        pub const fn new() -> Self {
            Event { word: EventWord::new(false), queue: WaitList::new() }
        }
    }

    const_fn! {
        /// An event that has happened.
        #[must_use]
        pub const fn new_set() -> Self {
            Event { word: EventWord::new(true), queue: WaitList::new() }
        }
    }

    /// It has happened: releases all who wait, and all who come until it is reset.
    ///
    /// What was done before is seen by all whom it releases.
    #[inline]
    pub fn set(&self) {
        // Release: whoever is released by it sees what was done; also if it was set already, so an
        // exchange in any case. Acquire: this thread may settle those who wait in the name of others
        // that set it before, and reset it.
        let all = |s: EventState| Some(s.set_for_all());
        if let Ok(old) | Err(old) = self.word.update(Ordering::AcqRel, all)
            && old.is_waiting()
        {
            self.release();
        }
    }

    #[cold]
    fn release(&self) {
        // Acquire: a waiter may be settled here that another thread has released, and must see what
        // was done before that.
        let is_over = |round| self.word.load(Ordering::Acquire).round() != round;
        crate::rounds::release(&self.queue, &is_over);
    }

    /// It has not happened: those who come wait. Returns whether it was set.
    ///
    /// Those whom [`set`](Self::set) has released go on.
    #[inline]
    pub fn reset(&self) -> bool {
        // Acquire: whoever resets it may look at what was done before it was set. Release: and those
        // that see it reset, at what was done before that.
        self.word.clear(Ordering::AcqRel).is_set()
    }

    /// Whether it is set. If so, what was done before is seen.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        // Acquire: pairs with `set`.
        self.word.load(Ordering::Acquire).is_set()
    }

    /// Whether a wait would end at once: [`is_set`](Self::is_set), under the name that all types have
    /// for it.
    #[inline]
    #[must_use]
    pub fn try_wait(&self) -> bool {
        self.is_set()
    }

    /// Waits until the event is set, or has been since the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn wait(&self) -> Wait<'_> {
        WaitOf {
            waiting: Waiting::borrowed(self, 0),
        }
    }

    /// As [`wait`](Self::wait), with a future that keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn wait_owned(self: Arc<Self>) -> WaitOwned {
        // SAFETY: an `Arc` dereferences to the same object as long as it exists.
        let waiting = unsafe { Waiting::new(self, 0) };
        WaitOf { waiting }
    }

    /// Waits until the event is set, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        sync_core::park::block_on(self.wait());
    }

    /// How many futures wait: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.queue.len()
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for Event {
    const TIMED: bool = false;
    const SETTLES: bool = true;
    const QUIET: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn announce(&self, round: &mut usize) -> bool {
        // Relaxed, and no exchange, where somebody waits already: this holds the queue's lock, so
        // whoever has cleared `WAITING` meanwhile is still to come for those of that round.
        let mut state = self.word.load(Ordering::Relaxed);
        if !state.is_waiting() {
            match self.word.update(Ordering::Relaxed, EventState::queued) {
                Ok(old) => state = old,
                Err(_) => {
                    // Acquire, for one that is set: as in `is_set`.
                    let _ = self.word.load(Ordering::Acquire);
                    return true;
                }
            }
        }
        *round = state.round();
        false
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        self.is_set()
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        let mut round = turn.tag();
        let acquired = self.announce(&mut round);
        turn.set_tag(round);
        if acquired {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        // Acquire: as in `is_set`; the round moves in the same exchange.
        if self.word.load(Ordering::Acquire).round() != turn.tag() {
            Verdict::Acquired
        } else {
            turn.stay()
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}

impl Default for Event {
    fn default() -> Self {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("set", &self.is_set())
            .field("waiters", &self.waiters())
            .finish()
    }
}

pin_project! {
    /// The future of [`Event::wait`], spelt [`Wait`], and of [`Event::wait_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct WaitOf<H>
    where
        H: Deref<Target = Event>,
    {
        #[pin]
        waiting: Waiting<H>,
    }
}

/// The future of [`Event::wait`].
pub type Wait<'a> = WaitOf<&'a Event>;

/// The future of [`Event::wait_owned`].
#[cfg(feature = "alloc")]
pub type WaitOwned = WaitOf<Arc<Event>>;

impl<H: Deref<Target = Event>> Future for WaitOf<H> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // An event refuses nobody.
        self.project().waiting.poll(cx).map(|_| ())
    }
}
