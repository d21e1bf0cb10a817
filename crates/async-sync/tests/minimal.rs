//! What is left without any feature: no allocator, no clock, no threads. Runs with every combination.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_sync::mutex::{Adaptive, Barging, Fifo, Mutex, MutexGuard, Policy};
use async_sync::once::{Lazy, Once, OnceCell};
use async_sync::{
    AutoEvent, Barrier, Cond, Event, Latch, Notify, RawMutex, RawWaitGroup, Semaphore, WaitGroup,
};

macro_rules! poll {
    ($future:expr) => {
        $future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    };
}

#[cfg(feature = "alloc")]
#[test]
fn channel() {
    use async_sync::{channel, oneshot};

    for capacity in [0, 1] {
        let (sender, receiver) = channel::bounded(capacity);
        let mut recv = pin!(receiver.recv());
        assert!(poll!(recv).is_pending());
        assert!(sender.try_send(1).is_ok());
        assert_eq!(poll!(recv), Poll::Ready(Some(1)));
        let mut first = pin!(sender.send(2));
        let mut second = pin!(sender.send(3));
        assert_eq!(poll!(first).is_ready(), capacity == 1);
        assert!(poll!(second).is_pending());
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Ok(3));
        assert_eq!(poll!(second), Poll::Ready(Ok(())));
        sender.close();
        assert!(receiver.try_recv().is_err());
    }
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(sender.send(7), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(7));
}

#[test]
fn mutex() {
    fn check<P: Policy>() {
        let mutex = Mutex::<_, P>::with_policy(1);
        let guard = mutex.try_lock().unwrap();
        let mut first = pin!(mutex.lock());
        let mut when = pin!(mutex.lock_when(|n| *n == 2));
        assert!(poll!(first).is_pending());
        assert!(poll!(when).is_pending());
        drop(MutexGuard::map(guard, |n| {
            *n += 1;
            n
        }));
        let Poll::Ready(guard) = poll!(first) else {
            panic!("the lock is free")
        };
        drop(guard);
        let Poll::Ready(guard) = poll!(when) else {
            panic!("the condition holds")
        };
        assert_eq!(*guard, 2);
    }
    check::<Adaptive>();
    check::<Fifo>();
    check::<Barging>();
    let raw: RawMutex = RawMutex::new();
    assert!(poll!(pin!(raw.lock())).is_ready());
    assert!(!raw.try_lock());
    raw.unlock();
}

