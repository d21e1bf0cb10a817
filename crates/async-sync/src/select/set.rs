//! `SelectSet`: selects again and again among the same sources, each of which keeps its place.
//!
//! ```text
//! source:  idle -- its waker is called --> marked -- collected --> due -- polled: pending --> idle
//!                                                                   ^          |
//!                                                                   +- an item-+     it may have another
//! ```
//!
//! * `add` marks the source, so it is polled by the next round, which wakes whoever waits for that.
//! * The first that is due is polled; if it has an item, it goes to the end of the queue. So each one that
//!   is ready is served before any is served twice, and a round costs a poll or two, whatever the number
//!   of sources.
//! * Only if nobody is due does the task wait; see `ready` for why nothing is missed.
//! * An item is taken in the poll that returns it. Dropping `Next` loses nothing.
//! * A mark of a waker whose source has gone reaches the next one in its place, as a poll that nobody
//!   asked for, or nobody.
//! * A source that panics is dropped; the rest stays as it was.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::entries::Entries;
use super::ready::Ready;
use super::slots::FIRST;
use super::{Key, Source};

/// Selects again and again among sources that may come and go at any time.
///
/// Register a thousand receivers once, then take messages from whichever has one: a round costs the same
/// as with a single receiver, and allocates nothing. Each source keeps its place in the queue it waits in
/// while others are served, where a `select` in a loop that makes its futures anew would put it back to
/// the end each time.
///
/// Those that are ready are served in turn: each once before any is served twice.
///
/// A source whose set is not polled waits all the same, and may be given something meanwhile: a lock, say.
/// Our primitives take such a thing back after a millisecond, when somebody else wants it.
///
/// # Examples
///
/// ```
/// use async_sync::AutoEvent;
/// use async_sync::select::{SelectSet, repeat};
///
/// # sync_core::park::block_on(async {
/// let bells: Vec<_> = (0..1000).map(|_| AutoEvent::new()).collect();
/// let mut set: SelectSet<_> =
///     bells.iter().map(|bell| repeat(|| bell.wait())).collect();
/// let keys: Vec<_> = set.keys().collect();
///
/// bells[7].set();
/// assert_eq!(set.next().await, Some((keys[7], ())));
/// bells[42].set();
/// bells[7].set();
/// let (one, two) = (set.next().await, set.next().await);
/// assert!([one, two].contains(&Some((keys[42], ()))));
/// assert!(set.try_next().is_none());
/// # });
/// ```
pub struct SelectSet<S> {
    /// Made when the first source comes. Has a slot for each entry.
    ready: Option<Ready>,
    entries: Entries<S>,
}

// The sources are in boxes of their own.
impl<S> Unpin for SelectSet<S> {}

impl<S> SelectSet<S> {
    /// An empty set. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        SelectSet {
            ready: None,
            entries: Entries::new(),
        }
    }

    /// How many sources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `key` is that of a source that is here.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        self.entries.contains(key)
    }

    /// The keys of all sources.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.entries.keys()
    }

    /// Adds a source, which is polled by the next round.
    ///
    /// Allocates if there are more than there ever were.
    pub fn add(&mut self, source: S) -> Key {
        if !self.entries.has_room() {
            match &mut self.ready {
                None => self.ready = Some(Ready::new(FIRST)),
                Some(ready) => ready.grow(self.entries.room()),
            }
            self.entries.grow();
        }
        let key = self.entries.insert(source);
        if let Some(ready) = &self.ready {
            ready.mark(key.index());
        }
        key
    }

    /// Drops a source, which gives up its place. Whether there was one with this key.
    pub fn remove(&mut self, key: Key) -> bool {
        let is_there = self.contains(key);
        if is_there {
            self.entries.remove(key);
        }
        is_there
    }
}

