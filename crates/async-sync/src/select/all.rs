//! `select_all`: waits until one of any number of futures is done.
//!
//! ```text
//! New      -- first poll -->  the cases are polled in random order (Biased: in order)
//!                             one is ready: Over;  else: Waits
//! Waits    -- poll ------->   the cases that were woken since are polled, and no others
//! Over     -- poll ------->   panics
//! ```
//!
//! * A case is polled with a waker of its own, which puts it on the list of those that were woken
//!   (see `ready`). A wake-up costs the same whatever the number of cases.
//! * The first case that is ready is the one that commits. The poll that finds it polls no other
//!   afterwards, drops all futures, and returns then: whoever gets the output finds the losers gone.
//!   A loser that was given something meanwhile passes it on when it is dropped.
//! * If a case panics, all futures are dropped before the panic goes on.
//! * The order of those that are to be polled lies in the notes of `ready`: entry `0..left`. Which of
//!   them is next is drawn; the last entry takes its place.

use alloc::boxed::Box;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use sync_core::chance::{self, Rng};

use super::pinned::nth;
use super::ready::Ready;

/// Which of several that are ready is first.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Random,
    Seeded(Rng),
    Biased,
}

impl Order {
    pub(super) fn seeded(seed: u64) -> Self {
        Order::Seeded(Rng::new(seed))
    }

    /// Which of the entries `0..left`, whose numbers `at` tells, is next.
    fn next(&mut self, left: usize, at: impl Fn(usize) -> usize) -> usize {
        match self {
            Order::Random => chance::below(left),
            Order::Seeded(rng) => rng.below(left),
            Order::Biased => (0..left).min_by_key(|&i| at(i)).unwrap_or(0),
        }
    }
}

/// Waits until one of `cases` is ready, and drops the others.
///
/// Returns the number of that case and its output. If several are ready, one of them is picked at
/// random, each as likely as the others ([`biased`](SelectAll::biased): the first). Cases may be any
/// futures of one type: of locks, permits, events, messages, sleeps. For futures of several types there
/// are [`Select`](super::Select) at run time and [`select!`](crate::select!) where their number is known.
///
/// The futures are dropped *before* the output is returned. A lock that came to a loser meanwhile has been
/// passed on by then, so whatever is done with the output may take it.
///
/// It does not matter for the cost of a wake-up how many cases there are: only those that were woken are
/// polled. There are two allocations, one for the futures and one for their wakers. To select again and
/// again among the same cases, use a [`SelectSet`](super::SelectSet), which keeps their places in all
/// queues.
///
/// Without cases it waits for ever, as Go's `select {}` does.
///
/// # Cancel safety
///
/// Dropping it drops the cases; it is as cancel-safe as they are. What one of ours was given goes to the
/// next in line.
///
/// # Panics
///
/// The future panics if a case does, with all cases dropped; and if it is polled after it has completed.
///
/// # Examples
///
/// Whichever of a hundred backends has a place first:
///
/// ```
/// use async_sync::{Semaphore, select};
///
/// # sync_core::park::block_on(async {
/// let backends: Vec<_> = (0..100).map(|_| Semaphore::new(1)).collect();
/// let busy: Vec<_> = backends.iter().map(|backend| backend.try_acquire().unwrap()).collect();
/// backends[42].set_limit(2);
/// let (backend, permit) = select::select_all(backends.iter().map(Semaphore::acquire)).await;
/// assert_eq!(backend, 42);
/// let permit = permit.expect("nobody closes it");
/// # assert!(backends.iter().all(|backend| backend.waiters() == 0));
/// # drop(permit);
/// # });
/// ```
#[doc(alias = "reflect.Select")]
pub fn select_all<I>(cases: I) -> SelectAll<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    SelectAll {
        cases: Some(Box::into_pin(cases.into_iter().collect())),
        ready: None,
        order: Order::Random,
    }
}

/// The first of `cases`, in random order, that is ready at once; none if no case is. All are dropped.
///
/// This is the `default` of Go's select. Each case is polled once at most, so a future that is ready only
/// at its second poll is not.
///
/// # Examples
///
/// ```
/// use async_sync::{Mutex, select};
///
/// let locks = [Mutex::new('a'), Mutex::new('b')];
/// let held = locks[0].try_lock().unwrap();
/// let (number, guard) = select::try_select(locks.iter().map(Mutex::lock)).unwrap();
/// assert_eq!((number, *guard), (1, 'b'));
/// assert!(select::try_select(locks.iter().map(Mutex::lock)).is_none(), "nobody waited");
/// # drop(held);
/// ```
pub fn try_select<I>(cases: I) -> Option<(usize, <I::Item as Future>::Output)>
where
    I: IntoIterator<Item: Future>,
{
    select_all(cases).or_default()
}

/// The future of [`select_all`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct SelectAll<F> {
    /// None if it is over.
    cases: Option<Pin<Box<[F]>>>,
    /// Made by the first poll.
    ready: Option<Ready>,
    order: Order,
}