#[test]
fn semaphore() {
    let semaphore = Semaphore::new(3);
    let all = semaphore.try_acquire_many(3).unwrap();
    let mut two = pin!(semaphore.acquire_many(2));
    assert!(poll!(two).is_pending());
    drop(all);
    assert!(matches!(poll!(two), Poll::Ready(Ok(_))));
    semaphore.close();
    assert!(matches!(
        poll!(pin!(semaphore.acquire())),
        Poll::Ready(Err(_))
    ));
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn wait_group() {
    let group = WaitGroup::new();
    let token = group.add();
    let mut wait = pin!(group.wait());
    assert!(poll!(wait).is_pending());
    drop(token);
    assert!(poll!(wait).is_ready());
    let raw = RawWaitGroup::new();
    raw.add(2);
    raw.done_many(2);
    assert!(poll!(pin!(raw.wait())).is_ready());
}

#[test]
fn once() {
    static CELL: OnceCell<u8> = OnceCell::new();
    static ONCE: Once = Once::new();
    let mut run = Box::pin(CELL.get_or_init(std::future::pending));
    let mut next = pin!(CELL.get_or_init(async || 2));
    let mut wait = pin!(CELL.wait());
    assert!(poll!(run).is_pending());
    assert!(poll!(next).is_pending());
    assert!(poll!(wait).is_pending());
    drop(run);
    assert!(poll!(next).is_ready());
    assert_eq!(poll!(wait), Poll::Ready(&2));
    assert!(poll!(pin!(ONCE.call_once(async || ()))).is_ready());
    assert_eq!(ONCE.reset(), Ok(()));
    let lazy = Lazy::new(async || 3);
    assert_eq!(poll!(pin!(lazy.force())), Poll::Ready(&3));
}

/// Without a clock, attempts are counted: a baton that nobody claims is revoked all the same.
#[test]
fn futurelock() {
    let mutex = Mutex::<_, Fifo>::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut parked = pin!(mutex.lock());
    assert!(poll!(parked).is_pending());
    drop(guard);
    #[cfg(feature = "std")]
    std::thread::sleep(std::time::Duration::from_millis(3));
    let got = (0..100).find_map(|_| mutex.try_lock());
    drop(got.expect("the baton is revoked in the end"));
    assert!(poll!(parked).is_ready());
}

/// Without `std`, too, a program may unwind: a waker that panics must not strand those who did not fit
/// into the same batch.
#[test]
fn a_panic_in_a_full_batch_strands_nobody() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Task(AtomicUsize, bool);
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert!(!self.1, "a bad waker");
        }
    }

    fn check<F: Future>(wait: impl Fn() -> F, release: impl FnOnce(), what: &str) -> usize {
        let tasks: Vec<_> = (0..40)
            .map(|i| Arc::new(Task(AtomicUsize::new(0), i == 0)))
            .collect();
        let mut waits: Vec<_> = tasks.iter().map(|_| Box::pin(wait())).collect();
        for (wait, task) in waits.iter_mut().zip(&tasks) {
            let waker = Waker::from(Arc::clone(task));
            assert!(
                wait.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        assert!(catch_unwind(AssertUnwindSafe(release)).is_err());
        // The tasks that were woken run, and what they get they give back.
        loop {
            let mut ran = false;
            for (wait, task) in waits.iter_mut().zip(&tasks) {
                if task.0.swap(0, Ordering::Relaxed) != 0 {
                    ran = true;
                    let waker = Waker::from(Arc::clone(task));
                    drop(wait.as_mut().poll(&mut Context::from_waker(&waker)));
                    task.0.store(0, Ordering::Relaxed);
                }
            }
            if !ran {
                break;
            }
        }
        let mut stranded = 0;
        for mut wait in waits {
            // One that has completed panics.
            stranded += usize::from(catch_unwind(AssertUnwindSafe(|| drop(poll!(wait)))).is_ok());
        }
        println!("{what}: {stranded} stranded");
        stranded
    }

    let group = RawWaitGroup::new();
    group.add(1);
    let groups = check(|| group.wait(), || group.done(), "wait group");
    let semaphore = Semaphore::new(1);
    let one = semaphore.try_acquire().unwrap();
    let closed = check(|| semaphore.acquire(), || semaphore.close(), "close");
    drop(one);
    let semaphore = Semaphore::new(40);
    let all = semaphore.try_acquire_many(40).unwrap();
    let released = check(|| semaphore.acquire(), || drop(all), "release");
    assert_eq!((groups, closed, released), (0, 0, 0));
}

#[test]
fn barriers_latches_and_events() {
    let barrier = Barrier::with_action(2, || Ok::<_, ()>(()));
    let mut first = pin!(barrier.wait());
    assert!(poll!(first).is_pending());
    assert!(poll!(pin!(barrier.wait())).is_ready());
    assert!(matches!(poll!(first), Poll::Ready(Ok(_))));
    let latch = Latch::new(2);
    let mut open = pin!(latch.count_down_and_wait());
    assert!(poll!(open).is_pending());
    drop(latch.token());
    assert!(poll!(open).is_ready());
    let event = Event::new();
    let mut set = pin!(event.wait());
    assert!(poll!(set).is_pending());
    event.set();
    assert!(poll!(set).is_ready());
    let auto = AutoEvent::new();
    let mut set = pin!(auto.wait());
    assert!(poll!(set).is_pending());
    auto.set();
    assert!(poll!(set).is_ready() && !auto.try_wait());
    let notify = Notify::new();
    let mut listens = pin!(notify.listen());
    assert!(!listens.as_mut().enable());
    assert!(notify.notify_one());
    assert!(poll!(listens).is_ready());
}

#[test]
fn cond() {
    // A call that grows old goes to the next, and on a slow machine this one would.
    #[cfg(feature = "std")]
    sync_core::clock::set_virtual(Some(1));
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut first = pin!(cond.wait(mutex.try_lock().unwrap()));
    assert!(poll!(first).is_pending());
    let mut second = pin!(cond.wait_while(mutex.try_lock().unwrap(), |n| *n < 2));
    assert!(poll!(second).is_pending());
    *mutex.try_lock().unwrap() = 1;
    assert_eq!(cond.notify_all(), 2);
    assert!(poll!(second).is_pending());
    let Poll::Ready(mut guard) = poll!(first) else {
        panic!("it was called, and the lock is free")
    };
    *guard = 2;
    drop(guard);
    assert!(poll!(second).is_ready());
    assert!(!cond.notify_one());
}
