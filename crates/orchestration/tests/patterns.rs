//! `or_done`, `fan_in`, `fan_out`, `tee`, `bridge`, and the stages of streams.

#![allow(missing_docs)]

mod common;

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use async_sync::{Context, channel};
use futures_util::future::{self, Either};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use common::{Census, Rt, units, until, yield_now};
use orchestration::fan_in::FanIn;
use orchestration::fan_out::{FanOut, Slow};
use orchestration::{Stages, bridge, bridge_channels, fan_in, or_done, tee};

on_every_runtime! {
    the_first_of_many_is_enough
    a_future_that_panics_is_raised
    merged_streams_keep_their_order
    inputs_come_and_go
    a_removed_input_is_dropped
    a_broadcast_reaches_all_in_order
    a_stalled_output_stalls_all
    outputs_come_and_go
    shared_out_by_key
    shared_out_to_whoever_is_free
    read_twice
    an_idle_stage_is_cancelled
    an_input_is_removed_before_it_was_looked_at
    a_waker_that_panics_keeps_nobody_from_the_end
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// One poll by hand.
fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut TaskContext::from_waker(waker))
}

fn next<S: Stream + Unpin>(stream: &mut S, waker: &Waker) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut TaskContext::from_waker(waker))
}

/// A stream that the test feeds.
fn fed<T>() -> (channel::Sender<T>, Pin<Box<channel::RecvStream<T>>>) {
    let (sender, receiver) = channel::unbounded();
    (sender, Box::pin(receiver.into_stream()))
}

// or_done

async fn the_first_of_many_is_enough<R: Rt>(rt: R) {
    for count in [1_u32, 2, 3, 100] {
        let census = Census::default();
        let (timer, counted) = (rt.clone(), census.clone());
        let futures = (0..count).map(|n| {
            let (timer, here) = (timer.clone(), counted.enter());
            async move {
                let _here = here;
                let first = (n + count / 2).is_multiple_of(count);
                timer.sleep(units(if first { 1 } else { 60_000 })).await;
                n
            }
        });
        assert_eq!(or_done(futures).await, (count - count / 2) % count);
        assert_eq!((census.alive(), census.ever()), (0, count as usize));
    }
    let none = or_done(Vec::<future::Ready<()>>::new());
    let (mut none, mut a_while) = (pin!(none), pin!(rt.sleep(units(1))));
    let waits = future::select(&mut none, &mut a_while).await;
    assert!(matches!(waits, Either::Right(_)), "none: it waits for ever");
}

async fn a_future_that_panics_is_raised<R: Rt>(_: R) {
    let census = Census::default();
    let counted = census.clone();
    let futures = (0..3).map(|n| {
        let here = counted.enter();
        async move {
            let _here = here;
            if n == 1 {
                resume_unwind(Box::new("one"));
            }
            pending::<()>().await;
        }
    });
    let all = AssertUnwindSafe(or_done(futures)).catch_unwind();
    assert_eq!(all.await.unwrap_err().downcast_ref(), Some(&"one"));
    assert_eq!(census.alive(), 0);
}

// fan_in

async fn merged_streams_keep_their_order<R: Rt>(rt: R) {
    for count in [0_u64, 1, 3, if cfg!(miri) { 10 } else { 40 }] {
        let (timer, each) = (rt.clone(), 5);
        let inputs = (0..count).map(|input| {
            let timer = timer.clone();
            stream::iter(0..each).then(move |n| {
                let timer = timer.clone();
                async move {
                    if (input + n) % 3 == 0 {
                        timer.sleep(units(1) / 10 * (input % 7) as u32).await;
                    }
                    (input, n)
                }
            })
        });
        let all: Vec<_> = fan_in(inputs).collect().await;
        assert_eq!(all.len() as u64, count * each);
        for input in 0..count {
            let own = all.iter().filter(|(from, _)| *from == input);
            assert!(own.map(|(_, n)| *n).eq(0..each), "{all:?}");
        }
    }
}

