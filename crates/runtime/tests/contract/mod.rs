//! What every adapter must do, written once. `contract!(adapter)` makes a test of each promise.

use std::future::{pending, poll_fn};
use std::panic::panic_any;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::join_all;
use runtime::{JoinHandle, MissedTick, Spawn, Timer};

pub(crate) const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(30);

macro_rules! contract {
    ($with:path) => {
        contract!($with:
            output, many_tasks, detach_on_drop, panic_reaches_the_handle,
            panic_with_any_payload, abort_drops_the_future_first, abort_before_the_first_poll,
            abort_from_inside, abort_of_a_finished_task, abort_of_a_running_poll,
            panic_in_a_destructor_on_abort, panic_in_a_destructor_on_completion,
            panic_in_the_destructor_of_an_unwanted_output, handle_survives_a_dropped_poll,
            is_finished_turns_true, blocking_output, blocking_panic, blocking_abort_has_no_effect,
            blocking_does_not_stall_others, sleep_lasts, sleep_in_the_past, sleep_dropped_at_once,
            sleep_moved_between_tasks, sleep_for_ever, timeout_ready_wins_at_zero,
            timeout_elapses, timeout_in_time, timeout_max, timeout_keeps_a_borrowed_future,
            timeout_dropped_at_each_point, interval_ticks, interval_tick_dropped,
            works_from_any_thread);
    };
    ($with:path: $($name:ident),* $(,)?) => {
        $(#[test] fn $name() { $with(|rt| crate::contract::$name(rt)); })*
    };
}

pub(crate) use contract;

/// Counts its drops.
pub(crate) struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct PanicOnDrop(&'static str);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic_any(self.0);
    }
}

/// Polls once and lets go.
pub(crate) async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn until<R: Timer>(rt: &R, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "the condition never came true");
        rt.sleep(MS).await;
    }
}

pub(crate) async fn output<R: Spawn>(rt: R) {
    assert_eq!(rt.spawn(async { 6 * 7 }).await.unwrap(), 42);
}

pub(crate) async fn many_tasks<R: Spawn>(rt: R) {
    let count = if cfg!(miri) { 20 } else { 500_u64 };
    let tasks: Vec<_> = (0..count).map(|n| rt.spawn(async move { n })).collect();
    let sum: u64 = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(sum, (count - 1) * count / 2);
}

pub(crate) async fn detach_on_drop<R: Spawn + Timer>(rt: R) {
    let done = Arc::new(AtomicBool::new(false));
    drop(rt.spawn({
        let (rt, done) = (rt.clone(), done.clone());
        async move {
            rt.sleep(5 * MS).await;
            done.store(true, Ordering::SeqCst);
        }
    }));
    until(&rt, || done.load(Ordering::SeqCst)).await;
}

pub(crate) async fn panic_reaches_the_handle<R: Spawn>(rt: R) {
    let error = rt
        .spawn(async { panic!("out of {}", "cheese") })
        .await
        .unwrap_err();
    assert!(error.is_panic() && !error.is_aborted());
    assert_eq!(error.panic_message(), "out of cheese");
    // The runtime is unharmed.
    assert_eq!(rt.spawn(async { 1 }).await.unwrap(), 1);
}

pub(crate) async fn panic_with_any_payload<R: Spawn>(rt: R) {
    let error = rt.spawn(async { panic_any(7_u32) }).await.unwrap_err();
    assert_eq!(error.panic_message(), "Box<dyn Any>");
    assert_eq!(*error.into_panic().downcast::<u32>().unwrap(), 7);
}

