//! Pipelines: results and order, limits, errors, panics, cancellation, draining, what is counted.

#![allow(missing_docs)]

mod common;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::context::Cause;
use async_sync::{Context, Event, channel};
use futures_util::{FutureExt as _, StreamExt as _, stream};

use common::{Census, Rt, is_time_virtual, units, until, yield_now};
use orchestration::pipeline::{Control, Error, OnError, Pipeline, StageError};
use runtime::Timer as _;

on_every_runtime! {
    every_item_goes_through_all_stages
    order_is_kept_however_long_items_take
    unordered_results_come_as_they_are_ready
    an_item_that_waits_holds_up_nobody
    concurrency_is_a_limit_and_is_reached
    a_burst_wakes_all_that_are_needed
    back_pressure_reaches_the_source
    the_first_error_stops_everything
    errors_are_skipped_or_collected
    retries
    an_error_of_the_sink
    a_panic_is_raised_again_when_all_is_over
    a_panic_as_an_error
    panics_everywhere
    dropping_it_leaves_nothing
    dropping_it_at_every_point
    cancelling_it_at_every_point
    shutdown_waits
    a_context_cancels_it
    control_cancels_it
    stopping_drains
    an_idle_source_is_stopped
    a_consumer_that_has_enough
    batches
    flattened
    from_a_channel_to_a_channel
    a_closed_sink
    a_sink_that_is_stuck
    who_learns_of_a_cancellation_before_the_pipeline_does
    blocking_stages
    results_as_a_stream
    figures
    a_stream_that_is_always_ready_is_stopped
    blocking_code_cancels_its_token
}

type Plain<P> = Pipeline<P, Infallible>;

/// An item of which the test knows how many are alive.
struct Tracked(
    u64,
    #[expect(dead_code, reason = "counts while it lives")] common::Resident,
);

fn sorted(mut items: Vec<u64>) -> Vec<u64> {
    items.sort_unstable();
    items
}

async fn every_item_goes_through_all_stages<R: Rt>(rt: R) {
    for (workers, count) in [(1, 0), (1, 1), (1, 200), (3, 1), (3, 100), (7, 20)] {
        for ordered in [true, false] {
            let plan = Plain::from_iter("numbers", 0..count)
                .map("one", |n: u64| n + 1)
                .concurrency(workers);
            let plan = if ordered { plan } else { plan.unordered() };
            let plan = plan
                .stage("two", |n| async move {
                    if n % 10 == 3 {
                        yield_now().await;
                    }
                    Ok(2 * n)
                })
                .concurrency(workers)
                .buffer(4);
            let plan = if ordered { plan } else { plan.unordered() };
            let (items, report) = plan.collect(rt.clone()).await.unwrap();
            let items = if ordered { items } else { sorted(items) };
            assert_eq!(items, (1..=count).map(|n| 2 * n).collect::<Vec<_>>());
            assert!(!report.stopped && report.errors.is_empty());
        }
    }
}

async fn order_is_kept_however_long_items_take<R: Rt>(rt: R) {
    let timer = rt.clone();
    let (items, _) = Plain::from_iter("numbers", 0..40_u64)
        .stage("sleep", move |n| {
            let timer = timer.clone();
            async move {
                timer.sleep(units(1) * ((n * 7 % 5) as u32) / 10).await;
                Ok(n)
            }
        })
        .concurrency(8)
        .buffer(3)
        .map("next", |n| n)
        .concurrency(4)
        .buffer(1)
        .collect(rt)
        .await
        .unwrap();
    assert_eq!(items, (0..40).collect::<Vec<_>>());
}

async fn unordered_results_come_as_they_are_ready<R: Rt>(rt: R) {
    let gates: Arc<[Event; 3]> = Arc::default();
    let opened = Arc::clone(&gates);
    let mut running = Plain::from_iter("numbers", 0..3)
        .stage("wait", move |n: usize| {
            let gates = Arc::clone(&gates);
            async move {
                gates[n].wait().await;
                Ok(n)
            }
        })
        .concurrency(3)
        .unordered()
        .start(rt);
    for n in [2, 1, 0] {
        opened[n].set();
        assert_eq!(running.next().await, Some(n));
    }
    running.finish().await.unwrap();
}

