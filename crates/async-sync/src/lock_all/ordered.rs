//! In one order: the future that takes the locks of a set by ascending identity.
//!
//! ```text
//! at = 0 ..     order[..at] are held, order[at] is waited for, the rest is untouched
//! dropped       order[..=at] are released, the last first
//! ```
//!
//! Why nobody waits in a circle: everybody who waits for a lock holds only locks of a lower identity,
//! so along a chain of waiting holders the identities rise, and it ends with one that does not wait.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::set::{LockSet, Op, Slots, sealed::Token};

pin_project! {
    /// The future of [`lock_all`](super::lock_all()).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct LockAll<S>
    where
        S: LockSet,
    {
        #[pin]
        slots: S::Slots,
        order: <S::Slots as Slots>::Order,
        // How many are held; more than there are when the future is over.
        at: usize,
    }

    impl<S: LockSet> PinnedDrop for LockAll<S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let order = this.order.as_ref();
            if *this.at <= order.len() {
                release(this.slots, &order[..order.len().min(*this.at + 1)]);
            }
        }
    }
}

const OVER: usize = usize::MAX;

/// Releases these slots, the last first. (If a waker panics on the way, the destructors of the slots do
/// the rest.)
pub(super) fn release<S: Slots>(mut slots: Pin<&mut S>, order: &[usize]) {
    for i in order.iter().rev() {
        slots.as_mut().act(*i, Op::Release);
    }
}

impl<S: LockSet> LockAll<S> {
    #[inline]
    #[track_caller]
    pub(super) fn new(set: S) -> Self {
        let slots = set.open(Token);
        let order = slots.order();
        LockAll {
            slots,
            order,
            at: 0,
        }
    }

    /// All or nothing, without waiting.
    #[inline]
    pub(super) fn try_now(self: Pin<&mut Self>) -> Option<S::Guards> {
        let mut this = self.project();
        let order = this.order.as_ref();
        while let Some(i) = order.get(*this.at) {
            if !this.slots.as_mut().act(*i, Op::Try) {
                return None; // the destructor releases the others
            }
            *this.at += 1;
        }
        *this.at = OVER;
        Some(this.slots.take())
    }
}

impl<S: LockSet> Future for LockAll<S> {
    type Output = S::Guards;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Guards> {
        let mut this = self.project();
        let order = this.order.as_ref();
        assert!(
            *this.at <= order.len(),
            "a future was polled after it had completed"
        );
        while let Some(i) = order.get(*this.at) {
            if !this.slots.as_mut().act(*i, Op::Poll(cx)) {
                return Poll::Pending;
            }
            *this.at += 1;
        }
        *this.at = OVER;
        Poll::Ready(this.slots.take())
    }
}

impl<S: LockSet> fmt::Debug for LockAll<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.order.as_ref();
        f.debug_struct("LockAll")
            .field("held", &order.get(..self.at).unwrap_or_default())
            .field("waits_for", &order.get(self.at))
            .finish()
    }
}
