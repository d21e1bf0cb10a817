//! A receiver as a `Stream`: a wait that starts again after each item.

use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::futures::poll_recv;
use super::raw::{LANES, Shared};
use super::{Lagged, Receiver, RecvError};

pin_project! {
    /// A [`Receiver`] as a `Stream` of its items. From [`Receiver::into_stream`].
    ///
    /// # Cancel safety
    ///
    /// Loses no item when it is not polled any more after it returned `Pending`, but for those that it then
    /// lags behind.
    #[must_use = "streams do nothing unless polled"]
    pub struct RecvStream<T> {
        #[pin]
        waiting: Waiting<Arc<Shared<T>>, LANES>,
        receiver: Receiver<T>,
        ended: bool,
    }
}

impl<T: Clone> Receiver<T> {
    /// The items as a `Stream`, which ends when the channel is closed and this receiver has had everything.
    /// Where items were missed, it says how many: [`Lagged`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::broadcast::{self, Lagged};
    /// use futures::StreamExt;
    ///
    /// let (sender, receiver) = broadcast::channel(2);
    /// for n in 1..=3 {
    ///     sender.send(n).unwrap();
    /// }
    /// drop(sender);
    /// let all: Vec<_> = receiver.into_stream().collect().await;
    /// assert_eq!(all, [Err(Lagged(1)), Ok(2), Ok(3)]);
    /// # });
    /// ```
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream {
            // SAFETY: an `Arc` dereferences to the same object as long as it exists.
            waiting: unsafe { Waiting::new(Arc::clone(&self.shared), 0) },
            receiver: self,
            ended: false,
        }
    }
}

impl<T: Clone> Stream for RecvStream<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let cursor = &mut this.receiver.cursor;
        let received = ready!(poll_recv(this.waiting.as_mut(), cursor, cx));
        this.waiting.again();
        Poll::Ready(match received {
            Ok(item) => Some(Ok(item)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => {
                *this.ended = true;
                None
            }
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.ended { (0, Some(0)) } else { (0, None) }
    }
}

impl<T: Clone> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvStream").field(&self.waiting).finish()
    }
}
