//! What is to be done, and when: a hierarchical timer wheel. No clock, no locks, no tasks.
//!
//! Times are nanoseconds on the group's own scale. A *tick* is 2^20 of them, about a millisecond. The lowest
//! ten bits of a tick number are a digit, and each six bits above; there is a ring of lists for each digit, one
//! list for each of its values. With `reached`, the tick up to which the wheel has turned, an entry is in
//! one of these places:
//!
//! ```text
//! tick > reached   in the list (ring, digit), where ring is the highest digit in which the two differ
//! tick <= reached  `front`, a sorted stack, or `near`, a map, both by (time, id): what is due next, in the
//!                  order that is promised
//! (turning)        `moving`, the list that is being taken apart
//! (away)           nowhere: a recurring job that runs has a place, and no time
//! ```
//!
//! Insert, cancel and move are a few instructions, whatever the number of entries. An entry goes down one
//! ring at a time, so it is touched at most seven times; if it is due within a second, once or twice.
//!
//! A list of the first ring is four chains, since an entry says where the next one is, and a processor waits
//! for one entry of a chain at a time: with a million of them, that is most of what they cost.
//!
//! `front` has what was in one list when its tick came, up to [`FRONT_LEN`] entries: to sort them at once is cheaper
//! than a map. Who leaves it leaves its line behind, which is known by the entry not being there any more.
//! Whatever else is due at once, or soon, is in the map.
//!
//! # Invariants
//!
//! 1. All in ring `r` agree with `reached` in the digits above `r`, and have a greater digit `r`. So the
//!    lowest list of the lowest ring that is not empty has the next entries, of all that are in rings.
//! 2. `front` and `near` have nothing later than any entry of a ring, since that one's tick is greater.
//!    `front` is empty when a list begins to be taken apart, and sorted when that is done.
//! 3. While `moving` is not empty, nothing is given out: it may have the next one.
//! 4. An id is given once. It tells whether a handle's place is still its own, and breaks ties of time:
//!    who was submitted first comes first, wherever the two have been meanwhile.
//!
//! # Bounds
//!
//! [`take_due`](Agenda::take_due) takes apart at most [`STEP`] entries of a list a call and then says that there is more to
//! do, so that the lock around all this is never held for long, even if a million are due at once. Entries
//! live in chunks that do not move, for the same reason.

mod places;

use std::collections::BTreeMap;

use places::{END, Entry, LAST_MARK, MARKS, Places};
pub(super) use places::{Key, Spare};

/// Entries that one call takes out of a list.
const STEP: usize = 128;

/// log2 of the nanoseconds in a tick.
const TICK_BITS: u32 = 20;
/// Bits of the lowest digit, and of the others.
const FIRST_BITS: u32 = 10;
const DIGIT_BITS: u32 = 6;
const FIRST: usize = 1 << FIRST_BITS;
/// Chains of which a list of the first ring consists.
const CHAINS: usize = 4;
const DIGITS: usize = 1 << DIGIT_BITS;
/// Rings above the first: enough for every `u64` of nanoseconds, since 20 + 10 + 6 * 6 > 64.
const UPPER: usize = 6;

/// What `front` takes of a list; the rest goes into the map. To sort so many takes some microseconds.
const FRONT_LEN: usize = 1024;

// What `next` and `prev` are when they are not the number of a place, nor `END`.
const FRONT: u32 = LAST_MARK;
const NEAR: u32 = LAST_MARK - 1;
const AWAY: u32 = LAST_MARK - 2;
/// Away, and told when it is to come back.
const MOVED: u32 = LAST_MARK - 3;
/// The `prev` of the first entry of a chain: this and the number of the chain.
const HEAD: u32 = MARKS;
/// Chains: those of the first ring, by lists; one for each list of the others; those of the list that is
/// being taken apart.
const ABOVE: usize = FIRST * CHAINS;
const MOVING: usize = ABOVE + UPPER * DIGITS;
const HEADS: usize = MOVING + CHAINS;

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
    // Those that wait and those that are away.
    places: Places<T>,
    // Which lists of the first ring are not empty, by 64.
    first: [u64; FIRST / 64],
    // The same of the others.
    upper: [u64; UPPER],
    heads: Box<[u32; HEADS]>,
    // By time and id, the latest first.
    front: Vec<(u64, u64, u32)>,
    sorted: bool,
    near: BTreeMap<(u64, u64), u32>,
}

fn tick(at: u64) -> u64 {
    at >> TICK_BITS
}

