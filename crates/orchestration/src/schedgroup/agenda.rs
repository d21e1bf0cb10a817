//! What is to be done, and when: a hierarchical timer wheel. No clock, no locks, no tasks.
//!
//! Times are nanoseconds on the group's own scale. A *tick* is 2^20 of them, about a millisecond. Six bits
//! of a tick number are a digit, and there is a ring of 64 lists for each of the eight digits. With
//! `reached`, the tick up to which the wheel has turned, an entry is in one of these places:
//!
//! ```text
//! tick > reached   in the list (ring, digit), where ring is the highest digit in which the two differ
//! tick <= reached  `near`, a map by (time, id): what is due next, in the order that is promised
//! (turning)        `moving`, the list that is being taken apart
//! (away)           nowhere: a recurring job that runs has a place, and no time
//! ```
//!
//! Insert, cancel and move are a few instructions, whatever the number of entries. An entry goes down one
//! ring at a time, so it is touched at most eight times; within a second, twice.
//!
//! # Invariants
//!
//! 1. All in ring `r` agree with `reached` in the digits above `r`, and have a greater digit `r`. So the
//!    lowest list of the lowest ring that is not empty has the next entries, of all that are in rings.
//! 2. `near` has nothing later than any entry of a ring, since that one's tick is greater.
//! 3. While `moving` is not empty, nothing is given out: it may have the next one.
//! 4. An id is given once. It tells whether a handle's place is still its own, and breaks ties of time:
//!    who was submitted first comes first, wherever the two have been meanwhile.
//!
//! # Bounds
//!
//! [`take_due`](Agenda::take_due) takes apart at most [`STEP`] entries of a list a call and then says that there is more to
//! do, so that the lock around all this is never held for long, even if a million are due at once. Entries
//! live in chunks that do not move, for the same reason.

use std::collections::BTreeMap;

/// Entries that one call takes out of a list.
const STEP: usize = 128;

/// log2 of the nanoseconds in a tick.
const TICK_BITS: u32 = 20;
const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
/// Enough for every `u64` of nanoseconds: 20 + 8 * 6 > 64.
const RINGS: usize = 8;

/// log2 of the entries in a chunk.
const CHUNK_BITS: u32 = 9;
const CHUNK: usize = 1 << CHUNK_BITS;

// What `next` and `prev` are when they are not the index of an entry.
const MARKS: u32 = u32::MAX - 1023;
const END: u32 = u32::MAX;
const NEAR: u32 = u32::MAX - 1;
const AWAY: u32 = u32::MAX - 2;
/// Away, and told when it is to come back.
const MOVED: u32 = u32::MAX - 3;
const FREE: u32 = u32::MAX - 4;
/// The `prev` of the first entry of a list: this and the number of the list.
const HEAD: u32 = MARKS;
const LISTS: usize = RINGS * DIGITS;
/// The number of the list that is being taken apart.
const MOVING: usize = LISTS;

/// Where an entry is, and which one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    id: u64,
}

struct Entry<T> {
    at: u64,
    id: u64,
    next: u32,
    prev: u32,
    item: Option<T>,
}

/// What [`Agenda::take_due`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due<T> {
    /// This one is due. Its place is kept: it is now away.
    Item { key: Key, at: u64, item: T },
    /// It has worked for long enough. Call it again.
    More,
    /// Nothing is due before this time, and nothing may be: at this time, look again.
    Not { before: u64 },
    /// There is nothing with a time.
    Nothing,
}

pub(super) struct Agenda<T> {
    // Ids begin at 1.
    last_id: u64,
    reached: u64,
    // Entries with a time: those that wait.
    waiting: usize,
    // Places in use: those that wait and those that are away.
    used: usize,
    free: u32,
    // How many entries of the chunks have ever been used.
    touched: u32,
    chunks: Vec<Box<[Entry<T>]>>,
    occupied: [u64; RINGS],
    heads: Box<[u32; LISTS + 1]>,
    near: BTreeMap<(u64, u64), u32>,
}

/// Memory that is not needed any more, to be given back where no lock is held.
pub(super) struct Spare<T>(
    #[expect(dead_code, reason = "it is there to be dropped")] Vec<Box<[Entry<T>]>>,
);

fn tick(at: u64) -> u64 {
    at >> TICK_BITS
}

