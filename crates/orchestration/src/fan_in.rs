//! `fan_in`: many streams as one, fair or by priority, that come and go while it runs.
//!
//! # How it is built
//!
//! A [`SelectSet`] for each priority. A set serves those that are ready in turn, each once before any is
//! served twice, and polls only inputs that were woken; the sets are asked from the highest priority
//! down. Each set is polled in every poll that finds nothing, so each has the waker.
//!
//! Handles put what they want into an inbox, and wake the stream, which looks into it first. An input's
//! [`InputId`] is given out when it is submitted; the stream knows which place in which set it has.
//!
//! # Invariants
//!
//! 1. The stream ends when there is no input, nothing in the inbox, and no handle that could add
//!    anything: so "ended" is for ever.
//! 2. Nothing foreign runs under the inbox's lock: inputs are polled and dropped, and wakers called,
//!    outside of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use async_sync::select::{Key, SelectSet, Source};
use futures_core::Stream;
use futures_core::stream::FusedStream;

/// One stream of what all of `inputs` yield, which ends when all of them have.
///
/// Fair: of those that have an item each is served once before any is served twice. What comes from one
/// input comes in its order. A thousand inputs of which one is woken cost one poll.
///
/// [`FanIn`] says how inputs are added and removed, and given priorities.
///
/// # Cancel safety
///
/// An item is taken from its input when it is returned: dropping the stream, or a future that waits for
/// its next item, loses none that was not returned.
///
/// # Panics
///
/// The stream panics if an input does. That input is gone then, and the others go on.
///
/// # Examples
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use orchestration::fan_in;
///
/// # mini_executor::block_on(async {
/// let sources = [1, 2, 3].map(|n| stream::iter(vec![n; 5]));
/// let mut all: Vec<i32> = fan_in(sources).collect().await;
/// assert_eq!(all[..3].iter().sum::<i32>(), 6); // one of each first
/// all.sort();
/// assert_eq!(all, [[1; 5], [2; 5], [3; 5]].concat());
/// # });
/// ```
#[doc(alias = "fanIn")]
#[doc(alias = "merge")]
pub fn fan_in<S: Stream>(inputs: impl IntoIterator<Item = S>) -> FanIn<S> {
    let mut all = FanIn::new();
    all.extend(inputs);
    all
}

/// Names an input of a [`FanIn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InputId(u64);

/// Many streams as one. From [`fan_in`], or [`new`](Self::new) and [`add`](Self::add).
///
/// # Priorities
///
/// An input has priority 0 unless [`add_with_priority`](Self::add_with_priority) says otherwise. An item
/// of a higher priority always goes first, so inputs of a lower one get nothing as long as those above
/// are never idle.
///
/// # While it runs
///
/// A [`handle`](Self::handle) adds and removes inputs from anywhere. While there is one the stream does not
/// end, as a channel does not while there is a sender.
///
/// # Examples
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use orchestration::fan_in::FanIn;
///
/// # mini_executor::block_on(async {
/// let mut all = FanIn::new();
/// all.add_with_priority(stream::iter(vec!["urgent", "urgent too"]), 1);
/// let whenever = all.add(stream::iter(vec!["whenever"]));
/// let handle = all.handle();
/// assert_eq!(all.next().await, Some("urgent"));
/// handle.add_with_priority(stream::iter(vec!["last"]), -1);
/// handle.remove(whenever);
/// assert_eq!(all.next().await, Some("urgent too"));
/// assert_eq!(all.next().await, Some("last"));
/// drop(handle);
/// assert_eq!(all.next().await, None);
/// # });
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct FanIn<S> {
    // By priority.
    sets: BTreeMap<i32, SelectSet<Input<S>>>,
    places: HashMap<InputId, (i32, Key)>,
    // Taken out of the inbox, and not done yet: a panic leaves the rest.
    due: VecDeque<Change<S>>,
    inbox: Arc<Inbox<S>>,
}

/// What the handles and the stream share.
struct Inbox<S> {
    ids: AtomicU64,
    wanted: Mutex<Wanted<S>>,
}

