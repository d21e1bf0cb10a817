//! Trying again, in virtual time and on every runtime.

mod common;

use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::Context;
use async_sync::context::Cause;
use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, FibonacciBuilder};
use common::{Rt, poll_once, units, until};
use mini_executor::MiniRuntime;
use orchestration::retry::{Decision, Failed, GaveUp, Retry, RetryBudget};
use runtime::{Spawn, Timer};

fn constant(delay: Duration) -> ConstantBuilder {
    ConstantBuilder::default().with_delay(delay)
}

/// S116: five attempts that fail; endless ones that succeed in the end; a timeout wins.
async fn s116<R: Rt>(rt: R) {
    let calls = AtomicUsize::new(0);
    let fails = |_| {
        calls.fetch_add(1, Ordering::SeqCst);
        async { Err::<(), _>("failed") }
    };
    let retry = Retry::new(rt.clone()).backoff(constant(units(1) / 10));
    let error = retry.clone().attempts(5).run(fails).await.unwrap_err();
    assert_eq!(calls.swap(0, Ordering::SeqCst), 5);
    assert_eq!(
        (error.attempts(), error.clone().into_last()),
        (5, Some("failed"))
    );
    assert!(matches!(error.gave_up(), GaveUp::NoAttemptsLeft));
    assert!(
        error.to_string().ends_with("no attempts are left: failed"),
        "{error}"
    );

    let late = |n| async move { if n < 20 { Err("not yet") } else { Ok(n) } };
    assert_eq!(retry.clone().forever().run(late).await.unwrap(), 20);

    let endless = retry.forever();
    let endless = rt.timeout(units(5), endless.run(fails));
    assert!(endless.await.is_err());
    assert!(calls.load(Ordering::SeqCst) >= 1);
}

/// An attempt that takes too long is dropped and counts as failed.
async fn attempts_have_their_time<R: Rt>(rt: R) {
    let alive = common::Census::default();
    let retry = Retry::new(rt.clone())
        .backoff(constant(Duration::ZERO))
        .attempts(3)
        .attempt_timeout(units(2));
    let outcome = retry.run(|n| {
        let (alive, rt) = (alive.clone(), rt.clone());
        async move {
            let _resident = alive.enter();
            if n < 2 {
                rt.sleep(units(500)).await;
            }
            Ok::<_, &str>(n)
        }
    });
    assert_eq!(outcome.await.unwrap(), 2);
    assert_eq!((alive.most(), alive.alive()), (1, 0));
    let error = retry
        .run(|_| pending::<Result<(), &str>>())
        .await
        .unwrap_err();
    assert_eq!(error.last(), Some(&Failed::TimedOut(units(2))));
    assert_eq!(error.into_last(), None);
}

/// A cancellation ends an attempt and a sleep.
async fn cancelled<R: Rt>(rt: R) {
    let request = Context::new();
    let retry = Retry::new(rt.clone())
        .backoff(constant(units(500)))
        .forever()
        .context(&request);
    let tried = Arc::new(AtomicUsize::new(0));
    let canceller = {
        let (rt, request, tried) = (rt.clone(), request.clone(), Arc::clone(&tried));
        rt.clone().spawn(async move {
            until(&rt, "it was tried", || tried.load(Ordering::SeqCst) == 1).await;
            request.cancel();
        })
    };
    let fails = |_| {
        tried.fetch_add(1, Ordering::SeqCst);
        async { Err::<(), _>("failed") }
    };
    let error = retry.run(fails).await.unwrap_err();
    assert!(matches!(
        error.gave_up(),
        GaveUp::Cancelled(Cause::Canceled)
    ));
    assert_eq!((error.attempts(), error.into_last()), (1, Some("failed")));
    canceller.await.unwrap();

    let error = retry
        .run(|_| async { Ok::<_, &str>(()) })
        .await
        .unwrap_err();
    assert_eq!(
        (error.attempts(), error.last()),
        (0, None),
        "cancelled before it began"
    );

    let request = Context::new();
    let hangs = retry.context(&request);
    let error = hangs.run(|_| {
        request.cancel();
        pending::<Result<(), &str>>()
    });
    assert_eq!(error.await.unwrap_err().attempts(), 1);
}

/// Without a delay, too, others run between two attempts.
async fn others_run_between_attempts<R: Rt>(rt: R) {
    let done = Arc::new(AtomicUsize::new(0));
    let other = {
        let done = Arc::clone(&done);
        rt.spawn(async move {
            common::yield_now().await;
            done.store(1, Ordering::SeqCst);
        })
    };
    let retry = Retry::new(rt).backoff(constant(Duration::ZERO)).forever();
    let looks = |_| async { (done.load(Ordering::SeqCst) == 1).then_some(()).ok_or(()) };
    retry.run(looks).await.unwrap();
    other.await.unwrap();
}

