//! What lies between two stages: a bounded queue of items, in and out many at a time.
//!
//! # States
//!
//! ```text
//!                put, in order                      take
//! producer ------------------------> items ------------------> consumer
//!     \                                ^           give back  /
//!      \   place(n)                    | the next number     v
//!       '-----------> early ----------'                  returned  (taken before all others)
//! ```
//!
//! *Open*, until the last producer has gone; *ended*, when it is empty then as well; *abandoned*, when
//! the last consumer has gone, and what is put is dropped.
//!
//! # Invariants
//!
//! 1. Nobody waits to put something, so whoever has results can always get rid of them. A producer
//!    waits *before* it takes more work ([`Tx::room`]). So there may be `capacity` items, and what the
//!    producers had in hand when that was reached.
//! 2. What is taken has numbers, in the order of the queue. A stage that keeps the order hands its
//!    results over by number; those that are early wait in `early`. The item with the least number is
//!    always with a worker that does not wait for room, or in `returned`, and as long as something is
//!    there everybody has room: so the order costs no deadlock.
//! 3. An item in the queue, or its end, while consumers wait: one of them is on its way. Who puts
//!    notifies one; who takes and leaves something notifies the next. Likewise for room.
//! 4. Who waits listens first and looks again under the lock, and who changes something notifies after
//!    it held the lock. Hence `waiters()`, read without it, misses nobody.
//! 5. Nothing foreign runs under the lock, but for the moving of items. They are dropped after it.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_sync::Notify;

use super::metrics::{Doing, WorkerStats};

pub(super) struct Link<T> {
    queue: Mutex<Queue<T>>,
    // Something was put, or it has ended.
    filled: Notify,
    // Something was taken, or nobody wants anything any more.
    freed: Notify,
    capacity: usize,
}

struct Queue<T> {
    items: VecDeque<T>,
    // Taken and given back, by number.
    returned: BTreeMap<u64, T>,
    // Results by number, from `next` on. The inner None is an item without a result.
    early: VecDeque<Option<Option<T>>>,
    next: u64,
    // How many in `early` are results.
    early_items: usize,
    // How many were taken: the number of the next one.
    taken: u64,
    producers: usize,
    consumers: usize,
}

impl<T> Queue<T> {
    fn len(&self) -> usize {
        self.items.len() + self.returned.len()
    }
}

/// Items that were taken together, with successive numbers.
pub(super) struct Batch<T> {
    items: VecDeque<T>,
    // Of the first.
    number: u64,
}

