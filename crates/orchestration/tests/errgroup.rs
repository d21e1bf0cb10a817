//! The spawned group: scenarios that hold on every runtime.

#![allow(missing_docs)]

mod common;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_sync::Event;
use common::{Census, Rt, poll_once, units, until, yield_now};
use futures_util::FutureExt;
use orchestration::errgroup::{Builder, CancelPolicy, ErrGroup, Panic};

on_every_runtime! {
    s106_waits_for_all_and_gives_the_first_error
    s107_token_is_cancelled_by_the_first_error
    s107_token_is_cancelled_after_a_wait_without_error
    s107_signal_does_not_abort_and_abort_drops
    s110_panic_as_error_leaves_collecting_siblings_alone
    s111_the_spawn_beyond_the_limit_waits_for_a_slot
    values_come_in_the_order_of_submission
    first_error_is_by_completion
    abort_ends_the_others_at_once
    panic_is_raised_at_the_join_after_siblings_ended
    panic_outranks_an_earlier_error
    panic_of_a_destructor_is_not_swallowed
    panic_becomes_an_error
    collect_all_gives_every_outcome
    collect_all_goes_on
    ten_thousand_and_one_tasks_through_one_slot
    queued_work_starts_when_a_slot_frees
    submitters_are_served_in_order
    waiting_submitters_are_sent_away_by_a_failure
    try_spawn_gives_the_future_back
    spawn_after_failure_is_refused
    spawn_after_failure_without_policy_goes_on
    dropped_spawn_never_ran_and_frees_its_place
    dropped_wait_can_be_called_again
    dropped_join_and_shutdown_abort
    second_round
    drop_aborts_children
    shutdown_waits_for_children
    detach_leaves_children_running
    handle_outlives_the_group
    children_submit_siblings
    nested_groups
    fail_from_outside
    limits_hold_under_many_submitters
    panic_of_a_later_round
    panic_of_a_conversion
    panic_of_who_is_told_of_the_cancellation
    panic_of_who_is_told_of_the_end
}

type Group<R, T, E> = ErrGroup<R, T, E>;

async fn s106_waits_for_all_and_gives_the_first_error<R: Rt>(rt: R) {
    let done = Arc::new(Mutex::new(Vec::new()));
    let mut group = Builder::new()
        .cancel(CancelPolicy::None)
        .spawned(rt.clone());
    let start = rt.now();
    for n in 1..=3_u32 {
        let (rt, done) = (rt.clone(), done.clone());
        let work = async move {
            rt.sleep(units(5 * n)).await;
            done.lock().unwrap().push(n);
            if n == 2 {
                Err(format!("failed to exec #{n}"))
            } else {
                Ok(n)
            }
        };
        group.spawn(work).await.unwrap();
    }
    assert_eq!(group.wait().await, Err("failed to exec #2".to_owned()));
    assert!(rt.now() - start >= units(15));
    // On several threads, timers that are late together are served in any order.
    done.lock().unwrap().sort_unstable();
    assert_eq!(*done.lock().unwrap(), [1, 2, 3]);
    assert_eq!(group.wait().await, Err("failed to exec #2".to_owned()));
    assert_eq!(group.join().await, Err("failed to exec #2".to_owned()));
}

async fn s107_token_is_cancelled_by_the_first_error<R: Rt>(rt: R) {
    let mut group = Builder::new()
        .cancel(CancelPolicy::Signal)
        .spawned(rt.clone());
    let token = group.token();
    for n in 0..3_u32 {
        let work = group.spawn_with(move |token| async move {
            token.cancelled().await;
            Ok(n)
        });
        work.await.unwrap();
    }
    assert!(!token.is_cancelled());
    group.spawn(async { Err("no luck") }).await.unwrap();
    token.cancelled().await;
    assert_eq!(group.wait().await, Err("no luck"));
    assert!(group.token().is_cancelled());
}

async fn s107_token_is_cancelled_after_a_wait_without_error<R: Rt>(rt: R) {
    let mut group = Group::<_, _, ()>::new(rt);
    let token = group.token();
    group.spawn(async { Ok(1) }).await.unwrap();
    assert!(!token.is_cancelled());
    assert_eq!(group.wait().await, Ok(vec![1]));
    assert!(token.is_cancelled());
    assert!(
        !group.token().is_cancelled(),
        "the next round has a token of its own"
    );
}