/// A cancellation while others run between two attempts.
async fn no_attempt_after_a_cancellation<R: Rt>(rt: R) {
    let request = Context::new();
    let retry = Retry::new(rt)
        .backoff(constant(Duration::ZERO))
        .forever()
        .context(&request);
    let begun = Cell::new(0);
    let mut run = pin!(retry.run(|_| {
        begun.set(begun.get() + 1);
        async { Err::<(), _>("failed") }
    }));
    assert!(poll_once(run.as_mut()).await.is_none());
    request.cancel();
    let error = run.await.unwrap_err();
    assert!(matches!(error.gave_up(), GaveUp::Cancelled(_)));
    assert_eq!((error.attempts(), begun.get()), (1, 1));
}

on_every_runtime! {
    s116
    others_run_between_attempts
    attempts_have_their_time
    cancelled
    no_attempt_after_a_cancellation
}

/// How long each delay is, seen from outside.
fn delays<B: BackoffBuilder + Clone>(
    change: impl Fn(Retry<MiniRuntime>) -> Retry<MiniRuntime, B>,
) -> Vec<u64> {
    let begun = std::cell::RefCell::new(Vec::new());
    mini_executor::Builder::new().run_seeds(0..1, |rt: MiniRuntime| {
        let begun = &begun;
        let retry = change(Retry::new(rt.clone()));
        async move {
            begun.borrow_mut().clear();
            let attempt = |_| {
                begun.borrow_mut().push(rt.now());
                async { Err::<(), _>(()) }
            };
            assert!(retry.run(attempt).await.is_err());
        }
    });
    let begun = begun.into_inner();
    begun
        .windows(2)
        .map(|two| (two[1] - two[0]).as_millis() as u64)
        .collect()
}

#[test]
fn the_backoff_is_obeyed() {
    let ms = Duration::from_millis;
    assert_eq!(delays(|retry| retry.backoff(constant(ms(5)))), [5, 5, 5]);
    let doubling = ExponentialBuilder::default().with_min_delay(ms(1));
    assert_eq!(delays(|retry| retry.backoff(doubling)), [1, 2, 4]);
    assert_eq!(
        delays(|retry| retry.backoff(doubling).attempts(6)),
        [1, 2, 4, 4, 4]
    );
    assert_eq!(delays(|retry| retry.backoff(doubling).attempts(2)), [1]);
    assert!(delays(|retry| retry.backoff(doubling).attempts(1)).is_empty());
    let fibonacci = FibonacciBuilder::default()
        .with_min_delay(ms(1))
        .with_max_times(5);
    assert_eq!(delays(|retry| retry.backoff(fibonacci)), [1, 1, 2, 3, 5]);
    let jitter = delays(|retry| retry.backoff(doubling.with_jitter()));
    assert_eq!(jitter.len(), 3);
    assert!(jitter[2] >= 4 && jitter[2] <= 8, "{jitter:?}");
    // One that has no delay at all.
    let none = doubling.with_max_times(0);
    assert!(delays(|retry| retry.backoff(none)).is_empty());
    assert_eq!(delays(|retry| retry.backoff(none).attempts(3)), [0, 0]);
}

#[test]
fn nothing_is_slept_through_in_vain() {
    common::on_mini(|rt| async move {
        let ms = Duration::from_millis;
        let request = Context::new().with_timeout(&rt, ms(100));
        let retry = Retry::new(rt.clone())
            .backoff(constant(ms(40)))
            .forever()
            .context(&request);
        let start = rt.now();
        let error = retry
            .run(|_| async { Err::<(), _>("failed") })
            .await
            .unwrap_err();
        // At 0, 40, 80; the next one would begin at 120.
        assert_eq!(error.attempts(), 3);
        assert!(matches!(error.gave_up(), GaveUp::OutOfTime));
        assert_eq!(rt.now() - start, ms(80));
        assert_eq!(error.elapsed(), ms(80));

        // 20 ms are left: not enough for one that needs 30.
        let needs = retry.clone().attempt_needs(ms(30));
        let error = needs
            .run(|_| async { Ok::<_, &str>(()) })
            .await
            .unwrap_err();
        assert_eq!(error.attempts(), 0);
        assert!(retry.run(|_| async { Ok::<_, &str>(()) }).await.is_ok());

        // The deadline comes while an attempt runs.
        let error = retry
            .run(|_| pending::<Result<(), &str>>())
            .await
            .unwrap_err();
        assert!(matches!(
            error.gave_up(),
            GaveUp::Cancelled(Cause::DeadlineExceeded)
        ));
        assert_eq!(rt.now() - start, ms(100));
    });
}

