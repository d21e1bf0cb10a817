//! The named futures of [`KeyedMutex`]: enter the key, wait for its mutex, and a guard at the end.
//!
//! ```text
//! New   --first poll: the key is entered-->  Wait  --the lock-->  Over
//! ```
//!
//! A future that is dropped in `Wait` leaves the queue of the mutex first (its node is in the future),
//! and then the key.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::KeyedMutex;
use super::guard::KeyGuard;
use super::table::{Home, Place};
use crate::mutex::RawMutex;

const COMPLETED: &str = "a future was polled after it had completed";

pin_project! {
    /// The future of [`KeyedMutex::lock`] and [`KeyedMutex::lock_owned`].
    ///
    /// Spelt [`KeyedLock`] or [`KeyedLockOwned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct LockKey<H: Home<Key = K, Value = RawMutex>, K> {
        #[pin]
        step: Step<H, K>,
    }
}

/// The future of [`KeyedMutex::lock`].
pub type KeyedLock<'a, K, S = std::hash::RandomState> = LockKey<&'a KeyedMutex<K, S>, K>;

/// The future of [`KeyedMutex::lock_owned`].
pub type KeyedLockOwned<K, S = std::hash::RandomState> = LockKey<Arc<KeyedMutex<K, S>>, K>;

pin_project! {
    #[project = StepProjection]
    enum Step<H: Home<Key = K, Value = RawMutex>, K> {
        New { wanted: Option<(H, u64, K)> },
        Wait { #[pin] waiting: Waiting<InLine<H, K>> },
        Over,
    }
}

/// A place whose mutex is waited for, until it is taken out.
struct InLine<H: Home<Key = K, Value = RawMutex>, K>(Option<Place<H, K, RawMutex>>);

impl<H: Home<Key = K, Value = RawMutex>, K> Deref for InLine<H, K> {
    type Target = RawMutex;

    fn deref(&self) -> &RawMutex {
        self.0.as_deref().expect(COMPLETED)
    }
}

impl<H: Home<Key = K, Value = RawMutex>, K> LockKey<H, K> {
    pub(super) fn new(home: H, hash: u64, key: K) -> Self {
        let wanted = Some((home, hash, key));
        LockKey {
            step: Step::New { wanted },
        }
    }
}

impl<H: Home<Key = K, Value = RawMutex>, K: Eq> Future for LockKey<H, K> {
    type Output = KeyGuard<H, K>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<KeyGuard<H, K>> {
        let mut step = self.project().step;
        if let StepProjection::New { wanted } = step.as_mut().project() {
            let (home, hash, key) = wanted.take().expect(COMPLETED);
            let place = Place::enter(home, hash, key, RawMutex::new);
            // SAFETY: the mutex lies in the place's `Arc`, which is taken out only after completion.
            let waiting = unsafe { Waiting::new(InLine(Some(place)), 0) };
            step.set(Step::Wait { waiting });
        }
        let StepProjection::Wait { mut waiting } = step.as_mut().project() else {
            panic!("{COMPLETED}");
        };
        // A mutex refuses nobody.
        let _ = ready!(waiting.as_mut().poll(cx));
        // SAFETY: the future has completed.
        let place = unsafe { waiting.holder_mut() }.0.take().expect(COMPLETED);
        let guard = KeyGuard::new(place);
        step.set(Step::Over);
        Poll::Ready(guard)
    }
}

impl<H: Home<Key = K, Value = RawMutex>, K> fmt::Debug for LockKey<H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::New { .. } => "has not begun",
            Step::Wait { .. } => "waits",
            Step::Over => "is over",
        };
        f.debug_tuple("LockKey")
            .field(&format_args!("{step}"))
            .finish()
    }
}
