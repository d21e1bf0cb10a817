//! Errors that say which task they are of; groups that are stopped; one join for both endings; errors of
//! work that is done elsewhere.

mod common;

use std::future::pending;
use std::sync::Arc;

use async_sync::Event;
use common::{Census, Rt, poll_once, units, until, yield_now};
use orchestration::ErrGroup;
use orchestration::errgroup::{
    Builder, CancelPolicy, Ending, ErrWaitGroup, LocalErrGroup, MultiError,
};

/// The first error, its task's place, name and line.
async fn the_first_error_is_traced<R: Rt>(rt: R) {
    let line = line!() + 4;
    let group = ErrGroup::new(rt.clone());
    group.spawn(pending::<Result<(), &str>>()).await.unwrap();
    let fails = async { Err("no luck") };
    group.spawn_named("fetch", fails).await.unwrap();
    let error = group.join_traced().await.unwrap_err();
    assert_eq!((error.place, error.origin.name()), (1, Some("fetch")));
    let location = error.origin.location();
    assert_eq!((location.file(), location.line()), (file!(), line));
    let text = error.to_string();
    assert!(
        text.starts_with("task #1 fetch (") && text.ends_with("): no luck"),
        "{text}"
    );

    let group: ErrGroup<_, (), &str> = ErrGroup::new(rt);
    group.fail("from outside");
    let line = line!() - 1;
    let error = group.join_traced().await.unwrap_err();
    assert_eq!((error.place, error.origin.location().line()), (0, line));
    assert!(error.to_string().starts_with("task #0 (crates"), "{error}");
}

/// Every failure of a group that collects: in one line, or a line for each.
async fn all_failures_are_traced<R: Rt>(rt: R) {
    let group = Builder::new()
        .collect_all()
        .panics_with(|panic| panic.message().to_owned())
        .spawned(rt.clone());
    for n in 0..5_u32 {
        let rt = rt.clone();
        let task = async move {
            // The last ones first.
            rt.sleep(units(5 - n)).await;
            match n {
                0 | 2 => Ok(n),
                3 => std::panic::resume_unwind(Box::new("out of cheese")),
                _ => Err(format!("no {n}")),
            }
        };
        if n == 4 {
            group.try_spawn_named("last", task).unwrap();
        } else {
            group.try_spawn(task).unwrap();
        }
    }
    let errors = group.join().await.unwrap_err();
    assert_eq!(
        errors.to_string(),
        "3 of 5 tasks failed: #1: no 1; #3: out of cheese; #4 last: no 4"
    );
    let lines: Vec<String> = format!("{errors:#}").lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "3 of 5 tasks failed:");
    assert!(
        lines[1].starts_with("  #1 (crates") && lines[1].ends_with("): no 1"),
        "{}",
        lines[1]
    );
    assert!(lines[3].starts_with("  #4 last (crates"), "{}", lines[3]);
    let failures: Vec<_> = errors.failures().collect();
    assert_eq!(failures.len(), 3);
    assert_eq!(failures[2].origin.name(), Some("last"));
    assert!(failures[0].origin.location().line() > failures[2].origin.location().line());
}

/// Names are forgotten with their tasks.
async fn a_name_is_of_one_task<R: Rt>(rt: R) {
    let mut group = Builder::new().collect_all().spawned(rt);
    group
        .spawn_named("a", async { Ok::<_, &str>(1) })
        .await
        .unwrap();
    group.wait().await.unwrap();
    group.spawn(async { Err("no luck") }).await.unwrap();
    let errors = group.wait().await.unwrap_err();
    assert_eq!(errors.to_string(), "1 of 1 tasks failed: #0: no luck");
    assert_eq!(errors, errors.clone());
}

/// Stopped, it keeps what there is, also where values have no size.
async fn stop_keeps_what_there_is<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::new().collect_all().eager(3).spawned(rt.clone());
    let units_group = Builder::new().collect_all().spawned(rt.clone());
    for n in 0..5_usize {
        let (rt, census) = (rt.clone(), census.clone());
        let outcome = move || async move {
            let _resident = census.enter();
            match n {
                1 => Err(n),
                3.. => pending().await,
                _ => Ok(n),
            }
        };
        let other = outcome.clone();
        group.spawn(async move { outcome().await }).await.unwrap();
        units_group
            .spawn(async move { other().await.map(drop) })
            .await
            .unwrap();
        drop(rt);
    }
    let (mut group, mut units_group) = (group, units_group);
    assert!(poll_once(std::pin::pin!(group.ended())).await.is_none());
    assert!(
        poll_once(std::pin::pin!(units_group.ended()))
            .await
            .is_none()
    );
    until(&rt, "four wait", || {
        (census.ever(), census.alive()) == (10, 4)
    })
    .await;
    assert_eq!(
        group.stop().await,
        [Some(Ok(0)), Some(Err(1)), Some(Ok(2)), None, None]
    );
    assert_eq!(
        units_group.stop().await,
        [Some(Ok(())), Some(Err(1)), Some(Ok(())), None, None]
    );
    assert_eq!(census.alive(), 0);
}

/// A panic is raised by `stop` as well.
async fn stop_raises_panics<R: Rt>(rt: R) {
    let mut group: ErrGroup<_, (), (), _> = Builder::new().collect_all().spawned(rt.clone());
    let panics = async { std::panic::resume_unwind(Box::new("out of cheese")) };
    group.spawn(panics).await.unwrap();
    group.ended().await;
    let caught = rt.spawn(group.stop()).await.unwrap_err();
    assert_eq!(caught.panic_message(), "out of cheese");
}

