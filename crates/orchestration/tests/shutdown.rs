//! The two phases of a shutdown. Each scenario on every runtime, exact times in virtual time.

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_sync::Context;
use async_sync::context::Cause;
use common::{Census, Rt, on_mini, poll_once, units, until, yield_now};
use orchestration::Shutdown;
use orchestration::shutdown::{Closing, Report};
use runtime::{JoinHandle, Spawn, Timer};

fn names(report: &Report) -> (Vec<&str>, Vec<&str>) {
    let names = |phase: &orchestration::shutdown::Phase| -> Vec<String> {
        phase
            .late
            .iter()
            .map(|late| late.name.to_string())
            .collect()
    };
    let leak = |names: Vec<String>| -> Vec<&'static str> {
        names.into_iter().map(|name| &*name.leak()).collect()
    };
    (leak(names(&report.closing)), leak(names(&report.closed)))
}

async fn nobody_is_there<R: Rt>(rt: R) {
    let shutdown = Shutdown::new(rt);
    assert!(!shutdown.is_closing());
    let handle = shutdown.handle();
    assert!(handle.begin());
    assert!(!handle.begin(), "only once");
    let report = shutdown.finish().await;
    assert!(report.is_clean() && !report.forced);
    assert!(handle.closed().is_cancelled());
    assert_eq!(handle.guard("late").unwrap_err(), Closing);
    assert_eq!(handle.on_closed("late", async {}), Err(Closing));
}

async fn work_that_was_begun_is_finished<R: Rt>(rt: R) {
    let shutdown = Shutdown::new(rt.clone()).closing_limit(units(60_000));
    let census = Census::default();
    let mut jobs = Vec::new();
    for n in 0..5_u32 {
        let (resident, clock) = (census.enter(), rt.clone());
        let job = async move {
            clock.sleep(units(n)).await;
            drop(resident);
            n
        };
        jobs.push(shutdown.track(format!("job {n}"), job).unwrap());
    }
    assert_eq!(shutdown.running().len(), 5);
    let jobs: Vec<_> = jobs.into_iter().map(|job| rt.spawn(job)).collect();
    let (here, handle) = (census.clone(), shutdown.handle());
    let look = async move {
        assert_eq!(here.alive(), 0, "cleaning up comes last");
        assert!(handle.closed().is_cancelled());
    };
    shutdown.on_closed("look", look).unwrap();
    // Also while it closes.
    let handle = shutdown.handle();
    handle.begin_with(Cause::custom("enough"));
    handle.on_closed("another", async {}).unwrap();
    let refused = handle.track("one more", async {}).err();
    assert_eq!(refused, Some(Closing));
    let report = shutdown.finish().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.cause.to_string(), "enough");
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap() as usize, n);
    }
}

async fn who_is_late_is_told_and_named<R: Rt>(rt: R) {
    // Time enough in the second phase for the one that is cut off to go, also where its thread is late.
    let shutdown = Shutdown::new(rt.clone())
        .closing_limit(units(2))
        .closed_limit(units(50));
    let census = Census::default();
    let resident = census.enter();
    let cut = shutdown.run("cut", async move {
        std::future::pending::<()>().await;
        drop(resident);
    });
    let cut = rt.spawn(cut.unwrap());
    let deaf = rt.spawn(
        shutdown
            .track("deaf", std::future::pending::<()>())
            .unwrap(),
    );
    shutdown.on_closed("slow", std::future::pending()).unwrap();
    shutdown.on_closed("quick", async {}).unwrap();
    shutdown.begin();
    let report = shutdown.finish().await;
    assert_eq!(names(&report), (vec!["cut", "deaf"], vec!["deaf", "slow"]));
    assert!(report.closing.timed_out && report.closed.timed_out && !report.is_clean());
    assert!(report.closing.late[0].age >= units(2));
    let text = report.to_string();
    assert!(
        text.contains("2 late: cut (for") && text.contains("deaf (for"),
        "{text}"
    );
    assert!(cut.await.unwrap().unwrap_err().is_canceled());
    assert_eq!(census.alive(), 0);
    deaf.abort();
    assert!(deaf.await.is_err());
}

async fn a_context_begins_it<R: Rt>(rt: R) {
    let service = Context::new();
    let shutdown = Shutdown::below(rt.clone(), &service);
    let handle = shutdown.handle();
    let guard = handle.guard("work").unwrap();
    let mut finish = pin!(shutdown.finish());
    assert!(poll_once(finish.as_mut()).await.is_none());
    service.cancel();
    assert!(handle.guard("more").is_err());
    for _ in 0..3 {
        assert!(poll_once(finish.as_mut()).await.is_none());
        yield_now().await;
    }
    // What was begun goes on, and is waited for.
    let part = guard.fork("part");
    assert_eq!(part.name(), "part");
    drop(guard);
    assert!(poll_once(finish.as_mut()).await.is_none());
    assert!(
        !handle.closed().is_cancelled(),
        "it is not a child of the service"
    );
    drop(part);
    assert!(finish.await.is_clean());
}