impl<T> Agenda<T> {
    pub(super) fn new(now: u64) -> Self {
        Self {
            last_id: 0,
            reached: tick(now),
            waiting: 0,
            used: 0,
            free: END,
            touched: 0,
            chunks: Vec::new(),
            occupied: [0; RINGS],
            heads: Box::new([END; LISTS + 1]),
            near: BTreeMap::new(),
        }
    }

    /// How many wait for their time.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many there are, with those that are away.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    #[inline]
    fn entry(&mut self, index: u32) -> &mut Entry<T> {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    /// The entry that has this key, if it is still there.
    #[inline]
    fn find(&mut self, key: Key) -> Option<&mut Entry<T>> {
        let chunk = self.chunks.get_mut((key.index >> CHUNK_BITS) as usize)?;
        let entry = &mut chunk[key.index as usize & (CHUNK - 1)];
        (entry.id == key.id).then_some(entry)
    }

    /// When it is due. `None` if it is gone or away.
    pub(super) fn time_of(&mut self, key: Key) -> Option<u64> {
        let entry = self.find(key)?;
        entry.item.is_some().then_some(entry.at)
    }

    /// The item of an entry that waits.
    pub(super) fn item(&mut self, key: Key) -> Option<&mut T> {
        self.find(key)?.item.as_mut()
    }

    /// Everything that waits, in no order.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        let entries = self.chunks.into_iter().flatten();
        entries.filter_map(|entry| entry.item)
    }

    /// Whether the key's entry is there, waiting or away.
    pub(super) fn contains(&mut self, key: Key) -> bool {
        self.find(key).is_some()
    }

    // Places.

    #[inline]
    pub(super) fn insert(&mut self, at: u64, item: T) -> Key {
        self.last_id += 1;
        let id = self.last_id;
        let index = self.allocate();
        let entry = self.entry(index);
        entry.at = at;
        entry.id = id;
        entry.item = Some(item);
        self.used += 1;
        self.waiting += 1;
        self.link(index);
        Key { index, id }
    }

    #[inline]
    fn allocate(&mut self) -> u32 {
        if self.free != END {
            let index = self.free;
            self.free = self.entry(index).prev;
            return index;
        }
        let index = self.touched;
        assert!(
            index < MARKS,
            "a schedgroup has room for four thousand million jobs"
        );
        if index as usize == self.chunks.len() << CHUNK_BITS {
            let blank = |_| Entry {
                at: 0,
                id: 0,
                next: FREE,
                prev: END,
                item: None,
            };
            self.chunks.push((0..CHUNK).map(blank).collect());
        }
        self.touched += 1;
        index
    }

    /// Gives an entry's place up. It is in no list.
    #[inline]
    fn vacate(&mut self, index: u32) {
        let free = self.free;
        let entry = self.entry(index);
        entry.id = 0;
        entry.next = FREE;
        entry.prev = free;
        self.free = index;
        self.used -= 1;
    }

    /// The memory of a rush that is over, if everything is over.
    pub(super) fn shrink(&mut self) -> Option<Spare<T>> {
        if self.used > 0 || self.chunks.len() < 2 {
            return None;
        }
        self.free = END;
        self.touched = 0;
        Some(Spare(std::mem::take(&mut self.chunks)))
    }

    /// Takes the entry out, wherever it is. The item is there unless it was away.
    #[inline]
    pub(super) fn remove(&mut self, key: Key) -> Option<Option<T>> {
        let item = self.find(key)?.item.take();
        if item.is_some() {
            self.unlink(key.index);
            self.waiting -= 1;
        }
        self.vacate(key.index);
        Some(item)
    }

    /// Gives an entry another time; one that is away will have it when it comes back.
    pub(super) fn move_to(&mut self, key: Key, at: u64) -> bool {
        let Some(entry) = self.find(key) else {
            return false;
        };
        if entry.item.is_none() {
            entry.at = at;
            entry.next = MOVED;
            return true;
        }
        self.unlink(key.index);
        self.entry(key.index).at = at;
        self.link(key.index);
        true
    }

    /// Brings the item of an entry that was away back, with its next time unless it was given another one
    /// meanwhile. Tells when it is due; gives it back if the entry was removed.
    pub(super) fn bring_back(&mut self, key: Key, at: u64, item: T) -> Result<u64, T> {
        let Some(entry) = self.find(key) else {
            return Err(item);
        };
        debug_assert!(entry.item.is_none(), "it was away");
        if entry.next != MOVED {
            entry.at = at;
        }
        let at = entry.at;
        entry.item = Some(item);
        self.waiting += 1;
        self.link(key.index);
        Ok(at)
    }

