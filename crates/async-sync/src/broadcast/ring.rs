//! What a broadcast channel keeps, and for how many receivers.
//!
//! # States
//!
//! The items that are kept lie in a ring, the oldest first. SENT counts all that were ever sent, so the item
//! at index `i` of `n` is number `SENT - n + i`. A receiver is a number, NEXT: that of the item which it will
//! have next. Each receiver is counted in one place: at the item that is its next, or, if it has had
//! everything, in CURRENT. One that has lagged (its next item is gone) is counted at the oldest item.
//!
//! ```text
//! put     full: the oldest item goes; those counted there are counted at the one behind it
//!         those in CURRENT are counted at the new item
//! take    NEXT = SENT        nothing
//!         NEXT is gone       so many were missed; NEXT is the oldest
//!         else               the item; the receiver is counted one place further on
//! join    a receiver is counted in CURRENT, or where another one is
//! leave   it is not counted any more
//! any     nobody is counted at the oldest item: all have had it, and it goes
//! ```
//!
//! So everything but the last line is a step or two, however many receivers there are and however far they
//! are behind; no receiver is visited when an item is sent, and no item when a receiver leaves.
//!
//! # Invariants
//!
//! 1. The counts add up to the number of receivers.
//! 2. Somebody is counted at the oldest item, or whoever left last is about to call
//!    [`pop_done`](Ring::pop_done).

use alloc::collections::VecDeque;
use core::mem;

/// The items, of which each receiver clones an `A`: an `Arc`, so nothing foreign runs here.
pub(super) struct Ring<A> {
    places: VecDeque<Place<A>>,
    capacity: usize,
    sent: u64,
    current: usize,
    receivers: usize,
}

struct Place<A> {
    item: A,
    /// For how many receivers it is the next.
    due: usize,
}

/// What a receiver finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<A> {
    /// An item that others will have, too.
    Shared(A),
    /// An item that all others have had or will not have: there is a place more.
    Last(A),
    /// So many were missed.
    Lagged(u64),
    Nothing,
}

/// Of larger rings, so many places are made at once.
const AT_ONCE: usize = 1 << 16;

