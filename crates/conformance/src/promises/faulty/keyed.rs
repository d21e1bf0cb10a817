//! Locks by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::super::keyed::every;
use super::*;
use crate::peers::AsyncKeyedMutex;

type Table = HashMap<u64, Arc<async_sync::Mutex<()>>>;

/// A map of mutexes. IDLE: no key is ever taken out. FORGETS: it is taken out by whoever ends a wait. APART: all
/// keys are one. EAGER: a future keeps its key before it is polled, and for ever.
#[derive(Default)]
struct Keyed<const FAULT: u8>(Mutex<Table>);

struct Guard<'a, const FAULT: u8>(
    &'a Keyed<FAULT>,
    u64,
    Option<async_sync::mutex::OwnedMutexGuard<()>>,
);

impl<const FAULT: u8> Drop for Guard<'_, FAULT> {
    fn drop(&mut self) {
        drop(self.2.take());
        let mut table = self.0.0.lock().unwrap();
        let unused = table
            .get(&self.1)
            .is_some_and(|mutex| Arc::strong_count(mutex) == 1);
        if FAULT != IDLE && unused {
            table.remove(&self.1);
        }
    }
}

/// A wait.
struct Wait<'a, const FAULT: u8>(&'a Keyed<FAULT>, u64);

impl<const FAULT: u8> Drop for Wait<'_, FAULT> {
    fn drop(&mut self) {
        if FAULT == FORGETS {
            self.0.0.lock().unwrap().remove(&self.1);
        }
    }
}

impl<const FAULT: u8> Keyed<FAULT> {
    fn mutex(&self, key: u64) -> Arc<async_sync::Mutex<()>> {
        let key = if FAULT == APART { 0 } else { key };
        Arc::clone(self.0.lock().unwrap().entry(key).or_default())
    }
}

impl<const FAULT: u8> AsyncKeyedMutex for Keyed<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";
    type Guard<'a> = Guard<'a, FAULT>;

    fn new() -> Self {
        Self::default()
    }

    fn lock(&self, key: u64) -> impl Future<Output = Guard<'_, FAULT>> + Send {
        let early = (FAULT == EAGER).then(|| self.mutex(key));
        async move {
            let _wait = Wait(self, key);
            let mutex = early.unwrap_or_else(|| self.mutex(key));
            Guard(self, key, Some(mutex.lock_owned().await))
        }
    }

    fn try_lock(&self, key: u64) -> Option<Guard<'_, FAULT>> {
        let guard = self.mutex(key).try_lock_owned().ok()?;
        Some(Guard(self, key, Some(guard)))
    }

    fn keys(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    every::<Keyed<FAULT>>()
}

#[test]
fn with_a_fault() {
    bites(
        &all::<SOUND>(),
        &all::<IDLE>(),
        &["keys-gone", "keys-panicked"],
    );
    bites(&all::<SOUND>(), &all::<EAGER>(), &["keys-unpolled"]);
    bites(
        &all::<SOUND>(),
        &all::<FORGETS>(),
        &["keys-kept", "keys-threads"],
    );
    bites(&all::<SOUND>(), &all::<APART>(), &["apart"]);
}
