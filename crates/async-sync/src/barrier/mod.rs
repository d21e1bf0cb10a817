//! A cyclic barrier: nobody goes on before all have arrived, again and again. `raw` has the states.

mod action;
mod error;
mod futures;
#[cfg(all(test, loom))]
mod loom;
mod raw;

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;
use sync_core::waiters::{Contains, Driver};
use sync_core::word::BarrierState;

pub use action::{Action, NoAction};
pub use error::BrokenBarrier;
#[cfg(feature = "alloc")]
pub use futures::WaitOwned;
pub use futures::{Wait, WaitOf};
use raw::RawBarrier;

/// A meeting point for a fixed number of parties, to be used again and again.
///
/// [`wait`](Self::wait) ends when all parties have arrived. That begins the next *generation*, even
/// while some of the last one have not been polled yet: a party may come back at once. A wait more
/// than there are parties is no error, it belongs to the next generation. (Go's `cyclicbarrier`
/// panics there.)
///
/// # Broken barriers
///
/// A party that has arrived and then leaves (its future is dropped: a timeout, a `select`, an aborted
/// task) is a party that the others wait for in vain. So it *breaks* the barrier: all who wait, and
/// all who come, get [`BrokenBarrier`], until somebody calls [`reset`](Self::reset). The same if the
/// [action](Self::with_action) fails. This is Java's rule.
///
/// A barrier made [`lenient`](Self::lenient) takes such an arrival back instead, and tells nobody:
/// for parties that may come again, or be replaced.
///
/// A party that leaves after the last has arrived breaks nothing, whether it knows of that or not.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use async_sync::Barrier;
///
/// // Three workers, phase by phase. Between two phases one of them, whoever is the last, adds up.
/// let work = Arc::new(AtomicU32::new(0));
/// let sums = Arc::clone(&work);
/// let barrier = Arc::new(Barrier::with_action(3, move || {
///     assert_eq!(sums.swap(0, Ordering::Relaxed), 3);
///     Ok::<_, Infallible>(())
/// }));
/// let workers: Vec<_> = (0..3)
///     .map(|_| {
///         let (barrier, work) = (Arc::clone(&barrier), Arc::clone(&work));
///         tokio::spawn(async move {
///             for phase in 0..10 {
///                 work.fetch_add(1, Ordering::Relaxed);
///                 assert_eq!(barrier.wait().await?.generation(), phase);
///             }
///             Ok::<_, async_sync::barrier::BrokenBarrier>(())
///         })
///     })
///     .collect();
/// for worker in workers {
///     worker.await.unwrap().unwrap();
/// }
/// # });
/// ```
#[doc(alias = "CyclicBarrier")]
pub struct Barrier<A = NoAction> {
    raw: RawBarrier,
    action: A,
}

impl Barrier {
    /// The largest number of parties: 2^30 - 1 where `usize` has 64 bits, 2^14 - 1 where it has 32.
    pub const MAX_PARTIES: usize = BarrierState::MAX_PARTIES;

    const_fn! {
        /// A barrier for so many parties.
        ///
        /// # Panics
        ///
        /// `parties must be positive number`, for 0; and if there are more than
        /// [`MAX_PARTIES`](Self::MAX_PARTIES).
        #[must_use]
        pub const fn new(parties: usize) -> Self {
            Barrier { raw: RawBarrier::new(parties, NoAction::ACTS), action: NoAction }
        }
    }
}

impl<F, E> Barrier<F>
where
    F: Fn() -> Result<(), E>,
{
    const_fn! {
        /// A barrier for so many parties, with an action.
        ///
        /// Each time all have arrived, the last of them calls it, before anybody is released: what it
        /// does is seen by all. It runs within a poll, so it should be short, and must not wait for
        /// the barrier itself. It is never run twice at a time. Those who come meanwhile arrive
        /// afterwards.
        ///
        /// If it returns an error, the last party gets that and the barrier is broken for all others;
        /// if it panics, the same with the panic. So it is if the future of the last party is dropped
        /// between.
        ///
        /// # Panics
        ///
        /// As [`new`](Barrier::new).
        #[doc(alias = "NewWithAction")]
        #[must_use]
        pub const fn with_action(parties: usize, action: F) -> Self {
            Barrier { raw: RawBarrier::new(parties, true), action }
        }
    }
}

