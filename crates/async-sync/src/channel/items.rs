//! Where the items lie: a ring, and more rings behind it while it is too small.
//!
//! ```text
//! first            taken from here; as long as `more` is empty, put in here too
//! more: r r r      put into the last; when `first` is empty, the next of these is the first
//! ```
//!
//! A bounded channel of up to 65536 places has one ring of its capacity, made at the beginning; a larger one
//! grows as one without bounds does. A ring that is full is not copied into a
//! larger one, since that would keep the lock for as long as there are items: the next ring is put
//! behind it, twice as large, up to a limit. So a channel that is never fuller than its last ring
//! works in that and allocates nothing.
//!
//! # Invariants
//!
//! 1. If `first` is empty, so is `more`.
//! 2. No ring in `more` is empty, and none ever grows.

use alloc::collections::VecDeque;
use core::mem;

#[derive(Debug)]
pub(super) struct Items<T> {
    first: VecDeque<T>,
    more: VecDeque<VecDeque<T>>,
    /// The capacity of the largest ring that is made.
    limit: usize,
}

/// The smallest ring. Tiny under a model checker, so that the paths with several rings are explored.
const SMALLEST: usize = if cfg!(any(loom, shuttle)) { 1 } else { 8 };

/// The largest ring of an unbounded channel, in items: making one takes a bounded time.
const LARGEST: usize = if cfg!(any(loom, shuttle)) { 2 } else { 1024 };

/// Up to so many items, a bounded channel makes its ring at the beginning.
const AT_ONCE: usize = 1 << 16;

impl<T> Items<T> {
    /// Room for `capacity` items in one ring, unless those are so many that most likely they will not
    /// come.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let capacity = if capacity > AT_ONCE { 0 } else { capacity };
        Items {
            first: VecDeque::with_capacity(capacity),
            more: VecDeque::new(),
            limit: LARGEST.max(capacity),
        }
    }

    /// Puts an item behind all others.
    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if self.first.len() < self.first.capacity() && self.more.is_empty() {
            self.first.push_back(item);
        } else {
            self.push_far(item);
        }
    }

    #[inline(never)]
    fn push_far(&mut self, item: T) {
        let last = self.more.back().unwrap_or(&self.first);
        if last.len() == last.capacity() {
            let larger = (2 * last.capacity()).max(SMALLEST).min(self.limit);
            let ring = VecDeque::with_capacity(larger);
            if self.more.is_empty() && self.first.is_empty() {
                self.first = ring;
            } else {
                self.more.push_back(ring);
            }
        }
        self.more
            .back_mut()
            .unwrap_or(&mut self.first)
            .push_back(item);
    }

    /// Puts an item before all others: where it was before it was taken.
    #[cold]
    pub(super) fn push_front(&mut self, item: T) {
        if self.first.len() == self.first.capacity() {
            let full = mem::replace(&mut self.first, VecDeque::with_capacity(SMALLEST));
            if !full.is_empty() {
                self.more.push_front(full);
            }
        }
        self.first.push_front(item);
    }

    /// Takes the first item.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        let item = self.first.pop_front()?;
        if self.first.is_empty() && !self.more.is_empty() {
            self.advance();
        }
        Some(item)
    }

    #[cold]
    fn advance(&mut self) {
        if let Some(next) = self.more.pop_front() {
            self.first = next;
        }
    }

    /// Takes all items out, to be dropped once no lock is held.
    pub(super) fn take(&mut self) -> Self {
        mem::replace(self, Items::with_capacity(0))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn contents(items: &mut Items<usize>) -> Vec<usize> {
        std::iter::from_fn(|| items.pop()).collect()
    }

    /// All sequences of a few operations, beside a queue that is known to be right.
    #[test]
    fn it_is_a_queue() {
        const STEPS: u32 = if cfg!(miri) { 3 } else { 9 };
        for start in [0, 1, 2] {
            for plan in 0..3_usize.pow(STEPS) {
                let mut items = Items::with_capacity(start);
                items.limit = 2;
                let mut model = VecDeque::new();
                let mut steps = plan;
                for n in 0..STEPS as usize {
                    match steps % 3 {
                        0 => {
                            items.push(n);
                            model.push_back(n);
                        }
                        1 => {
                            items.push_front(n);
                            model.push_front(n);
                        }
                        _ => assert_eq!(items.pop(), model.pop_front()),
                    }
                    steps /= 3;
                    assert!(!items.first.is_empty() || items.more.is_empty());
                    assert!(items.more.iter().all(|ring| !ring.is_empty()));
                }
                assert_eq!(contents(&mut items), Vec::from(model));
            }
        }
    }

    #[test]
    fn one_ring_serves_for_ever() {
        let mut items = Items::with_capacity(4);
        let capacity = items.first.capacity();
        for n in 0..if cfg!(miri) { 10 } else { 100 } {
            (0..4).for_each(|k| items.push(4 * n + k));
            (0..4).for_each(|k| assert_eq!(items.pop(), Some(4 * n + k)));
        }
        assert_eq!((items.first.capacity(), items.more.len()), (capacity, 0));
    }

    #[test]
    fn what_has_grown_is_one_ring_again_and_stays() {
        let mut items = Items::with_capacity(0);
        (0..100).for_each(|n| items.push(n));
        assert!(items.more.len() > 1);
        (0..100).for_each(|n| assert_eq!(items.pop(), Some(n)));
        let grown = items.first.capacity();
        assert!(grown >= 64 && items.more.is_empty());
        (0..64).for_each(|n| items.push(n));
        assert_eq!((items.first.capacity(), items.more.len()), (grown, 0));
    }

    #[test]
    fn rings_do_not_grow_for_ever() {
        const MANY: usize = if cfg!(miri) { 2 } else { 10 } * LARGEST;
        let mut items = Items::with_capacity(0);
        (0..MANY).for_each(|n| items.push(n));
        assert!(items.more.iter().all(|ring| ring.capacity() <= LARGEST));
        assert_eq!(contents(&mut items).len(), MANY);
    }

    #[test]
    fn items_of_no_size_need_no_room() {
        let mut items = Items::with_capacity(0);
        (0..100).for_each(|_| items.push(()));
        assert_eq!(std::iter::from_fn(|| items.pop()).count(), 100);
    }
}
