//! The part of an adapter that is the same for every runtime: a task and its handle.
//!
//! `Task` is polled by the runtime, `TaskHandle` is held by the spawner, and both share one slot:
//!
//! * Each poll of the task leaves its waker in the slot *before* it looks at the abort flag, and
//!   `abort` sets the flag before it takes the waker, so an abort is never missed.
//! * The future is dropped before the outcome is published. Every drop of it happens inside
//!   `catch_unwind`, because some executors abort the process when a destructor panics.
//! * The outcome is published exactly once: by the poll that ends the task, or by the drop of a
//!   task that its runtime gave up (then it is `Aborted`).
//!
//! The lock guards a few moves. Wakers, futures and outputs are called, cloned and dropped after
//! it is released.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::{JoinError, JoinHandle};

/// Splits `future` into a [`Task`] for a runtime to poll and a [`TaskHandle`] for the spawner.
///
/// This is for writing adapters, see the [crate's example](crate#an-adapter-for-your-own-runtime).
///
/// # Examples
///
/// ```
/// use futures::executor::block_on;
///
/// let (task, handle) = runtime::task(async { 6 * 7 });
/// let worker = std::thread::spawn(move || block_on(task));
/// assert_eq!(block_on(handle).unwrap(), 42);
/// worker.join().unwrap();
/// ```
pub fn task<F: Future>(future: F) -> (Task<F>, TaskHandle<F::Output>) {
    let slot = Arc::new(Slot(Mutex::new(State {
        aborted: false,
        detached: false,
        task: None,
        joiner: None,
        outcome: Outcome::Running,
    })));
    (
        Task {
            future: Some(future),
            slot: slot.clone(),
        },
        TaskHandle { slot },
    )
}

struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    aborted: bool,
    /// The handle is gone: nobody will take the outcome.
    detached: bool,
    /// Wakes the task, for `abort`.
    task: Option<Waker>,
    /// Wakes whoever awaits the handle.
    joiner: Option<Waker>,
    outcome: Outcome<T>,
}

enum Outcome<T> {
    Running,
    Finished(Result<T, JoinError>),
    Taken,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No foreign code runs under the lock, so a poisoned one is still consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the waker that `place` selects, and gives the lock back to look at the state.
    fn register(
        &self,
        waker: &Waker,
        place: fn(&mut State<T>) -> &mut Option<Waker>,
    ) -> MutexGuard<'_, State<T>> {
        let mut state = self.lock();
        if place(&mut state)
            .as_ref()
            .is_some_and(|old| old.will_wake(waker))
        {
            return state;
        }
        drop(state);
        let new = waker.clone();
        let old = place(&mut self.lock()).replace(new);
        drop(old);
        self.lock()
    }

    fn finish(&self, result: Result<T, JoinError>) {
        let mut state = self.lock();
        let task = state.task.take();
        let joiner = state.joiner.take();
        let unwanted = if state.detached {
            state.outcome = Outcome::Taken;
            Some(result)
        } else {
            state.outcome = Outcome::Finished(result);
            None
        };
        drop(state);
        drop(task);
        if let Some(result) = unwanted {
            // As the future's own destructor: nobody is left to be told of its panic.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(result)));
        }
        if let Some(joiner) = joiner {
            joiner.wake();
        }
    }
}

pin_project! {
    /// A future wrapped for a runtime: it catches panics, obeys [`TaskHandle::abort`], and passes
    /// its output to the handle. Its own output is `()`.
    ///
    /// Made by [`task()`]. Dropping it before it has finished drops the future and gives
    /// [`JoinError::Aborted`] to the handle.
    ///
    /// # Panics
    ///
    /// Polling again after it has finished panics. Panics of the future are caught.
    #[must_use = "a task does nothing unless a runtime polls it"]
    pub struct Task<F>
    where
        F: Future,
    {
        // None once finished.
        #[pin]
        future: Option<F>,
        slot: Arc<Slot<F::Output>>,
    }

    impl<F> PinnedDrop for Task<F>
    where
        F: Future,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.as_mut().as_pin_mut().is_some() {
                let error = discard(this.future);
                this.slot.finish(Err(error));
            }
        }
    }
}

/// Drops the future and says how it ended: aborted, or with the panic of its destructor.
fn discard<F>(mut future: Pin<&mut Option<F>>) -> JoinError {
    match catch_unwind(AssertUnwindSafe(|| future.set(None))) {
        Ok(()) => JoinError::Aborted,
        Err(payload) => JoinError::Panicked(payload),
    }
}

impl<F: Future> Future for Task<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // Not `is_some`: a shared reference to a future that borrows from itself invalidates those
        // borrows, by the rules that miri checks.
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("Task polled after completion");
        };
        let aborted = this
            .slot
            .register(cx.waker(), |state| &mut state.task)
            .aborted;
        let result = if aborted {
            Err(discard(this.future))
        } else {
            match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(output)) => match discard(this.future) {
                    JoinError::Aborted => Ok(output),
                    panicked => {
                        let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
                        Err(panicked)
                    }
                },
                Err(payload) => {
                    // The first panic is the one to report.
                    discard(this.future);
                    Err(JoinError::Panicked(payload))
                }
            }
        };
        this.slot.finish(result);
        Poll::Ready(())
    }
}

impl<F: Future> fmt::Debug for Task<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("finished", &self.future.is_none())
            .finish_non_exhaustive()
    }
}

/// The [`JoinHandle`] of a [`Task`].
///
/// `T` need not be `Send` for a handle that stays on its thread; the [`JoinHandle`] trait is
/// implemented where it is.
#[must_use = "dropping the handle detaches the task"]
pub struct TaskHandle<T> {
    slot: Arc<Slot<T>>,
}

impl<T> TaskHandle<T> {
    /// See [`JoinHandle::abort`].
    pub fn abort(&self) {
        let mut state = self.slot.lock();
        if !matches!(state.outcome, Outcome::Running) {
            return;
        }
        state.aborted = true;
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// See [`JoinHandle::is_finished`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !matches!(self.slot.lock().outcome, Outcome::Running)
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.register(cx.waker(), |state| &mut state.joiner);
        match mem::replace(&mut state.outcome, Outcome::Taken) {
            Outcome::Finished(result) => Poll::Ready(result),
            Outcome::Running => {
                state.outcome = Outcome::Running;
                Poll::Pending
            }
            Outcome::Taken => {
                drop(state);
                panic!("TaskHandle polled after completion")
            }
        }
    }
}

impl<T: Send> JoinHandle<T> for TaskHandle<T> {
    fn abort(&self) {
        self.abort();
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }
}

impl<T> Drop for TaskHandle<T> {
    fn drop(&mut self) {
        let mut state = self.slot.lock();
        state.detached = true;
        let joiner = state.joiner.take();
        let unwanted = match state.outcome {
            Outcome::Running => None,
            _ => Some(mem::replace(&mut state.outcome, Outcome::Taken)),
        };
        drop(state);
        drop(joiner);
        drop(unwanted);
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
