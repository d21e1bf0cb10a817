//! futures-intrusive, fair and unfair: a flag of the constructor there, two types here.

use ::futures_intrusive::sync as peer;

use super::{
    AsyncGate, AsyncMutex, AsyncSemaphore, AsyncSignal, GrowableSemaphore, WeightedSemaphore,
};

macro_rules! flavour {
    ($mutex:ident, $semaphore:ident, $name:literal, $fair:literal) => {
        #[doc = concat!($name, "'s mutex.")]
        #[derive(Debug)]
        pub struct $mutex(peer::Mutex<u64>);

        impl AsyncMutex for $mutex {
            const NAME: &'static str = $name;
            const PACKAGE: &'static str = "futures-intrusive";
            type Guard<'a> = peer::MutexGuard<'a, u64>;

            fn new(value: u64) -> Self {
                $mutex(peer::Mutex::new(value, $fair))
            }

            fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
                self.0.lock()
            }

            fn try_lock(&self) -> Option<Self::Guard<'_>> {
                self.0.try_lock()
            }
        }

        #[doc = concat!($name, "'s semaphore.")]
        #[derive(Debug)]
        pub struct $semaphore(peer::Semaphore);

        impl AsyncSemaphore for $semaphore {
            const NAME: &'static str = $name;
            const PACKAGE: &'static str = "futures-intrusive";
            type Permit<'a> = peer::SemaphoreReleaser<'a>;

            fn new(permits: usize) -> Self {
                $semaphore(peer::Semaphore::new($fair, permits))
            }

            fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send {
                self.0.acquire(1)
            }

            fn try_acquire(&self) -> Option<Self::Permit<'_>> {
                self.0.try_acquire(1)
            }
        }

        impl WeightedSemaphore for $semaphore {
            fn acquire_many(&self, n: usize) -> impl Future<Output = Self::Permit<'_>> + Send {
                self.0.acquire(n)
            }

            fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>> {
                self.0.try_acquire(n)
            }
        }

        impl GrowableSemaphore for $semaphore {
            fn add_permits(&self, n: usize) {
                self.0.release(n);
            }
        }
    };
}

flavour!(FairMutex, FairSemaphore, "futures-intrusive, fair", true);
flavour!(
    UnfairMutex,
    UnfairSemaphore,
    "futures-intrusive, unfair",
    false
);

/// Reset by whoever has waited: for one waiter at a time.
impl AsyncSignal for peer::ManualResetEvent {
    const NAME: &'static str = "futures-intrusive ManualResetEvent";
    const PACKAGE: &'static str = "futures-intrusive";

    fn new() -> Self {
        Self::new(false)
    }

    fn set(&self) {
        self.set();
    }

    async fn wait(&self) {
        self.wait().await;
        self.reset();
    }
}

impl AsyncGate for peer::ManualResetEvent {
    const NAME: &'static str = "futures-intrusive ManualResetEvent";
    const PACKAGE: &'static str = "futures-intrusive";

    fn new() -> Self {
        Self::new(false)
    }

    fn open(&self) {
        self.set();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}
