//! What a user may rely on without reading the code: sizes, allocations, auto traits, variance,
//! and what does not compile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::mem::size_of;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use async_sync::mutex::{
    Barging, Fifo, Lock, LockOwned, LockWhen, MappedMutexGuard, MutexGuard, MutexMetrics,
    OwnedMappedMutexGuard, OwnedMutexGuard, RawLock,
};
use async_sync::rwlock::{
    self, MappedRwLockReadGuard, MappedRwLockWriteGuard, OwnedMappedRwLockReadGuard,
    OwnedMappedRwLockWriteGuard, OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard,
    OwnedRwLockWriteGuard, RawLocking, RawRwLock, Read, ReadLocker, ReadMostly, ReadOwned, RwLock,
    RwLockMetrics, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard, UpgradableRead,
    Upgrade, Write, WriteOwned,
};
use async_sync::semaphore::{
    Acquire, AcquireError, AcquireOwned, OwnedPermit, Permit, SemaphoreMetrics, TryAcquireError,
};
use async_sync::wait_group::{OwnedToken, RawWait, Token, Tracked, Wait};
use async_sync::{Mutex, RawMutex, RawWaitGroup, Semaphore, WaitGroup};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// Counts what this thread allocates.
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

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert!(size_of::<Mutex<()>>() <= 24);
    assert!(size_of::<Lock<'_, ()>>() <= 64);
    assert!(size_of::<LockOwned<()>>() <= 64);
    assert!(size_of::<Semaphore>() <= 40);
    assert!(size_of::<Acquire<'_>>() <= 64);
    assert!(size_of::<AcquireOwned>() <= 64);
    assert!(size_of::<WaitGroup>() <= 24);
    assert!(size_of::<Wait<'_>>() <= 64);
    assert_eq!(size_of::<MutexGuard<'_, u64>>(), 8);
    assert_eq!(size_of::<OwnedMutexGuard<u64>>(), 8);
    assert_eq!(size_of::<Permit<'_>>(), 16);
    assert_eq!(size_of::<Token<'_>>(), 8);
    fn size_of_future<F>(_: &F) -> usize {
        size_of::<F>()
    }
    let mutex = Mutex::new(());
    assert!(size_of_future(&mutex.lock_when(|()| true)) <= 96);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes_of_the_rwlock() {
    assert!(size_of::<RwLock<()>>() <= 40);
    assert!(size_of::<RwLock<(), rwlock::Fifo>>() <= 40);
    assert!(size_of::<RawRwLock>() <= 40);
    assert!(size_of::<Read<'_, ()>>() <= 64);
    assert!(size_of::<Write<'_, ()>>() <= 64);
    assert!(size_of::<UpgradableRead<'_, ()>>() <= 64);
    assert!(size_of::<ReadOwned<()>>() <= 64);
    assert!(size_of::<WriteOwned<()>>() <= 64);
    assert!(size_of::<RawLocking<'_>>() <= 64);
    assert!(size_of::<Upgrade<&'static RwLock<()>>>() <= 72);
    assert_eq!(size_of::<RwLockReadGuard<'_, u64>>(), 8);
    assert_eq!(size_of::<RwLockWriteGuard<'_, u64>>(), 8);
    assert_eq!(size_of::<RwLockUpgradableReadGuard<'_, u64>>(), 8);
    assert_eq!(size_of::<OwnedRwLockReadGuard<u64>>(), 8);
    assert_eq!(size_of::<MappedRwLockReadGuard<'_, u64>>(), 16);
    // Eight pairs of cache lines, and one for the rest.
    assert!(size_of::<RwLock<(), ReadMostly>>() <= 9 * 128);
}

#[test]
fn nothing_is_allocated_by_an_rwlock() {
    fn check<P: rwlock::Policy>() {
        let lock = RwLock::<_, P>::with_policy(0);
        let mut cx = Context::from_waker(Waker::noop());
        let count = allocations(|| {
            let held = lock.try_write().unwrap();
            let mut reads = [const { None }; 20].map(|_: Option<()>| Some(lock.read()));
            for read in &mut reads {
                // SAFETY: the array does not move until it is dropped.
                let read = unsafe { std::pin::Pin::new_unchecked(read.as_mut().unwrap()) };
                assert!(read.poll(&mut cx).is_pending());
            }
            let mut write = std::pin::pin!(lock.write());
            assert!(write.as_mut().poll(&mut cx).is_pending());
            let mut cancelled = std::pin::pin!(Some(lock.upgradable_read()));
            let polled = cancelled.as_mut().as_pin_mut().unwrap().poll(&mut cx);
            assert!(polled.is_pending());
            cancelled.set(None);
            drop(RwLockWriteGuard::downgrade(held)); // grants
            for read in &mut reads {
                *read = None;
            }
            assert!(write.as_mut().poll(&mut cx).is_ready());
            let up = lock.try_upgradable_read().unwrap();
            let reader = lock.try_read().unwrap();
            let mut upgrade = std::pin::pin!(RwLockUpgradableReadGuard::upgrade(up));
            assert!(upgrade.as_mut().poll(&mut cx).is_pending());
            drop(reader);
            assert!(upgrade.as_mut().poll(&mut cx).is_ready());
        });
        assert_eq!(count, 0);
        assert!(lock.try_write().is_some());
    }
    check::<rwlock::WritePreferring>();
    check::<rwlock::ReadPreferring>();
    check::<rwlock::Fifo>();
    check::<ReadMostly>();
}

#[test]
fn nothing_is_allocated_to_wait_to_wake_or_to_leave() {
    let mutex = Mutex::new(0);
    let fifo = Mutex::<_, Fifo>::with_policy(());
    let semaphore = Arc::new(Semaphore::new(40));
    let group = Arc::new(WaitGroup::new());
    let mut cx = Context::from_waker(Waker::noop());
    let count = allocations(|| {
        let guard = mutex.try_lock().unwrap();
        let fifo_guard = fifo.try_lock().unwrap();
        let permits = Arc::clone(&semaphore).try_acquire_many_owned(40).unwrap();
        let token = group.add_owned();
        for _ in 0..3 {
            let mut lock = std::pin::pin!(mutex.lock());
            let mut cancelled = std::pin::pin!(Some(fifo.lock()));
            let mut when = std::pin::pin!(mutex.lock_when(|n| *n > 0));
            let mut fifo_lock = std::pin::pin!(fifo.lock());
            let mut acquire = std::pin::pin!(Arc::clone(&semaphore).acquire_many_owned(2));
            let mut wait = std::pin::pin!(group.wait());
            assert!(lock.as_mut().poll(&mut cx).is_pending());
            assert!(
                cancelled
                    .as_mut()
                    .as_pin_mut()
                    .unwrap()
                    .poll(&mut cx)
                    .is_pending()
            );
            assert!(when.as_mut().poll(&mut cx).is_pending());
            assert!(fifo_lock.as_mut().poll(&mut cx).is_pending());
            assert!(acquire.as_mut().poll(&mut cx).is_pending());
            assert!(wait.as_mut().poll(&mut cx).is_pending());
            cancelled.set(None);
        }
        drop((guard, fifo_guard, permits, token));
        assert!(std::pin::pin!(mutex.lock()).poll(&mut cx).is_ready());
        assert!(std::pin::pin!(group.wait()).poll(&mut cx).is_ready());
    });
    assert_eq!(count, 0);
}

#[test]
fn blocking_allocates_once_for_a_thread() {
    let mutex = Mutex::new(());
    std::thread::spawn(move || {
        drop(mutex.lock_blocking());
        // The first wait of a thread makes its waker.
        drop(sync_core::park::block_on(mutex.lock()));
        let count = allocations(|| {
            for _ in 0..10 {
                drop(sync_core::park::block_on(mutex.lock()));
            }
        });
        assert_eq!(count, 0);
    })
    .join()
    .unwrap();
}

type NotSync = Cell<u8>;
type NotSend = Rc<u8>;
/// May be looked at from other threads, and not be moved there.
type SyncOnly = std::sync::MutexGuard<'static, u8>;

// Locks: as `std::sync::Mutex`.
assert_impl_all!(Mutex<NotSync>: Send, Sync);
assert_impl_all!(Mutex<str>: Send, Sync);
assert_not_impl_any!(Mutex<NotSend>: Send, Sync);
assert_impl_all!(RawMutex: Send, Sync, Unpin);
assert_impl_all!(Mutex<u8, Barging>: Send, Sync, Unpin, Default);
assert_impl_all!(Mutex<u8>: From<u8>);
assert_impl_all!(Semaphore: Send, Sync, Unpin);
assert_impl_all!(WaitGroup: Send, Sync, Unpin, Default);
assert_impl_all!(RawWaitGroup: Send, Sync, Unpin, Default);

// A reader-writer lock: as `std::sync::RwLock`. Readers look at the value from several threads.
assert_impl_all!(RwLock<u8>: Send, Sync, Unpin, Default, From<u8>);
assert_impl_all!(RwLock<str>: Send, Sync);
assert_impl_all!(RwLock<NotSync>: Send);
assert_not_impl_any!(RwLock<NotSync>: Sync);
assert_not_impl_any!(RwLock<NotSend>: Send, Sync);
// Sync and not Send: the lock gives the value out, too.
assert_not_impl_any!(RwLock<SyncOnly>: Send, Sync);
assert_impl_all!(RawRwLock: Send, Sync, Unpin, Default);
assert_impl_all!(RwLock<u8, ReadMostly>: Send, Sync, Unpin, Default);
assert_impl_all!(RwLockReadGuard<'static, u8>: Send, Sync, Unpin);
assert_impl_all!(RwLockWriteGuard<'static, u8>: Send, Sync, Unpin);
assert_impl_all!(RwLockUpgradableReadGuard<'static, u8>: Send, Sync, Unpin);
assert_not_impl_any!(RwLockReadGuard<'static, NotSync>: Send, Sync);
assert_not_impl_any!(RwLockWriteGuard<'static, NotSync>: Sync);
assert_not_impl_any!(RwLockReadGuard<'static, NotSend>: Send, Sync);
assert_not_impl_any!(RwLockWriteGuard<'static, NotSend>: Send, Sync);
assert_not_impl_any!(RwLockWriteGuard<'static, SyncOnly>: Send);
assert_not_impl_any!(RwLockUpgradableReadGuard<'static, SyncOnly>: Send);
assert_impl_all!(OwnedRwLockReadGuard<u8>: Send, Sync, Unpin);
assert_impl_all!(OwnedRwLockWriteGuard<u8>: Send, Sync, Unpin);
assert_impl_all!(OwnedRwLockUpgradableReadGuard<u8>: Send, Sync, Unpin);
assert_not_impl_any!(OwnedRwLockReadGuard<NotSync>: Send, Sync);
assert_not_impl_any!(OwnedRwLockWriteGuard<NotSend>: Send, Sync);
// Parts: as `&U` and `&mut U`. What is owned is dropped where the guard is.
assert_impl_all!(MappedRwLockReadGuard<'static, u8>: Send, Sync, Unpin);
assert_not_impl_any!(MappedRwLockReadGuard<'static, NotSync>: Send, Sync);
assert_impl_all!(MappedRwLockReadGuard<'static, SyncOnly>: Send, Sync);
assert_impl_all!(MappedRwLockWriteGuard<'static, u8>: Send, Sync, Unpin);
assert_impl_all!(MappedRwLockWriteGuard<'static, NotSync>: Send);
assert_not_impl_any!(MappedRwLockWriteGuard<'static, NotSync>: Sync);
assert_not_impl_any!(MappedRwLockWriteGuard<'static, NotSend>: Send, Sync);
assert_not_impl_any!(MappedRwLockWriteGuard<'static, SyncOnly>: Send);
assert_not_impl_any!(OwnedMappedRwLockReadGuard<NotSend, u8>: Send, Sync);
assert_not_impl_any!(OwnedMappedRwLockReadGuard<NotSync, u8>: Send, Sync);
assert_not_impl_any!(OwnedMappedRwLockWriteGuard<NotSend, u8>: Send, Sync);
assert_not_impl_any!(OwnedMappedRwLockWriteGuard<u8, NotSync>: Sync);
assert_impl_all!(OwnedMappedRwLockWriteGuard<u8, NotSync>: Send);
assert_impl_all!(Read<'static, u8>: Send, Sync);
assert_not_impl_any!(Read<'static, NotSync>: Send);
assert_not_impl_any!(Read<'static, u8>: Unpin, Clone);
assert_not_impl_any!(Write<'static, NotSend>: Send);
assert_not_impl_any!(Write<'static, u8>: Unpin, Clone);
assert_not_impl_any!(UpgradableRead<'static, u8>: Unpin, Clone);
assert_impl_all!(ReadOwned<u8>: Send, Sync);
assert_not_impl_any!(WriteOwned<u8>: Unpin, Clone);
assert_impl_all!(Upgrade<&'static RwLock<u8>>: Send, Sync);
assert_not_impl_any!(Upgrade<&'static RwLock<NotSend>>: Send);
assert_not_impl_any!(Upgrade<&'static RwLock<u8>>: Unpin, Clone);
assert_impl_all!(RawLocking<'static>: Send, Sync);
assert_not_impl_any!(RawLocking<'static>: Unpin, Clone);
assert_impl_all!(ReadLocker<'static, u8>: Send, Sync, Copy);
assert_not_impl_any!(RwLock<u8>: Clone, Copy);
assert_not_impl_any!(RawRwLock: Clone, Copy);
assert_not_impl_any!(RwLockReadGuard<'static, u8>: Clone);
assert_not_impl_any!(RwLockWriteGuard<'static, u8>: Clone);
assert_not_impl_any!(RwLockUpgradableReadGuard<'static, u8>: Clone);
assert_not_impl_any!(MappedRwLockWriteGuard<'static, u8>: Clone);
// What only reads gives no `&mut` out.
assert_not_impl_any!(RwLockReadGuard<'static, u8>: std::ops::DerefMut);
assert_not_impl_any!(RwLockUpgradableReadGuard<'static, u8>: std::ops::DerefMut);
assert_not_impl_any!(MappedRwLockReadGuard<'static, u8>: std::ops::DerefMut);
assert_impl_all!(RwLockMetrics: Copy, PartialEq, Send, Sync, Unpin);

// Guards may be sent to another task; they are shared only if their value may be.
assert_impl_all!(MutexGuard<'static, NotSync>: Send, Unpin);
assert_not_impl_any!(MutexGuard<'static, NotSync>: Sync);
assert_impl_all!(MutexGuard<'static, u8>: Send, Sync);
assert_not_impl_any!(MutexGuard<'static, NotSend>: Send, Sync);
assert_impl_all!(OwnedMutexGuard<NotSync>: Send, Unpin);
assert_not_impl_any!(OwnedMutexGuard<NotSync>: Sync);
assert_not_impl_any!(OwnedMutexGuard<NotSend>: Send, Sync);
assert_impl_all!(OwnedMutexGuard<u8>: Send, Sync);
assert_impl_all!(MappedMutexGuard<'static, NotSync>: Send, Unpin);
assert_not_impl_any!(MappedMutexGuard<'static, NotSync>: Sync);
assert_not_impl_any!(MappedMutexGuard<'static, NotSend>: Send, Sync);
assert_impl_all!(MappedMutexGuard<'static, u8>: Send, Sync);
assert_not_impl_any!(OwnedMappedMutexGuard<NotSend, u8>: Send, Sync);
assert_not_impl_any!(OwnedMappedMutexGuard<u8, NotSync>: Sync);
assert_impl_all!(OwnedMappedMutexGuard<u8, NotSync>: Send);
assert_impl_all!(Permit<'static>: Send, Sync, Unpin);
assert_impl_all!(OwnedPermit: Send, Sync, Unpin);
assert_impl_all!(Token<'static>: Send, Sync, Unpin, Clone);
assert_impl_all!(OwnedToken: Send, Sync, Unpin, Clone);

// Futures have a place in a queue: they do not move once polled.
assert_impl_all!(Lock<'static, NotSync>: Send);
assert_not_impl_any!(Lock<'static, NotSend>: Send);
assert_not_impl_any!(Lock<'static, u8>: Unpin, Clone);
assert_impl_all!(LockOwned<NotSync>: Send, Sync);
assert_not_impl_any!(LockOwned<u8>: Unpin);
assert_impl_all!(LockWhen<'static, u8, Fifo, fn(&u8) -> bool>: Send);
assert_not_impl_any!(LockWhen<'static, u8, Fifo, fn(&u8) -> bool>: Unpin);
assert_impl_all!(RawLock<'static>: Send, Sync);
assert_not_impl_any!(RawLock<'static>: Unpin);
assert_impl_all!(Acquire<'static>: Send, Sync);
assert_not_impl_any!(Acquire<'static>: Unpin);
assert_impl_all!(AcquireOwned: Send, Sync);
assert_not_impl_any!(AcquireOwned: Unpin);
assert_impl_all!(Wait<'static>: Send, Sync);
assert_not_impl_any!(Wait<'static>: Unpin);
assert_impl_all!(RawWait<'static>: Send);
assert_impl_all!(Tracked<std::future::Ready<u8>>: Send, Unpin);

// SPEC A4: nothing that is used in place can be copied.
assert_not_impl_any!(Mutex<u8>: Clone, Copy);
assert_not_impl_any!(Semaphore: Clone, Copy);
assert_not_impl_any!(WaitGroup: Clone, Copy);
assert_not_impl_any!(RawMutex: Clone, Copy);
assert_not_impl_any!(RawWaitGroup: Clone, Copy);
assert_not_impl_any!(MutexGuard<'static, u8>: Clone);
assert_not_impl_any!(OwnedMutexGuard<u8>: Clone);
assert_not_impl_any!(MappedMutexGuard<'static, u8>: Clone);
assert_not_impl_any!(OwnedMappedMutexGuard<u8, u8>: Clone);
assert_not_impl_any!(Permit<'static>: Clone);
assert_not_impl_any!(OwnedPermit: Clone);
assert_not_impl_any!(LockOwned<u8>: Clone);
assert_not_impl_any!(RawLock<'static>: Clone);
assert_not_impl_any!(Acquire<'static>: Clone);
assert_not_impl_any!(AcquireOwned: Clone);
assert_not_impl_any!(Wait<'static>: Clone);
assert_not_impl_any!(Tracked<std::future::Ready<u8>>: Clone);

// What is told about a primitive may go anywhere.
assert_impl_all!(AcquireError: std::error::Error, Clone, PartialEq, Send, Sync, Unpin);
assert_impl_all!(TryAcquireError: std::error::Error, Clone, PartialEq, Send, Sync, Unpin);
assert_impl_all!(MutexMetrics: Copy, PartialEq, Send, Sync, Unpin);
assert_impl_all!(SemaphoreMetrics: Copy, PartialEq, Send, Sync, Unpin);

/// Lifetimes of borrowed things shrink where they may.
#[allow(dead_code, reason = "compiling is the test")]
fn variance<'short, 'long: 'short>(
    guard: MutexGuard<'long, u8>,
    permit: Permit<'long>,
    token: Token<'long>,
    lock: Lock<'long, u8>,
) -> (
    MutexGuard<'short, u8>,
    Permit<'short>,
    Token<'short>,
    Lock<'short, u8>,
) {
    (guard, permit, token, lock)
}

/// The same for what is left of a value's type, and for the other futures.
#[allow(dead_code, reason = "compiling is the test")]
fn more_variance<'short, 'long: 'short>(
    mapped: MappedMutexGuard<'long, u8>,
    raw: RawLock<'long>,
    acquire: Acquire<'long>,
    wait: Wait<'long>,
) -> (
    MappedMutexGuard<'short, u8>,
    RawLock<'short>,
    Acquire<'short>,
    Wait<'short>,
) {
    (mapped, raw, acquire, wait)
}

/// The same for the reader-writer lock's own.
#[allow(dead_code, reason = "compiling is the test")]
fn variance_of_its_future<'short, 'long: 'short>(raw: RawLocking<'long>) -> RawLocking<'short> {
    raw
}

/// The same for its guards.
#[allow(dead_code, reason = "compiling is the test")]
fn variance_of_the_rwlock<'short, 'long: 'short>(
    reads: RwLockReadGuard<'long, u8>,
    writes: RwLockWriteGuard<'long, u8>,
    may_upgrade: RwLockUpgradableReadGuard<'long, u8>,
    part: MappedRwLockReadGuard<'long, u8>,
    part_to_write: MappedRwLockWriteGuard<'long, u8>,
    locker: ReadLocker<'long, u8>,
) {
    let _: RwLockReadGuard<'short, u8> = reads;
    let _: RwLockWriteGuard<'short, u8> = writes;
    let _: RwLockUpgradableReadGuard<'short, u8> = may_upgrade;
    let _: MappedRwLockReadGuard<'short, u8> = part;
    let _: MappedRwLockWriteGuard<'short, u8> = part_to_write;
    let _: ReadLocker<'short, u8> = locker;
}

#[test]
fn dyn_values_and_statics() {
    static STATIC: Mutex<RefCell<Vec<u8>>> = Mutex::new(RefCell::new(Vec::new()));
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    static GROUP: WaitGroup = WaitGroup::new();
    STATIC.lock_blocking().borrow_mut().push(1);
    drop(SEMAPHORE.acquire_blocking());
    GROUP.wait_blocking();
    static TABLE: RwLock<Vec<u8>, ReadMostly> = RwLock::with_policy(Vec::new());
    TABLE.write_blocking().push(1);
    assert_eq!(*TABLE.read_blocking(), [1]);
    let shown: Arc<RwLock<dyn Fn() -> u8 + Send + Sync>> = Arc::new(RwLock::new(|| 7));
    assert_eq!((shown.read_blocking())(), 7);
    let unsized_value: Arc<Mutex<dyn Fn() -> u8 + Send>> = Arc::new(Mutex::new(|| 7));
    assert_eq!((unsized_value.lock_blocking())(), 7);
    assert_eq!((Arc::clone(&unsized_value).lock_owned_blocking())(), 7);
}

#[cfg(not(miri))]
#[test]
fn what_does_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/compile_fail/*.rs");
}