async fn inputs_come_and_go<R: Rt>(rt: R) {
    let mut all = FanIn::<BoxStream<'static, u32>>::new();
    let handle = all.handle();
    let feeder = {
        let (rt, handle) = (rt.clone(), handle.clone());
        rt.clone().spawn(async move {
            for n in 0..5 {
                rt.sleep(units(1)).await;
                handle.add(stream::iter([n, n]).boxed());
            }
            // Adds, and goes: the last input must not be missed.
            handle.add(stream::iter([5, 5]).boxed());
        })
    };
    drop(handle);
    let mut seen = Vec::new();
    while let Some(n) = all.next().await {
        seen.push(n);
    }
    feeder.await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
}

async fn a_removed_input_is_dropped<R: Rt>(rt: R) {
    let census = Census::default();
    let here = census.enter();
    let mut all = FanIn::<BoxStream<'static, u32>>::new();
    let handle = all.handle();
    let endless = stream::repeat(7).map(move |n| {
        let _here = &here;
        n
    });
    let id = handle.add(endless.boxed());
    let silent = all.add(stream::pending().boxed());
    assert_eq!(all.next().await, Some(7));
    assert_eq!((all.len(), census.alive()), (2, 1));
    handle.remove(id);
    let stopper = {
        let rt = rt.clone();
        rt.clone().spawn(async move {
            rt.sleep(units(1)).await;
            handle.remove(silent);
        })
    };
    assert_eq!(all.next().await, None, "removed, and the handle is gone");
    assert_eq!(census.alive(), 0);
    assert!(!all.remove(id) && !all.remove(silent));
    stopper.await.unwrap();
}

async fn an_input_is_removed_before_it_was_looked_at<R: Rt>(_rt: R) {
    let mut all = FanIn::new();
    let handle = all.handle();
    let id = handle.add(stream::iter([1]));
    assert!(all.remove(id));
    assert!(!all.remove(id));
    drop(handle);
    assert_eq!(all.next().await, None);
}

struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        resume_unwind(Box::new("out of cheese"));
    }
}

async fn a_waker_that_panics_keeps_nobody_from_the_end<R: Rt>(_rt: R) {
    let (run, [mut one, mut two]) = FanOut::new(stream::pending::<u32>()).broadcast();
    let waker = Waker::from(Arc::new(Bomb));
    let mut cx = TaskContext::from_waker(&waker);
    assert!(one.poll_next_unpin(&mut cx).is_pending());
    let mut next = two.next();
    assert!((&mut next).now_or_never().is_none());
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(run)));
    assert!(dropped.is_err());
    assert_eq!(next.await, None);
}

#[test]
fn inputs_are_served_in_turn() {
    let mut all = fan_in([1, 2, 3].map(|n| stream::iter(vec![n; 4])));
    let waker = Waker::noop();
    for _ in 0..4 {
        let mut round: Vec<_> = (0..3).map(|_| next(&mut all, waker)).collect();
        round.sort_unstable();
        assert_eq!(round, [1, 2, 3].map(|n| Poll::Ready(Some(n))));
    }
    assert_eq!(next(&mut all, waker), Poll::Ready(None));
    assert_eq!(next(&mut all, waker), Poll::Ready(None), "and again");
}

#[test]
fn a_higher_priority_goes_first() {
    let (urgent, urgent_items) = fed();
    let (casual, casual_items) = fed();
    let mut all = FanIn::new();
    all.add_with_priority(casual_items, -1);
    all.add_with_priority(urgent_items, 5);
    let waker = Waker::noop();
    for n in 0..3 {
        casual.try_send(n).unwrap();
        urgent.try_send(10 + n).unwrap();
    }
    let mut seen: Vec<_> = (0..4).map(|_| next(&mut all, waker)).collect();
    urgent.try_send(20).unwrap();
    seen.push(next(&mut all, waker));
    let expected = [10, 11, 12, 0, 20].map(|n| Poll::Ready(Some(n)));
    assert_eq!(seen, expected);
}

