//! Sending as a case of a select.
//!
//! A `Sending` that waits has its item at hand for whoever makes room: it may be taken while the select
//! picks another case, and two things would have happened. So the case waits for a *place*, which is kept
//! for it alone, and puts the item there in the poll that returns: the case commits when it is polled, and
//! not while it waits. If it loses, the place goes to the next sender.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::channel::{Reserve, SendError, Sender};

/// Sends `item` if this case is chosen; otherwise it was not sent, and is dropped.
///
/// In a select this is to be used instead of [`Sender::send`], which may send *and* lose. Who wants to keep
/// an item that was not sent uses [`Sender::reserve`] as the case, and sends in the body.
///
/// In a rendezvous channel it waits until somebody receives. A receive of the same select counts as
/// somebody, as does one of the same task in a `join!`: a select that sends to and receives from one
/// rendezvous channel sends to itself, and its item waits in the channel for the next who receives. (Go's
/// would wait for another goroutine.)
///
/// # Errors
///
/// The output is a [`SendError`] with the item if the channel is closed.
///
/// # Cancel safety
///
/// Dropped before it is ready, it has not sent.
///
/// # Panics
///
/// If it is polled after it has completed.
///
/// # Examples
///
/// ```
/// use async_sync::{channel, select};
///
/// # sync_core::park::block_on(async {
/// let (quick, out) = channel::bounded(1);
/// let (busy, _nobody) = channel::rendezvous();
/// select! {
///     sent = select::send(&busy, 'b') => unreachable!("nobody receives: {sent:?}"),
///     sent = select::send(&quick, 'q') => sent.unwrap(),
/// }
/// assert_eq!(out.recv().await, Some('q'));
/// # });
/// ```
pub fn send<T>(sender: &Sender<T>, item: T) -> SendCase<'_, T> {
    SendCase {
        place: sender.reserve(),
        item: Some(item),
    }
}

pin_project! {
    /// The future of [`send`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct SendCase<'a, T> {
        #[pin]
        place: Reserve<'a, T>,
        item: Option<T>,
    }
}

impl<T> Future for SendCase<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let place = ready!(this.place.poll(cx));
        let item = this.item.take().expect("it has not completed");
        Poll::Ready(match place {
            Ok(permit) => permit.send(item),
            Err(_) => Err(SendError(item)),
        })
    }
}

impl<T> fmt::Debug for SendCase<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendCase").field(&self.place).finish()
    }
}
