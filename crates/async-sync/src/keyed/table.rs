//! Entries that live as long as somebody uses them, found by their key.
//!
//! # States
//!
//! A slot has a number of users. Its table has it from its first user to its last, unless it is
//! [detached](Table::detach) before; then its users keep it, and the next to come gets a new one.
//!
//! # Transitions
//!
//! ```text
//! enter   under the shard's lock: USERS + 1, or a new slot with one user
//! leave   not the last: USERS - 1, without the lock
//!         else, under the shard's lock: USERS - 1; at zero it is taken out
//! ```
//!
//! # Invariants
//!
//! 1. USERS grows under the shard's lock only, and comes to zero under it only. So who finds a slot
//!    finds it with users, and who takes it out takes it from nobody.
//! 2. A slot with users is in the table, unless it was detached. A slot without users is not.
//! 3. Nothing foreign runs under a shard's lock: neither `Hash` nor `Eq` nor a destructor. What has
//!    the right hash is entered first and compared afterwards, and left again if it is of another key
//!    (two keys of one 64-bit hash). So keys may panic, or use the very table that compares them.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError};

use hashbrown::HashTable;
use sync_core::atomic::{AtomicUsize, Mutex, MutexGuard, Ordering};
use sync_core::const_fn;

/// One core seldom meets another among so many; a model checker needs no more than one.
const SHARDS: usize = if cfg!(loom) { 1 } else { 32 };

/// What belongs to a key.
pub(crate) struct Slot<K, T> {
    hash: u64,
    users: AtomicUsize,
    key: K,
    value: T,
}

impl<K, T> Slot<K, T> {
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// How many use it: a snapshot.
    pub(crate) fn users(&self) -> usize {
        self.users.load(Ordering::Relaxed)
    }
}

type Slots<K, T> = HashTable<Arc<Slot<K, T>>>;

/// On a cache line of its own.
#[repr(align(64))]
struct Shard<K, T>(Mutex<Slots<K, T>>);

