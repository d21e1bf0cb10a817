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
//! While a future is polled Inside, its slot stands on a stack of this thread. There [`Lend`] finds it and
//! notes that it is lent; the slot itself is given back by `InSlot`, after the poll, and taken again
//! by it before the one that lent goes on. So a slot changes hands in one place only.
//!
//! # Invariants
//!
//! 1. A future that is polled holds a slot, unless it lends: then only what waits is to be looked after.
//! 2. `Lend` gives its output only when the slot is back, or when something else of the same future
//!    still lends, or when it is polled by somebody else. So a lender never runs beside the limit.
//! 3. A `Lend` that is dropped half-way does not lend any more; the slot is back before the next poll.
//!
//! Nothing waits while it holds a slot, but for what its own code waits for. So groups that are nested on one
//! limit do not wait for each other in a circle, however small the limit.
//!
//! A part of a future that lends may be in a slot itself: a task of a local group. When it ends or is dropped, it
//! leaves its slot to the whole. Through the queue, the whole could wait for slots that its other parts have, or were
//! promised; and they are not polled while it waits.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::thread;

use async_sync::Semaphore;
use async_sync::semaphore::{AcquireOwned, OwnedPermit};
use pin_project_lite::pin_project;

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
/// something within the same future has ended in one.
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

    /// How many wait for a slot: a snapshot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.slots.waiters()
    }

    /// Runs `future` in a slot, for which it waits first.
    ///
    /// A future that already is in a slot, and awaits this, has two. Let it [`lend`](Self::lend) its own.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it gives its slot or its place in the queue back.
    ///
    /// # Panics
    ///
    /// As `future`. Polled after completion, it panics.
    pub fn run<F: Future>(&self, future: F) -> InSlot<F> {
        InSlot {
            future,
            acquire: None,
            held: Held {
                limiter: self.clone(),
                slot: Slot::default(),
            },
            ended: false,
        }
    }

    /// Awaits `future`, and lends the slot in which this is done to others meanwhile.
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

/// [`Limiter::lend`], if there is a limiter.
pub(crate) fn lend_to<F: Future>(limiter: Option<&Limiter>, future: F) -> Lend<F> {
    Lend {
        future,
        limiter: limiter.cloned(),
        stage: Stage::New,
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

/// What a future in a slot has: the permit, unless it is lent, and the number of those who lend.
#[derive(Default)]
struct Slot {
    permit: Option<OwnedPermit>,
    // Made by the first who lends.
    lenders: Option<Lenders>,
}

type Lenders = Arc<AtomicUsize>;

impl Slot {
    fn is_lent(&self) -> bool {
        // Relaxed, here and elsewhere: whoever changes it is polled by who reads it, or wakes it.
        let lenders = self.lenders.as_ref();
        lenders.is_some_and(|lenders| lenders.load(Ordering::Relaxed) > 0)
    }
}

struct Entered {
    limiter: *const Semaphore,
    slot: Slot,
}

thread_local! {
    /// The slots of the futures that are being polled, the innermost last.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// Takes the slot off the stack again, also if the poll panics.
struct Entry<'a>(&'a mut Slot);

impl<'a> Entry<'a> {
    fn new(limiter: &Limiter, slot: &'a mut Slot) -> Self {
        let entered = Entered {
            limiter: limiter.id(),
            slot: mem::take(slot),
        };
        ENTERED.with_borrow_mut(|stack| stack.push(entered));
        Self(slot)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let entered = ENTERED.with_borrow_mut(Vec::pop);
        *self.0 = entered.map_or_else(Slot::default, |entered| entered.slot);
    }
}

/// Looks at the innermost slot of this limiter in which something is being polled.
fn with_slot<T>(limiter: &Limiter, look: impl FnOnce(&mut Slot) -> T) -> Option<T> {
    let look = |stack: &RefCell<Vec<Entered>>| {
        let mut stack = stack.borrow_mut();
        let mut inner = stack.iter_mut().rev();
        let entered = inner.find(|entered| entered.limiter == limiter.id())?;
        Some(look(&mut entered.slot))
    };
    // Not there any more: the thread ends, and drops what it has.
    ENTERED.try_with(look).ok()?
}

/// The slot of a future, given back when the future has ended, or is gone.
struct Held {
    limiter: Limiter,
    slot: Slot,
}

impl Held {
    /// To what the future is a part of, if that has lent its own, else to the queue.
    fn give_back(&mut self) {
        let mut permit = self.slot.permit.take();
        if permit.is_some() {
            with_slot(&self.limiter, |outer| {
                if outer.permit.is_none() {
                    outer.permit = permit.take();
                }
            });
        }
        drop(permit);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back();
    }
}

pin_project! {
    /// A future that runs in a slot. Made by [`Limiter::run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InSlot<F> {
        // Dropped first: the slot is free when it is gone.
        #[pin]
        future: F,
        #[pin]
        acquire: Option<AcquireOwned>,
        held: Held,
        ended: bool,
    }
}

impl<F: Future> Future for InSlot<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        assert!(!*this.ended, "InSlot polled after completion");
        loop {
            let Held { limiter, slot } = &mut *this.held;
            if slot.permit.is_none() && !slot.is_lent() {
                if this.acquire.is_none() {
                    let slots = Arc::clone(&limiter.slots);
                    this.acquire.set(Some(slots.acquire_owned()));
                }
                let acquire = this.acquire.as_mut().as_pin_mut();
                let permit = ready!(acquire.expect("made above").poll(cx));
                this.acquire.set(None);
                // It is never closed, and never has less than one.
                slot.permit = Some(permit.expect("a limiter has slots"));
            }
            let entry = Entry::new(limiter, slot);
            let polled = this.future.as_mut().poll(cx);
            drop(entry);
            if polled.is_ready() {
                *this.ended = true;
                this.held.give_back();
                return polled;
            }
            if slot.is_lent() {
                slot.permit = None;
                return Poll::Pending;
            }
            if slot.permit.is_some() {
                return Poll::Pending;
            }
            // Who lent has what it waited for, and wants the slot back.
        }
    }
}