/// After a hundred quick items a batch is long. The slow one must not hold what came with it.
async fn an_item_that_waits_holds_up_nobody<R: Rt>(rt: R) {
    const ITEMS: u64 = if cfg!(miri) { 40 } else { 400 };
    const WAITS: u64 = ITEMS / 2;
    let gate = Arc::new(Event::new());
    let opened = Arc::clone(&gate);
    let plan = Plain::from_iter("numbers", 0..ITEMS)
        .stage("maybe", move |n| {
            let gate = Arc::clone(&gate);
            async move {
                if n == WAITS {
                    gate.wait().await;
                }
                Ok(n)
            }
        })
        .concurrency(2)
        .unordered()
        .buffer(ITEMS as usize);
    let mut running = plan.start(rt);
    let mut seen = Vec::new();
    while seen.len() < ITEMS as usize - 1 {
        seen.push(running.next().await.unwrap());
    }
    assert!(!seen.contains(&WAITS));
    opened.set();
    assert_eq!(running.next().await, Some(WAITS));
    assert_eq!(running.next().await, None);
    assert_eq!(running.next().await, None, "and again");
    running.finish().await.unwrap();
}

async fn concurrency_is_a_limit_and_is_reached<R: Rt>(rt: R) {
    let census = Census::default();
    let (timer, counted) = (rt.clone(), census.clone());
    Plain::from_iter("numbers", 0..20)
        .stage("work", move |n: u32| {
            let (timer, counted) = (timer.clone(), counted.clone());
            async move {
                let _here = counted.enter();
                until(&timer, "five are there", || counted.most() >= 5).await;
                Ok(n)
            }
        })
        .concurrency(5)
        .run(rt)
        .await
        .unwrap();
    assert_eq!((census.most(), census.ever(), census.alive()), (5, 20, 0));
}

/// Ten items at once, for five who sleep.
async fn a_burst_wakes_all_that_are_needed<R: Rt>(rt: R) {
    let census = Census::default();
    let (timer, counted, late) = (rt.clone(), census.clone(), rt.clone());
    let burst = stream::once(async move { late.sleep(units(2)).await })
        .flat_map(|()| stream::iter(0..10))
        .chain(stream::pending());
    let control = Control::new();
    // The end of the source would wake everybody.
    let stopper = {
        let (control, counted, rt) = (control.clone(), census.clone(), rt.clone());
        rt.clone().spawn(async move {
            until(&rt, "all have begun", || counted.ever() == 10).await;
            control.stop();
        })
    };
    Plain::from_stream("burst", burst)
        .stage("work", move |n: u32| {
            let (timer, counted) = (timer.clone(), counted.clone());
            async move {
                let _here = counted.enter();
                until(&timer, "five are there", || counted.most() >= 5).await;
                Ok(n)
            }
        })
        .concurrency(5)
        .unordered()
        .control(&control)
        .run(rt)
        .await
        .unwrap();
    assert_eq!((census.most(), census.ever()), (5, 10));
    stopper.await.unwrap();
}

async fn back_pressure_reaches_the_source<R: Rt>(rt: R) {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let source = (0..10_000_u64).inspect(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let mut running = Plain::from_iter("numbers", source)
        .map("pass", |n| n)
        .buffer(10)
        .output_buffer(10)
        .start(rt.clone());
    for expected in 0..5 {
        assert_eq!(running.next().await, Some(expected));
    }
    rt.sleep(units(3)).await;
    // Two buffers, and what each of the three has in hand.
    let most = 5 + 2 * 10 + 3 * 10;
    assert!(made.load(Ordering::SeqCst) <= most, "{made:?}");
    let metrics = running.control().metrics();
    assert!(metrics.stage("pass").unwrap().queued <= 20, "{metrics}");
    running.finish().await.unwrap();
}

async fn the_first_error_stops_everything<R: Rt>(rt: R) {
    let census = Census::default();
    let items = {
        let census = census.clone();
        (0..).map(move |n| Tracked(n, census.enter()))
    };
    let error = Pipeline::<_, String>::from_iter("numbers", items)
        .stage("pass", |item: Tracked| async move {
            yield_now().await;
            Ok(item)
        })
        .concurrency(3)
        .stage("check", |item| async move {
            match item.0 {
                7 => Err("seven".to_owned()),
                _ => Ok(item),
            }
        })
        .run(rt)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "stage `check`: seven");
    assert_eq!(error.into_stage_error().as_deref(), Some("seven"));
    assert_eq!(census.alive(), 0, "nothing is left when it is over");
}

