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
use async_sync::semaphore::{
    Acquire, AcquireError, AcquireOwned, OwnedPermit, Permit, SemaphoreMetrics, TryAcquireError,
};
use async_sync::wait_group::{OwnedToken, RawWait, Token, Tracked, Wait};
use async_sync::{Cond, Mutex, RawMutex, RawWaitGroup, Semaphore, WaitGroup, cond};
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
    assert!(size_of::<Cond>() <= 40);
    assert!(size_of::<CondWait<'_, u64>>() <= 96);
    assert!(size_of::<cond::Wait<'_, OwnedMutexGuard<u64>>>() <= 96);
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

/// Nor to go from a condition variable to its lock, alone or in company.
#[test]
fn nothing_is_allocated_to_be_called() {
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut cx = Context::from_waker(Waker::noop());
    let count = allocations(|| {
        for company in [false, true] {
            let mut first = std::pin::pin!(cond.wait(mutex.try_lock().unwrap()));
            assert!(first.as_mut().poll(&mut cx).is_pending());
            let mut second = std::pin::pin!(cond.wait(mutex.try_lock().unwrap()));
            assert!(second.as_mut().poll(&mut cx).is_pending());
            let mut third =
                std::pin::pin!(Some(cond.wait_while(mutex.try_lock().unwrap(), |_| true)));
            assert!(
                third
                    .as_mut()
                    .as_pin_mut()
                    .unwrap()
                    .poll(&mut cx)
                    .is_pending()
            );
            if company {
                cond.notify_all();
                assert!(second.as_mut().poll(&mut cx).is_pending());
            } else {
                cond.notify_one();
            }
            third.set(None);
            assert!(first.poll(&mut cx).is_ready());
            cond.notify_one();
            assert!(second.poll(&mut cx).is_ready());
        }
    });
    assert_eq!(count, 0);
}

type CondWait<'a, T> = cond::Wait<'a, MutexGuard<'a, T>>;

assert_impl_all!(Cond: Send, Sync, Unpin, Default);
assert_not_impl_any!(Cond: Clone, Copy);
assert_impl_all!(CondWait<'static, NotSync>: Send);
assert_not_impl_any!(CondWait<'static, NotSend>: Send);
assert_not_impl_any!(CondWait<'static, u8>: Unpin, Clone);
assert_impl_all!(cond::Wait<'static, OwnedMutexGuard<NotSync>>: Send);
assert_not_impl_any!(cond::Wait<'static, OwnedMutexGuard<NotSend>>: Send);
assert_impl_all!(cond::WaitWhile<'static, MutexGuard<'static, u8>, fn(&mut u8) -> bool>: Send);

/// A future that waits may be sent, whatever it borrows: as `tokio::spawn` asks.
#[allow(dead_code, reason = "compiling is the test")]
fn waits_can_be_spawned(shared: Arc<(Mutex<u8>, Cond)>) {
    fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
    spawn(async move {
        let guard = shared.0.lock().await;
        let guard = shared.1.wait(guard).await;
        drop(shared.1.wait_while(guard, |n| *n == 0).await);
    });
}

type NotSync = Cell<u8>;
type NotSend = Rc<u8>;

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

#[test]
fn dyn_values_and_statics() {
    static STATIC: Mutex<RefCell<Vec<u8>>> = Mutex::new(RefCell::new(Vec::new()));
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    static GROUP: WaitGroup = WaitGroup::new();
    static COND: Cond = Cond::new();
    STATIC.lock_blocking().borrow_mut().push(1);
    drop(SEMAPHORE.acquire_blocking());
    GROUP.wait_blocking();
    assert_eq!(COND.notify_all(), 0);
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
