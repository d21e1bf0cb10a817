//! What can be scheduled: a function or a future, once or again and again; all behind one pointer.
//!
//! A job is one allocation, made by who submits it (a function without state needs none). `start` is
//! called by the driver. A function runs there and then; a future is handed over to be spawned, in the
//! box in which it came. A recurring job makes a future for each run, and comes back as it is.
//!
//! Panics of a function are caught here, so that whatever surrounds a run sees an outcome.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use runtime::MissedTick;

use crate::caught::call;
use crate::errgroup::Panic;

pub(super) type BoxedJob = Pin<Box<dyn Job>>;
pub(super) type BoxedRun = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) trait Job: Send {
    /// Whether it comes back after a run.
    fn recurs(&self) -> bool {
        false
    }

    fn start(self: Pin<Box<Self>>) -> Start;
}

/// What became of a job that was started.
pub(super) enum Start {
    /// It was a function, and has run.
    Ran(Result<(), Panic>),
    /// It is a future.
    Future(BoxedRun),
    /// It was a function that comes again.
    RanAgain(Result<(), Panic>, BoxedJob, Rhythm),
    /// It is a future that comes again.
    FutureAgain(BoxedRun, BoxedJob, Rhythm),
}

/// When a recurring job comes again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    pub(super) period: Duration,
    pub(super) drift: MissedTick,
}

impl Rhythm {
    /// The time after the run that was due at `due` and began at `now`.
    pub(super) fn next(self, due: Instant, now: Instant) -> Instant {
        self.drift.next(due, now, self.period)
    }
}

/// A function, once.
pub(super) struct Call<C>(pub(super) C);

// Nothing in it is ever pinned.
impl<C> Unpin for Call<C> {}

impl<C: FnOnce() + Send> Job for Call<C> {
    fn start(self: Pin<Box<Self>>) -> Start {
        let function = Pin::into_inner(self).0;
        Start::Ran(call(function))
    }
}

pin_project! {
    /// A future, once.
    pub(super) struct Later<F> {
        #[pin]
        pub(super) future: F,
    }
}

impl<F: Future> Future for Later<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().future.poll(cx).map(drop)
    }
}

impl<F: Future + Send + 'static> Job for Later<F> {
    fn start(self: Pin<Box<Self>>) -> Start {
        Start::Future(self)
    }
}

/// A function, again and again.
pub(super) struct CallAgain<C> {
    pub(super) function: C,
    pub(super) rhythm: Rhythm,
}

// Nothing in it is ever pinned.
impl<C> Unpin for CallAgain<C> {}

impl<C: FnMut() + Send + 'static> Job for CallAgain<C> {
    fn recurs(&self) -> bool {
        true
    }

    fn start(mut self: Pin<Box<Self>>) -> Start {
        let result = call(&mut self.function);
        let rhythm = self.rhythm;
        Start::RanAgain(result, self, rhythm)
    }
}

/// A future, again and again.
pub(super) struct LaterAgain<C> {
    pub(super) make: C,
    pub(super) rhythm: Rhythm,
}

// Nothing in it is ever pinned.
impl<C> Unpin for LaterAgain<C> {}

impl<C, F> Job for LaterAgain<C>
where
    C: FnMut() -> F + Send + 'static,
    F: Future + Send + 'static,
{
    fn recurs(&self) -> bool {
        true
    }

    fn start(mut self: Pin<Box<Self>>) -> Start {
        let rhythm = self.rhythm;
        let mut run = None;
        let result = call(|| run = Some((self.make)()));
        match (result, run) {
            (Ok(()), Some(future)) => Start::FutureAgain(Box::pin(Later { future }), self, rhythm),
            (result, _) => Start::RanAgain(result, self, rhythm),
        }
    }
}
