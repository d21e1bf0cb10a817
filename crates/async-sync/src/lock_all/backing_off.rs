//! By trial: the future that waits for one lock while it holds none, and tries the rest.
//!
//! ```text
//! Wait(i)     i is waited for, no other is held
//! Try         i is held: the others are tried; all: over. j is busy: everything is released, Wait(j)
//! Order(at)   after PATIENCE failures: as `ordered`, from nothing
//! ```
//!
//! Nobody waits in a circle: who waits by trial holds nothing, and those who hold something while they
//! wait take their locks in one order. And nobody tries for ever: two that take each other's locks away
//! do so PATIENCE times at most, then both queue in one order, where each lock's own fairness holds.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::ordered::release;
use super::set::{LockSet, Op, Slots, sealed::Token};

/// Failures after which the locks are taken in order.
const PATIENCE: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait { first: usize, failures: usize },
    Order { at: usize },
    Done,
}

pin_project! {
    /// The future of [`lock_all_backing_off`](super::lock_all_backing_off).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct LockAllBackingOff<S>
    where
        S: LockSet,
    {
        #[pin]
        slots: S::Slots,
        order: <S::Slots as Slots>::Order,
        step: Step,
    }

    impl<S: LockSet> PinnedDrop for LockAllBackingOff<S> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if !matches!(this.step, Step::Done) {
                release(this.slots, this.order.as_ref());
            }
        }
    }
}

/// Releases these slots, even if a waker panics on the way: a future that is polled again shall not wait
/// for the next lock with others in hand.
fn release_surely<S: Slots>(slots: Pin<&mut S>, order: &[usize]) {
    struct Rest<'a, S: Slots>(Pin<&'a mut S>, &'a [usize]);
    impl<S: Slots> Drop for Rest<'_, S> {
        fn drop(&mut self) {
            release(self.0.as_mut(), self.1);
        }
    }
    let mut rest = Rest(slots, order);
    release(rest.0.as_mut(), rest.1);
    core::mem::forget(rest);
}

impl<S: LockSet> LockAllBackingOff<S> {
    #[inline]
    #[track_caller]
    pub(super) fn new(set: S) -> Self {
        let slots = set.open(Token);
        let order = slots.order();
        LockAllBackingOff {
            slots,
            order,
            step: Step::Wait {
                first: 0,
                failures: 0,
            },
        }
    }
}

impl<S: LockSet> Future for LockAllBackingOff<S> {
    type Output = S::Guards;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Guards> {
        let mut this = self.project();
        let order = this.order.as_ref();
        loop {
            match *this.step {
                Step::Done => panic!("a future was polled after it had completed"),
                Step::Wait { first, failures } if first < order.len() => {
                    if !this.slots.as_mut().act(first, Op::Poll(cx)) {
                        return Poll::Pending;
                    }
                    let busy = (0..order.len()).find(|i| !this.slots.as_mut().act(*i, Op::Try));
                    let Some(busy) = busy else {
                        *this.step = Step::Done;
                        return Poll::Ready(this.slots.take());
                    };
                    *this.step = if failures + 1 < PATIENCE {
                        Step::Wait {
                            first: busy,
                            failures: failures + 1,
                        }
                    } else {
                        Step::Order { at: 0 }
                    };
                    release_surely(this.slots.as_mut(), order);
                }
                Step::Wait { .. } => *this.step = Step::Order { at: 0 }, // an empty set
                Step::Order { at } => match order.get(at) {
                    Some(i) => {
                        if !this.slots.as_mut().act(*i, Op::Poll(cx)) {
                            return Poll::Pending;
                        }
                        *this.step = Step::Order { at: at + 1 };
                    }
                    None => {
                        *this.step = Step::Done;
                        return Poll::Ready(this.slots.take());
                    }
                },
            }
        }
    }
}

impl<S: LockSet> fmt::Debug for LockAllBackingOff<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockAllBackingOff")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
