//! [`BucketPool`]: buffers by size, in tiers of powers of two.
//!
//! # Tiers
//!
//! Tier *n* keeps buffers of a capacity from `min * 2^n` to below `min * 2^(n+1)`; the last one up to
//! `max`. A request goes to the first tier whose every buffer is large enough. What comes back goes
//! to the tier of its capacity, whatever it was given out for, so a buffer that has grown moves up.
//!
//! # Invariant
//!
//! Each buffer in tier *n* is empty and has a capacity of at least `min * 2^n`.

use std::fmt;
use std::sync::Arc;

use super::cache::Pool;
use super::pooled::{Back, OwnedPooled, PoolOf, Pooled, PooledIn};

/// Byte buffers of different sizes: [`get(size)`](Self::get) gives one of at least `size` bytes.
///
/// One pool for small and large buffers would hand out large ones for small needs. Here, tiers of 512,
/// 1024, 2048 bytes and so on have a [`Pool`] each. What is smaller than the first or larger than the
/// last is not kept, so a huge message does not leave its buffer behind. From Vitess.
///
/// ```
/// use async_sync::BucketPool;
///
/// let pool = BucketPool::new(512, 64 * 1024);
/// let mut buffer = pool.get(600);
/// assert!(buffer.is_empty() && buffer.capacity() >= 1024, "the tier of 1 KiB");
/// buffer.extend_from_slice(b"body");
/// drop(buffer);
/// assert!(pool.get(1000).is_empty(), "the same one, cleared");
///
/// drop(pool.get(1 << 20));
/// assert_eq!(pool.idle(), 1, "too large to be kept");
/// ```
#[doc(alias = "bucketpool")]
pub struct BucketPool {
    min: usize,
    max: usize,
    tiers: Box<[Pool<Vec<u8>>]>,
}

/// A buffer of a [`BucketPool`].
pub type BucketBuffer<'a> = Pooled<'a, Vec<u8>, BucketPool>;

/// A buffer that keeps the `Arc` of its [`BucketPool`].
pub type OwnedBucketBuffer = OwnedPooled<Vec<u8>, BucketPool>;

impl BucketPool {
    /// Tiers from `min` to `max` bytes, both rounded up to powers of two.
    ///
    /// # Panics
    ///
    /// If `min` is zero or more than `max`, or if there is no such power of two.
    #[must_use]
    pub fn new(min: usize, max: usize) -> Self {
        assert!(
            min != 0,
            "the smallest tier of a bucket pool is of zero bytes"
        );
        assert!(
            min <= max,
            "the smallest tier of a bucket pool, {min}, is larger than its largest, {max}"
        );
        let round = |size: usize| {
            size.checked_next_power_of_two()
                .expect("a power of two of that size")
        };
        let (min, max) = (round(min), round(max));
        let tiers = (max / min).ilog2() as usize + 1;
        BucketPool {
            min,
            max,
            tiers: (0..tiers).map(|_| Pool::new(Vec::new)).collect(),
        }
    }

    /// The sizes of the tiers, from the smallest.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tiers.len()).map(|tier| self.min << tier)
    }

    /// An empty buffer with a capacity of at least `size` bytes.
    ///
    /// One that is larger than the largest tier is made, and not kept.
    #[doc(alias = "Get")]
    pub fn get(&self, size: usize) -> BucketBuffer<'_> {
        PooledIn::new(self, self.take(size))
    }

    /// The same, with a guard that keeps the `Arc`.
    pub fn get_owned(self: Arc<Self>, size: usize) -> OwnedBucketBuffer {
        let buffer = self.take(size);
        PooledIn::new(self, buffer)
    }

    /// The same, left to the caller, who may [`put`](Self::put) it back.
    #[must_use]
    pub fn take(&self, size: usize) -> Vec<u8> {
        if size > self.max {
            return Vec::with_capacity(size);
        }
        // No overflow: at most `max`, which is a power of two.
        let size = size.max(self.min).next_power_of_two();
        let tier = &self.tiers[(size / self.min).ilog2() as usize];
        match tier.try_get() {
            Some(buffer) => PooledIn::take(buffer),
            None => Vec::with_capacity(size),
        }
    }

    /// Gives a buffer to the tier of its capacity. It is cleared.
    #[doc(alias = "Put")]
    pub fn put(&self, buffer: Vec<u8>) {
        Back::give(buffer, self);
    }

    /// Begins a new generation in each tier; see [`Pool::rotate`]. Returns how many were dropped.
    pub fn rotate(&self) -> usize {
        self.tiers.iter().map(Pool::rotate).sum()
    }

    /// Drops all buffers that are in the pool. Returns how many.
    pub fn clear(&self) -> usize {
        self.tiers.iter().map(Pool::clear).sum()
    }

    /// How many buffers are in the pool: a snapshot.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.tiers.iter().map(Pool::idle).sum()
    }
}

impl PoolOf<Vec<u8>> for BucketPool {
    fn wants(&self, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        (self.min..=self.max).contains(&buffer.capacity())
    }

    fn keep(&self, buffer: Back<'_, Vec<u8>>) {
        let buffer = buffer.take();
        let tier = (buffer.capacity() / self.min).ilog2();
        self.tiers[tier as usize].put(buffer);
    }
}

impl fmt::Debug for BucketPool {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.sizes().zip(self.tiers.iter().map(Pool::idle));
        f.debug_map().entries(idle).finish()
    }
}
