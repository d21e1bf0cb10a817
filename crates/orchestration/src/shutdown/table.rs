//! Who is at work, by name; and what is to be done at the end.
//!
//! # Invariants
//!
//! 1. `open` goes from true to false once, under the lock under which `finish` then looks who is there. So
//!    who was let in is waited for, and nobody is let in who is not.
//! 2. `emptied` is set whenever the last entry goes, and remembers it until `finish` looks: it looks at
//!    the table first, and waits second, so no end is missed.
//! 3. Nothing foreign (names, futures, the clock, wakers) is called or dropped under the lock.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use async_sync::{AutoEvent, Context, Event};
use slab::Slab;

use super::Running;
use crate::caught::Caught;

pub(super) type Name = Cow<'static, str>;
type Cleanup = Caught<Pin<Box<dyn Future<Output = ()> + Send>>>;

pub(super) struct Table {
    pub(super) closing: Context,
    pub(super) closed: Context,
    // Set when somebody will not wait any longer.
    pub(super) forced: Event,
    emptied: AutoEvent,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    // New work is taken.
    open: bool,
    // Cleaning up has begun, or was given up.
    cleaned: bool,
    entries: Slab<(Name, Instant)>,
    cleanups: Vec<(Name, Cleanup)>,
}

/// The owner is gone, or the future that ends the service.
pub(super) struct Ends(pub(super) Arc<Table>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.refuse_work();
        // Dropped last, if it comes to that: their destructors are foreign.
        let cleanups = self.0.take_cleanups();
        // A callback may panic; whoever waits for `closed` is told all the same.
        let told = catch_unwind(AssertUnwindSafe(|| self.0.closing.cancel()));
        self.0.closed.cancel();
        drop(cleanups);
        if let Err(payload) = told
            && !thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

impl Table {
    pub(super) fn new(closing: Context, now: Box<dyn Fn() -> Instant + Send + Sync>) -> Self {
        let closed = closing.detached();
        Self {
            closing,
            closed,
            forced: Event::new(),
            emptied: AutoEvent::new(),
            now,
            state: Mutex::new(State {
                open: true,
                cleaned: false,
                entries: Slab::new(),
                cleanups: Vec::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under the lock, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody in, unless the service closes.
    pub(super) fn enter(&self, name: Name) -> Result<usize, Name> {
        if self.closing.is_cancelled() {
            return Err(name);
        }
        let since = (self.now)();
        let mut state = self.lock();
        if !state.open {
            drop(state);
            return Err(name);
        }
        Ok(state.entries.insert((name, since)))
    }

    /// Lets somebody in who is a part of somebody who is in.
    pub(super) fn enter_with(&self, name: Name) -> usize {
        let since = (self.now)();
        self.lock().entries.insert((name, since))
    }

    pub(super) fn leave(&self, key: usize) {
        let mut state = self.lock();
        let entry = state.entries.remove(key);
        let empty = state.entries.is_empty();
        drop(state);
        drop(entry);
        if empty {
            self.emptied.set();
        }
    }

    pub(super) fn name_of(&self, key: usize) -> Name {
        self.lock().entries[key].0.clone()
    }

    /// Who is at work, and for how long; those who came first, first.
    pub(super) fn running(&self) -> Vec<Running> {
        let now = (self.now)();
        let state = self.lock();
        let mut entries: Vec<_> = state
            .entries
            .iter()
            .map(|(_, entry)| entry.clone())
            .collect();
        drop(state);
        entries.sort_by_key(|&(_, since)| since);
        let running = |(name, since): (Name, Instant)| Running {
            name,
            age: now.saturating_duration_since(since),
        };
        entries.into_iter().map(running).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().entries.len()
    }

    /// Waits until nobody is at work.
    pub(super) async fn drained(&self) {
        while self.count() > 0 {
            self.emptied.wait().await;
        }
    }

    pub(super) fn refuse_work(&self) {
        self.lock().open = false;
    }

    /// Remembers what is to be done at the end, unless that has begun.
    pub(super) fn on_closed(
        &self,
        name: Name,
        cleanup: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> bool {
        let mut state = self.lock();
        if state.cleaned {
            drop(state);
            return false;
        }
        state.cleanups.push((name, Caught::new(cleanup)));
        true
    }

    pub(super) fn take_cleanups(&self) -> Vec<(Name, Cleanup)> {
        let mut state = self.lock();
        state.cleaned = true;
        std::mem::take(&mut state.cleanups)
    }

    pub(super) fn is_forced(&self) -> bool {
        self.forced.is_set()
    }
}