async fn forced<R: Rt>(rt: R) {
    for begun in [false, true] {
        let shutdown = Shutdown::new(rt.clone());
        let _guard = shutdown.guard("work").unwrap();
        shutdown.on_closed("slow", std::future::pending()).unwrap();
        if begun {
            shutdown.begin();
        }
        let handle = shutdown.handle();
        let mut finish = pin!(shutdown.finish());
        assert!(poll_once(finish.as_mut()).await.is_none());
        handle.force();
        let report = finish.await;
        assert!(report.forced);
        assert_eq!(names(&report), (vec!["work"], vec!["work", "slow"]));
    }
}

async fn a_cleanup_that_panics<R: Rt>(rt: R) {
    let shutdown = Shutdown::new(rt.clone());
    let census = Census::default();
    let resident = census.enter();
    let panics = async {
        // Without the panic hook's message.
        std::panic::resume_unwind(Box::new("out of cheese"))
    };
    shutdown.on_closed("panics", panics).unwrap();
    let clock = rt.clone();
    let other = async move {
        clock.sleep(units(1)).await;
        drop(resident);
    };
    shutdown.on_closed("other", other).unwrap();
    shutdown.begin();
    let report = shutdown.finish().await;
    assert_eq!(census.alive(), 0, "the others went on");
    assert!(!report.is_clean() && !report.closed.timed_out);
    assert_eq!(report.panics[0].0, "panics");
    assert!(
        report
            .to_string()
            .ends_with("panics: task panicked: out of cheese")
    );
}

async fn dropping_finish_cuts_it_off<R: Rt>(rt: R) {
    // At each of its awaits: not begun, closing, closed.
    for stage in 0..3 {
        let shutdown = Shutdown::new(rt.clone());
        let handle = shutdown.handle();
        let census = Census::default();
        let resident = census.enter();
        let cleanup = async move {
            std::future::pending::<()>().await;
            drop(resident);
        };
        shutdown.on_closed("cleanup", cleanup).unwrap();
        let guard = (stage < 2).then(|| handle.guard("work").unwrap());
        if stage > 0 {
            handle.begin();
        }
        {
            let mut finish = pin!(shutdown.finish());
            assert!(poll_once(finish.as_mut()).await.is_none());
            assert_eq!(handle.closed().is_cancelled(), stage == 2);
        }
        assert_eq!(census.alive(), 0);
        assert!(handle.closing().is_cancelled() && handle.closed().is_cancelled());
        assert!(handle.guard("late").is_err());
        drop(guard);
    }
}

async fn tracked_futures_are_gone_before_their_guards<R: Rt>(rt: R) {
    let shutdown = Shutdown::new(rt.clone());
    let census = Census::default();
    for polled in [false, true] {
        let resident = census.enter();
        let job = async move {
            std::future::pending::<()>().await;
            drop(resident);
        };
        let mut job = Box::pin(shutdown.track("job", job).unwrap());
        if polled {
            assert!(poll_once(job.as_mut()).await.is_none());
        }
        assert_eq!(shutdown.running().len(), 1);
        drop(job);
        assert_eq!((shutdown.running().len(), census.alive()), (0, 0));
    }
    // It ends, and is kept by who polled it: what it held is gone, and so is the guard.
    let resident = census.enter();
    let job = poll_fn(move |_| {
        let _held = &resident;
        Poll::Ready(())
    });
    let mut job = Box::pin(shutdown.track("job", job).unwrap());
    assert!(poll_once(job.as_mut()).await.is_some());
    assert_eq!((shutdown.running().len(), census.alive()), (0, 0));
    // Aborted by its runtime, while somebody waits.
    let job = rt.spawn(shutdown.track("job", std::future::pending::<()>()).unwrap());
    until(&rt, "it is there", || shutdown.running().len() == 1).await;
    shutdown.begin();
    let mut finish = pin!(shutdown.finish());
    assert!(poll_once(finish.as_mut()).await.is_none());
    job.abort();
    assert!(finish.await.is_clean());
}

async fn many_leave_at_once<R: Rt>(rt: R) {
    for round in 0..10 {
        let shutdown = Shutdown::new(rt.clone()).closing_limit(units(60_000));
        let jobs: Vec<_> = (0..20)
            .map(|n| {
                let job = async move {
                    for _ in 0..(n + round) % 5 {
                        yield_now().await;
                    }
                };
                rt.spawn(shutdown.track(format!("job {n}"), job).unwrap())
            })
            .collect();
        shutdown.begin();
        let report = shutdown.finish().await;
        assert!(report.is_clean(), "{report}");
        for job in jobs {
            job.await.unwrap();
        }
    }
}

