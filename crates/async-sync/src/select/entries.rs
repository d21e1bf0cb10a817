//! The entries of a set: a slab whose entries do not move, and the queue of those that are due.
//!
//! ```text
//! entry:  Free -- insert --> Idle -- push --> Due -- pop --> Idle
//!          ^                  |               |
//!          +---- remove ------+               +-- remove --> Gone, and due -- pop --> Free
//! ```
//!
//! Both lists, of the free ones and of those that are due, go through the entries: one link is enough, as
//! no entry is on both. An entry that is removed from the middle of the second one stays on it, empty,
//! until it is the first.
//!
//! Blocks double: the first has `FIRST` entries, each later one as many as all before it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::replace;
use core::pin::Pin;

use pin_project_lite::pin_project;

use super::pinned::nth;
use super::slots::{FIRST, place};

/// The end of a list.
const NONE: u32 = u32::MAX;

/// Which of the sources of a [`SelectSet`](super::SelectSet). The key of one that has gone is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    pub(super) fn index(self) -> usize {
        self.index as usize
    }
}

pub(super) struct Entries<S> {
    blocks: Vec<Pin<Box<[Entry<S>]>>>,
    len: usize,
    /// How many entries there are in all blocks.
    room: usize,
    /// The first of the free ones.
    free: u32,
    /// The first and the last of those that are due.
    first: u32,
    last: u32,
}

pin_project! {
    struct Entry<S> {
        // None: free, or gone.
        #[pin]
        source: Option<S>,
        // The next of the free ones, or of those that are due.
        next: u32,
        generation: u32,
        due: bool,
    }
}

impl<S> Entries<S> {
    pub(super) const fn new() -> Self {
        Entries {
            blocks: Vec::new(),
            len: 0,
            room: 0,
            free: NONE,
            first: NONE,
            last: NONE,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn room(&self) -> usize {
        self.room
    }

    pub(super) fn has_room(&self) -> bool {
        self.free != NONE
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        let index = key.index();
        index < self.room && {
            let (block, at) = place(index);
            let entry = &self.blocks[block][at];
            entry.source.is_some() && entry.generation == key.generation
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        let entries = self.blocks.iter().flat_map(|block| block.iter());
        entries.enumerate().filter_map(|(index, entry)| {
            entry.source.as_ref()?;
            Some(Key {
                index: index as u32,
                generation: entry.generation,
            })
        })
    }

    /// Adds the next block.
    pub(super) fn grow(&mut self) {
        let more = if self.room == 0 { FIRST } else { self.room };
        let all = self.room + more;
        let end = u32::try_from(all).expect("a set has fewer than 2^32 sources");
        let entries = (self.room..all).map(|index| Entry {
            source: None,
            next: if index + 1 == all {
                self.free
            } else {
                index as u32 + 1
            },
            generation: 0,
            due: false,
        });
        let block = Box::into_pin(entries.collect());
        self.blocks.push(block);
        self.free = end - more as u32;
        self.room = all;
    }

    /// There is [room](Self::has_room).
    pub(super) fn insert(&mut self, source: S) -> Key {
        let index = self.free;
        let mut entry = self.entry(index).project();
        entry.source.set(Some(source));
        let generation = *entry.generation;
        self.free = replace(entry.next, NONE);
        self.len += 1;
        Key { index, generation }
    }

    /// Drops the source of an entry that has one. Its destructor may panic.
    pub(super) fn remove(&mut self, key: Key) {
        self.len -= 1;
        let free = self.free;
        let entry = self.entry(key.index).project();
        *entry.generation = entry.generation.wrapping_add(1);
        if !*entry.due {
            *entry.next = free;
            self.free = key.index;
        }
        // At the end, as it is foreign.
        self.entry(key.index).project().source.set(None);
    }

    #[inline]
    fn entry(&mut self, index: u32) -> Pin<&mut Entry<S>> {
        let (block, at) = place(index as usize);
        nth(self.blocks[block].as_mut(), at)
    }

    pub(super) fn source(&mut self, key: Key) -> Option<Pin<&mut S>> {
        self.entry(key.index).project().source.as_pin_mut()
    }

    /// The entry is due, if it has a source and is not due already.
    #[inline]
    pub(super) fn push(&mut self, index: usize) {
        let index = index as u32;
        let entry = self.entry(index).project();
        if entry.source.is_none() || replace(entry.due, true) {
            return;
        }
        *entry.next = NONE;
        let before = replace(&mut self.last, index);
        if before == NONE {
            self.first = index;
        } else {
            *self.entry(before).project().next = index;
        }
    }

    /// The first of those that are due.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Key> {
        while self.first != NONE {
            let index = self.first;
            let entry = self.entry(index).project();
            *entry.due = false;
            let key = Key {
                index,
                generation: *entry.generation,
            };
            let next = replace(entry.next, NONE);
            let is_there = entry.source.is_some();
            self.first = next;
            if next == NONE {
                self.last = NONE;
            }
            if is_there {
                return Some(key);
            }
            let free = replace(&mut self.free, index);
            *self.entry(index).project().next = free;
        }
        None
    }
}