    // Lists.

    /// Enters an entry where its time belongs.
    #[inline]
    fn link(&mut self, index: u32) {
        let reached = self.reached;
        let (at, id) = {
            let entry = self.entry(index);
            (entry.at, entry.id)
        };
        if tick(at) <= reached {
            self.entry(index).next = NEAR;
            self.near.insert((at, id), index);
            return;
        }
        let highest = u64::BITS - 1 - (tick(at) ^ reached).leading_zeros();
        let ring = (highest / DIGIT_BITS) as usize;
        let digit = digit(tick(at), ring);
        self.occupied[ring] |= 1 << digit;
        self.push(ring * DIGITS + digit, index);
    }

    #[inline]
    fn push(&mut self, list: usize, index: u32) {
        let first = self.heads[list];
        if first != END {
            self.entry(first).prev = index;
        }
        let entry = self.entry(index);
        entry.next = first;
        entry.prev = HEAD + list as u32;
        self.heads[list] = index;
    }

    /// Takes an entry out of its list, or of `near`.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let entry = self.entry(index);
        let (next, prev) = (entry.next, entry.prev);
        if next == NEAR {
            let time = (entry.at, entry.id);
            self.near.remove(&time);
            return;
        }
        if next < MARKS {
            self.entry(next).prev = prev;
        }
        if prev < MARKS {
            self.entry(prev).next = next;
            return;
        }
        let list = (prev - HEAD) as usize;
        self.heads[list] = next;
        if next == END && list != MOVING {
            self.occupied[list / DIGITS] &= !(1 << (list % DIGITS));
        }
    }

    // Time.

    /// The next list, and the first tick that belongs to it.
    fn next_list(&self) -> Option<(usize, u64)> {
        let ring = self.occupied.iter().position(|&lists| lists != 0)?;
        let digit = self.occupied[ring].trailing_zeros();
        let shift = ring as u32 * DIGIT_BITS;
        // The digits above the ring are those of `reached`, those below are zero.
        let above = self.reached >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        let start = above | (u64::from(digit) << shift);
        Some((ring * DIGITS + digit as usize, start))
    }

    /// Takes out the next entry that is due at `now`, in the order of times and ids.
    pub(super) fn take_due(&mut self, now: u64) -> Due<T> {
        let mut steps = 0;
        loop {
            // Invariant 3.
            while self.heads[MOVING] != END {
                if steps == STEP {
                    return Due::More;
                }
                steps += 1;
                let index = self.heads[MOVING];
                self.unlink(index);
                self.link(index);
            }
            // Invariant 2.
            if let Some((&(at, id), &index)) = self.near.first_key_value() {
                if at > now {
                    return Due::Not { before: at };
                }
                self.near.pop_first();
                self.waiting -= 1;
                let entry = self.entry(index);
                entry.next = AWAY;
                let item = entry.item.take().expect("what waits has an item");
                let key = Key { index, id };
                return Due::Item { key, at, item };
            }
            // Invariant 1.
            let Some((list, start)) = self.next_list() else {
                return Due::Nothing;
            };
            if start > tick(now) {
                let before = self.first_of(list).unwrap_or(start << TICK_BITS);
                return Due::Not { before };
            }
            self.reached = start;
            self.occupied[list / DIGITS] &= !(1 << (list % DIGITS));
            let first = std::mem::replace(&mut self.heads[list], END);
            self.entry(first).prev = HEAD + MOVING as u32;
            self.heads[MOVING] = first;
        }
    }

    /// The earliest time in a list, if that is short enough to look.
    fn first_of(&mut self, list: usize) -> Option<u64> {
        let mut index = self.heads[list];
        let mut first = u64::MAX;
        for _ in 0..STEP {
            let entry = self.entry(index);
            first = first.min(entry.at);
            index = entry.next;
            if index == END {
                return Some(first);
            }
        }
        None
    }

    /// Takes everything out that waits, to be dropped where no lock is held. What is away is forgotten.
    pub(super) fn clear(&mut self) -> Self {
        let mut empty = Self::new(self.reached << TICK_BITS);
        empty.last_id = self.last_id;
        std::mem::replace(self, empty)
    }
}

fn digit(tick: u64, ring: usize) -> usize {
    (tick >> (ring as u32 * DIGIT_BITS)) as usize & (DIGITS - 1)
}

#[cfg(test)]
mod tests;
