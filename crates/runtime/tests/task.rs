//! `task()` by hand: every order of poll, abort and drop, foreign wakers, panicking destructors.

use std::future::{Pending, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::executor::block_on;
use futures::task::noop_waker;
use runtime::{JoinError, TaskHandle, task};

/// Counts wake-ups, and runs something at each.
struct Probe<F>(AtomicUsize, F);

impl<F: Fn() + Send + Sync + 'static> Wake for Probe<F> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        (self.1)();
    }
}

fn probe() -> Arc<Probe<fn()>> {
    Arc::new(Probe(AtomicUsize::new(0), || ()))
}

fn woken<F>(probe: &Probe<F>) -> usize {
    probe.0.load(Ordering::SeqCst)
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any("bomb");
    }
}

#[test]
fn abort_wakes_the_task_and_ends_it() {
    let (mut task, mut handle) = task(pending::<()>());
    let (runs, joins) = (probe(), probe());
    assert!(poll(&mut task, &runs.clone().into()).is_pending());
    assert!(poll(&mut handle, &joins.clone().into()).is_pending());
    handle.abort();
    assert_eq!((woken(&runs), woken(&joins)), (1, 0));
    assert!(!handle.is_finished(), "not before the future is gone");
    assert!(poll(&mut task, &runs.clone().into()).is_ready());
    assert_eq!(woken(&joins), 1);
    assert!(matches!(
        poll(&mut handle, &noop_waker()),
        Poll::Ready(Err(JoinError::Aborted))
    ));
}

#[test]
fn abort_before_the_first_poll_never_polls_the_future() {
    let (mut task, handle) = task(Box::pin(async { unreachable!("polled after abort") }));
    handle.abort();
    assert!(poll(&mut task, &noop_waker()).is_ready());
    assert!(block_on::<TaskHandle<()>>(handle).unwrap_err().is_aborted());
}

#[test]
fn a_dropped_task_is_aborted() {
    for polls in 0..2 {
        let drops = Arc::new(AtomicUsize::new(0));
        let held = CountDrop(drops.clone());
        let (mut task, mut handle) = task(Box::pin(async move {
            let _held = held;
            pending::<()>().await
        }));
        let joins = probe();
        assert!(poll(&mut handle, &joins.clone().into()).is_pending());
        for _ in 0..polls {
            assert!(poll(&mut task, &noop_waker()).is_pending());
        }
        drop(task);
        assert_eq!((drops.load(Ordering::SeqCst), woken(&joins)), (1, 1));
        assert!(block_on(handle).unwrap_err().is_aborted());
    }
}

#[test]
fn the_last_waker_counts_on_both_sides() {
    let (mut task, mut handle) = task(pending::<()>());
    let (old, new) = (probe(), probe());
    for waker in [&old, &new] {
        assert!(poll(&mut task, &waker.clone().into()).is_pending());
        assert!(poll(&mut handle, &waker.clone().into()).is_pending());
    }
    assert_eq!(Arc::strong_count(&old), 1, "a replaced waker is dropped");
    handle.abort();
    assert!(poll(&mut task, &new.clone().into()).is_ready());
    assert_eq!((woken(&old), woken(&new)), (0, 2));
    drop(handle);
    assert_eq!(Arc::strong_count(&new), 1, "a finished task keeps no waker");
}

/// A waker that re-enters the handle from `wake`: a lock held there would deadlock.
#[test]
fn wakers_may_re_enter() {
    let (mut task, handle) = task(pending::<()>());
    let handle = Arc::new(Mutex::new(handle));
    let inside = handle.clone();
    let re_enter = move || {
        // The outer call holds the mutex in the first wake-up; then there is nothing to check.
        if let Ok(handle) = inside.try_lock() {
            handle.abort();
            let _ = handle.is_finished();
        }
    };
    let waker = Waker::from(Arc::new(Probe(AtomicUsize::new(0), re_enter)));
    assert!(poll(&mut task, &waker).is_pending());
    assert!(poll(&mut *handle.lock().unwrap(), &waker).is_pending());
    handle.lock().unwrap().abort();
    assert!(poll(&mut task, &waker).is_ready());
    assert!(handle.lock().unwrap().is_finished());
}

