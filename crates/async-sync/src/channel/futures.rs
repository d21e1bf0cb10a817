//! The named futures: an attempt, then the wait in the queue, with a slot for the item.
//!
//! An attempt costs one exchange and one store, and touches neither the node nor, but for moving the item,
//! the slot. Only who has to wait writes the mark of the slot on its node.

use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::{Mark, Slot, Waiting};

use super::error::{ReserveError, SendError, TryRecvError, TryReserveError, TrySendError};
use super::permit::Permit;
use super::raw::{Chan, LANES, Otherwise};
use super::{Receiver, Sender};

/// How an owned or a borrowed wait refers to its channel.
pub(super) trait Refers<T>: core::ops::Deref<Target = Chan<T>> {}
impl<T, H: core::ops::Deref<Target = Chan<T>>> Refers<T> for H {}

/// The next item, if it can be had; else waits for it.
#[inline(always)]
pub(super) fn poll_recv<T, H: Refers<T>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    slot: Pin<&mut Slot<T>>,
    cx: &mut Context<'_>,
) -> Poll<Option<T>> {
    let attempt = waiting
        .as_mut()
        .attempt(|chan| match chan.try_take(Otherwise::Waits) {
            Err(TryRecvError::Empty) => None,
            done => Some(done.ok()),
        });
    match attempt {
        Some(done) => Poll::Ready(done),
        None => wait_to_recv(waiting, slot, cx),
    }
}

// What follows is out of line, where it does not take registers from those who need not wait.

#[inline(never)]
fn wait_to_recv<T, H: Refers<T>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    slot: Pin<&mut Slot<T>>,
    cx: &mut Context<'_>,
) -> Poll<Option<T>> {
    let mark = slot.into_ref().get_ref().get();
    let queued = waiting
        .as_mut()
        .queue_briefly(cx, mark, |chan, queue| chan.keeps_receiver(queue));
    let Err(mine) = queued else {
        return Poll::Pending;
    };
    let claimed = waiting.as_mut().claim_briefly(
        |chan, queue| chan.may_claim(queue),
        |chan, queue| chan.claim_first(queue),
    );
    if claimed.is_some() {
        return Poll::Ready(claimed);
    }
    let result = ready!(waiting.as_mut().poll_marked(cx, mark, mine));
    // SAFETY: the mark is that of the slot beside the waiter, for a `T`. The wait is over, so the waiter
    // is not linked, and the slot is ours.
    Poll::Ready(result.ok().and_then(|_| unsafe { mark.take() }))
}

/// Sends what is in the slot, if there is room; else waits for it.
#[inline(always)]
pub(super) fn poll_send<T, H: Refers<T>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    slot: Pin<&mut Slot<T>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), SendError<T>>> {
    let mark = slot.into_ref().get_ref().put();
    let attempt = waiting.as_mut().attempt(|chan| {
        // SAFETY: the mark is that of the slot beside the waiter, for a `T`. The waiter is idle, hence not
        // linked, and the slot is ours.
        let Some(item) = (unsafe { mark.take() }) else {
            return Some(Ok(())); // the last poll sent it and did not return, because a waker panicked
        };
        match chan.try_put(item, Otherwise::Waits) {
            Err(TrySendError::Full(item)) => {
                // SAFETY: as above.
                unsafe { mark.fill(item) };
                None
            }
            done => Some(done.map_err(|error| SendError(error.into_inner()))),
        }
    });
    match attempt {
        Some(done) => Poll::Ready(done),
        None => wait_to_send(waiting, mark, cx),
    }
}

/// The mark is that of the slot beside the waiter, for a `T`.
#[inline(never)]
fn wait_to_send<T, H: Refers<T>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    mark: Mark,
    cx: &mut Context<'_>,
) -> Poll<Result<(), SendError<T>>> {
    let queued = waiting
        .as_mut()
        .queue_briefly(cx, mark, |chan, queue| chan.keeps_sender(queue));
    let Err(mine) = queued else {
        return Poll::Pending;
    };
    let result = ready!(waiting.as_mut().poll_marked(cx, mark, mine));
    Poll::Ready(result.map(|_| ()).map_err(|_| {
        // SAFETY: as above; the wait is over, so the waiter is not linked.
        let item = unsafe { mark.take() };
        SendError(item.expect("what was refused was not taken"))
    }))
}

