//! The objects of a [`Pool`](super::Pool), in shards of two generations.
//!
//! # States
//!
//! A shard has a [`Slot`] for one object, and behind a lock the *young* objects, which were given back
//! since the last rotation, and the *old* ones, which nobody has asked for in the generation before.
//! What is in the slot is young. A thread has one shard that it looks at first. Threads number
//! themselves, so up to sixteen do not meet.
//!
//! # Transitions
//!
//! ```text
//! take     own shard: the slot, else the youngest young, else the youngest old; then the same of each
//!          other shard
//! put      own shard: the slot, else young. Busy: the next shard. All are busy: the object is dropped
//! rotate   each shard: the old ones are dropped; the young ones, also that in the slot, become the old
//! ```
//!
//! # Invariants
//!
//! 1. `take` and `put` never wait: a shard that somebody is at counts as empty to who takes, and as
//!    full to who gives. That is allowed to a cache, and a lock is held for a few instructions.
//! 2. Nothing of the objects runs under a lock: they are moved, and dropped without it.
//! 3. `count` is the number of objects behind the lock, stored under it. It is read without, to pass by
//!    those that are empty: it may be wrong, and then an object is missed, or looked for in vain.

#[cfg(not(loom))]
use std::cell::Cell;
use std::mem;
use std::sync::PoisonError;

use sync_core::atomic::{AtomicUsize, Mutex, MutexGuard, Ordering};
use sync_core::const_fn;

use super::slot::Slot;

/// A model checker needs two, to steal.
const SHARDS: usize = if cfg!(loom) { 2 } else { 16 };

struct Generations<T> {
    young: Vec<T>,
    old: Vec<T>,
}

impl<T> Generations<T> {
    const fn new() -> Self {
        Generations {
            young: Vec::new(),
            old: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// On cache lines of its own: two, as processors fetch them in pairs.
#[repr(align(128))]
struct Shard<T> {
    slot: Slot<T>,
    count: AtomicUsize,
    objects: Mutex<Generations<T>>,
}

impl<T> Shard<T> {
    const_fn! {
        const fn new() -> Self {
            Shard {
                slot: Slot::new(),
                count: AtomicUsize::new(0),
                objects: Mutex::new(Generations::new()),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations<T>> {
        // Nothing that panics runs under it, except an allocator.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock, if nobody has it.
    #[inline]
    fn try_lock(&self) -> Option<MutexGuard<'_, Generations<T>>> {
        match self.objects.try_lock() {
            Ok(objects) => Some(objects),
            Err(std::sync::TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    fn take(&self) -> Option<T> {
        self.slot.take().or_else(|| self.pop())
    }

    /// One from behind the lock.
    fn pop(&self) -> Option<T> {
        // Relaxed, as every access to it: a hint.
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut objects = self.try_lock()?;
        let object = objects.young.pop().or_else(|| objects.old.pop());
        self.count.store(objects.len(), Ordering::Relaxed);
        object
    }

    /// Keeps the object, or gives it back if somebody is there.
    fn put(&self, object: T) -> Result<(), T> {
        match self.slot.empty() {
            None => self.push(object),
            Some(empty) => {
                empty.put(|| object);
                Ok(())
            }
        }
    }

    /// Keeps the object behind the lock.
    fn push(&self, object: T) -> Result<(), T> {
        let Some(mut objects) = self.try_lock() else {
            return Err(object);
        };
        objects.young.push(object);
        self.count.store(objects.len(), Ordering::Relaxed);
        Ok(())
    }

    fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed) + usize::from(self.slot.is_full())
    }
}

pub(super) struct Shards<T>([Shard<T>; SHARDS]);

impl<T> Shards<T> {
    const_fn! {
        pub(super) const fn new() -> Self {
            #[cfg(not(loom))]
            let shards = [const { Shard::new() }; SHARDS];
            #[cfg(loom)]
            let shards = [Shard::new(), Shard::new()];
            Shards(shards)
        }
    }

    /// The shards, beginning with this thread's.
    fn mine_first(&self) -> impl Iterator<Item = &Shard<T>> {
        let mine = mine();
        (0..SHARDS).map(move |n| &self.0[(mine + n) % SHARDS])
    }

    /// The slot of this thread's shard: nearly always all that is needed.
    #[inline]
    pub(super) fn slot(&self) -> &Slot<T> {
        &self.0[mine() % SHARDS].slot
    }

    /// Takes an object from anywhere.
    #[inline(never)]
    pub(super) fn take(&self) -> Option<T> {
        self.mine_first().find_map(Shard::take)
    }

    /// Keeps the object, or gives it back if somebody is at each of the shards.
    #[inline(never)]
    pub(super) fn put(&self, mut object: T) -> Result<(), T> {
        for shard in self.mine_first() {
            match shard.put(object) {
                Ok(()) => return Ok(()),
                Err(back) => object = back,
            }
        }
        Err(object)
    }

    /// Returns how many were dropped.
    pub(super) fn rotate(&self) -> usize {
        self.drop_some(|objects| {
            let young = mem::take(&mut objects.young);
            mem::replace(&mut objects.old, young)
        })
    }

    pub(super) fn clear(&self) -> usize {
        self.drop_some(|objects| {
            let mut all = mem::take(&mut objects.young);
            all.append(&mut objects.old);
            all
        })
    }

    fn drop_some(&self, choose: impl Fn(&mut Generations<T>) -> Vec<T>) -> usize {
        let mut dropped = 0;
        for shard in &self.0 {
            let chosen = {
                let mut objects = shard.lock();
                // In the order of their coming, as near as it is known. (Growing may fail: nothing
                // has been taken then.)
                objects.young.reserve(1);
                objects.young.extend(shard.slot.take());
                let chosen = choose(&mut objects);
                shard.count.store(objects.len(), Ordering::Relaxed);
                chosen
            };
            // Foreign destructors, without the lock.
            dropped += chosen.len();
            drop(chosen);
        }
        dropped
    }

    /// A snapshot.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Shard::len).sum()
    }
}

/// The number of this thread, in the order in which threads first asked.
#[inline]
fn mine() -> usize {
    #[cfg(not(loom))]
    {
        use std::sync::atomic::AtomicUsize;
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        const NONE: usize = usize::MAX;
        std::thread_local! {
            static MINE: Cell<usize> = const { Cell::new(NONE) };
        }
        #[cold]
        fn number() -> usize {
            // Relaxed: only that they differ.
            NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS
        }
        // (No destructor, so it is there until the end of the thread.)
        MINE.with(|mine| {
            if mine.get() == NONE {
                mine.set(number());
            }
            mine.get()
        })
    }
    // Counted anew in each run of a model, which has to do the same each time.
    #[cfg(loom)]
    {
        loom::lazy_static! {
            static ref NEXT: std::sync::atomic::AtomicUsize = Default::default();
        }
        loom::thread_local! {
            static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        MINE.with(|mine| *mine)
    }
}