impl<T> Batch<T> {
    pub(super) fn new() -> Self {
        Batch {
            items: VecDeque::new(),
            number: 0,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<(u64, T)> {
        let item = self.items.pop_front()?;
        let number = self.number;
        self.number += 1;
        Some((number, item))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

impl<T> Link<T> {
    /// A queue for `consumers`, which has no producers yet: those come before anybody takes anything.
    pub(super) fn new(capacity: usize, consumers: usize) -> (Arc<Self>, Vec<Rx<T>>) {
        let link = Arc::new(Link {
            queue: Mutex::new(Queue {
                items: VecDeque::new(),
                returned: BTreeMap::new(),
                early: VecDeque::new(),
                next: 0,
                early_items: 0,
                taken: 0,
                producers: 0,
                consumers,
            }),
            filled: Notify::new(),
            freed: Notify::new(),
            capacity,
        });
        let receivers = (0..consumers).map(|_| Rx {
            link: Arc::clone(&link),
        });
        let receivers = receivers.collect();
        (link, receivers)
    }

    pub(super) fn producers(self: &Arc<Self>, count: usize) -> Vec<Tx<T>> {
        self.lock().producers += count;
        (0..count)
            .map(|_| Tx {
                link: Arc::clone(self),
            })
            .collect()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many items wait: a snapshot.
    pub(super) fn depth(&self) -> usize {
        let queue = self.lock();
        queue.len() + queue.early_items
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // Nothing foreign runs under it, so a poisoned one is still consistent.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something for a consumer.
    #[inline]
    fn ring(&self) {
        if self.filled.waiters() > 0 {
            self.filled.notify(1);
        }
    }
}

/// The side of the stage before.
pub(super) struct Tx<T> {
    link: Arc<Link<T>>,
}

/// Whether there is any use in producing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// So many places, at least one.
    For(usize),
    Full,
    /// Nobody takes anything any more.
    Abandoned,
}

impl<T> Tx<T> {
    /// Puts all of `items` to the end.
    pub(super) fn put(&self, items: &mut VecDeque<T>) {
        if items.is_empty() {
            return;
        }
        let mut queue = self.link.lock();
        if queue.consumers == 0 {
            drop(queue);
            items.clear();
            return;
        }
        if queue.items.is_empty() {
            std::mem::swap(&mut queue.items, items);
        } else {
            queue.items.append(items);
        }
        drop(queue);
        self.link.ring();
    }

    /// Puts results into the places that their numbers say. None: there is no result of that number.
    pub(super) fn place(&self, results: &mut Vec<(u64, Option<T>)>) {
        if results.is_empty() {
            return;
        }
        let mut guard = self.link.lock();
        let queue = &mut *guard;
        if queue.consumers == 0 {
            drop(guard);
            results.clear();
            return;
        }
        for (number, result) in results.drain(..) {
            let at = usize::try_from(number - queue.next).expect("as many as there are items");
            if queue.early.len() <= at {
                queue.early.resize_with(at + 1, || None);
            }
            queue.early_items += usize::from(result.is_some());
            queue.early[at] = Some(result);
        }
        let mut any = false;
        while let Some(Some(_)) = queue.early.front() {
            queue.next += 1;
            if let Some(Some(Some(item))) = queue.early.pop_front() {
                queue.early_items -= 1;
                queue.items.push_back(item);
                any = true;
            }
        }
        drop(guard);
        if any {
            self.link.ring();
        }
    }

    fn look(&self) -> Room {
        let queue = self.link.lock();
        let taken = queue.len() + queue.early_items;
        match self.link.capacity.saturating_sub(taken) {
            _ if queue.consumers == 0 => Room::Abandoned,
            0 => Room::Full,
            places => Room::For(places),
        }
    }

    /// Waits until there is room, or until `exempt` says that this does not matter. Gives the number of
    /// places; None if nobody takes anything any more.
    pub(super) async fn room(
        &self,
        stats: &WorkerStats,
        exempt: impl Fn() -> bool,
    ) -> Option<usize> {
        loop {
            match self.look() {
                Room::For(places) => {
                    // The place is not taken before there is a result, and there may be none: so all of
                    // the others come, one after the other.
                    if self.link.freed.waiters() > 0 {
                        self.link.freed.notify(1);
                    }
                    return Some(places);
                }
                Room::Abandoned => return None,
                Room::Full if exempt() => return Some(1),
                Room::Full => {}
            }
            let mut listen = pin!(self.link.freed.listen());
            listen.as_mut().enable();
            if self.look() == Room::Full && !exempt() {
                let waiting = stats.enter(Doing::WaitingForRoom);
                listen.await;
                drop(waiting);
            }
        }
    }
}

impl<T> Drop for Tx<T> {
    fn drop(&mut self) {
        let mut queue = self.link.lock();
        queue.producers -= 1;
        let last = queue.producers == 0;
        drop(queue);
        if last {
            self.link.filled.notify_all();
        }
    }
}

/// The side of the stage behind.
pub(super) struct Rx<T> {
    link: Arc<Link<T>>,
}

impl<T> Rx<T> {
    /// Takes up to `limit` items, of which it leaves the others their share. `Some(false)`: there will be
    /// none any more; None: not now.
    fn try_take(&self, batch: &mut Batch<T>, limit: usize) -> Option<bool> {
        let mut guard = self.link.lock();
        let queue = &mut *guard;
        let before = queue.len() + queue.early_items;
        if let Some((number, item)) = queue.returned.pop_first() {
            batch.number = number;
            batch.items.push_back(item);
        } else if queue.items.is_empty() {
            return (queue.producers == 0).then_some(false);
        } else {
            let there = queue.items.len();
            let share = there.div_ceil(queue.consumers.max(1));
            let count = share.min(limit);
            batch.number = queue.taken;
            queue.taken += count as u64;
            if count == there {
                // The batch is empty: the two change places, and nothing is moved.
                std::mem::swap(&mut queue.items, &mut batch.items);
            } else {
                batch.items.extend(queue.items.drain(..count));
            }
        }
        let more = queue.len() > 0;
        let room = before - batch.items.len() < self.link.capacity;
        drop(guard);
        if more {
            self.link.ring();
        }
        if room && self.link.freed.waiters() > 0 {
            self.link.freed.notify(1);
        }
        Some(true)
    }

    /// Takes at least one and up to `limit` items into the batch, which is empty. False if there will be
    /// none any more.
    pub(super) async fn take(
        &self,
        batch: &mut Batch<T>,
        limit: usize,
        stats: &WorkerStats,
    ) -> bool {
        debug_assert_eq!(batch.len(), 0);
        loop {
            if let Some(some) = self.try_take(batch, limit) {
                return some;
            }
            let mut listen = pin!(self.link.filled.listen());
            listen.as_mut().enable();
            if let Some(some) = self.try_take(batch, limit) {
                return some;
            }
            let waiting = stats.enter(Doing::WaitingForInput);
            listen.await;
            drop(waiting);
        }
    }

    /// Gives back what is left of a batch, for whoever is free.
    pub(super) fn give_back(&self, batch: &mut Batch<T>) {
        if batch.len() == 0 {
            return;
        }
        let mut queue = self.link.lock();
        while let Some((number, item)) = batch.next() {
            queue.returned.insert(number, item);
        }
        drop(queue);
        self.link.ring();
    }

    /// Whether somebody gave something back.
    pub(super) fn has_returned(&self) -> bool {
        !self.link.lock().returned.is_empty()
    }
}

impl<T> Drop for Rx<T> {
    fn drop(&mut self) {
        let mut queue = self.link.lock();
        queue.consumers -= 1;
        if queue.consumers > 0 {
            return;
        }
        let items = std::mem::take(&mut queue.items);
        let returned = std::mem::take(&mut queue.returned);
        let early = std::mem::take(&mut queue.early);
        queue.early_items = 0;
        drop(queue);
        self.link.freed.notify_all();
        drop((items, returned, early));
    }
}

#[cfg(test)]
mod tests;