impl<T> Agenda<T> {
    pub(super) fn new(now: u64) -> Self {
        Self {
            last_id: 0,
            reached: tick(now),
            waiting: 0,
            places: Places::new(),
            first: [0; FIRST / 64],
            upper: [0; UPPER],
            heads: Box::new([END; HEADS]),
            front: Vec::new(),
            sorted: true,
            near: BTreeMap::new(),
        }
    }

    /// How many wait for their time.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many there are, with those that are away.
    pub(super) fn used(&self) -> usize {
        self.places.used()
    }

    #[inline]
    fn entry(&mut self, index: u32) -> &mut Entry<T> {
        self.places.entry(index)
    }

    /// When it is due. `None` if it is gone or away.
    pub(super) fn time_of(&mut self, key: Key) -> Option<u64> {
        let entry = self.places.find(key)?;
        entry.item.is_some().then_some(entry.at)
    }

    /// The item of an entry that waits.
    pub(super) fn item(&mut self, key: Key) -> Option<&mut T> {
        self.places.find(key)?.item.as_mut()
    }

    /// Everything that waits, in no order.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.places.into_items()
    }

    /// Whether the key's entry is there, waiting or away.
    pub(super) fn contains(&mut self, key: Key) -> bool {
        self.places.find(key).is_some()
    }

    // Places.

    #[inline]
    pub(super) fn insert(&mut self, at: u64, item: T) -> Key {
        self.last_id += 1;
        let id = self.last_id;
        let index = self.places.allocate();
        let entry = self.entry(index);
        entry.at = at;
        entry.id = id;
        entry.item = Some(item);
        self.waiting += 1;
        self.link(index);
        Key { index, id }
    }

    /// The memory of a rush that is over, if everything is over.
    pub(super) fn shrink(&mut self) -> Option<Spare<T>> {
        let spare = self.places.shrink()?;
        // Lines of entries that are gone.
        self.front.clear();
        Some(spare)
    }

    /// Takes the entry out, wherever it is. The item is there unless it was away.
    #[inline]
    pub(super) fn remove(&mut self, key: Key) -> Option<Option<T>> {
        let item = self.places.find(key)?.item.take();
        if item.is_some() {
            self.unlink(key.index);
            self.waiting -= 1;
        }
        self.places.vacate(key.index);
        Some(item)
    }

    /// Gives an entry another time; one that is away will have it when it comes back.
    pub(super) fn move_to(&mut self, key: Key, at: u64) -> bool {
        let Some(entry) = self.places.find(key) else {
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
        let Some(entry) = self.places.find(key) else {
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
        let list = list_of(tick(at), reached);
        self.mark(list, true);
        let chain = if list < FIRST {
            list * CHAINS + id as usize % CHAINS
        } else {
            ABOVE + list - FIRST
        };
        self.push(chain, index);
    }

    /// Notes whether a list has entries.
    #[inline]
    fn mark(&mut self, list: usize, occupied: bool) {
        let (word, bit) = if list < FIRST {
            (&mut self.first[list / 64], list % 64)
        } else {
            let list = list - FIRST;
            (&mut self.upper[list / DIGITS], list % DIGITS)
        };
        *word = *word & !(1 << bit) | u64::from(occupied) << bit;
    }

    #[inline]
    fn push(&mut self, chain: usize, index: u32) {
        let first = self.heads[chain];
        if first != END {
            self.entry(first).prev = index;
        }
        let entry = self.entry(index);
        entry.next = first;
        entry.prev = HEAD + chain as u32;
        self.heads[chain] = index;
    }

    /// Takes an entry out of its list, or of `near`.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let entry = self.entry(index);
        let (next, prev) = (entry.next, entry.prev);
        if next == FRONT {
            // Its line stays, and is not believed.
            return;
        }
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
        let chain = (prev - HEAD) as usize;
        self.heads[chain] = next;
        if next == END && chain < ABOVE {
            let list = chain / CHAINS;
            let chains = &self.heads[list * CHAINS..][..CHAINS];
            if chains.iter().all(|&head| head == END) {
                self.mark(list, false);
            }
        } else if next == END && chain < MOVING {
            self.mark(FIRST + chain - ABOVE, false);
        }
    }

    // Time.

    /// The next list, and the first tick that belongs to it.
    fn next_list(&self) -> Option<(usize, u64)> {
        if let Some(word) = self.first.iter().position(|&lists| lists != 0) {
            let digit = word * 64 + self.first[word].trailing_zeros() as usize;
            let start = self.reached >> FIRST_BITS << FIRST_BITS | digit as u64;
            return Some((digit, start));
        }
        let ring = self.upper.iter().position(|&lists| lists != 0)?;
        let digit = self.upper[ring].trailing_zeros();
        let shift = FIRST_BITS + ring as u32 * DIGIT_BITS;
        // The digits above are those of `reached`, those below are zero.
        let above = self.reached >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        let start = above | u64::from(digit) << shift;
        Some((FIRST + ring * DIGITS + digit as usize, start))
    }

    /// The time and the id of what is next, and whether it is in `front`.
    #[inline]
    fn next_near(&mut self) -> Option<(u64, u64, u32, bool)> {
        while let Some(&(at, id, index)) = self.front.last() {
            let entry = self.entry(index);
            if entry.next == FRONT && entry.id == id && entry.at == at {
                break;
            }
            self.front.pop();
        }
        let front = self.front.last().copied();
        let near = self.near.first_key_value();
        let near = near.map(|(&(at, id), &index)| (at, id, index));
        match (front, near) {
            (Some(front), Some(near)) if near < front => Some((near.0, near.1, near.2, false)),
            (Some((at, id, index)), _) => Some((at, id, index, true)),
            (None, near) => near.map(|(at, id, index)| (at, id, index, false)),
        }
    }

    /// Takes out the next entry that is due at `now`, in the order of times and ids.
    pub(super) fn take_due(&mut self, now: u64) -> Due<T> {
        let mut steps = 0;
        loop {
            // Invariant 3.
            loop {
                // From each chain in turn: the processor fetches the next entries of all of them at once.
                let mut moved = 0;
                for chain in MOVING..HEADS {
                    let index = self.heads[chain];
                    if index != END {
                        self.arrive(index);
                        moved += 1;
                    }
                }
                if moved == 0 {
                    break;
                }
                steps += moved;
                if steps >= STEP {
                    return Due::More;
                }
            }
            // Whoever emptied the list: the last ones may have been called off.
            if !self.sorted {
                self.front.sort_unstable_by(|a, b| b.cmp(a));
                self.sorted = true;
            }
            // Invariant 2.
            if let Some((at, id, index, in_front)) = self.next_near() {
                if at > now {
                    return Due::Not { before: at };
                }
                if in_front {
                    self.front.pop();
                } else {
                    self.near.pop_first();
                }
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
            self.mark(list, false);
            for (moving, chain) in chains_of(list).enumerate() {
                let first = std::mem::replace(&mut self.heads[chain], END);
                if first != END {
                    self.entry(first).prev = HEAD + (MOVING + moving) as u32;
                    self.heads[MOVING + moving] = first;
                }
            }
        }
    }

    /// Takes an entry of the list that is taken apart to where it belongs now.
    #[inline]
    fn arrive(&mut self, index: u32) {
        self.unlink(index);
        let reached = self.reached;
        let entry = self.entry(index);
        let (at, id) = (entry.at, entry.id);
        if tick(at) > reached || self.front.len() >= FRONT_LEN {
            self.link(index);
        } else {
            self.entry(index).next = FRONT;
            self.front.push((at, id, index));
            self.sorted = false;
        }
    }

    /// The earliest time in a list, if that is short enough to look.
    fn first_of(&mut self, list: usize) -> Option<u64> {
        let mut first = u64::MAX;
        let mut steps = 0;
        for chain in chains_of(list) {
            let mut index = self.heads[chain];
            while index != END {
                if steps == STEP {
                    return None;
                }
                steps += 1;
                let entry = self.entry(index);
                first = first.min(entry.at);
                index = entry.next;
            }
        }
        Some(first)
    }

    /// Takes everything out that waits, to be dropped where no lock is held. What is away is forgotten.
    pub(super) fn clear(&mut self) -> Self {
        let mut empty = Self::new(self.reached << TICK_BITS);
        empty.last_id = self.last_id;
        std::mem::replace(self, empty)
    }
}

fn chains_of(list: usize) -> std::ops::Range<usize> {
    if list < FIRST {
        list * CHAINS..(list + 1) * CHAINS
    } else {
        ABOVE + list - FIRST..ABOVE + list - FIRST + 1
    }
}

/// Where a tick belongs that has not been reached.
#[inline]
fn list_of(tick: u64, reached: u64) -> usize {
    let highest = u64::BITS - 1 - (tick ^ reached).leading_zeros();
    if highest < FIRST_BITS {
        return tick as usize & (FIRST - 1);
    }
    let ring = (highest - FIRST_BITS) / DIGIT_BITS;
    let digit = (tick >> (FIRST_BITS + ring * DIGIT_BITS)) as usize & (DIGITS - 1);
    FIRST + ring as usize * DIGITS + digit
}

#[cfg(test)]
mod tests;
