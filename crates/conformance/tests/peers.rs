//! Every adapter does what its trait says, on a path where nobody disagrees.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use conformance::peers::resource_pool::Ledger;
use conformance::peers::{
    AsyncBarrier, AsyncGate, AsyncKeyedMutex, AsyncMutex, AsyncOnceCell, AsyncPool, AsyncRwLock,
    AsyncSelect, AsyncSemaphore, AsyncSignal, AsyncToken, AsyncWaitGroup, AsyncWatch,
    BlockingMutex, Case, ClosableChannel, ClosablePool, ClosableSemaphore, DowngradableRwLock,
    GrowableSemaphore, Heard, LossyBroadcast, ManyChannel, OneByOne, RendezvousChannel,
    ReservingChannel, ReusableWaitGroup, SelectAgain, SelectMany, SelectWithBody, SharedChannel,
    ShrinkableSemaphore, TokenWithCallbacks, TokenWithParents, TryChannel, UpgradableRwLock, Value,
    ValueChannel, WaitingOnceCell, WatchReceiver, WeightedSemaphore,
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

fn channel<C: TryChannel + ValueChannel>() {
    let (mut tx, mut rx) = C::bounded(2);
    assert!(C::try_send(&mut tx, 1));
    assert_eq!(now(C::send_or_back(&mut tx, 2)), Some(Ok(())));
    assert_eq!(C::try_recv(&mut rx), Some(1));
    assert_eq!(now(C::recv(&mut rx)), Some(Some(2)));
    assert_eq!(C::try_recv(&mut rx), None);
    drop(rx);
    assert!(!C::try_send(&mut tx, 3));
    assert!(now(C::send_or_back(&mut tx, 3)).unwrap().is_err());

    let (mut tx, mut rx) = C::values(1);
    assert_eq!(now(C::send_value(&mut tx, Value::default())), Some(true));
    assert!(now(C::recv_value(&mut rx)).unwrap().is_some());
}

fn shared<C: SharedChannel + TryChannel>() {
    let (mut tx, rx) = C::bounded(1);
    assert!(C::try_send(&mut tx, 1));
    assert_eq!(C::try_recv(&mut C::share(&rx)), Some(1));
}

fn closable_channel<C: ClosableChannel>() {
    let (mut tx, mut rx) = C::bounded(1);
    C::close(&mut rx);
    assert!(!C::try_send(&mut tx, 1));
}

fn rendezvous<C: RendezvousChannel + TryChannel>() {
    let (mut tx, _rx) = C::rendezvous();
    assert!(!C::try_send(&mut tx, 1));
}

fn reserving<C: ReservingChannel>() {
    let (tx, mut rx) = C::bounded(1);
    let permit = now(C::reserve(&tx)).unwrap().unwrap();
    assert!(C::try_reserve(&tx).is_none());
    C::use_place(permit, 1);
    assert_eq!(C::try_recv(&mut rx), Some(1));
}

fn many_channel<C: ManyChannel>() {
    let (mut tx, mut rx) = C::bounded(2);
    assert!(C::try_send(&mut tx, 1) && C::try_send(&mut tx, 2));
    let mut items = Vec::new();
    assert_eq!(now(C::recv_many(&mut rx, &mut items, 9)), Some(2));
    assert_eq!(items, [1, 2]);
}

fn broadcast<B: LossyBroadcast>() {
    let (sender, mut one) = B::channel(2);
    let mut two = B::subscribe(&sender);
    assert!(B::send_now(&sender, 0) && B::send_now(&sender, 1));
    assert_eq!(now(B::send(&sender, 2)), Some(true));
    assert_eq!(now(B::recv(&mut one)), Some(Heard::Lagged(1)));
    assert_eq!(now(B::recv(&mut one)), Some(Heard::Item(1)));
    drop(sender);
    let heard = [(); 4].map(|()| now(B::recv(&mut two)).unwrap());
    let left = [Heard::Lagged(1), Heard::Item(1), Heard::Item(2)];
    assert_eq!((&heard[..3], heard[3]), (&left[..], Heard::Closed));
}

fn watch<W: AsyncWatch>() {
    let (tx, mut rx) = W::new(1);
    tx.store(2);
    assert_eq!((tx.load(), now(rx.changed())), (2, Some(Some(2))));
    let mut seen = 0;
    rx.borrowed(|value| seen = *value);
    assert_eq!((seen, rx.load()), (2, 2));
    drop(tx);
    assert_eq!(now(rx.changed()), Some(None));
}

fn token<T: AsyncToken>() {
    let root = T::new();
    let child = root.child();
    assert!(now(child.cancelled()).is_none());
    root.cancel();
    assert!(child.is_cancelled() && now(child.cancelled()).is_some());
}

fn several_parents<T: TokenWithParents>() {
    let parents = [T::new(), T::new()];
    let child = T::child_of(&parents);
    parents[1].cancel();
    assert!(child.is_cancelled());
}

fn callbacks<T: TokenWithCallbacks>() {
    let (root, (tell, told)) = (T::new(), std::sync::mpsc::channel());
    let other = tell.clone();
    let withdrawn = root.on_cancel(move || other.send(1).unwrap());
    let _called = root.on_cancel(move || tell.send(2).unwrap());
    assert!(T::withdraw(withdrawn));
    root.cancel();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [2]);
}

