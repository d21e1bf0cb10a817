//! Every adapter does what its trait says, on a path where nobody disagrees.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use conformance::peers::{
    AsyncBarrier, AsyncGate, AsyncMutex, AsyncOnceCell, AsyncRwLock, AsyncSemaphore, AsyncSignal,
    AsyncWaitGroup, BlockingMutex, ClosableSemaphore, DowngradableRwLock, GrowableSemaphore,
    OneByOne, ReusableWaitGroup, ShrinkableSemaphore, UpgradableRwLock, WaitingOnceCell,
    WeightedSemaphore,
};

fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn mutex<M: AsyncMutex>() {
    let mutex = M::new(1);
    let mut guard = now(mutex.lock()).unwrap();
    *guard += 1;
    assert!(mutex.try_lock().is_none() && now(mutex.lock()).is_none());
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), 2);
}

fn blocking<M: BlockingMutex>() {
    let mutex = M::new(1);
    *mutex.lock_blocking() += 1;
    assert_eq!(*mutex.lock_blocking(), 2);
}

fn rwlock<L: AsyncRwLock>() {
    let lock = L::new(1);
    let readers = (now(lock.read()).unwrap(), lock.try_read().unwrap());
    assert!(lock.try_write().is_none() && now(lock.write()).is_none());
    drop(readers);
    *now(lock.write()).unwrap() += 1;
    let mut writer = lock.try_write().unwrap();
    *writer += 1;
    assert!(lock.try_read().is_none() && now(lock.read()).is_none());
    drop(writer);
    assert_eq!(*lock.try_read().unwrap(), 3);
}

fn downgradable<L: DowngradableRwLock>() {
    let lock = L::new(1);
    let reader = L::downgrade(lock.try_write().unwrap());
    assert!(lock.try_write().is_none() && lock.try_read().is_some());
    drop(reader);
    assert!(lock.try_write().is_some());
}

fn upgradable<L: UpgradableRwLock>() {
    let lock = L::new(1);
    let up = now(lock.upgradable_read()).unwrap();
    assert!(now(lock.upgradable_read()).is_none() && lock.try_read().is_some());
    let writer = now(L::upgrade(up)).unwrap();
    assert!(lock.try_read().is_none());
    drop(writer);
    assert!(lock.try_write().is_some());
}

fn semaphore<S: AsyncSemaphore>() {
    let semaphore = S::new(2);
    let one = now(semaphore.acquire()).unwrap();
    assert!(!S::is_refusal(&one));
    let two = semaphore.try_acquire().unwrap();
    assert!(semaphore.try_acquire().is_none() && now(semaphore.acquire()).is_none());
    drop(two);
    drop(semaphore.try_acquire().unwrap());
}

fn weighted<S: WeightedSemaphore>() {
    let semaphore = S::new(3);
    let two = now(semaphore.acquire_many(2)).unwrap();
    assert!(semaphore.try_acquire_many(2).is_none() && now(semaphore.acquire_many(2)).is_none());
    drop(two);
    assert!(semaphore.try_acquire_many(3).is_some());
}

fn growable<S: GrowableSemaphore>() {
    let semaphore = S::new(1);
    semaphore.add_permits(1);
    let permits = [semaphore.try_acquire(), semaphore.try_acquire()];
    assert!(permits.iter().all(Option::is_some) && semaphore.try_acquire().is_none());
}

fn shrinkable<S: ShrinkableSemaphore>() {
    let semaphore = S::new(2);
    let permit = semaphore.try_acquire().unwrap();
    semaphore.remove_permits(1);
    assert!(semaphore.try_acquire().is_none());
    drop(permit);
    assert!(semaphore.try_acquire().is_some());
}

fn closable<S: ClosableSemaphore>() {
    let semaphore = S::new(1);
    semaphore.close();
    assert!(semaphore.try_acquire().is_none());
    assert!(S::is_refusal(&now(semaphore.acquire()).unwrap()));
}

