//! The named futures of [`Barrier`]: the raw barrier's wait, and the action at the end.

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use sync_core::waiters::{Contains, Refused, Waiting};
use sync_core::word::Ticket;

use super::raw::{AGAIN, RawBarrier};
use super::{Action, Barrier, BarrierWaitResult, BrokenBarrier};

pin_project! {
    /// The future of [`Barrier::wait`], spelt [`Wait`], and of [`Barrier::wait_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitOf<H>
    where
        H: Deref,
        H::Target: Contains<1>,
    {
        #[pin]
        waiting: Waiting<H>,
    }
}

/// The future of [`Barrier::wait`].
pub type Wait<'a, A = super::NoAction> = WaitOf<&'a Barrier<A>>;

/// The future of [`Barrier::wait_owned`].
#[cfg(feature = "alloc")]
pub type WaitOwned<A = super::NoAction> = WaitOf<alloc::sync::Arc<Barrier<A>>>;

impl<'a, A: Action> Wait<'a, A> {
    #[inline]
    pub(super) fn new(barrier: &'a Barrier<A>) -> Self {
        WaitOf {
            waiting: Waiting::borrowed(barrier, 0),
        }
    }
}

#[cfg(feature = "alloc")]
impl<A: Action> WaitOwned<A> {
    #[inline]
    pub(super) fn new(barrier: alloc::sync::Arc<Barrier<A>>) -> Self {
        // SAFETY: an `Arc` dereferences to the same object as long as it exists.
        let waiting = unsafe { Waiting::new(barrier, 0) };
        WaitOf { waiting }
    }
}

/// Refers to a barrier, and so does its clone. Implemented for `&Barrier` and `Arc<Barrier>`.
trait Handle: Deref<Target: Contains<1>> + Sized {
    fn waiting(&self) -> Waiting<Self>;
}

impl<A: Action> Handle for &Barrier<A> {
    fn waiting(&self) -> Waiting<Self> {
        Waiting::borrowed(self, 0)
    }
}

#[cfg(feature = "alloc")]
impl<A: Action> Handle for alloc::sync::Arc<Barrier<A>> {
    fn waiting(&self) -> Waiting<Self> {
        // SAFETY: as in `new`.
        unsafe { Waiting::new(alloc::sync::Arc::clone(self), 0) }
    }
}

/// Breaks the barrier if the action panics.
struct Acting<'a>(&'a RawBarrier);

impl Acting<'_> {
    fn over(self, well: bool) {
        let raw = self.0;
        core::mem::forget(self);
        raw.acted(well);
    }
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        self.0.acted(false);
    }
}

impl<A: Action> Barrier<A> {
    /// All have arrived, the last with this ticket.
    fn complete(&self, ticket: Ticket) -> Result<BarrierWaitResult, BrokenBarrier<A::Error>> {
        let last = self.raw.is_last(ticket);
        if A::ACTS && last {
            let acting = Acting(&self.raw);
            let done = self.action.run();
            acting.over(done.is_ok());
            done.map_err(BrokenBarrier::ByAction)?;
        }
        Ok(BarrierWaitResult {
            generation: ticket.generation(),
            index: ticket.index(),
            is_leader: last,
        })
    }
}

#[allow(private_bounds, reason = "implemented for both handles that there are")]
impl<H, A> Future for WaitOf<H>
where
    H: Handle + Deref<Target = Barrier<A>>,
    A: Action,
{
    type Output = Result<BarrierWaitResult, BrokenBarrier<A::Error>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.project().waiting;
        loop {
            return match waiting.as_mut().poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(tag)) => {
                    Poll::Ready(waiting.holder().complete(Ticket::from_tag(tag)))
                }
                Poll::Ready(Err(Refused(AGAIN))) => {
                    // It came while the action was run. That is over: it arrives now.
                    let afresh = waiting.holder().waiting();
                    waiting.set(afresh);
                    continue;
                }
                Poll::Ready(Err(_)) => Poll::Ready(Err(BrokenBarrier::ByOthers)),
            };
        }
    }
}

impl<H> fmt::Debug for WaitOf<H>
where
    H: Deref<Target: Contains<1>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.waiting).finish()
    }
}