/// A function that is generic over the ending.
async fn both<R: Rt, P: Ending>(
    builder: Builder<&'static str, P>,
    rt: &R,
    fails: bool,
) -> Result<Vec<u32>, P::Failure<u32, &'static str>> {
    let group = builder.spawned(rt.clone());
    for n in 0..3 {
        let task = async move {
            if fails && n == 1 {
                Err("no luck")
            } else {
                Ok(n)
            }
        };
        group.try_spawn(task).unwrap();
    }
    group.join().await
}

async fn one_join_for_both_endings<R: Rt>(rt: R) {
    let first = || Builder::new().cancel(CancelPolicy::None);
    assert_eq!(both(first(), &rt, false).await, Ok(vec![0, 1, 2]));
    assert_eq!(both(first(), &rt, true).await, Err("no luck"));
    let collect = || Builder::new().collect_all();
    assert_eq!(both(collect(), &rt, false).await, Ok(vec![0, 1, 2]));
    let errors = both(collect(), &rt, true).await.unwrap_err();
    assert_eq!(errors.results(), [Ok(0), Err("no luck"), Ok(2)]);
}

/// S112: two errors, and the wait reports both.
async fn s112_errors_of_work_done_elsewhere<R: Rt>(rt: R) {
    let group = ErrWaitGroup::new();
    assert_eq!(group.wait().await, Ok(()), "nothing to wait for");
    let work: Vec<_> = (0..4).map(|_| group.add()).collect();
    assert_eq!(group.count(), 4);
    let looked = Arc::new(Event::new());
    let handles: Vec<_> = (0..4)
        .zip(work)
        .map(|(n, work)| {
            let (rt, looked) = (rt.clone(), Arc::clone(&looked));
            rt.clone().spawn(async move {
                rt.sleep(units(n) / 5).await;
                if n == 3 {
                    looked.wait().await;
                }
                if n == 1 {
                    work.error(format!("error {n}"));
                }
                assert_eq!(
                    work.done((n != 3).then_some(n).ok_or("error 3".to_owned())),
                    (n != 3).then_some(n)
                );
            })
        })
        .collect();
    let mut waiter = Box::pin(group.wait());
    assert!(poll_once(waiter.as_mut()).await.is_none());
    drop(waiter);
    looked.set();
    let errors: MultiError<String> = group.wait().await.unwrap_err();
    // In the order in which they came.
    let [first, second] = errors.errors() else {
        panic!("{errors}");
    };
    assert_eq!(errors.to_string(), format!("2 errors: {first}; {second}"));
    assert_eq!(
        format!("{errors:#}"),
        format!("2 errors:\n  {first}\n  {second}")
    );
    let mut errors = errors.into_errors();
    errors.sort_unstable();
    assert_eq!(errors, ["error 1", "error 3"]);
    for handle in handles {
        handle.await.unwrap();
    }
    assert_eq!(group.clone().wait().await, Ok(()), "they were taken");
}

/// Work that panics, or is aborted, is done.
async fn work_that_is_lost_is_done<R: Rt>(rt: R) {
    let group = ErrWaitGroup::<&str>::new();
    let work = group.add();
    let panics = rt.spawn(async move {
        work.error("before");
        std::panic::resume_unwind(Box::new("out of cheese"));
    });
    let work = group.add();
    let aborted = rt.spawn(async move {
        let _work = work;
        pending::<()>().await;
    });
    runtime::JoinHandle::abort(&aborted);
    let error = group.wait().await.unwrap_err();
    assert_eq!(error.to_string(), "before");
    let _: Result<(), _> = panics.await;
    let _ = aborted.await;
}

on_every_runtime! {
    the_first_error_is_traced
    all_failures_are_traced
    a_name_is_of_one_task
    stop_keeps_what_there_is
    stop_raises_panics
    one_join_for_both_endings
    s112_errors_of_work_done_elsewhere
    work_that_is_lost_is_done
}

/// The same of groups in one task.
#[test]
fn local_groups() {
    mini_executor::block_on(async {
        let mut group: LocalErrGroup<'_, u32, &str> = LocalErrGroup::new();
        group
            .spawn_named("a", async { Err("no luck") })
            .await
            .unwrap();
        let error = group.join_traced().await.unwrap_err();
        assert_eq!((error.place, error.origin.name()), (0, Some("a")));
        assert_eq!(error.origin.location().file(), file!());

        let mut group = Builder::new().collect_all().local();
        for n in 0..4_u32 {
            let task = async move {
                match n {
                    0 => Ok(()),
                    1 => Err(n),
                    2 => {
                        yield_now().await;
                        Ok(())
                    }
                    _ => pending().await,
                }
            };
            group.spawn(task).await.unwrap();
        }
        assert!(poll_once(std::pin::pin!(group.ended())).await.is_none());
        assert!(poll_once(std::pin::pin!(group.ended())).await.is_none());
        assert_eq!(
            group.stop().await,
            [Some(Ok(())), Some(Err(1)), Some(Ok(())), None]
        );

        let mut group = Builder::new().limit(1).local();
        group.try_spawn(async { Ok::<_, ()>(1) }).unwrap();
        assert!(group.try_spawn(async { Ok(2) }).is_err());
        group.set_limit(2);
        group.try_spawn(async { Ok(2) }).unwrap();
        assert_eq!(group.join().await, Ok(vec![1, 2]));
    });
}
