//! Queues that never wait: [`Queue`] without a limit, [`BoundedQueue`] with one.
//!
//! Both are `crossbeam-queue`'s, which are lock-free in all that matters and have been read by more
//! people than another one would be. (A queue of Michael and Scott needs a scheme that tells when a
//! node may be freed; Go leaves that to its collector.) What is added: names, [`drain`](Queue::drain)
//! and a `Debug` that shows what is known.
//!
//! To wait for an item there are the channels, or a queue and a [`Notify`](crate::Notify).

use std::fmt;

use crossbeam_queue::{ArrayQueue, SegQueue};

/// A queue without a limit, of many producers and many consumers: first in, first out.
///
/// Neither [`push`](Self::push) nor [`pop`](Self::pop) waits for anybody; an item costs a part of a block of
/// 31. What one producer pushes comes out in its order.
///
/// ```
/// use async_sync::Queue;
///
/// static LOG: Queue<&str> = Queue::new();
///
/// LOG.push("first");
/// LOG.push("second");
/// assert_eq!(LOG.pop(), Some("first"));
/// assert_eq!(LOG.drain().collect::<Vec<_>>(), ["second"]);
/// assert_eq!(LOG.pop(), None);
/// ```
#[doc(alias = "LKQueue")]
#[doc(alias = "SegQueue")]
pub struct Queue<T>(SegQueue<T>);

impl<T> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Queue(SegQueue::new())
    }

    /// Adds an item at the end.
    #[doc(alias = "Enqueue")]
    #[inline]
    pub fn push(&self, item: T) {
        self.0.push(item);
    }

    /// Takes the first item, if there is one.
    #[doc(alias = "Dequeue")]
    #[inline]
    #[must_use = "the item is gone from the queue"]
    pub fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    /// Takes as many items as there are now. More that come meanwhile are left.
    pub fn drain(&self) -> impl Iterator<Item = T> + '_ {
        let now = self.len();
        std::iter::from_fn(|| self.pop()).take(now)
    }

    /// How many items there are: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no item: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<T> Extend<T> for Queue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<T> FromIterator<T> for Queue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut queue = Queue::new();
        queue.extend(items);
        queue
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).finish()
    }
}

/// A queue of at most so many items, of many producers and many consumers: first in, first out.
///
/// A ring that is allocated once. Nobody waits: a queue that is full gives the item back.
///
/// ```
/// use async_sync::BoundedQueue;
///
/// let queue = BoundedQueue::new(2);
/// assert_eq!(queue.push(1), Ok(()));
/// assert_eq!(queue.push(2), Ok(()));
/// assert_eq!(queue.push(3), Err(3), "full");
/// assert_eq!(queue.push_evicting(3), Some(1), "the oldest makes room");
/// assert_eq!(queue.drain().collect::<Vec<_>>(), [2, 3]);
/// ```
#[doc(alias = "ArrayQueue")]
#[doc(alias = "ring buffer")]
pub struct BoundedQueue<T>(ArrayQueue<T>);

impl<T> BoundedQueue<T> {
    /// An empty queue for `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity != 0,
            "a bounded queue has room for at least one item"
        );
        BoundedQueue(ArrayQueue::new(capacity))
    }

    /// Adds an item at the end.
    ///
    /// # Errors
    ///
    /// The item, if the queue is full.
    #[doc(alias = "Enqueue")]
    #[inline]
    pub fn push(&self, item: T) -> Result<(), T> {
        self.0.push(item)
    }

    /// Adds an item at the end; if the queue is full, the first item is taken out and returned.
    #[doc(alias = "force_push")]
    #[inline]
    pub fn push_evicting(&self, item: T) -> Option<T> {
        self.0.force_push(item)
    }

    /// Takes the first item, if there is one.
    #[doc(alias = "Dequeue")]
    #[inline]
    #[must_use = "the item is gone from the queue"]
    pub fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    /// Takes as many items as there are now. More that come meanwhile are left.
    pub fn drain(&self) -> impl Iterator<Item = T> + '_ {
        let now = self.len();
        std::iter::from_fn(|| self.pop()).take(now)
    }

    /// For how many items there is room.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// How many items there are: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no item: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is no room: a snapshot.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }
}

impl<T> fmt::Debug for BoundedQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedQueue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
