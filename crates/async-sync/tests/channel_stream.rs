//! Channels as streams and sinks.

use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use async_sync::channel::{self, SendError};

#[test]
fn a_stream_ends_with_the_channel_and_stays_ended() {
    let (sender, receiver) = channel::bounded(2);
    let mut stream = Box::pin(receiver.into_stream());
    assert_eq!(stream.next().now_or_never(), None);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(stream.next().now_or_never(), Some(Some(1)));
    drop(sender);
    assert_eq!(stream.next().now_or_never(), Some(Some(2)));
    assert_eq!(stream.size_hint(), (0, None));
    for _ in 0..2 {
        assert_eq!(stream.next().now_or_never(), Some(None));
    }
    assert_eq!(stream.size_hint(), (0, Some(0)));
}

#[test]
fn a_stream_that_is_dropped_while_it_waits_loses_nothing() {
    let (sender, receiver) = channel::bounded(2);
    let other = receiver.clone();
    let mut stream = Box::pin(receiver.into_stream());
    assert_eq!(stream.next().now_or_never(), None);
    sender.try_send(1).unwrap();
    drop(stream);
    assert_eq!(other.drain().collect::<Vec<_>>(), [1]);
    assert_eq!(other.receiver_count(), 1);
}

#[test]
fn a_sink_keeps_its_place_and_gives_it_up() {
    let (sender, receiver) = channel::bounded(1);
    let mut sink = Box::pin(sender.clone().into_sink());
    let cx = &mut Context::from_waker(Waker::noop());
    assert_eq!(sink.as_mut().poll_ready(cx), Poll::Ready(Ok(())));
    assert_eq!(sink.as_mut().poll_ready(cx), Poll::Ready(Ok(())));
    assert!(sender.try_send(0).is_err());
    sink.as_mut().start_send(1).unwrap();
    assert_eq!(sink.as_mut().poll_ready(cx), Poll::Pending);
    assert_eq!(receiver.drain().collect::<Vec<_>>(), [1]);
    assert_eq!(sink.as_mut().poll_ready(cx), Poll::Ready(Ok(())));
    drop(sink);
    sender.try_send(2).unwrap();
    assert_eq!(receiver.drain().collect::<Vec<_>>(), [2]);
    let mut sink = Box::pin(sender.into_sink());
    assert_eq!(sink.as_mut().poll_ready(cx), Poll::Ready(Ok(())));
    assert_eq!(sink.close().now_or_never(), Some(Ok(())));
    assert!(receiver.is_closed());
    assert_eq!(sink.send(3).now_or_never(), Some(Err(SendError(None))));
    assert_eq!(sink.as_mut().start_send(3), Err(SendError(Some(3))));
}

#[test]
fn a_sink_that_is_not_ready_panics() {
    let (sender, _receiver) = channel::bounded(1);
    let mut sink = Box::pin(sender.into_sink());
    let send = AssertUnwindSafe(|| sink.as_mut().start_send(1));
    assert!(catch_unwind(send).is_err());
}
