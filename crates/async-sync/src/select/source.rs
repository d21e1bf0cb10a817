//! What a set selects among: things that are ready again and again.

use alloc::boxed::Box;
use core::fmt;
use core::ops::DerefMut;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Something that yields items, one after the other, and may end. (What `futures` calls a stream.)
///
/// [`once`] and [`repeat`] make one of futures.
pub trait Source {
    /// What it yields.
    type Item;

    /// The next item; None if there will be none any more, after which it is not polled again.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;
}

impl<S: Source + Unpin + ?Sized> Source for &mut S {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut **self).poll_next(cx)
    }
}

impl<S: Source + Unpin + ?Sized> Source for Box<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut **self).poll_next(cx)
    }
}

impl<P> Source for Pin<P>
where
    P: DerefMut<Target: Source>,
{
    type Item = <P::Target as Source>::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.as_deref_mut().poll_next(cx)
    }
}

/// Yields the output of `future`, and ends.
///
/// # Examples
///
/// ```
/// use async_sync::select::{SelectSet, once};
///
/// # sync_core::park::block_on(async {
/// let mut set = SelectSet::new();
/// set.add(once(async { 7 }));
/// assert_eq!(set.next().await.map(|(_, n)| n), Some(7));
/// assert!(set.next().await.is_none());
/// # });
/// ```
pub fn once<F: Future>(future: F) -> Once<F> {
    Once {
        future: Some(future),
    }
}

pin_project! {
    /// The source of [`once`].
    pub struct Once<F> {
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Source for Once<F> {
    type Item = F::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled.map(Some)
    }
}

impl<F> fmt::Debug for Once<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// Yields the output of `make()`, again and again: a message, a permit, a tick. It does not end.
///
/// Each future is made when the last one is done and the source is polled again, in the same place: nothing
/// is allocated. Until then the source waits for nothing.
///
/// # Examples
///
/// ```
/// use async_sync::Semaphore;
/// use async_sync::select::{SelectSet, repeat};
///
/// # sync_core::park::block_on(async {
/// let semaphore = Semaphore::new(2);
/// let mut set = SelectSet::new();
/// let key = set.add(repeat(|| semaphore.acquire()));
/// let (_, one) = set.next().await.unwrap();
/// let (_, two) = set.next().await.unwrap();
/// assert_eq!(semaphore.available(), 0);
/// assert!(set.remove(key));
/// # });
/// ```
pub fn repeat<M, F>(make: M) -> Repeat<M, F>
where
    M: FnMut() -> F,
    F: Future,
{
    Repeat { make, future: None }
}

pin_project! {
    /// The source of [`repeat`].
    pub struct Repeat<M, F> {
        make: M,
        #[pin]
        future: Option<F>,
    }
}

impl<M, F> Source for Repeat<M, F>
where
    M: FnMut() -> F,
    F: Future,
{
    type Item = F::Output;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let mut this = self.project();
        if this.future.is_none() {
            let future = (this.make)();
            this.future.set(Some(future));
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("it was made above");
        };
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled.map(Some)
    }
}

impl<M, F> fmt::Debug for Repeat<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeat")
            .field("waits", &self.future.is_some())
            .finish_non_exhaustive()
    }
}

/// Yields what `make()` gives, again and again, until that is None: the messages of a channel, until it is
/// closed and empty.
///
/// # Examples
///
/// ```
/// use async_sync::channel;
/// use async_sync::select::{SelectSet, until_none};
///
/// # sync_core::park::block_on(async {
/// let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| channel::bounded(4)).unzip();
/// let mut set: SelectSet<_> = receivers.iter().map(|r| until_none(|| r.recv())).collect();
/// senders[42].send("hello").await.unwrap();
/// drop(senders);
/// assert_eq!(set.next().await.map(|(_, message)| message), Some("hello"));
/// assert!(set.next().await.is_none(), "all are closed");
/// # });
/// ```
pub fn until_none<M, F, T>(make: M) -> UntilNone<M, F>
where
    M: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    UntilNone {
        inner: repeat(make),
    }
}

pin_project! {
    /// The source of [`until_none`].
    #[derive(Debug)]
    pub struct UntilNone<M, F> {
        #[pin]
        inner: Repeat<M, F>,
    }
}

impl<M, F, T> Source for UntilNone<M, F>
where
    M: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    type Item = T;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.project().inner.poll_next(cx).map(Option::flatten)
    }
}
