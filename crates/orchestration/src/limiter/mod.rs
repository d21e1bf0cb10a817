//! A limit that groups, and anything else, share; and how who waits for others lends its slot.
//!
//! # The life of a future in a slot
//!
//! ```text
//!  Outside --- slot ---> Inside --- ready: slot given back ---> (end)
//!     ^                    |
//!     |                    | pending, and it lends
//!     |   nobody lends     v
//!     '----------------- Lent (polled without a slot, by whoever wakes it)
//! ```
//!
//! While a future is polled, Inside or Lent, its slot stands on a stack of this thread. There [`Lend`] finds it
//! and notes that it is lent; the slot itself is given back by [`InSlot`], after the poll, and taken again by it
//! before the one that lent goes on. So the one that lends never moves a slot itself. (Between parts of one
//! future: `nest.rs`.)
//!
//! # Invariants
//!
//! 1. A future that is polled holds a slot, unless it lends: then only what waits is to be looked after.
//! 2. `Lend` gives its output only when the slot is back, or when something else of the same future
//!    still lends, or when it is polled by somebody else. So a lender never runs beside the limit.
//! 3. A `Lend` that is dropped half-way does not lend any more; the slot is back before the next poll.
//! 4. Nothing waits while it holds a slot, but for what its own code waits for. So groups that are nested on
//!    one limit do not wait for each other in a circle, however small the limit. For futures within one
//!    future (the tasks of a local group) it takes the rules of `nest.rs`.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use async_sync::Semaphore;

mod lend;
mod nest;
mod slot;

pub use lend::Lend;
pub(crate) use lend::lend_to;
pub use slot::InSlot;

/// At most so many futures run at a time, whoever runs them. Clones share one limit.
///
/// A group is given one by [`Builder::limiter`](crate::errgroup::Builder::limiter); several groups with
/// the same one share it. Other futures take part by [`run`](Self::run).
///
/// # Nested groups
///
/// A task that waits for a group of its own would hold its slot meanwhile, and its children could wait for it
/// for ever. Groups on the same limit therefore [`lend`](Self::lend) the slot of who waits for them to the
/// others, and take it back before it goes on.
///
/// # Fairness
///
/// First come, first served, also for those who take a slot back; but a slot that is lent comes back at once when
/// something within the same future has ended in one. Futures that wait for a slot within one future in a slot, the
/// tasks of a local group, have one place in the queue together, and among them it is first come, first served.
///
/// # Examples
///
/// The tasks of two groups, and one more future, two at a time:
///
/// ```
/// use orchestration::Limiter;
/// use orchestration::errgroup::Builder;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let limiter = Limiter::new(2);
/// let [reads, writes] =
///     [(); 2].map(|()| Builder::new().limiter(&limiter).spawned(TokioRuntime::current()));
/// for n in 0..10 {
///     reads.spawn(async move { Ok::<_, std::io::Error>(n) }).await.unwrap();
///     writes.spawn(async move { Ok::<_, std::io::Error>(n) }).await.unwrap();
/// }
/// let seven = limiter.run(async { 7 }).await;
/// assert_eq!(reads.join().await.unwrap().len() + writes.join().await.unwrap().len(), 20);
/// # assert_eq!(seven, 7);
/// # }
/// ```
#[derive(Clone)]
pub struct Limiter {
    slots: Arc<Semaphore>,
}

impl Limiter {
    /// At most `limit` at a time.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: nothing could ever run.
    #[track_caller]
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(checked(limit))),
        }
    }

    /// As many at a time as there are processors.
    #[must_use]
    pub fn per_processor() -> Self {
        Self::new(thread::available_parallelism().map_or(1, NonZero::get))
    }

    /// The limit: a snapshot.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.slots.limit()
    }

    /// Changes the limit. Raised, it lets those who wait begin at once. Lowered, it stops nobody: it
    /// holds as soon as enough have ended.
    ///
    /// Tasks of local groups that have begun, and that nobody awaits, keep their slots: lowered to as many as these, it
    /// lets nothing else begin, not even what whoever is to await them waits for.
    ///
    /// # Panics
    ///
    /// If `limit` is zero.
    #[track_caller]
    pub fn set_limit(&self, limit: usize) {
        self.slots.set_limit(checked(limit));
    }

    /// How many run: a snapshot.
    #[must_use]
    pub fn running(&self) -> usize {
        in_use(&self.slots)
    }

    /// How many places in the queue for slots are taken: a snapshot. Futures that wait within one future in a
    /// slot, as the tasks of its local group, have one together.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.slots.waiters()
    }

    /// Runs `future` in a slot, for which it waits first.
    ///
    /// A future that already is in a slot, and awaits this, has two. Let it [`lend`](Self::lend) its own. It waits
    /// for the second in the name of the first: a thread that is blocked on it, within a poll of the first, gets
    /// only one that is free already.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it gives its slot or its place in the queue back.
    ///
    /// # Panics
    ///
    /// As `future`. Polled after completion, it panics.
    pub fn run<F: Future>(&self, future: F) -> InSlot<F> {
        InSlot::new(self.clone(), future)
    }

    /// Awaits `future`, and lends the slot in which this is done to others meanwhile.
    ///
    /// As long as the future that this returns is there and has not completed, the slot is lent: drop it before
    /// something else is done.
    ///
    /// For those who wait for something that may need a slot itself. Groups on this limit do it where
    /// they wait for a place and for the end of their tasks. Outside of a slot it only awaits.
    ///
    /// # Cancel safety
    ///
    /// As cancel-safe as `future`. If it is dropped half-way, the slot is taken back before what dropped it is
    /// polled again.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::Limiter;
    ///
    /// # mini_executor::block_on(async {
    /// let limiter = Limiter::new(1);
    /// let outer = limiter.run(async {
    ///     // With the only slot in its hand it would wait for ever.
    ///     limiter.lend(limiter.run(async { 7 })).await
    /// });
    /// assert_eq!(outer.await, 7);
    /// # });
    /// ```
    pub fn lend<F: Future>(&self, future: F) -> Lend<F> {
        lend_to(Some(self), future)
    }

    fn id(&self) -> *const Semaphore {
        Arc::as_ptr(&self.slots)
    }
}

#[track_caller]
fn checked(limit: usize) -> usize {
    assert!(limit > 0, "Limiter: a limit of 0 would run nothing at all");
    limit.min(Semaphore::MAX_PERMITS)
}

/// How many permits are out. More than the limit, if that was lowered.
pub(crate) fn in_use(slots: &Semaphore) -> usize {
    let metrics = slots.metrics();
    metrics.limit.saturating_add_signed(-metrics.available)
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("limit", &self.limit())
            .field("running", &self.running())
            .field("waiting", &self.waiting())
            .finish()
    }
}