impl<F> fmt::Debug for InSlot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InSlot")
            .field("inside", &self.held.slot.permit.is_some())
            .finish_non_exhaustive()
    }
}

/// That somebody lends; not any more when it is dropped.
struct Lending(Lenders);

impl Lending {
    fn begin(slot: &mut Slot) -> Self {
        let lenders = Arc::clone(slot.lenders.get_or_insert_default());
        lenders.fetch_add(1, Ordering::Relaxed);
        Self(lenders)
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Stage<T> {
    New,
    // None: there was no slot to lend.
    Waiting(Option<Lending>),
    // Has what it waited for, but not the slot.
    Returning(Lenders, T),
    Ended,
}

pin_project! {
    /// Awaits a future and lends the slot meanwhile. Made by [`Limiter::lend`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Lend<F>
    where
        F: Future,
    {
        #[pin]
        future: F,
        // None: nothing to lend.
        limiter: Option<Limiter>,
        stage: Stage<F::Output>,
    }
}

impl<F: Future> Future for Lend<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        assert!(
            !matches!(this.stage, Stage::Ended),
            "Lend polled after completion"
        );
        if matches!(this.stage, Stage::New) {
            let limiter = this.limiter.as_ref();
            let lending = limiter.and_then(|limiter| with_slot(limiter, Lending::begin));
            *this.stage = Stage::Waiting(lending);
        }
        if let Stage::Waiting(_) = this.stage {
            let output = ready!(this.future.poll(cx));
            let Stage::Waiting(lending) = mem::replace(this.stage, Stage::Ended) else {
                unreachable!("looked at above");
            };
            let Some(lending) = lending else {
                return Poll::Ready(output);
            };
            *this.stage = Stage::Returning(Arc::clone(&lending.0), output);
        }
        let Stage::Returning(lenders, _) = &*this.stage else {
            unreachable!("nothing else is left");
        };
        // In the slot that was lent, and that is not back yet?
        let misses = |slot: &mut Slot| {
            let own = slot.lenders.as_ref();
            let same = own.is_some_and(|own| Arc::ptr_eq(own, lenders));
            same && slot.permit.is_none() && !slot.is_lent()
        };
        let limiter = this.limiter.as_ref();
        if limiter.and_then(|limiter| with_slot(limiter, misses)) == Some(true) {
            // Polled again with the slot; in between there may be somebody who polls only who was woken.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match mem::replace(this.stage, Stage::Ended) {
            Stage::Returning(_, output) => Poll::Ready(output),
            _ => unreachable!("looked at above"),
        }
    }
}

impl<F: Future> fmt::Debug for Lend<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lend").finish_non_exhaustive()
    }
}
