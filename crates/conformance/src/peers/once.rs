//! What a cell that is set once does.

use std::pin::Pin;

/// An initialiser at work. In a box, since the peers want different traits of what makes it.
pub type Init = Pin<Box<dyn Future<Output = Result<u64, u64>> + Send>>;

/// A value that is set once, asynchronously.
pub trait AsyncOnceCell: Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// Without a value.
    fn new() -> Self;

    /// The value, if it is set.
    fn get(&self) -> Option<u64>;

    /// The value, which `make` makes, or fails to make, if it is not set. The peer's own future.
    fn get_or_try_init(
        &self,
        make: impl FnOnce() -> Init + Send,
    ) -> impl Future<Output = Result<u64, u64>> + Send;
}

/// One can wait for the value without initialising it.
pub trait WaitingOnceCell: AsyncOnceCell {
    /// Waits for the value.
    fn wait(&self) -> impl Future<Output = u64> + Send;
}

/// Writes the implementation for a type that has everything under the usual names.
macro_rules! usual_once_cell {
    ($ty:ty, $name:literal) => {
        impl $crate::peers::AsyncOnceCell for $ty {
            const NAME: &'static str = $name;
            const PACKAGE: &'static str = $name;

            fn new() -> Self {
                Self::new()
            }

            fn get(&self) -> Option<u64> {
                self.get().copied()
            }

            async fn get_or_try_init(
                &self,
                make: impl FnOnce() -> $crate::peers::Init + Send,
            ) -> Result<u64, u64> {
                self.get_or_try_init(make).await.copied()
            }
        }
    };
}
pub(super) use usual_once_cell;
