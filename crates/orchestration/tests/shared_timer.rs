//! The shared timer keeps the contract of every timer; and what is its own.

mod common;
#[allow(dead_code, reason = "the module is shared with the tests of `runtime`")]
#[path = "../../runtime/tests/contract/mod.rs"]
mod contract;

use std::pin::pin;
use std::time::{Duration, Instant};

use async_sync::Context;
use common::{on_mini, poll_once, yield_now};
use futures_util::FutureExt as _;
use orchestration::schedgroup::{SharedSleep, SharedTimer};
use runtime::{Spawn, Timer, TokioRuntime};

/// A runtime that spawns as another one does, and sleeps by the shared timer.
#[derive(Clone)]
struct Both<R: Spawn + Timer>(R, SharedTimer<R>);

impl<R: Spawn + Timer> Both<R> {
    fn new(rt: R) -> Self {
        Self(rt.clone(), SharedTimer::new(rt))
    }
}

impl<R: Spawn + Timer> Spawn for Both<R> {
    type Handle<T: Send + 'static> = R::Handle<T>;

    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future)
    }

    fn spawn_blocking<F, T>(&self, work: F) -> Self::Handle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn_blocking(work)
    }
}

impl<R: Spawn + Timer> Timer for Both<R> {
    type Sleep = SharedSleep<R>;

    fn now(&self) -> Instant {
        self.1.now()
    }

    fn sleep_until(&self, deadline: Instant) -> SharedSleep<R> {
        self.1.sleep_until(deadline)
    }

    fn sleep(&self, duration: Duration) -> SharedSleep<R> {
        self.1.sleep(duration)
    }
}

mod on_tokio {
    use super::*;
    use crate::contract::contract;

    fn with<F: Future<Output = ()>>(test: impl FnOnce(Both<TokioRuntime>) -> F) {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let tokio = builder.worker_threads(2).enable_time().build().unwrap();
        let rt = TokioRuntime::from(tokio.handle().clone());
        tokio.block_on(test(Both::new(rt)));
    }

    contract!(with);
}

#[test]
fn thousands_of_sleeps_are_one_timer_and_no_wake_up() {
    on_mini(|rt| async move {
        let timer = SharedTimer::new(rt.clone());
        let second = Duration::from_secs(1);
        let mut first = pin!(timer.sleep(second));
        assert!(poll_once(first.as_mut()).await.is_none());
        // Until the driver sleeps.
        rt.sleep(second / 2).await;
        let polls = rt.metrics().polls;
        for n in 0..if cfg!(miri) { 50 } else { 1000 } {
            let mut timeout = pin!(timer.timeout(second * (n + 1), std::future::pending::<()>()));
            assert!(poll_once(timeout.as_mut()).await.is_none());
            assert_eq!(timer.waiting(), 2);
        }
        for _ in 0..5 {
            rt.yield_now().await;
        }
        let metrics = rt.metrics();
        assert_eq!(
            (metrics.polls - polls, metrics.timers, timer.waiting()),
            (5, 1, 1)
        );
        first.await;
        assert_eq!(rt.elapsed(), second);
    });
}

#[test]
fn a_sleep_that_moves_to_another_task_wakes_that_one() {
    on_mini(|rt| async move {
        let timer = SharedTimer::new(rt.clone());
        let mut sleep = timer.sleep(Duration::from_secs(1));
        assert!((&mut sleep).now_or_never().is_none());
        rt.spawn(sleep).await.unwrap();
        assert_eq!(rt.elapsed(), Duration::from_secs(1));
    });
}

struct Hostile;

impl std::task::Wake for Hostile {
    fn wake(self: std::sync::Arc<Self>) {
        // Without the panic hook's message.
        std::panic::resume_unwind(Box::new("hostile"));
    }
}

#[test]
fn a_waker_that_panics_harms_nobody_else() {
    on_mini(|rt| async move {
        let timer = SharedTimer::new(rt.clone());
        let second = Duration::from_secs(1);
        let waker = std::task::Waker::from(std::sync::Arc::new(Hostile));
        let mut hostile = pin!(timer.sleep(second));
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(hostile.as_mut().poll(&mut cx).is_pending());
        timer.sleep(second).await;
        timer.sleep(second).await;
        assert_eq!(rt.elapsed(), 2 * second);
        hostile.await;
    });
}

#[test]
fn it_is_a_timer_for_contexts_and_intervals() {
    on_mini(|rt| async move {
        let timer = SharedTimer::new(rt.clone());
        let ms = Duration::from_millis;
        let context = Context::new().with_timeout(&timer, ms(25));
        let mut interval = timer.interval(ms(10));
        let mut ticks = 0;
        while context.run(interval.tick()).await.is_ok() {
            ticks += 1;
        }
        assert_eq!((ticks, rt.elapsed()), (3, ms(25)));
    });
}

#[test]
fn a_sleep_keeps_the_timer_and_the_last_one_ends_it() {
    on_mini(|rt| async move {
        let sleep = SharedTimer::new(rt.clone()).sleep(Duration::from_secs(1));
        sleep.await;
        assert_eq!(rt.elapsed(), Duration::from_secs(1));
        // That no task is left is looked at by the run.
        for _ in 0..3 {
            yield_now().await;
        }
    });
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
#[should_panic(expected = "whose runtime has shut down")]
fn a_sleep_whose_runtime_has_gone() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let timer = SharedTimer::new(TokioRuntime::from(tokio.handle().clone()));
    let mut sleep = pin!(timer.sleep(Duration::from_secs(60)));
    let woken = std::sync::Arc::new(Woken::default());
    let waker = std::task::Waker::from(std::sync::Arc::clone(&woken));
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(sleep.as_mut().poll(&mut cx).is_pending());
    drop(tokio);
    // By the end of the driver: whoever sleeps would hang otherwise.
    assert!(
        woken.0.load(std::sync::atomic::Ordering::SeqCst),
        "not woken"
    );
    let _ = sleep.as_mut().poll(&mut cx);
}
