//! Sized groups, eager and preemptive; limits that are shared, nested, changed.

mod common;

use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_sync::Event;
use common::{Census, Rt, poll_once, units, until, yield_now};
use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};
use mini_executor::MiniRuntime;
use orchestration::Limiter;
use orchestration::errgroup::{Builder, CancelPolicy, ErrGroup, LocalErrGroup};
use runtime::{Spawn as _, Timer as _};

/// Is there for a while.
async fn stay<R: Rt>(rt: R, census: Census) -> Result<(), &'static str> {
    let _resident = census.enter();
    rt.sleep(units(1) / 10).await;
    Ok(())
}

/// Is there until so many have been there at a time.
async fn meet<R: Rt>(rt: R, census: Census, many: usize) -> Result<(), &'static str> {
    let _resident = census.enter();
    until(&rt, "all have met", || census.most() == many).await;
    Ok(())
}

/// S113: many tasks, ten at a time; submitting never waits.
async fn s113_eager<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::new().eager(10).spawned(rt.clone());
    for _ in 0..200 {
        let submitted = group.spawn(meet(rt.clone(), census.clone(), 10));
        assert!(submitted.now_or_never().expect("it does not wait").is_ok());
    }
    assert_eq!(group.limit(), None);
    assert_eq!(group.join().await.unwrap().len(), 200);
    assert_eq!((census.ever(), census.most()), (200, 10));
}

/// S113: preemptive, the submitter waits once ten run.
async fn s113_preemptive<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::new().limit(10).spawned(rt.clone());
    for n in 0..100 {
        let mut submitted = pin!(group.spawn(meet(rt.clone(), census.clone(), 10)));
        let at_once = poll_once(submitted.as_mut()).await;
        if n < 10 {
            assert!(at_once.is_some());
        }
        if at_once.is_none() {
            submitted.await.unwrap();
        }
    }
    assert_eq!(group.join().await.unwrap().len(), 100);
    assert_eq!((census.ever(), census.most()), (100, 10));
}

/// S111: two run, two are queued, the fifth waits.
async fn s111_bounded<R: Rt>(rt: R) {
    let (census, go) = (Census::default(), Arc::new(AtomicUsize::new(0)));
    let task = || {
        let (rt, census, go) = (rt.clone(), census.clone(), Arc::clone(&go));
        async move {
            let _resident = census.enter();
            until(&rt, "it may end", || go.load(Ordering::SeqCst) == 1).await;
            Ok::<_, &str>(())
        }
    };
    let group = Builder::new().bounded(2, 2).spawned(rt.clone());
    for _ in 0..4 {
        group.try_spawn(task()).unwrap();
    }
    let mut fifth = Box::pin(group.spawn(task()));
    assert!(poll_once(fifth.as_mut()).await.is_none());
    until(&rt, "two run", || census.alive() == 2).await;
    assert!(poll_once(fifth.as_mut()).await.is_none());
    go.store(1, Ordering::SeqCst);
    fifth.await.unwrap();
    group.join().await.unwrap();
    assert_eq!((census.ever(), census.most()), (5, 2));
}

/// One error ends those that run and those that wait for a slot.
async fn an_error_ends_the_queue<R: Rt>(rt: R) {
    let census = Census::default();
    let group = Builder::new().eager(1).spawned(rt.clone());
    for _ in 0..20 {
        let (rt, census) = (rt.clone(), census.clone());
        let long = async move {
            let _resident = census.enter();
            rt.sleep(units(500)).await;
            Ok(())
        };
        group.spawn(long).await.unwrap();
    }
    until(&rt, "one runs", || census.alive() == 1).await;
    group.fail("no luck");
    let start = rt.now();
    assert_eq!(group.join().await, Err("no luck"));
    assert!(rt.now() - start < units(400));
    // None has begun in the slot of another that was aborted before it.
    assert_eq!((census.ever(), census.alive()), (1, 0));
}

