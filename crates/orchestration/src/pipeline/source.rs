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
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_core::Stream;
use runtime::Spawn;

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

/// Counts a batch of a source.
fn count(stats: &WorkerStats, given: usize, nanos: u64) {
    stats.count(0, given as u64, 0);
    stats.latency(nanos, given as u64);
}

impl<I, E> Plan<E> for Iter<I>
where
    I: Iterator<Item: Send + 'static> + Send + 'static,
    E: Send + 'static,
{
    type Item = I::Item;

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, Out(out): Out<I::Item>) {
        let tx = out.producers(1).pop().expect("there is one");
        drop(out);
        let stats = self.stats.start(1).pop().expect("there is one");
        let (stop, stopped) = (launch.stop.clone(), launch.note_stopped());
        let mut items = self.items;
        launch.spawn(&self.stats, async move {
            let mut made = VecDeque::new();
            let mut pace = Pace::new();
            while let Some(room) = tx.room(&stats, || false).await {
                if stop.is_cancelled() {
                    stopped();
                    break;
                }
                let limit = room.min(pace.limit());
                let working = stats.enter(Doing::Working);
                made.extend(items.by_ref().take(limit));
                let nanos = working.end();
                let count_made = made.len();
                count(&stats, count_made, nanos);
                tx.put(&mut made);
                if count_made < limit {
                    break;
                }
                pace.learn(count_made, nanos, false);
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

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, Out(out): Out<I::Item>) {
        let tx = out.producers(1).pop().expect("there is one");
        drop(out);
        let stats = self.stats.start(1).pop().expect("there is one");
        let (stop, stopped) = (launch.stop.clone(), launch.note_stopped());
        let env: Env<R> = launch.env.clone();
        let mut items = self.items;
        launch.spawn(&self.stats, async move {
            while let Some(room) = tx.room(&stats, || false).await {
                if stop.is_cancelled() {
                    stopped();
                    break;
                }
                let working = stats.enter(Doing::Working);
                let told = stop.clone();
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
                count(&stats, made.len(), working.end());
                tx.put(&mut made);
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

    fn launch<R: Spawn>(self, launch: &Launch<'_, R, E>, Out(out): Out<S::Item>) {
        let tx = out.producers(1).pop().expect("there is one");
        drop(out);
        let stats = self.stats.start(1).pop().expect("there is one");
        let (stop, stopped) = (launch.stop.clone(), launch.note_stopped());
        let items = self.items;
        launch.spawn(&self.stats, async move {
            let mut items = pin!(items);
            let mut made = VecDeque::new();
            let mut pace = Pace::new();
            let mut ended = false;
            while !ended && let Some(room) = tx.room(&stats, || false).await {
                // A stream that is always ready would never be asked to wait.
                if stop.is_cancelled() {
                    stopped();
                    break;
                }
                let working = stats.enter(Doing::Working);
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
                if stop.run(some).await.is_err() {
                    stopped();
                    ended = true;
                }
                let nanos = working.end();
                count(&stats, made.len(), nanos);
                tx.put(&mut made);
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
