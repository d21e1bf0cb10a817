//! The map of executions in flight, in shards.
//!
//! An entry is the `Arc` of a flight, which knows its key and the key's hash. So a key is stored once
//! and never cloned, growing hashes nothing, and an entry is removed by address: whoever removes one
//! cannot hit a newer execution of the same key, and calls no foreign code.
//!
//! Under a shard's lock runs the keys' `Eq`, and nothing else that is foreign. What is taken out is
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
        // A key's `Eq` may have panicked; it was asked before anything was changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Table<K, V, E> {
    shards: [Shard<K, V, E>; SHARDS],
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
        let entries = self.shard(hash).lock();
        entries.find(hash, |f| f.is_of(hash, key)).map(Arc::clone)
    }

    /// Inserts `new`, unless there is a flight of its key other than `dead`.
    pub(super) fn insert(
        &self,
        new: &Arc<Flight<K, V, E>>,
        dead: Option<&Arc<Flight<K, V, E>>>,
    ) -> Found<Flight<K, V, E>>
    where
        K: Eq,
    {
        let (hash, mut entries) = (new.hash(), self.shard(new.hash()).lock());
        match entries.find_mut(hash, |f| f.is_of(hash, new.key())) {
            Some(old) if dead.is_some_and(|dead| Arc::ptr_eq(dead, old)) => Found::Inserted {
                instead_of: Some(std::mem::replace(old, Arc::clone(new))),
            },
            Some(other) => Found::Other(Arc::clone(other)),
            None => {
                entries.insert_unique(hash, Arc::clone(new), |f| f.hash());
                Found::Inserted { instead_of: None }
            }
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
        let mut entries = self.shard(hash).lock();
        let entry = entries.find_entry(hash, |f| f.is_of(hash, key));
        Some(entry.ok()?.remove().0)
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