// The futures are in a box of their own.
impl<F> Unpin for SelectAll<F> {}

impl<F: Future> SelectAll<F> {
    pub(super) fn order(self, order: Order) -> Self {
        SelectAll { order, ..self }
    }

    /// Of several that are ready, the first one is picked.
    ///
    /// # Fairness
    ///
    /// A case that is always ready keeps those behind it from being picked for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::select::select_all;
    /// use std::future::ready;
    ///
    /// # sync_core::park::block_on(async {
    /// assert_eq!(select_all([ready('a'), ready('b')]).biased().await, (0, 'a'));
    /// # });
    /// ```
    pub fn biased(self) -> Self {
        self.order(Order::Biased)
    }

    /// Which of several is picked depends on the seed only. (Otherwise on the seed of the thread, see
    /// `sync_core::chance`, which the mini executor sets.)
    pub fn seed(self, seed: u64) -> Self {
        self.order(Order::seeded(seed))
    }

    /// The default case: does not wait. See [`try_select`].
    ///
    /// One that has been polled before answers by the cases that were woken since.
    #[must_use]
    pub fn or_default(mut self) -> Option<(usize, F::Output)> {
        match self.poll_cases(None) {
            Poll::Ready(chosen) => Some(chosen),
            Poll::Pending => None,
        }
    }

    /// Gives up after `limit`. A case that is ready at the first poll wins even if `limit` is zero.
    ///
    /// # Errors
    ///
    /// The output is [`Elapsed`](runtime::Elapsed) if no case was ready in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::{Event, select::select_all};
    /// use std::time::Duration;
    ///
    /// # async fn example<R: runtime::Timer>(rt: R) {
    /// let never = Event::new();
    /// let chosen = select_all([never.wait()]).timeout(&rt, Duration::from_millis(1)).await;
    /// assert!(chosen.is_err());
    /// # }
    /// ```
    #[cfg(feature = "runtime")]
    pub fn timeout<R: runtime::Timer>(
        self,
        timer: &R,
        limit: core::time::Duration,
    ) -> runtime::Timeout<R::Sleep, Self> {
        timer.timeout(limit, self)
    }

    /// Blocks the thread until a case is ready.
    ///
    /// # Panics
    ///
    /// If a case panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::{Latch, select::select_all};
    ///
    /// let latches = [Latch::new(1), Latch::new(0)];
    /// assert_eq!(select_all(latches.iter().map(Latch::wait)).wait_blocking(), (1, ()));
    /// ```
    #[cfg(feature = "std")]
    #[expect(clippy::must_use_candidate, reason = "to have waited may be enough")]
    pub fn wait_blocking(self) -> (usize, F::Output) {
        sync_core::park::block_on(self)
    }

    /// Without a waker it does not wait.
    fn poll_cases(&mut self, waker: Option<&Waker>) -> Poll<(usize, F::Output)> {
        let count = self.cases.as_ref().expect(COMPLETED).len();
        if count == 0 {
            return Poll::Pending;
        }
        let mut left = 0;
        let ready = self.ready.get_or_insert_with(|| {
            let ready = Ready::new(count);
            (0..count).for_each(|case| ready.set_note(case, case));
            left = count;
            ready
        });
        ready.drain(|ready, case| {
            ready.set_note(left, case);
            left += 1;
        });
        let mut end = End(&mut self.cases);
        while left > 0 {
            let next = self.order.next(left, |at| ready.note(at));
            let case = ready.note(next);
            left -= 1;
            ready.set_note(next, ready.note(left));
            let waker = ready.waker(case);
            let polled = end.case(case).poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(output) = polled {
                drop(end);
                return Poll::Ready((case, output));
            }
        }
        core::mem::forget(end);
        // From here on a panic is that of the task's waker, and concerns no case.
        if let Some(waker) = waker
            && !ready.sleep(waker)
        {
            // Somebody was woken meanwhile. Not polled at once: it may be one that wakes itself in order
            // to let others run.
            waker.wake_by_ref();
        }
        Poll::Pending
    }
}

/// Drops all cases when it is dropped: one has committed, or panicked.
struct End<'a, F>(&'a mut Option<Pin<Box<[F]>>>);

impl<F> End<'_, F> {
    fn case(&mut self, case: usize) -> Pin<&mut F> {
        nth(self.0.as_mut().expect(COMPLETED).as_mut(), case)
    }
}

impl<F> Drop for End<'_, F> {
    fn drop(&mut self) {
        // Of several destructors that panic, the others run all the same.
        *self.0 = None;
    }
}

const COMPLETED: &str = "a select was polled after it had completed";

impl<F: Future> Future for SelectAll<F> {
    type Output = (usize, F::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_cases(Some(cx.waker()))
    }
}

impl<F> fmt::Debug for SelectAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectAll")
            .field("cases", &self.cases.as_ref().map(|cases| cases.len()))
            .field("order", &self.order)
            .finish()
    }
}
