//! One execution: the work, its outcome, and who may touch which of them when.
//!
//! `raw` decides whose turn it is; here is what the turns are about. The work is polled under
//! `catch_unwind`, so a panic is an outcome, and is dropped before the outcome is published, so
//! that a caller who has the outcome knows that the work is gone.
//!
//! The order at the end: drop the work; take the entry out of the table (from now on, callers of the
//! key begin anew); write the outcome; `DONE`; wake everybody. So `len()` is zero when the first
//! caller returns.
//!
//! The flight is the waker of its own work. A work that keeps a clone of it would keep itself
//! alive; it does not, as it is dropped by whoever ends the execution, not with the flight.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use sync_core::atomic::UnsafeCell;
use sync_core::waiters::{Contains, Driver};
use sync_core::word::FlightState;

use super::outcome::{Failure, Outcome, Panicked};
use super::raw::RawFlight;
use super::stack;
use super::table::Table;

pub(super) type Work<V, E> = Pin<Box<dyn Future<Output = Result<V, E>> + Send>>;

/// How often a work that is woken while it is polled is polled by the same caller. A wake-up that
/// races with a poll is common, a second one is not; and a work that wakes itself in order to let
/// others run is not to be polled for ever.
const POLLS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 3 };

pub(super) struct Flight<K, V, E> {
    raw: RawFlight,
    hash: u64,
    key: K,
    /// Belongs to who has `POLLING`, or has set `OVER`. None if a task has the work.
    work: UnsafeCell<Option<Work<V, E>>>,
    /// Belongs to who has `POLLING` until `DONE`, then shared by the callers.
    outcome: UnsafeCell<Option<Landed<V, E>>>,
    /// Whether a task has the work.
    #[cfg(feature = "runtime")]
    spawned: bool,
    /// Aborts that task.
    #[cfg(feature = "runtime")]
    abort: std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

// SAFETY: the cells are accessed by one thread at a time, as `raw` says, but for `&Landed`, which all
// callers may have, hence V: Sync and E: Sync. The work is Send, and is only accessed exclusively.
unsafe impl<K: Send, V: Send, E: Send> Send for Flight<K, V, E> {}
// SAFETY: as above.
unsafe impl<K: Send + Sync, V: Send + Sync, E: Send + Sync> Sync for Flight<K, V, E> {}

/// The outcome, and how many it is for.
struct Landed<V, E> {
    result: Result<V, Failure<E>>,
    callers: u32,
}

impl<V, E> Landed<V, E> {
    fn tell(self) -> Result<Outcome<V>, Failure<E>> {
        Ok(Outcome {
            value: self.result?,
            shared: self.callers > 1,
            callers: self.callers as usize,
        })
    }
}

/// What came of polling the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driven {
    /// There is an outcome.
    Done,
    /// It will be woken.
    Pending,
    /// It was woken more often than this caller cares to poll it. All others have been woken.
    Again,
}

impl<K, V, E> Flight<K, V, E> {
    fn with(raw: RawFlight, hash: u64, key: K, work: Option<Work<V, E>>) -> Arc<Self> {
        Arc::new(Flight {
            raw,
            hash,
            key,
            #[cfg(feature = "runtime")]
            spawned: work.is_none(),
            work: UnsafeCell::new(work),
            outcome: UnsafeCell::new(None),
            #[cfg(feature = "runtime")]
            abort: std::sync::Mutex::new(None),
        })
    }

    /// A flight with one caller, which polls the work itself.
    pub(super) fn new(hash: u64, key: K, work: Work<V, E>) -> Arc<Self> {
        Flight::with(RawFlight::new(), hash, key, Some(work))
    }

    /// A flight with one caller, whose work is elsewhere.
    #[cfg(feature = "runtime")]
    pub(super) fn spawned(hash: u64, key: K) -> Arc<Self> {
        Flight::with(RawFlight::spawned(), hash, key, None)
    }

    #[cfg(feature = "runtime")]
    pub(super) fn is_spawned(&self) -> bool {
        self.spawned
    }

    #[inline]
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    #[inline]
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    #[inline]
    pub(super) fn raw(&self) -> &RawFlight {
        &self.raw
    }

    #[inline]
    pub(super) fn state(&self) -> FlightState {
        self.raw.state()
    }

    /// For [`stack`].
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Drops the work.
    ///
    /// # Safety
    ///
    /// The caller has `POLLING`, or has set `OVER` when nobody had it.
    unsafe fn drop_work(&self) {
        // SAFETY: the work is the caller's. It is moved out of the cell, not out of its box, and
        // dropped when the cell is not accessed any more.
        drop(self.work.with_mut(|work| unsafe { (*work).take() }));
    }

    /// # Safety
    ///
    /// The outcome belongs to the caller alone.
    unsafe fn take_outcome(&self) -> Option<Landed<V, E>> {
        // SAFETY: the caller's promise.
        self.outcome
            .with_mut(|outcome| unsafe { (*outcome).take() })
    }

