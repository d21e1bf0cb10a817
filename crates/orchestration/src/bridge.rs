//! `bridge`: a stream of streams, or a channel of channels, as one stream. One after the other, in order;
//! side by side is what [`fan_in`](crate::fan_in()) does.

use async_sync::channel::{Receiver, RecvStream};
use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::{Flatten, Map};

/// The stream of [`bridge`]: `flatten` of `futures`.
pub type Bridge<S> = Flatten<S>;

/// The stream of [`bridge_channels`].
pub type BridgeChannels<T> =
    Flatten<Map<RecvStream<Receiver<T>>, fn(Receiver<T>) -> RecvStream<T>>>;

/// All that the first stream yields, then all that the second one yields, and so on.
///
/// # Examples
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use orchestration::bridge;
///
/// # mini_executor::block_on(async {
/// let pages = stream::iter([vec![1, 2], vec![], vec![3]]).map(stream::iter);
/// assert_eq!(bridge(pages).collect::<Vec<_>>().await, [1, 2, 3]);
/// # });
/// ```
#[doc(alias = "flatten")]
#[doc(alias = "concat")]
pub fn bridge<S>(streams: S) -> Bridge<S>
where
    S: Stream<Item: Stream>,
{
    streams.flatten()
}

/// The same for a channel of channels. Of each of them everything is received until it is closed, then
/// comes the next.
///
/// # Examples
///
/// ```
/// use async_sync::channel;
/// use futures_util::StreamExt;
/// use orchestration::bridge_channels;
///
/// # mini_executor::block_on(async {
/// let (requests, queue) = channel::unbounded();
/// for n in 1..=3 {
///     let (sender, receiver) = channel::bounded(2);
///     requests.send(receiver).await.unwrap();
///     sender.send(n).await.unwrap();
///     sender.send(10 * n).await.unwrap();
/// }
/// drop(requests);
/// assert_eq!(bridge_channels(queue).collect::<Vec<_>>().await, [1, 10, 2, 20, 3, 30]);
/// # });
/// ```
pub fn bridge_channels<T>(channels: Receiver<Receiver<T>>) -> BridgeChannels<T> {
    let each: fn(Receiver<T>) -> RecvStream<T> = Receiver::into_stream;
    channels.into_stream().map(each).flatten()
}
