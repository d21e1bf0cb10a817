//! The map of executions in flight, in shards.
//!
//! An entry is the `Arc` of a flight, which knows its key and the key's hash. So a key is stored once
//! and never cloned, growing hashes nothing, and an entry is removed by address: whoever removes one
//! cannot hit a newer execution of the same key, and calls no foreign code.
//!
//! Nothing foreign runs under a shard's lock. What has the right hash is found under it and compared
//! afterwards; if it is of another key (two keys of one 64-bit hash), it is passed over by its address at
//! the next look. So keys may panic, or use the very table that compares them. What is taken out is
//! dropped by the caller, without the lock.

use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, PoisonError};

use hashbrown::HashTable;
#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};
use sync_core::const_fn;

use super::flight::Flight;

/// One core seldom meets another among so many; a model checker needs no more than one.
const SHARDS: usize = if cfg!(loom) { 1 } else { 32 };

/// On a cache line of its own.
#[repr(align(64))]
struct Shard<K, V, E>(Mutex<HashTable<Arc<Flight<K, V, E>>>>);

type Entries<'a, K, V, E> = MutexGuard<'a, HashTable<Arc<Flight<K, V, E>>>>;

impl<K, V, E> Shard<K, V, E> {
    fn lock(&self) -> Entries<'_, K, V, E> {
        // Nothing that panics runs under it, except an allocator.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Table<K, V, E> {
    shards: [Shard<K, V, E>; SHARDS],
}

/// Flights of this hash that are of other keys. They are kept, so that no other comes to their address.
struct Others<K, V, E>(Vec<Arc<Flight<K, V, E>>>);

impl<K, V, E> Others<K, V, E> {
    /// Allocates nothing.
    fn none() -> Self {
        Others(Vec::new())
    }

    fn add(&mut self, flight: Arc<Flight<K, V, E>>) {
        self.0.push(flight);
    }

    fn may_be(&self, hash: u64, flight: &Arc<Flight<K, V, E>>) -> bool {
        flight.hash() == hash && !self.0.iter().any(|other| Arc::ptr_eq(other, flight))
    }
}

/// What [`Table::insert`] found.
pub(super) enum Found<F> {
    /// The new flight stands in the table, in the place of a dead one if there was one.
    Inserted { instead_of: Option<Arc<F>> },
    /// Another one does.
    Other(Arc<F>),
}

impl<K, V, E> Table<K, V, E> {
    const_fn! {
        pub(super) const fn new() -> Self {
            #[cfg(not(loom))]
            let shards = [const { Shard(Mutex::new(HashTable::new())) }; SHARDS];
            #[cfg(loom)]
            let shards = [Shard(Mutex::new(HashTable::new()))];
            Table { shards }
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Shard<K, V, E> {
        // Bits that the table neither takes for its buckets nor for its tags.
        &self.shards[(hash >> 48) as usize % SHARDS]
    }

    #[inline]
    pub(super) fn get<Q>(&self, hash: u64, key: &Q) -> Option<Arc<Flight<K, V, E>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut others = Others::none();
        loop {
            let flight = {
                let entries = self.shard(hash).lock();
                Arc::clone(entries.find(hash, |flight| others.may_be(hash, flight))?)
            };
            if flight.key().borrow() == key {
                return Some(flight);
            }
            others.add(flight);
        }
    }

    /// Inserts `new`, unless there is a flight of its key other than `dead`, which is of the same key.
    pub(super) fn insert(
        &self,
        new: &Arc<Flight<K, V, E>>,
        dead: Option<&Arc<Flight<K, V, E>>>,
    ) -> Found<Flight<K, V, E>>
    where
        K: Eq,
    {
        let (hash, mut others) = (new.hash(), Others::none());
        loop {
            let other = {
                let mut entries = self.shard(hash).lock();
                match entries.find_mut(hash, |flight| others.may_be(hash, flight)) {
                    Some(old) if dead.is_some_and(|dead| Arc::ptr_eq(dead, old)) => {
                        return Found::Inserted {
                            instead_of: Some(std::mem::replace(old, Arc::clone(new))),
                        };
                    }
                    Some(other) => Arc::clone(other),
                    None => {
                        entries.insert_unique(hash, Arc::clone(new), |flight| flight.hash());
                        return Found::Inserted { instead_of: None };
                    }
                }
            };
            if other.key() == new.key() {
                return Found::Other(other);
            }
            others.add(other);
        }
    }

    /// Takes out this very flight, if it is still there.
    pub(super) fn remove(&self, flight: &Flight<K, V, E>) -> Option<Arc<Flight<K, V, E>>> {
        let mut entries = self.shard(flight.hash()).lock();
        let entry = entries.find_entry(flight.hash(), |f| std::ptr::eq(&raw const **f, flight));
        Some(entry.ok()?.remove().0)
    }

    /// Takes out whatever flight has this key.
    pub(super) fn forget<Q>(&self, hash: u64, key: &Q) -> Option<Arc<Flight<K, V, E>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        loop {
            let flight = self.get(hash, key)?;
            // If that one has ended meanwhile, there may be a newer one.
            if let Some(flight) = self.remove(&flight) {
                return Some(flight);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

impl<K, V, E> fmt::Debug for Table<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never blocks: a shard that is locked is left out.
        let len: usize = self
            .shards
            .iter()
            .filter_map(|shard| shard.0.try_lock().ok())
            .map(|entries| entries.len())
            .sum();
        f.debug_struct("Table").field("len", &len).finish()
    }
}