impl<A> Barrier<A> {
    const_fn! {
        /// The same barrier, from which parties may leave while they wait: their arrival is taken back,
        /// and nobody is told.
        ///
        /// ```
        /// use async_sync::Barrier;
        ///
        /// static BARRIER: Barrier = Barrier::new(2).lenient();
        /// ```
        #[must_use]
        pub const fn lenient(mut self) -> Self {
            self.raw.set_lenient();
            self
        }
    }

    /// Breaks the barrier for those who wait, and makes it as new for those who come.
    ///
    /// Mends a broken barrier. If all have arrived already and the action is being run, it does nothing:
    /// that generation is complete.
    #[doc(alias = "Reset")]
    pub fn reset(&self) {
        self.raw.reset();
    }

    /// Whether a party left or failed, and nobody has [reset](Self::reset) the barrier since: a
    /// snapshot.
    #[doc(alias = "IsBroken")]
    #[inline]
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.raw.state().is_broken()
    }

    /// How many parties have arrived and wait for the others: a snapshot.
    #[doc(alias = "GetNumberWaiting")]
    #[inline]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.raw.state().arrived()
    }

    /// How many have to arrive.
    #[doc(alias = "GetParties")]
    #[inline]
    #[must_use]
    pub fn parties(&self) -> usize {
        self.raw.parties()
    }

    /// Which generation is being waited for, from zero, modulo 2^32 (2^16 where `usize` has 32 bits): a
    /// snapshot. It moves when all have arrived, and when the barrier is reset while it is broken or
    /// somebody waits.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> usize {
        self.raw.state().generation()
    }

    /// Whether parties may leave, see [`lenient`](Self::lenient).
    #[inline]
    #[must_use]
    pub fn is_lenient(&self) -> bool {
        self.raw.is_lenient()
    }
}

impl<A: Action> Barrier<A> {
    /// Arrives, and waits until all have.
    ///
    /// The first poll is the arrival. What was done before it by each party, and by the action, is
    /// seen by all when their waits end.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`], at once if the barrier is broken, and later if it is broken while this party
    /// waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits breaks the barrier: the others get an error instead of
    /// waiting for ever. If the barrier is [`lenient`](Self::lenient), the arrival is taken back.
    /// Dropping it after the last has arrived, or before the first poll, has no effect.
    ///
    /// # Panics
    ///
    /// The future panics if the action does, and if it is polled after completion.
    #[doc(alias = "Await")]
    #[inline]
    pub fn wait(&self) -> Wait<'_, A> {
        Wait::new(self)
    }

    /// As [`wait`](Self::wait), with a future that keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn wait_owned(self: Arc<Self>) -> WaitOwned<A> {
        WaitOwned::new(self)
    }

    /// Arrives, and waits until all have, blocking this thread.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// If the action does.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) -> Result<BarrierWaitResult, BrokenBarrier<A::Error>> {
        sync_core::park::block_on(self.wait())
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl<A> Contains<1> for Barrier<A> {
    type Raw = RawBarrier;

    #[inline]
    fn raw(&self, _: Driver) -> &RawBarrier {
        &self.raw
    }
}

impl<A> fmt::Debug for Barrier<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.raw.state();
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &state.arrived())
            .field("generation", &state.generation())
            .field("broken", &state.is_broken())
            .finish()
    }
}

/// What a party learns when all have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    generation: usize,
    index: usize,
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether this party was the last to arrive. One of each generation was.
    #[inline]
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }

    /// Which generation this was, see [`Barrier::generation`]. All of it get the same number.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> usize {
        self.generation
    }

    /// How many had arrived before: from 0 to the number of parties less one, which is the leader's. (At
    /// a lenient barrier one that came after another had left may have the same number as a third.)
    #[inline]
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
}
