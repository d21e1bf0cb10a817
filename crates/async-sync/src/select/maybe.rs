//! A case that may be absent.

use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

/// `future`, or nothing, which is never ready: a nil channel in Go's select.
///
/// # Examples
///
/// ```
/// use async_sync::select::{maybe, try_select};
///
/// let cases = [None, Some(async { 'b' })];
/// assert_eq!(try_select(cases.map(maybe)), Some((1, 'b')));
/// ```
pub const fn maybe<F: Future>(future: Option<F>) -> Maybe<F> {
    Maybe { future }
}

pin_project! {
    /// The future of [`maybe`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct Maybe<F> {
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for Maybe<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project()
            .future
            .as_pin_mut()
            .map_or(Poll::Pending, |future| future.poll(cx))
    }
}
