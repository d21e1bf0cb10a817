//! What nobody can be quicker than: a word that is exchanged and no more, and locks that block.

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{
    AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use conformance::peers::{AsyncMutex, AsyncRwLock, AsyncSemaphore};

/// The name of [`Bare`] in the tables.
pub const BARE: &str = "compare-exchange and swap";
/// The name of [`Blocking`] in the tables.
pub const BLOCKING: &str = "parking_lot (blocks)";

/// One exchange to lock, one to unlock, and nobody can wait: for one thread.
#[derive(Debug)]
pub struct Bare {
    word: AtomicU32,
    value: UnsafeCell<u64>,
}

// SAFETY: the value is reached through a guard only, and `word` admits one guard at a time.
unsafe impl Sync for Bare {}

/// Unlocks [`Bare`].
#[derive(Debug)]
pub struct BareGuard<'a>(&'a Bare);

// SAFETY: it is a `&mut u64`.
unsafe impl Send for BareGuard<'_> {}

impl AsyncMutex for Bare {
    const NAME: &'static str = BARE;
    const PACKAGE: &'static str = "";
    type Guard<'a> = BareGuard<'a>;

    fn new(value: u64) -> Self {
        Bare {
            word: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    async fn lock(&self) -> BareGuard<'_> {
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            spin_loop();
        }
    }

    #[inline]
    fn try_lock(&self) -> Option<BareGuard<'_>> {
        let taken = self.word.compare_exchange(0, 1, Acquire, Relaxed);
        taken.is_ok().then_some(BareGuard(self))
    }
}

impl Deref for BareGuard<'_> {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        // SAFETY: this is the only guard.
        unsafe { &*self.0.value.get() }
    }
}

impl DerefMut for BareGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut u64 {
        // SAFETY: this is the only guard.
        unsafe { &mut *self.0.value.get() }
    }
}

impl Drop for BareGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.word.swap(0, Release);
    }
}

/// parking_lot's mutex, which blocks the worker: the throughput of a lock that no task ever waits
/// for, with tasks that never let the others run.
#[derive(Debug)]
pub struct Blocking(parking_lot::Mutex<u64>);

impl AsyncMutex for Blocking {
    const NAME: &'static str = BLOCKING;
    const PACKAGE: &'static str = "";
    type Guard<'a> = parking_lot::MutexGuard<'a, u64>;

    fn new(value: u64) -> Self {
        Blocking(parking_lot::Mutex::new(value))
    }

    async fn lock(&self) -> Self::Guard<'_> {
        self.0.lock()
    }

    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock()
    }
}

/// The name of [`BarePermits`] in the tables.
pub const BARE_PERMITS: &str = "compare-exchange and add";

/// One exchange to acquire, one addition to release: for one thread.
#[derive(Debug)]
pub struct BarePermits(AtomicU32);

/// Gives it back.
#[derive(Debug)]
pub struct BarePermit<'a>(&'a BarePermits);

impl AsyncSemaphore for BarePermits {
    const NAME: &'static str = BARE_PERMITS;
    const PACKAGE: &'static str = "";
    type Permit<'a> = BarePermit<'a>;

    fn new(permits: usize) -> Self {
        BarePermits(AtomicU32::new(u32::try_from(permits).expect("few permits")))
    }

    async fn acquire(&self) -> BarePermit<'_> {
        loop {
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
            spin_loop();
        }
    }

    #[inline]
    fn try_acquire(&self) -> Option<BarePermit<'_>> {
        let free = self.0.load(Relaxed);
        let taken = free > 0
            && self
                .0
                .compare_exchange(free, free - 1, AcqRel, Relaxed)
                .is_ok();
        taken.then_some(BarePermit(self))
    }
}

impl Drop for BarePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Release);
    }
}

/// The name of [`BareCount`] in the tables.
pub const BARE_COUNT: &str = "compare-exchange and subtract or swap";

/// [`Bare`] with readers: a word that counts them by twos, and whose lowest bit is the writer's.
#[derive(Debug)]
pub struct BareCount {
    word: AtomicU32,
    value: UnsafeCell<u64>,
}

// SAFETY: the value is reached through guards only, and `word` admits one writer or readers at a time.
unsafe impl Sync for BareCount {}

/// Gives [`BareCount`] back.
#[derive(Debug)]
pub struct BareReader<'a>(&'a BareCount);

/// Gives [`BareCount`] back.
#[derive(Debug)]
pub struct BareWriter<'a>(&'a BareCount);

impl AsyncRwLock for BareCount {
    const NAME: &'static str = BARE_COUNT;
    const PACKAGE: &'static str = "";
    type ReadGuard<'a> = BareReader<'a>;
    type WriteGuard<'a> = BareWriter<'a>;

    fn new(value: u64) -> Self {
        BareCount {
            word: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    async fn read(&self) -> BareReader<'_> {
        loop {
            if let Some(guard) = self.try_read() {
                return guard;
            }
            spin_loop();
        }
    }

    async fn write(&self) -> BareWriter<'_> {
        loop {
            if let Some(guard) = self.try_write() {
                return guard;
            }
            spin_loop();
        }
    }

    #[inline]
    fn try_read(&self) -> Option<BareReader<'_>> {
        let readers = self.word.load(Relaxed);
        let taken = readers & 1 == 0
            && self
                .word
                .compare_exchange(readers, readers + 2, Acquire, Relaxed)
                .is_ok();
        taken.then_some(BareReader(self))
    }

    #[inline]
    fn try_write(&self) -> Option<BareWriter<'_>> {
        let taken = self.word.compare_exchange(0, 1, Acquire, Relaxed);
        taken.is_ok().then_some(BareWriter(self))
    }
}

impl Deref for BareReader<'_> {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        // SAFETY: as long as this guard is there, nobody writes.
        unsafe { &*self.0.value.get() }
    }
}

impl Deref for BareWriter<'_> {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        // SAFETY: this is the only guard.
        unsafe { &*self.0.value.get() }
    }
}

impl DerefMut for BareWriter<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut u64 {
        // SAFETY: this is the only guard.
        unsafe { &mut *self.0.value.get() }
    }
}

impl Drop for BareReader<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.word.fetch_sub(2, Release);
    }
}

impl Drop for BareWriter<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.word.swap(0, Release);
    }
}