async fn s107_signal_does_not_abort_and_abort_drops<R: Rt>(rt: R) {
    for (policy, finished) in [(CancelPolicy::Signal, 1), (CancelPolicy::Abort, 0)] {
        let count = Arc::new(AtomicUsize::new(0));
        let group = Builder::new().cancel(policy).spawned(rt.clone());
        let told = Arc::new(Event::new());
        let (goes_on, counter) = (told.clone(), count.clone());
        let stubborn = async move {
            goes_on.wait().await;
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        group.spawn(stubborn).await.unwrap();
        group.fail("the parent was cancelled");
        assert!(group.token().is_cancelled());
        if policy == CancelPolicy::Signal {
            told.set();
        }
        assert_eq!(group.join().await, Err("the parent was cancelled"));
        assert_eq!(count.load(Ordering::SeqCst), finished);
    }
}

async fn s110_panic_as_error_leaves_collecting_siblings_alone<R: Rt>(rt: R) {
    let builder = Builder::<String>::new()
        .collect_all()
        .panics_with(|panic| panic.to_string());
    let mut group = builder.spawned(rt.clone());
    group.spawn(async { Ok(0) }).await.unwrap();
    group
        .spawn(async { panic!("panic in task {}", 1) })
        .await
        .unwrap();
    let sleeper = rt.clone();
    let sibling = async move {
        sleeper.sleep(units(2)).await;
        Ok(2)
    };
    group.spawn(sibling).await.unwrap();
    let errors = group.wait().await.unwrap_err();
    let message = "task panicked: panic in task 1".to_owned();
    assert_eq!(errors.into_results(), [Ok(0), Err(message), Ok(2)]);
}

async fn s111_the_spawn_beyond_the_limit_waits_for_a_slot<R: Rt>(rt: R) {
    let group = Builder::new().limit(2).spawned(rt.clone());
    let census = Census::default();
    let start = rt.now();
    for n in 0..5_u32 {
        let (sleeper, resident) = (rt.clone(), census.clone());
        let work = async move {
            let _resident = resident.enter();
            until(&sleeper, "two are there", || resident.most() >= 2).await;
            sleeper.sleep(units(4)).await;
            Ok::<_, ()>(n)
        };
        group.spawn(work).await.unwrap();
        assert!(group.running() <= 2);
        // Two at a time, four units each: the third starts after 4, the fifth after 8.
        assert!(rt.now() - start >= units(4) * (n / 2));
    }
    assert_eq!(group.join().await.unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(census.most(), 2);
}

async fn values_come_in_the_order_of_submission<R: Rt>(rt: R) {
    let group = Group::<_, _, ()>::new(rt.clone());
    for n in 0..20_u32 {
        let rt = rt.clone();
        let work = async move {
            rt.sleep(units(1) * ((n * 7) % 5)).await;
            Ok(n.to_string())
        };
        group.spawn(work).await.unwrap();
    }
    let expected: Vec<_> = (0..20_u32).map(|n| n.to_string()).collect();
    assert_eq!(group.join().await.unwrap(), expected);
}

async fn first_error_is_by_completion<R: Rt>(rt: R) {
    let group = Builder::new()
        .cancel(CancelPolicy::None)
        .spawned(rt.clone());
    let all_there = Arc::new(Event::new());
    for (name, left) in [("slow", 1), ("fast", 3), ("middle", 2)] {
        let (rt, handle, all_there) = (rt.clone(), group.handle(), all_there.clone());
        let work = async move {
            all_there.wait().await;
            // Those that are to be before it have ended, and the group knows.
            until(&rt, "it is its turn", || handle.running() == left).await;
            Err::<(), _>(name)
        };
        group.spawn(work).await.unwrap();
    }
    all_there.set();
    assert_eq!(group.join().await, Err("fast"));
}

async fn abort_ends_the_others_at_once<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Group::<_, (), _>::new(rt.clone());
    for _ in 0..10 {
        let resident = census.enter();
        let work = async move {
            let _resident = resident;
            pending().await
        };
        group.spawn(work).await.unwrap();
    }
    group.spawn(async { Err("no luck") }).await.unwrap();
    assert_eq!(group.join().await, Err("no luck"));
    assert_eq!(
        census.alive(),
        0,
        "the futures are gone when the join gives its result"
    );
}

async fn panic_is_raised_at_the_join_after_siblings_ended<R: Rt>(rt: R) {
    let census = Census::default();
    let mut group = Group::<_, (), ()>::new(rt.clone());
    for _ in 0..3 {
        let resident = census.enter();
        let work = async move {
            let _resident = resident;
            pending().await
        };
        group.spawn(work).await.unwrap();
    }
    group
        .spawn(async { panic!("out of cheese") })
        .await
        .unwrap();
    let payload = AssertUnwindSafe(group.wait())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"out of cheese"));
    assert_eq!(census.alive(), 0);
    // It stays failed, with the text.
    let payload = AssertUnwindSafe(group.wait())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "out of cheese");
    assert!(group.spawn(async { Ok(()) }).await.is_err());
}

