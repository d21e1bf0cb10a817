//! The mutex: what needs our own API. See [`any_mutex`](super::any_mutex) for the rest.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_sync::RawMutex;
use async_sync::mutex::{Adaptive, Fifo, Mutex, OwnedMutexGuard};
use futures::future::{Either, poll_fn, poll_immediate, select};

use crate::{Runtime, until};

/// S2: a mutex that nobody has initialised works, also inside of something else.
///
/// # Panics
///
/// If it does not.
pub async fn s2_default<R: Runtime>(_rt: R) {
    #[derive(Default)]
    struct Account {
        balance: Mutex<i64>,
        log: RawMutex,
    }
    let account = Account::default();
    account.log.lock().await;
    *account.balance.lock().await += 1;
    account.log.unlock();
    assert_eq!(account.balance.into_inner(), 1);
}

/// S3: unlocking a free raw mutex panics with Go's text, after what came before it.
///
/// # Panics
///
/// If it does not.
pub async fn s3_unlock_of_unlocked<R: Runtime>(rt: R) {
    let said = Arc::new(Mutex::new(""));
    let body = Arc::clone(&said);
    let task = rt.spawn(async move {
        let mutex = RawMutex::<Adaptive>::new();
        let unlock = std::panic::AssertUnwindSafe(|| mutex.unlock());
        *body.lock().await = "hello world!";
        let panic = std::panic::catch_unwind(unlock).expect_err("it is not locked");
        *panic.downcast_ref::<&str>().expect("a text")
    });
    let text = task.await.expect("the panic is caught");
    assert!(text.contains("unlock of unlocked mutex"), "{text}");
    assert_eq!(*said.lock().await, "hello world!");
}

/// S4 (raw): any task may unlock, and the next waiter gets the lock.
///
/// # Panics
///
/// If it does not.
pub async fn s4_any_task_unlocks<R: Runtime>(rt: R) {
    let mutex = Arc::new(RawMutex::<Adaptive>::new());
    mutex.lock().await;
    let waiter = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move {
            mutex.lock().await;
            mutex.unlock();
        }
    });
    until(&rt, || mutex.waiters() == 1).await;
    let unlocker = Arc::clone(&mutex);
    let unlocker = rt.spawn(async move { unlocker.unlock() });
    unlocker.await.expect("the unlocker ends");
    waiter.await.expect("the waiter ends");
    assert!(!mutex.is_locked());
}

/// S4: a guard may be released by another task than locked it.
///
/// # Panics
///
/// If the next waiter does not get the lock.
pub async fn s4_guards_move<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::new(1));
    let guard = Arc::clone(&mutex).lock_owned().await;
    let waiter = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move { *mutex.lock().await }
    });
    let releaser = rt.spawn(async move {
        let mut guard = guard;
        *guard += 1;
        drop(OwnedMutexGuard::map(guard, |value| value));
    });
    releaser.await.expect("the releaser ends");
    assert_eq!(waiter.await.expect("the waiter ends"), 2);
}

/// S16: the snapshot counts holder and waiters, while they come and go.
///
/// # Panics
///
/// If it does not.
pub async fn s16_metrics<R: Runtime>(rt: R) {
    const TASKS: usize = 100;
    let mutex = Arc::new(Mutex::new(()));
    let finished = Arc::new(AtomicUsize::new(0));
    let guard = mutex.lock().await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (mutex, finished, rt) = (Arc::clone(&mutex), Arc::clone(&finished), rt.clone());
            rt.clone().spawn(async move {
                let guard = mutex.lock().await;
                rt.sleep(Duration::from_micros(100)).await;
                finished.fetch_add(1, Ordering::SeqCst);
                drop(guard);
            })
        })
        .collect();
    until(&rt, || mutex.metrics().count() == TASKS + 1).await;
    assert!(mutex.is_locked());
    drop(guard);
    for _ in 0..5 {
        rt.sleep(Duration::from_millis(1)).await;
        let before = finished.load(Ordering::SeqCst);
        let count = mutex.metrics().count();
        let after = finished.load(Ordering::SeqCst);
        // The last to finish may not have released yet.
        let possible = TASKS - after..=TASKS - before + 1;
        assert!(possible.contains(&count), "{count}, not {possible:?}");
    }
    for task in tasks {
        task.await.expect("a task ends");
    }
    assert_eq!(mutex.metrics().count(), 0);
}

