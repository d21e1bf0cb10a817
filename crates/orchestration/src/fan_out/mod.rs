//! `fan_out`: one stream, many outputs. Each gets everything, or each gets its share.
//!
//! ```text
//!                      .--> [lane] --> Output
//! input --> FanOutRun ----> [lane] --> Output      broadcast: a clone of each item into every lane
//!                      '--> [lane] --> Output      by key:    each item into the lane of its key
//!
//! input --> Distribute --> [channel] --> Receiver, Receiver, ...    whoever is free takes the next
//! ```
//!
//! Nothing is spawned: who fans out gets a future that does the work, and awaits it or spawns it. When it
//! is dropped the outputs end, and when all outputs are dropped it ends.
//!
//! # Invariants
//!
//! 1. Each output sees the items in the order of the input. Under [`Slow::Wait`] an item is in all lanes
//!    before the next one is taken from the input, so outputs are never further apart than a lane is long.
//! 2. An item is cloned for a lane only when it has room there; the last lane gets the item itself.
//! 3. Whatever panics (the input, a `clone`, the key) does so in the poll of the run, and dropping that
//!    ends all outputs: nobody waits for ever.

mod lane;
mod run;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_sync::channel::{self, Receiver};
use futures_core::Stream;

use lane::Lane;

pub use run::{Broadcast, ByKey, Delivered, Distribute, FanOutRun, OutputFate};

/// What becomes of an item for which an output has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slow {
    /// It waits, and with it the input and all other outputs. Nothing is lost.
    #[default]
    Wait,
    /// The oldest item that waits for that output is dropped: it always gets the newest.
    DropOldest,
    /// The item itself is dropped: what waits is not touched.
    DropNewest,
    /// The output is cut off: it gets what waits for it, and then its end.
    Disconnect,
}

/// How many items wait for an output, unless something else is said.
const CAPACITY: usize = 16;

/// One stream, many outputs.
///
/// | | each item goes | if an output is slow |
/// |---|---|---|
/// | [`broadcast`](Self::broadcast) | to every output, as a clone | as [`slow`](Self::slow) says |
/// | [`by_key`](Self::by_key) | to the output of its key | as [`slow`](Self::slow) says |
/// | [`distribute`](Self::distribute) | to whoever is free | it takes fewer |
///
/// # Examples
///
/// ```
/// use futures_util::{StreamExt, future, stream};
/// use orchestration::fan_out::{FanOut, Slow};
///
/// # mini_executor::block_on(async {
/// let (run, [log, mut latest]) = FanOut::new(stream::iter(1..=100))
///     .capacity(100)
///     .slow(Slow::DropOldest)
///     .broadcast();
/// let (delivered, log) = future::join(run, log.collect::<Vec<_>>()).await;
/// assert_eq!(delivered.items, 100);
/// assert_eq!(log, (1..=100).collect::<Vec<_>>());
/// assert_eq!(latest.next().await, Some(1));
/// # });
/// ```
#[must_use = "a fan-out does nothing until its run is awaited"]
pub struct FanOut<S> {
    input: S,
    capacity: usize,
    slow: Slow,
}

impl<S: Stream> FanOut<S> {
    /// Of this stream. 16 items wait for each output, and then the input does.
    #[doc(alias = "fanOut")]
    pub fn new(input: S) -> Self {
        FanOut {
            input,
            capacity: CAPACITY,
            slow: Slow::Wait,
        }
    }

    /// So many items may wait for each output. Zero counts as one.
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = items.max(1);
        self
    }

    /// What becomes of an item for which an output has no room.
    pub fn slow(mut self, policy: Slow) -> Self {
        self.slow = policy;
        self
    }

    /// Each output gets all items.
    ///
    /// The future does the work. It ends when the input has ended and everything is delivered, or when
    /// all outputs were dropped; it has to be polled while the outputs are.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the input and ends the outputs, after what waits for them.
    ///
    /// # Panics
    ///
    /// The future panics if the input or a `clone` does.
    pub fn broadcast<const N: usize>(self) -> (FanOutRun<S, Broadcast>, [Output<S::Item>; N])
    where
        S::Item: Clone,
    {
        let (run, outputs) = self.broadcast_to(N);
        (run, array(outputs))
    }

    /// As [`broadcast`](Self::broadcast), to a number of outputs that is known at run time.
    pub fn broadcast_to(self, outputs: usize) -> (FanOutRun<S, Broadcast>, Vec<Output<S::Item>>)
    where
        S::Item: Clone,
    {
        self.into_lanes(outputs, Broadcast)
    }

    /// Each item goes to the output `key(&item) % N`: all items of one key to the same one, in order.
    ///
    /// The future as for [`broadcast`](Self::broadcast). What is for an output that was dropped is
    /// dropped.
    #[expect(
        clippy::type_complexity,
        reason = "the future and the outputs, as with the others"
    )]
    pub fn by_key<const N: usize, K>(self, key: K) -> (FanOutRun<S, ByKey<K>>, [Output<S::Item>; N])
    where
        K: FnMut(&S::Item) -> usize,
    {
        let (run, outputs) = self.into_lanes(N, ByKey(key));
        (run, array(outputs))
    }

    /// Each item goes to whichever output asks first. They share one queue, so a slow one takes fewer
    /// items and holds up nobody. If all are slow, the input waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the input, and the outputs end after what waits for them. An item that a
    /// dropped output was about to get goes to another.
    pub fn distribute(self, outputs: usize) -> (Distribute<S>, Vec<Receiver<S::Item>>) {
        let (sender, receiver) = channel::bounded(self.capacity);
        let receivers = (0..outputs).map(|_| receiver.clone()).collect();
        (Distribute::new(self.input, sender), receivers)
    }

    fn into_lanes<M>(self, outputs: usize, mode: M) -> (FanOutRun<S, M>, Vec<Output<S::Item>>) {
        let lanes: Vec<_> = (0..outputs).map(|_| Lane::new(self.capacity)).collect();
        let outputs = lanes.iter().map(|lane| Output {
            lane: Arc::clone(lane),
        });
        let outputs = outputs.collect();
        (FanOutRun::new(self.input, lanes, self.slow, mode), outputs)
    }
}

fn array<T, const N: usize>(all: Vec<T>) -> [T; N] {
    match all.try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("there are as many as were asked for"),
    }
}

impl<S> fmt::Debug for FanOut<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut")
            .field("capacity", &self.capacity)
            .field("slow", &self.slow)
            .finish_non_exhaustive()
    }
}

/// One of the outputs of a [`FanOut`]: a stream, which ends when the input has, or the run was dropped.
///
/// # Cancel safety
///
/// An item is taken when it is returned.
#[must_use = "an output that is not read holds up the others, or loses items"]
pub struct Output<T> {
    lane: Arc<Lane<T>>,
}

impl<T> Output<T> {
    /// How many items wait for it: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lane.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items it has lost, because it was slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lane.fate().lost
    }

    /// Whether it was cut off, because it was slow.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.lane.fate().cut_off
    }
}

impl<T> Stream for Output<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.lane.poll_take(cx)
    }
}

impl<T> Drop for Output<T> {
    fn drop(&mut self) {
        self.lane.leave();
    }
}

impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}