/// A priority that nobody uses any more costs nothing, and its names are not given out again.
#[test]
fn priorities_come_and_go() {
    let mut all = FanIn::new();
    let waker = Waker::noop();
    let first = all.add_with_priority(stream::iter(vec![0]).boxed(), 0);
    assert_eq!(next(&mut all, waker), Poll::Ready(Some(0)));
    for priority in 1..1000 {
        all.add_with_priority(stream::iter(vec![priority]).boxed(), priority);
        assert_eq!(next(&mut all, waker), Poll::Ready(Some(priority)));
        assert_eq!(next(&mut all, waker), Poll::Ready(None));
    }
    let text = format!("{all:?}");
    let priorities = text.split("priorities: ").nth(1).unwrap();
    let priorities: String = priorities
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    assert!(priorities.parse::<u32>().unwrap() < 40, "{text}");
    let other = all.add_with_priority(stream::pending().boxed(), 0);
    assert!(!all.remove(first), "it has ended");
    assert_eq!(all.len(), 1);
    assert!(all.remove(other));
}

#[test]
fn only_inputs_that_were_woken_are_polled() {
    let polls = Arc::new(AtomicUsize::new(0));
    let mut senders = Vec::new();
    let mut all = FanIn::new();
    for _ in 0..100 {
        let (sender, mut items) = fed::<u32>();
        let polls = Arc::clone(&polls);
        all.add(stream::poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            items.poll_next_unpin(cx)
        }));
        senders.push(sender);
    }
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&counter));
    assert!(next(&mut all, &waker).is_pending());
    let before = polls.load(Ordering::SeqCst);
    senders[42].try_send(7).unwrap();
    assert_eq!(counter.count(), 1);
    assert_eq!(next(&mut all, &waker), Poll::Ready(Some(7)));
    assert!(next(&mut all, &waker).is_pending());
    assert!(polls.load(Ordering::SeqCst) - before <= 2);
}

#[test]
fn an_input_that_panics_is_gone_and_the_others_go_on() {
    let bad = stream::poll_fn(|_| -> Poll<Option<u32>> { resume_unwind(Box::new("bad")) });
    let mut all = fan_in([bad.left_stream(), stream::iter([1, 2]).right_stream()]);
    let mut seen = Vec::new();
    let mut panics = 0;
    loop {
        let waker = Waker::noop();
        match std::panic::catch_unwind(AssertUnwindSafe(|| next(&mut all, waker))) {
            Ok(Poll::Ready(Some(n))) => seen.push(n),
            Ok(Poll::Ready(None)) => break,
            Ok(Poll::Pending) => panic!("nobody waits"),
            Err(_) => panics += 1,
        }
    }
    assert_eq!((seen, panics), (vec![1, 2], 1));
}

#[test]
fn a_handle_of_a_stream_that_is_gone() {
    let census = Census::default();
    let all = FanIn::new();
    let handle = all.handle();
    drop(all);
    assert!(handle.is_closed());
    let here = census.enter();
    handle.add(stream::once(async move { drop(here) }));
    assert_eq!(census.alive(), 0, "what is added is dropped");
}

#[test]
fn the_last_handle_ends_it() {
    let mut all = FanIn::<stream::Empty<u32>>::new();
    let (one, two) = (all.handle(), all.handle().clone());
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&counter));
    assert!(next(&mut all, &waker).is_pending());
    let input = one.add(stream::empty());
    assert_eq!(counter.count(), 1, "what is added is heard");
    assert!(next(&mut all, &waker).is_pending());
    one.remove(input);
    assert_eq!(counter.count(), 2);
    assert!(next(&mut all, &waker).is_pending());
    drop(one);
    assert_eq!(counter.count(), 2);
    drop(two);
    assert_eq!(counter.count(), 3);
    assert_eq!(next(&mut all, &waker), Poll::Ready(None));
}

// fan_out

async fn a_broadcast_reaches_all_in_order<R: Rt>(rt: R) {
    const ITEMS: u32 = if cfg!(miri) { 20 } else { 100 };
    let (run, outputs) = FanOut::new(stream::iter(0..ITEMS))
        .capacity(3)
        .broadcast_to(4);
    let run = rt.spawn(run);
    let readers: Vec<_> = outputs
        .into_iter()
        .enumerate()
        .map(|(at, mut output)| {
            rt.spawn(async move {
                let mut seen = Vec::new();
                while let Some(n) = output.next().await {
                    seen.push(n);
                    if n as usize % 4 == at {
                        yield_now().await;
                    }
                }
                seen
            })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap().into_iter().eq(0..ITEMS));
    }
    let delivered = run.await.unwrap();
    assert_eq!(delivered.items, u64::from(ITEMS));
    let fine = delivered
        .outputs
        .iter()
        .all(|fate| fate.lost == 0 && !fate.disconnected);
    assert!(fine && delivered.outputs.len() == 4, "{delivered:?}");
}

