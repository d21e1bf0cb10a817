//! The entries of an agenda: numbered places that are used again, in chunks that never move.
//!
//! A place that is free is in a list of such, by `prev`. An entry's id is zero there, so that no key finds it.

/// log2 of the entries in a chunk.
const CHUNK_BITS: u32 = 9;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Numbers from here on are no places: there are as many left as an agenda has marks.
pub(super) const MARKS: u32 = u32::MAX - 8191;
/// No place.
pub(super) const END: u32 = u32::MAX;
const FREE: u32 = u32::MAX - 1;
/// The greatest mark that an agenda may give a meaning to.
pub(super) const LAST_MARK: u32 = u32::MAX - 2;

/// Where an entry is, and which one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Key {
    pub(super) index: u32,
    pub(super) id: u64,
}

pub(super) struct Entry<T> {
    pub(super) at: u64,
    pub(super) id: u64,
    pub(super) next: u32,
    pub(super) prev: u32,
    pub(super) item: Option<T>,
}

/// Memory that is not needed any more, to be given back where no lock is held.
pub(in super::super) struct Spare<T>(
    #[expect(dead_code, reason = "it is there to be dropped")] Vec<Box<[Entry<T>]>>,
);

pub(super) struct Places<T> {
    used: usize,
    free: u32,
    // How many places have ever been used.
    touched: u32,
    chunks: Vec<Box<[Entry<T>]>>,
}

impl<T> Places<T> {
    pub(super) const fn new() -> Self {
        Self {
            used: 0,
            free: END,
            touched: 0,
            chunks: Vec::new(),
        }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    #[inline]
    pub(super) fn entry(&mut self, index: u32) -> &mut Entry<T> {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    /// The entry that has this key, if it is still there.
    #[inline]
    pub(super) fn find(&mut self, key: Key) -> Option<&mut Entry<T>> {
        let chunk = self.chunks.get_mut((key.index >> CHUNK_BITS) as usize)?;
        let entry = &mut chunk[key.index as usize & (CHUNK - 1)];
        (entry.id == key.id).then_some(entry)
    }

    /// A place for one more.
    #[inline]
    pub(super) fn allocate(&mut self) -> u32 {
        self.used += 1;
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
    pub(super) fn vacate(&mut self, index: u32) {
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

    /// Everything that is in its place, in no order.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        let entries = self.chunks.into_iter().flatten();
        entries.filter_map(|entry| entry.item)
    }
}
