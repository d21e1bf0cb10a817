//! Sizes, allocations, auto traits and variance of the maps and pools.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::size_of;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use async_sync::keyed::{KeyedGuard, KeyedLock, KeyedLockOwned, OwnedKeyedGuard};
use async_sync::map::GetOrCompute;
use async_sync::pool::{BucketBuffer, OwnedPooled, Pooled};
use async_sync::resource_pool::{Lease, Manager, OwnedLease, Status, Usage};
use async_sync::{
    BoundedPool, BoundedQueue, BucketPool, KeyedMutex, Map, Pool, Queue, ResourcePool,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(f: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    f();
    ALLOCATIONS.with(Cell::get) - before
}

struct Plain;
impl Manager for Plain {
    type Resource = u64;
    type Error = ();
    async fn create(&self) -> Result<u64, ()> {
        Ok(1)
    }
}

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert!(size_of::<KeyedLock<'_, u64>>() <= 80);
    assert!(size_of::<KeyedLockOwned<u64>>() <= 80);
    assert_eq!(size_of::<KeyedGuard<'_, u64>>(), 16);
    assert!(size_of::<KeyedMutex<u64>>() <= 32 * 64 + 64);
    assert!(size_of::<Pooled<'_, Vec<u8>, Pool<Vec<u8>>>>() <= 32);
    assert!(size_of::<Pool<Vec<u8>>>() <= 17 * 128);
    assert!(size_of::<BoundedPool<Vec<u8>>>() <= 112);
}

/// A key that is in use costs its later callers nothing, however they end.
#[test]
fn nothing_is_allocated_to_wait_for_a_key() {
    let mutex = Arc::new(KeyedMutex::<u64>::new());
    let mut cx = Context::from_waker(Waker::noop());
    let first = mutex.try_lock(1).unwrap();
    let count = allocations(|| {
        for _ in 0..3 {
            let mut waits = pin!(mutex.lock(1));
            let mut owned = pin!(Some(Arc::clone(&mutex).lock_owned(1)));
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            let polled = owned.as_mut().as_pin_mut().unwrap().poll(&mut cx);
            assert!(polled.is_pending() && mutex.try_lock(1).is_none());
            owned.set(None);
        }
        drop(first);
    });
    assert_eq!(count, 0);
    assert!(mutex.is_empty());
    drop(mutex.try_lock(1));
    assert_eq!(
        allocations(|| drop(mutex.try_lock(1))),
        1,
        "the entry, and no more"
    );
}

#[test]
fn nothing_is_allocated_to_read_a_map_or_to_use_a_pool() {
    let map = Map::<u64, u64>::new();
    map.store(1, 1);
    let pool: Pool<u64> = Pool::new(|| 0);
    let bounded: BoundedPool<u64> = BoundedPool::new(4, || 0);
    let buckets = BucketPool::new(16, 1024);
    let ring = BoundedQueue::new(4);
    let resources = ResourcePool::new(Plain, 1);
    let mut cx = Context::from_waker(Waker::noop());
    let mut round = || {
        assert_eq!(map.load(&1), Some(1));
        drop((pool.get(), pool.get(), bounded.get(), buckets.get(100)));
        ring.push(1).unwrap();
        assert_eq!(ring.pop(), Some(1));
        let mut get = pin!(resources.get());
        let std::task::Poll::Ready(Ok(lease)) = get.as_mut().poll(&mut cx) else {
            panic!("a resource")
        };
        let mut waits = pin!(Some(resources.get()));
        let mut leaves = pin!(Some(resources.get()));
        let mut poll = |future: std::pin::Pin<&mut Option<_>>| {
            let polled = std::future::Future::poll(future.as_pin_mut().unwrap(), &mut cx);
            polled.is_ready()
        };
        assert!(!poll(waits.as_mut()));
        let _: &mut dyn FnMut() = &mut || {};
        leaves.set(None);
        drop(lease);
        assert!(poll(waits.as_mut()));
    };
    round(); // the first makes the objects
    assert_eq!(allocations(round), 0);
}

type Never = Rc<u8>;
type NotSync = Cell<u8>;

assert_impl_all!(KeyedMutex<u8>: Send, Sync, Unpin);
assert_impl_all!(KeyedLock<'static, u8>: Send);
assert_impl_all!(KeyedLockOwned<u8>: Send);
assert_impl_all!(KeyedGuard<'static, u8>: Send, Sync);
assert_impl_all!(OwnedKeyedGuard<u8>: Send, Sync, Unpin);
assert_not_impl_any!(KeyedMutex<Never>: Send, Sync);
assert_not_impl_any!(KeyedGuard<'static, NotSync>: Send, Sync);
assert_impl_all!(Map<u8, u8>: Send, Sync, Unpin);
assert_not_impl_any!(Map<u8, Never>: Send, Sync);
assert_not_impl_any!(Map<Never, u8>: Send, Sync);
type Make = fn() -> std::future::Ready<u8>;
assert_impl_all!(GetOrCompute<'static, u8, u8, std::hash::RandomState, Make, std::future::Ready<u8>>: Send);
assert_impl_all!(Pool<NotSync>: Send, Sync, Unpin);
assert_not_impl_any!(Pool<Never>: Send, Sync);
assert_not_impl_any!(Pool<u8, Never>: Send, Sync);
assert_impl_all!(BoundedPool<NotSync>: Send, Sync, Unpin);
assert_not_impl_any!(BoundedPool<Never>: Send, Sync);
assert_impl_all!(Pooled<'static, u8, Pool<u8>>: Send, Sync);
assert_impl_all!(OwnedPooled<u8, Pool<u8>>: Send, Sync, Unpin);
assert_not_impl_any!(Pooled<'static, Never, Pool<Never>>: Send, Sync);
assert_impl_all!(BucketPool: Send, Sync, Unpin);
assert_impl_all!(BucketBuffer<'static>: Send, Sync);
assert_impl_all!(Queue<NotSync>: Send, Sync, Unpin);
assert_impl_all!(BoundedQueue<NotSync>: Send, Sync, Unpin);
assert_not_impl_any!(Queue<Never>: Send, Sync);
assert_impl_all!(ResourcePool<Plain>: Send, Sync, Unpin);
assert_impl_all!(Lease<'static, Plain>: Send, Sync, Unpin);
assert_impl_all!(OwnedLease<Plain>: Send, Sync, Unpin);
assert_impl_all!(Usage: Send, Sync, Copy);
assert_impl_all!(Status: Send, Sync, Copy);

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn futures_without_names_can_be_sent() {
    let pool = Arc::new(ResourcePool::new(Plain, 1));
    drop(is_send(pool.get()));
    drop(is_send(Arc::clone(&pool).get_owned()));
    drop(is_send(pool.fill()));
    drop(is_send(pool.maintain()));
    drop(is_send(pool.closed()));
}

#[allow(clippy::type_complexity, reason = "each of them once")]
fn variance<'short, 'long: 'short>(
    guard: KeyedGuard<'long, u8>,
    lock: KeyedLock<'long, u8>,
    pooled: Pooled<'long, u8, Pool<u8>>,
    lease: Lease<'long, Plain>,
) -> (
    KeyedGuard<'short, u8>,
    KeyedLock<'short, u8>,
    Pooled<'short, u8, Pool<u8>>,
    Lease<'short, Plain>,
) {
    (guard, lock, pooled, lease)
}

#[test]
fn statics() {
    static POOL: Pool<String> = Pool::new(String::new).max_size(10);
    static BOUNDED: BoundedPool<String> =
        BoundedPool::new(3, String::new).keep_if(String::is_empty);
    static QUEUE: Queue<u8> = Queue::new();
    QUEUE.push(1);
    drop((POOL.get(), BOUNDED.get()));
    assert_eq!((POOL.idle(), BOUNDED.idle(), QUEUE.len()), (1, 1, 1));
    let _ = variance;
}

#[cfg(not(miri))]
#[test]
fn what_does_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/compile_fail_data/*.rs");
}

/// What a panic finds whole, so that it may be used on both sides of `catch_unwind`.
mod unwind {
    use std::panic::{RefUnwindSafe, UnwindSafe};

    use super::*;

    /// What is inside takes no part in it: it is moved only.
    type Any = Cell<u8>;

    assert_impl_all!(KeyedMutex<u8>: UnwindSafe, RefUnwindSafe);
    assert_impl_all!(Map<u8, u8>: UnwindSafe, RefUnwindSafe);
    assert_impl_all!(Pool<Any>: UnwindSafe, RefUnwindSafe);
    assert_impl_all!(BoundedPool<Any>: UnwindSafe, RefUnwindSafe);
    assert_impl_all!(BucketPool: UnwindSafe, RefUnwindSafe);
    assert_impl_all!(Queue<u8>: UnwindSafe, RefUnwindSafe);
    assert_impl_all!(BoundedQueue<u8>: UnwindSafe, RefUnwindSafe);
}
