//! What events and barriers do.

/// Something that happens again and again, for one waiter at a time.
pub trait AsyncSignal: Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// It has not happened.
    fn new() -> Self;

    /// It happens. If nobody waits, the next wait ends at once.
    fn set(&self);

    /// Waits until it has happened, and forgets that it has.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// A signal that releases one waiter for each time, if several wait.
pub trait OneByOne: AsyncSignal {}

/// Something that happens once, for all.
pub trait AsyncGate: Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// Closed.
    fn new() -> Self;

    /// Open, for all who wait now. (Whoever comes later may wait for ever.)
    fn open(&self);

    /// Waits until it is opened. The peer's own future.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// All meet, again and again.
pub trait AsyncBarrier: Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// For so many.
    fn new(parties: usize) -> Self;

    /// Arrives, and waits for the others. Whether it is the one that leads. The peer's own future, if
    /// that tells.
    fn wait(&self) -> impl Future<Output = bool> + Send;
}
