//! Groups, results, retries: the scenarios of the specification. What else they promise is tested in
//! `crates/orchestration/tests`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::Context;
use orchestration::errgroup::{Builder, CancelPolicy, ErrGroup, ErrWaitGroup};
use orchestration::results::{Results, Waterfall};
use orchestration::retry::{GaveUp, Retry};

use crate::{Runtime, until};

fn units(n: u32) -> Duration {
    Duration::from_millis(2) * n
}

/// Ends after so many units with what it is given.
async fn after<R: Runtime, T>(rt: R, time: u32, outcome: T) -> T {
    rt.sleep(units(time)).await;
    outcome
}

/// S106: tasks of 5, 10 and 15, of which the second fails: the wait ends with the last, gives that error, and
/// gives it again.
///
/// # Panics
///
/// If it does not.
pub async fn s106_the_first_error_after_all<R: Runtime>(rt: R) {
    let executed = Arc::new(AtomicUsize::new(0));
    let mut group = Builder::new()
        .cancel(CancelPolicy::None)
        .spawned(rt.clone());
    let start = rt.now();
    for n in 1..=3 {
        let (rt, executed) = (rt.clone(), Arc::clone(&executed));
        let task = async move {
            rt.sleep(units(5 * n)).await;
            executed.fetch_add(1, Ordering::SeqCst);
            if n == 2 {
                Err(format!("failed to exec #{n}"))
            } else {
                Ok(())
            }
        };
        assert!(group.spawn(task).await.is_ok());
    }
    for _ in 0..2 {
        assert_eq!(group.wait().await, Err("failed to exec #2".to_owned()));
        assert_eq!(executed.load(Ordering::SeqCst), 3);
        assert!(rt.now() - start >= units(15));
    }
}

/// S107: the token is cancelled by the first error, and by the end of a wait without one; a cancelled
/// context stops no task under `Signal`; under `Abort` an error drops them.
///
/// # Panics
///
/// If it is otherwise.
pub async fn s107_who_is_told_to_stop<R: Runtime>(rt: R) {
    let request = Context::new();
    let mut group = Builder::new()
        .cancel(CancelPolicy::Signal)
        .context(&request)
        .spawned(rt.clone());
    let token = group.token();
    assert!(
        group
            .spawn(after(rt.clone(), 3, Ok::<_, &str>(7)))
            .await
            .is_ok()
    );
    request.cancel();
    assert!(token.is_cancelled());
    assert_eq!(group.wait().await, Ok(vec![7]), "it was told, not stopped");

    let mut group = ErrGroup::new(rt.clone());
    let token = group.token();
    assert!(group.spawn(async { Ok(1) }).await.is_ok());
    assert_eq!(group.wait().await, Ok(vec![1]));
    assert!(token.is_cancelled());

    let token = group.token();
    let start = rt.now();
    assert!(group.spawn(after(rt.clone(), 30_000, Ok(2))).await.is_ok());
    assert!(group.spawn(async { Err("no luck") }).await.is_ok());
    assert_eq!(group.wait().await, Err("no luck"));
    assert!(token.is_cancelled() && rt.now() - start < units(20_000));
}

/// S110: a panic becomes an error with its text, and the siblings come to their end.
///
/// # Panics
///
/// If it does not.
pub async fn s110_a_panic_is_an_error<R: Runtime>(rt: R) {
    let group = Builder::new()
        .collect_all()
        .panics_with(|panic| panic.to_string())
        .spawned(rt.clone());
    let panics = async { std::panic::resume_unwind(Box::new("out of cheese")) };
    assert!(group.spawn(panics).await.is_ok());
    assert!(group.spawn(after(rt, 2, Ok(7))).await.is_ok());
    let results = group
        .join()
        .await
        .expect_err("one of them panics")
        .into_results();
    assert_eq!(
        results,
        [Err("task panicked: out of cheese".to_owned()), Ok(7)]
    );
}

/// S111: with two workers and a queue of two, the fifth task waits for a place.
///
/// # Panics
///
/// If it does not, or more than two run.
pub async fn s111_workers_and_a_queue<R: Runtime>(rt: R) {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let task = || {
        let (rt, running, most) = (rt.clone(), Arc::clone(&running), Arc::clone(&most));
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            rt.sleep(units(2)).await;
            until(&rt, || most.load(Ordering::SeqCst) == 2).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ()>(())
        }
    };
    let group = Builder::new().bounded(2, 2).spawned(rt.clone());
    let start = rt.now();
    for _ in 0..4 {
        assert!(group.try_spawn(task()).is_ok());
    }
    assert!(group.spawn(task()).await.is_ok());
    assert!(rt.now() - start >= units(2), "it did not wait");
    assert_eq!(group.join().await.map(|done| done.len()), Ok(5));
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