struct Wanted<S> {
    changes: Vec<Change<S>>,
    waker: Option<Waker>,
    handles: usize,
    // The stream was dropped.
    closed: bool,
}

enum Change<S> {
    Add(InputId, i32, Pin<Box<S>>),
    Remove(InputId),
}

struct Input<S> {
    stream: Pin<Box<S>>,
}

impl<S: Stream> Source for Input<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.stream.as_mut().poll_next(cx)
    }
}

impl<S> Inbox<S> {
    fn lock(&self) -> MutexGuard<'_, Wanted<S>> {
        // Nothing foreign runs under it, so a poisoned one is still consistent.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self) -> InputId {
        // Relaxed: a number that nobody else gets orders nothing.
        InputId(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn change(&self, change: Change<S>) {
        let mut wanted = self.lock();
        if wanted.closed {
            drop(wanted);
            drop(change);
            return;
        }
        wanted.changes.push(change);
        let waker = wanted.waker.take();
        drop(wanted);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<S> FanIn<S> {
    /// No inputs yet: a stream that ends at once, unless something is added or there is a handle.
    pub fn new() -> Self {
        FanIn {
            sets: BTreeMap::new(),
            places: HashMap::new(),
            due: VecDeque::new(),
            inbox: Arc::new(Inbox {
                ids: AtomicU64::new(0),
                wanted: Mutex::new(Wanted {
                    changes: Vec::new(),
                    waker: None,
                    handles: 0,
                    closed: false,
                }),
            }),
        }
    }

    /// Adds an input.
    pub fn add(&mut self, input: S) -> InputId {
        self.add_with_priority(input, 0)
    }

    /// Adds an input whose items go before those of lower priorities.
    pub fn add_with_priority(&mut self, input: S, priority: i32) -> InputId {
        let id = self.inbox.id();
        self.insert(id, priority, Box::pin(input));
        id
    }

    /// Drops an input. Whether it was there: it had not ended, nor been removed.
    pub fn remove(&mut self, id: InputId) -> bool {
        if !self.places.contains_key(&id) {
            // A handle may have added it, and nobody has looked yet.
            let changes = mem::take(&mut self.inbox.lock().changes);
            self.due.extend(changes);
            self.apply();
        }
        self.remove_known(id)
    }

    fn remove_known(&mut self, id: InputId) -> bool {
        let Some((priority, key)) = self.places.remove(&id) else {
            return false;
        };
        let set = self.sets.get_mut(&priority);
        set.is_some_and(|set| set.remove(key))
    }

    /// How many inputs there are. What a handle has added counts from the next poll on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.values().map(SelectSet::len).sum()
    }

    /// Whether there is no input.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds and removes inputs from elsewhere. The stream does not end while there is a handle.
    #[must_use]
    pub fn handle(&self) -> FanInHandle<S> {
        self.inbox.lock().handles += 1;
        FanInHandle {
            inbox: Arc::clone(&self.inbox),
        }
    }

    fn insert(&mut self, id: InputId, priority: i32, stream: Pin<Box<S>>) {
        if !self.sets.contains_key(&priority) {
            self.forget_priorities();
        }
        let set = self.sets.entry(priority).or_default();
        let key = set.add(Input { stream });
        self.places.insert(id, (priority, key));
        // Of those that have ended nobody was told.
        if self.places.len() > 2 * self.len() + 16 {
            self.forget_places();
        }
    }

    /// Keeps the places of those inputs that are there.
    fn forget_places(&mut self) {
        let sets = &self.sets;
        let is_there =
            |(priority, key): &(i32, Key)| sets.get(priority).is_some_and(|set| set.contains(*key));
        self.places.retain(|_, place| is_there(place));
    }

    /// Drops the sets of priorities that nobody uses, when they are many.
    fn forget_priorities(&mut self) {
        let empty = self.sets.values().filter(|set| set.is_empty()).count();
        if empty > self.sets.len() / 2 + 16 {
            // First: a new set gives out the same keys again.
            self.forget_places();
            self.sets.retain(|_, set| !set.is_empty());
        }
    }

    fn apply(&mut self) {
        while let Some(change) = self.due.pop_front() {
            match change {
                Change::Add(id, priority, stream) => self.insert(id, priority, stream),
                Change::Remove(id) => {
                    self.remove_known(id);
                }
            }
        }
    }
}

impl<S: Stream> Stream for FanIn<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        loop {
            let waker = cx.waker().clone();
            let mut wanted = this.inbox.lock();
            let changes = mem::take(&mut wanted.changes);
            let before = wanted.waker.replace(waker);
            let open = wanted.handles > 0;
            drop(wanted);
            drop(before);
            this.due.extend(changes);
            this.apply();
            let mut waits = false;
            for set in this.sets.values_mut().rev() {
                match set.poll_next(cx) {
                    Poll::Ready(Some((_, item))) => return Poll::Ready(Some(item)),
                    Poll::Ready(None) => {}
                    Poll::Pending => waits = true,
                }
            }
            if waits || open {
                return Poll::Pending;
            }
            // No input is left. The last handle may have gone just after it had added one.
            if this.inbox.lock().changes.is_empty() {
                return Poll::Ready(None);
            }
        }
    }
}

