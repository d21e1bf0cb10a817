//! Permits: given back on drop.
//!
//! Written once over what leads to the semaphore: a reference for the borrowed permits, an `Arc`
//! for the owned ones. The public names are aliases.

use core::fmt;
use core::mem;
use core::ops::Deref;

use super::Semaphore;

/// Some permits of a [`Semaphore`], given back on drop.
///
/// Spelt [`Permit`] or [`OwnedPermit`].
#[must_use = "if unused the permits are given back at once"]
#[clippy::has_significant_drop]
pub struct Permits<H: Deref<Target = Semaphore>> {
    semaphore: H,
    count: usize,
}

/// What [`Semaphore::acquire`] returns.
pub type Permit<'a> = Permits<&'a Semaphore>;

/// What [`Semaphore::acquire_owned`] returns.
#[cfg(feature = "alloc")]
pub type OwnedPermit = Permits<alloc::sync::Arc<Semaphore>>;

impl<H: Deref<Target = Semaphore>> Permits<H> {
    #[inline]
    pub(super) fn new(semaphore: H, count: usize) -> Self {
        Permits { semaphore, count }
    }

    /// How many permits these are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The semaphore that they belong to.
    #[must_use]
    pub fn semaphore(&self) -> &Semaphore {
        &self.semaphore
    }

    /// Takes `n` permits off into one of their own; `None` if there are not that many.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let semaphore = async_sync::Semaphore::new(10);
    /// let mut permits = semaphore.acquire_many(5).await.unwrap();
    /// let two = permits.split(2).unwrap();
    /// assert_eq!((permits.count(), two.count()), (3, 2));
    /// assert!(permits.split(4).is_none());
    /// drop(two);
    /// assert_eq!(semaphore.available(), 7);
    /// # });
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self>
    where
        H: Clone,
    {
        self.count = self.count.checked_sub(n)?;
        Some(Permits {
            semaphore: self.semaphore.clone(),
            count: n,
        })
    }

    /// Adds the permits of `other`.
    ///
    /// # Panics
    ///
    /// If `other` belongs to another semaphore.
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            core::ptr::eq(self.semaphore(), other.semaphore()),
            "permits of different semaphores cannot be merged"
        );
        self.count += mem::take(&mut other.count);
    }

    /// Gives the permits back one by one elsewhere: they stay taken until
    /// [`Semaphore::release`] is called for them. Returns how many they are.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let semaphore = async_sync::Semaphore::new(2);
    /// let taken = semaphore.acquire().await.unwrap().forget();
    /// assert_eq!(semaphore.available(), 1);
    /// semaphore.release(taken); // perhaps by another task
    /// assert_eq!(semaphore.available(), 2);
    /// # });
    /// ```
    pub fn forget(mut self) -> usize {
        // The destructor then gives back none, but an owned permit still lets go of its `Arc`.
        mem::take(&mut self.count)
    }
}

impl<H: Deref<Target = Semaphore>> Drop for Permits<H> {
    #[inline]
    fn drop(&mut self) {
        if self.count != 0 {
            self.semaphore.raw.release(self.count);
        }
    }
}

impl<H: Deref<Target = Semaphore>> fmt::Debug for Permits<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits")
            .field("count", &self.count)
            .finish()
    }
}
