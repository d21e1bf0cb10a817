//! Objects that are used again: [`Pool`], a cache that forgets; [`BucketPool`], buffers by size;
//! [`BoundedPool`], a fixed number.
//!
//! None of them waits, and none is for connections: an object that is given back may be dropped at any
//! time, without notice. For what must be closed or limited there is
//! [`ResourcePool`](crate::resource_pool).
//!
//! `shards` keeps the objects of a `Pool`, each shard with a `slot`; `pooled` is the guard of all pools,
//! and `rule` what becomes of an object that comes back.

mod bounded;
mod bucket;
mod cache;
#[cfg(all(test, loom))]
mod loom;
mod pooled;
mod rule;
mod shards;
mod slot;

pub use bounded::BoundedPool;
pub use bucket::{BucketBuffer, BucketPool, OwnedBucketBuffer};
pub use cache::Pool;
pub use pooled::{OwnedPooled, PoolOf, Pooled, PooledIn};
pub use rule::Size;