fn odd(n: u64) -> Result<u64, String> {
    if n % 2 == 1 {
        Ok(n)
    } else {
        Err(format!("{n} is even"))
    }
}

async fn errors_are_skipped_or_collected<R: Rt>(rt: R) {
    for workers in [1, 3] {
        let plan = || {
            Pipeline::from_iter("numbers", 0..7_u64)
                .try_map("odd", odd)
                .concurrency(workers)
        };
        let (items, report) = plan()
            .on_error(OnError::Skip)
            .collect(rt.clone())
            .await
            .unwrap();
        assert_eq!(items, [1, 3, 5]);
        assert!(report.errors.is_empty());
        assert_eq!(report.metrics.stage("odd").unwrap().errors, 4);

        let plan = plan().on_error(OnError::Collect);
        let (items, mut report) = plan.collect(rt.clone()).await.unwrap();
        assert_eq!(items, [1, 3, 5]);
        report.errors.sort_by(|one, two| one.error.cmp(&two.error));
        let stage: Arc<str> = "odd".into();
        let error = |n| StageError {
            stage: Arc::clone(&stage),
            error: format!("{n} is even"),
        };
        assert_eq!(report.errors, [0, 2, 4, 6].map(error));
    }
}

async fn retries<R: Rt>(rt: R) {
    let attempts = Arc::new(AtomicUsize::new(0));
    let (counted, timer) = (Arc::clone(&attempts), rt.clone());
    let begun = rt.now();
    let report = Pipeline::from_iter("numbers", 0..3_u64)
        .stage("flaky", move |n| {
            let attempt = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match (n, attempt) {
                    (1, ..=3) => Err("again"),
                    (2, _) => Err("never"),
                    _ => Ok(n),
                }
            }
        })
        .retry(move |error, failed| {
            (*error == "again" || failed < 2).then(|| timer.sleep(units(1)))
        })
        .on_error(OnError::Collect)
        .run(rt.clone())
        .await
        .unwrap();
    // One; then three failures and a success; then two failures.
    assert_eq!(attempts.load(Ordering::SeqCst), 1 + 4 + 2);
    assert!(rt.now() - begun >= units(4));
    let stage = report.metrics.stage("flaky").unwrap();
    assert_eq!((stage.retries, stage.errors, stage.given), (4, 1, 2));
    assert_eq!(report.errors[0].error, "never");
}

async fn an_error_of_the_sink<R: Rt>(rt: R) {
    let mut seen = Vec::new();
    let ended = Pipeline::from_iter("numbers", 0..)
        .map("pass", |n: u64| n)
        .for_each(rt, |n| {
            seen.push(n);
            std::future::ready(if n == 3 { Err("enough") } else { Ok(()) })
        })
        .await;
    assert_eq!(ended.unwrap_err().to_string(), "stage `sink`: enough");
    assert_eq!(seen, [0, 1, 2, 3]);
}

fn panics_at(n: u64) -> u64 {
    if n == 5 {
        // Without the panic hook's message.
        resume_unwind(Box::new("five"));
    }
    n
}

async fn a_panic_is_raised_again_when_all_is_over<R: Rt>(rt: R) {
    let census = Census::default();
    let items = {
        let census = census.clone();
        (0..).map(move |n| Tracked(n, census.enter()))
    };
    let running = Plain::from_iter("numbers", items)
        .map("panics", |item: Tracked| {
            panics_at(item.0);
            item
        })
        .concurrency(2)
        .run(rt);
    let panic = AssertUnwindSafe(running).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"five"));
    assert_eq!(census.alive(), 0);
}

async fn a_panic_as_an_error<R: Rt>(rt: R) {
    let error = Plain::from_iter("numbers", 0..)
        .map("pass", |n: u64| n)
        .blocking("panics", |n| Ok(panics_at(n)))
        .panics_as_errors()
        .run(rt)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "stage `panics`: task panicked: five");
}