/// The tasks of two groups and of nobody, three at a time together.
async fn groups_share<R: Rt>(rt: R) {
    let (census, limiter) = (Census::default(), Limiter::new(3));
    let groups = [CancelPolicy::Signal, CancelPolicy::None].map(|policy| {
        Builder::new()
            .limiter(&limiter)
            .cancel(policy)
            .spawned(rt.clone())
    });
    for _ in 0..10 {
        for group in &groups {
            group.spawn(stay(rt.clone(), census.clone())).await.unwrap();
        }
    }
    let alone = limiter.run(stay(rt.clone(), census.clone()));
    alone.await.unwrap();
    for group in groups {
        group.join().await.unwrap();
    }
    assert_eq!(census.ever(), 21);
    assert!(census.most() <= 3);
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

type Count = Pin<Box<dyn Future<Output = Result<usize, &'static str>> + Send>>;

/// A tree of groups on one limiter. `census` counts who works, which is not to wait for others.
fn leaves<R: Rt>(rt: R, limiter: Limiter, census: Census, depth: u32, bounded: bool) -> Count {
    Box::pin(async move {
        stay(rt.clone(), census.clone()).await?;
        if depth == 0 {
            return Ok(1);
        }
        let mut below = Builder::new().limiter(&limiter);
        if bounded {
            // Also who waits for a place lends its slot.
            below = below.limit(1);
        }
        let below = below.spawned(rt.clone());
        for _ in 0..2 {
            let leaf = leaves(
                rt.clone(),
                limiter.clone(),
                census.clone(),
                depth - 1,
                bounded,
            );
            below.spawn(leaf).await.map_err(|_| "stopped")?;
        }
        let sum = below.join().await?.into_iter().sum();
        stay(rt, census).await?;
        Ok(sum)
    })
}

async fn nested_groups_do_not_wait_for_each_other<R: Rt>(rt: R) {
    for (limit, bounded) in [(1, false), (1, true), (2, true)] {
        let (census, limiter) = (Census::default(), Limiter::new(limit));
        let root = leaves(rt.clone(), limiter.clone(), census.clone(), 3, bounded);
        assert_eq!(limiter.run(root).await, Ok(8));
        assert_eq!(census.ever(), 8 + 2 * 7);
        assert!(census.most() <= limit, "{} worked", census.most());
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// The same inside of one task.
async fn nested_local_groups<R: Rt>(rt: R) {
    let (census, limiter) = (Census::default(), Limiter::new(1));
    let outer = async {
        let mut group = Builder::new().limiter(&limiter).local();
        for _ in 0..3 {
            let inner = async {
                let mut group = Builder::new().limiter(&limiter).limit(1).local();
                for _ in 0..2 {
                    let leaf = stay(rt.clone(), census.clone());
                    group.spawn(leaf).await.map_err(|_| "stopped")?;
                }
                group.join().await?;
                stay(rt.clone(), census.clone()).await
            };
            group.spawn(inner).await.map_err(|_| "stopped")?;
        }
        group.join().await
    };
    assert_eq!(limiter.run(outer).await.unwrap().len(), 3);
    assert_eq!((census.ever(), census.most()), (9, 1));
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

/// A limit that is raised lets more begin at once; one that is lowered holds when enough have ended.
async fn the_limit_changes<R: Rt>(rt: R) {
    let (census, limiter) = (Census::default(), Limiter::new(1));
    let group = Builder::new().limiter(&limiter).spawned(rt.clone());
    for _ in 0..4 {
        let census = census.clone();
        let forever = async move {
            let _resident = census.enter();
            pending::<Result<(), ()>>().await
        };
        group.spawn(forever).await.unwrap();
    }
    until(&rt, "one runs", || {
        census.alive() == 1 && limiter.waiting() == 3
    })
    .await;
    limiter.set_limit(3);
    until(&rt, "three run", || {
        census.alive() == 3 && limiter.waiting() == 1
    })
    .await;
    limiter.set_limit(1);
    assert_eq!((limiter.limit(), limiter.running()), (1, 3));
    group.shutdown().await;
    assert_eq!((census.alive(), limiter.running()), (0, 0));
    let mut one = pin!(limiter.run(yield_now()));
    let mut two = pin!(limiter.run(yield_now()));
    assert!(poll_once(one.as_mut()).await.is_none());
    assert!(poll_once(two.as_mut()).await.is_none());
    assert_eq!((limiter.running(), limiter.waiting()), (1, 1));
    one.await;
    two.await;

    // The limit of a group that submitters wait for.
    let group: ErrGroup<_, (), ()> = Builder::new().limit(1).spawned(rt.clone());
    group.try_spawn(pending()).unwrap();
    let mut waits = Box::pin(group.spawn(pending()));
    assert!(poll_once(waits.as_mut()).await.is_none());
    group.set_limit(2);
    waits.await.unwrap();
    assert_eq!((group.limit(), group.running()), (Some(2), 2));
    group.set_limit(1);
    assert_eq!(group.running(), 2, "nobody is stopped");
    group.shutdown().await;
}

/// What is dropped, at whatever moment, gives its slot or its place back.
async fn dropped_at_every_moment<R: Rt>(rt: R) {
    let limiter = Limiter::new(1);
    let inner = || async {
        yield_now().await;
        limiter.lend(limiter.run(yield_now())).await;
        limiter.lend(yield_now()).await;
        yield_now().await;
    };
    let mut completed = false;
    for polls in 0..12 {
        {
            let mut running = pin!(limiter.run(inner()));
            for _ in 0..polls {
                if poll_once(running.as_mut()).await.is_some() {
                    completed = true;
                    break;
                }
            }
        }
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
        assert_eq!(limiter.run(async { 7 }).now_or_never(), Some(7));
    }
    assert!(completed, "all moments were met");
    drop(rt);
}

/// Who gives up waiting while it lends has its slot back before it goes on.
async fn a_lender_that_gives_up<R: Rt>(rt: R) {
    let (census, limiter) = (Census::default(), Limiter::new(1));
    let others: Vec<_> = (0..5)
        .map(|_| {
            let (rt, limiter, census) = (rt.clone(), limiter.clone(), census.clone());
            rt.clone()
                .spawn(async move { limiter.run(stay(rt, census)).await })
        })
        .collect();
    let lender = limiter.run(async {
        for _ in 0..3 {
            let given_up = rt
                .timeout(units(1) / 20, limiter.lend(pending::<()>()))
                .await;
            assert!(given_up.is_err());
            // Up to here it may have come without a slot.
            yield_now().await;
            stay(rt.clone(), census.clone()).await.unwrap();
        }
    });
    lender.await;
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!((census.ever(), census.most()), (8, 1));
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

/// Two that lend in one task, one of them for longer.
async fn two_lenders_in_one_task<R: Rt>(rt: R) {
    let limiter = Limiter::new(1);
    let both = limiter.run(async {
        let short = limiter.lend(limiter.run(yield_now()));
        let long = limiter.lend(limiter.run(rt.sleep(units(1))));
        join(short, long).await;
        assert_eq!(limiter.running(), 1, "its own");
        yield_now().await;
    });
    both.await;
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

/// One that lends, and is polled elsewhere, or outside of a slot, only awaits.
async fn lent_elsewhere<R: Rt>(rt: R) {
    let limiter = Limiter::new(1);
    assert_eq!(limiter.lend(async { 7 }).await, 7);
    let other = Limiter::new(1);
    let through = other.run(limiter.lend(limiter.run(async {
        yield_now().await;
        8
    })));
    assert_eq!(through.await, 8);
    // Begun in a slot, ended in another task.
    let outer = limiter.run(async {
        let mut lent = Box::pin(limiter.clone().lend(yield_now()));
        assert!(poll_once(lent.as_mut()).await.is_none());
        let handle = rt.spawn(lent);
        limiter.lend(handle).await.unwrap();
        yield_now().await;
        9
    });
    assert_eq!(outer.await, 9);
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

/// A panic gives the slot back, and leaves nothing on the stack of slots.
async fn a_panic_gives_the_slot_back<R: Rt>(rt: R) {
    let limiter = Limiter::new(1);
    let panics = limiter.run(async {
        yield_now().await;
        resume_unwind(Box::new("out of cheese"));
    });
    assert!(AssertUnwindSafe(panics).catch_unwind().await.is_err());
    let group = Builder::new()
        .limiter(&limiter)
        .collect_all()
        .panics_with(|_| "panic")
        .spawned(rt.clone());
    for n in 0..4 {
        let task = async move {
            yield_now().await;
            if n % 2 == 0 {
                resume_unwind(Box::new("out of cheese"));
            }
            Ok(n)
        };
        group.spawn(task).await.unwrap();
    }
    let errors = group.join().await.unwrap_err();
    assert_eq!(errors.errors().count(), 2);
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    // Outside of any slot: nothing is lent.
    limiter.lend(limiter.run(yield_now())).await;
}

/// Slots are given in the order of asking.
async fn first_come_first_served<R: Rt>(rt: R) {
    let limiter = Limiter::new(1);
    let order = Arc::new(AtomicUsize::new(0));
    let group = Builder::new().limiter(&limiter).spawned(rt.clone());
    let holder = limiter.run(async {
        for n in 0..5 {
            let order = Arc::clone(&order);
            let task = async move { Ok::<_, ()>((n, order.fetch_add(1, Ordering::SeqCst))) };
            group.spawn(task).await.unwrap();
            until(&rt, "it waits", || limiter.waiting() == n + 1).await;
        }
    });
    holder.await;
    for (submitted, served) in group.join().await.unwrap() {
        assert_eq!(submitted, served);
    }
}

/// Who waits for a place in a local group gets its slot back, though its tasks have slots, or queue for some.
async fn a_full_local_group_in_a_slot<R: Rt>(rt: R) {
    for (slots, places, panics) in [
        (1, 2, false),
        (1, 5, false),
        (2, 3, false),
        (3, 2, false),
        (1, 2, true),
        (2, 3, true),
    ] {
        let (census, limiter) = (Census::default(), Limiter::new(slots));
        let work = limiter.run(async {
            let mut group = Builder::new()
                .limiter(&limiter)
                .limit(places)
                .cancel(CancelPolicy::None)
                .panics_with(|_| "panic")
                .local();
            for n in 0..12 {
                let (rt, census) = (rt.clone(), census.clone());
                let task = async move {
                    let _resident = census.enter();
                    rt.sleep(units(1 + n % 3) / 10).await;
                    if panics && n % 2 == 0 {
                        resume_unwind(Box::new("out of cheese"));
                    }
                    Ok(())
                };
                group.spawn(task).await.map_err(|_| "stopped")?;
            }
            group.join().await
        });
        let in_time = rt.timeout(units(1000), work).await;
        assert_eq!(in_time.map(|ended| ended.is_err()), Ok(panics));
        assert!(census.most() <= slots);
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// A limit that is lowered takes no slot away from who waits for its own tasks.
async fn a_limit_is_lowered_around_a_local_group<R: Rt>(rt: R) {
    let limiter = Limiter::new(2);
    let work = limiter.run(async {
        let mut group = Builder::new().limiter(&limiter).limit(2).local();
        for n in 0..6 {
            let (rt, limiter) = (rt.clone(), limiter.clone());
            let task = async move {
                rt.sleep(units(1 + n % 2)).await;
                limiter.set_limit(1);
                Ok::<_, &str>(())
            };
            group.spawn(task).await.map_err(|_| "stopped")?;
        }
        group.join().await
    });
    let in_time = rt.timeout(units(1000), work).await;
    assert!(in_time.is_ok());
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

/// Who waits for its tasks, gives up and goes on, has no slot but one of theirs, or the one they were promised.
async fn a_local_group_that_is_waited_for_again<R: Rt>(rt: R) {
    for slots in 1..4 {
        let (limiter, ended) = (Limiter::new(slots), AtomicUsize::new(0));
        let work = limiter.run(async {
            let mut group = Builder::new().limiter(&limiter).local();
            for _ in 0..5 {
                let task = async {
                    rt.sleep(units(3)).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, &str>(())
                };
                group.spawn(task).await.map_err(|_| "stopped")?;
            }
            // More patient each time, here and below: where each poll takes long (under Miri), nothing would be done
            // otherwise.
            let mut patience = 1;
            while rt.timeout(units(patience), group.ended()).await.is_err() {
                patience += 1;
                // It has a slot here.
                yield_now().await;
                assert!(limiter.running() <= slots);
                rt.sleep(units(1) / 2).await;
            }
            group.join().await
        });
        let in_time = rt.timeout(units(1000), work).await;
        assert_eq!(in_time, Ok(Ok(vec![(); 5])));
        assert_eq!(ended.load(Ordering::SeqCst), 5);
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// The same, where those who give up are tasks of a local group in a slot themselves.
async fn parts_of_parts<R: Rt>(rt: R) {
    for slots in 1..4 {
        let limiter = Limiter::new(slots);
        let (rt_of, limit) = (&rt, &limiter);
        let inner = move || async move {
            let mut group = Builder::new().limiter(limit).local();
            for _ in 0..3 {
                let task = async {
                    rt_of.sleep(units(3)).await;
                    Ok::<_, &str>(())
                };
                group.spawn(task).await.map_err(|_| "stopped")?;
            }
            let mut patience = 1;
            while rt_of.timeout(units(patience), group.ended()).await.is_err() {
                patience += 1;
                yield_now().await;
            }
            group.join().await
        };
        let work = limiter.run(async {
            let mut group = Builder::new().limiter(limit).local();
            for _ in 0..3 {
                group.spawn(inner()).await.map_err(|_| "stopped")?;
            }
            let mut patience = 2;
            while rt.timeout(units(patience), group.ended()).await.is_err() {
                patience += 1;
                rt.sleep(units(1)).await;
            }
            group.join().await
        });
        let in_time = rt.timeout(units(1000), work).await;
        assert_eq!(in_time, Ok(Ok(vec![vec![(); 3]; 3])));
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// A task of a local group that ends in the poll in which it gives up lending has no slot to leave.
async fn a_task_that_ends_as_it_lends<R: Rt>(rt: R) {
    for (slots, places) in [(1, 2), (1, 3), (2, 3)] {
        let limiter = Limiter::new(slots);
        let work = limiter.run(async {
            let mut group = Builder::new().limiter(&limiter).limit(places).local();
            for n in 0..6 {
                let (rt, limiter) = (&rt, &limiter);
                let task = async move {
                    if n % 2 == 0 {
                        let lent = limiter.lend(pending::<()>());
                        assert!(rt.timeout(units(1), lent).await.is_err());
                    } else {
                        rt.sleep(units(5)).await;
                    }
                    Ok::<_, &str>(())
                };
                group.spawn(task).await.map_err(|_| "stopped")?;
            }
            group.join().await
        });
        let in_time = rt.timeout(units(1000), work).await;
        assert_eq!(in_time, Ok(Ok(vec![(); 6])));
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// A local group moves to another task, with tasks that have slots, lend them, and wait for some.
async fn a_local_group_that_moves<R: Rt>(rt: R) {
    for (slots, in_a_slot, ends) in [
        (1, false, false),
        (1, false, true),
        (1, true, true),
        (2, false, true),
        (2, true, true),
        (3, false, false),
    ] {
        let limiter = Limiter::new(slots);
        let (rt, limit) = (&rt, &limiter);
        let task = move |n: u32| {
            let (rt, limiter) = (rt.clone(), limit.clone());
            async move {
                let mut group = Builder::new().limiter(&limiter).local_send();
                for _ in 0..n % 3 {
                    let rt = rt.clone();
                    let task = async move {
                        rt.sleep(units(2)).await;
                        Ok::<_, ()>(())
                    };
                    group.spawn(task).await.map_err(|_| ())?;
                }
                rt.sleep(units(1)).await;
                group.join().await
            }
        };
        let moves = async move {
            let mut group = Builder::new().limiter(limit).local_send();
            for n in 0..6 {
                group.spawn(task(n)).await.map_err(|_| ())?;
            }
            let waited = rt.timeout(units(2), group.ended()).await;
            assert!(waited.is_err());
            let joined: Pin<Box<dyn Future<Output = _> + Send>> = if in_a_slot {
                Box::pin(limit.run(group.join()))
            } else {
                Box::pin(group.join())
            };
            let joined = rt.spawn(joined);
            if ends {
                return Ok::<_, ()>(joined);
            }
            let joined = limit.lend(joined).await;
            Ok(rt.spawn(async { joined.unwrap() }))
        };
        let all = async { limiter.run(moves).await.unwrap().await };
        let in_time = rt.timeout(units(1000), all).await;
        assert_eq!(in_time.unwrap().unwrap().unwrap().len(), 6);
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// Two local groups in one slot, awaited in turn: what nobody polls is handed no slot that others wait for.
async fn local_groups_in_turn<R: Rt>(rt: R) {
    for (slots, tasks, gives_up, spawned) in [
        (1, 1, false, false),
        (1, 3, false, false),
        (2, 3, false, false),
        (1, 1, true, false),
        (1, 3, true, false),
        (2, 3, true, false),
        (1, 1, false, true),
        (2, 3, true, true),
        (1, 4, true, true),
        (2, 6, true, false),
    ] {
        let limiter = Limiter::new(slots);
        // Nothing ends before it is given up, however late this thread is.
        let gate = Arc::new(Event::new());
        let task = || {
            let (rt, gate) = (rt.clone(), Arc::clone(&gate));
            async move {
                rt.sleep(units(2)).await;
                gate.wait().await;
                Ok::<_, &str>(())
            }
        };
        let work = limiter.run(async {
            let mut last = Builder::new().limiter(&limiter).local();
            for _ in 0..tasks {
                last.spawn(task()).await.map_err(|_| "stopped")?;
            }
            if gives_up {
                assert!(rt.timeout(units(1), last.ended()).await.is_err());
                // No slot here, and lent again before there is one.
            }
            gate.set();
            if spawned {
                let first = Builder::new().limiter(&limiter).spawned(rt.clone());
                first.spawn(task()).await.map_err(|_| "stopped")?;
                first.join().await?;
            } else {
                let mut first = Builder::new().limiter(&limiter).local();
                first.spawn(task()).await.map_err(|_| "stopped")?;
                first.join().await?;
            }
            last.join().await
        });
        let in_time = rt.timeout(units(1000), work).await;
        assert_eq!(in_time, Ok(Ok(vec![(); tasks])));
        assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
    }
}

/// What is kept after its panic has no slot.
async fn a_panic_that_is_kept<R: Rt>(rt: R) {
    let limiter = Limiter::new(1);
    let work = limiter.run(async {
        let panics = limiter.run(async { resume_unwind(Box::new("out of cheese")) });
        let mut panics = pin!(AssertUnwindSafe(panics).catch_unwind());
        let caught: Result<(), _> = limiter.lend(panics.as_mut()).await;
        assert!(caught.is_err());
        yield_now().await;
    });
    let in_time = rt.timeout(units(1000), work).await;
    assert!(in_time.is_ok());
    assert_eq!((limiter.running(), limiter.waiting()), (0, 0));
}

on_every_runtime! {
    local_groups_in_turn
    a_panic_that_is_kept
    s113_eager
    s113_preemptive
    s111_bounded
    an_error_ends_the_queue
    groups_share
    nested_groups_do_not_wait_for_each_other
    nested_local_groups
    the_limit_changes
    dropped_at_every_moment
    a_lender_that_gives_up
    two_lenders_in_one_task
    lent_elsewhere
    a_panic_gives_the_slot_back
    first_come_first_served
    a_full_local_group_in_a_slot
    a_limit_is_lowered_around_a_local_group
    a_local_group_that_is_waited_for_again
    parts_of_parts
    a_task_that_ends_as_it_lends
    a_local_group_that_moves
}

#[test]
fn not_positive_means_the_processors() {
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(Limiter::per_processor().limit(), processors);
    let group: LocalErrGroup<'_, (), ()> = Builder::new().bounded(0, 3).local();
    assert_eq!(group.limit(), Some(processors + 3));
}

/// With slots that are free a future within another begins at once, also where its root is blocked on it.
#[test]
fn a_free_slot_within_a_slot() {
    let limiter = Limiter::new(2);
    let seven = limiter.run(async { limiter.run(async { 7 }).now_or_never() });
    assert_eq!(seven.now_or_never(), Some(Some(7)));
}

/// Who is called comes, though others yield so often that it is not polled with its root at once.
#[test]
fn a_call_that_is_heard_late() {
    let mini = mini_executor::Builder::new().max_polls(100_000);
    let ended = mini.run(|rt| async move {
        let (limiter, ended) = (Limiter::new(4), AtomicUsize::new(0));
        let others = rt.spawn({
            let (limiter, rt) = (limiter.clone(), rt.clone());
            async move {
                for _ in 0..30 {
                    limiter.run(rt.yield_now()).await;
                }
            }
        });
        let work = limiter.run(async {
            let mut group = Builder::new().limiter(&limiter).local();
            for n in 0..33 {
                let ended = &ended;
                let task = async move {
                    if n < 3 {
                        while ended.load(Ordering::SeqCst) < 30 {
                            yield_now().await;
                        }
                    } else {
                        yield_now().await;
                        ended.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok::<_, ()>(())
                };
                group.spawn(task).await.map_err(|_| ())?;
            }
            group.join().await
        });
        assert_eq!(work.await.unwrap().len(), 33);
        others.await.unwrap();
    });
    ended.unwrap();
}

#[test]
fn limits_of_nothing() {
    fn refused<T>(make: impl FnOnce() -> T) {
        let panic = std::panic::catch_unwind(AssertUnwindSafe(|| drop(make()))).unwrap_err();
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap();
        assert!(text.contains("limit of 0"), "{text}");
    }
    refused(|| Limiter::new(0));
    refused(|| Limiter::new(1).set_limit(0));
    refused(|| Builder::<()>::new().eager(0));
    refused(|| {
        let mut group = LocalErrGroup::<(), ()>::new();
        group.set_limit(0);
    });
    assert_eq!(Limiter::new(usize::MAX).running(), 0);
}

#[test]
#[should_panic(expected = "made without a limit")]
fn no_limit_to_change() {
    common::on_mini(|rt| async move {
        ErrGroup::<_, (), ()>::new(rt).set_limit(3);
    });
}

#[test]
#[should_panic(expected = "InSlot polled after completion")]
fn polled_after_completion() {
    let mut run = pin!(Limiter::new(1).run(async {}));
    assert!(run.as_mut().now_or_never().is_some());
    let _ = run.now_or_never();
}

#[test]
#[should_panic(expected = "Lend polled after completion")]
fn lend_polled_after_completion() {
    let mut lend = pin!(Limiter::new(1).lend(async {}));
    assert!(lend.as_mut().now_or_never().is_some());
    let _ = lend.now_or_never();
}

/// What a random tree of groups grows in.
#[derive(Clone)]
struct Soil {
    rt: MiniRuntime,
    dice: Arc<Mutex<u64>>,
    limiter: Limiter,
    // Of those who work, which is not to wait for others.
    census: Census,
    // That there are, of any size.
    trees: Census,
    // Whether somebody gives up waiting, and goes on in the slot of one whom it does not wait for any more.
    gives_up: bool,
}

impl Soil {
    fn below(&self, n: u64) -> u64 {
        let mut dice = self.dice.lock().unwrap();
        // xorshift64*
        *dice ^= *dice >> 12;
        *dice ^= *dice << 25;
        *dice ^= *dice >> 27;
        (dice.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    async fn work(&self) -> Result<(), u32> {
        for _ in 0..self.below(3) {
            let _resident = self.census.enter();
            match self.below(3) {
                0 => yield_now().await,
                1 => self.rt.sleep(units(1) / (1 + self.below(7) as u32)).await,
                _ => {}
            }
        }
        match self.below(25) {
            0 => Err(0),
            1 => resume_unwind(Box::new("out of cheese")),
            _ => Ok(()),
        }
    }

    fn builder(&self) -> Builder<u32> {
        use CancelPolicy::{Abort, None, Signal};
        let policy = [None, Signal, Abort][self.below(3) as usize];
        let builder = Builder::new()
            .limiter(&self.limiter)
            .cancel(policy)
            .panics_with(|_| 1);
        match self.below(4) {
            0 | 1 => builder,
            n => builder.limit(n as usize - 1),
        }
    }

    /// Lends for a while, or not at all.
    async fn tires(&self, waits: impl Future<Output = ()>) {
        if self.gives_up && self.below(2) == 0 {
            let patience = units(1) / (1 + self.below(20) as u32);
            let waits = self.limiter.lend(waits);
            let _ = self.rt.timeout(patience, waits).await;
        }
    }

    fn tree(self, depth: u32) -> Pin<Box<dyn Future<Output = Result<(), u32>> + Send>> {
        let resident = self.trees.enter();
        Box::pin(async move {
            let _resident = resident;
            self.work().await?;
            if depth == 0 {
                return Ok(());
            }
            let twigs = 1 + self.below(4);
            match self.below(4) {
                0 => {
                    let mut group = self.builder().spawned(self.rt.clone());
                    for _ in 0..twigs {
                        let patience = units(1) / (1 + self.below(20) as u32);
                        let spawned = group.spawn(self.clone().tree(depth - 1));
                        if self.below(6) > 0 {
                            spawned.await.map_err(|_| 2_u32)?;
                        } else if self.rt.timeout(patience, spawned).await.is_err() {
                            // Up to here it may have come without a slot.
                            yield_now().await;
                        }
                    }
                    match self.below(8) {
                        0 => drop(group),
                        1 => group.shutdown().await,
                        2 => group.fail(3),
                        3 => drop(group.wait().await?),
                        _ => drop(group.join().await?),
                    }
                }
                1 => {
                    let mut group = self.builder().local_send();
                    for _ in 0..twigs {
                        self.tires(group.ended()).await;
                        let spawned = group.spawn(self.clone().tree(depth - 1));
                        spawned.await.map_err(|_| 2_u32)?;
                    }
                    self.tires(group.ended()).await;
                    self.work().await?;
                    self.tires(pending()).await;
                    match self.below(8) {
                        0 => drop(group),
                        1 => group.shutdown().await,
                        2 if self.gives_up => {
                            let joined = self.rt.spawn(group.join());
                            drop(self.limiter.lend(joined).await);
                        }
                        3 if self.gives_up => drop(self.rt.spawn(group.join())),
                        4 if self.gives_up => {
                            drop(self.rt.spawn(self.limiter.run(group.join())));
                            return Ok(());
                        }
                        _ => drop(group.join().await?),
                    }
                }
                2 if self.gives_up => {
                    // Two at a time, of which one is awaited.
                    let mut groups = [(); 2].map(|()| self.builder().local_send());
                    for _ in 0..2 * twigs {
                        let group = &mut groups[self.below(2) as usize];
                        self.tires(group.ended()).await;
                        let spawned = group.spawn(self.clone().tree(depth - 1));
                        spawned.await.map_err(|_| 2_u32)?;
                    }
                    for group in groups {
                        group.join().await?;
                    }
                }
                _ => {
                    let twig = |_| self.limiter.run(self.clone().tree(depth - 1));
                    let twigs: Vec<_> = (0..twigs).map(twig).collect();
                    if self.below(2) == 0 {
                        drop(self.limiter.lend(join_all(twigs)).await);
                    } else {
                        for twig in twigs {
                            self.limiter.lend(twig).await?;
                        }
                    }
                }
            }
            self.work().await
        })
    }
}

/// Groups of both kinds, nested at random, with errors, panics and waiting that is given up: all comes to its end,
/// and never are there more who work than may, unless somebody gives up waiting for what goes on later.
#[test]
fn random_trees() {
    for seed in 1..if cfg!(miri) { 5 } else { 2000 } {
        let mini = mini_executor::Builder::new().seed(seed).fail_on_leaks(true);
        let ended = mini.run(|rt| async move {
            let soil = Soil {
                rt: rt.clone(),
                dice: Arc::new(Mutex::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))),
                limiter: Limiter::new(1 + seed as usize % 3),
                census: Census::default(),
                trees: Census::default(),
                gives_up: seed % 2 == 0,
            };
            let trees = 1 + soil.below(3);
            let tree = |_| rt.spawn(soil.limiter.run(soil.clone().tree(3)));
            let trees: Vec<_> = (0..trees).map(tree).collect();
            if soil.below(4) == 0 {
                rt.sleep(units(1) / 2).await;
                trees[0].abort();
            }
            drop(join_all(trees).await);
            until(&rt, "all are gone", || {
                let Soil { limiter, trees, .. } = &soil;
                (limiter.running(), limiter.waiting(), trees.alive()) == (0, 0, 0)
            })
            .await;
            // Who joined the last of them may come a moment later.
            rt.sleep(units(1)).await;
            assert_eq!(soil.census.alive(), 0);
            assert!(soil.gives_up || soil.census.most() <= soil.limiter.limit());
        });
        ended.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}
