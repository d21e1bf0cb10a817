//! The contract on tokio, multi-threaded, and what is tokio's own: a paused clock, the
//! cooperative budget, shutdown.
#![cfg(feature = "tokio")]

mod contract;

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use contract::contract;
use runtime::{Interval, JoinHandle, MissedTick, Spawn, Timer, TokioRuntime};

fn with<F: Future<Output = ()>>(test: impl FnOnce(TokioRuntime) -> F) {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    tokio.block_on(test(TokioRuntime::from(tokio.handle().clone())));
}

contract!(with);

/// The part of the contract that one thread can keep.
mod current_thread {
    use crate::contract::contract;

    fn with<F: Future<Output = ()>>(test: impl FnOnce(super::TokioRuntime) -> F) {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        tokio.block_on(async { test(super::TokioRuntime::current()).await });
    }

    contract!(with:
        output, many_tasks, detach_on_drop, panic_reaches_the_handle, abort_drops_the_future_first,
        abort_before_the_first_poll, panic_in_a_destructor_on_abort, handle_survives_a_dropped_poll,
        is_finished_turns_true, blocking_output, blocking_panic, blocking_does_not_stall_others,
        sleep_lasts, sleep_moved_between_tasks, timeout_elapses, timeout_max, interval_ticks,
        interval_tick_dropped, works_from_any_thread);
}

#[test]
fn current_outside_of_a_runtime_panics_clearly() {
    assert!(TokioRuntime::try_current().is_err());
    let payload = catch_unwind(TokioRuntime::current).unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(
        text.starts_with("TokioRuntime::current called outside of a tokio runtime"),
        "{text}"
    );
}

#[test]
fn works_outside_of_the_context() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let rt = TokioRuntime::from(tokio.handle().clone());
    // Neither the calls nor the polls happen inside tokio.
    let start = rt.now();
    futures::executor::block_on(rt.sleep(5 * contract::MS));
    assert!(rt.now() - start >= 5 * contract::MS);
    let task = rt.spawn(async { 3 });
    assert_eq!(futures::executor::block_on(task).unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_is_obeyed() {
    let rt = TokioRuntime::current();
    let start = rt.now();
    rt.sleep(Duration::from_secs(3600)).await;
    assert_eq!(rt.now() - start, Duration::from_secs(3600));
    assert!(
        rt.timeout(Duration::from_secs(3600), pending::<()>())
            .await
            .is_err()
    );
    assert_eq!(rt.now() - start, Duration::from_secs(7200));
}

#[tokio::test(start_paused = true)]
async fn an_idle_timeout_is_polled_a_constant_number_of_times() {
    let rt = TokioRuntime::current();
    let mut polls = 0;
    let count = poll_fn(|_| {
        polls += 1;
        Poll::<()>::Pending
    });
    assert!(rt.timeout(Duration::from_secs(3600), count).await.is_err());
    assert!(polls <= 3, "{polls}");
}

/// A future that spends the cooperative budget at every poll must not outlive its timeout.
#[tokio::test]
async fn a_greedy_future_times_out() {
    let rt = TokioRuntime::current();
    let greedy = poll_fn(|cx| {
        let mut spend = std::pin::pin!(tokio::task::coop::consume_budget());
        while spend.as_mut().poll(cx).is_ready() {
            spend.set(tokio::task::coop::consume_budget());
        }
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let timeout = rt.timeout(Duration::from_millis(5), greedy);
    let outer = tokio::time::timeout(Duration::from_secs(20), timeout).await;
    assert!(
        outer
            .expect("the inner timeout never looked at its sleep")
            .is_err()
    );
}

#[test]
fn shutdown_aborts() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let before = rt.spawn(pending::<()>());
    drop(tokio);
    let after = rt.spawn(async {});
    assert!(before.is_finished());
    assert!(
        futures::executor::block_on(before)
            .unwrap_err()
            .is_aborted()
    );
    assert!(futures::executor::block_on(after).unwrap_err().is_aborted());
}

#[test]
fn a_sleep_without_a_time_driver_panics() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rt = TokioRuntime::from(tokio.handle().clone());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rt.sleep(contract::MS)))).is_err());
}

#[tokio::test(start_paused = true)]
async fn delay_does_not_drift_by_the_granularity_of_the_clock() {
    let rt = TokioRuntime::current();
    let start = rt.now();
    let period = Duration::from_micros(10_300);
    let mut interval: Interval<_> = rt.interval(period).with_missed_tick(MissedTick::Delay);
    for n in 0..20 {
        assert_eq!(interval.tick().await, start + n * period);
    }
}

#[test]
fn into_inner_gives_tokios_handle() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let inner = rt.spawn(async { 5 }).into_inner();
    assert_eq!(tokio.block_on(inner).unwrap(), 5);
    assert_eq!(rt.handle().id(), tokio.handle().id());
}