async fn panics_everywhere<R: Rt>(rt: R) {
    fn source(n: u64) -> Result<u64, Infallible> {
        Ok(panics_at(n))
    }
    let name = |error: Error<Infallible>| match error {
        Error::Panicked { stage, .. } => stage,
        other => panic!("{other}"),
    };
    let plain = Plain::from_iter("source", (0..9).map(panics_at)).panics_as_errors();
    assert_eq!(&*name(plain.run(rt.clone()).await.unwrap_err()), "source");
    let blocks = Plain::from_blocking_iter("blocks", (0..9).map(panics_at)).panics_as_errors();
    assert_eq!(&*name(blocks.run(rt.clone()).await.unwrap_err()), "blocks");
    let stream = Plain::from_stream("stream", stream::iter(0..9).map(panics_at)).panics_as_errors();
    assert_eq!(&*name(stream.run(rt.clone()).await.unwrap_err()), "stream");
    let parts = Plain::from_iter("parts", [(0..9).map(panics_at)]).flatten("parts");
    let parts = parts.panics_as_errors();
    assert_eq!(&*name(parts.run(rt.clone()).await.unwrap_err()), "parts");
    let hook = Pipeline::from_iter("hook", 0..9)
        .try_map("fails", |n: u64| {
            if n < 3 {
                source(n).map_err(|_| ())
            } else {
                Err(())
            }
        })
        .retry(|(), _| -> Option<std::future::Ready<()>> { resume_unwind(Box::new("hook")) })
        .panics_as_errors();
    assert!(matches!(hook.run(rt).await, Err(Error::Panicked { stage, .. }) if &*stage == "fails"));
}

async fn dropping_it_leaves_nothing<R: Rt>(rt: R) {
    let census = Census::default();
    let items = {
        let census = census.clone();
        (0..).map(move |n| Tracked(n, census.enter()))
    };
    let counted = census.clone();
    let mut running = Plain::from_iter("numbers", items)
        .stage("pass", |item: Tracked| async move {
            yield_now().await;
            Ok(item)
        })
        .concurrency(3)
        .stage("stuck", move |item| {
            let counted = counted.clone();
            async move {
                let _here = counted.enter();
                match item.0 {
                    0..5 => Ok(item),
                    _ => std::future::pending().await,
                }
            }
        })
        .concurrency(2)
        .start(rt.clone());
    for expected in 0..5 {
        assert_eq!(running.next().await.unwrap().0, expected);
    }
    until(&rt, "more are on their way", || census.alive() > 0).await;
    drop(running);
    until(&rt, "all is gone", || census.alive() == 0).await;
}

/// Dropped after so many polls of whoever waits for it.
async fn dropping_it_at_every_point<R: Rt>(rt: R) {
    let census = Census::default();
    for polls in 0..12 {
        let items = {
            let census = census.clone();
            (0..50).map(move |n| Tracked(n, census.enter()))
        };
        let running = Pipeline::<_, ()>::from_iter("numbers", items)
            .stage("pass", |item: Tracked| async move {
                yield_now().await;
                Ok(item)
            })
            .concurrency(2)
            .buffer(2)
            .batch("pairs", 2)
            .flatten("apart")
            .output_buffer(1)
            .run(rt.clone());
        let mut running = Box::pin(running);
        for _ in 0..polls {
            if common::poll_once(running.as_mut()).await.is_some() {
                break;
            }
            yield_now().await;
        }
        drop(running);
        until(&rt, "all is gone", || census.alive() == 0).await;
    }
}

/// Cancelled after so many polls of whoever waits for it: it ends, and nothing is left when it says so.
async fn cancelling_it_at_every_point<R: Rt>(rt: R) {
    let census = Census::default();
    for polls in 0..12 {
        let items = {
            let census = census.clone();
            (0..50).map(move |n| Tracked(n, census.enter()))
        };
        let control = Control::new();
        let running = Pipeline::<_, ()>::from_iter("numbers", items)
            .stage("pass", |item: Tracked| async move {
                yield_now().await;
                Ok(item)
            })
            .concurrency(2)
            .buffer(2)
            .batch("pairs", 2)
            .flatten("apart")
            .output_buffer(1)
            .control(&control)
            .run(rt.clone());
        let mut running = Box::pin(running);
        let mut ended = None;
        for _ in 0..polls {
            ended = common::poll_once(running.as_mut()).await;
            if ended.is_some() {
                break;
            }
            yield_now().await;
        }
        control.cancel();
        if ended.is_none() {
            let late = running.await;
            assert!(late.is_ok() || late.is_err_and(|error| error.is_cancelled()));
        }
        assert_eq!(census.alive(), 0);
    }
}