async fn panic_outranks_an_earlier_error<R: Rt>(rt: R) {
    let group = Builder::new()
        .cancel(CancelPolicy::Signal)
        .spawned(rt.clone());
    let bad_cleanup = group.spawn_with(|token| async move {
        token.cancelled().await;
        panic!("while cleaning up")
    });
    bad_cleanup.await.unwrap();
    group
        .spawn(async { Err::<(), _>("no luck") })
        .await
        .unwrap();
    let payload = AssertUnwindSafe(group.join())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"while cleaning up"));
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

async fn panic_of_a_destructor_is_not_swallowed<R: Rt>(rt: R) {
    let group = Group::<_, (), _>::new(rt.clone());
    let bomb = Bomb;
    let work = async move {
        let _bomb = bomb;
        pending().await
    };
    group.spawn(work).await.unwrap();
    group.spawn(async { Err("no luck") }).await.unwrap();
    let payload = AssertUnwindSafe(group.join())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"in a destructor"));
}

#[derive(Debug)]
struct MyError(String);

impl From<Panic> for MyError {
    fn from(panic: Panic) -> Self {
        Self(panic.message().to_owned())
    }
}

async fn panic_becomes_an_error<R: Rt>(rt: R) {
    let census = Census::default();
    let group: Group<_, (), MyError> = Builder::new().panics_as_errors().spawned(rt.clone());
    let resident = census.enter();
    let sibling = async move {
        let _resident = resident;
        pending().await
    };
    group.spawn(sibling).await.unwrap();
    group
        .spawn(async { panic!("out of cheese") })
        .await
        .unwrap();
    assert_eq!(group.join().await.unwrap_err().0, "out of cheese");
    assert_eq!(census.alive(), 0);
}

async fn collect_all_gives_every_outcome<R: Rt>(rt: R) {
    let group = Builder::new().limit(3).collect_all().spawned(rt.clone());
    for n in 0..8_u32 {
        let rt = rt.clone();
        let work = async move {
            rt.sleep(units((n * 3) % 4)).await;
            if n % 3 == 1 { Err(n) } else { Ok(n) }
        };
        group.spawn(work).await.unwrap();
    }
    let errors = group.join().await.unwrap_err();
    assert_eq!(
        errors.to_string(),
        "3 of 8 tasks failed: #1: 1; #4: 4; #7: 7"
    );
    assert_eq!(
        errors.errors().map(|(place, _)| place).collect::<Vec<_>>(),
        [1, 4, 7]
    );
    let all = [Ok(0), Err(1), Ok(2), Ok(3), Err(4), Ok(5), Ok(6), Err(7)];
    assert_eq!(errors.into_results(), all);
}

async fn collect_all_goes_on<R: Rt>(rt: R) {
    // Values without a size take the other way through the ledger.
    let mut group = Builder::new().collect_all().spawned(rt);
    group.spawn(async { Ok(()) }).await.unwrap();
    group.spawn(async { Err("one") }).await.unwrap();
    group.fail("from outside");
    let errors = group.wait().await.unwrap_err();
    assert_eq!(
        errors.into_results(),
        [Ok(()), Err("one"), Err("from outside")]
    );
    assert!(!group.is_stopped());
    group.spawn(async { Ok(()) }).await.unwrap();
    assert_eq!(group.wait().await.unwrap(), [()]);
    assert_eq!(group.wait().await.unwrap(), []);
}