impl<A: Clone> Ring<A> {
    /// With one receiver.
    pub(super) fn new(capacity: usize) -> Self {
        Ring {
            places: VecDeque::with_capacity(capacity.min(AT_ONCE)),
            capacity,
            sent: 0,
            current: 1,
            receivers: 1,
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether an item can be put without another one going.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.places.len() < self.capacity
    }

    /// Where a receiver is counted.
    fn count_of(&mut self, next: u64) -> &mut usize {
        let oldest = self.sent - self.places.len() as u64;
        // Fits: it is an index, or one behind the last.
        let index = next.saturating_sub(oldest) as usize;
        match self.places.get_mut(index) {
            Some(place) => &mut place.due,
            None => &mut self.current,
        }
    }

    /// A receiver of what is sent from now on. Returns its NEXT.
    pub(super) fn join(&mut self) -> u64 {
        self.join_at(self.sent);
        self.sent
    }

    /// A receiver beside one that has this NEXT.
    pub(super) fn join_at(&mut self, next: u64) {
        *self.count_of(next) += 1;
        self.receivers += 1;
    }

    /// The receiver that has this NEXT leaves. [`pop_done`](Self::pop_done) is to be called then.
    pub(super) fn leave(&mut self, next: u64) {
        *self.count_of(next) -= 1;
        self.receivers -= 1;
    }

    /// Whether all receivers have had the oldest item.
    pub(super) fn is_done(&self) -> bool {
        self.places.front().is_some_and(|place| place.due == 0)
    }

    /// The oldest item, if all receivers have had it.
    pub(super) fn pop_done(&mut self) -> Option<A> {
        if self.is_done() {
            Some(self.places.pop_front()?.item)
        } else {
            None
        }
    }

    /// Puts an item. If the ring was full, the oldest one goes.
    #[inline]
    pub(super) fn put(&mut self, item: A) -> Option<A> {
        let mut oldest = None;
        if !self.has_room()
            && let Some(place) = self.places.pop_front()
        {
            match self.places.front_mut() {
                Some(front) => front.due += place.due,
                None => self.current += place.due,
            }
            oldest = Some(place.item);
        }
        let due = mem::take(&mut self.current);
        self.places.push_back(Place { item, due });
        self.sent += 1;
        oldest
    }

    /// What is there for a receiver, which moves on.
    #[inline]
    pub(super) fn take(&mut self, next: &mut u64) -> Taken<A> {
        let (behind, kept) = (self.sent - *next, self.places.len() as u64);
        if behind == 0 {
            return Taken::Nothing;
        }
        if behind > kept {
            *next += behind - kept;
            return Taken::Lagged(behind - kept);
        }
        // Fits: it is an index.
        let index = (kept - behind) as usize;
        *next += 1;
        match self.places.get_mut(index + 1) {
            Some(place) => place.due += 1,
            None => self.current += 1,
        }
        let place = &mut self.places[index];
        place.due -= 1;
        let last = place.due == 0 && index == 0;
        match last.then(|| self.places.pop_front()).flatten() {
            Some(place) => Taken::Last(place.item),
            None => Taken::Shared(self.places[index].item.clone()),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Every receiver with a list of its own.
    #[derive(Default)]
    struct Model {
        /// The items that it will have, of the last `capacity`, and how many it has missed.
        receivers: Vec<(VecDeque<u64>, u64)>,
        sent: u64,
    }

    impl Model {
        fn put(&mut self, kept: impl Fn(u64) -> bool) {
            for (items, missed) in &mut self.receivers {
                items.push_back(self.sent);
                while items.front().is_some_and(|item| !kept(*item)) {
                    items.pop_front();
                    *missed += 1;
                }
            }
            self.sent += 1;
        }

        /// How many items somebody will have.
        fn kept(&self) -> usize {
            let lists = self.receivers.iter().map(|(items, _)| items.len());
            lists.max().unwrap_or(0)
        }
    }

    fn check(ring: &Ring<u64>, model: &Model) {
        let counted: usize = ring.places.iter().map(|place| place.due).sum();
        assert_eq!(counted + ring.current, ring.receivers);
        assert_eq!(ring.receivers, model.receivers.len());
        assert_eq!(ring.len(), model.kept(), "items go when all have had them");
        assert_eq!(ring.sent(), model.sent);
    }

    /// Some step, of nine, with the first or the last receiver.
    fn step(
        ring: &mut Ring<u64>,
        nexts: &mut Vec<u64>,
        model: &mut Model,
        capacity: u64,
        n: usize,
    ) {
        let who = if n.is_multiple_of(2) {
            0
        } else {
            nexts.len().wrapping_sub(1)
        };
        match n / 2 {
            0 if !nexts.is_empty() => {
                let sent = model.sent;
                let gone = ring.put(sent);
                // What nobody would have had any more has gone before.
                assert_eq!(gone.is_some(), model.kept() as u64 == capacity);
                model.put(|item| item + capacity > sent);
            }
            1 if who < nexts.len() => {
                let (items, missed) = &mut model.receivers[who];
                let expected = match (mem::take(missed), items.front()) {
                    (0, None) => Taken::Nothing,
                    (0, Some(_)) => {
                        let item = items.pop_front().unwrap();
                        let mut others = model.receivers.iter();
                        let last = !others.any(|(items, _)| items.contains(&item));
                        if last {
                            Taken::Last(item)
                        } else {
                            Taken::Shared(item)
                        }
                    }
                    (missed, _) => Taken::Lagged(missed),
                };
                assert_eq!(ring.take(&mut nexts[who]), expected);
            }
            2 if nexts.len() < 3 => {
                nexts.push(ring.join());
                model.receivers.push((VecDeque::new(), 0));
            }
            3 if nexts.len() < 3 && who < nexts.len() => {
                ring.join_at(nexts[who]);
                nexts.push(nexts[who]);
                let copy = model.receivers[who].clone();
                model.receivers.push(copy);
            }
            4 if who < nexts.len() => {
                ring.leave(nexts.remove(who));
                model.receivers.remove(who);
                while ring.pop_done().is_some() {}
            }
            _ => {}
        }
    }

    /// All sequences of a few steps, beside a model that is known to be right.
    #[test]
    fn every_receiver_has_a_list_of_its_own() {
        const STEPS: u32 = if cfg!(miri) { 2 } else { 5 };
        for capacity in [1, 2] {
            for plan in 0..10_usize.pow(STEPS) {
                let (mut ring, mut nexts, mut model) =
                    (Ring::new(capacity), Vec::from([0]), Model::default());
                model.receivers.push((VecDeque::new(), 0));
                let mut steps = plan;
                for _ in 0..STEPS {
                    step(
                        &mut ring,
                        &mut nexts,
                        &mut model,
                        capacity as u64,
                        steps % 10,
                    );
                    check(&ring, &model);
                    steps /= 10;
                }
            }
        }
    }

    /// The same for long sequences, of which there are too many.
    #[test]
    fn the_same_at_length() {
        let mut seed = 1_u64;
        for capacity in [1, 3, 5] {
            let (mut ring, mut nexts, mut model) =
                (Ring::new(capacity), Vec::from([0]), Model::default());
            model.receivers.push((VecDeque::new(), 0));
            for _ in 0..if cfg!(miri) { 50 } else { 50_000 } {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Putting is more frequent than the rest, or nobody would ever lag.
                let n = (seed >> 33) as usize % 16;
                let n = if n < 10 { n } else { 0 };
                step(&mut ring, &mut nexts, &mut model, capacity as u64, n);
                check(&ring, &model);
            }
        }
    }

    #[test]
    fn a_huge_ring_is_not_made_at_once() {
        let mut ring = Ring::new(usize::MAX);
        assert!(ring.put(7).is_none() && ring.has_room());
        assert_eq!(ring.take(&mut 0), Taken::Last(7));
    }
}
