//! A receiver as a stream.

use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use sync_core::waiters::{Mark, Waiting};

use super::{Receiver, Watch};

pin_project! {
    /// The values that a [`Receiver`] comes to see: made by [`Receiver::into_stream`]. Ends when all
    /// senders are gone.
    #[must_use = "streams do nothing unless polled"]
    pub struct Updates<T> {
        seen: usize,
        over: bool,
        // Waits again and again, and is the only one that keeps the watch: a stream is one receiver.
        #[pin]
        waiting: Waiting<Arc<Watch<T>>>,
    }
}

impl<T> Receiver<T> {
    /// A stream of the values that this receiver has not seen. To begin with the last one, call
    /// [`mark_changed`](Self::mark_changed) before.
    pub fn into_stream(self) -> Updates<T> {
        let seen = self.version_seen();
        Updates {
            seen,
            over: false,
            // SAFETY: an `Arc` dereferences to the same object as long as it exists.
            waiting: unsafe { Waiting::new(self.into_watch(), seen) },
        }
    }
}

impl<T> Stream for Updates<T> {
    type Item = Arc<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Arc<T>>> {
        let mut this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        if !this.waiting.is_idle() || this.waiting.holder().version() == *this.seen {
            let mark = Mark::from_ptr(core::ptr::without_provenance_mut(*this.seen));
            let result = ready!(this.waiting.as_mut().poll_marked(cx, mark, None));
            this.waiting.as_mut().again();
            if result.is_err() {
                *this.over = true;
                return Poll::Ready(None);
            }
        }
        let (value, version) = this.waiting.holder().load_with_version();
        *this.seen = version;
        Poll::Ready(Some(value))
    }
}

impl<T> FusedStream for Updates<T> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<T> fmt::Debug for Updates<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
