//! mea. All its waits are `async fn`s.

use std::sync::{Mutex as StdMutex, PoisonError};

use ::mea::mutex::MutexGuard;
use ::mea::semaphore::SemaphorePermit;
use ::mea::waitgroup::{Wait, WaitGroup as Handle};

use super::mutex::usual_mutex;
use super::{
    AsyncBarrier, AsyncGate, AsyncOnceCell, AsyncSemaphore, AsyncWaitGroup, GrowableSemaphore,
    Init, ShrinkableSemaphore, WeightedSemaphore,
};

/// mea's mutex.
pub type Mutex = ::mea::mutex::Mutex<u64>;
/// mea's semaphore.
pub type Semaphore = ::mea::semaphore::Semaphore;
/// mea's cell.
pub type OnceCell = ::mea::once::OnceCell<u64>;

usual_mutex! { Mutex, "mea", "mea", Self::new, MutexGuard<'a, u64>, |tried| tried }

impl AsyncSemaphore for Semaphore {
    const NAME: &'static str = "mea";
    const PACKAGE: &'static str = "mea";
    type Permit<'a> = SemaphorePermit<'a>;

    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire(1)
    }

    fn try_acquire(&self) -> Option<Self::Permit<'_>> {
        self.try_acquire(1)
    }
}

impl WeightedSemaphore for Semaphore {
    fn acquire_many(&self, n: usize) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire(n)
    }

    fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>> {
        self.try_acquire(n)
    }
}

impl GrowableSemaphore for Semaphore {
    fn add_permits(&self, n: usize) {
        self.release(n);
    }
}

impl ShrinkableSemaphore for Semaphore {
    fn remove_permits(&self, n: usize) {
        self.forget_exact(n);
    }
}

/// mea's wait group, whose handles are its tokens: waiting consumes the last one.
///
/// The lock around it stands in for ownership, which these traits do not have: it is the adapter's
/// cost, not mea's. To measure a token's cost, clone a [token](AsyncWaitGroup::Token).
#[derive(Debug)]
pub struct WaitGroup(StdMutex<State>);

#[derive(Debug)]
enum State {
    Counts(Handle),
    Waited(Wait),
}

impl AsyncWaitGroup for WaitGroup {
    const NAME: &'static str = "mea";
    const PACKAGE: &'static str = "mea";
    type Token = Handle;

    fn new() -> Self {
        WaitGroup(StdMutex::new(State::Counts(Handle::new())))
    }

    /// # Panics
    ///
    /// After the first wait: mea's groups are for one round.
    fn token(&self) -> Self::Token {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Counts(handle) => handle.clone(),
            State::Waited(_) => panic!("a mea wait group is for one round"),
        }
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = match &*state {
            // The handle in `state` is dropped below, after which the count may be zero.
            State::Counts(handle) => handle.clone().into_future(),
            State::Waited(wait) => wait.clone(),
        };
        *state = State::Waited(wait.clone());
        wait
    }
}

impl AsyncOnceCell for OnceCell {
    const NAME: &'static str = "mea";
    const PACKAGE: &'static str = "mea";

    fn new() -> Self {
        Self::new()
    }

    fn get(&self) -> Option<u64> {
        self.get().copied()
    }

    async fn get_or_try_init(&self, make: impl FnOnce() -> Init + Send) -> Result<u64, u64> {
        self.get_or_try_init(async || make().await).await.copied()
    }
}

impl AsyncGate for ::mea::latch::Latch {
    const NAME: &'static str = "mea Latch";
    const PACKAGE: &'static str = "mea";

    fn new() -> Self {
        Self::new(1)
    }

    fn open(&self) {
        self.count_down();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

impl AsyncBarrier for ::mea::barrier::Barrier {
    const NAME: &'static str = "mea";
    const PACKAGE: &'static str = "mea";

    fn new(parties: usize) -> Self {
        Self::new(u32::try_from(parties).expect("mea counts in u32"))
    }

    async fn wait(&self) -> bool {
        self.wait().await.is_leader()
    }
}