async fn a_stalled_output_stalls_all<R: Rt>(rt: R) {
    const ITEMS: u32 = if cfg!(miri) { 20 } else { 100 };
    let (run, [mut quick, mut stalled]) =
        FanOut::new(stream::iter(0..ITEMS)).capacity(2).broadcast();
    let run = rt.spawn(run);
    for expected in 0..3 {
        assert_eq!(quick.next().await, Some(expected));
    }
    rt.sleep(units(2)).await;
    assert!(
        quick.next().now_or_never().is_none(),
        "two wait for the other"
    );
    assert_eq!(stalled.next().await, Some(0));
    assert_eq!(quick.next().await, Some(3));
    drop(stalled);
    assert!(quick.collect::<Vec<_>>().await.into_iter().eq(4..ITEMS));
    assert!(run.await.unwrap().outputs[1].dropped);
}

async fn outputs_come_and_go<R: Rt>(rt: R) {
    let census = Census::default();
    let here = census.enter();
    let silent = stream::pending::<u32>().inspect(move |_| {
        let _here = &here;
    });
    let (run, outputs) = FanOut::new(silent).broadcast_to(3);
    let run = rt.spawn(run);
    rt.sleep(units(1)).await;
    drop(outputs);
    // Though the input says nothing.
    assert_eq!(run.await.unwrap().items, 0);
    assert_eq!(census.alive(), 0);

    // The other way round.
    let (run, [output]) = FanOut::new(stream::iter(0..9)).capacity(2).broadcast();
    let mut run = Box::pin(run);
    assert!(common::poll_once(run.as_mut()).await.is_none());
    drop(run);
    assert_eq!(output.collect::<Vec<_>>().await, [0, 1]);
}

async fn shared_out_by_key<R: Rt>(rt: R) {
    let (run, [even, odd]) = FanOut::new(stream::iter(0..50_usize))
        .capacity(1)
        .by_key(|n| *n);
    let run = rt.spawn(run);
    let even = rt.spawn(even.collect::<Vec<_>>());
    assert!(
        odd.collect::<Vec<_>>()
            .await
            .into_iter()
            .eq((0..50).filter(|n| n % 2 == 1))
    );
    assert!(
        even.await
            .unwrap()
            .into_iter()
            .eq((0..50).filter(|n| n % 2 == 0))
    );
    assert_eq!(run.await.unwrap().items, 50);
}

async fn shared_out_to_whoever_is_free<R: Rt>(rt: R) {
    let (run, mut workers) = FanOut::new(stream::iter(0..40_u32))
        .capacity(1)
        .distribute(3);
    let run = rt.spawn(run);
    let stuck = workers.pop().unwrap();
    assert!(stuck.recv().await.is_some(), "takes one, and no more");
    let workers: Vec<_> = workers
        .into_iter()
        .map(|worker| {
            let rt = rt.clone();
            rt.clone().spawn(async move {
                let mut count = 0;
                while worker.recv().await.is_some() {
                    count += 1;
                    rt.sleep(units(1) / 10).await;
                }
                count
            })
        })
        .collect();
    let mut sum = 1;
    for worker in workers {
        sum += worker.await.unwrap();
    }
    assert_eq!((run.await.unwrap(), sum), (40, 40));
    drop(stuck);

    let (run, workers) = FanOut::new(stream::repeat(1)).distribute(2);
    drop(workers);
    assert_eq!(run.await, 0, "nobody is there");
}

async fn read_twice<R: Rt>(rt: R) {
    let (run, one, two) = tee(stream::iter(0..100));
    let run = rt.spawn(run);
    let one = rt.spawn(one.collect::<Vec<_>>());
    let two: Vec<_> = two.collect().await;
    assert_eq!(one.await.unwrap(), two);
    assert_eq!(two.len(), 100);
    run.await.unwrap();
}

