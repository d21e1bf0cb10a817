//! async-lock.

use std::sync::atomic::{AtomicBool, Ordering};

use super::mutex::usual_mutex;
use super::once::usual_once_cell;
use super::{
    AsyncBarrier, AsyncGate, AsyncSemaphore, AsyncSignal, BlockingMutex, GrowableSemaphore,
    WaitingOnceCell,
};
use ::async_lock::{MutexGuard, SemaphoreGuard};
use event_listener::Event;

/// async-lock's mutex.
pub type Mutex = ::async_lock::Mutex<u64>;
/// async-lock's semaphore: one permit at a time.
pub type Semaphore = ::async_lock::Semaphore;
/// async-lock's cell.
pub type OnceCell = ::async_lock::OnceCell<u64>;

usual_mutex! { Mutex, "async-lock", "async-lock", Self::new, MutexGuard<'a, u64>, |tried| tried }

impl BlockingMutex for Mutex {
    fn lock_blocking(&self) -> Self::Guard<'_> {
        self.lock_blocking()
    }
}

impl AsyncSemaphore for Semaphore {
    const NAME: &'static str = "async-lock";
    const PACKAGE: &'static str = "async-lock";
    type Permit<'a> = SemaphoreGuard<'a>;

    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire()
    }

    fn try_acquire(&self) -> Option<Self::Permit<'_>> {
        self.try_acquire()
    }
}

impl GrowableSemaphore for Semaphore {
    fn add_permits(&self, n: usize) {
        self.add_permits(n);
    }
}

usual_once_cell! { OnceCell, "async-lock" }

impl WaitingOnceCell for OnceCell {
    async fn wait(&self) -> u64 {
        *self.wait().await
    }
}

impl AsyncBarrier for ::async_lock::Barrier {
    const NAME: &'static str = "async-lock";
    const PACKAGE: &'static str = "async-lock";

    fn new(parties: usize) -> Self {
        Self::new(parties)
    }

    async fn wait(&self) -> bool {
        self.wait().await.is_leader()
    }
}

/// An event of event-listener, which async-lock is made of, and a flag: as its documentation shows.
#[derive(Debug, Default)]
pub struct Listened {
    flag: AtomicBool,
    event: Event,
}

impl AsyncSignal for Listened {
    const NAME: &'static str = "event-listener";
    const PACKAGE: &'static str = "event-listener";

    fn new() -> Self {
        Self::default()
    }

    fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.event.notify(1);
    }

    async fn wait(&self) {
        loop {
            if self.flag.swap(false, Ordering::Acquire) {
                return;
            }
            event_listener::listener!(self.event => listener);
            if self.flag.swap(false, Ordering::Acquire) {
                return;
            }
            listener.await;
        }
    }
}

impl AsyncGate for Listened {
    const NAME: &'static str = "event-listener";
    const PACKAGE: &'static str = "event-listener";

    fn new() -> Self {
        Self::default()
    }

    fn open(&self) {
        self.flag.store(true, Ordering::Release);
        self.event.notify(usize::MAX);
    }

    async fn wait(&self) {
        while !self.flag.load(Ordering::Acquire) {
            event_listener::listener!(self.event => listener);
            if self.flag.load(Ordering::Acquire) {
                return;
            }
            listener.await;
        }
    }
}
