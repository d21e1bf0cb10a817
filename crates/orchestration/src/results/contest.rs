//! The futures of a result group while they run: started as far as the limit allows, given as they end, and
//! stopped together.
//!
//! # Invariants
//!
//! 1. At most `limit` futures run; the next is taken from the iterator when one has ended.
//! 2. A panic is raised only when the others have been stopped and are gone.
//! 3. After `stop` nothing is left: each future has been dropped, here or by its runtime.

use std::any::Any;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pin_project_lite::pin_project;

use super::place::{Gone, Place, Running};
use crate::caught::call;

pin_project! {
    /// A future and its place in the order of submission.
    struct Numbered<R> {
        place: usize,
        #[pin]
        running: R,
    }
}

impl<R: Future> Future for Numbered<R> {
    type Output = (usize, R::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready((*this.place, ready!(this.running.poll(cx))))
    }
}

/// The place of one that has ended, and what it ended with.
type Ended<T> = (usize, Result<T, Gone>);

pub(super) struct Contest<R> {
    running: FuturesUnordered<Numbered<R>>,
    started: usize,
    limit: usize,
}

impl<R: Running> Contest<R> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            running: FuturesUnordered::new(),
            started: 0,
            limit,
        }
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn start<F, P>(&mut self, place: &P, future: F)
    where
        F: Future,
        P: Place<F, Running = R>,
    {
        self.running.push(Numbered {
            place: self.started,
            running: place.start(future),
        });
        self.started += 1;
    }

    /// Starts what `make` makes.
    ///
    /// # Panics
    ///
    /// If `make` does, when those that run are gone.
    pub(super) async fn start_by<F, P>(&mut self, place: &P, make: impl FnOnce() -> F)
    where
        F: Future,
        P: Place<F, Running = R>,
    {
        self.between(|contest| contest.start(place, make())).await;
    }

    /// Calls foreign code that is no future of the contest.
    async fn between(&mut self, run: impl FnOnce(&mut Self)) {
        if let Err(panic) = call(|| run(self)) {
            self.stop_and_raise(panic.into_payload()).await;
        }
    }

    fn fill<F, P>(&mut self, place: &P, futures: &mut impl Iterator<Item = F>)
    where
        F: Future,
        P: Place<F, Running = R>,
    {
        while self.running.len() < self.limit {
            let Some(future) = futures.next() else {
                return;
            };
            self.start(place, future);
        }
    }

    /// The next output of those that run, and its place; a panic is given as it is.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended<R::Value>>> {
        self.running.poll_next_unpin(cx)
    }

    /// The next output and its place. `None` when all have ended.
    ///
    /// # Panics
    ///
    /// With the panic of a future, or of the iterator, when the others are gone.
    pub(super) async fn next<F, P>(
        &mut self,
        place: &P,
        futures: &mut impl Iterator<Item = F>,
    ) -> Option<(usize, R::Value)>
    where
        F: Future,
        P: Place<F, Running = R>,
    {
        self.between(|contest| contest.fill(place, futures)).await;
        let (number, ended) = self.running.next().await?;
        match ended {
            Ok(value) => Some((number, value)),
            Err(Gone::Panicked(payload)) => self.stop_and_raise(payload).await,
            Err(Gone::Stopped) => unreachable!("nobody has stopped it"),
        }
    }

    /// Stops what runs, waits until it is gone, and goes on with the panic.
    pub(super) async fn stop_and_raise(&mut self, payload: Box<dyn Any + Send>) -> ! {
        // The first panic is the one to report.
        self.end().await;
        resume_unwind(payload)
    }

    /// Stops what runs and waits until it is gone.
    ///
    /// # Panics
    ///
    /// With the panic of one that panicked before it was stopped, or as it was dropped.
    pub(super) async fn stop(&mut self) {
        if let Some(payload) = self.end().await {
            resume_unwind(payload);
        }
    }

    async fn end(&mut self) -> Option<Box<dyn Any + Send>> {
        let mut panic = None;
        for numbered in Pin::new(&mut self.running).iter_pin_mut() {
            let stopped = numbered.project().running.stop();
            panic = panic.or(stopped);
        }
        if R::GONE_AT_ONCE {
            // Nobody would wake them to be told.
            self.running.clear();
            return panic;
        }
        while let Some((_, ended)) = self.running.next().await {
            if let Err(Gone::Panicked(payload)) = ended {
                panic.get_or_insert(payload);
            }
        }
        panic
    }
}
