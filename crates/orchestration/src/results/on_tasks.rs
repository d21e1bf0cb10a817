//! The stream that a spawned map is for its consumer.
//!
//! # States
//!
//! *Working* while there are items; then *leaving*: the tasks were told to end, or aborted, and are
//! awaited one by one; then *gone*. A panic of a task leads through the same states, and is raised again at their end.
//!
//! # Invariants
//!
//! 1. `taken` items were taken from the source and are not given yet, at most `window`.
//! 2. Everything ready to be given is given before the stream sleeps, and it sleeps only with its waker
//!    with the crew, or with the source, or both.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use runtime::{JoinHandle, Spawn};

use super::crew::{self, Crew};
use super::order::Order;

pin_project! {
    /// A stream of the outputs of a function that tasks on a runtime call for each item.
    ///
    /// Made by [`Map::ordered_on`](super::Map::ordered_on) and
    /// [`Map::unordered_on`](super::Map::unordered_on).
    ///
    /// The source is asked by whoever polls the stream, and the tasks work on what they have
    /// meanwhile. When the stream has ended, so have the tasks.
    ///
    /// # Panics
    ///
    /// With the panic of a task, when the others are gone; and if it is polled after that.
    ///
    /// # Cancel safety
    ///
    /// Leaving `next()` loses nothing. Dropping the stream aborts the tasks; a runtime may need a moment
    /// to drop them, and [`shutdown`](Self::shutdown) waits for that.
    #[must_use = "streams do nothing unless polled"]
    pub struct OnTasks<S, St, F, O, P>
    where
        S: Spawn,
        St: Stream,
    {
        runtime: S,
        // None once it has ended.
        #[pin]
        source: Option<St>,
        map: F,
        crew: Arc<Crew<St::Item, O>>,
        tasks: Vec<S::Handle<()>>,
        stage: Stage,
        // Taken from the source, not with the crew yet.
        fresh: VecDeque<(u64, St::Item)>,
        // Taken from the crew.
        ready: VecDeque<O>,
        taken: usize,
        place: u64,
        concurrency: usize,
        window: usize,
        order: PhantomData<fn() -> P>,
    }

    impl<S, St, F, O, P> PinnedDrop for OnTasks<S, St, F, O, P>
    where
        S: Spawn,
        St: Stream,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let closed = this.crew.close();
            for task in this.tasks.iter() {
                task.abort();
            }
            closed.call();
        }
    }
}

enum Stage {
    Working,
    Leaving(Option<Box<dyn Any + Send>>),
    // Its panic has been raised.
    Failed,
}

impl<S: Spawn, St: Stream, F, O, P> OnTasks<S, St, F, O, P> {
    pub(super) fn new(runtime: S, source: St, map: F, concurrency: usize, window: usize) -> Self {
        Self {
            runtime,
            source: Some(source),
            map,
            crew: Crew::new(),
            tasks: Vec::new(),
            stage: Stage::Working,
            fresh: VecDeque::new(),
            ready: VecDeque::new(),
            taken: 0,
            place: 0,
            concurrency,
            window,
            order: PhantomData,
        }
    }

    /// The number of items that were taken from the source and whose outputs were not given yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.taken
    }

    /// Aborts the tasks and waits until they are gone. Outputs are dropped.
    ///
    /// # Cancel safety
    ///
    /// The tasks are aborted at the first poll, and also if the future is dropped.
    pub async fn shutdown(mut self) {
        let closed = self.crew.close();
        let tasks = mem::take(&mut self.tasks);
        for task in &tasks {
            task.abort();
        }
        closed.call();
        for task in tasks {
            // Their panics have nobody left to be told to: the outputs are not wanted either.
            let _ = task.await;
        }
    }
}