impl<S: Stream> FusedStream for FanIn<S> {
    fn is_terminated(&self) -> bool {
        let wanted = self.inbox.lock();
        self.is_empty() && wanted.handles == 0 && wanted.changes.is_empty()
    }
}

// The inputs are in boxes of their own.
impl<S> Unpin for FanIn<S> {}

impl<S> Extend<S> for FanIn<S> {
    fn extend<I: IntoIterator<Item = S>>(&mut self, inputs: I) {
        for input in inputs {
            self.add(input);
        }
    }
}

impl<S> FromIterator<S> for FanIn<S> {
    fn from_iter<I: IntoIterator<Item = S>>(inputs: I) -> Self {
        let mut all = FanIn::new();
        all.extend(inputs);
        all
    }
}

impl<S> Default for FanIn<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Drop for FanIn<S> {
    fn drop(&mut self) {
        let mut wanted = self.inbox.lock();
        wanted.closed = true;
        let changes = mem::take(&mut wanted.changes);
        let waker = wanted.waker.take();
        drop(wanted);
        drop((changes, waker));
    }
}

impl<S> fmt::Debug for FanIn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanIn")
            .field("inputs", &self.len())
            .field("priorities", &self.sets.len())
            .finish_non_exhaustive()
    }
}

/// Adds inputs to a [`FanIn`] and removes them, from anywhere.
///
/// If the stream was dropped both do nothing.
pub struct FanInHandle<S> {
    inbox: Arc<Inbox<S>>,
}

impl<S> FanInHandle<S> {
    /// Adds an input.
    #[allow(clippy::must_use_candidate, reason = "few inputs are removed by name")]
    pub fn add(&self, input: S) -> InputId {
        self.add_with_priority(input, 0)
    }

    /// Adds an input whose items go before those of lower priorities.
    #[allow(clippy::must_use_candidate, reason = "few inputs are removed by name")]
    pub fn add_with_priority(&self, input: S, priority: i32) -> InputId {
        let id = self.inbox.id();
        self.inbox
            .change(Change::Add(id, priority, Box::pin(input)));
        id
    }

    /// Has an input dropped, by the stream, the next time that it is polled. Nothing of it is returned
    /// from then on.
    pub fn remove(&self, id: InputId) {
        self.inbox.change(Change::Remove(id));
    }

    /// Whether the stream was dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inbox.lock().closed
    }
}

impl<S> Clone for FanInHandle<S> {
    fn clone(&self) -> Self {
        self.inbox.lock().handles += 1;
        FanInHandle {
            inbox: Arc::clone(&self.inbox),
        }
    }
}

impl<S> Drop for FanInHandle<S> {
    fn drop(&mut self) {
        let mut wanted = self.inbox.lock();
        wanted.handles -= 1;
        let waker = if wanted.handles == 0 {
            wanted.waker.take()
        } else {
            None
        };
        drop(wanted);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<S> fmt::Debug for FanInHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanInHandle").finish_non_exhaustive()
    }
}
