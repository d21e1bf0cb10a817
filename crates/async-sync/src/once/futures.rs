//! The named futures: an [`Attempt`] and what becomes of its output, or a wait.
//!
//! Whoever makes a future looks at the cell: of one that is set, the future is the value, and the
//! initialiser is dropped at once. (It stays set: to take the value needs `&mut`, and the future borrows
//! the cell.) So a future that is polled where it is made costs one load, and what it consists of is
//! never written; a look in the first poll would come after that.

use core::convert::Infallible;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::attempt::{Attempt, Outcome};
use super::cell::OnceCell;
use super::raw::RawOnce;

pin_project! {
    #[project = StepProjection]
    enum Step<'a, T, F, Fut> {
        /// It was set when the future was made.
        Set { value: &'a T },
        /// Not polled yet. None while it is moved on.
        New { cell: &'a OnceCell<T>, initialiser: Option<F> },
        /// It was not set when the future was made.
        Attempt { cell: &'a OnceCell<T>, #[pin] attempt: Attempt<'a, F, Fut> },
        Over,
    }
}

impl<'a, T, F, Fut> Step<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    #[inline(always)]
    fn new(cell: &'a OnceCell<T>, initialiser: F) -> Self {
        match cell.get() {
            Some(value) => Step::Set { value },
            None => {
                // Otherwise the compiler makes either of two futures without a branch, and then has to
                // look which of them it has made.
                core::hint::black_box(());
                Step::New {
                    cell,
                    initialiser: Some(initialiser),
                }
            }
        }
    }

    /// Polls; `value_of` turns the initialiser's output into a value or an error.
    #[inline(always)]
    fn poll<E>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        value_of: impl FnOnce(Fut::Output) -> Result<T, E>,
    ) -> Poll<Result<&'a T, E>> {
        if let StepProjection::Set { value } = self.as_mut().project() {
            let value = *value;
            self.set(Step::Over);
            return Poll::Ready(Ok(value));
        }
        self.poll_slow(cx, value_of)
    }

    #[inline(never)]
    fn poll_slow<E>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        value_of: impl FnOnce(Fut::Output) -> Result<T, E>,
    ) -> Poll<Result<&'a T, E>> {
        if let StepProjection::New { cell, initialiser } = self.as_mut().project()
            && let Some(initialiser) = initialiser.take()
        {
            let cell = *cell;
            let attempt = Attempt::new(cell.raw(), initialiser);
            self.set(Step::Attempt { cell, attempt });
        }
        let StepProjection::Attempt { cell, attempt } = self.project() else {
            panic!("a future was polled after it had completed");
        };
        let cell = *cell;
        if let Outcome::Ran(output, right) = ready!(attempt.poll(cell.raw(), cx)) {
            // On an error the right is dropped here, and goes to the next in line.
            let value = value_of(output)?;
            // SAFETY: the right to initialise is ours, and this cell's.
            unsafe { cell.fill(right, value) };
        }
        // SAFETY: it has been initialised, by us or by somebody else.
        Poll::Ready(Ok(unsafe { cell.get_unchecked() }))
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_init`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetOrInit<'a, T, F, Fut> {
        #[pin]
        step: Step<'a, T, F, Fut>,
    }
}

impl<'a, T, F, Fut> GetOrInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    #[inline(always)]
    pub(super) fn new(cell: &'a OnceCell<T>, initialiser: F) -> Self {
        GetOrInit {
            step: Step::new(cell, initialiser),
        }
    }
}

impl<'a, T, F, Fut> Future for GetOrInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    type Output = &'a T;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let polled = self.project().step.poll(cx, Ok::<T, Infallible>);
        polled.map(|result| match result {
            Ok(value) => value,
            Err(never) => match never {},
        })
    }
}

pin_project! {
    /// The future of [`OnceCell::get_or_try_init`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GetOrTryInit<'a, T, F, Fut> {
        #[pin]
        step: Step<'a, T, F, Fut>,
    }
}

impl<'a, T, E, F, Fut> GetOrTryInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    #[inline(always)]
    pub(super) fn new(cell: &'a OnceCell<T>, initialiser: F) -> Self {
        GetOrTryInit {
            step: Step::new(cell, initialiser),
        }
    }
}

impl<'a, T, E, F, Fut> Future for GetOrTryInit<'a, T, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<&'a T, E>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().step.poll(cx, |result| result)
    }
}

pin_project! {
    /// The future of [`Once::call_once`](super::Once::call_once).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct CallOnce<'a, F, Fut> {
        raw: &'a RawOnce,
        #[pin]
        attempt: Attempt<'a, F, Fut>,
    }
}

impl<'a, F, Fut> CallOnce<'a, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = ()>,
{
    #[inline]
    pub(super) fn new(raw: &'a RawOnce, f: F) -> Self {
        CallOnce {
            raw,
            attempt: Attempt::new(raw, f),
        }
    }
}

impl<F, Fut> Future for CallOnce<'_, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = ()>,
{
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if let Outcome::Ran((), right) = ready!(this.attempt.poll(this.raw, cx)) {
            right.complete();
        }
        Poll::Ready(())
    }
}

pin_project! {
    /// The future of [`Once::call_once_try`](super::Once::call_once_try).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct CallOnceTry<'a, F, Fut> {
        raw: &'a RawOnce,
        #[pin]
        attempt: Attempt<'a, F, Fut>,
    }
}

impl<'a, E, F, Fut> CallOnceTry<'a, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    #[inline]
    pub(super) fn new(raw: &'a RawOnce, f: F) -> Self {
        CallOnceTry {
            raw,
            attempt: Attempt::new(raw, f),
        }
    }
}

impl<E, F, Fut> Future for CallOnceTry<'_, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    type Output = Result<(), E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Outcome::Ran(result, right) = ready!(this.attempt.poll(this.raw, cx)) {
            // On an error the right is dropped here, and goes to the next in line.
            result?;
            right.complete();
        }
        Poll::Ready(Ok(()))
    }
}

pin_project! {
    /// The future of [`Once::wait`](super::Once::wait).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct WaitDone<'a> {
        #[pin]
        waiting: Waiting<&'a RawOnce>,
    }
}

impl<'a> WaitDone<'a> {
    fn is_queued(&self) -> bool {
        self.waiting.is_queued()
    }

    #[inline]
    pub(super) fn new(raw: &'a RawOnce) -> Self {
        WaitDone {
            waiting: Waiting::borrowed(raw, 0),
        }
    }
}

impl Future for WaitDone<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.project().waiting;
        // Those who wait are refused nothing.
        let polled = waiting.as_mut().poll(cx).map(|_| ());
        if polled.is_pending() {
            // Somebody who does not run may have been told to do what we wait for.
            waiting.holder().take_stale_right();
        }
        polled
    }
}

pin_project! {
    /// The future of [`OnceCell::wait`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitSet<'a, T> {
        cell: &'a OnceCell<T>,
        #[pin]
        wait: WaitDone<'a>,
    }
}

impl<'a, T> WaitSet<'a, T> {
    #[inline]
    pub(super) fn new(cell: &'a OnceCell<T>) -> Self {
        WaitSet {
            cell,
            wait: WaitDone::new(cell.raw()),
        }
    }
}

impl<'a, T> Future for WaitSet<'a, T> {
    type Output = &'a T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let this = self.project();
        ready!(this.wait.poll(cx));
        // SAFETY: the wait is over, so it has been initialised.
        Poll::Ready(unsafe { this.cell.get_unchecked() })
    }
}

/// The initialiser and its future are not shown: they are foreign, and what there is to see is how
/// far the call has come.
macro_rules! debug_by_stage {
    ($name:ident<$($param:tt),*>, $this:ident => $stage:expr) => {
        impl<$($param),*> fmt::Debug for $name<$($param),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $this = self;
                f.debug_tuple(stringify!($name))
                    .field(&format_args!("{}", $stage))
                    .finish()
            }
        }
    };
}

fn stage_of_step<T, F, Fut>(step: &Step<'_, T, F, Fut>) -> &'static str {
    match step {
        Step::Set { .. } | Step::New { .. } => "has not begun",
        Step::Attempt { attempt, .. } => attempt.stage(),
        Step::Over => "is over",
    }
}

debug_by_stage!(GetOrInit<'a, T, F, Fut>, this => stage_of_step(&this.step));
debug_by_stage!(GetOrTryInit<'a, T, F, Fut>, this => stage_of_step(&this.step));
debug_by_stage!(CallOnce<'a, F, Fut>, this => this.attempt.stage());
debug_by_stage!(CallOnceTry<'a, F, Fut>, this => this.attempt.stage());
debug_by_stage!(WaitSet<'a, T>, this => if this.wait.is_queued() { "waits" } else { "does not wait" });