    /// Publishes the outcome.
    ///
    /// # Safety
    ///
    /// The caller has `POLLING`, and does not use it again.
    pub(super) unsafe fn finish(&self, table: &Table<K, V, E>, result: Result<V, Failure<E>>) {
        // Dropped at the end: it may be the last one but the caller's.
        let _entry = table.remove(self);
        let landed = Landed { result, callers: 0 };
        // SAFETY: nobody looks at the outcome before `DONE`; the cell was empty.
        self.outcome
            .with_mut(|outcome| unsafe { *outcome = Some(landed) });
        let mut left = 0;
        let wanted = self.raw.complete(|callers| {
            left = callers;
            self.outcome.with_mut(|outcome| {
                // SAFETY: as above. This runs before the exchange that publishes it.
                if let Some(landed) = unsafe { &mut *outcome } {
                    landed.callers = callers;
                }
            });
        });
        if !wanted || left == 0 {
            // SAFETY: there are no callers, and none can come.
            drop(unsafe { self.take_outcome() });
            return;
        }
        self.raw.wake_all();
    }

    /// A caller takes its share of the outcome. It leaves afterwards.
    ///
    /// # Safety
    ///
    /// The execution is done, and the caller is one that has not left.
    pub(super) unsafe fn take(&self) -> Result<Outcome<V>, Failure<E>>
    where
        V: Clone,
        E: Clone,
    {
        let landed = if self.state().callers() == 1 {
            // SAFETY: nobody joins what is done, and all others have left: `state` is Acquire.
            unsafe { self.take_outcome() }
        } else {
            // SAFETY: written before `DONE`, and not changed while there is another caller, or this
            // one has not left. Cloning is foreign code; it has no way to this cell.
            self.outcome
                .with(|outcome| unsafe { (*outcome).as_ref() }.cloned())
        };
        landed.expect("who has not left has not taken it").tell()
    }

    /// A caller goes.
    ///
    /// # Safety
    ///
    /// It has joined, and not left.
    pub(super) unsafe fn leave(&self, table: &Table<K, V, E>) {
        let (old, new) = self.raw.leave();
        if new.callers() != 0 {
            return;
        }
        if new.is_done() {
            // SAFETY: it was the last one, and saw all others leave.
            drop(unsafe { self.take_outcome() });
        } else if new.is_over() {
            // The table first: should the work's destructor panic, no entry is left behind.
            let _entry = table.remove(self);
            if old.is_polling() {
                self.abort();
            } else {
                // SAFETY: this thread has set OVER when nobody polled.
                unsafe { self.drop_work() };
            }
        }
    }

    #[cfg(feature = "runtime")]
    fn abort(&self) {
        let abort = self.abort_slot().take();
        if let Some(abort) = abort {
            abort();
        }
    }

    /// Nobody polls but a caller, so the last caller does not leave while somebody polls.
    #[cfg(not(feature = "runtime"))]
    fn abort(&self) {
        unreachable!("the work is polled by somebody who has left");
    }

    /// To be called when all callers have left. Set by a caller, who thereby has not left.
    #[cfg(feature = "runtime")]
    pub(super) fn abort_slot(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn FnOnce() + Send>>> {
        self.abort
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<V: Clone, E: Clone> Clone for Landed<V, E> {
    fn clone(&self) -> Self {
        Landed {
            result: self.result.clone(),
            callers: self.callers,
        }
    }
}

impl<K, V, E> Flight<K, V, E>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Polls the work.
    ///
    /// # Safety
    ///
    /// The caller has got `POLLING` from [`RawFlight::begin_poll`], and loses it.
    pub(super) unsafe fn drive(self: &Arc<Self>, table: &Table<K, V, E>) -> Driven {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        for poll in 1.. {
            let polled = catch_unwind(AssertUnwindSafe(|| {
                stack::enter(self.address(), || {
                    self.work.with_mut(|work| {
                        // SAFETY: `POLLING` is ours, so the work is.
                        let work = unsafe { (*work).as_mut() };
                        let work = work.expect("whoever dropped it has made an end");
                        work.as_mut().poll(&mut cx)
                    })
                })
            }));
            let result = match polled {
                Ok(Poll::Pending) if poll == POLLS => {
                    // Gives it up whether or not it is woken: if not, that is `end_poll`.
                    if !self.raw.end_poll() {
                        return Driven::Pending;
                    }
                    self.raw.give_up_poll();
                    return Driven::Again;
                }
                Ok(Poll::Pending) if self.raw.end_poll() => continue,
                Ok(Poll::Pending) => return Driven::Pending,
                Ok(Poll::Ready(result)) => result.map_err(Failure::Failed),
                Err(payload) => Err(Failure::Panicked(Panicked::new(payload))),
            };
            // SAFETY: `POLLING` is ours.
            let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { self.drop_work() }));
            let result = and_dropped(result, dropped);
            // SAFETY: as above; this is the last use of it.
            unsafe { self.finish(table, result) };
            break;
        }
        Driven::Done
    }
}

/// The result of a work whose destructor has run. Of two panics the first counts.
pub(super) fn and_dropped<V, E>(
    result: Result<V, Failure<E>>,
    dropped: std::thread::Result<()>,
) -> Result<V, Failure<E>> {
    match (result, dropped) {
        (result @ Err(Failure::Panicked(_)), _) | (result, Ok(())) => result,
        (unwanted, Err(payload)) => {
            // Its destructor is foreign, too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
            Err(Failure::Panicked(Panicked::new(payload)))
        }
    }
}

/// The waker of the work.
impl<K, V, E> Wake for Flight<K, V, E>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        self.raw.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raw.wake();
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl<K, V, E> Contains<1> for Flight<K, V, E> {
    type Raw = RawFlight;

    #[inline]
    fn raw(&self, _: Driver) -> &RawFlight {
        &self.raw
    }
}

impl<K, V, E> fmt::Debug for Flight<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("raw", &self.raw).finish()
    }
}
