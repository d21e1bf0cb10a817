//! A stage that puts items together, or takes them apart. One worker, in order.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use runtime::{Spawn, Timer};

use super::link::Batch;
use super::metrics::{Doing, StageStats};
use super::stage::{Launch, Out, Plan};
use super::worker::{MOST, Pace};

/// When a batch that is not full is handed on before the end.
pub trait Patience: Send + 'static {
    /// When there has to be something: asked as the first item comes.
    fn deadline(&self) -> Option<Instant>;

    /// Waits until then. Not called without a deadline.
    fn over(&self, deadline: Instant) -> impl Future<Output = ()> + Send;
}

/// Not before the end.
#[derive(Clone, Copy, Debug)]
pub struct Endless;

impl Patience for Endless {
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn over(&self, _: Instant) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// So long after its first item.
pub struct Within<T> {
    pub(super) timer: T,
    pub(super) wait: Duration,
}

impl<T> fmt::Debug for Within<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<T: Timer> Patience for Within<T> {
    fn deadline(&self) -> Option<Instant> {
        Some(runtime::deadline_after(self.timer.now(), self.wait))
    }

    fn over(&self, deadline: Instant) -> impl Future<Output = ()> + Send {
        self.timer.sleep_until(deadline)
    }
}

/// Of [`Pipeline::batch`](super::Pipeline::batch).
pub struct Batched<P, W> {
    pub(super) prev: P,
    pub(super) size: usize,
    pub(super) patience: W,
    pub(super) stats: Arc<StageStats>,
    pub(super) buffer: usize,
}

impl<P: Plan<E>, W: Patience + Sync, E: Send + 'static> Plan<E> for Batched<P, W> {
    type Item = Vec<P::Item>;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<Vec<P::Item>>) {
        let mut ends = launch.before(self.prev, self.buffer, &self.stats, 1, out);
        let (rx, tx, stats) = ends.next().expect("there is one");
        let (size, patience) = (self.size, self.patience);
        launch.spawn(&self.stats, async move {
            let mut batch = Batch::new();
            let mut pace = Pace::new();
            let mut full = VecDeque::new();
            let mut group = Vec::new();
            let mut deadline = None;
            let mut ended = false;
            while !ended && tx.room(&stats, || false).await.is_some() {
                let limit = size - group.len();
                {
                    let take = pin!(rx.take(&mut batch, limit.min(MOST), &stats));
                    match deadline {
                        None => ended = !take.await,
                        Some(at) => match select(take, pin!(patience.over(at))).await {
                            Either::Left((some, _)) => ended = !some,
                            Either::Right(_) => deadline = None,
                        },
                    }
                }
                let working = stats.enter(Doing::Working);
                let taken = batch.len();
                let first = group.is_empty();
                group.extend(std::iter::from_fn(|| batch.next().map(|(_, item)| item)));
                let late = taken == 0;
                if group.len() == size || (late && !group.is_empty()) {
                    full.push_back(mem::take(&mut group));
                    deadline = None;
                } else if first && !late {
                    deadline = patience.deadline();
                }
                let nanos = working.end();
                stats.count(taken as u64, full.len() as u64, 0);
                stats.latency(nanos, taken as u64);
                tx.put(&mut full);
                pace.learn(taken, nanos, false);
                pace.turn().await;
            }
            Ok(())
        });
    }
}

/// Of [`Pipeline::flatten`](super::Pipeline::flatten).
pub struct Flattened<P> {
    pub(super) prev: P,
    pub(super) stats: Arc<StageStats>,
    pub(super) buffer: usize,
}

impl<P, E> Plan<E> for Flattened<P>
where
    P: Plan<E, Item: IntoIterator<Item: Send + 'static, IntoIter: Send>>,
    E: Send + 'static,
{
    type Item = <P::Item as IntoIterator>::Item;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<Self::Item>) {
        let mut ends = launch.before(self.prev, self.buffer, &self.stats, 1, out);
        let (rx, tx, stats) = ends.next().expect("there is one");
        launch.spawn(&self.stats, async move {
            let mut batch = Batch::new();
            let mut pace = Pace::new();
            let mut parts = VecDeque::new();
            let mut open: Option<<P::Item as IntoIterator>::IntoIter> = None;
            while let Some(room) = tx.room(&stats, || false).await {
                if open.is_none() && batch.len() == 0 && !rx.take(&mut batch, MOST, &stats).await {
                    break;
                }
                let working = stats.enter(Doing::Working);
                let mut taken = 0;
                while parts.len() < room.min(MOST) {
                    let Some(iter) = &mut open else {
                        let Some((_, item)) = batch.next() else { break };
                        taken += 1;
                        open = Some(item.into_iter());
                        continue;
                    };
                    match iter.next() {
                        Some(part) => parts.push_back(part),
                        None => open = None,
                    }
                }
                let nanos = working.end();
                stats.count(taken, parts.len() as u64, 0);
                stats.latency(nanos, taken);
                pace.learn(parts.len(), nanos, false);
                tx.put(&mut parts);
                pace.turn().await;
            }
            Ok(())
        });
    }
}

impl<P, W> fmt::Debug for Batched<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched")
            .field("name", &self.stats.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Flattened<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flattened")
            .field("name", &self.stats.name)
            .finish_non_exhaustive()
    }
}
