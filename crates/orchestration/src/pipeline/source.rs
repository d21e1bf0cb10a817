//! Where items come from: an iterator, one that blocks, a stream.
//!
//! A source is one task. It waits for room, makes as many items as there is room for and as are quick to
//! be had, and puts them into the queue of the first stage. When the pipeline is told to stop it ends as
//! if it had no more.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_sync::Context;
use futures_core::Stream;
use runtime::Spawn;

use super::link::Tx;
use super::metrics::{Doing, StageStats, WorkerStats};
use super::op::{Env, on_threads};
use super::stage::{Launch, Out, Plan};
use super::worker::{MOST, Pace};

/// Of [`Pipeline::from_iter`](super::Pipeline::from_iter).
pub struct Iter<I> {
    pub(super) items: I,
    pub(super) stats: Arc<StageStats>,
}

/// Of [`Pipeline::from_blocking_iter`](super::Pipeline::from_blocking_iter).
pub struct BlockingIter<I> {
    pub(super) items: I,
    pub(super) stats: Arc<StageStats>,
}

/// Of [`Pipeline::from_stream`](super::Pipeline::from_stream).
pub struct FromStream<S> {
    pub(super) items: S,
    pub(super) stats: Arc<StageStats>,
}

/// After this a blocking iterator hands on what it has.
const A_WHILE: Duration = Duration::from_millis(1);

/// Where a source puts what it makes, until nobody wants more.
///
/// (That it waits for room is written in each source: as a function of this, which those of one item type
/// share, it is not inlined, and costs 60 instructions a batch.)
struct Feed<T> {
    tx: Tx<T>,
    stats: Arc<WorkerStats>,
    stop: Context,
    stopped: Arc<AtomicBool>,
}

impl<T> Feed<T> {
    fn new<R: Spawn, E>(launch: &Launch<'_, R, E>, stats: &StageStats, Out(out): Out<T>) -> Self {
        Feed {
            tx: out.producers(1).pop().expect("there is one"),
            stats: stats.start(1).pop().expect("there is one"),
            stop: launch.stop.clone(),
            stopped: Arc::clone(&launch.stopped),
        }
    }

    /// Whether the source is to end here. (To be asked each time: one that is always ready is never told
    /// while it waits.)
    fn told_to_stop(&self) -> bool {
        let told = self.stop.is_cancelled();
        if told {
            self.note_stopped();
        }
        told
    }

    fn note_stopped(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Counts what was made in so many nanoseconds, and puts it.
    fn put(&self, made: &mut VecDeque<T>, nanos: u64) {
        let count = made.len() as u64;
        self.stats.count(0, count, 0);
        self.stats.latency(nanos, count);
        self.tx.put(made);
    }
}

impl<I, E> Plan<E> for Iter<I>
where
    I: Iterator<Item: Send + 'static> + Send + 'static,
    E: Send + 'static,
{
    type Item = I::Item;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<I::Item>) {
        let feed = Feed::new(launch, &self.stats, out);
        let mut items = self.items;
        launch.spawn(&self.stats, async move {
            let mut made = VecDeque::new();
            let mut pace = Pace::new();
            while let Some(room) = feed.tx.room(&feed.stats, || false).await
                && !feed.told_to_stop()
            {
                let limit = room.min(pace.limit());
                let working = feed.stats.enter(Doing::Working);
                made.extend(items.by_ref().take(limit));
                let nanos = working.end();
                let count = made.len();
                feed.put(&mut made, nanos);
                if count < limit {
                    break;
                }
                pace.learn(count, nanos, false);
                pace.turn().await;
            }
            Ok(())
        });
    }
}

impl<I, E> Plan<E> for BlockingIter<I>
where
    I: Iterator<Item: Send + 'static> + Send + 'static,
    E: Send + 'static,
{
    type Item = I::Item;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<I::Item>) {
        let feed = Feed::new(launch, &self.stats, out);
        let env: Env<R> = launch.env.clone();
        let mut items = self.items;
        launch.spawn(&self.stats, async move {
            while let Some(room) = feed.tx.room(&feed.stats, || false).await
                && !feed.told_to_stop()
            {
                let working = feed.stats.enter(Doing::Working);
                let told = feed.stop.clone();
                let look = on_threads(&env, move || {
                    let (mut made, begun) = (VecDeque::new(), Instant::now());
                    let mut ended = false;
                    while made.len() < room.min(MOST) && !told.is_cancelled() {
                        match items.next() {
                            Some(item) => made.push_back(item),
                            None => {
                                ended = true;
                                break;
                            }
                        }
                        if begun.elapsed() > A_WHILE {
                            break;
                        }
                    }
                    (items, made, ended)
                });
                let (back, mut made, ended) = look.await;
                items = back;
                feed.put(&mut made, working.end());
                if ended {
                    break;
                }
            }
            Ok(())
        });
    }
}

impl<S, E> Plan<E> for FromStream<S>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
    E: Send + 'static,
{
    type Item = S::Item;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, out: Out<S::Item>) {
        let feed = Feed::new(launch, &self.stats, out);
        let items = self.items;
        launch.spawn(&self.stats, async move {
            let mut items = pin!(items);
            let mut made = VecDeque::new();
            let mut pace = Pace::new();
            let mut ended = false;
            while !ended
                && let Some(room) = feed.tx.room(&feed.stats, || false).await
                && !feed.told_to_stop()
            {
                let working = feed.stats.enter(Doing::Working);
                let mut waited = false;
                let limit = room.min(MOST);
                let some = poll_fn(|cx| {
                    while made.len() < limit {
                        match items.as_mut().poll_next(cx) {
                            Poll::Ready(Some(item)) => made.push_back(item),
                            Poll::Ready(None) => {
                                ended = true;
                                break;
                            }
                            Poll::Pending if made.is_empty() => {
                                waited = true;
                                return Poll::Pending;
                            }
                            Poll::Pending => break,
                        }
                    }
                    Poll::Ready(())
                });
                if feed.stop.run(some).await.is_err() {
                    feed.note_stopped();
                    ended = true;
                }
                let nanos = working.end();
                feed.put(&mut made, nanos);
                pace.learn(limit, nanos, waited);
                pace.turn().await;
            }
            Ok(())
        });
    }
}

macro_rules! debug {
    ($($name:ident)*) => {$(
        impl<I> fmt::Debug for $name<I> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = &self.stats.name;
                f.debug_struct(stringify!($name)).field("name", name).finish_non_exhaustive()
            }
        }
    )*};
}
debug! { Iter BlockingIter FromStream }
