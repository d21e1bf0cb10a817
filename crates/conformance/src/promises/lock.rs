//! A mutex, and a semaphore of one permit: the same for all promises about waiting.

use crate::peers::{AsyncMutex, AsyncSemaphore};

/// Something that one at a time may have.
pub(super) trait Lock: Send + Sync + Sized + 'static {
    type Held<'a>: Send;

    fn new() -> Self;

    /// Waits for it: the peer's own future.
    fn take(&self) -> impl Future<Output = Self::Held<'_>> + Send;

    fn try_take(&self) -> Option<Self::Held<'_>>;

    /// Takes what nobody else has.
    fn held(&self) -> Self::Held<'_> {
        self.try_take().expect("nobody else has it")
    }
}

impl<M: AsyncMutex> Lock for M {
    type Held<'a> = M::Guard<'a>;

    fn new() -> Self {
        M::new(0)
    }

    fn take(&self) -> impl Future<Output = Self::Held<'_>> + Send {
        self.lock()
    }

    fn try_take(&self) -> Option<Self::Held<'_>> {
        self.try_lock()
    }
}

/// A semaphore with one permit.
pub(super) struct OnePermit<S>(S);

impl<S: AsyncSemaphore> Lock for OnePermit<S> {
    type Held<'a> = S::Permit<'a>;

    fn new() -> Self {
        OnePermit(S::new(1))
    }

    fn take(&self) -> impl Future<Output = Self::Held<'_>> + Send {
        self.0.acquire()
    }

    fn try_take(&self) -> Option<Self::Held<'_>> {
        self.0.try_acquire()
    }
}