/// bilibili's flaws: tasks lost by concurrent submitters, and queued work that starts only at the
/// wait.
async fn ten_thousand_and_one_tasks_through_one_slot<R: Rt>(rt: R) {
    // On mini-executor this runs under many seeds.
    let tasks = if cfg!(miri) {
        21
    } else if std::any::type_name::<R>().contains("Mini") {
        101
    } else {
        10_001
    };
    through_one_slot(rt, tasks).await;
}

async fn through_one_slot<R: Rt>(rt: R, tasks: usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let census = Census::default();
    let group = Builder::new().limit(1).spawned(rt.clone());
    let sleeper = rt.clone();
    let first = async move {
        sleeper.sleep(units(5)).await;
        Ok::<_, ()>(())
    };
    group.spawn(first).await.unwrap();
    let submitters = Group::<_, (), ()>::new(rt);
    for _ in 1..tasks {
        let (handle, count, census) = (group.handle(), count.clone(), census.clone());
        let submit = async move {
            let work = async move {
                let _resident = census.enter();
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            handle.spawn(work).await.map_err(drop)
        };
        submitters.spawn(submit).await.unwrap();
    }
    submitters.join().await.unwrap();
    assert_eq!(group.join().await.unwrap().len(), tasks);
    assert_eq!(count.load(Ordering::SeqCst), tasks - 1);
    assert_eq!(census.most(), 1);
}

async fn queued_work_starts_when_a_slot_frees<R: Rt>(rt: R) {
    let started = Arc::new(AtomicBool::new(false));
    let group = Builder::new().limit(1).spawned(rt.clone());
    let sleeper = rt.clone();
    let first = async move {
        sleeper.sleep(units(2)).await;
        Ok::<_, ()>(())
    };
    group.spawn(first).await.unwrap();
    let flag = started.clone();
    let second = async move {
        flag.store(true, Ordering::SeqCst);
        Ok(())
    };
    group.spawn(second).await.unwrap();
    // Nobody waits for the group.
    until(&rt, "the second task has run", || {
        started.load(Ordering::SeqCst)
    })
    .await;
    group.join().await.unwrap();
}

async fn submitters_are_served_in_order<R: Rt>(rt: R) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let group = Builder::new().limit(1).spawned(rt.clone());
    let gate = orchestration::errgroup::CancelToken::new();
    let open = gate.clone();
    let first = async move {
        open.cancelled().await;
        Ok::<_, ()>(0)
    };
    group.spawn(first).await.unwrap();
    // Queued one after the other, by hand: sleeps of different lengths end together on a busy machine.
    let mut submitters = Vec::new();
    for n in 1..4 {
        let (handle, order) = (group.handle(), order.clone());
        let mut submit = Box::pin(async move {
            let work = async move {
                order.lock().unwrap().push(n);
                Ok(n)
            };
            handle.spawn(work).await.map_err(drop)
        });
        assert!(poll_once(submit.as_mut()).await.is_none());
        submitters.push(submit);
    }
    gate.cancel();
    for submit in submitters {
        submit.await.unwrap();
    }
    assert_eq!(group.join().await.unwrap(), [0, 1, 2, 3]);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
}

async fn waiting_submitters_are_sent_away_by_a_failure<R: Rt>(rt: R) {
    // Signal: the task that holds the slot goes on for ever, and yet the submitter learns of it.
    let group = Builder::new()
        .limit(2)
        .cancel(CancelPolicy::Signal)
        .spawned(rt.clone());
    let census = Census::default();
    let release = orchestration::errgroup::CancelToken::new();
    for _ in 0..2 {
        let release = release.clone();
        let stubborn = async move {
            release.cancelled().await;
            Ok(())
        };
        group.spawn(stubborn).await.unwrap();
    }
    let resident = census.enter();
    let handle = group.handle();
    let mut waiting = pin!(handle.spawn(async move {
        let _resident = resident;
        Ok(())
    }));
    assert!(poll_once(waiting.as_mut()).await.is_none());
    group.fail("no luck");
    let refused = waiting.await.unwrap_err();
    assert_eq!(census.alive(), 1, "the future has come back");
    drop(refused.into_inner());
    assert_eq!(census.alive(), 0);
    release.cancel();
    assert_eq!(group.join().await, Err("no luck"));
}