/// What an output sees of `0..10` if it reads two items, and then nothing until the end.
fn slow(policy: Slow) -> (Vec<u32>, u64, bool) {
    let (feed, items) = fed();
    let (run, [mut output]) = FanOut::new(items).capacity(3).slow(policy).broadcast();
    let mut run = Box::pin(run);
    let waker = Waker::noop();
    let mut seen = Vec::new();
    for n in 0..10 {
        feed.try_send(n).unwrap();
        assert_eq!(
            poll(&mut run, waker).is_ready(),
            policy == Slow::Disconnect && n == 5
        );
        if n < 2 {
            seen.extend(output.next().now_or_never().unwrap());
        }
        if n == 5 && policy == Slow::Disconnect {
            break;
        }
    }
    feed.close();
    if policy != Slow::Disconnect {
        assert!(run.now_or_never().is_some());
    }
    let (lost, cut_off) = (output.lost(), output.is_disconnected());
    seen.extend(output.collect::<Vec<_>>().now_or_never().unwrap());
    (seen, lost, cut_off)
}

#[test]
fn what_becomes_of_a_slow_output() {
    assert_eq!(slow(Slow::DropOldest), (vec![0, 1, 7, 8, 9], 5, false));
    assert_eq!(slow(Slow::DropNewest), (vec![0, 1, 2, 3, 4], 5, false));
    assert_eq!(slow(Slow::Disconnect), (vec![0, 1, 2, 3, 4], 0, true));
}

#[test]
fn one_output_is_cut_off_and_the_others_go_on() {
    let (feed, items) = fed();
    let (run, [mut quick, slow]) = FanOut::new(items)
        .capacity(2)
        .slow(Slow::Disconnect)
        .broadcast();
    let mut run = Box::pin(run);
    let waker = Waker::noop();
    for n in 0..5 {
        feed.try_send(n).unwrap();
        assert!(poll(&mut run, waker).is_pending());
        assert_eq!(next(&mut quick, waker), Poll::Ready(Some(n)));
    }
    assert!(slow.is_disconnected() && !quick.is_disconnected());
    drop(feed);
    let Poll::Ready(delivered) = poll(&mut run, waker) else {
        panic!("the input has ended");
    };
    assert!(delivered.outputs[1].disconnected && delivered.items == 5);
    assert_eq!(slow.collect::<Vec<_>>().now_or_never().unwrap(), [0, 1]);
}

#[test]
fn wakers_are_called_once_and_let_go() {
    let (feed, items) = fed();
    let (run, [mut one, mut two]) = FanOut::new(items).capacity(1).broadcast();
    let mut run = Box::pin(run);
    let counters: [Arc<Counter>; 3] = Default::default();
    let wakers = [0, 1, 2].map(|n: usize| Waker::from(Arc::clone(&counters[n])));
    assert!(poll(&mut run, &wakers[0]).is_pending());
    assert!(next(&mut one, &wakers[1]).is_pending());
    assert!(next(&mut two, &wakers[2]).is_pending());
    feed.try_send(1).unwrap();
    assert_eq!(counters[0].count(), 1);
    assert!(poll(&mut run, &wakers[0]).is_pending());
    assert_eq!((counters[1].count(), counters[2].count()), (1, 1));
    assert_eq!(counters[0].count(), 1);
    feed.try_send(2).unwrap();
    assert!(poll(&mut run, &wakers[0]).is_pending(), "both are full");
    let before = counters[0].count();
    assert_eq!(next(&mut one, &wakers[1]), Poll::Ready(Some(1)));
    assert_eq!(counters[0].count(), before + 1);
    drop(two);
    assert!(poll(&mut run, &wakers[0]).is_pending());
    assert_eq!(next(&mut one, &wakers[1]), Poll::Ready(Some(2)));
    drop((run, one, feed));
    drop(wakers);
    for counter in counters {
        assert_eq!(Arc::strong_count(&counter), 1, "no waker is left behind");
    }
}

