//! A worker of a stage: takes items, many at a time if they are quick, and hands on what becomes of them.
//!
//! ```text
//! room behind? -> take a batch -> one item after the other -> hand the results on -> again
//!                                        | pending
//!                                        v
//!                   results so far are handed on, the rest of the batch is given back
//! ```
//!
//! * An item that has to wait holds up neither what was done before it nor what comes after it. Then
//!   the worker waits for that item alone, as if there were no batches.
//! * How many items are taken at a time is learned: a batch that took long, or waited, is followed by
//!   one of a single item; after a quick one there may be twice as many ([`Pace`]). A batch that turns
//!   out to be slow is ended as if it had waited.
//! * Every so often the worker lets others run, since a pipeline that is never short of items never waits.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::Spawn;

use super::OnError;
use super::error::StageError;
use super::link::{Batch, Rx, Tx};
use super::metrics::{Doing, WorkerStats};
use super::op::{Env, Op};
use super::run::Failure;
use crate::yield_now::yield_now;

/// The most items that are taken at a time.
pub(super) const MOST: usize = 64;

/// A batch that takes longer is too long: somebody may wait for its first result.
const LONG: u64 = 200_000;

/// One that takes less may be twice as long.
const SHORT: u64 = 50_000;

/// Items after which the clock is looked at in the middle of a batch.
const LOOK: u64 = 8;

/// Batches after which others are let run, if they were short.
const TURN: u32 = 16;

/// How many items to take at a time, and when to let others run.
pub(super) struct Pace {
    limit: usize,
    since_turn: u32,
    nanos: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Pace {
            limit: 1,
            since_turn: 0,
            nanos: 0,
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// A batch of `count` took so long.
    pub(super) fn learn(&mut self, count: usize, nanos: u64, waited: bool) {
        if waited || nanos > LONG {
            self.limit = 1;
        } else if nanos < SHORT && count >= self.limit {
            self.limit = (2 * self.limit).min(MOST);
        }
        self.since_turn += 1;
        self.nanos += nanos;
        if waited {
            self.since_turn = 0;
            self.nanos = 0;
        }
    }

    /// Lets others run, if it is time to.
    pub(super) async fn turn(&mut self) {
        if self.since_turn < TURN && self.nanos < LONG {
            return;
        }
        self.since_turn = 0;
        self.nanos = 0;
        yield_now().await;
    }
}

/// Where results go.
pub(super) enum Outlet<U> {
    /// To the end, as they come.
    AsTheyCome(Tx<U>, VecDeque<U>),
    /// Where their numbers say.
    InOrder(Tx<U>, Vec<(u64, Option<U>)>),
}

impl<U> Outlet<U> {
    fn tx(&self) -> &Tx<U> {
        match self {
            Outlet::AsTheyCome(tx, _) | Outlet::InOrder(tx, _) => tx,
        }
    }

    #[inline]
    fn add(&mut self, number: u64, result: Option<U>) {
        match self {
            Outlet::AsTheyCome(_, results) => results.extend(result),
            Outlet::InOrder(_, results) => results.push((number, result)),
        }
    }

    fn hand_on(&mut self) {
        match self {
            Outlet::AsTheyCome(tx, results) => tx.put(results),
            Outlet::InOrder(tx, results) => tx.place(results),
        }
    }
}

/// What was collected under `OnError::Collect`.
pub(super) type Collected<E> = Arc<Mutex<Vec<StageError<E>>>>;

pub(super) struct Worker<R, O, T, U, E> {
    pub(super) env: Env<R>,
    pub(super) op: Arc<O>,
    pub(super) name: Arc<str>,
    pub(super) rx: Rx<T>,
    pub(super) outlet: Outlet<U>,
    pub(super) stats: Arc<WorkerStats>,
    pub(super) on_error: OnError,
    pub(super) collected: Collected<E>,
}

impl<R, O, T, E> Worker<R, O, T, O::Out, E>
where
    R: Spawn,
    O: Op<T, E>,
    T: Send + 'static,
    E: Send + 'static,
{
    /// Works until there is nothing to be had, nobody wants anything, or an item fails that stops all.
    pub(super) async fn work(self) -> Result<(), Failure<E>> {
        let Worker {
            env,
            op,
            name,
            rx,
            mut outlet,
            stats,
            on_error,
            collected,
        } = self;
        let mut batch = Batch::new();
        let mut pace = Pace::new();
        loop {
            let room = outlet.tx().room(&stats, || rx.has_returned()).await;
            let Some(room) = room else {
                return Ok(());
            };
            if !rx.take(&mut batch, pace.limit().min(room), &stats).await {
                return Ok(());
            }
            let working = stats.enter(Doing::Working);
            let (mut taken, mut given, mut errors) = (0, 0, 0);
            let mut waited = false;
            while let Some((number, item)) = batch.next() {
                if taken % LOOK == LOOK - 1 && working.nanos() > LONG {
                    // Its items were quick, and are not any more.
                    waited = true;
                    outlet.hand_on();
                    rx.give_back(&mut batch);
                }
                taken += 1;
                let result = {
                    let mut doing = pin!(op.call(&env, item));
                    let mut looked = false;
                    poll_fn(|cx| {
                        let polled = doing.as_mut().poll(cx);
                        if polled.is_pending() && !mem::replace(&mut looked, true) {
                            waited = true;
                            outlet.hand_on();
                            rx.give_back(&mut batch);
                            // Those before it were done at once.
                            stats.count(taken - 1, given, errors);
                            (taken, given, errors) = (1, 0, 0);
                        }
                        polled
                    })
                    .await
                };
                match result {
                    Ok(result) => {
                        given += 1;
                        outlet.add(number, Some(result));
                        continue;
                    }
                    Err(error) => {
                        errors += 1;
                        let failed = || StageError {
                            stage: Arc::clone(&name),
                            error,
                        };
                        match on_error {
                            OnError::Skip => {}
                            OnError::Collect => {
                                let mut errors =
                                    collected.lock().unwrap_or_else(PoisonError::into_inner);
                                errors.push(failed());
                            }
                            OnError::Stop => {
                                // What it has done since it handed something on goes with it.
                                stats.count(taken, 0, errors);
                                return Err(Failure::Stage(failed()));
                            }
                        }
                    }
                }
                outlet.add(number, None);
            }
            let nanos = working.end();
            stats.count(taken, given, errors);
            stats.latency(nanos, taken);
            outlet.hand_on();
            pace.learn(usize::try_from(taken).unwrap_or(MOST), nanos, waited);
            pace.turn().await;
        }
    }
}
