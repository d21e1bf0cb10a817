//! A lock for every key: ours, and what is written by hand without it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_sync::KeyedMutex;
use async_sync::keyed::KeyedGuard;

/// Locks by key.
pub trait AsyncKeyedMutex: Send + Sync + Sized + 'static {
    /// In reports.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// The right to a key.
    type Guard<'a>: Send;

    /// No key is locked.
    fn new() -> Self;

    /// Waits for the key.
    fn lock(&self, key: u64) -> impl Future<Output = Self::Guard<'_>> + Send;

    /// Locks the key if nobody has it.
    fn try_lock(&self, key: u64) -> Option<Self::Guard<'_>>;

    /// How many keys take memory.
    fn keys(&self) -> usize;
}

/// Ours.
pub type Ours = KeyedMutex<u64>;

impl AsyncKeyedMutex for Ours {
    const NAME: &'static str = "async-sync, KeyedMutex";
    const PACKAGE: &'static str = "async-sync";
    type Guard<'a> = KeyedGuard<'a, u64>;

    fn new() -> Self {
        Self::new()
    }

    fn lock(&self, key: u64) -> impl Future<Output = Self::Guard<'_>> + Send {
        self.lock(key)
    }

    fn try_lock(&self, key: u64) -> Option<Self::Guard<'_>> {
        self.try_lock(key)
    }

    fn keys(&self) -> usize {
        self.len()
    }
}

type Table = HashMap<u64, Arc<tokio::sync::Mutex<()>>>;

/// A map of tokio's mutexes, from which a guard that nobody waits behind takes its key: the way that it is
/// written by hand.
#[derive(Debug, Default)]
pub struct ByHand {
    table: Mutex<Table>,
}

/// The guard of [`ByHand`].
#[derive(Debug)]
pub struct ByHandGuard<'a> {
    of: &'a ByHand,
    key: u64,
    guard: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl ByHand {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mutex(&self, key: u64) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.table().entry(key).or_default())
    }

    fn guard(&self, key: u64, guard: tokio::sync::OwnedMutexGuard<()>) -> ByHandGuard<'_> {
        ByHandGuard {
            of: self,
            key,
            guard: Some(guard),
        }
    }
}

impl Drop for ByHandGuard<'_> {
    fn drop(&mut self) {
        // It wakes who is next, which is foreign code: not under the lock of the table.
        self.guard = None;
        let mut table = self.of.table();
        if table
            .get(&self.key)
            .is_some_and(|mutex| Arc::strong_count(mutex) == 1)
        {
            table.remove(&self.key);
        }
    }
}

impl AsyncKeyedMutex for ByHand {
    const NAME: &'static str = "a map of tokio's mutexes";
    const PACKAGE: &'static str = "tokio";
    type Guard<'a> = ByHandGuard<'a>;

    fn new() -> Self {
        Self::default()
    }

    async fn lock(&self, key: u64) -> ByHandGuard<'_> {
        let guard = self.mutex(key).lock_owned().await;
        self.guard(key, guard)
    }

    fn try_lock(&self, key: u64) -> Option<ByHandGuard<'_>> {
        let guard = self.mutex(key).try_lock_owned().ok()?;
        Some(self.guard(key, guard))
    }

    fn keys(&self) -> usize {
        self.table().len()
    }
}