async fn shutdown_waits<R: Rt>(rt: R) {
    let census = Census::default();
    let counted = census.clone();
    let mut running = Plain::from_iter("numbers", 0..)
        .stage("stuck", move |n: u64| {
            let here = counted.enter();
            async move {
                let _here = here;
                match n {
                    0 => Ok(n),
                    _ => std::future::pending().await,
                }
            }
        })
        .concurrency(4)
        .start(rt);
    assert_eq!(running.next().await, Some(0));
    running.shutdown().await;
    assert_eq!(census.alive(), 0);
}

async fn a_context_cancels_it<R: Rt>(rt: R) {
    let context = Context::new();
    let canceller = {
        let (context, rt) = (context.clone(), rt.clone());
        rt.clone().spawn(async move {
            rt.sleep(units(1)).await;
            context.cancel_with(Cause::custom("the request is gone"));
        })
    };
    let stuck = Plain::from_stream("silence", stream::pending::<u64>()).context(&context);
    let error = stuck.run(rt.clone()).await.unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.to_string(), "the request is gone");
    canceller.await.unwrap();

    // One that was cancelled before.
    let late = Plain::from_iter("numbers", 0..)
        .context(&context)
        .run(rt.clone());
    assert!(late.await.unwrap_err().is_cancelled());
    until(&rt, "the context has forgotten them", || {
        context.children() == 0
    })
    .await;
}

async fn control_cancels_it<R: Rt>(rt: R) {
    let control = Control::new();
    let running = Plain::from_iter("numbers", 0_u64..)
        .control(&control)
        .start(rt);
    control.cancel();
    assert!(matches!(
        running.finish().await,
        Err(Error::Cancelled(Cause::Canceled))
    ));
}

async fn stopping_drains<R: Rt>(rt: R) {
    let census = Census::default();
    let items = {
        let census = census.clone();
        (0..).map(move |n| Tracked(n, census.enter()))
    };
    let control = Control::new();
    let mut running = Plain::from_iter("numbers", items)
        .stage("pass", |item: Tracked| async move {
            yield_now().await;
            Ok(item)
        })
        .concurrency(2)
        .control(&control)
        .start(rt);
    let mut seen = 0;
    while let Some(item) = running.next().await {
        assert_eq!(item.0, seen);
        seen += 1;
        if seen == 10 {
            control.stop();
        }
    }
    let report = running.finish().await.unwrap();
    assert!(report.stopped);
    assert_eq!(census.ever() as u64, seen, "all that was made came out");
}

async fn an_idle_source_is_stopped<R: Rt>(rt: R) {
    let control = Control::new();
    let (sender, receiver) = channel::bounded(4);
    sender.send(1).await.unwrap();
    let stopper = {
        let (control, rt, sender) = (control.clone(), rt.clone(), sender.clone());
        rt.clone().spawn(async move {
            until(&rt, "the source has it", || sender.is_empty()).await;
            control.stop();
        })
    };
    let plan = Plain::from_channel("jobs", receiver).control(&control);
    let (items, report) = plan.collect(rt).await.unwrap();
    assert_eq!((items, report.stopped), (vec![1], true));
    assert!(sender.is_closed());
    stopper.await.unwrap();
}

async fn a_consumer_that_has_enough<R: Rt>(rt: R) {
    let mut running = Plain::from_iter("endless", 0..)
        .map("pass", |n: u64| n)
        .concurrency(2)
        .start(rt.clone());
    assert_eq!(running.next().await, Some(0));
    let report = running.finish().await.unwrap();
    assert_eq!(report.metrics.stage("sink").unwrap().taken, 1);

    // Though nobody says anything.
    let (jobs, queue) = channel::bounded(2);
    let mut running = Plain::from_channel("jobs", queue)
        .map("pass", |n: u64| n)
        .concurrency(3)
        .start(rt);
    jobs.send(7).await.unwrap();
    assert_eq!(running.next().await, Some(7));
    running.finish().await.unwrap();
    assert!(jobs.is_closed());
}

