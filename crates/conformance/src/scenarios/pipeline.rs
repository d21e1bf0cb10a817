//! Pipelines: Go's MD5All and GetFriends, and what goes wrong in them.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::Context;
use futures::stream;
use orchestration::pipeline::{Control, Error, Metrics, OnError, Pipeline};

use crate::{Runtime, until};

/// How many of what a test makes are there.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

struct Item(u64, Alive);

impl Alive {
    fn item(&self, n: u64) -> Item {
        self.0.fetch_add(1, Ordering::SeqCst);
        Item(n, self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        (self.1.0).fetch_sub(1, Ordering::SeqCst);
    }
}

/// S108: "files" are digested by twenty workers; the map is that of a sequential run. An unreadable one
/// gives the error, and no map, and all workers have ended then. No files, an empty map.
///
/// # Panics
///
/// If not.
pub async fn s108_md5_all<R: Runtime>(rt: R) {
    let digest = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    for (files, unreadable) in [(0, None), (1, None), (100, None), (100, Some(57))] {
        let alive = Alive::default();
        let counted = alive.clone();
        let ended = Pipeline::from_blocking_iter("walk", (0..files).map(move |n| counted.item(n)))
            .blocking("digest", move |file: Item| match unreadable {
                Some(n) if n == file.0 => Err(format!("{n}: permission denied")),
                _ => Ok((file.0, digest(file.0))),
            })
            .concurrency(20)
            .unordered()
            .fold(rt.clone(), BTreeMap::new(), |mut sums, (path, sum)| {
                sums.insert(path, sum);
                sums
            })
            .await;
        assert_eq!(alive.count(), 0);
        match (ended, unreadable) {
            (Ok((sums, _)), None) => {
                assert_eq!(sums, (0..files).map(|n| (n, digest(n))).collect());
            }
            (Err(error), Some(_)) => {
                assert_eq!(error.to_string(), "stage `digest`: 57: permission denied");
            }
            (ended, _) => panic!("{:?}", ended.err()),
        }
    }
}

/// GetFriends: a producer, some workers that ask, a map; the end of the input ends all, and a failed
/// request is told with its cause.
///
/// # Panics
///
/// If not.
pub async fn get_friends<R: Runtime>(rt: R) {
    for broken in [None, Some(9)] {
        let timer = rt.clone();
        let ended = Pipeline::from_iter("friend ids", 0..30_u64)
            .stage("get friend", move |id| {
                let wait = timer.sleep(Duration::from_micros(100 * (id % 4)));
                async move {
                    wait.await;
                    if broken == Some(id) {
                        return Err(format!("getting friend {id}: no route"));
                    }
                    Ok((id, format!("friend {id}")))
                }
            })
            .concurrency(5)
            .unordered()
            .fold(rt.clone(), BTreeMap::new(), |mut all, (id, friend)| {
                all.insert(id, friend);
                all
            })
            .await;
        match broken {
            None => assert_eq!(ended.expect("nothing fails").0.len(), 30),
            Some(_) => {
                let error = ended.expect_err("one fails").into_stage_error();
                assert_eq!(error.as_deref(), Some("getting friend 9: no route"));
            }
        }
    }
}

/// One of three stages fails, panics, or hangs until it is cancelled: nothing is left afterwards, whichever
/// it is.
///
/// # Panics
///
/// If something is.
pub async fn a_fault_in_every_stage<R: Runtime>(rt: R) {
    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        Error,
        Panic,
        Hang,
    }
    for fault in [Fault::Error, Fault::Panic, Fault::Hang] {
        for faulty in 0..3 {
            let alive = Alive::default();
            let counted = alive.clone();
            let control = Control::new();
            let hung = Arc::new(AtomicUsize::new(0));
            let stage = |number: usize| {
                let hung = Arc::clone(&hung);
                move |item: Item| {
                    let hung = Arc::clone(&hung);
                    async move {
                        if item.0 == 20 && number == faulty {
                            match fault {
                                Fault::Error => return Err("broken"),
                                // Without the panic hook's message.
                                Fault::Panic => resume_unwind(Box::new("broken")),
                                Fault::Hang => {
                                    hung.store(1, Ordering::SeqCst);
                                    std::future::pending::<()>().await;
                                }
                            }
                        }
                        Ok(item)
                    }
                }
            };
            let running = Pipeline::from_iter("items", (0..40).map(move |n| counted.item(n)))
                .stage("0", stage(0))
                .concurrency(2)
                .stage("1", stage(1))
                .buffer(3)
                .stage("2", stage(2))
                .concurrency(3)
                .unordered()
                .panics_as_errors()
                .control(&control)
                .run(rt.clone());
            let running = rt.spawn(running);
            if fault == Fault::Hang {
                until(&rt, || hung.load(Ordering::SeqCst) == 1).await;
                control.cancel();
            }
            let error = running.await.expect("it ends").expect_err("it fails");
            assert_eq!(alive.count(), 0, "{error}");
            match error {
                Error::Stage(failed) => assert_eq!(*failed.stage, *faulty.to_string()),
                Error::Panicked { stage, .. } => assert_eq!(*stage, *faulty.to_string()),
                other => assert!(other.is_cancelled() && fault == Fault::Hang),
            }
        }
    }
}

