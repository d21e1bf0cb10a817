//! Executions in a task of their own: the work is polled by the runtime, each caller is woken once.
//!
//! ```text
//! spawn   a flight whose work belongs to a task from the beginning (`POLLING`), so no caller polls it
//! task    polls the work; ready or panicked: publishes the outcome as any caller would
//!         dropped before: aborted, or its runtime has shut down; all callers are told so
//! leave   the last caller: OVER, and the task is aborted; unless somebody asked to keep it going
//! ```
//!
//! The one who spawns is a caller until the task's handle is in its place, so nobody can be the last
//! to leave before there is something to abort.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use runtime::{JoinHandle, Spawn};

use super::flight::{Flight, and_dropped};
use super::futures::{JoinedOf, JoinedOwned};
use super::outcome::{Failure, Panicked};
use super::{SingleFlight, handle, stack};

impl<K, V, E, S> SingleFlight<K, V, E, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Joins the execution of `key` that is in flight, or begins one in a task of its own.
    ///
    /// The task polls the work whether or not any caller is polled, and each caller is woken once, when
    /// there is a result. (Whether a live execution that is joined has a task is up to whoever began
    /// it.) When the last caller leaves, the task is aborted, unless
    /// [`keep_going`](JoinedOf::keep_going) was called on one of them.
    ///
    /// # Errors
    ///
    /// The future's: what the work returned.
    ///
    /// # Panics
    ///
    /// If the runtime cannot spawn; then all who joined meanwhile are told that the task was aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use async_sync::SingleFlight;
    /// use runtime::TokioRuntime;
    ///
    /// let group = Arc::new(SingleFlight::<u32, String, ()>::new());
    /// let rt = TokioRuntime::current();
    /// let refresh = group.spawn(&rt, 7, || async { Ok("fresh".to_owned()) });
    /// assert!(refresh.keep_going(), "though we go away now");
    /// drop(refresh);
    /// let result = group.subscribe(&7).unwrap().await;
    /// assert_eq!(result.unwrap().value, "fresh");
    /// # });
    /// ```
    pub fn spawn<R, F, W>(self: &Arc<Self>, runtime: &R, key: K, work: F) -> JoinedOwned<K, V, E, S>
    where
        R: Spawn,
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        let hash = handle::hash(&self.hasher, &key);
        let found = self.table.get(hash, &key);
        let joined = found.as_ref().is_some_and(|flight| flight.raw().join());
        if joined && let Some(flight) = found {
            // SAFETY: joined in this moment.
            return unsafe { JoinedOf::new(Arc::clone(self), flight) };
        }
        let (inserted, flight) = self.insert(Flight::spawned(hash, key), found);
        // SAFETY: `insert` has joined in our name.
        let joined = unsafe { JoinedOf::new(Arc::clone(self), Arc::clone(&flight)) };
        if inserted {
            let task = runtime.spawn(Driver {
                work: Some(async move { work().await }),
                flight: Some(Arc::clone(&flight)),
                group: Arc::clone(self),
            });
            *flight.abort_slot() = Some(Box::new(move || task.abort()));
        }
        joined
    }
}

pin_project! {
    /// The task.
    struct Driver<W, K, V, E, S> {
        // None once it is over.
        #[pin]
        work: Option<W>,
        // None once there is an outcome.
        flight: Option<Arc<Flight<K, V, E>>>,
        group: Arc<SingleFlight<K, V, E, S>>,
    }

    impl<W, K, V, E, S> PinnedDrop for Driver<W, K, V, E, S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let dropped = catch_unwind(AssertUnwindSafe(|| this.work.set(None)));
            if let Some(flight) = this.flight.take() {
                let result = and_dropped(Err(Failure::Aborted), dropped);
                // SAFETY: the task has `POLLING`, and this is its end.
                unsafe { flight.finish(&this.group.table, result) };
            }
        }
    }
}

impl<W, K, V, E, S> Future for Driver<W, K, V, E, S>
where
    W: Future<Output = Result<V, E>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (Some(work), Some(flight)) = (this.work.as_mut().as_pin_mut(), &this.flight) else {
            panic!("a task was polled after it had completed");
        };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            stack::enter(flight.address(), || work.poll(cx))
        }));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result.map_err(Failure::Failed),
            Err(payload) => Err(Failure::Panicked(Panicked::new(payload))),
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| this.work.set(None)));
        let result = and_dropped(result, dropped);
        if let Some(flight) = this.flight.take() {
            // SAFETY: the task has `POLLING`, and this is its end.
            unsafe { flight.finish(&this.group.table, result) };
        }
        Poll::Ready(())
    }
}

impl<W, K, V, E, S> fmt::Debug for Driver<W, K, V, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