#[test]
fn errors_decide() {
    common::on_mini(|rt| async move {
        let retry = Retry::new(rt.clone())
            .backoff(constant(Duration::from_secs(1)))
            .attempts(9);
        let start = rt.now();
        let error = retry.run_if(
            |n| async move { Err::<(), _>(n) },
            |n| match n {
                0 => Decision::RetryAfter(Duration::from_millis(7)),
                1 => Decision::Retry,
                _ => Decision::GiveUp,
            },
        );
        let error = error.await.unwrap_err();
        assert!(matches!(error.gave_up(), GaveUp::NotRetryable));
        assert_eq!((error.attempts(), error.into_last()), (3, Some(2)));
        assert_eq!(rt.now() - start, Duration::from_millis(1007));
    });
}

/// Callers that share a budget make no more retries than it has, however many they are.
#[test]
fn the_budget_is_shared() {
    common::on_mini(|rt| async move {
        let budget = RetryBudget::new(3, 0.1);
        let attempts = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let retry = Retry::new(rt.clone())
                    .backoff(constant(units(1)))
                    .attempts(4)
                    .budget(&budget);
                let attempts = Arc::clone(&attempts);
                rt.spawn(async move {
                    let down = |_| {
                        attempts.fetch_add(1, Ordering::SeqCst);
                        async { Err::<(), _>("down") }
                    };
                    retry.run(down).await.unwrap_err()
                })
            })
            .collect();
        let mut refused = 0;
        for caller in callers {
            let error = caller.await.unwrap();
            refused += usize::from(matches!(error.gave_up(), GaveUp::OutOfBudget));
        }
        let retries = attempts.load(Ordering::SeqCst) - 20;
        // What was there, and what twenty calls have paid in.
        assert!((3..=5).contains(&retries), "{retries}");
        assert!(refused >= 15);
    });
}

/// Giving up for another reason takes nothing from the budget.
#[test]
fn a_retry_that_is_not_made_is_not_paid() {
    common::on_mini(|rt| async move {
        let budget = RetryBudget::new(5, 0.0);
        let request = Context::new().with_timeout(&rt, units(1));
        let retry = Retry::new(rt)
            .backoff(constant(units(2)))
            .budget(&budget)
            .context(&request);
        assert!(retry.run(|_| async { Err::<(), _>("down") }).await.is_err());
        assert!(
            retry
                .clone()
                .attempts(1)
                .run(|_| async { Err::<(), _>("down") })
                .await
                .is_err()
        );
        assert!(
            retry
                .run_if(|_| async { Err::<(), _>("down") }, |_| false)
                .await
                .is_err()
        );
        assert_eq!(budget.available(), 5);
    });
}

/// Never polled, it does nothing; dropped while it sleeps, neither.
#[test]
fn dropped_half_way() {
    common::on_mini(|rt| async move {
        let retry = Retry::new(rt.clone()).backoff(constant(units(1)));
        let calls = Cell::new(0);
        let fails = |_| {
            calls.set(calls.get() + 1);
            async { Err::<(), _>(()) }
        };
        drop(retry.run(fails));
        assert_eq!(calls.get(), 0);
        {
            let mut running = std::pin::pin!(retry.run(fails));
            assert!(poll_once(running.as_mut()).await.is_none());
            rt.sleep(units(1)).await;
            assert!(poll_once(running.as_mut()).await.is_none());
        }
        rt.sleep(units(9)).await;
        assert_eq!(calls.get(), 2);
    });
}

#[test]
#[should_panic(expected = "0 attempts would try nothing")]
fn no_attempts() {
    common::on_mini(|rt| async move {
        let _ = Retry::new(rt).attempts(0);
    });
}

/// A sleep that has taken longer than it was to is followed by no attempt that comes too late.
#[test]
fn no_attempt_after_the_deadline() {
    common::on_mini(|rt| async move {
        let deadline = rt.now() + units(10);
        let request = Context::background().with_deadline(&rt, deadline);
        let retry = Retry::new(rt.clone())
            .backoff(constant(units(3)))
            .forever()
            .context(&request);
        let run = retry.run(|_| {
            assert!(rt.now() < deadline);
            async { Err::<(), _>("failed") }
        });
        let busy = async {
            rt.sleep(units(2)).await;
            rt.advance(units(20));
        };
        let (outcome, ()) = futures_util::future::join(run, busy).await;
        assert_eq!(outcome.unwrap_err().attempts(), 1);
    });
}