/// A slow stage in the middle sets the pace, and what is in memory stays bounded.
///
/// # Panics
///
/// If it does not.
pub async fn a_slow_stage<R: Runtime>(rt: R) {
    slow_stage(rt).await;
}

/// The same in virtual time, where only sleeping takes time: the figures say which stage it is. (Where a thread
/// may be stopped with an item in its hand, it may be another one.)
///
/// # Panics
///
/// If they say something else.
pub async fn a_slow_stage_is_named<R: Runtime>(rt: R) {
    let metrics = slow_stage(rt).await;
    let bottleneck = metrics.bottleneck().map(|stage| &*stage.name);
    assert_eq!(bottleneck, Some("slow"), "{metrics}");
}

async fn slow_stage<R: Runtime>(rt: R) -> Metrics {
    let alive = Alive::default();
    let (counted, seen) = (alive.clone(), alive.clone());
    let most = Arc::new(AtomicUsize::new(0));
    let (timer, highest) = (rt.clone(), Arc::clone(&most));
    let begun = rt.now();
    let report = Pipeline::<_, ()>::from_iter("items", (0..50).map(move |n| counted.item(n)))
        .map("quick", |item: Item| item)
        .buffer(4)
        .stage("slow", move |item| {
            highest.fetch_max(seen.count(), Ordering::SeqCst);
            let wait = timer.sleep(Duration::from_millis(1));
            async move {
                wait.await;
                Ok(item.0)
            }
        })
        .buffer(4)
        .map("quick too", |n| n)
        .buffer(4)
        .run(rt.clone())
        .await
        .expect("nothing fails");
    assert!(rt.now() - begun >= Duration::from_millis(50));
    // Two full queues, and what the source, the quick stage and the slow one have in hand.
    assert!(most.load(Ordering::SeqCst) <= 2 * 4 + 3 * 4, "{most:?}");
    assert_eq!(alive.count(), 0);
    let slow = report.metrics.stage("slow").expect("it has this stage");
    assert!(slow.busy >= Duration::from_millis(49), "{}", report.metrics);
    report.metrics
}

/// Told to stop, it drains; under a context that is cancelled, it ends at once; in both cases its source
/// says nothing.
///
/// # Panics
///
/// If not.
pub async fn stopped_and_cancelled<R: Runtime>(rt: R) {
    use futures_util::StreamExt as _;

    for stop in [true, false] {
        let (control, context) = (Control::new(), Context::new());
        let silent = stream::iter(0..3).chain(stream::pending::<u64>());
        let running = Pipeline::<_, ()>::from_stream("silent", silent)
            .map("pass", |n| n)
            .control(&control)
            .context(&context)
            .collect(rt.clone());
        let running = rt.spawn(running);
        until(&rt, || {
            let metrics = control.metrics();
            metrics.stage("pass").is_some_and(|stage| stage.given == 3)
        })
        .await;
        if stop {
            control.stop();
        } else {
            context.cancel();
        }
        match running.await.expect("it ends") {
            Ok((items, report)) => assert!(stop && items == [0, 1, 2] && report.stopped),
            Err(error) => assert!(!stop && error.is_cancelled()),
        }
    }
}

/// Errors that are collected come from several stages, with their names; the order of the rest is kept.
///
/// # Panics
///
/// If not.
pub async fn collected_errors<R: Runtime>(rt: R) {
    let divisible = |by: u64| move |n: u64| if n.is_multiple_of(by) { Err(by) } else { Ok(n) };
    let (items, report) = Pipeline::from_iter("numbers", 1..=30)
        .try_map("by two", divisible(2))
        .concurrency(3)
        .on_error(OnError::Collect)
        .try_map("by three", divisible(3))
        .concurrency(2)
        .on_error(OnError::Collect)
        .collect(rt)
        .await
        .expect("errors are collected");
    assert_eq!(items, [1, 5, 7, 11, 13, 17, 19, 23, 25, 29]);
    let count = |name| {
        report
            .errors
            .iter()
            .filter(|error| &*error.stage == name)
            .count()
    };
    assert_eq!((count("by two"), count("by three")), (15, 5));
}