async fn try_spawn_gives_the_future_back<R: Rt>(rt: R) {
    let mut group = Builder::new().limit(1).spawned(rt);
    group.try_spawn(async { pending().await }).unwrap();
    let refused = group.try_spawn(async { Ok(5) }).unwrap_err();
    assert!(refused.is_full() && !refused.is_stopped());
    assert_eq!(refused.into_inner().await, Ok(5));
    let refused = group.try_spawn_with(|_| async { Ok(6) }).unwrap_err();
    assert!(refused.is_full());

    group.fail("no luck");
    let refused = group.try_spawn(async { Ok(7) }).unwrap_err();
    assert!(refused.is_stopped());
    assert_eq!(refused.into_inner().await, Ok(7));
    assert_eq!(group.wait().await, Err("no luck"));
}

async fn spawn_after_failure_is_refused<R: Rt>(rt: R) {
    for builder in [Builder::new(), Builder::new().limit(3)] {
        let mut group = builder.spawned(rt.clone());
        group.spawn(async { Err("no luck") }).await.unwrap();
        assert_eq!(group.wait().await, Err("no luck"));
        assert!(group.is_stopped());
        let refused = group.spawn(async { Ok(7) }).await.unwrap_err();
        assert_eq!(refused.into_inner().await, Ok(7));
        assert!(group.spawn_with(|_| async { Ok(7) }).await.is_err());
        assert_eq!(group.wait().await, Err("no luck"));
    }
}

async fn spawn_after_failure_without_policy_goes_on<R: Rt>(rt: R) {
    let mut group = Builder::new().cancel(CancelPolicy::None).spawned(rt);
    group.spawn(async { Err("no luck") }).await.unwrap();
    assert_eq!(group.wait().await, Err("no luck"));
    let ran = Arc::new(AtomicBool::new(false));
    let flag = ran.clone();
    let work = async move {
        flag.store(true, Ordering::SeqCst);
        Ok(1)
    };
    group.spawn(work).await.unwrap();
    assert_eq!(group.wait().await, Err("no luck"));
    assert!(ran.load(Ordering::SeqCst));
}

async fn dropped_spawn_never_ran_and_frees_its_place<R: Rt>(rt: R) {
    let census = Census::default();
    let gate = orchestration::errgroup::CancelToken::new();
    let group = Builder::new().limit(1).spawned(rt.clone());
    {
        // Never polled.
        let census = census.clone();
        drop(group.spawn(async move {
            census.enter();
            Ok(0)
        }));
    }
    let open = gate.clone();
    let first = async move {
        open.cancelled().await;
        Ok::<_, ()>(1)
    };
    group.spawn(first).await.unwrap();
    let never = |census: Census| {
        group.spawn(async move {
            census.enter();
            Ok(0)
        })
    };
    {
        // Dropped while it waits.
        let mut waiting = pin!(never(census.clone()));
        assert!(poll_once(waiting.as_mut()).await.is_none());
    }
    {
        // Dropped when it has been given the slot, but was not polled since.
        let mut waiting = pin!(never(census.clone()));
        assert!(poll_once(waiting.as_mut()).await.is_none());
        gate.cancel();
        until(&rt, "the first task has ended", || group.running() == 0).await;
    }
    group.spawn(async { Ok(2) }).await.unwrap();
    assert_eq!(group.join().await.unwrap(), [1, 2]);
    assert_eq!(census.ever(), 0);
}

async fn dropped_wait_can_be_called_again<R: Rt>(rt: R) {
    let mut group = Group::<_, _, ()>::new(rt.clone());
    let gate = orchestration::errgroup::CancelToken::new();
    let open = gate.clone();
    let work = async move {
        open.cancelled().await;
        Ok(1)
    };
    group.spawn(work).await.unwrap();
    assert!(rt.timeout(units(1), group.wait()).await.is_err());
    assert!(rt.timeout(units(1), group.ended()).await.is_err());
    assert!(poll_once(pin!(group.wait())).await.is_none());
    gate.cancel();
    assert_eq!(group.wait().await, Ok(vec![1]));
}

