//! Single flight: one execution for all who ask at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_sync::SingleFlight;
use async_sync::single_flight::Failure;
use runtime::JoinHandle;

use crate::{Runtime, all, until};

type Group = SingleFlight<String, usize, String>;

const MILLI: Duration = Duration::from_millis(1);

/// S97: ten who ask at the same time share one execution; who ask one after the other do not.
///
/// # Panics
///
/// If they do otherwise.
pub async fn s97_shared_and_not<R: Runtime>(rt: R) {
    let (group, calls) = (Arc::new(Group::new()), Arc::new(AtomicUsize::new(0)));
    let outcomes = all(
        &rt,
        (0..10).map(|_| {
            let (group, calls, rt) = (Arc::clone(&group), Arc::clone(&calls), rt.clone());
            async move {
                let ten = Arc::clone(&group);
                let work = move || async move {
                    let call = calls.fetch_add(1, SeqCst);
                    until(&rt, || ten.callers("key") == 10).await;
                    Ok(call)
                };
                group.run("key", work).await
            }
        }),
    )
    .await;
    assert_eq!(calls.load(SeqCst), 1);
    for outcome in outcomes {
        let outcome = outcome.expect("the work succeeds");
        assert_eq!(
            (outcome.value, outcome.shared, outcome.callers),
            (0, true, 10)
        );
    }
    for call in 0..3 {
        let outcome = group.run("key", move || async move { Ok(call) }).await;
        let outcome = outcome.expect("the work succeeds");
        assert_eq!((outcome.value, outcome.shared), (call, false));
    }
    assert!(group.is_empty());
}

/// S98: 500 callers of a call that takes a second get their answer after one second, of one call.
/// (Here the second is shorter where it is real.)
///
/// # Panics
///
/// If it takes longer, or more calls.
pub async fn s98_five_hundred<R: Runtime>(rt: R, second: Duration) {
    let (group, calls) = (Arc::new(Group::new()), Arc::new(AtomicUsize::new(0)));
    let start = rt.now();
    // So that a machine on which 500 tasks do not start within the second gives the same answer.
    let place = group.start_owned("key".into(), {
        let (group, calls, rt) = (Arc::clone(&group), Arc::clone(&calls), rt.clone());
        move || async move {
            calls.fetch_add(1, SeqCst);
            rt.sleep(second).await;
            until(&rt, || group.callers("key") == 500).await;
            Ok(7)
        }
    });
    let callers = (1..500).map(|_| {
        let (group, calls) = (Arc::clone(&group), Arc::clone(&calls));
        async move {
            let again = move || async move {
                calls.fetch_add(1, SeqCst);
                Err("a second call".into())
            };
            group.run("key", again).await
        }
    });
    let callers = all(&rt, callers);
    let (first, others) = futures::join!(place, callers);
    for outcome in others.into_iter().chain([first]) {
        assert_eq!(outcome.expect("the first call succeeds").value, 7);
    }
    assert_eq!(calls.load(SeqCst), 1);
    assert!(rt.now() - start >= second);
    assert!(group.is_empty());
}

/// The same in virtual time, where nothing takes time but sleeping: one second, exactly.
///
/// # Panics
///
/// If it takes longer, or more calls.
pub async fn s98_five_hundred_seconds<R: Runtime>(rt: R) {
    let start = rt.now();
    s98_five_hundred(rt.clone(), Duration::from_secs(1)).await;
    assert_eq!(rt.now() - start, Duration::from_secs(1));
}

/// S98 where time is real.
///
/// # Panics
///
/// If it takes more than one call.
pub async fn s98_five_hundred_fast<R: Runtime>(rt: R) {
    s98_five_hundred(rt, 10 * MILLI).await;
}

/// S100: each caller gets exactly one result; an error is everybody's; the next call tries again.
///
/// # Panics
///
/// If not.
pub async fn s100_errors_and_again<R: Runtime>(rt: R) {
    let group = Arc::new(Group::new());
    let work = {
        let (rt, group) = (rt.clone(), Arc::clone(&group));
        move || async move {
            until(&rt, || group.callers("key") == 5).await;
            Err("failed".to_owned())
        }
    };
    let first = group.start_owned("key".into(), work);
    let others = (0..4).map(|_| group.subscribe_owned("key").expect("in flight"));
    let results = all(&rt, others.chain([first]).collect::<Vec<_>>()).await;
    assert_eq!(results.len(), 5);
    for result in results {
        assert_eq!(result.expect_err("the work fails"), "failed");
    }
    let again = group.run("key", || async { Ok(2) }).await;
    assert_eq!(again.expect("the next call succeeds").value, 2);
    assert!(group.is_empty());
}

