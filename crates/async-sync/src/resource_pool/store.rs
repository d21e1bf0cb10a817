//! The idle resources, and how many there are in all.
//!
//! One lock, held for a few moves: a `get` that waits for a connection has better things to wait for.
//! The back of the line is the resource that was used last, and is lent first.

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;

use sync_core::atomic::{Mutex, MutexGuard};

use super::manager::Usage;

/// A resource, and what is known about it.
pub(super) struct Entry<R> {
    pub(super) resource: R,
    pub(super) usage: Usage,
}

pub(super) struct Store<R>(Mutex<Inside<R>>);

struct Inside<R> {
    idle: VecDeque<Entry<R>>,
    /// Idle, lent, being created, checked or closed.
    alive: usize,
    closed: bool,
    created: u64,
}

/// What [`Store::take_or_begin`] found.
pub(super) enum Next<R> {
    Idle(Entry<R>),
    Create,
    Closed,
}

impl<R> Store<R> {
    pub(super) fn new() -> Self {
        Store(Mutex::new(Inside {
            idle: VecDeque::new(),
            alive: 0,
            closed: false,
            created: 0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inside<R>> {
        // Nothing that panics runs under it, except an allocator.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The resource that came back last; or, if none is idle, the right to create one: ALIVE + 1.
    ///
    /// For who has a place.
    pub(super) fn take_or_begin(&self) -> Next<R> {
        let mut inside = self.lock();
        match inside.idle.pop_back() {
            Some(entry) => Next::Idle(entry),
            None if inside.closed => Next::Closed,
            None => {
                inside.alive += 1;
                Next::Create
            }
        }
    }

    /// The resource that came back last, if one is idle.
    pub(super) fn take(&self) -> Option<Entry<R>> {
        self.lock().idle.pop_back()
    }

    /// The one before which `index` others have come back.
    pub(super) fn take_at(&self, index: usize) -> Option<Entry<R>> {
        self.lock().idle.remove(index)
    }

    /// The right to create one although some may be idle: ALIVE + 1. For who has a place.
    pub(super) fn begin_below(&self, max: usize, min_idle: usize) -> bool {
        let mut inside = self.lock();
        let begins = !inside.closed && inside.alive < max && inside.idle.len() < min_idle;
        inside.alive += usize::from(begins);
        begins
    }

    pub(super) fn count_created(&self) {
        self.lock().created += 1;
    }

    /// Keeps it, if there is room: at `index`, or behind all others.
    pub(super) fn put(
        &self,
        entry: Entry<R>,
        index: Option<usize>,
        max_idle: usize,
    ) -> Result<(), Entry<R>> {
        let mut inside = self.lock();
        let idle = inside.idle.len();
        if inside.closed || idle >= max_idle {
            return Err(entry);
        }
        let index = index.map_or(idle, |index| index.min(idle));
        inside.idle.insert(index, entry);
        Ok(())
    }

    /// One less exists.
    pub(super) fn end(&self) {
        self.lock().alive -= 1;
    }

    /// Nothing comes in any more. Returns what was idle.
    pub(super) fn close(&self) -> VecDeque<Entry<R>> {
        let mut inside = self.lock();
        inside.closed = true;
        mem::take(&mut inside.idle)
    }

    /// Whether it is closed and nothing exists any more.
    pub(super) fn is_gone(&self) -> bool {
        let inside = self.lock();
        inside.closed && inside.alive == 0
    }

    pub(super) fn idle(&self) -> usize {
        self.lock().idle.len()
    }

    pub(super) fn status(&self, max: usize, waiters: usize, is_closed: bool) -> Status {
        self.lock().status(max, waiters, is_closed)
    }

    /// The same, unless somebody is there.
    pub(super) fn try_status(&self, max: usize, waiters: usize, is_closed: bool) -> Option<Status> {
        let inside = self.0.try_lock().ok()?;
        Some(inside.status(max, waiters, is_closed))
    }
}

impl<R> Inside<R> {
    fn status(&self, max: usize, waiters: usize, is_closed: bool) -> Status {
        Status {
            max,
            size: self.alive,
            idle: self.idle.len(),
            created: self.created,
            waiters,
            is_closed,
        }
    }
}

/// A snapshot of a [`ResourcePool`](super::ResourcePool).
///
/// `waiters` and `is_closed` belong to about the same moment as the others, not to exactly the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Resources that there can be.
    pub max: usize,
    /// Resources that exist, or are being created.
    pub size: usize,
    /// Resources that are idle. The others are lent, being created, checked or closed.
    pub idle: usize,
    /// Resources that have been created since the beginning.
    pub created: u64,
    /// Requests that are queued.
    pub waiters: usize,
    /// No resource is given out any more.
    pub is_closed: bool,
}

impl Status {
    /// Resources that are lent, or about to be.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.size - self.idle
    }
}