/// S8: a newcomer may win against a waiter that was woken, which keeps its place at the front.
///
/// # Panics
///
/// If a later waiter gets the lock first.
pub async fn s8_newcomer_wins<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::<_>::new(Vec::new()));
    let guard = mutex.lock().await;
    let looks: Arc<[AtomicUsize; 2]> = Arc::default();
    let mut waiters = Vec::new();
    for n in 0..2 {
        let (waiter, looks) = (Arc::clone(&mutex), Arc::clone(&looks));
        waiters.push(rt.spawn(async move {
            let mut lock = pin!(waiter.lock());
            let locked = poll_fn(|cx| {
                let polled = lock.as_mut().poll(cx);
                looks[n].fetch_add(1, Ordering::SeqCst);
                polled
            });
            locked.await.push(n);
        }));
        until(&rt, || mutex.waiters() == n + 1).await;
    }
    drop(guard);
    // On one thread the newcomer wins. On two it may, or the first waiter does.
    let newcomer = mutex.lock().await;
    // It has looked again, and lost. (Had it not for a millisecond, the next might be called.)
    until(&rt, || looks[0].load(Ordering::SeqCst) == 2).await;
    drop(newcomer);
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
    assert_eq!(*mutex.lock().await, [0, 1]);
}

/// S9, S10, S11: a waiter that loses after a millisecond turns the lock starving. Then it is handed
/// over: to the waiter, not to a newcomer that asks at that very moment; the newcomer queues behind
/// it, is not polled meanwhile, and gets the lock next; and as the last one ends the starving.
///
/// # Panics
///
/// If it is not so.
pub async fn s9_starving<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::<_>::new(Vec::new()));
    loop {
        let guard = mutex.lock().await;
        let waiter = rt.spawn({
            let mutex = Arc::clone(&mutex);
            async move { mutex.lock().await.push("waiter") }
        });
        until(&rt, || mutex.waiters() == 1).await;
        rt.sleep(Duration::from_millis(2)).await;
        drop(guard);
        let newcomer = poll_immediate(mutex.lock()).await;
        let Some(guard) = newcomer.filter(|guard| guard.is_empty()) else {
            // With two threads the waiter may be faster. Once more.
            waiter.await.expect("the waiter ends");
            mutex.lock().await.clear();
            continue;
        };
        // The waiter is polled, and loses.
        until(&rt, || mutex.is_starving()).await;
        let freed = rt.now();
        drop(guard);
        // Handed over: not to be had before the waiter, which on two threads may have been here.
        let early = mutex.try_lock().is_some_and(|after| after.is_empty());
        let (mut polls, mut took) = (0, Duration::ZERO);
        let mut newcomer = pin!(mutex.lock());
        let mut newcomer = poll_fn(|cx| {
            polls += 1;
            let polled = newcomer.as_mut().poll(cx);
            if polls == 1 {
                took = rt.now() - freed;
            }
            polled
        })
        .await;
        newcomer.push("newcomer");
        let order = newcomer.clone();
        drop(newcomer);
        waiter.await.expect("the waiter ends");
        if took > Duration::from_micros(900) {
            // What is handed over is kept for a millisecond, and this thread was stopped. Once more.
            mutex.lock().await.clear();
            continue;
        }
        assert!(!early);
        assert_eq!(order, ["waiter", "newcomer"]);
        assert!(polls <= 2, "polled {polls} times");
        break;
    }
    assert!(!mutex.is_starving());
}

