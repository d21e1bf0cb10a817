//! A flag that can be awaited: what a group hands to its tasks, so that they can stop.
//!
//! This is the smallest thing that does the job. The `Context` of async-sync (a tree, with cause,
//! deadline and values) will take its place when it exists; `token`, `is_cancelled` and
//! `cancelled().await` will keep their names and their meaning.
//!
//! `cancel` sets the flag and *then* takes the wakers under the lock. `Cancelled` looks at the flag
//! *under* the lock before it leaves its waker. So either the waker was there to be taken, or the
//! lock was released by `cancel` before and the flag is seen: no wake-up is lost. Wakers are
//! cloned, called and dropped only while the lock is free.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// Tells tasks that they should stop. Clones share one flag.
///
/// A group makes one, gives it to the closures of [`spawn_with`], and cancels it as its
/// [`CancelPolicy`] says. It can also be made and used alone.
///
/// `Context` will replace it in a later version of this crate, with the same method names.
///
/// [`spawn_with`]: super::ErrGroupHandle::spawn_with
/// [`CancelPolicy`]: super::CancelPolicy
///
/// # Examples
///
/// ```
/// use orchestration::errgroup::CancelToken;
///
/// # mini_executor::block_on(async {
/// let token = CancelToken::new();
/// let other = token.clone();
/// assert!(!other.is_cancelled());
/// token.cancel();
/// other.cancelled().await;
/// assert!(other.is_cancelled());
/// # });
/// ```
#[derive(Clone, Default)]
#[doc(alias = "WithCancel")]
pub struct CancelToken {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    waiting: Mutex<Slab<Waker>>,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Slab<Waker>> {
        // Nothing foreign runs under the lock, so a poisoned one is still consistent.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels: every [`cancelled`](Self::cancelled), present and future, completes. Cancelling
    /// again does nothing.
    ///
    /// # Panics
    ///
    /// If a foreign waker panics, after all the others have been woken.
    pub fn cancel(&self) {
        // Release: what was done before the cancellation is seen by whoever sees the flag.
        if self.shared.cancelled.swap(true, Ordering::Release) {
            return;
        }
        let wakers = mem::take(&mut *self.shared.waiting());
        let mut panicked = None;
        for (_, waker) in wakers {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                panicked.get_or_insert(payload);
            }
        }
        if let Some(payload) = panicked {
            resume_unwind(payload);
        }
    }

    /// Whether the token was cancelled. One load.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Waits until the token is cancelled. The future does not borrow the token.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect but that its waker is forgotten.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled {
            shared: Arc::clone(&self.shared),
            key: None,
        }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// The future of [`CancelToken::cancelled`].
#[must_use = "futures do nothing unless polled"]
pub struct Cancelled {
    shared: Arc<Shared>,
    // Where our waker is. Stale once the token is cancelled, because `cancel` empties the slab.
    key: Option<usize>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.shared.cancelled.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut waiting = this.shared.waiting();
        let cancelled = this.shared.cancelled.load(Ordering::Acquire);
        let unused = if cancelled {
            Some(waker)
        } else if let Some(key) = this.key {
            Some(mem::replace(&mut waiting[key], waker))
        } else {
            this.key = Some(waiting.insert(waker));
            None
        };
        drop(waiting);
        drop(unused);
        if cancelled {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut waiting = self.shared.waiting();
            // After a cancellation the slab is empty and the key means nothing.
            let waker = if self.shared.cancelled.load(Ordering::Relaxed) {
                None
            } else {
                waiting.try_remove(key)
            };
            drop(waiting);
            drop(waker);
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled")
            .field("cancelled", &self.shared.cancelled.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