async fn batches<R: Rt>(rt: R) {
    let (groups, _) = Plain::from_iter("numbers", 0..7)
        .batch("by three", 3)
        .collect(rt.clone())
        .await
        .unwrap();
    assert_eq!(groups, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    let many = if cfg!(miri) { 20 } else { 300 };
    let (groups, _) = Plain::from_iter("numbers", 0..3 * many + 10)
        .batch("many", many)
        .collect(rt.clone())
        .await
        .unwrap();
    assert_eq!(
        groups.iter().map(Vec::len).collect::<Vec<_>>(),
        [many, many, many, 10]
    );

    // Four at once, and one that does not come before the fourth has: the four do not wait for it.
    let fourth = Arc::new(Event::new());
    let came = Arc::clone(&fourth);
    let trickle = stream::unfold(0, move |n| {
        let fourth = Arc::clone(&fourth);
        async move {
            if n == 4 {
                fourth.wait().await;
            }
            (n < 5).then_some((n, n + 1))
        }
    });
    // Long enough for three that come at once, also where their thread is late.
    let mut running = Plain::from_stream("trickle", trickle)
        .batch_within("by three", 3, units(50), rt.clone())
        .start(rt);
    assert_eq!(running.next().await, Some(vec![0, 1, 2]));
    assert_eq!(running.next().await, Some(vec![3]));
    came.set();
    assert_eq!(running.next().await, Some(vec![4]));
    assert_eq!(running.next().await, None);
    running.finish().await.unwrap();
}

async fn flattened<R: Rt>(rt: R) {
    let (items, report) = Plain::from_iter("sizes", [3, 0, 150, 1])
        .map("ranges", |n: u64| 0..n)
        .flatten("apart")
        .output_buffer(5)
        .collect(rt)
        .await
        .unwrap();
    let expected: Vec<_> = [3, 0, 150, 1].into_iter().flat_map(|n| 0..n).collect();
    assert_eq!(items, expected);
    let stage = report.metrics.stage("apart").unwrap();
    assert_eq!((stage.taken, stage.given), (4, 154));
}

async fn from_a_channel_to_a_channel<R: Rt>(rt: R) {
    let (jobs, queue) = channel::bounded(2);
    let (results, done) = channel::rendezvous();
    let piped = rt.spawn({
        let rt = rt.clone();
        Plain::from_channel("jobs", queue)
            .map("square", |n: u64| n * n)
            .send_to(rt, results)
    });
    let feeder = rt.spawn(async move {
        for n in 0..20 {
            jobs.send(n).await.unwrap();
        }
    });
    let mut sum = 0;
    while let Some(square) = done.recv().await {
        sum += square;
    }
    assert_eq!(sum, (0..20).map(|n| n * n).sum());
    feeder.await.unwrap();
    piped.await.unwrap().unwrap();
}

async fn a_closed_sink<R: Rt>(rt: R) {
    let census = Census::default();
    let items = {
        let census = census.clone();
        (0..).map(move |n| Tracked(n, census.enter()))
    };
    let (results, done) = channel::bounded(2);
    let piped = rt.spawn({
        let rt = rt.clone();
        Plain::from_iter("numbers", items)
            .map("pass", |item: Tracked| item)
            .concurrency(2)
            .send_to(rt, results)
    });
    assert_eq!(done.recv().await.unwrap().0, 0);
    drop(done);
    assert!(matches!(piped.await.unwrap(), Err(Error::Closed)));
    assert_eq!(census.alive(), 0);
}

/// A failure ends it also while its results have nowhere to go.
async fn a_sink_that_is_stuck<R: Rt>(rt: R) {
    let (results, nobody) = channel::rendezvous();
    let late = rt.clone();
    let error = Pipeline::from_iter("numbers", 0..9_u64)
        .stage("fails late", move |n| {
            let late = late.clone();
            async move {
                if n == 3 {
                    late.sleep(units(1)).await;
                    return Err("three");
                }
                Ok(n)
            }
        })
        .send_to(rt.clone(), results)
        .await
        .unwrap_err();
    assert_eq!(error.into_stage_error(), Some("three"));
    drop(nobody);

    let control = Control::new();
    let canceller = {
        let (control, rt) = (control.clone(), rt.clone());
        rt.clone().spawn(async move {
            rt.sleep(units(1)).await;
            control.cancel();
        })
    };
    let ended = Plain::from_iter("numbers", 0..9_u64)
        .control(&control)
        .for_each(rt, |_| std::future::pending())
        .await;
    assert!(ended.unwrap_err().is_cancelled());
    canceller.await.unwrap();
}

/// Callbacks of a context come in no particular order.
async fn who_learns_of_a_cancellation_before_the_pipeline_does<R: Rt>(rt: R) {
    let request = Context::new();
    let numbers = Plain::from_iter("numbers", 0..9_u64).context(&request);
    let mut finish = Some(Box::pin(numbers.start(rt).finish()));
    let (sender, after) = std::sync::mpsc::channel();
    let told = request.on_cancel(move |_| {
        let mut finish = finish.take().expect("it is called once");
        let ended = finish.as_mut().now_or_never();
        sender.send((finish, ended)).unwrap();
    });
    request.cancel();
    drop(told);
    let (finish, ended) = after.recv().unwrap();
    let ended = match ended {
        Some(ended) => ended,
        None => finish.await,
    };
    assert!(ended.unwrap_err().is_cancelled());
}

async fn blocking_stages<R: Rt>(rt: R) {
    let running = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&running);
    let (items, _) = Pipeline::<_, String>::from_blocking_iter("numbers", 0..100_u64)
        .blocking("square", move |n| {
            seen.store(true, Ordering::SeqCst);
            Ok(n * n)
        })
        .concurrency(4)
        .buffer(3)
        .collect(rt.clone())
        .await
        .unwrap();
    assert_eq!(items, (0..100).map(|n| n * n).collect::<Vec<_>>());

    // What blocks when another item fails is waited for.
    let census = Census::default();
    let counted = census.clone();
    let error = Pipeline::from_iter("numbers", 0..100_u64)
        .blocking("some fail", move |n| {
            let _here = counted.enter();
            if n == 3 {
                return Err("three");
            }
            std::thread::sleep(Duration::from_micros(200));
            Ok(n)
        })
        .concurrency(4)
        .run(rt)
        .await
        .unwrap_err();
    assert_eq!(error.into_stage_error(), Some("three"));
    assert_eq!(census.alive(), 0);
}