impl<S: Source> SelectSet<S> {
    /// The next item of any source, and which one's it is; None if there are no sources left. A source
    /// that ends leaves the set.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: sources keep their places, and no item is taken before it is
    /// returned.
    ///
    /// # Panics
    ///
    /// The future panics if a source does. That one is dropped, and the set is as good as before.
    #[expect(
        clippy::should_implement_trait,
        reason = "as asynchronous sequences have it"
    )]
    pub fn next(&mut self) -> Next<'_, S> {
        Next { set: Some(self) }
    }

    /// The default case: the next item if there is one at once.
    ///
    /// # Panics
    ///
    /// If a source does.
    pub fn try_next(&mut self) -> Option<(Key, S::Item)> {
        match self.round(None) {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    /// [`next`](Self::next) for those who poll by hand.
    ///
    /// # Panics
    ///
    /// If a source does.
    #[inline]
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Key, S::Item)>> {
        self.round(Some(cx.waker()))
    }

    /// [`next`](Self::next), blocking the thread.
    ///
    /// # Panics
    ///
    /// If a source does.
    #[cfg(feature = "std")]
    pub fn next_blocking(&mut self) -> Option<(Key, S::Item)> {
        sync_core::park::block_on(self.next())
    }

    fn round(&mut self, waker: Option<&Waker>) -> Poll<Option<(Key, S::Item)>> {
        let SelectSet {
            ready: Some(ready),
            entries,
        } = self
        else {
            return Poll::Ready(None);
        };
        ready.drain(|_, index| entries.push(index));
        while let Some(key) = entries.pop() {
            let mut turn = Turn {
                entries,
                key,
                is_over: true,
            };
            let polled = turn.poll(&ready.waker(key.index()));
            turn.is_over = matches!(polled, Poll::Ready(None));
            drop(turn);
            if let Poll::Ready(Some(item)) = polled {
                entries.push(key.index());
                return Poll::Ready(Some((key, item)));
            }
        }
        if entries.len() == 0 {
            return Poll::Ready(None);
        }
        if let Some(waker) = waker
            && !ready.sleep(waker)
        {
            // Somebody was woken meanwhile. Not polled at once: it may be one that wakes itself in order
            // to let others run.
            waker.wake_by_ref();
        }
        Poll::Pending
    }
}

/// A source is polled; if that is its end, or it panics, it leaves the set.
struct Turn<'a, S> {
    entries: &'a mut Entries<S>,
    key: Key,
    is_over: bool,
}

impl<S: Source> Turn<'_, S> {
    fn poll(&mut self, waker: &Waker) -> Poll<Option<S::Item>> {
        let source = self.entries.source(self.key);
        source.map_or(Poll::Ready(None), |source| {
            source.poll_next(&mut Context::from_waker(waker))
        })
    }
}

impl<S> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        if self.is_over {
            self.entries.remove(self.key);
        }
    }
}

impl<S> Default for SelectSet<S> {
    fn default() -> Self {
        SelectSet::new()
    }
}

impl<S> Extend<S> for SelectSet<S> {
    fn extend<I: IntoIterator<Item = S>>(&mut self, sources: I) {
        for source in sources {
            self.add(source);
        }
    }
}

impl<S> FromIterator<S> for SelectSet<S> {
    fn from_iter<I: IntoIterator<Item = S>>(sources: I) -> Self {
        let mut set = SelectSet::new();
        set.extend(sources);
        set
    }
}

impl<S> fmt::Debug for SelectSet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectSet")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The future of [`SelectSet::next`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Next<'a, S> {
    /// None if it is over.
    set: Option<&'a mut SelectSet<S>>,
}

impl<S: Source> Future for Next<'_, S> {
    type Output = Option<(Key, S::Item)>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let set = self
            .set
            .as_mut()
            .expect("a future was polled after it had completed");
        let polled = set.poll_next(cx);
        if polled.is_ready() {
            self.set = None;
        }
        polled
    }
}

impl<S> fmt::Debug for Next<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("set", &self.set).finish()
    }
}