#[test]
fn a_clone_that_panics_ends_the_outputs() {
    struct Bomb;
    impl Clone for Bomb {
        fn clone(&self) -> Self {
            resume_unwind(Box::new("clone"))
        }
    }
    let (run, [one, two]) = FanOut::new(stream::iter([Bomb])).broadcast();
    let run = AssertUnwindSafe(run).catch_unwind();
    assert!(run.now_or_never().unwrap().is_err());
    assert_eq!(one.count().now_or_never(), Some(0));
    assert_eq!(two.count().now_or_never(), Some(0));
}

// bridge

#[test]
fn one_after_the_other() {
    let nested = [vec![1, 2], vec![], vec![3]].map(stream::iter);
    let flat: Vec<_> = bridge(stream::iter(nested))
        .collect()
        .now_or_never()
        .unwrap();
    assert_eq!(flat, [1, 2, 3]);

    let (channels, queue) = channel::unbounded();
    let mut all = Box::pin(bridge_channels(queue));
    let waker = Waker::noop();
    let (first, receiver) = channel::bounded(1);
    channels.try_send(receiver).unwrap();
    let (second, receiver) = channel::bounded(1);
    channels.try_send(receiver).unwrap();
    second.try_send(2).unwrap();
    drop((second, channels));
    assert!(
        next(&mut all, waker).is_pending(),
        "the first is not closed yet"
    );
    first.try_send(1).unwrap();
    assert_eq!(next(&mut all, waker), Poll::Ready(Some(1)));
    drop(first);
    assert_eq!(next(&mut all, waker), Poll::Ready(Some(2)));
    assert_eq!(next(&mut all, waker), Poll::Ready(None));
}

// stages

/// Each stage beside the iterator of the same name, on every short input.
#[test]
fn stages_are_those_of_iterators() {
    let small = |n: &u32| *n < 3;
    for length in 0..if cfg!(miri) { 3 } else { 6 } {
        for code in 0..4_u32.pow(length) {
            let input: Vec<_> = (0..length).map(|at| 1 + code / 4_u32.pow(at) % 4).collect();
            let items = || input.iter().copied();
            let stream = || stream::iter(input.clone());
            macro_rules! same {
                ($stage:expr, $model:expr) => {
                    let all: Vec<u32> = $stage.collect().now_or_never().unwrap();
                    assert_eq!(all, $model.collect::<Vec<_>>(), "{input:?}");
                };
            }
            for n in 0..7 {
                same!(stream().take_n(n), items().take(n));
                same!(stream().skip_n(n), items().skip(n));
            }
            same!(stream().take_fn(small), items().filter(small));
            same!(stream().skip_fn(small), items().filter(|n| !small(n)));
            same!(stream().take_prefix(small), items().take_while(small));
            same!(stream().skip_prefix(small), items().skip_while(small));
            let join = |one: u32, two: u32| one * 10 + two;
            assert_eq!(
                stream().reduce(join).now_or_never().unwrap(),
                items().reduce(join)
            );
        }
    }
}

#[test]
fn the_first_n_are_enough() {
    let mut polls = 0;
    let counted = stream::poll_fn(|_| {
        polls += 1;
        Poll::Ready(Some(polls))
    });
    let three = counted.take_n(3).collect::<Vec<_>>();
    assert_eq!(three.now_or_never().unwrap(), [1, 2, 3]);
    assert_eq!(polls, 3);
}

async fn an_idle_stage_is_cancelled<R: Rt>(rt: R) {
    let context = Context::new();
    let (feed, items) = fed();
    feed.send(1).await.unwrap();
    let reader = {
        let items = items.until_cancelled(&context).take_n(5);
        rt.spawn(items.collect::<Vec<_>>())
    };
    until(&rt, "it has what there is", || feed.is_empty()).await;
    context.cancel();
    assert_eq!(reader.await.unwrap(), [1]);
    until(&rt, "its input is gone", || feed.is_closed()).await;
    assert_eq!(
        stream::iter([1, 2])
            .until_cancelled(&Context::new())
            .fold(0, |sum, n| ready(sum + n))
            .await,
        3
    );
}
