//! What a user may rely on without reading the code: sizes, allocations, auto traits, variance,
//! and what does not compile.

#[cfg(feature = "context")]
#[path = "contracts/context.rs"]
mod context;
#[path = "contracts/unwind.rs"]
mod unwind;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::mem::size_of;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

#[cfg(feature = "single-flight")]
use async_sync::SingleFlight;
use async_sync::barrier::{BarrierWaitResult, BrokenBarrier};
use async_sync::event::{AutoWait, AutoWaitOwned, Listen, ListenOwned};
use async_sync::lock_all::{LockAll, LockAllBackingOff};
use async_sync::locker::{AcquireLock, RawMutexGuard, RawMutexLock};
use async_sync::mutex::{
    Barging, Fifo, Lock, LockOwned, LockWhen, MappedMutexGuard, MutexGuard, MutexMetrics,
    OwnedMappedMutexGuard, OwnedMutexGuard, RawLock,
};
use async_sync::once::{
    Boxed, CallOnce, CallOnceTry, Force, GetOrInit, GetOrTryInit, InProgress, Lazy, Once, OnceCell,
    SetError, WaitDone, WaitSet,
};
use async_sync::reentrant::{
    OwnedReentrantMutexGuard, RawReentrantLock, ReentrantLock, ReentrantLockOwned,
    ReentrantMutexGuard, ZeroOwner,
};
use async_sync::rwlock::{
    self, MappedRwLockReadGuard, MappedRwLockWriteGuard, OwnedMappedRwLockReadGuard,
    OwnedMappedRwLockWriteGuard, OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard,
    OwnedRwLockWriteGuard, RawLocking, RawRwLock, Read, ReadLocker, ReadMostly, ReadOwned, RwLock,
    RwLockMetrics, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard, UpgradableRead,
    Upgrade, Write, WriteOwned,
};
use async_sync::select;
use async_sync::select::{Maybe, Next, Repeat, Select, SelectAll, SelectSet, repeat, select_all};
use async_sync::semaphore::{
    Acquire, AcquireError, AcquireOwned, OwnedPermit, Permit, SemaphoreMetrics, TryAcquireError,
};
#[cfg(feature = "single-flight")]
use async_sync::single_flight::{
    Caught, Failure, Joined, JoinedOwned, Outcome, Panicked, Run, RunOwned,
};
use async_sync::wait_group::{OwnedToken, RawWait, Token, Tracked, Wait};
use async_sync::{
    AutoEvent, Barrier, Cond, Event, Latch, Locker, Mutex, Notify, OwnerId, RawMutex,
    RawReentrantMutex, RawWaitGroup, ReentrantMutex, Semaphore, WaitGroup, barrier, cond, event,
    latch, lock_all,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use sync_core::clock;

#[path = "contract/broadcast.rs"]
mod broadcast;
#[path = "contract/channel.rs"]
mod channel;

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

/// Time stands still meanwhile: on a slow machine a promise would be taken back.
fn allocations(f: impl FnOnce()) -> usize {
    let real = clock::set_virtual(Some(1));
    let before = ALLOCATIONS.with(Cell::get);
    f();
    let count = ALLOCATIONS.with(Cell::get) - before;
    clock::set_virtual(real);
    count
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
    assert!(size_of::<Latch>() <= 24);
    assert!(size_of::<latch::Wait<'_>>() <= 64);
    assert!(size_of::<latch::CountDownAndWait<'_>>() <= 72);
    assert!(size_of::<Event>() <= 24);
    assert!(size_of::<event::Wait<'_>>() <= 64);
    assert!(size_of::<AutoEvent>() <= 48 && size_of::<Notify>() <= 48);
    assert!(size_of::<AutoWait<'_>>() <= 72 && size_of::<ListenOwned>() <= 72);
    assert!(size_of::<Barrier>() <= 40);
    assert!(size_of::<barrier::Wait<'_>>() <= 64);
    assert_eq!(size_of::<latch::Token<'_>>(), 8);
    assert!(size_of::<Cond>() <= 40);
    assert!(size_of::<CondWait<'_, u64>>() <= 96);
    assert!(size_of::<cond::Wait<'_, OwnedMutexGuard<u64>>>() <= 96);
    assert_eq!(size_of::<MutexGuard<'_, u64>>(), 8);
    assert_eq!(size_of::<OwnedMutexGuard<u64>>(), 8);
    assert_eq!(size_of::<Permit<'_>>(), 16);
    assert_eq!(size_of::<Token<'_>>(), 8);
    assert!(size_of::<Once>() <= 40);
    assert!(size_of::<OnceCell<u64>>() <= 48);
    assert!(size_of::<WaitDone<'_>>() <= 64);
    assert!(size_of::<WaitSet<'_, u64>>() <= 72);
    type Make = fn() -> std::future::Ready<u64>;
    assert!(size_of::<GetOrInit<'_, u64, Make, std::future::Ready<u64>>>() <= 88);
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
    let cell = OnceCell::new();
    let once = Once::new();
    let mut cx = Context::from_waker(Waker::noop());
    let count = allocations(|| {
        let (mut get, mut call) = (
            std::pin::pin!(Some(cell.get_or_init(std::future::pending))),
            std::pin::pin!(Some(once.call_once(std::future::pending))),
        );
        assert!(
            get.as_mut()
                .as_pin_mut()
                .unwrap()
                .poll(&mut cx)
                .is_pending()
        );
        assert!(
            call.as_mut()
                .as_pin_mut()
                .unwrap()
                .poll(&mut cx)
                .is_pending()
        );
        let mut next = std::pin::pin!(cell.get_or_try_init(async || Ok::<_, ()>(1)));
        let mut late = std::pin::pin!(once.call_once_try(async || Err(())));
        let mut set = std::pin::pin!(cell.wait());
        let mut done = std::pin::pin!(once.wait());
        assert!(next.as_mut().poll(&mut cx).is_pending());
        assert!(late.as_mut().poll(&mut cx).is_pending());
        assert!(set.as_mut().poll(&mut cx).is_pending());
        assert!(done.as_mut().poll(&mut cx).is_pending());
        get.set(None);
        call.set(None);
        assert!(next.poll(&mut cx).is_ready() && set.poll(&mut cx).is_ready());
        assert!(late.poll(&mut cx).is_ready() && done.poll(&mut cx).is_pending());
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
fn nothing_is_allocated_to_meet_or_to_be_told() {
    let latch = Arc::new(Latch::new(2));
    let event = Arc::new(Event::new());
    let auto = Arc::new(AutoEvent::new());
    let notify = Arc::new(Notify::new());
    let barrier = Arc::new(Barrier::new(2));
    let mut cx = Context::from_waker(Waker::noop());
    let count = allocations(|| {
        for _ in 0..3 {
            let mut opens = std::pin::pin!(Arc::clone(&latch).wait_owned());
            let mut counts = std::pin::pin!(latch.count_down_and_wait());
            let mut waits = std::pin::pin!(Arc::clone(&event).wait_owned());
            let mut auto_waits = std::pin::pin!(Arc::clone(&auto).wait_owned());
            let mut listens = std::pin::pin!(Arc::clone(&notify).listen_owned());
            let mut cancelled = std::pin::pin!(Some(notify.listen()));
            let mut meets = std::pin::pin!(Arc::clone(&barrier).wait_owned());
            let open = opens.as_mut().poll(&mut cx).is_ready();
            let _ = counts.as_mut().poll(&mut cx);
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            assert!(auto_waits.as_mut().poll(&mut cx).is_pending());
            assert!(!listens.as_mut().enable());
            assert!(!cancelled.as_mut().as_pin_mut().unwrap().enable());
            assert!(meets.as_mut().poll(&mut cx).is_pending());
            cancelled.set(None);
            latch.count_down();
            event.set();
            auto.set();
            notify.notify_one();
            assert!(std::pin::pin!(barrier.wait()).poll(&mut cx).is_ready());
            assert!(open || opens.as_mut().poll(&mut cx).is_ready());
            assert!(waits.as_mut().poll(&mut cx).is_ready());
            assert!(auto_waits.as_mut().poll(&mut cx).is_ready());
            assert!(listens.as_mut().poll(&mut cx).is_ready());
            assert!(meets.as_mut().poll(&mut cx).is_ready());
            event.reset();
            auto.notify_all();
            drop(latch.token());
            let mut leaves = std::pin::pin!(Some(barrier.wait()));
            assert!(
                leaves
                    .as_mut()
                    .as_pin_mut()
                    .unwrap()
                    .poll(&mut cx)
                    .is_pending()
            );
            leaves.set(None);
            barrier.reset();
        }
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

/// `select!` allocates nothing; `select_all` twice, whatever the number of cases; a round of a set not at
/// all, nor does a wake-up.
#[test]
fn what_selects_allocate() {
    let events: [AutoEvent; 100] = std::array::from_fn(|_| AutoEvent::new());
    let mutex = Mutex::new(());
    let mut cx = Context::from_waker(Waker::noop());
    // The first draw of a thread makes its seed.
    let _ = sync_core::chance::below(2);
    let by_macro = async || {
        select! {
            guard = mutex.lock() => drop(guard),
            () = events[0].wait() => (),
            () = events[1].wait(), if mutex.is_locked() => (),
        }
    };
    let count = allocations(|| {
        assert!(std::pin::pin!(by_macro()).poll(&mut cx).is_ready());
        let held = mutex.try_lock();
        let mut waits = std::pin::pin!(by_macro());
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        events[0].set();
        assert!(waits.as_mut().poll(&mut cx).is_ready());
        drop(held);
    });
    assert_eq!(count, 0);

    for n in [1, 8, 100] {
        let count = allocations(|| {
            let mut select = select_all(events[..n].iter().map(AutoEvent::wait));
            for _ in 0..3 {
                assert!(std::pin::Pin::new(&mut select).poll(&mut cx).is_pending());
            }
            events[n - 1].set();
            assert!(std::pin::Pin::new(&mut select).poll(&mut cx).is_ready());
        });
        assert_eq!(count, 2, "{n} cases");
    }

    let mut set: SelectSet<_> = events.iter().map(|event| repeat(|| event.wait())).collect();
    assert!(set.try_next().is_none());
    let count = allocations(|| {
        for n in 0..if cfg!(miri) { 30 } else { 300 } {
            let mut next = std::pin::pin!(set.next());
            assert!(next.as_mut().poll(&mut cx).is_pending());
            events[n * 7 % 100].set();
            assert!(next.poll(&mut cx).is_ready());
        }
        // Who goes makes room for another.
        for _ in 0..2 {
            let last = set.keys().last();
            assert!(set.remove(last.unwrap()));
        }
    });
    assert_eq!(count, 0);
    assert_eq!(allocations(|| drop(SelectSet::<Maybe<Wait<'_>>>::new())), 0);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes_of_selects() {
    assert!(size_of::<SelectAll<Lock<'_, ()>>>() <= 48);
    assert!(size_of::<Select<'_, u64>>() <= 40);
    assert!(size_of::<SelectSet<Maybe<Lock<'_, ()>>>>() <= 64);
    assert_eq!(size_of::<Next<'_, Maybe<Lock<'_, ()>>>>(), 8);
    assert_eq!(size_of::<select::Key>(), 8);
}

type Locks<'a> = SelectAll<Lock<'a, u8>>;
type Repeated = Repeat<fn() -> std::future::Ready<u8>, std::future::Ready<u8>>;
assert_impl_all!(Locks<'static>: Send, Sync, Unpin);
assert_not_impl_any!(Locks<'static>: Clone);
assert_not_impl_any!(SelectAll<std::future::Ready<NotSend>>: Send);
assert_impl_all!(Select<'static, u8>: Send, Unpin, Default);
assert_not_impl_any!(Select<'static, NotSend>: Clone);
assert_impl_all!(SelectSet<Repeated>: Send, Sync, Unpin, Default);
assert_not_impl_any!(SelectSet<NotSend>: Send, Sync);
assert_not_impl_any!(SelectSet<NotSync>: Sync);
assert_impl_all!(Next<'static, Repeated>: Send, Unpin);
assert_not_impl_any!(Next<'static, Repeated>: Clone);
assert_impl_all!(select::Key: Copy, Ord, std::hash::Hash, Send, Sync);
assert_impl_all!(select::BoxedCase<'static, u8>: Send, Unpin);

#[allow(dead_code, reason = "compiling is the test")]
fn variance_of_selects<'short, 'long: 'short>(
    all: SelectAll<Lock<'long, u8>>,
    select: Select<'long, u8>,
) -> (SelectAll<Lock<'short, u8>>, Select<'short, u8>) {
    (all, select)
}

#[allow(dead_code, reason = "compiling is the test")]
fn variance_of_sets<'short, 'long: 'short>(
    set: SelectSet<select::Once<Lock<'long, u8>>>,
) -> SelectSet<select::Once<Lock<'short, u8>>> {
    set
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
struct NotClone;
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

// Cells: as `std::sync::OnceLock`.
assert_impl_all!(OnceCell<u8>: Send, Sync, Unpin, Clone, Default, Eq, From<u8>);
assert_impl_all!(OnceCell<u8>: std::panic::UnwindSafe, std::panic::RefUnwindSafe);
assert_impl_all!(OnceCell<NotSync>: Send);
assert_not_impl_any!(OnceCell<NotSync>: Sync);
assert_not_impl_any!(OnceCell<NotSend>: Send, Sync);
assert_impl_all!(Once: Send, Sync, Unpin, Default, std::panic::RefUnwindSafe);
assert_impl_all!(Lazy<u8>: Send, Sync, Unpin);
assert_impl_all!(Lazy<u8, Boxed<u8>>: Send);
assert_not_impl_any!(Lazy<NotSync>: Sync);

assert_impl_all!(Latch: Send, Sync, Unpin);
assert_impl_all!(Event: Send, Sync, Unpin, Default);
assert_impl_all!(AutoEvent: Send, Sync, Unpin, Default);
assert_impl_all!(Notify: Send, Sync, Unpin, Default);
assert_impl_all!(Barrier: Send, Sync, Unpin);
// The action is shared by all who arrive.
assert_impl_all!(Barrier<fn() -> Result<(), NotSend>>: Send, Sync);
assert_not_impl_any!(Barrier<Box<dyn Fn() -> Result<(), ()>>>: Send, Sync);
assert_not_impl_any!(Barrier<Box<dyn Fn() -> Result<(), ()> + Send>>: Sync);

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

// A future that initialises may be sent if the initialiser and the cell may.
type Make<T> = fn() -> std::future::Ready<T>;
type Made<T> = std::future::Ready<T>;
assert_impl_all!(GetOrInit<'static, u8, Make<u8>, Made<u8>>: Send, Sync);
assert_not_impl_any!(GetOrInit<'static, u8, Make<u8>, Made<u8>>: Unpin, Clone);
assert_not_impl_any!(GetOrInit<'static, NotSync, Make<NotSync>, Made<NotSync>>: Send);
assert_not_impl_any!(GetOrInit<'static, u8, NotSend, Made<u8>>: Send);
assert_not_impl_any!(GetOrInit<'static, u8, Make<u8>, NotSend>: Send);
assert_impl_all!(GetOrTryInit<'static, u8, Make<u8>, Made<u8>>: Send, Sync);
assert_not_impl_any!(GetOrTryInit<'static, u8, Make<u8>, Made<u8>>: Unpin, Clone);
assert_impl_all!(Force<'static, u8, Make<u8>, Made<u8>>: Send, Sync);
assert_impl_all!(CallOnce<'static, Make<()>, Made<()>>: Send, Sync);
assert_not_impl_any!(CallOnce<'static, Make<()>, Made<()>>: Unpin, Clone);
assert_impl_all!(CallOnceTry<'static, Make<()>, Made<()>>: Send, Sync);
assert_not_impl_any!(CallOnceTry<'static, Make<()>, Made<()>>: Unpin, Clone);
assert_impl_all!(WaitSet<'static, u8>: Send, Sync);
assert_not_impl_any!(WaitSet<'static, u8>: Unpin, Clone);
assert_not_impl_any!(WaitSet<'static, NotSync>: Send);
assert_impl_all!(WaitDone<'static>: Send, Sync);
assert_not_impl_any!(WaitDone<'static>: Unpin, Clone);

assert_impl_all!(latch::Wait<'static>: Send, Sync);
assert_impl_all!(latch::WaitOwned: Send, Sync);
assert_impl_all!(latch::CountDownAndWait<'static>: Send, Sync);
assert_impl_all!(event::Wait<'static>: Send, Sync);
assert_impl_all!(AutoWait<'static>: Send, Sync);
assert_impl_all!(AutoWaitOwned: Send, Sync);
assert_impl_all!(Listen<'static>: Send, Sync);
assert_impl_all!(barrier::Wait<'static>: Send, Sync);
assert_impl_all!(barrier::WaitOwned: Send, Sync);
assert_not_impl_any!(barrier::WaitOwned<Box<dyn Fn() -> Result<(), ()>>>: Send, Sync);
assert_not_impl_any!(latch::Wait<'static>: Unpin, Clone);
assert_not_impl_any!(latch::CountDownAndWaitOwned: Unpin, Clone);
assert_not_impl_any!(event::WaitOwned: Unpin, Clone);
assert_not_impl_any!(AutoWait<'static>: Unpin, Clone);
assert_not_impl_any!(ListenOwned: Unpin, Clone);
assert_not_impl_any!(barrier::Wait<'static>: Unpin, Clone);
assert_impl_all!(latch::Token<'static>: Send, Sync, Unpin);
assert_impl_all!(latch::OwnedToken: Send, Sync, Unpin);
assert_not_impl_any!(latch::OwnedToken: Clone);

// SPEC A4: nothing that is used in place can be copied.
assert_not_impl_any!(Mutex<u8>: Clone, Copy);
assert_not_impl_any!(Semaphore: Clone, Copy);
assert_not_impl_any!(WaitGroup: Clone, Copy);
assert_not_impl_any!(Barrier: Clone, Copy);
assert_not_impl_any!(Latch: Clone, Copy);
assert_not_impl_any!(Event: Clone, Copy);
assert_not_impl_any!(AutoEvent: Clone, Copy);
assert_not_impl_any!(Notify: Clone, Copy);
assert_not_impl_any!(RawMutex: Clone, Copy);
assert_not_impl_any!(Once: Clone, Copy);
assert_not_impl_any!(OnceCell<NotClone>: Clone);
assert_not_impl_any!(Lazy<u8>: Clone, Copy);
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
assert_impl_all!(SetError<NotClone>: std::error::Error, Send, Sync, Unpin);
assert_impl_all!(InProgress: std::error::Error, Copy, Eq, Send, Sync, Unpin);
assert_impl_all!(BrokenBarrier: std::error::Error, Copy, PartialEq, Send, Sync, Unpin);
assert_impl_all!(BarrierWaitResult: Copy, PartialEq, Send, Sync, Unpin);
assert_impl_all!(MutexMetrics: Copy, PartialEq, Send, Sync, Unpin);
assert_impl_all!(SemaphoreMetrics: Copy, PartialEq, Send, Sync, Unpin);

// The reentrant mutex gives shared references to whoever has the owner's id, in several threads perhaps:
// it may be shared if its value may.
assert_impl_all!(ReentrantMutex<u8>: Send, Sync, Unpin, Default, From<u8>);
assert_impl_all!(ReentrantMutex<NotSync>: Send);
assert_not_impl_any!(ReentrantMutex<NotSync>: Sync);
assert_not_impl_any!(ReentrantMutex<RefCell<u8>>: Sync);
assert_not_impl_any!(ReentrantMutex<NotSend>: Send, Sync);
assert_impl_all!(ReentrantMutex<std::sync::MutexGuard<'static, u8>>: Sync);
assert_not_impl_any!(ReentrantMutex<std::sync::MutexGuard<'static, u8>>: Send);
assert_impl_all!(RawReentrantMutex: Send, Sync, Unpin, Default);
assert_impl_all!(ReentrantMutexGuard<'static, u8>: Send, Sync, Unpin);
assert_not_impl_any!(ReentrantMutexGuard<'static, NotSync>: Send, Sync);
assert_not_impl_any!(ReentrantMutexGuard<'static, u8>: Clone, std::ops::DerefMut);
assert_impl_all!(OwnedReentrantMutexGuard<u8>: Send, Sync, Unpin);
assert_not_impl_any!(OwnedReentrantMutexGuard<NotSync>: Send, Sync);
assert_not_impl_any!(OwnedReentrantMutexGuard<u8>: Clone, std::ops::DerefMut);
assert_impl_all!(ReentrantLock<'static, u8>: Send, Sync);
assert_not_impl_any!(ReentrantLock<'static, NotSync>: Send, Sync);
assert_not_impl_any!(ReentrantLock<'static, u8>: Unpin, Clone);
assert_impl_all!(ReentrantLockOwned<u8>: Send, Sync);
assert_not_impl_any!(ReentrantLockOwned<NotSync>: Send, Sync);
assert_not_impl_any!(ReentrantLockOwned<u8>: Unpin, Clone);
assert_impl_all!(RawReentrantLock<'static>: Send, Sync);
assert_not_impl_any!(RawReentrantLock<'static>: Unpin, Clone);
assert_not_impl_any!(ReentrantMutex<u8>: Clone, Copy);
assert_not_impl_any!(RawReentrantMutex: Clone, Copy);
assert_impl_all!(OwnerId: Copy, Ord, std::hash::Hash, Send, Sync, Unpin, TryFrom<u64>);
assert_not_impl_any!(OwnerId: Default, From<u64>);
assert_impl_all!(ZeroOwner: std::error::Error, Copy, PartialEq, Send, Sync, Unpin);

// Sets of locks: as their locks and guards.
type TwoLocks = (&'static Mutex<NotSync>, &'static RawMutex);
type LocalLocks = &'static [Mutex<NotSend>; 2];
assert_impl_all!(LockAll<TwoLocks>: Send);
assert_not_impl_any!(LockAll<TwoLocks>: Unpin, Clone);
assert_not_impl_any!(LockAll<LocalLocks>: Send, Unpin);
assert_impl_all!(LockAll<&'static [Mutex<u8>]>: Send, Sync);
assert_impl_all!(LockAllBackingOff<TwoLocks>: Send);
assert_not_impl_any!(LockAllBackingOff<TwoLocks>: Unpin, Clone);
assert_not_impl_any!(LockAllBackingOff<LocalLocks>: Send, Unpin);
assert_impl_all!(RawMutexGuard<'static>: Send, Sync, Unpin);
assert_not_impl_any!(RawMutexGuard<'static>: Clone);
assert_impl_all!(RawMutexLock<'static>: Send, Sync);
assert_not_impl_any!(RawMutexLock<'static>: Unpin, Clone);
assert_impl_all!(AcquireLock<'static>: Send, Sync);
assert_not_impl_any!(AcquireLock<'static>: Unpin, Clone);
assert_impl_all!(Mutex<str>: Locker);
assert_impl_all!(Arc<Mutex<u8>>: Locker);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes_of_sets_and_reentrant_locks() {
    assert!(size_of::<ReentrantMutex<()>>() <= 56);
    assert_eq!(size_of::<ReentrantMutexGuard<'_, u64>>(), 8);
    assert_eq!(size_of::<OwnedReentrantMutexGuard<u64>>(), 8);
    assert!(size_of::<RawReentrantLock<'_>>() <= 152);
    assert!(size_of::<ReentrantLock<'_, ()>>() <= 160);
    // A lock, its future, and a number for the order; and how far it has come.
    assert!(size_of::<LockAll<TwoLocks>>() <= 2 * (64 + 8 + 24) + 8);
    assert!(size_of::<LockAll<[&Mutex<()>; 8]>>() <= 8 * (64 + 24) + 8);
    assert!(size_of::<LockAll<&[Mutex<()>]>>() <= 64 + 88);
    assert_eq!(size_of::<RawMutexGuard<'_>>(), 8);
    assert!(size_of::<AcquireLock<'_>>() <= 64);
}

#[test]
fn sets_and_reentrant_locks_allocate_nothing_to_wait_to_wake_or_to_leave() {
    let locks: Vec<Mutex<u8>> = (0..10).map(Mutex::new).collect();
    let (a, b, raw) = (&locks[0], &locks[1], <RawMutex>::new());
    let reentrant = Arc::new(ReentrantMutex::new(0));
    let (one, two) = (OwnerId::new(), OwnerId::new());
    let mut cx = Context::from_waker(Waker::noop());
    // The futures of a slice have their vectors from the beginning, and give up the second one as guards.
    let mut slice = std::pin::pin!(lock_all(&locks));
    let count = allocations(|| {
        let busy = b.try_lock().unwrap();
        let held = reentrant.try_lock(one).unwrap();
        {
            let mut tuple = std::pin::pin!(lock_all((&raw, a, b)));
            assert!(tuple.as_mut().poll(&mut cx).is_pending());
            assert!(slice.as_mut().poll(&mut cx).is_pending());
            let mut other = std::pin::pin!(async_sync::lock_all_backing_off([a, b]));
            assert!(other.as_mut().poll(&mut cx).is_pending());
            let mut first = std::pin::pin!(reentrant.lock(two));
            let mut kin = std::pin::pin!(Arc::clone(&reentrant).lock_owned(two));
            let mut left = std::pin::pin!(reentrant.lock(two));
            assert!(first.as_mut().poll(&mut cx).is_pending());
            assert!(kin.as_mut().poll(&mut cx).is_pending());
            assert!(left.as_mut().poll(&mut cx).is_pending());
            drop((busy, held));
            assert!(first.as_mut().poll(&mut cx).is_ready());
            assert!(kin.as_mut().poll(&mut cx).is_ready());
            drop(reentrant.try_lock(one));
        }
        assert!(
            async_sync::try_lock_all((a, &raw)).is_none(),
            "the slice waits"
        );
    });
    assert_eq!(count, 0);
}

#[test]
fn reentrant_statics_and_dyn_values() {
    static STATIC: ReentrantMutex<std::sync::atomic::AtomicU8> =
        ReentrantMutex::new(std::sync::atomic::AtomicU8::new(1));
    let me = OwnerId::new();
    let unsized_value: Arc<ReentrantMutex<dyn Fn() -> u8 + Send + Sync>> =
        Arc::new(ReentrantMutex::new(|| {
            STATIC
                .lock_blocking(OwnerId::new())
                .load(std::sync::atomic::Ordering::Relaxed)
        }));
    assert_eq!((unsized_value.lock_blocking(me))(), 1);
    assert_eq!((Arc::clone(&unsized_value).lock_owned_blocking(me))(), 1);
}

/// Lifetimes of borrowed things shrink where they may.
#[allow(dead_code, reason = "compiling is the test")]
fn variance_of_reentrant_locks<'short, 'long: 'short>(
    guard: ReentrantMutexGuard<'long, &'long u8>,
    raw: RawMutexGuard<'long>,
) -> (
    ReentrantMutexGuard<'short, &'short u8>,
    RawMutexGuard<'short>,
) {
    (guard, raw)
}

#[cfg(feature = "single-flight")]
mod single_flight {
    use super::*;

    type Flight<V = u8, E = ()> = SingleFlight<u8, V, E>;
    type Work = fn() -> std::future::Ready<Result<u8, ()>>;

    // Values go to callers on any thread, several at a time.
    assert_impl_all!(Flight: Send, Sync, Unpin, Default);
    assert_not_impl_any!(Flight<NotSend>: Send, Sync);
    assert_not_impl_any!(Flight<NotSync>: Send, Sync);
    assert_not_impl_any!(Flight<u8, NotSend>: Send, Sync);
    assert_not_impl_any!(Flight: Clone, Copy);
    assert_impl_all!(Run<'static, u8, Work, u8, u8, ()>: Send);
    assert_not_impl_any!(Run<'static, u8, Work, u8, u8, ()>: Unpin, Clone);
    assert_impl_all!(RunOwned<Work, u8, u8, ()>: Send);
    assert_not_impl_any!(RunOwned<Work, u8, u8, ()>: Unpin, Clone);
    assert_impl_all!(Joined<'static, u8, u8, ()>: Send, Sync);
    assert_not_impl_any!(Joined<'static, u8, u8, ()>: Unpin, Clone);
    assert_impl_all!(JoinedOwned<u8, u8, ()>: Send, Sync);
    assert_not_impl_any!(JoinedOwned<u8, NotSync, ()>: Send, Sync);
    assert_impl_all!(Caught<JoinedOwned<u8, u8, ()>>: Send);
    assert_impl_all!(Outcome<u8>: Clone, PartialEq, Send, Sync, Unpin);
    assert_impl_all!(Failure<std::fmt::Error>: std::error::Error, Clone, Send, Sync, Unpin);
    assert_impl_all!(Panicked: std::error::Error, Clone, Send, Sync, Unpin);

    #[allow(dead_code, reason = "compiling is the test")]
    fn runs<'short, 'long: 'short>(
        run: Run<'long, u8, Work, u8, u8, ()>,
    ) -> Run<'short, u8, Work, u8, u8, ()> {
        run
    }

    #[allow(dead_code, reason = "compiling is the test")]
    fn places<'short, 'long: 'short>(
        joined: Joined<'long, u8, u8, ()>,
    ) -> Joined<'short, u8, u8, ()> {
        joined
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn sizes() {
        assert!(size_of::<Joined<'_, u8, u8, ()>>() <= 80);
        assert!(size_of::<JoinedOwned<u8, u8, ()>>() <= 80);
    }

    #[test]
    fn a_caller_that_joins_allocates_nothing() {
        let group = SingleFlight::<String, u64, ()>::new();
        let open = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let theirs = Arc::clone(&open);
        let work = || {
            std::future::poll_fn(move |_| {
                if theirs.load(std::sync::atomic::Ordering::Relaxed) {
                    std::task::Poll::Ready(Ok(1))
                } else {
                    std::task::Poll::Pending
                }
            })
        };
        let mut cx = Context::from_waker(Waker::noop());
        let first = allocations(|| std::mem::forget(SingleFlight::<String, u64, ()>::new()));
        assert_eq!(first, 0, "nor does a group");
        let mut first = std::pin::pin!(group.run("key", work));
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let count = allocations(|| {
            for leaves in [true, true, false] {
                let joins = || std::future::pending::<Result<u64, ()>>();
                let mut run = std::pin::pin!(group.run("key", joins));
                assert!(run.as_mut().poll(&mut cx).is_pending());
                let mut place = std::pin::pin!(group.subscribe("key").unwrap());
                assert!(place.as_mut().poll(&mut cx).is_pending());
                if !leaves {
                    open.store(true, std::sync::atomic::Ordering::Relaxed);
                }
            }
        });
        assert_eq!(count, 0);
    }

    #[test]
    fn the_first_caller_allocates_the_flight_the_work_and_its_key() {
        let group = SingleFlight::<String, u64, ()>::new();
        let run = || {
            let result = sync_core::park::block_on(group.run("key", || async { Ok(1) }));
            assert_eq!(result.unwrap().value, 1);
        };
        run(); // the table, the waker of the thread
        assert_eq!(allocations(run), 3);
    }
}

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

/// And of what is done once.
#[allow(dead_code, reason = "compiling is the test")]
fn once_variance<'short, 'long: 'short>(
    done: WaitDone<'long>,
    set: WaitSet<'long, u8>,
) -> (WaitDone<'short>, WaitSet<'short, u8>) {
    (done, set)
}

#[allow(dead_code, reason = "compiling is the test")]
fn call_variance<'short, 'long: 'short>(call: CallOnce<'long, u8, u8>) -> CallOnce<'short, u8, u8> {
    call
}

#[allow(dead_code, reason = "compiling is the test")]
fn get_variance<'short, 'long: 'short>(
    get: GetOrInit<'long, u8, u8, u8>,
) -> GetOrInit<'short, u8, u8, u8> {
    get
}

/// And of barriers, latches and events.
#[allow(dead_code, reason = "compiling is the test")]
fn event_variance<'short, 'long: 'short>(
    meets: barrier::Wait<'long>,
    opens: latch::Wait<'long>,
    waits: event::Wait<'long>,
    listens: Listen<'long>,
    token: latch::Token<'long>,
) -> (
    barrier::Wait<'short>,
    latch::Wait<'short>,
    event::Wait<'short>,
    Listen<'short>,
    latch::Token<'short>,
) {
    (meets, opens, waits, listens, token)
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
    static BARRIER: Barrier = Barrier::new(1);
    static LENIENT: Barrier = Barrier::new(1).lenient();
    static ACTS: Barrier<fn() -> Result<(), u8>> = Barrier::with_action(1, || Err(7));
    static LATCH: Latch = Latch::new(0);
    static EVENT: Event = Event::new_set();
    static AUTO: AutoEvent = AutoEvent::new_set();
    static NOTIFY: Notify = Notify::new();
    assert!(BARRIER.wait_blocking().is_ok() && LENIENT.wait_blocking().is_ok());
    assert_eq!(ACTS.wait_blocking(), Err(BrokenBarrier::ByAction(7)));
    LATCH.wait_blocking();
    EVENT.wait_blocking();
    AUTO.wait_blocking();
    NOTIFY.notify_all();
    static STATIC: Mutex<RefCell<Vec<u8>>> = Mutex::new(RefCell::new(Vec::new()));
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    static GROUP: WaitGroup = WaitGroup::new();
    static COND: Cond = Cond::new();
    STATIC.lock_blocking().borrow_mut().push(1);
    drop(SEMAPHORE.acquire_blocking());
    GROUP.wait_blocking();
    assert_eq!(COND.notify_all(), 0);
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