fn keyed<K: AsyncKeyedMutex>() {
    let keys = K::new();
    let guard = now(keys.lock(1)).unwrap();
    assert!(keys.try_lock(1).is_none() && keys.try_lock(2).is_some());
    assert_eq!(keys.keys(), 1);
    drop(guard);
    assert_eq!(keys.keys(), 0);
}

fn cases() -> [Case<'static, char>; 4] {
    use std::future::{pending, ready};
    [
        Box::pin(pending()),
        Box::pin(pending()),
        Box::pin(ready('c')),
        Box::pin(pending()),
    ]
}

fn select<S: AsyncSelect>() {
    assert_eq!(now(S::first(cases())), Some((2, 'c')));
}

fn with_body<S: SelectWithBody>() {
    let body = |picked| async move { picked * 10 };
    assert_eq!(now(S::first_then(cases(), body)), Some(20));
}

fn again<S: SelectAgain>() {
    let (place, bell) = (async_sync::Semaphore::new(1), async_sync::AutoEvent::new());
    let held = place.try_acquire();
    let mut select = pin!(S::acquire_among(&place, &bell));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        bell.set();
        assert!(select.as_mut().poll(&mut cx).is_pending());
    }
    drop(held);
    assert!(select.as_mut().poll(&mut cx).is_ready());
}

fn many_select<S: SelectMany>() {
    assert_eq!(now(S::first_of(cases().into())), Some((2, 'c')));
}

fn on_tokio<F: Future>(future: F) -> F::Output {
    let mut tokio = tokio::runtime::Builder::new_current_thread();
    tokio.enable_time().build().unwrap().block_on(future)
}

fn pool<P: AsyncPool>() {
    on_tokio(async {
        let ledger = std::sync::Arc::new(Ledger::default());
        let pool = P::new(ledger, 1).await;
        let lease = pool.get().await.unwrap();
        assert_eq!(lease.number, 0);
        P::spoil(lease);
        assert_eq!(pool.get().await.unwrap().number, 1);
        assert_eq!(pool.lend(async |number| number).await, Some(1));
    });
}

fn closable_pool<P: ClosablePool>() {
    on_tokio(async {
        let pool = P::new(std::sync::Arc::default(), 1).await;
        pool.close();
        assert!(pool.get().await.is_none());
    });
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

/// Some words stand for more than one trait.
macro_rules! more_tests {
    ($base:ident $offers:tt $($id:ident: $ty:ty $(, $offer:ident)*;)*) => {
        mod $base {
            $(
                #[test]
                fn $id() {
                    super::$base::<$ty>();
                    $(more_tests!(@ $offers $offer $ty);)*
                }
            )*
        }
    };
    (@ (channel) closable $ty:ty) => { super::closable_channel::<$ty>() };
    (@ (channel) many $ty:ty) => { super::many_channel::<$ty>() };
    (@ (pool) closable $ty:ty) => { super::closable_pool::<$ty>() };
    (@ (select) many $ty:ty) => { super::many_select::<$ty>() };
    (@ $of:tt $offer:ident $ty:ty) => { super::$offer::<$ty>() };
}

macro_rules! channels {
    ($($list:tt)*) => { more_tests! { channel (channel) $($list)* } };
}
macro_rules! broadcasts {
    ($($list:tt)*) => { tests! { broadcast: $($list)* } };
}
macro_rules! watches {
    ($($list:tt)*) => { tests! { watch: $($list)* } };
}
macro_rules! tokens {
    ($($list:tt)*) => { tests! { token: $($list)* } };
}
macro_rules! keyed_mutexes {
    ($($list:tt)*) => { tests! { keyed: $($list)* } };
}
macro_rules! selects {
    ($($list:tt)*) => { more_tests! { select (select) $($list)* } };
}
macro_rules! pools {
    ($($list:tt)*) => { more_tests! { pool (pool) $($list)* } };
}

conformance::for_each_channel!(channels);
conformance::for_each_broadcast!(broadcasts);
conformance::for_each_watch!(watches);
conformance::for_each_token!(tokens);
conformance::for_each_keyed_mutex!(keyed_mutexes);
conformance::for_each_select!(selects);
conformance::for_each_resource_pool!(pools);
conformance::for_each_signal!(signals);
conformance::for_each_gate!(gates);
conformance::for_each_barrier!(barriers);
conformance::for_each_mutex!(mutexes);
conformance::for_each_rwlock!(rwlocks);
conformance::for_each_semaphore!(semaphores);
conformance::for_each_wait_group!(wait_groups);
conformance::for_each_once_cell!(once_cells);