/// The caller that began is aborted; the others get the result of the execution that it began.
///
/// # Panics
///
/// If the work begins again, or never ends.
pub async fn the_first_is_aborted<R: Runtime>(rt: R) {
    let (group, calls) = (Arc::new(Group::new()), Arc::new(AtomicUsize::new(0)));
    let aborted = Arc::new(AtomicUsize::new(0));
    let caller = || {
        let (group, calls, rt) = (Arc::clone(&group), Arc::clone(&calls), rt.clone());
        let aborted = Arc::clone(&aborted);
        rt.clone().spawn(async move {
            let work = move || async move {
                let call = calls.fetch_add(1, SeqCst);
                until(&rt, || aborted.load(SeqCst) == 1).await;
                Ok(call)
            };
            group.run("key", work).await
        })
    };
    let first = caller();
    until(&rt, || calls.load(SeqCst) == 1).await;
    let others: Vec<_> = (0..5).map(|_| caller()).collect();
    until(&rt, || group.callers("key") == 6).await;
    first.abort();
    assert!(first.await.is_err());
    aborted.store(1, SeqCst);
    for other in others {
        let outcome = other
            .await
            .expect("not aborted")
            .expect("the work succeeds");
        assert_eq!((outcome.value, outcome.callers), (0, 5));
    }
    assert_eq!(calls.load(SeqCst), 1);
    assert!(group.is_empty());
}

/// Each caller has a timeout of its own: those who are impatient leave, the others stay; when all
/// have left, the work is dropped.
///
/// # Panics
///
/// If one that leaves concerns the others.
pub async fn timeouts<R: Runtime>(rt: R) {
    let (group, dropped) = (Arc::new(Group::new()), Arc::new(AtomicUsize::new(0)));
    let left = Arc::new(AtomicUsize::new(0));
    struct Tell(Arc<AtomicUsize>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let caller = |patience: u32, ends: bool| {
        let (group, tell, rt) = (Arc::clone(&group), Arc::clone(&dropped), rt.clone());
        let left = Arc::clone(&left);
        rt.clone().spawn(async move {
            let sleeper = rt.clone();
            let work = move || async move {
                let _tell = Tell(tell);
                if !ends {
                    std::future::pending::<()>().await;
                }
                until(&sleeper, || left.load(SeqCst) == 3).await;
                Ok(3)
            };
            rt.timeout(patience * MILLI, group.run("key", work)).await
        })
    };
    let patient = caller(60_000, true);
    until(&rt, || group.in_flight("key")).await;
    let impatient: Vec<_> = (0..3).map(|_| caller(1, true)).collect();
    for caller in impatient {
        assert!(caller.await.expect("not aborted").is_err());
        left.fetch_add(1, SeqCst);
    }
    let outcome = patient.await.expect("not aborted").expect("in time");
    assert_eq!(outcome.expect("the work succeeds").value, 3);
    assert_eq!((dropped.load(SeqCst), group.len()), (1, 0));
    let callers: Vec<_> = (1..4).map(|patience| caller(patience, false)).collect();
    for caller in callers {
        assert!(caller.await.expect("not aborted").is_err());
    }
    assert!(dropped.load(SeqCst) >= 2, "with its last caller");
    assert!(group.is_empty());
}

/// A work that panics in one task's poll panics in all callers.
///
/// # Panics
///
/// If one of them is told otherwise.
pub async fn panics_reach_everybody<R: Runtime>(rt: R) {
    let group = Arc::new(Group::new());
    let work = {
        let (rt, group) = (rt.clone(), Arc::clone(&group));
        move || async move {
            until(&rt, || group.callers("key") == 6).await;
            // Without the panic hook's message.
            std::panic::resume_unwind(Box::new("worker"))
        }
    };
    let first = group.start_owned("key".into(), work);
    let caught = group.subscribe_owned("key").expect("in flight").caught();
    let callers: Vec<_> = (0..4)
        .map(|_| group.subscribe_owned("key").expect("in flight"))
        .chain([first])
        .map(|joined| rt.spawn(joined))
        .collect();
    let Err(Failure::Panicked(panicked)) = caught.await else {
        panic!("the work panics")
    };
    assert_eq!(panicked.message(), "worker");
    for caller in callers {
        let error = caller.await.expect_err("it panics");
        assert_eq!(error.panic_message(), "worker");
    }
    assert!(group.is_empty());
}

/// A task of its own works for all, is aborted when all have left, and goes on if it is told to.
///
/// # Panics
///
/// If not.
pub async fn spawned<R: Runtime>(rt: R) {
    let (group, calls) = (Arc::new(Group::new()), Arc::new(AtomicUsize::new(0)));
    let go = Arc::new(AtomicUsize::new(0));
    let spawn = || {
        let (rt, calls, go) = (rt.clone(), Arc::clone(&calls), Arc::clone(&go));
        group.spawn(&rt.clone(), "key".into(), move || async move {
            until(&rt, || go.load(SeqCst) == 1).await;
            Ok(calls.fetch_add(1, SeqCst))
        })
    };
    let place = spawn();
    let callers = (0..9).map(|_| spawn()).collect::<Vec<_>>();
    go.store(1, SeqCst);
    for outcome in all(&rt, callers).await {
        let outcome = outcome.expect("the work succeeds");
        assert_eq!((outcome.value, outcome.callers), (0, 10));
    }
    assert_eq!(place.await.expect("the work succeeds").value, 0);
    go.store(0, SeqCst);
    drop(spawn());
    // It would not end by itself.
    until(&rt, || Arc::strong_count(&go) == 1).await;
    assert_eq!(calls.load(SeqCst), 1, "it was aborted");
    assert!(spawn().keep_going());
    go.store(1, SeqCst);
    until(&rt, || calls.load(SeqCst) == 2).await;
    until(&rt, || group.is_empty()).await;
}