impl<S, St, F, Fut, O, P> OnTasks<S, St, F, O, P>
where
    S: Spawn,
    St: Stream<Item: Send + 'static>,
    F: FnMut(St::Item) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = O> + Send + 'static,
    O: Send + 'static,
    P: Order,
{
    /// Takes what the source has, as far as there is room.
    fn draw(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        while *this.taken < *this.window {
            let Some(source) = this.source.as_mut().as_pin_mut() else {
                return;
            };
            match source.poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => this.source.set(None),
                Poll::Ready(Some(item)) => {
                    this.fresh.push_back((*this.place, item));
                    *this.place += 1;
                    *this.taken += 1;
                }
            }
        }
    }

    /// Gives the crew what is fresh and takes what is ready.
    fn exchange(self: Pin<&mut Self>) {
        let this = self.project();
        let places = *this.concurrency - this.tasks.len();
        match this.crew.exchange(this.fresh, this.ready, places > 0) {
            Ok(missing) => {
                for _ in 0..missing.min(places) {
                    let life = crew::serve::<_, _, _, _, P>(
                        Arc::clone(this.crew),
                        this.tasks.len(),
                        this.map.clone(),
                    );
                    this.tasks.push(this.runtime.spawn(life));
                }
            }
            Err(panic) => {
                let closed = this.crew.close();
                for task in this.tasks.iter() {
                    task.abort();
                }
                closed.call();
                *this.stage = Stage::Leaving(Some(panic));
            }
        }
    }

    fn poll_work(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O>> {
        let this = self.as_mut().project();
        // By the handful: a lock is paid for by many.
        let room = *this.window - *this.taken;
        if this.ready.is_empty() || room >= this.window.div_ceil(4) {
            self.as_mut().draw(cx);
            let this = self.as_mut().project();
            if this.ready.is_empty() || !this.fresh.is_empty() {
                self.as_mut().exchange();
            }
        }
        loop {
            let this = self.as_mut().project();
            if matches!(this.stage, Stage::Leaving(_)) {
                return Poll::Ready(None);
            }
            if let Some(output) = this.ready.pop_front() {
                *this.taken -= 1;
                return Poll::Ready(Some(output));
            }
            if *this.taken == 0 {
                if this.source.is_some() {
                    return Poll::Pending;
                }
                this.crew.close().call();
                *this.stage = Stage::Leaving(None);
                return Poll::Ready(None);
            }
            ready!(this.crew.poll_change(cx));
            self.as_mut().exchange();
        }
    }
}

impl<S, St, F, Fut, O, P> Stream for OnTasks<S, St, F, O, P>
where
    S: Spawn,
    St: Stream<Item: Send + 'static>,
    F: FnMut(St::Item) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = O> + Send + 'static,
    O: Send + 'static,
    P: Order,
{
    type Item = O;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O>> {
        if matches!(self.stage, Stage::Working)
            && let Some(output) = ready!(self.as_mut().poll_work(cx))
        {
            return Poll::Ready(Some(output));
        }
        let this = self.project();
        while let Some(task) = this.tasks.last_mut() {
            // Whatever it ends with: its panic is with the crew.
            let _ = ready!(Pin::new(task).poll(cx));
            this.tasks.pop();
        }
        match mem::replace(this.stage, Stage::Failed) {
            Stage::Leaving(None) => {
                *this.stage = Stage::Leaving(None);
                Poll::Ready(None)
            }
            Stage::Leaving(Some(panic)) => resume_unwind(panic),
            Stage::Working | Stage::Failed => {
                panic!("a concurrent map was polled after a task of it had panicked")
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        (
            least.saturating_add(self.taken),
            most.and_then(|most| most.checked_add(self.taken)),
        )
    }
}

impl<S: Spawn, St: Stream, F, O, P: Order> fmt::Debug for OnTasks<S, St, F, O, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnTasks")
            .field("ordered", &P::ORDERED)
            .field("tasks", &self.tasks.len())
            .field("in_flight", &self.taken)
            .finish_non_exhaustive()
    }
}