#[test]
fn destructors_that_panic_reach_the_handle() {
    // On abort, on drop of the task, on completion.
    let with_bomb = || {
        task(Box::pin(async {
            let _bomb = Bomb;
            pending::<()>().await
        }))
    };
    let (mut aborted, handle) = with_bomb();
    assert!(poll(&mut aborted, &noop_waker()).is_pending());
    handle.abort();
    assert!(poll(&mut aborted, &noop_waker()).is_ready());
    assert_eq!(block_on(handle).unwrap_err().panic_message(), "bomb");

    let (mut dropped, handle) = with_bomb();
    assert!(poll(&mut dropped, &noop_waker()).is_pending());
    drop(dropped);
    assert_eq!(block_on(handle).unwrap_err().panic_message(), "bomb");

    struct Ready(Option<Bomb>);
    impl Future for Ready {
        type Output = u8;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
            assert!(self.0.is_some());
            Poll::Ready(1)
        }
    }
    let (mut completed, handle) = task(Ready(Some(Bomb)));
    assert!(poll(&mut completed, &noop_waker()).is_ready());
    assert_eq!(block_on(handle).unwrap_err().panic_message(), "bomb");
}

#[test]
fn the_first_of_two_panics_is_reported() {
    struct Twice;
    impl Future for Twice {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("poll")
        }
    }
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("drop")
        }
    }
    let (mut task, handle) = task(Twice);
    assert!(poll(&mut task, &noop_waker()).is_ready());
    assert_eq!(block_on(handle).unwrap_err().panic_message(), "poll");
}

#[test]
fn an_unwanted_output_is_dropped_by_the_task() {
    let drops = Arc::new(AtomicUsize::new(0));
    let output = CountDrop(drops.clone());
    let (mut detached, handle) = task(Box::pin(async move { output }));
    drop(handle);
    assert!(poll(&mut detached, &noop_waker()).is_ready());
    assert_eq!(drops.load(Ordering::SeqCst), 1);

    let (mut detached, handle) = task(std::future::ready(Bomb));
    drop(handle);
    assert!(poll(&mut detached, &noop_waker()).is_ready());
    drop(detached);
}

#[test]
fn an_output_nobody_took_is_dropped_with_the_handle() {
    let drops = Arc::new(AtomicUsize::new(0));
    let output = CountDrop(drops.clone());
    let (mut finished, handle) = task(Box::pin(async move { output }));
    assert!(poll(&mut finished, &noop_waker()).is_ready());
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(handle);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn polls_after_completion_panic() {
    let (mut finished, mut handle) = task(std::future::ready(1));
    assert!(poll(&mut finished, &noop_waker()).is_ready());
    let again = catch_unwind(AssertUnwindSafe(|| poll(&mut finished, &noop_waker())));
    assert_eq!(
        *again.unwrap_err().downcast::<&str>().unwrap(),
        "Task polled after completion"
    );
    assert!(matches!(
        poll(&mut handle, &noop_waker()),
        Poll::Ready(Ok(1))
    ));
    let again = catch_unwind(AssertUnwindSafe(|| poll(&mut handle, &noop_waker())));
    let text = *again.map(|_| ()).unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(text, "TaskHandle polled after completion");
    assert!(handle.is_finished());
    handle.abort();
}

#[test]
fn not_send_futures_are_welcome() {
    let (mut local, handle) = task(Box::pin(async { std::rc::Rc::new(5) }));
    assert!(poll(&mut local, &noop_waker()).is_ready());
    assert_eq!(*block_on(handle).unwrap(), 5);
}

#[test]
fn debug_says_whether_it_finished() {
    let (task, handle): (runtime::Task<Pending<()>>, _) = task(pending());
    assert_eq!(format!("{task:?}"), "Task { finished: false, .. }");
    drop(task);
    assert_eq!(format!("{handle:?}"), "TaskHandle { finished: true, .. }");
}

/// Abort against the polls of another thread: the handle always resolves, the future always goes.
#[test]
fn abort_races_with_the_runner() {
    for _ in 0..if cfg!(miri) { 20 } else { 500 } {
        let drops = Arc::new(AtomicUsize::new(0));
        let held = CountDrop(drops.clone());
        let (task, handle) = task(async move {
            let _held = held;
            futures::pending!();
            6
        });
        let runner = thread::spawn(move || block_on(task));
        let aborter = {
            let handle = Arc::new(handle);
            let other = handle.clone();
            thread::spawn(move || other.abort()).join().unwrap();
            Arc::try_unwrap(handle).unwrap()
        };
        assert!(block_on(aborter).unwrap_err().is_aborted());
        runner.join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }
}