async fn dropped_join_and_shutdown_abort<R: Rt>(rt: R) {
    for polled in [false, true] {
        let census = Census::default();
        let groups = [0, 1].map(|_| Group::<_, (), ()>::new(rt.clone()));
        for group in &groups {
            let resident = census.enter();
            let work = async move {
                let _resident = resident;
                pending().await
            };
            group.spawn(work).await.unwrap();
        }
        let [joined, shut] = groups;
        {
            let mut join = pin!(joined.join());
            let mut shutdown = pin!(shut.shutdown());
            if polled {
                assert!(poll_once(join.as_mut()).await.is_none());
                let _maybe_done = poll_once(shutdown.as_mut()).await;
            }
        }
        until(&rt, "the tasks are gone", || census.alive() == 0).await;
    }
}

async fn second_round<R: Rt>(rt: R) {
    let mut group = Builder::<()>::new().limit(2).spawned(rt);
    assert_eq!(group.wait().await, Ok(vec![]));
    for round in 0..3 {
        for n in 0..5 {
            group
                .spawn(async move { Ok(10 * round + n) })
                .await
                .unwrap();
        }
        let expected = (10 * round..10 * round + 5).collect();
        assert_eq!(group.wait().await, Ok(expected));
    }
}

async fn drop_aborts_children<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::<()>::new().limit(5).spawned(rt.clone());
    let token = group.token();
    for _ in 0..5 {
        let resident = census.enter();
        let work = async move {
            let _resident = resident;
            pending::<()>().await;
            Ok(())
        };
        group.spawn(work).await.unwrap();
    }
    yield_now().await;
    drop(group);
    assert!(token.is_cancelled());
    until(&rt, "the children are gone", || census.alive() == 0).await;
}

async fn shutdown_waits_for_children<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Group::<_, (), ()>::new(rt.clone());
    for _ in 0..5 {
        let resident = census.enter();
        let work = async move {
            let _resident = resident;
            pending().await
        };
        group.spawn(work).await.unwrap();
    }
    group.shutdown().await;
    assert_eq!(census.alive(), 0);
    // Without tasks, and with one that ended already.
    Group::<_, (), ()>::new(rt.clone()).shutdown().await;
    let mut group = Group::<_, (), ()>::new(rt);
    group.spawn(async { Err(()) }).await.unwrap();
    group.ended().await;
    group.shutdown().await;
}

async fn detach_leaves_children_running<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::<()>::new().limit(2).spawned(rt.clone());
    let handle = group.handle();
    for _ in 0..2 {
        let (sleeper, census) = (rt.clone(), census.clone());
        let work = async move {
            sleeper.sleep(units(2)).await;
            census.enter();
            Ok("unread")
        };
        group.spawn(work).await.unwrap();
    }
    group.detach();
    assert!(handle.spawn(async { Ok("refused") }).await.is_err());
    until(&rt, "the children have run", || census.ever() == 2).await;
    until(&rt, "the children have ended", || handle.running() == 0).await;
}

async fn handle_outlives_the_group<R: Rt>(rt: R) {
    let group = Group::<_, (), ()>::new(rt);
    let handle = group.handle();
    handle.spawn(async { Ok(()) }).await.unwrap();
    drop(group);
    assert!(handle.is_stopped());
    assert!(handle.spawn(async { Ok(()) }).await.is_err());
    assert!(handle.try_spawn(async { Ok(()) }).unwrap_err().is_stopped());
    handle.fail(());
}

async fn children_submit_siblings<R: Rt>(rt: R) {
    let group = Group::<_, u32, ()>::new(rt);
    let handle = group.handle();
    let parent = async move {
        for n in 1..4 {
            yield_now().await;
            handle
                .spawn(async move {
                    yield_now().await;
                    Ok(n)
                })
                .await
                .map_err(drop)?;
        }
        Ok(0)
    };
    group.spawn(parent).await.unwrap();
    assert_eq!(group.join().await, Ok(vec![0, 1, 2, 3]));
}

