//! What a semaphore does.

/// An asynchronous semaphore.
pub trait AsyncSemaphore: Send + Sync + Sized + 'static {
    /// Crate and, where there are several, policy.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// What the peer's future returns: a permit that is given back when dropped, or a `Result` of
    /// one.
    type Permit<'a>: Send;

    /// With so many permits, of which 63 is the most that every peer can have.
    fn new(permits: usize) -> Self;

    /// Waits for a permit. The peer's own future.
    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send;

    /// Takes a permit if that is possible at once.
    fn try_acquire(&self) -> Option<Self::Permit<'_>>;

    /// Whether the future returned an error instead of a permit.
    #[must_use]
    fn is_refusal(_permit: &Self::Permit<'_>) -> bool {
        false
    }
}

/// Several permits at a time.
pub trait WeightedSemaphore: AsyncSemaphore {
    /// Waits for `n` permits. The peer's own future.
    fn acquire_many(&self, n: usize) -> impl Future<Output = Self::Permit<'_>> + Send;

    /// Takes `n` permits if that is possible at once.
    fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>>;
}

/// Permits can be added while it is used.
pub trait GrowableSemaphore: AsyncSemaphore {
    /// Adds `n` permits.
    fn add_permits(&self, n: usize);
}

/// Permits can be taken away while they are out: the semaphore shrinks as they are given back.
pub trait ShrinkableSemaphore: AsyncSemaphore {
    /// Takes `n` permits away.
    fn remove_permits(&self, n: usize);
}

/// Can be closed: those who wait, now and later, are refused.
pub trait ClosableSemaphore: AsyncSemaphore {
    /// Closes it.
    fn close(&self);
}