async fn results_as_a_stream<R: Rt>(rt: R) {
    let plan = || Pipeline::from_iter("numbers", [1, 3, 4, 5_u64]).try_map("odd", odd);
    let items: Vec<_> = plan()
        .on_error(OnError::Skip)
        .start(rt.clone())
        .into_stream()
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(items, [1, 3, 5]);
    let mut failing = std::pin::pin!(plan().start(rt).into_stream());
    let mut last = None;
    while let Some(item) = failing.next().await {
        assert!(last.is_none_or(|last: Result<u64, Error<String>>| last.is_ok()));
        last = Some(item);
    }
    assert_eq!(
        last.unwrap().unwrap_err().to_string(),
        "stage `odd`: 4 is even"
    );
}

async fn figures<R: Rt>(rt: R) {
    let control = Control::new();
    assert!(control.metrics().stages.is_empty());
    let timer = rt.clone();
    let report = Plain::from_iter("numbers", 0..40_u64)
        .map("quick", |n| n)
        .stage("slow", move |n| {
            let timer = timer.clone();
            async move {
                timer.sleep(units(1)).await;
                Ok(n)
            }
        })
        .concurrency(2)
        .buffer(4)
        .control(&control)
        .run(rt)
        .await
        .unwrap();
    let metrics = report.metrics;
    for (name, taken, given) in [("numbers", 0, 40), ("quick", 40, 40), ("slow", 40, 40)] {
        let stage = metrics.stage(name).unwrap();
        assert_eq!(
            (stage.taken, stage.given, stage.queued),
            (taken, given, 0),
            "{name}"
        );
    }
    assert_eq!(metrics.stage("sink").unwrap().taken, 40);
    let slow = metrics.stage("slow").unwrap();
    assert!(
        slow.p50 >= units(1) * 9 / 10 && slow.p99 >= slow.p50,
        "{metrics}"
    );
    assert!(slow.busy >= units(1) * 39, "{metrics}");
    let quick = metrics.stage("quick").unwrap();
    if is_time_virtual::<R>() {
        assert!(slow.utilisation() > 0.99, "{metrics}");
        assert!(quick.blocked > Duration::ZERO, "{metrics}");
        assert_eq!(quick.busy, Duration::ZERO, "{metrics}");
        assert_eq!(&*metrics.bottleneck().unwrap().name, "slow");
        assert!(metrics.to_string().contains("slow x2 (bottleneck)"));
    }
    assert_eq!(control.metrics().stages.len(), 4);
}

