//! A task given as a closure over the group's token.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::CancelToken;

pin_project! {
    /// The task of `spawn_with`: calls the closure at its first poll, then is its future.
    #[must_use = "futures do nothing unless polled"]
    pub struct WithToken<C, F> {
        start: Option<(C, CancelToken)>,
        #[pin]
        future: Option<F>,
    }
}

impl<C, F> WithToken<C, F>
where
    C: FnOnce(CancelToken) -> F,
{
    pub(super) fn new(task: C, token: CancelToken) -> Self {
        Self {
            start: Some((task, token)),
            future: None,
        }
    }
}

impl<C, F> Future for WithToken<C, F>
where
    C: FnOnce(CancelToken) -> F,
    F: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some((task, token)) = this.start.take() {
            this.future.set(Some(task(token)));
        }
        let future = this.future.as_pin_mut();
        future.expect("the closure has given its future").poll(cx)
    }
}

impl<C, F> fmt::Debug for WithToken<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithToken").finish_non_exhaustive()
    }
}