/// S11b: the lock stays starving as long as its new owners have waited for a millisecond and others
/// wait; the last one ends it.
///
/// # Panics
///
/// If it does not.
pub async fn s11_ends_with_the_last<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::<_>::new(Vec::new()));
    let mut waiters = Vec::new();
    // Until the newcomer wins, which is a matter of luck where there are two threads.
    let mut guard = mutex.lock().await;
    loop {
        for n in 0..3 {
            let waiter = Arc::clone(&mutex);
            waiters.push(rt.spawn({
                let rt = rt.clone();
                async move {
                    let mut guard = waiter.lock().await;
                    rt.sleep(Duration::from_millis(2)).await;
                    let starving = waiter.is_starving();
                    guard.push((n, starving));
                }
            }));
            until(&rt, || mutex.waiters() == n + 1).await;
        }
        rt.sleep(Duration::from_millis(2)).await;
        drop(guard);
        let newcomer = poll_immediate(mutex.lock()).await;
        if let Some(won) = newcomer.filter(|guard| guard.is_empty()) {
            guard = won;
            break;
        }
        for waiter in waiters.drain(..) {
            waiter.await.expect("a waiter ends");
        }
        guard = mutex.lock().await;
        guard.clear();
    }
    until(&rt, || mutex.is_starving()).await;
    drop(guard);
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
    assert_eq!(*mutex.lock().await, [(0, true), (1, true), (2, false)]);
}

/// Futurelock within a task (RFD 609): a select loop keeps a lock future that has become ready, and
/// awaits the same lock elsewhere.
///
/// # Panics
///
/// If the second lock is not to be had. (A hang is reported by the runner.)
pub async fn futurelock_in_one_task<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::new(0));
    let guard = Arc::clone(&mutex).lock_owned().await;
    let sleep = rt.sleep(Duration::from_millis(5));
    let background = rt.spawn(async move {
        sleep.await;
        drop(guard);
    });
    let mut parked = Box::pin(mutex.lock());
    match select(parked.as_mut(), pin!(rt.sleep(Duration::from_millis(1)))).await {
        // The lock became free already: nothing to show in this schedule.
        Either::Left((mut guard, _)) => *guard += 1,
        Either::Right(_) => {
            // `parked` is first in line. Now await the lock a second time.
            *mutex.lock().await += 1;
            // And the parked future is none the worse for it.
            *parked.await += 1;
        }
    }
    background.await.expect("the background task ends");
    assert_eq!(mutex.metrics().count(), 0);
}

/// Futurelock across tasks: the lock was handed to a future that nobody polls; others get it all
/// the same once the baton is stale.
///
/// # Panics
///
/// If they do not. (A hang is reported by the runner.)
pub async fn futurelock_across_tasks<R: Runtime>(rt: R) {
    let mutex = Arc::new(Mutex::<_, Fifo>::with_policy(0));
    let guard = mutex.lock().await;
    let mut parked = Box::pin(mutex.lock());
    let pending = poll_fn(|cx| Poll::Ready(parked.as_mut().poll(cx).is_pending())).await;
    assert!(pending);
    let next = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move { *mutex.lock().await += 1 }
    });
    until(&rt, || mutex.waiters() == 2).await;
    drop(guard); // handed to `parked`
    rt.sleep(Duration::from_millis(3)).await;
    // Any later operation, of whichever task: here, a newcomer.
    let newcomer = rt.spawn({
        let mutex = Arc::clone(&mutex);
        async move { *mutex.lock().await += 1 }
    });
    next.await.expect("the next in line gets the lock");
    newcomer.await.expect("the newcomer gets the lock");
    assert_eq!(
        *parked.await,
        2,
        "and so does the parked future, in the end"
    );
}

/// `lock_when`: producer and consumer without anything but a mutex.
///
/// # Panics
///
/// If an item is lost.
pub async fn conditional_sections<R: Runtime>(rt: R) {
    let shelf = Arc::new(Mutex::new(Vec::new()));
    let consumers = (0..3).map(|_| {
        let shelf = Arc::clone(&shelf);
        async move {
            let mut sum = 0;
            for _ in 0..5 {
                let mut shelf = shelf.lock_when(|shelf: &Vec<u32>| !shelf.is_empty()).await;
                sum += shelf.pop().expect("the condition holds");
            }
            sum
        }
    });
    let consumers: Vec<_> = consumers.map(|task| rt.spawn(task)).collect();
    for n in 1..=15 {
        shelf.lock_when(|shelf| shelf.len() < 2).await.push(n);
    }
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.await.expect("a consumer ends");
    }
    assert_eq!(sum, 120);
}