fn wait_group<W: AsyncWaitGroup>() {
    let group = W::new();
    let token = group.token();
    assert!(now(group.wait()).is_none());
    drop(token);
    assert!(now(group.wait()).is_some());
    assert!(now(group.wait()).is_some());
}

fn reusable<W: ReusableWaitGroup>() {
    let group = W::new();
    assert!(now(group.wait()).is_some());
    let _token = group.token();
    assert!(now(group.wait()).is_none());
}

fn once_cell<C: AsyncOnceCell>() {
    let cell = C::new();
    assert_eq!(
        now(cell.get_or_try_init(|| Box::pin(async { Err(1) }))),
        Some(Err(1))
    );
    assert_eq!(cell.get(), None);
    assert_eq!(
        now(cell.get_or_try_init(|| Box::pin(async { Ok(2) }))),
        Some(Ok(2))
    );
    assert_eq!(cell.get(), Some(2));
    assert_eq!(
        now(cell.get_or_try_init(|| Box::pin(async { Ok(3) }))),
        Some(Ok(2))
    );
}

fn waiting<C: WaitingOnceCell>() {
    let cell = C::new();
    assert_eq!(now(cell.wait()), None);
    assert_eq!(
        now(cell.get_or_try_init(|| Box::pin(async { Ok(2) }))),
        Some(Ok(2))
    );
    assert_eq!(now(cell.wait()), Some(2));
}

fn signal<S: AsyncSignal>() {
    let signal = S::new();
    assert!(now(signal.wait()).is_none());
    signal.set();
    assert!(now(signal.wait()).is_some());
    assert!(now(signal.wait()).is_none());
}

fn one_by_one<S: OneByOne>() {
    let signal = S::new();
    let (mut first, mut second) = (pin!(signal.wait()), pin!(signal.wait()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut cx).is_pending());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    signal.set();
    assert!(second.as_mut().poll(&mut cx).is_pending());
    assert!(first.as_mut().poll(&mut cx).is_ready());
    signal.set();
    assert!(second.as_mut().poll(&mut cx).is_ready());
}

fn gate<G: AsyncGate>() {
    let gate = G::new();
    let mut wait = pin!(gate.wait());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    gate.open();
    assert!(wait.as_mut().poll(&mut cx).is_ready());
}

fn barrier<B: AsyncBarrier>() {
    let barrier = B::new(2);
    for _ in 0..3 {
        let mut first = pin!(barrier.wait());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let leads = now(barrier.wait()).unwrap();
        assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(!leads));
    }
}

macro_rules! tests {
    ($base:ident: $($id:ident: $ty:ty $(, $offer:ident)*;)*) => {
        mod $base {
            $(
                #[test]
                fn $id() {
                    super::$base::<$ty>();
                    $(super::$offer::<$ty>();)*
                }
            )*
        }
    };
}

macro_rules! mutexes {
    ($($list:tt)*) => { tests! { mutex: $($list)* } };
}
macro_rules! rwlocks {
    ($($list:tt)*) => { tests! { rwlock: $($list)* } };
}
macro_rules! semaphores {
    ($($list:tt)*) => { tests! { semaphore: $($list)* } };
}
macro_rules! wait_groups {
    ($($list:tt)*) => { tests! { wait_group: $($list)* } };
}

macro_rules! once_cells {
    ($($list:tt)*) => { tests! { once_cell: $($list)* } };
}

macro_rules! signals {
    ($($list:tt)*) => { tests! { signal: $($list)* } };
}
macro_rules! gates {
    ($($list:tt)*) => { tests! { gate: $($list)* } };
}
macro_rules! barriers {
    ($($list:tt)*) => { tests! { barrier: $($list)* } };
}

conformance::for_each_signal!(signals);
conformance::for_each_gate!(gates);
conformance::for_each_barrier!(barriers);
conformance::for_each_mutex!(mutexes);
conformance::for_each_rwlock!(rwlocks);
conformance::for_each_semaphore!(semaphores);
conformance::for_each_wait_group!(wait_groups);
conformance::for_each_once_cell!(once_cells);
