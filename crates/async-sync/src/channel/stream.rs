//! The channel as a `Stream` and a `Sink`: a wait that starts again after each item.
//!
//! A handle has no node, because it can be moved; so each of these has one, and is pinned.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use pin_project_lite::pin_project;
use sync_core::waiters::{Slot, Waiting};

use super::error::SendError;
use super::futures::{poll_recv, poll_reserve};
use super::handle::{Handle, Receives, Sends};
use super::raw::LANES;
use super::{Receiver, Sender};

pin_project! {
    /// A [`Receiver`] as a `Stream` of its items. From [`Receiver::into_stream`].
    ///
    /// # Cancel safety
    ///
    /// Loses no item when it is dropped, nor when it is not polled any more after it returned `Pending`.
    #[must_use = "streams do nothing unless polled"]
    pub struct RecvStream<T> {
        // Dropped first: the waiter leaves the queue, from where its mark leads to the slot.
        #[pin]
        waiting: Waiting<Handle<T, Receives>, LANES>,
        #[pin]
        slot: Slot<T>,
        ended: bool,
    }
}

impl<T> Receiver<T> {
    /// The items as a `Stream`, which ends when the channel is closed and empty.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use futures::StreamExt;
    ///
    /// let (sender, receiver) = async_sync::channel::bounded(3);
    /// for n in 1..=3 {
    ///     sender.send(n).await.unwrap();
    /// }
    /// drop(sender);
    /// let doubled: Vec<_> = receiver.into_stream().map(|n| 2 * n).collect().await;
    /// assert_eq!(doubled, [2, 4, 6]);
    /// # });
    /// ```
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream {
            // SAFETY: a handle dereferences to the same channel as long as it exists.
            waiting: unsafe { Waiting::new(self.handle, 0) },
            slot: Slot::new(None),
            ended: false,
        }
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let item = ready!(poll_recv(this.waiting.as_mut(), this.slot, cx));
        *this.ended = item.is_none();
        this.waiting.again();
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.ended { (0, Some(0)) } else { (0, None) }
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvStream").field(&self.waiting).finish()
    }
}

pin_project! {
    /// A [`Sender`] as a `Sink`. From [`Sender::into_sink`].
    ///
    /// It is ready when it has a place, which it keeps until an item is sent or the sink is closed or
    /// dropped. There is nothing to flush. Closing it lets go of its sender: the channel is closed if that
    /// was the last.
    #[must_use = "sinks do nothing unless polled"]
    pub struct SendSink<T> {
        #[pin]
        state: State<T>,
    }

    impl<T> PinnedDrop for SendSink<T> {
        fn drop(this: Pin<&mut Self>) {
            this.project().state.give_up();
        }
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<T> {
        Open {
            #[pin]
            waiting: Waiting<Handle<T, Sends>, LANES>,
            // Whether a place is kept free.
            ready: bool,
        },
        Closed,
    }
}

impl<T> State<T> {
    /// The place that is kept free, if any, is not used.
    fn give_up(self: Pin<&mut Self>) {
        if let StateProjected::Open { waiting, ready } = self.project()
            && core::mem::take(ready)
        {
            waiting.holder().release_place();
        }
    }
}

impl<T> Sender<T> {
    /// The sender as a `Sink`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use futures::{StreamExt, stream};
    ///
    /// let (sender, receiver) = async_sync::channel::bounded(1);
    /// let numbers = stream::iter(1..=3).map(Ok).forward(sender.into_sink());
    /// let (sent, received) = futures::join!(numbers, receiver.into_stream().collect::<Vec<_>>());
    /// assert_eq!((sent, received), (Ok(()), vec![1, 2, 3]));
    /// # });
    /// ```
    pub fn into_sink(self) -> SendSink<T> {
        SendSink {
            state: State::Open {
                // SAFETY: a handle dereferences to the same channel as long as it exists.
                waiting: unsafe { Waiting::new(self.handle, 0) },
                ready: false,
            },
        }
    }
}

/// The channel is closed.
type Error<T> = SendError<Option<T>>;

impl<T> Sink<T> for SendSink<T> {
    /// The item, if there was one: `poll_ready` has none.
    type Error = Error<T>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error<T>>> {
        match self.project().state.project() {
            StateProjected::Closed => Poll::Ready(Err(SendError(None))),
            StateProjected::Open { ready: true, .. } => Poll::Ready(Ok(())),
            StateProjected::Open { mut waiting, ready } => {
                let result = ready!(poll_reserve(waiting.as_mut(), cx));
                waiting.again();
                *ready = result.is_ok();
                Poll::Ready(result.map_err(|_| SendError(None)))
            }
        }
    }

    /// # Panics
    ///
    /// If the sink is not ready.
    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), Error<T>> {
        match self.project().state.project() {
            StateProjected::Closed => Err(SendError(Some(item))),
            StateProjected::Open { waiting, ready } => {
                assert!(
                    core::mem::take(ready),
                    "an item was given to a sink that is not ready"
                );
                let sent = waiting.holder().put_reserved(item);
                sent.map_err(|SendError(item)| SendError(Some(item)))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error<T>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error<T>>> {
        let mut state = self.project().state;
        state.as_mut().give_up();
        state.set(State::Closed);
        Poll::Ready(Ok(()))
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("SendSink");
        if let State::Open { waiting, .. } = &self.state {
            tuple.field(waiting);
        }
        tuple.finish()
    }
}
