//! Seeds and schedules.

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use mini_executor::{Builder, MiniRuntime, RunError, Schedule, run, run_seeds};
use runtime::{Spawn, Timer};

/// Who ran in which order: four tasks of three steps, some of them sleeps at equal instants.
async fn trace(rt: MiniRuntime) -> Vec<u32> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let (log, rt2) = (log.clone(), rt.clone());
            rt.spawn_local(async move {
                for step in 0..3 {
                    log.borrow_mut().push(10 * n + step);
                    match step {
                        1 => rt2.sleep(Duration::from_millis(1)).await,
                        _ => rt2.yield_now().await,
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    log.take()
}

#[test]
fn a_seed_repeats_its_trace() {
    for seed in 0..20 {
        assert_eq!(run(seed, trace).unwrap(), run(seed, trace).unwrap());
    }
}

#[test]
fn seeds_differ() {
    let traces: HashSet<_> = (0..100).map(|seed| run(seed, trace).unwrap()).collect();
    assert!(traces.len() > 90, "{} traces from 100 seeds", traces.len());
}

#[test]
fn every_order_of_three_tasks_is_found() {
    let orders: HashSet<Vec<u32>> = (0..if cfg!(miri) { 40 } else { 200 })
        .map(|seed| {
            let scenario = |rt: MiniRuntime| async move {
                let log = Rc::new(RefCell::new(Vec::new()));
                for n in 0..3 {
                    let log = log.clone();
                    drop(rt.spawn_local(async move { log.borrow_mut().push(n) }));
                }
                rt.sleep(Duration::from_millis(1)).await;
                log.take()
            };
            run(seed, scenario).unwrap()
        })
        .collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn fifo_does_not_depend_on_the_seed() {
    let fifo = |seed| {
        Builder::new()
            .schedule(Schedule::Fifo)
            .seed(seed)
            .run(trace)
            .unwrap()
    };
    let expected = [0, 10, 20, 30, 1, 11, 21, 31, 2, 12, 22, 32];
    assert_eq!(fifo(0), expected);
    assert_eq!(fifo(99), expected);
}

#[test]
fn a_task_can_see_its_seed() {
    assert_eq!(run(42, |rt| async move { rt.seed() }).unwrap(), 42);
    let mut seen = Vec::new();
    run_seeds(3..6, |rt| {
        seen.push(rt.seed());
        async {}
    });
    assert_eq!(seen, [3, 4, 5]);
}

#[test]
fn run_seeds_tells_the_seed_of_a_stall() {
    let payload = catch_unwind(|| {
        run_seeds(0..10, |rt| async move {
            if rt.seed() == 4 {
                std::future::pending::<()>().await;
            }
        });
    })
    .unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("all tasks are asleep"), "{text}");
    assert!(text.ends_with("seed 4 repeats it"), "{text}");
}

#[test]
fn run_seeds_stops_at_the_first_panic() {
    let mut last = 0;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run_seeds(0..10, |rt| {
            last = rt.seed();
            async move { assert_ne!(rt.seed(), 4) }
        });
    }));
    assert!(outcome.is_err());
    assert_eq!(last, 4);
}

#[test]
fn a_livelock_reaches_the_limit() {
    let livelock = |rt: MiniRuntime| async move {
        loop {
            rt.yield_now().await;
        }
    };
    let error = Builder::new()
        .max_polls(100)
        .seed(9)
        .run(livelock)
        .unwrap_err();
    assert!(matches!(error, RunError::PollLimit(_)));
    assert_eq!((error.report().polls, error.report().seed), (100, 9));
    assert!(error.report().tasks[0].ready);
    let text = error.to_string();
    assert!(
        text.starts_with("no end after 100 polls, at 0ns of virtual time"),
        "{text}"
    );
    assert!(text.contains("100 polls, ready to run"), "{text}");
    assert!(text.ends_with("seed 9 repeats it"), "{text}");
}

#[test]
fn an_interval_that_ticks_for_ever_reaches_the_limit() {
    let error = Builder::new().max_polls(1_000).run(|rt| async move {
        let ticker = rt.clone();
        let _ticker = rt.named("ticker").spawn(async move {
            let mut interval = ticker.interval(Duration::from_secs(1));
            loop {
                interval.tick().await;
            }
        });
        std::future::pending::<()>().await;
    });
    let error = error.unwrap_err();
    assert!(matches!(error, RunError::PollLimit(_)), "{error}");
    assert!(error.report().elapsed > Duration::from_secs(100));
}

#[test]
fn the_limit_is_not_reached_by_a_run_that_just_fits() {
    assert!(Builder::new().max_polls(1).run(|_| async {}).is_ok());
    assert!(Builder::new().max_polls(0).run(|_| async {}).is_err());
}