impl<K, T> Shard<K, T> {
    fn lock(&self) -> MutexGuard<'_, Slots<K, T>> {
        // Nothing that panics runs under it, except an allocator.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slots in use.
pub struct Table<K, T> {
    shards: [Shard<K, T>; SHARDS],
}

impl<K, T> Table<K, T> {
    const_fn! {
        pub(crate) const fn new() -> Self {
            #[cfg(not(loom))]
            let shards = [const { Shard(Mutex::new(HashTable::new())) }; SHARDS];
            #[cfg(loom)]
            let shards = [Shard(Mutex::new(HashTable::new()))];
            Table { shards }
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Shard<K, T> {
        // Bits that the table neither takes for its buckets nor for its tags.
        &self.shards[(hash >> 48) as usize % SHARDS]
    }

    /// The slot of `key`, for a look. It may have no users any more.
    pub(crate) fn find<Q>(&self, hash: u64, key: &Q) -> Option<Arc<Slot<K, T>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut others = Others::none();
        loop {
            let slot = {
                let slots = self.shard(hash).lock();
                Arc::clone(slots.find(hash, |slot| others.may_be(hash, slot))?)
            };
            if slot.key.borrow() == key {
                return Some(slot);
            }
            others.add(slot);
        }
    }

    /// Removes a slot that is in use: whoever comes from now on gets a new one.
    pub(crate) fn detach(&self, slot: &Arc<Slot<K, T>>) {
        let slot = take_out(&mut self.shard(slot.hash).lock(), slot);
        drop(slot); // without the lock
    }

    /// One user less.
    fn leave(&self, slot: &Arc<Slot<K, T>>) {
        // Release: what this user did comes before the last one's leaving, and so, by the shard's lock,
        // before whatever the next slot of this key is used for.
        let left = slot
            .users
            .fetch_update(Ordering::Release, Ordering::Relaxed, |n| {
                (n > 1).then(|| n - 1)
            });
        if left.is_ok() {
            return;
        }
        let slot = {
            let mut slots = self.shard(slot.hash).lock();
            // Acquire: the other half. (Somebody may have come meanwhile; then Release, as above.)
            match slot.users.fetch_sub(1, Ordering::AcqRel) {
                1 => take_out(&mut slots, slot),
                _ => None,
            }
        };
        drop(slot); // without the lock
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

fn take_out<K, T>(slots: &mut Slots<K, T>, slot: &Arc<Slot<K, T>>) -> Option<Arc<Slot<K, T>>> {
    let entry = slots.find_entry(slot.hash, |other| Arc::ptr_eq(other, slot));
    Some(entry.ok()?.remove().0)
}

/// Slots of this hash that are of other keys. They are kept, so that no other comes to their address.
struct Others<K, T>(Vec<Arc<Slot<K, T>>>);

impl<K, T> Others<K, T> {
    /// Allocates nothing.
    fn none() -> Self {
        Others(Vec::new())
    }

    fn add(&mut self, slot: Arc<Slot<K, T>>) {
        self.0.push(slot);
    }

    fn may_be(&self, hash: u64, slot: &Arc<Slot<K, T>>) -> bool {
        slot.hash == hash && !self.0.iter().any(|other| Arc::ptr_eq(other, slot))
    }
}

/// What leads to a table, and keeps it. Sealed.
pub trait Home: Clone + sealed::Sealed {
    /// The keys.
    type Key;
    /// What belongs to a key.
    type Value;

    #[doc(hidden)]
    fn table(&self, _: sealed::Inside) -> &Table<Self::Key, Self::Value>;
}

pub(crate) mod sealed {
    pub trait Sealed {}

    /// What only this crate can name.
    #[derive(Debug)]
    pub struct Inside;
}

/// A use of a slot, which ends when this is dropped. Dereferences to what belongs to the key.
pub(crate) struct Place<H: Home<Key = K, Value = T>, K, T> {
    home: H,
    // (Not `H::Key`, which would make the lifetime of a borrowed home invariant.)
    slot: Arc<Slot<K, T>>,
}

impl<H: Home<Key = K, Value = T>, K, T> Place<H, K, T> {
    /// A use of the slot of `key`, which is made if there is none.
    pub(crate) fn enter(mut home: H, hash: u64, key: K, make: impl FnOnce() -> T) -> Self
    where
        K: Eq,
    {
        let mut others = Others::none();
        loop {
            let place = {
                let mut slots = home.table(sealed::Inside).shard(hash).lock();
                match slots.find(hash, |slot| others.may_be(hash, slot)) {
                    Some(slot) => {
                        // Relaxed: the lock orders it.
                        slot.users.fetch_add(1, Ordering::Relaxed);
                        Arc::clone(slot)
                    }
                    None => {
                        let users = AtomicUsize::new(1);
                        let value = make();
                        let slot = Arc::new(Slot {
                            hash,
                            users,
                            key,
                            value,
                        });
                        slots.insert_unique(hash, Arc::clone(&slot), |slot| slot.hash);
                        drop(slots);
                        let place = Place { home, slot };
                        drop(others); // as below
                        return place;
                    }
                }
            };
            // Left again if `Eq` panics.
            let place = Place { home, slot: place };
            if place.slot.key == key {
                // Here, where the place is left if one of these destructors panics. (At the end of the
                // function it would be leaked: rust-lang/rust#47949.)
                drop((key, others));
                return place;
            }
            others.add(Arc::clone(&place.slot));
            home = place.home.clone();
        }
    }

    pub(crate) fn slot(&self) -> &Arc<Slot<K, T>> {
        &self.slot
    }

    pub(crate) fn home(&self) -> &H {
        &self.home
    }
}

impl<H: Home<Key = K, Value = T>, K, T> Deref for Place<H, K, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.slot.value
    }
}

impl<H: Home<Key = K, Value = T>, K, T> Drop for Place<H, K, T> {
    fn drop(&mut self) {
        self.home.table(sealed::Inside).leave(&self.slot);
    }
}

impl<K, T> fmt::Debug for Table<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never blocks: a shard that is locked is left out.
        let shards = self.shards.iter();
        let len: usize = shards
            .filter_map(|shard| shard.0.try_lock().ok())
            .map(|slots| slots.len())
            .sum();
        f.debug_struct("Table").field("len", &len).finish()
    }
}

impl<K, T> fmt::Debug for Slot<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("users", &self.users())
            .finish_non_exhaustive()
    }
}

impl<H: Home<Key = K, Value = T>, K, T> fmt::Debug for Place<H, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}
