//! The named futures: a place among the callers of an execution, and the run that takes one.
//!
//! ```text
//! poll:  DONE? take the outcome, leave; Ready
//!        the work wants a poll and nobody polls it? poll it; once more from the top
//!        queue (or stay queued); Pending
//! drop:  leave; the last one ends the execution
//! ```
//!
//! A place that is never polled hinders nobody: the others poll the work, and wake each other.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::flight::{Driven, Flight};
use super::handle::{ByRef, ByValue, Handle, Lookup};
use super::outcome::{Failure, Outcome};
use super::{SingleFlight, stack};
use crate::shared::Shared;

/// The future of [`SingleFlight::run`].
pub type Run<'a, Q, F, K, V, E, S = RandomState> =
    RunOf<&'a SingleFlight<K, V, E, S>, ByRef<'a, Q>, F, K, V, E>;

/// The future of [`SingleFlight::run_owned`].
pub type RunOwned<F, K, V, E, S = RandomState> =
    RunOf<Arc<SingleFlight<K, V, E, S>>, ByValue<K>, F, K, V, E>;

/// What [`SingleFlight::start`] and [`SingleFlight::subscribe`] return.
pub type Joined<'a, K, V, E, S = RandomState> = JoinedOf<&'a SingleFlight<K, V, E, S>, K, V, E>;

/// What [`SingleFlight::start_owned`] and [`SingleFlight::subscribe_owned`] return.
pub type JoinedOwned<K, V, E, S = RandomState> = JoinedOf<Arc<SingleFlight<K, V, E, S>>, K, V, E>;

/// What an execution becomes, with panics apart from errors.
type Landing<V, E> = Result<Outcome<V>, Failure<E>>;

pin_project! {
    /// A place among the callers of an execution; a future of its result.
    ///
    /// Spelt [`Joined`] or [`JoinedOwned`]. While it exists, the execution is not cancelled. It may be
    /// kept without being polled: that hinders nobody. But it does nothing by itself either; unless
    /// the work has a [task](SingleFlight) of its own, somebody has to poll one of its callers.
    ///
    /// # Cancel safety
    ///
    /// Dropping it leaves the execution to the other callers. If there are none, the work is dropped.
    ///
    /// # Panics
    ///
    /// Polling it panics if the work has panicked (with the same message, in every caller), if it is
    /// polled after completion, and if it would wait for an execution that is just polling it: a work
    /// cannot wait for its own key.
    #[must_use = "dropped, it leaves the execution, which ends with its last caller"]
    // (K, V and E are H's own; named here, they leave the lifetime of a reference covariant.)
    pub struct JoinedOf<H: Handle<Key = K, Value = V, Error = E>, K, V, E> {
        group: H,
        // Has joined, and not left.
        member: bool,
        #[pin]
        waiting: Waiting<Shared<Arc<Flight<K, V, E>>>>,
    }

    impl<H: Handle<Key = K, Value = V, Error = E>, K, V, E> PinnedDrop for JoinedOf<H, K, V, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if std::mem::take(this.member) {
                // SAFETY: it was a member until now.
                unsafe { this.waiting.holder().leave(&this.group.group().table) };
            }
        }
    }
}

/// Polls of the work by one poll of a caller, however often it is woken in between.
const DRIVES: usize = 2;

impl<H: Handle<Key = K, Value = V, Error = E>, K, V, E> JoinedOf<H, K, V, E> {
    /// # Safety
    ///
    /// The caller has joined the flight, and leaves the place to the new object.
    #[inline]
    pub(super) unsafe fn new(group: H, flight: Arc<Flight<K, V, E>>) -> Self {
        // SAFETY: an `Arc` dereferences to the same object as long as it exists, and it is taken out
        // only after completion.
        let waiting = unsafe { Waiting::new(Shared::new(flight), 0) };
        JoinedOf {
            group,
            member: true,
            waiting,
        }
    }

    fn flight(&self) -> &Flight<K, V, E> {
        self.waiting.holder()
    }

    /// How many callers the execution has at present, this one included: a snapshot.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.flight().state().callers() as usize
    }

    /// Whether there is a result already, so that awaiting this would not wait.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.flight().state().is_done()
    }

    /// The same, except that a panic of the work is returned as an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::SingleFlight;
    /// use async_sync::single_flight::Failure;
    ///
    /// let group = SingleFlight::<u8, u8, ()>::new();
    /// let joined = group.start(&1, || async { panic!("no such page") });
    /// let Err(Failure::Panicked(panicked)) = joined.caught().await else { unreachable!() };
    /// assert_eq!(panicked.message(), "no such page");
    /// # });
    /// ```
    pub fn caught(self) -> Caught<Self> {
        Caught { inner: self }
    }

    /// Lets the work go on when all callers have left, if it has a task of its own: detaches that.
    ///
    /// Returns whether it does. A work that was not [spawned](SingleFlight) has nobody to poll it
    /// but its callers, so it ends with them.
    #[cfg(feature = "runtime")]
    pub fn keep_going(&self) -> bool {
        let flight = self.flight();
        flight.is_spawned() && flight.raw().keep()
    }
}

