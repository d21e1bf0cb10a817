//! The stages as types: each knows the one before it, and the last one starts them all.
//!
//! Starting goes from the sink to the source: a stage makes the queue before itself, with its own
//! workers as consumers, and has the stage before it started with that queue to put into. So whoever
//! runs finds those behind it in place.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_sync::Context;
use futures_util::FutureExt as _;
use runtime::Spawn;

use super::OnError;
use super::link::{Link, Rx, Tx};
use super::metrics::{StageStats, WorkerStats};
use super::op::{Env, Op};
use super::run::{Failure, Notes};
use super::worker::{Collected, Outlet, Worker};
use crate::errgroup::ErrGroup;

/// How many items wait for a stage, unless it says otherwise.
pub(super) const BUFFER: usize = 128;

/// What the stages are started with.
pub struct Launch<'a, R: Spawn, E> {
    pub(super) group: &'a ErrGroup<R, (), Failure<E>>,
    pub(super) env: Env<R>,
    pub(super) collected: Collected<E>,
    // Cancelled when the source is to produce no more.
    pub(super) stop: Context,
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) notes: Arc<Notes>,
}

impl<R: Spawn, E: Send + 'static> Launch<'_, R, E> {
    /// Starts a worker.
    pub(super) fn spawn<F>(&self, stage: &StageStats, work: F)
    where
        F: Future<Output = Result<(), Failure<E>>> + Send + 'static,
    {
        let (notes, name) = (Arc::clone(&self.notes), Arc::clone(&stage.name));
        let noted = async move {
            let ended = std::panic::AssertUnwindSafe(work).catch_unwind().await;
            ended.unwrap_or_else(|payload| {
                notes.panicked(name);
                std::panic::resume_unwind(payload)
            })
        };
        // Refused if a stage has failed already, in which case nobody wants it.
        drop(self.group.try_spawn(noted));
    }

    /// Starts the stages before one with so many workers; gives the two ends and the block of each.
    pub(super) fn before<P: Plan<E>, U>(
        &self,
        prev: P,
        buffer: usize,
        stage: &StageStats,
        workers: usize,
        Out(out): Out<U>,
    ) -> impl Iterator<Item = (Rx<P::Item>, Tx<U>, Arc<WorkerStats>)> {
        let (link, receivers) = Link::new(buffer, workers);
        stage.watch(&link);
        let blocks = stage.start(workers);
        let senders = out.producers(workers);
        drop(out);
        prev.launch(self, Out(link));
        let ends = receivers.into_iter().zip(senders).zip(blocks);
        ends.map(|((rx, tx), stats)| (rx, tx, stats))
    }
}

impl<R: Spawn, E> fmt::Debug for Launch<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").finish_non_exhaustive()
    }
}

/// The queue that a stage puts its results into.
pub struct Out<T>(pub(super) Arc<Link<T>>);

impl<T> fmt::Debug for Out<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out").finish_non_exhaustive()
    }
}

/// A source, and the stages behind it so far.
pub trait Plan<E>: Sized + Send + 'static {
    /// What comes out of the last of them.
    type Item: Send + 'static;

    /// Starts all of them.
    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<Self::Item>);
}

/// A stage that does something to each item.
pub struct Staged<P, O> {
    pub(super) prev: P,
    pub(super) op: O,
    pub(super) stats: Arc<StageStats>,
    pub(super) concurrency: usize,
    pub(super) buffer: usize,
    pub(super) ordered: bool,
    pub(super) on_error: OnError,
}

impl<P, O> Staged<P, O> {
    pub(super) fn new(prev: P, op: O, stats: Arc<StageStats>) -> Self {
        Staged {
            prev,
            op,
            stats,
            concurrency: 1,
            buffer: BUFFER,
            ordered: true,
            on_error: OnError::Stop,
        }
    }

    pub(super) fn with<O2>(self, change: impl FnOnce(O, &Arc<StageStats>) -> O2) -> Staged<P, O2> {
        Staged {
            prev: self.prev,
            op: change(self.op, &self.stats),
            stats: self.stats,
            concurrency: self.concurrency,
            buffer: self.buffer,
            ordered: self.ordered,
            on_error: self.on_error,
        }
    }
}

impl<P, O, E> Plan<E> for Staged<P, O>
where
    P: Plan<E>,
    O: Op<P::Item, E>,
    E: Send + 'static,
{
    type Item = O::Out;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<O::Out>) {
        let ends = launch.before(self.prev, self.buffer, &self.stats, self.concurrency, out);
        let op = Arc::new(self.op);
        // One worker keeps the order without any numbers.
        let numbered = self.ordered && self.concurrency > 1;
        for (rx, tx, stats) in ends {
            let worker = Worker {
                env: launch.env.clone(),
                op: Arc::clone(&op),
                name: Arc::clone(&self.stats.name),
                rx,
                outlet: if numbered {
                    Outlet::InOrder(tx, Vec::new())
                } else {
                    Outlet::AsTheyCome(tx, Default::default())
                },
                stats,
                on_error: self.on_error,
                collected: Arc::clone(&launch.collected),
            };
            launch.spawn(&self.stats, worker.work());
        }
    }
}

impl<P, O> fmt::Debug for Staged<P, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("name", &self.stats.name)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