async fn nested_groups<R: Rt>(rt: R) {
    let census = Census::default();
    let outer = Group::<_, u32, &str>::new(rt.clone());
    for n in 0..3_u32 {
        let (rt, census) = (rt.clone(), census.clone());
        let work = async move {
            let inner = Builder::new().limit(2).spawned(rt.clone());
            for m in 0..4_u32 {
                let (rt, resident) = (rt.clone(), census.enter());
                let work = async move {
                    let _resident = resident;
                    if n == 2 && m == 3 {
                        rt.sleep(units(2)).await;
                        return Err("deep down");
                    }
                    if n < 2 {
                        pending::<()>().await;
                    }
                    Ok(m)
                };
                if inner.spawn(work).await.is_err() {
                    break;
                }
            }
            Ok(inner.join().await?.into_iter().sum())
        };
        outer.spawn(work).await.unwrap();
    }
    assert_eq!(outer.join().await, Err("deep down"));
    until(&rt, "all grandchildren are gone", || census.alive() == 0).await;
}

async fn fail_from_outside<R: Rt>(rt: R) {
    let mut group = Group::<_, (), &str>::new(rt.clone());
    group.spawn(pending()).await.unwrap();
    let (handle, sleeper) = (group.handle(), rt.clone());
    let deadline = rt.spawn(async move {
        sleeper.sleep(units(2)).await;
        handle.fail("deadline");
        handle.fail("too late to be first");
    });
    assert_eq!(group.wait().await, Err("deadline"));
    deadline.await.unwrap();
}

async fn limits_hold_under_many_submitters<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::<()>::new().limit(3).spawned(rt.clone());
    let submitters = Group::<_, (), ()>::new(rt);
    for _ in 0..10 {
        let (handle, census) = (group.handle(), census.clone());
        let submit = async move {
            for _ in 0..10 {
                let census = census.clone();
                let work = async move {
                    let _resident = census.enter();
                    yield_now().await;
                    Ok(1_u32)
                };
                handle.spawn(work).await.map_err(drop)?;
            }
            Ok(())
        };
        submitters.spawn(submit).await.unwrap();
    }
    submitters.join().await.unwrap();
    assert_eq!(group.join().await.unwrap().len(), 100);
    assert!(census.most() <= 3, "{}", census.most());
    assert_eq!(census.ever(), 100);
}

/// The panic of a task is raised, also over the error of an earlier round.
async fn panic_of_a_later_round<R: Rt>(rt: R) {
    let mut group = Builder::new()
        .cancel(CancelPolicy::None)
        .spawned::<_, ()>(rt);
    group.spawn(async { Err("no luck") }).await.unwrap();
    assert_eq!(group.wait().await, Err("no luck"));
    let panics = async { resume_unwind(Box::new("out of cheese")) };
    group.spawn(panics).await.unwrap();
    for _ in 0..2 {
        let waited = AssertUnwindSafe(group.wait()).catch_unwind().await;
        assert!(waited.is_err());
    }
}

/// A group whose failure cannot be converted has failed all the same.
async fn panic_of_a_conversion<R: Rt>(rt: R) {
    let mut group = Builder::<&str>::new()
        .panics_with(|_| resume_unwind(Box::new("no such error")))
        .spawned::<_, ()>(rt);
    let panics = async { resume_unwind(Box::new("out of cheese")) };
    group.spawn(panics).await.unwrap();
    for _ in 0..2 {
        let waited = AssertUnwindSafe(group.wait()).catch_unwind().await;
        assert!(waited.is_err());
    }
}

/// The tasks are aborted, whatever becomes of those who are told of it.
async fn panic_of_who_is_told_of_the_cancellation<R: Rt>(rt: R) {
    for fails in [false, true] {
        let census = Census::default();
        let group: Group<_, (), &str> = Builder::new().limit(3).spawned(rt.clone());
        for _ in 0..3 {
            let resident = census.enter();
            let work = async move {
                pending::<()>().await;
                drop(resident);
                Ok(())
            };
            group.spawn(work).await.unwrap();
        }
        let handle = group.handle();
        let mut waits = pin!(handle.spawn(pending()));
        assert!(poll_once(waits.as_mut()).await.is_none());
        let token = group.token();
        let told = token
            .context()
            .on_cancel(|_| resume_unwind(Box::new("out of cheese")));
        let group = if fails {
            assert!(catch_unwind(AssertUnwindSafe(|| group.fail("no luck"))).is_err());
            Some(group)
        } else {
            assert!(catch_unwind(AssertUnwindSafe(|| drop(group))).is_err());
            None
        };
        until(&rt, "the tasks are gone", || census.alive() == 0).await;
        assert!(waits.await.is_err());
        drop((group, told));
    }
}