/// Also if nobody has begun to wait for its end.
async fn dropping_it_cuts_it_off<R: Rt>(rt: R) {
    for finishes in [false, true] {
        let shutdown = Shutdown::new(rt.clone());
        let handle = shutdown.handle();
        let census = Census::default();
        let resident = census.enter();
        let cleanup = async move { drop(resident) };
        shutdown.on_closed("cleanup", cleanup).unwrap();
        if finishes {
            drop(shutdown.finish());
        } else {
            drop(shutdown);
        }
        handle.closing().cancelled().await;
        handle.closed().cancelled().await;
        assert_eq!(census.alive(), 0);
        assert!(handle.on_closed("late", async {}).is_err());
    }
}

/// A callback that panics keeps it from nobody.
async fn dropped_with_a_callback_that_panics<R: Rt>(rt: R) {
    let shutdown = Shutdown::new(rt.clone());
    let handle = shutdown.handle();
    let told = handle
        .closing()
        .on_cancel(|_| std::panic::resume_unwind(Box::new("out of cheese")));
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(shutdown)));
    assert_eq!(dropped.unwrap_err().downcast_ref(), Some(&"out of cheese"));
    handle.closing().cancelled().await;
    handle.closed().cancelled().await;
    drop(told);
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("in a destructor"));
    }
}

/// The destructor of one that is late, and a callback at the end of the first phase.
async fn cleanups_that_panic_late_are_in_the_report<R: Rt>(rt: R) {
    let shutdown = Shutdown::new(rt.clone()).closed_limit(units(1));
    let late = async {
        let bomb = Bomb;
        std::future::pending::<()>().await;
        drop(bomb);
    };
    shutdown.on_closed("late", late).unwrap();
    let census = Census::default();
    let resident = census.enter();
    let other = async move { drop(resident) };
    shutdown.on_closed("other", other).unwrap();
    let told = shutdown
        .closed()
        .on_cancel(|_| std::panic::resume_unwind(Box::new("out of cheese")));
    shutdown.begin();
    let report = shutdown.finish().await;
    assert_eq!(census.alive(), 0, "it was done");
    let panics: Vec<_> = report
        .panics
        .iter()
        .map(|(name, panic)| (&**name, panic.message()))
        .collect();
    assert_eq!(
        panics,
        [("closed", "out of cheese"), ("late", "in a destructor")]
    );
    assert_eq!(names(&report).1, ["late"]);
    drop(told);
}

on_every_runtime! {
    many_leave_at_once
    dropped_with_a_callback_that_panics
    nobody_is_there
    work_that_was_begun_is_finished
    who_is_late_is_told_and_named
    a_context_begins_it
    forced
    a_cleanup_that_panics
    dropping_finish_cuts_it_off
    tracked_futures_are_gone_before_their_guards
    dropping_it_cuts_it_off
    cleanups_that_panic_late_are_in_the_report
}

#[test]
fn the_limits_are_kept_to_the_nanosecond() {
    let second = Duration::from_secs(1);
    on_mini(|rt| async move {
        for (cleanup, took, timed_out) in
            [(60 * second, second, true), (second / 2, second / 2, false)]
        {
            let shutdown = Shutdown::new(rt.clone())
                .closing_limit(2 * second)
                .closed_limit(second);
            let clock = rt.clone();
            let deaf = shutdown
                .track("deaf", std::future::pending::<()>())
                .unwrap();
            let sleep = async move { clock.sleep(cleanup).await };
            shutdown.on_closed("cleanup", sleep).unwrap();
            shutdown.begin();
            let start = rt.elapsed();
            let mut finish = pin!(shutdown.finish());
            assert!(poll_once(finish.as_mut()).await.is_none());
            let clock = rt.clone();
            let goes = rt.spawn(async move {
                clock.sleep(3 * second / 2).await;
                drop(deaf);
            });
            let report = finish.await;
            goes.await.unwrap();
            assert_eq!(
                (report.closing.took, report.closing.timed_out),
                (3 * second / 2, false)
            );
            assert_eq!(
                (report.closed.took, report.closed.timed_out),
                (took, timed_out)
            );
            assert_eq!(rt.elapsed() - start, 3 * second / 2 + took);
        }
    });
}

#[test]
fn debug_says_where_it_is() {
    mini_executor::run(0, |rt| async move {
        let shutdown = Shutdown::new(rt.clone());
        let guard = shutdown.guard("work").unwrap();
        let text = format!("{shutdown:?} {guard:?}");
        assert!(
            text.contains("closing: false, closed: false, running: 1"),
            "{text}"
        );
        assert!(text.ends_with("Guard(\"work\")"), "{text}");
        drop(rt.spawn(async {}));
        yield_now().await;
    })
    .unwrap();
}