/// S112: two errors of work that is done elsewhere, and the wait tells both.
///
/// # Panics
///
/// If it does not.
pub async fn s112_two_errors<R: Runtime>(rt: R) {
    let group = ErrWaitGroup::new();
    for n in 0..3_u32 {
        let (work, rt) = (group.add(), rt.clone());
        drop(rt.clone().spawn(async move {
            rt.sleep(units(n)).await;
            if n > 0 {
                work.error(n);
            }
        }));
    }
    let mut errors = group
        .wait()
        .await
        .expect_err("two of them fail")
        .into_errors();
    errors.sort_unstable();
    assert_eq!(errors, [1, 2]);
}

/// S113: ten at a time; submitting waits where it is preemptive, and only there.
///
/// # Panics
///
/// If it is otherwise.
pub async fn s113_sized_groups<R: Runtime>(rt: R) {
    for eager in [true, false] {
        let builder = Builder::new();
        let builder = if eager {
            builder.eager(10)
        } else {
            builder.limit(10)
        };
        let group = builder.spawned(rt.clone());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        // Nobody ends before somebody was refused, or nobody is left to be.
        let gate = Arc::new(AtomicBool::new(false));
        let mut refused = 0;
        for _ in 0..50 {
            let (rt, running, most) = (rt.clone(), Arc::clone(&running), Arc::clone(&most));
            let open = Arc::clone(&gate);
            let task = async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                rt.sleep(units(1)).await;
                let full = || most.load(Ordering::SeqCst) == 10;
                until(&rt, || full() && open.load(Ordering::SeqCst)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ()>(())
            };
            if let Err(full) = group.try_spawn(task) {
                refused += 1;
                gate.store(true, Ordering::SeqCst);
                assert!(group.spawn(full.into_inner()).await.is_ok());
            }
        }
        gate.store(true, Ordering::SeqCst);
        assert_eq!(eager, refused == 0, "{refused} had to wait");
        assert_eq!(group.join().await.map(|done| done.len()), Ok(50));
        assert_eq!(most.load(Ordering::SeqCst), 10);
    }
}

/// S116: five attempts that fail are five calls and an error; without a limit it goes on until it succeeds.
///
/// # Panics
///
/// If it does not.
pub async fn s116_retries<R: Runtime>(rt: R) {
    let calls = AtomicUsize::new(0);
    let retry = Retry::new(rt.clone()).backoff(std::iter::repeat(units(1)));
    let fails = |_| {
        calls.fetch_add(1, Ordering::SeqCst);
        async { Err::<(), _>("failed") }
    };
    let error = retry
        .clone()
        .attempts(5)
        .run(fails)
        .await
        .expect_err("it always fails");
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    assert!(matches!(error.gave_up(), GaveUp::NoAttemptsLeft));
    assert_eq!(error.into_last(), Some("failed"));

    let late = |n| async move { if n < 9 { Err("not yet") } else { Ok(n) } };
    assert!(matches!(retry.clone().forever().run(late).await, Ok(9)));

    let endless = retry.forever();
    let timed = rt.timeout(units(6), endless.run(fails)).await;
    assert!(timed.is_err(), "the timeout wins");
}

/// S117: all or nothing; the first two of four; the last; a chain that stops at an error.
///
/// # Panics
///
/// If a result is wrong.
pub async fn s117_results<R: Runtime>(rt: R) {
    // One after the other, and not by time: what is late together ends in any order.
    let four = || {
        let turn = Arc::new(AtomicUsize::new(0));
        [(2, 1), (0, 2), (1, 3), (3, 4)].map(|(nth, n)| {
            let (rt, turn) = (rt.clone(), Arc::clone(&turn));
            async move {
                until(&rt, || turn.load(Ordering::SeqCst) == nth).await;
                turn.fetch_add(1, Ordering::SeqCst);
                Ok(n)
            }
        })
    };
    let failing = [(3, Ok(1)), (1, Err("no"))].map(|(time, end)| after(rt.clone(), time, end));
    assert_eq!(Results::on(rt.clone()).try_all(failing).await, Err("no"));
    // In one task: on several threads, what is late may overtake what is later.
    let results = Results::here();
    assert_eq!(results.take(2, four()).await, Ok::<_, ()>(vec![2, 3]));
    assert_eq!(results.last(1, four()).await, Ok::<_, ()>(vec![4]));
    let called = AtomicUsize::new(0);
    let step = |n: u32| {
        called.fetch_add(1, Ordering::SeqCst);
        after(
            rt.clone(),
            1,
            if n > 5 { Err("too big") } else { Ok(n * 3) },
        )
    };
    let chain = Waterfall::new(async { Ok(1) })
        .then(step)
        .then(step)
        .then(step)
        .then(step);
    assert_eq!(chain.await, Err("too big"));
    assert_eq!(called.load(Ordering::SeqCst), 3);
}