/// The outcomes are there for who waits next.
async fn panic_of_who_is_told_of_the_end<R: Rt>(rt: R) {
    let mut group = Builder::new().cancel(CancelPolicy::None).spawned(rt);
    for outcome in [Ok(7), Err("no luck")] {
        group.spawn(async move { outcome }).await.unwrap();
        let token = group.token();
        let told = token
            .context()
            .on_cancel(|_| resume_unwind(Box::new("out of cheese")));
        let waited = AssertUnwindSafe(group.wait()).catch_unwind().await;
        assert!(waited.is_err());
        assert_eq!(group.wait().await, outcome.map(|n| vec![n]));
        drop(told);
    }
}

#[test]
fn ten_thousand_and_one_tasks_through_one_slot_on_mini() {
    let tasks = if cfg!(miri) { 101 } else { 10_001 };
    mini_executor::run(1, |rt| through_one_slot(rt, tasks)).unwrap();
}

#[test]
fn a_limit_of_zero_is_refused() {
    let payload = catch_unwind(|| Builder::<()>::new().limit(0)).unwrap_err();
    let message = payload.downcast_ref::<&str>().unwrap();
    assert!(message.contains("limit of 0"), "{message}");
}

#[test]
fn a_runtime_that_shuts_down_does_not_leave_the_group_waiting() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rt = runtime::TokioRuntime::from(tokio.handle().clone());
    let group: Group<_, (), MyError> = Builder::new().panics_as_errors().spawned(rt);
    group.try_spawn(pending()).unwrap();
    drop(tokio);
    let error = mini_executor::block_on(group.join()).unwrap_err();
    assert!(error.0.contains("dropped by its runtime"), "{}", error.0);
}

/// A runtime that fails to spawn.
#[derive(Clone)]
struct Broken;

impl runtime::Spawn for Broken {
    type Handle<T: Send + 'static> = runtime::TaskHandle<T>;

    fn spawn<F>(&self, _: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        panic!("no threads left")
    }
}

#[test]
fn a_spawn_that_panics_does_not_leave_the_group_waiting() {
    let group: Group<_, (), MyError> = Builder::new().limit(1).panics_as_errors().spawned(Broken);
    let spawn = AssertUnwindSafe(|| group.try_spawn(async { Ok(()) }));
    let payload = catch_unwind(spawn).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"no threads left"));
    let error = mini_executor::block_on(group.join()).unwrap_err();
    assert!(error.0.contains("dropped by its runtime"), "{}", error.0);
}

#[test]
fn the_future_of_spawn_holds_the_task_once() {
    let group = Group::<_, u8, ()>::new(runtime::SmolRuntime::new());
    let bytes = [1; 1000];
    let work = async move {
        yield_now().await;
        Ok(bytes[7])
    };
    let task = size_of_val(&work);
    let spawn = size_of_val(&group.spawn(work));
    assert!(spawn <= task + 200, "{spawn} bytes for a task of {task}");
}

#[test]
fn auto_traits_and_debug() {
    fn shared<T: Send + Sync + std::fmt::Debug + ?Sized>(value: &T) -> String {
        format!("{value:?}")
    }
    let rt = runtime::SmolRuntime::new();
    // Neither `Cell` nor its like has to be Sync to travel through a group.
    let group = Builder::<std::cell::Cell<u8>>::new()
        .limit(2)
        .spawned::<_, std::cell::Cell<u8>>(rt);
    assert_eq!(
        shared(&group),
        "ErrGroup { running: 0, limit: Some(2), stopped: false, .. }"
    );
    assert_eq!(
        shared(&group.token()),
        "CancelToken { cancelled: false, .. }"
    );
    shared(&group.handle());
    fn future<F: Send>(_: &F) {}
    future(&group.spawn(async { Ok(std::cell::Cell::new(1)) }));
    future(&group.join());
}
