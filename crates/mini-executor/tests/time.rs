//! Virtual time: order, jumps, cancelled sleeps, the clock of `sync-core`.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

use mini_executor::{Builder, Schedule, run, run_seeds};
use runtime::{FAR_FUTURE, MissedTick, Spawn, Timer};
use sync_core::clock;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    run_seeds(0..if cfg!(miri) { 10 } else { 50 }, |rt| async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = [5, 1, 4, 2, 3]
            .into_iter()
            .map(|n| {
                let (log, clock) = (log.clone(), rt.clone());
                rt.spawn_local(async move {
                    clock.sleep(n * HOUR).await;
                    assert_eq!(clock.elapsed(), n * HOUR);
                    log.borrow_mut().push(n);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*log.borrow(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn hours_take_no_time() {
    let before = Instant::now();
    run(0, |rt| async move { rt.sleep(1000 * HOUR).await }).unwrap();
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[test]
fn many_timers_at_the_same_instant_all_fire_at_it() {
    run_seeds(0..10, |rt| async move {
        let tasks: Vec<_> = (0..if cfg!(miri) { 20 } else { 1000 })
            .map(|_| {
                let clock = rt.clone();
                rt.spawn(async move {
                    clock.sleep(HOUR).await;
                    clock.elapsed()
                })
            })
            .collect();
        rt.yield_now().await;
        for task in tasks {
            assert_eq!(task.await.unwrap(), HOUR);
        }
        assert_eq!(rt.metrics().timers, 0);
    });
}

#[test]
fn timers_at_the_same_instant_fire_in_order_under_fifo() {
    let order = Builder::new()
        .schedule(Schedule::Fifo)
        .run(|rt| async move {
            let log = Rc::new(RefCell::new(Vec::new()));
            for n in 0..10 {
                let (log, clock) = (log.clone(), rt.clone());
                drop(rt.spawn_local(async move {
                    clock.sleep(MS).await;
                    log.borrow_mut().push(n);
                }));
            }
            rt.sleep(2 * MS).await;
            log.take()
        })
        .unwrap();
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_dropped_sleep_deregisters() {
    run(0, |rt| async move {
        for polls in 0..3 {
            let mut sleep = Box::pin(rt.sleep(HOUR));
            for _ in 0..polls {
                poll_fn(|cx| {
                    assert!(sleep.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
            assert_eq!(rt.metrics().timers, usize::from(polls > 0));
            drop(sleep);
            assert_eq!(rt.metrics().timers, 0);
        }
        rt.sleep(MS).await;
        assert_eq!(rt.elapsed(), MS, "the dropped sleeps moved time");
    })
    .unwrap();
}

#[test]
fn a_sleep_wakes_the_waker_of_its_latest_poll() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    run(0, |rt| async move {
        let (old, new) = (Arc::new(Count(0.into())), Arc::new(Count(0.into())));
        let mut sleep = pin!(rt.sleep(MS));
        for count in [&old, &new] {
            let waker = count.clone().into();
            assert!(
                sleep
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        assert_eq!(Arc::strong_count(&old), 1, "the replaced waker is dropped");
        rt.sleep(2 * MS).await;
        assert_eq!(
            (old.0.load(Ordering::SeqCst), new.0.load(Ordering::SeqCst)),
            (0, 1)
        );
        sleep.await;
    })
    .unwrap();
}

#[test]
fn advance_fires_what_is_due() {
    run_seeds(0..if cfg!(miri) { 5 } else { 20 }, |rt| async move {
        let task = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(5 * MS).await;
                rt.elapsed()
            }
        });
        // Until the task has been polled, there is no timer.
        while rt.metrics().timers == 0 {
            rt.yield_now().await;
        }
        rt.advance(4 * MS);
        assert_eq!((rt.elapsed(), rt.metrics().timers), (4 * MS, 1));
        rt.advance(6 * MS);
        assert_eq!((rt.elapsed(), rt.metrics().timers), (10 * MS, 0));
        assert_eq!(task.await.unwrap(), 10 * MS);
        rt.advance(Duration::MAX);
        assert!(rt.elapsed() > FAR_FUTURE);
    });
}

#[test]
fn now_starts_where_it_is_told() {
    let start = Instant::now() + HOUR;
    Builder::new()
        .start(start)
        .run(|rt| async move {
            assert_eq!(rt.now(), start);
            rt.sleep(HOUR).await;
            assert_eq!(rt.now(), start + HOUR);
            rt.sleep_until(start).await;
            assert_eq!(rt.now(), start + HOUR);
        })
        .unwrap();
}

#[test]
fn an_endless_sleep_is_a_stall_and_an_endless_timeout_is_none() {
    let stalled = run(0, |rt| async move { rt.sleep(Duration::MAX).await }).unwrap_err();
    assert_eq!(stalled.tasks()[0].waits_for, ["a sleep without end"]);
    let stalled = run(0, |rt| async move {
        rt.timeout(Duration::MAX, pending::<()>()).await
    });
    assert_eq!(stalled.unwrap_err().report().elapsed, Duration::ZERO);
    run(0, |rt| async move {
        rt.timeout(Duration::MAX, rt.sleep(HOUR)).await.unwrap()
    })
    .unwrap();
}

#[test]
fn timeouts_are_exact() {
    run(0, |rt| async move {
        assert!(rt.timeout(HOUR, pending::<()>()).await.is_err());
        assert_eq!(rt.elapsed(), HOUR);
        // At the same instant, the future wins.
        assert!(rt.timeout(HOUR, rt.sleep(HOUR)).await.is_ok());
        assert!(
            rt.timeout(HOUR, rt.sleep(HOUR + Duration::from_nanos(1)))
                .await
                .is_err()
        );
    })
    .unwrap();
}

#[test]
fn intervals_are_exact() {
    run(0, |rt| async move {
        let start = rt.now();
        let mut interval = rt.interval(MS).with_missed_tick(MissedTick::Skip);
        for n in 0..100 {
            assert_eq!(interval.tick().await, start + n * MS);
            assert_eq!(rt.elapsed(), n * MS);
        }
        rt.sleep(10 * MS + MS / 2).await;
        assert_eq!(interval.tick().await, start + 100 * MS);
        assert_eq!(interval.tick().await, start + 110 * MS);
    })
    .unwrap();
}

#[test]
fn idle_waiters_are_not_polled() {
    run(0, |rt| async move {
        let waiters: Vec<_> = (0..10).map(|_| rt.spawn(pending::<()>())).collect();
        rt.sleep(MS).await;
        let before = rt.metrics().polls;
        for _ in 0..100 {
            rt.sleep(MS).await;
        }
        assert_eq!(rt.metrics().polls - before, 100);
        assert_eq!(rt.metrics().alive, 11);
        drop(waiters);
    })
    .unwrap();
}

#[test]
fn a_sleep_never_ends_after_its_run() {
    let rt = run(0, |rt| async move { rt }).unwrap();
    let mut sleep = rt.sleep(MS);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut sleep).poll(&mut cx).is_pending());
    assert_eq!(
        format!("{sleep:?}"),
        "MiniSleep { deadline: Some(1ms), .. }"
    );
}

/// The clock by which `sync-core` decides what is starving follows virtual time.
#[test]
fn the_clock_of_sync_core_is_virtual() {
    // Outside there is a virtual time already, as in an outer run.
    let before = clock::set_virtual(Some(77 << 10));
    run(0, |rt| async move {
        let start = clock::now();
        assert_eq!(start, 0);
        rt.sleep(MS / 2).await;
        assert!(!clock::is_stale(start, clock::now()));
        rt.sleep(2 * MS).await;
        assert!(clock::is_stale(start, clock::now()));
        let then = clock::now();
        rt.advance(5 * MS);
        assert!(clock::is_stale(then, clock::now()));

        // A nested run has a time of its own, and gives ours back.
        let ours = clock::now();
        run(0, |inner| async move {
            assert_eq!(clock::now(), 0);
            inner.sleep(HOUR).await;
            assert_ne!(clock::now(), ours);
        })
        .unwrap();
        assert_eq!(clock::now(), ours);
    })
    .unwrap();
    assert_eq!(clock::now(), 77);

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        run(0, |rt| async move {
            rt.sleep(HOUR).await;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(clock::now(), 77);
    assert!(run(0, |_| pending::<()>()).is_err());
    assert_eq!(clock::set_virtual(before), Some(77 << 10));
}