/// What was done beside an item that fails is handed to nobody, and is not counted.
#[test]
fn what_fails_hands_nothing_on() {
    common::on_mini(|rt| async move {
        let control = Control::new();
        let (timer, seen) = (rt.clone(), control.clone());
        let failed = Pipeline::from_iter("numbers", 0..8)
            .stage("fails", move |n| {
                let (timer, seen) = (timer.clone(), seen.clone());
                async move {
                    if n == 0 {
                        // It waits, so from here on the batches are 1, 2 and 4.
                        yield_now().await;
                        let made = || seen.metrics().stage("numbers").unwrap().given == 8;
                        until(&timer, "all are there", made).await;
                    }
                    if n == 5 { Err(n) } else { Ok(n) }
                }
            })
            .control(&control)
            .run(rt)
            .await;
        assert!(matches!(
            failed,
            Err(Error::Stage(StageError { error: 5, .. }))
        ));
        let metrics = control.metrics();
        let fails = metrics.stage("fails").unwrap();
        assert_eq!((fails.taken, fails.given, fails.errors), (6, 4, 1));
    });
}

async fn a_stream_that_is_always_ready_is_stopped<R: Rt>(rt: R) {
    let control = Control::new();
    let stops = control.clone();
    let numbers = stream::iter((0..100_000).inspect(move |&n| {
        if n == 1000 {
            stops.stop();
        }
    }));
    let plan = Plain::from_stream("numbers", numbers).control(&control);
    let (items, report) = plan.collect(rt.clone()).await.unwrap();
    assert!(report.stopped);
    assert!(items.len() < 2000, "{}", items.len());

    let control = Control::new();
    control.stop();
    let plan = Plain::from_stream("numbers", stream::iter(0..10)).control(&control);
    let (items, report) = plan.collect(rt).await.unwrap();
    assert_eq!((items, report.stopped), (vec![], true));
}

/// The token is for looking at. Who cancels it tells nobody else.
async fn blocking_code_cancels_its_token<R: Rt>(rt: R) {
    let plan = Plain::from_iter("numbers", 0..100).blocking_with("work", |n: u32, token| {
        token.cancel();
        Ok(n)
    });
    let (items, _) = plan.collect(rt).await.unwrap();
    assert_eq!(items.len(), 100);
}

/// Items that were quick, and become slow without waiting: those that are done are not held back for long.
#[test]
#[cfg_attr(miri, ignore = "about time, and hundreds of items of it")]
fn a_stage_that_turns_slow() {
    mini_executor::run_seeds(0..20, |rt| async move {
        let control = Control::new();
        let (seen, clock) = (control.clone(), rt.clone());
        let plan = Plain::from_iter("numbers", 0..300_u64)
            .map("turns slow", move |n| {
                if n >= 150 {
                    clock.advance(Duration::from_millis(1));
                    let metrics = seen.metrics();
                    let sink = metrics.stage("sink").unwrap();
                    // After the eight that it takes to see it they are handed on one by one.
                    let held_back = n - sink.queued as u64;
                    assert!(n < 150 + 8 || held_back <= 1, "{n} {metrics}");
                }
                n
            })
            .output_buffer(1000)
            .control(&control);
        let mut running = plan.start(rt.clone());
        // Nobody takes anything until all is there.
        rt.sleep(Duration::from_secs(10)).await;
        let metrics = running.control().metrics();
        assert_eq!(metrics.stage("sink").unwrap().queued, 300, "{metrics}");
        for n in 0..300 {
            assert_eq!(running.next().await, Some(n));
        }
        running.finish().await.unwrap();
    });
}

#[test]
#[should_panic(expected = "a Control can control one pipeline")]
fn a_control_is_for_one() {
    let control = Control::new();
    common::on_mini(|rt| {
        let control = control.clone();
        async move {
            for _ in 0..2 {
                Plain::from_iter("n", 0..1)
                    .control(&control)
                    .run(rt.clone())
                    .await
                    .unwrap();
            }
        }
    });
}

#[test]
#[should_panic(expected = "workers are too many")]
fn more_workers_than_anybody_has() {
    let _ = Plain::from_iter("n", 0..1)
        .map("pass", |n| n)
        .concurrency(usize::MAX);
}

#[test]
#[should_panic(expected = "a batch of no items is never full")]
fn a_batch_of_nothing() {
    let _ = Plain::from_iter("n", 0..1).batch("none", 0);
}