pub(crate) async fn abort_drops_the_future_first<R: Spawn + Timer>(rt: R) {
    let drops = Arc::new(AtomicUsize::new(0));
    let polled = Arc::new(AtomicBool::new(false));
    let task = rt.spawn({
        let (held, polled) = (CountDrop(drops.clone()), polled.clone());
        async move {
            let _held = held;
            polled.store(true, Ordering::SeqCst);
            pending::<()>().await;
        }
    });
    until(&rt, || polled.load(Ordering::SeqCst)).await;
    assert!(!task.is_finished());
    task.abort();
    task.abort();
    let error = task.await.unwrap_err();
    assert!(error.is_aborted() && !error.is_panic());
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

pub(crate) async fn abort_before_the_first_poll<R: Spawn>(rt: R) {
    // Whether the task gets its first poll is the runtime's business; that it ends is not.
    for _ in 0..100 {
        let drops = Arc::new(AtomicUsize::new(0));
        let held = CountDrop(drops.clone());
        let task = rt.spawn(async move {
            let _held = held;
            pending::<()>().await
        });
        task.abort();
        assert!(task.await.unwrap_err().is_aborted());
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }
}

pub(crate) async fn abort_from_inside<R: Spawn>(rt: R) {
    let (give, take) = mpsc::channel::<R::Handle<()>>();
    let (abort, aborted) = mpsc::channel();
    let task = rt.spawn(async move {
        // The handle arrives before the first poll can pass this line.
        let me = take.recv().unwrap();
        me.abort();
        abort.send(me).unwrap();
        pending::<()>().await;
    });
    give.send(task).unwrap();
    let me = rt
        .spawn_blocking(move || aborted.recv().unwrap())
        .await
        .unwrap();
    assert!(me.await.unwrap_err().is_aborted());
}

pub(crate) async fn abort_of_a_finished_task<R: Spawn + Timer>(rt: R) {
    let task = rt.spawn(async { 5 });
    until(&rt, || task.is_finished()).await;
    task.abort();
    assert_eq!(task.await.unwrap(), 5);
}

pub(crate) async fn abort_of_a_running_poll<R: Spawn>(rt: R) {
    let (entered_send, entered) = mpsc::channel();
    let (leave, leave_recv) = mpsc::channel::<()>();
    let task = rt.spawn(async move {
        entered_send.send(()).unwrap();
        leave_recv.recv().unwrap();
        pending::<()>().await;
    });
    let (task, entered) = rt
        .spawn_blocking(move || {
            entered.recv().unwrap();
            (task, entered)
        })
        .await
        .unwrap();
    task.abort();
    leave.send(()).unwrap();
    assert!(task.await.unwrap_err().is_aborted());
    drop(entered);
}

pub(crate) async fn panic_in_a_destructor_on_abort<R: Spawn>(rt: R) {
    let bomb = PanicOnDrop("destructor");
    let task = rt.spawn(async move {
        let _bomb = bomb;
        pending::<()>().await
    });
    task.abort();
    assert_eq!(task.await.unwrap_err().panic_message(), "destructor");
    assert_eq!(rt.spawn(async { 1 }).await.unwrap(), 1);
}

pub(crate) async fn panic_in_a_destructor_on_completion<R: Spawn>(rt: R) {
    struct Ready(#[allow(dead_code, reason = "held for its destructor")] PanicOnDrop);
    impl Future for Ready {
        type Output = u8;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<u8> {
            Poll::Ready(1)
        }
    }
    // tokio reports the output or the panic, depending on its version; either way the handle
    // resolves and the runtime lives.
    match rt.spawn(Ready(PanicOnDrop("destructor"))).await {
        Ok(output) => assert_eq!(output, 1),
        Err(error) => assert_eq!(error.panic_message(), "destructor"),
    }
    assert_eq!(rt.spawn(async { 1 }).await.unwrap(), 1);
}

pub(crate) async fn panic_in_the_destructor_of_an_unwanted_output<R: Spawn + Timer>(rt: R) {
    let reached = Arc::new(AtomicBool::new(false));
    drop(rt.spawn({
        let (rt, reached) = (rt.clone(), reached.clone());
        async move {
            rt.sleep(MS).await;
            reached.store(true, Ordering::SeqCst);
            PanicOnDrop("unwanted")
        }
    }));
    until(&rt, || reached.load(Ordering::SeqCst)).await;
    assert_eq!(rt.spawn(async { 1 }).await.unwrap(), 1);
}

pub(crate) async fn handle_survives_a_dropped_poll<R: Spawn + Timer>(rt: R) {
    let (go, gone) = oneshot::channel();
    let mut task = rt.spawn(async move { gone.await.unwrap() });
    assert!(poll_once(&mut task).await.is_none());
    assert!(rt.timeout(MS, &mut task).await.is_err());
    // From another task, hence with another waker.
    let outer = rt.spawn(async move { task.await.unwrap() });
    go.send(9).unwrap();
    assert_eq!(outer.await.unwrap(), 9);
}

pub(crate) async fn is_finished_turns_true<R: Spawn + Timer>(rt: R) {
    let ok = rt.spawn(async {});
    let panicked = rt.spawn(async { panic!("on purpose") });
    let aborted = rt.spawn(pending::<()>());
    assert!(!aborted.is_finished());
    aborted.abort();
    until(&rt, || {
        ok.is_finished() && panicked.is_finished() && aborted.is_finished()
    })
    .await;
}

pub(crate) async fn blocking_output<R: Spawn>(rt: R) {
    let work = || {
        thread::sleep(5 * MS);
        3
    };
    assert_eq!(rt.spawn_blocking(work).await.unwrap(), 3);
}

pub(crate) async fn blocking_panic<R: Spawn>(rt: R) {
    let error = rt
        .spawn_blocking(|| panic!("in the pool"))
        .await
        .unwrap_err();
    assert_eq!(error.panic_message(), "in the pool");
}

pub(crate) async fn blocking_abort_has_no_effect<R: Spawn>(rt: R) {
    let (entered_send, entered) = mpsc::channel();
    let (leave, leave_recv) = mpsc::channel::<()>();
    let work = rt.spawn_blocking(move || {
        entered_send.send(()).unwrap();
        leave_recv.recv().unwrap();
        8
    });
    entered.recv().unwrap();
    work.abort();
    leave.send(()).unwrap();
    assert_eq!(work.await.unwrap(), 8);
}

pub(crate) async fn blocking_does_not_stall_others<R: Spawn + Timer>(rt: R) {
    let (leave, leave_recv) = mpsc::channel::<()>();
    let work = rt.spawn_blocking(move || leave_recv.recv().unwrap());
    assert_eq!(rt.spawn(async { 1 }).await.unwrap(), 1);
    rt.sleep(MS).await;
    leave.send(()).unwrap();
    work.await.unwrap();
}

pub(crate) async fn sleep_lasts<R: Timer>(rt: R) {
    let start = rt.now();
    rt.sleep(20 * MS).await;
    assert!(rt.now() - start >= 20 * MS);
}

pub(crate) async fn sleep_in_the_past<R: Timer>(rt: R) {
    rt.sleep_until(rt.now()).await;
    rt.sleep(Duration::ZERO).await;
    if let Some(past) = rt.now().checked_sub(5 * MS) {
        rt.sleep_until(past).await;
    }
}

pub(crate) async fn sleep_dropped_at_once<R: Timer>(rt: R) {
    drop(rt.sleep(MS));
    for _ in 0..10 {
        assert!(poll_once(rt.sleep(LONG)).await.is_none());
    }
    rt.sleep(2 * MS).await;
}

pub(crate) async fn sleep_moved_between_tasks<R: Spawn + Timer>(rt: R) {
    let mut sleep = Box::pin(rt.sleep(20 * MS));
    assert!(poll_once(&mut sleep).await.is_none());
    rt.spawn(sleep).await.unwrap();
}

pub(crate) async fn sleep_for_ever<R: Timer>(rt: R) {
    assert!(poll_once(rt.sleep(Duration::MAX)).await.is_none());
    if let Some(far) = rt.now().checked_add(Duration::from_secs(1 << 40)) {
        assert!(rt.timeout(5 * MS, rt.sleep_until(far)).await.is_err());
    }
}

pub(crate) async fn timeout_ready_wins_at_zero<R: Timer>(rt: R) {
    assert_eq!(rt.timeout(Duration::ZERO, async { 4 }).await, Ok(4));
    assert_eq!(rt.timeout_at(rt.now(), async { 4 }).await, Ok(4));
}

pub(crate) async fn timeout_elapses<R: Timer>(rt: R) {
    let start = rt.now();
    assert!(rt.timeout(10 * MS, pending::<()>()).await.is_err());
    assert!(rt.now() - start >= 10 * MS);
    assert!(rt.timeout(Duration::ZERO, pending::<()>()).await.is_err());
    assert!(rt.timeout_at(start, pending::<()>()).await.is_err());
}

pub(crate) async fn timeout_in_time<R: Timer>(rt: R) {
    assert_eq!(rt.timeout(LONG, rt.sleep(5 * MS)).await, Ok(()));
}

pub(crate) async fn timeout_max<R: Timer>(rt: R) {
    assert_eq!(rt.timeout(Duration::MAX, rt.sleep(MS)).await, Ok(()));
    assert!(
        poll_once(rt.timeout(Duration::MAX, pending::<()>()))
            .await
            .is_none()
    );
}

pub(crate) async fn timeout_keeps_a_borrowed_future<R: Timer>(rt: R) {
    let (send, mut receive) = oneshot::channel();
    assert!(rt.timeout(MS, &mut receive).await.is_err());
    send.send(4).unwrap();
    assert_eq!(receive.await, Ok(4));
}

pub(crate) async fn timeout_dropped_at_each_point<R: Timer>(rt: R) {
    let drops = Arc::new(AtomicUsize::new(0));
    for polls in 0..3 {
        let held = CountDrop(drops.clone());
        let mut timeout = Box::pin(rt.timeout(LONG, async move {
            let _held = held;
            pending::<()>().await
        }));
        for _ in 0..polls {
            assert!(poll_once(&mut timeout).await.is_none());
        }
        drop(timeout);
        assert_eq!(drops.load(Ordering::SeqCst), polls + 1);
    }
}

pub(crate) async fn interval_ticks<R: Timer>(rt: R) {
    let start = rt.now();
    let mut interval = rt.interval(10 * MS).with_missed_tick(MissedTick::Skip);
    let first = interval.tick().await;
    assert!(first >= start && first <= rt.now());
    let mut last = first;
    for _ in 0..3 {
        let due = interval.tick().await;
        assert!(due <= rt.now() && due > last);
        assert_eq!((due - first).as_nanos() % (10 * MS).as_nanos(), 0);
        last = due;
    }
}

pub(crate) async fn interval_tick_dropped<R: Timer>(rt: R) {
    let mut interval = rt.interval(10 * MS);
    let next = interval.tick().await + 10 * MS;
    for _ in 0..3 {
        drop(interval.tick());
        // If this thread is late, so is the tick, and it is the next one all the same.
        if let Some(tick) = poll_once(interval.tick()).await {
            assert!(tick == next && rt.now() >= next);
            return;
        }
    }
    assert_eq!(interval.tick().await, next);
}

pub(crate) async fn works_from_any_thread<R: Spawn + Timer>(rt: R) {
    let other = rt.clone();
    let (task, sleep) = thread::spawn(move || {
        let _ = other.now();
        (other.spawn(async { 2 }), other.sleep(5 * MS))
    })
    .join()
    .unwrap();
    sleep.await;
    assert_eq!(task.await.unwrap(), 2);
}
