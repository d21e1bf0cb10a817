//! Awaiting something while others have the slot: see `limiter/mod.rs`.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::Limiter;
use super::slot::{Lenders, Slot, with_slot};

/// [`Limiter::lend`], if there is a limiter.
pub(crate) fn lend_to<F: Future>(limiter: Option<&Limiter>, future: F) -> Lend<F> {
    Lend {
        future,
        limiter: limiter.cloned(),
        stage: Stage::New,
    }
}

/// That somebody lends; not any more when it is dropped.
struct Lending(Lenders);

impl Lending {
    fn begin(slot: &mut Slot) -> Self {
        let lenders = Arc::clone(slot.lenders.get_or_insert_default());
        lenders.fetch_add(1, Ordering::Relaxed);
        Self(lenders)
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Stage<T> {
    New,
    // None: there was no slot to lend.
    Waiting(Option<Lending>),
    // Has what it waited for, but not the slot.
    Returning(Lenders, T),
    Ended,
}

pin_project! {
    /// Awaits a future and lends the slot meanwhile. Made by [`Limiter::lend`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Lend<F>
    where
        F: Future,
    {
        #[pin]
        future: F,
        // None: nothing to lend.
        limiter: Option<Limiter>,
        stage: Stage<F::Output>,
    }
}

impl<F: Future> Future for Lend<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        assert!(
            !matches!(this.stage, Stage::Ended),
            "Lend polled after completion"
        );
        if matches!(this.stage, Stage::New) {
            let limiter = this.limiter.as_ref();
            let begin = |slot: &mut Slot| (!slot.is_missed()).then(|| Lending::begin(slot));
            let lending = limiter.and_then(|limiter| with_slot(limiter, begin));
            if let Some(None) = lending {
                // Another one has given up just now. Whoever has its slot may be a part that is not polled any more,
                // and what is awaited here needs one too: so it is taken back first.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            *this.stage = Stage::Waiting(lending.flatten());
        }
        if let Stage::Waiting(_) = this.stage {
            let output = ready!(this.future.poll(cx));
            let Stage::Waiting(lending) = mem::replace(this.stage, Stage::Ended) else {
                unreachable!("looked at above");
            };
            let Some(lending) = lending else {
                return Poll::Ready(output);
            };
            *this.stage = Stage::Returning(Arc::clone(&lending.0), output);
        }
        let Stage::Returning(lenders, _) = &*this.stage else {
            unreachable!("nothing else is left");
        };
        // In the slot that was lent, and that is not back yet?
        let misses = |slot: &mut Slot| {
            let own = slot.lenders.as_ref();
            let same = own.is_some_and(|own| Arc::ptr_eq(own, lenders));
            same && slot.is_missed()
        };
        let limiter = this.limiter.as_ref();
        if limiter.and_then(|limiter| with_slot(limiter, misses)) == Some(true) {
            // Polled again with the slot; in between there may be somebody who polls only who was woken.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match mem::replace(this.stage, Stage::Ended) {
            Stage::Returning(_, output) => Poll::Ready(output),
            _ => unreachable!("looked at above"),
        }
    }
}

impl<F: Future> fmt::Debug for Lend<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lend").finish_non_exhaustive()
    }
}
