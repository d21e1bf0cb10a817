//! The local group: scenarios that hold on every runtime.

#![allow(missing_docs)]

mod common;

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;

use async_sync::Event;
use common::{Census, Rt, poll_once, units, until, yield_now};
use futures_util::FutureExt;
use orchestration::errgroup::{Builder, CancelPolicy, LocalErrGroup};

on_every_runtime! {
    s106_waits_for_all_and_gives_the_first_error
    s107_token
    s110_panic_as_error_leaves_collecting_siblings_alone
    s111_the_spawn_beyond_the_limit_waits_for_a_slot
    borrows
    values_come_in_the_order_of_submission
    abort_drops_the_others_at_once
    panic_is_raised_at_the_join
    panic_of_a_destructor_is_not_swallowed
    collect_all
    spawn_runs_the_task_up_to_its_first_wait
    try_spawn_gives_the_future_back
    dropped_spawn_never_ran
    dropped_wait_can_be_called_again
    second_round
    drop_drops_children
    shutdown_drops_children
    fail_from_outside
    nested_groups
    inside_of_a_spawned_task
    ten_thousand_and_one_tasks_through_one_slot
    panic_of_who_is_told_of_the_cancellation
}

async fn s106_waits_for_all_and_gives_the_first_error<R: Rt>(rt: R) {
    let done = RefCell::new(Vec::new());
    let mut group = Builder::new().cancel(CancelPolicy::None).local();
    let start = rt.now();
    for n in 1..=3_u32 {
        let (rt, done) = (&rt, &done);
        let work = async move {
            rt.sleep(units(5 * n)).await;
            done.borrow_mut().push(n);
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
    // Timers that are late together are served in any order.
    done.borrow_mut().sort_unstable();
    assert_eq!(*done.borrow(), [1, 2, 3]);
    assert_eq!(group.wait().await, Err("failed to exec #2".to_owned()));
    assert_eq!(group.join().await, Err("failed to exec #2".to_owned()));
}

async fn s107_token<R: Rt>(rt: R) {
    let mut group = Builder::new().cancel(CancelPolicy::Signal).local();
    let first = group.token();
    group.spawn(async { Ok(0) }).await.unwrap();
    assert_eq!(group.wait().await, Ok(vec![0]));
    assert!(first.is_cancelled(), "cancelled after a wait without error");

    let token = group.token();
    assert!(!token.is_cancelled());
    let polite = group.spawn_with(|token| async move {
        token.cancelled().await;
        Ok(1)
    });
    polite.await.unwrap();
    group
        .try_spawn_with(|token| async move { token.cancelled().map(|()| Ok(2)).await })
        .unwrap();
    rt.sleep(units(1)).await;
    assert!(!token.is_cancelled());
    group.spawn(async { Err("no luck") }).await.unwrap();
    assert!(token.is_cancelled());
    assert_eq!(group.running(), 2, "told, but not dropped");
    assert_eq!(group.wait().await, Err("no luck"));
    assert!(group.spawn(async { Ok(3) }).await.is_err());
}

async fn s110_panic_as_error_leaves_collecting_siblings_alone<R: Rt>(rt: R) {
    let builder = Builder::<String>::new()
        .collect_all()
        .panics_with(|panic| panic.to_string());
    let mut group = builder.local();
    group.spawn(async { Ok(0) }).await.unwrap();
    group
        .spawn(async { panic!("panic in task {}", 1) })
        .await
        .unwrap();
    let sibling = async {
        rt.sleep(units(2)).await;
        Ok(2)
    };
    group.spawn(sibling).await.unwrap();
    let errors = group.wait().await.unwrap_err();
    let message = "task panicked: panic in task 1".to_owned();
    assert_eq!(errors.into_results(), [Ok(0), Err(message), Ok(2)]);
}

async fn s111_the_spawn_beyond_the_limit_waits_for_a_slot<R: Rt>(rt: R) {
    let census = Census::default();
    let mut group = Builder::new().limit(2).local();
    let start = rt.now();
    for n in 0..5_u32 {
        let (rt, census) = (&rt, &census);
        let work = async move {
            let _resident = census.enter();
            until(rt, "two are there", || census.most() >= 2).await;
            rt.sleep(units(4)).await;
            Ok::<_, ()>(n)
        };
        group.spawn(work).await.unwrap();
        assert!(group.running() <= 2);
        assert!(rt.now() - start >= units(4) * (n / 2));
    }
    assert_eq!(group.join().await.unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(census.most(), 2);
}

async fn borrows<R: Rt>(rt: R) {
    let words = ["one".to_owned(), "three".to_owned()];
    let total = Cell::new(0);
    let shared = Rc::new(1);
    let mut group = LocalErrGroup::new();
    for word in &words {
        let (total, shared, rt) = (&total, shared.clone(), &rt);
        let work = async move {
            rt.sleep(units(1)).await;
            total.set(total.get() + word.len() * *shared);
            Ok::<&str, ()>(word)
        };
        group.spawn(work).await.unwrap();
    }
    // Another type of future in the same group.
    group.spawn(ready(Ok("two"))).await.unwrap();
    assert_eq!(group.join().await.unwrap(), ["one", "three", "two"]);
    assert_eq!(total.get(), 8);
}

async fn values_come_in_the_order_of_submission<R: Rt>(rt: R) {
    let mut group = LocalErrGroup::new();
    for n in 0..20_u32 {
        let rt = &rt;
        let work = async move {
            rt.sleep(units(1) * ((n * 7) % 5)).await;
            Ok::<_, ()>(n)
        };
        group.spawn(work).await.unwrap();
    }
    assert_eq!(group.join().await.unwrap(), (0..20).collect::<Vec<_>>());
}

async fn abort_drops_the_others_at_once<R: Rt>(rt: R) {
    let census = Census::default();
    let mut group = LocalErrGroup::new();
    for _ in 0..10 {
        let work = async {
            let _resident = census.enter();
            pending::<()>().await;
            Ok(())
        };
        group.spawn(work).await.unwrap();
    }
    assert_eq!(census.alive(), 10);
    let fails = async {
        rt.sleep(units(1)).await;
        Err("no luck")
    };
    group.spawn(fails).await.unwrap();
    group.ended().await;
    assert_eq!(census.alive(), 0);
    assert_eq!(group.join().await, Err("no luck"));
}

async fn panic_is_raised_at_the_join<R: Rt>(_: R) {
    let census = Census::default();
    let mut group = LocalErrGroup::<(), ()>::new();
    let sibling = async {
        let _resident = census.enter();
        pending().await
    };
    group.spawn(sibling).await.unwrap();
    let panics = async {
        yield_now().await;
        panic!("out of cheese")
    };
    group.spawn(panics).await.unwrap();
    for _ in 0..2 {
        let payload = AssertUnwindSafe(group.wait())
            .catch_unwind()
            .await
            .unwrap_err();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or(payload.downcast_ref::<String>().map(|text| text.as_str()));
        assert_eq!(text, Some("out of cheese"));
    }
    assert_eq!(census.alive(), 0);
    assert!(group.is_stopped());
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

async fn panic_of_a_destructor_is_not_swallowed<R: Rt>(_: R) {
    let census = Census::default();
    let mut group = LocalErrGroup::<(), &str>::new();
    for _ in 0..3 {
        let work = async {
            let _resident = census.enter();
            let _bomb = Bomb;
            pending().await
        };
        group.spawn(work).await.unwrap();
    }
    group.fail("no luck");
    assert_eq!(census.alive(), 0);
    let payload = AssertUnwindSafe(group.join())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"in a destructor"));
}

async fn collect_all<R: Rt>(rt: R) {
    let mut group = Builder::new().limit(3).collect_all().local();
    for round in 0..2 {
        for n in 0..8_u32 {
            let rt = &rt;
            let work = async move {
                rt.sleep(units((n * 3) % 4)).await;
                if n % 3 == 1 + round { Err(n) } else { Ok(()) }
            };
            group.spawn(work).await.unwrap();
        }
        let errors = group.wait().await.unwrap_err();
        assert_eq!(errors.results().len(), 8);
        let failed: Vec<_> = errors
            .errors()
            .map(|(place, error)| (place as u32, *error))
            .collect();
        let expected: Vec<_> = (0..8)
            .filter(|n| n % 3 == 1 + round)
            .map(|n| (n, n))
            .collect();
        assert_eq!(failed, expected);
    }
    assert_eq!(group.join().await.unwrap(), []);
}

async fn spawn_runs_the_task_up_to_its_first_wait<R: Rt>(_: R) {
    let log = RefCell::new(Vec::new());
    let mut group = LocalErrGroup::<_, ()>::new();
    let work = async {
        log.borrow_mut().push("started");
        yield_now().await;
        log.borrow_mut().push("went on");
        Ok(())
    };
    group.spawn(work).await.unwrap();
    assert_eq!(*log.borrow(), ["started"]);
    group
        .try_spawn(async {
            log.borrow_mut().push("later");
            Ok(())
        })
        .unwrap();
    assert_eq!(*log.borrow(), ["started"]);
    group.join().await.unwrap();
    assert_eq!(log.borrow().len(), 3);
}

async fn try_spawn_gives_the_future_back<R: Rt>(_: R) {
    let mut group = Builder::new().limit(1).local();
    group.try_spawn(pending()).unwrap();
    let refused = group.try_spawn(async { Ok(5) }).unwrap_err();
    assert!(refused.is_full());
    assert_eq!(refused.into_inner().await, Ok(5));
    group.fail("no luck");
    let refused = group.try_spawn(async { Ok(6) }).unwrap_err();
    assert!(refused.is_stopped());
    assert_eq!(refused.into_inner().await, Ok(6));
    let refused = group.spawn(async { Ok(7) }).await.unwrap_err();
    assert_eq!(refused.into_inner().await, Ok(7));
    assert_eq!(group.join().await, Err("no luck"));
}

async fn dropped_spawn_never_ran<R: Rt>(_: R) {
    let (census, gate) = (Census::default(), Event::new());
    let mut group = Builder::<()>::new().limit(1).local();
    let first = async {
        gate.wait().await;
        Ok(1)
    };
    group.spawn(first).await.unwrap();
    let never = async {
        census.enter();
        Ok(0)
    };
    drop(group.spawn(never));
    let never = async {
        census.enter();
        Ok(0)
    };
    assert!(poll_once(pin!(group.spawn(never))).await.is_none());
    gate.set();
    group.spawn(async { Ok(2) }).await.unwrap();
    assert_eq!(group.join().await, Ok(vec![1, 2]));
    assert_eq!(census.ever(), 0);
}

async fn dropped_wait_can_be_called_again<R: Rt>(rt: R) {
    let gate = Event::new();
    let mut group = LocalErrGroup::<_, ()>::new();
    let work = async {
        gate.wait().await;
        Ok(1)
    };
    group.spawn(work).await.unwrap();
    assert!(rt.timeout(units(1), group.wait()).await.is_err());
    assert!(rt.timeout(units(1), group.ended()).await.is_err());
    gate.set();
    assert_eq!(group.wait().await, Ok(vec![1]));
}

async fn second_round<R: Rt>(_: R) {
    let mut group = Builder::<()>::new().limit(2).local();
    assert_eq!(group.wait().await, Ok(vec![]));
    for round in 0..3 {
        for n in 0..5 {
            group
                .spawn(async move {
                    yield_now().await;
                    Ok(10 * round + n)
                })
                .await
                .unwrap();
        }
        assert_eq!(
            group.wait().await,
            Ok((10 * round..10 * round + 5).collect())
        );
    }
}

async fn drop_drops_children<R: Rt>(_: R) {
    let census = Census::default();
    let mut group = LocalErrGroup::<(), ()>::new();
    let token = group.token();
    for _ in 0..5 {
        let work = async {
            let _resident = census.enter();
            pending().await
        };
        group.spawn(work).await.unwrap();
    }
    assert_eq!(census.alive(), 5);
    drop(group);
    assert_eq!(census.alive(), 0);
    assert!(token.is_cancelled());
}

async fn shutdown_drops_children<R: Rt>(_: R) {
    let census = Census::default();
    let mut group = LocalErrGroup::<(), ()>::new();
    let work = async {
        let _resident = census.enter();
        pending().await
    };
    group.spawn(work).await.unwrap();
    group.shutdown().await;
    assert_eq!(census.alive(), 0);
}

async fn fail_from_outside<R: Rt>(rt: R) {
    let mut group = LocalErrGroup::<(), _>::new();
    group.spawn(pending()).await.unwrap();
    if rt.timeout(units(1), group.ended()).await.is_err() {
        group.fail("deadline");
    }
    assert_eq!(group.join().await, Err("deadline"));
}

async fn nested_groups<R: Rt>(rt: R) {
    let names = ["a", "b", "c"];
    let mut outer = LocalErrGroup::<_, ()>::new();
    for name in &names {
        let rt = &rt;
        let work = async move {
            let mut inner = Builder::new().limit(2).local();
            for n in 0..4_u32 {
                let work = async move {
                    rt.sleep(units(n)).await;
                    Ok(format!("{name}{n}"))
                };
                inner.spawn(work).await.unwrap();
            }
            Ok(inner.join().await?.concat())
        };
        outer.spawn(work).await.unwrap();
    }
    assert_eq!(
        outer.join().await.unwrap().concat(),
        "a0a1a2a3b0b1b2b3c0c1c2c3"
    );
}

async fn inside_of_a_spawned_task<R: Rt>(rt: R) {
    let inner = rt.clone();
    let task = rt.spawn(async move {
        let words = vec!["one".to_owned(), "three".to_owned()];
        let mut group = Builder::new().limit(1).local_send();
        for word in &words {
            let rt = &inner;
            let work = async move {
                rt.sleep(units(1)).await;
                Ok::<_, ()>(word.len())
            };
            group.spawn(work).await.unwrap();
        }
        group.spawn_with(|_| async { Ok(7) }).await.unwrap();
        group.join().await
    });
    assert_eq!(task.await.unwrap(), Ok(vec![3, 5, 7]));
}

async fn ten_thousand_and_one_tasks_through_one_slot<R: Rt>(_: R) {
    let tasks = if cfg!(miri) {
        21
    } else if std::any::type_name::<R>().contains("Mini") {
        101
    } else {
        10_001
    };
    let census = Census::default();
    let mut group = Builder::<()>::new().limit(1).local();
    for _ in 0..tasks {
        let work = async {
            let _resident = census.enter();
            yield_now().await;
            Ok(())
        };
        group.spawn(work).await.unwrap();
    }
    assert_eq!(group.join().await.unwrap().len(), tasks);
    assert_eq!((census.most(), census.ever()), (1, tasks));
}

/// The tasks are dropped, whatever becomes of those who are told of it.
async fn panic_of_who_is_told_of_the_cancellation<R: Rt>(_rt: R) {
    let census = Census::default();
    let mut group: LocalErrGroup<'_, (), &str> = LocalErrGroup::new();
    let resident = census.enter();
    let work = async move {
        pending::<()>().await;
        drop(resident);
        Ok(())
    };
    group.spawn(work).await.unwrap();
    let token = group.token();
    let told = token
        .context()
        .on_cancel(|_| resume_unwind(Box::new("out of cheese")));
    let failed = catch_unwind(AssertUnwindSafe(|| group.fail("no luck")));
    assert!(failed.is_err());
    assert_eq!(census.alive(), 0);
    assert_eq!(group.wait().now_or_never(), Some(Err("no luck")));
    drop(told);
}

#[test]
fn auto_traits_and_debug() {
    let group = Builder::<()>::new().limit(2).local_send::<u8>();
    fn send<T: Send + std::fmt::Debug>(value: &T) -> String {
        format!("{value:?}")
    }
    assert_eq!(
        send(&group),
        "LocalErrGroup { running: 0, limit: Some(2), stopped: false, .. }"
    );
}