/// Reserves a place, if there is one; else waits for it.
pub(super) fn poll_reserve<T, H: Refers<T>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ReserveError>> {
    if waiting.is_idle() {
        let attempt = waiting.holder().try_reserve();
        if attempt != Err(TryReserveError::Full) {
            waiting.finish();
            return Poll::Ready(attempt.map_err(ReserveError::from));
        }
    }
    let result = ready!(waiting.as_mut().poll_marked(cx, Mark::PLACE, None));
    Poll::Ready(result.map(|_| ()).map_err(|_| ReserveError))
}

pin_project! {
    /// The future of [`Sender::send`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sending<'a, T> {
        // Dropped first: the waiter leaves the queue, from where its mark leads to the slot.
        #[pin]
        waiting: Waiting<&'a Chan<T>, LANES>,
        #[pin]
        slot: Slot<T>,
    }
}

impl<'a, T> Sending<'a, T> {
    #[inline]
    pub(super) fn new(sender: &'a Sender<T>, item: T) -> Self {
        Sending {
            waiting: Waiting::borrowed(&*sender.handle, 0),
            slot: Slot::new(Some(item)),
        }
    }
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_send(this.waiting, this.slot, cx)
    }
}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        // Dropped first, as in `Sending`.
        #[pin]
        waiting: Waiting<&'a Chan<T>, LANES>,
        #[pin]
        slot: Slot<T>,
    }
}

impl<'a, T> Recv<'a, T> {
    #[inline]
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Recv {
            waiting: Waiting::borrowed(&*receiver.handle, 0),
            slot: Slot::new(None),
        }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_recv(this.waiting, this.slot, cx)
    }
}

pin_project! {
    /// The future of [`Receiver::recv_many`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RecvMany<'a, T> {
        #[pin]
        recv: Recv<'a, T>,
        receiver: &'a Receiver<T>,
        buffer: &'a mut Vec<T>,
        limit: usize,
    }
}

impl<'a, T> RecvMany<'a, T> {
    #[inline]
    pub(super) fn new(receiver: &'a Receiver<T>, buffer: &'a mut Vec<T>, limit: usize) -> Self {
        RecvMany {
            recv: receiver.recv(),
            receiver,
            buffer,
            limit,
        }
    }
}

/// Items that are taken under one lock, which is held for a bounded time.
const AT_ONCE: usize = 32;

impl<T> Future for RecvMany<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let mut this = self.project();
        if *this.limit == 0 && this.recv.waiting.is_idle() {
            this.recv.project().waiting.finish();
            return Poll::Ready(0);
        }
        let Some(item) = ready!(this.recv.as_mut().poll(cx)) else {
            return Poll::Ready(0);
        };
        this.buffer.push(item);
        let mut count = 1;
        while count < *this.limit {
            // Only as much room as there are items: the limit may be `usize::MAX`.
            let wanted = (*this.limit - count).min(AT_ONCE);
            this.buffer.reserve(this.receiver.len().min(wanted));
            let taken = this.receiver.handle.take_many(this.buffer, wanted);
            if taken == 0 {
                break;
            }
            count += taken;
        }
        Poll::Ready(count)
    }
}

pin_project! {
    /// The future of [`Sender::reserve`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Reserve<'a, T> {
        #[pin]
        waiting: Waiting<&'a Chan<T>, LANES>,
    }
}

impl<'a, T> Reserve<'a, T> {
    #[inline]
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        Reserve {
            waiting: Waiting::borrowed(&*sender.handle, 0),
        }
    }
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, ReserveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.project().waiting;
        ready!(poll_reserve(waiting.as_mut(), cx))?;
        Poll::Ready(Ok(Permit::new(waiting.holder())))
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sending").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for RecvMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany")
            .field("recv", &self.recv)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reserve").field(&self.waiting).finish()
    }
}