impl<H, K, V, E> JoinedOf<H, K, V, E>
where
    H: Handle<Key = K, Value = V, Error = E>,
    K: Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    fn poll_landing(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Landing<V, E>> {
        let mut this = self.project();
        assert!(*this.member, "a future was polled after it had completed");
        let table = &this.group.group().table;
        let mut drives = 0;
        let landing = loop {
            let flight = this.waiting.holder().get();
            let state = flight.state();
            if state.is_done() {
                // SAFETY: this one has not left.
                break unsafe { flight.take() };
            }
            if state.wants_poll() {
                if drives == DRIVES {
                    // Woken again and again. Whoever did it has woken the others.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if flight.raw().begin_poll() {
                    drives += 1;
                    // SAFETY: `POLLING` is ours.
                    if unsafe { flight.drive(table) } == Driven::Again {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    continue;
                }
            } else if state.is_polling() && stack::contains(flight.address()) {
                panic!("SingleFlight: the work waits for its own key, hence for itself");
            }
            // Nothing is refused. Ready: there is, or was, something to do.
            let _ = ready!(this.waiting.as_mut().poll(cx));
            // SAFETY: the wait has completed.
            let flight = unsafe { this.waiting.as_mut().holder_mut() }.take();
            // SAFETY: as in `new`.
            let again = unsafe { Waiting::new(Shared::new(flight), 0) };
            this.waiting.set(again);
        };
        // Not before the outcome was cloned: that may panic, and `drop` leaves then.
        *this.member = false;
        // SAFETY: it was a member until now.
        unsafe { this.waiting.holder().leave(table) };
        Poll::Ready(landing)
    }
}

impl<H, K, V, E> Future for JoinedOf<H, K, V, E>
where
    H: Handle<Key = K, Value = V, Error = E>,
    K: Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    type Output = Result<Outcome<V>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_landing(cx)
            .map(|landing| landing.map_err(Failure::or_panic))
    }
}

impl<H: Handle<Key = K, Value = V, Error = E>, K, V, E> fmt::Debug for JoinedOf<H, K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("callers", &self.callers())
            .field("done", &self.is_done())
            .finish()
    }
}

pin_project! {
    /// The future of [`SingleFlight::run`] and [`SingleFlight::run_owned`], spelt [`Run`] or
    /// [`RunOwned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunOf<H: Handle<Key = K, Value = V, Error = E>, L, F, K, V, E> {
        #[pin]
        step: Step<H, L, F, K, V, E>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<H: Handle<Key = K, Value = V, Error = E>, L, F, K, V, E> {
        /// Not polled yet. None if a key has panicked.
        Start { start: Option<Start<H, L, F>> },
        /// One of the callers.
        Joined { #[pin] joined: JoinedOf<H, K, V, E> },
    }
}

/// What is needed to begin.
struct Start<H, L, F> {
    group: H,
    key: L,
    work: F,
}

impl<H: Handle<Key = K, Value = V, Error = E>, L, F, K, V, E> RunOf<H, L, F, K, V, E> {
    #[inline]
    pub(super) fn new(group: H, key: L, work: F) -> Self {
        RunOf {
            step: Step::Start {
                start: Some(Start { group, key, work }),
            },
        }
    }

    /// The same, except that a panic of the work is returned as an error.
    pub fn caught(self) -> Caught<Self> {
        Caught { inner: self }
    }
}

impl<H, L, F, W, K, V, E> RunOf<H, L, F, K, V, E>
where
    H: Handle<Key = K, Value = V, Error = E, Hasher: BuildHasher>,
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    L: Lookup<K>,
    K: Borrow<L::Query>,
    F: FnOnce() -> W + Send + 'static,
    W: Future<Output = Result<V, E>> + Send + 'static,
{
    fn poll_landing(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Landing<V, E>> {
        let mut step = self.project().step;
        loop {
            match step.as_mut().project() {
                StepProjection::Joined { joined } => return joined.poll_landing(cx),
                StepProjection::Start { start } => {
                    let start = start.take();
                    let Start { group, key, work } =
                        start.expect("a future was polled after a key had panicked");
                    let flight = group.group().begin(key, work);
                    // SAFETY: `begin` has joined in our name.
                    let joined = unsafe { JoinedOf::new(group, flight) };
                    step.set(Step::Joined { joined });
                }
            }
        }
    }
}

impl<H, L, F, W, K, V, E> Future for RunOf<H, L, F, K, V, E>
where
    H: Handle<Key = K, Value = V, Error = E, Hasher: BuildHasher>,
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    L: Lookup<K>,
    K: Borrow<L::Query>,
    F: FnOnce() -> W + Send + 'static,
    W: Future<Output = Result<V, E>> + Send + 'static,
{
    type Output = Result<Outcome<V>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_landing(cx)
            .map(|landing| landing.map_err(Failure::or_panic))
    }
}

impl<H, L, F, K, V, E> fmt::Debug for RunOf<H, L, F, K, V, E>
where
    H: Handle<Key = K, Value = V, Error = E>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Step::Start { .. } => f.write_str("Run(not polled yet)"),
            Step::Joined { joined } => f.debug_tuple("Run").field(joined).finish(),
        }
    }
}

pin_project! {
    /// The future of `caught`: a panic of the work is an error.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct Caught<R> {
        #[pin]
        inner: R,
    }
}

impl<H, K, V, E> Future for Caught<JoinedOf<H, K, V, E>>
where
    H: Handle<Key = K, Value = V, Error = E>,
    K: Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    type Output = Landing<V, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll_landing(cx)
    }
}

impl<H, L, F, W, K, V, E> Future for Caught<RunOf<H, L, F, K, V, E>>
where
    H: Handle<Key = K, Value = V, Error = E, Hasher: BuildHasher>,
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    L: Lookup<K>,
    K: Borrow<L::Query>,
    F: FnOnce() -> W + Send + 'static,
    W: Future<Output = Result<V, E>> + Send + 'static,
{
    type Output = Landing<V, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll_landing(cx)
    }
}
