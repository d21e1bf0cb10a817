//! The concurrent map: order, limits, what it leaves behind; in one task and in many.

mod common;

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use async_sync::Event;
use common::{Census, Rt, poll_once, units, until, yield_now};
use futures_util::stream::{self, StreamExt as _};
use futures_util::{FutureExt as _, Stream, TryStreamExt as _};
use orchestration::results::Map;
use runtime::Timer as _;

/// Works for a while that has nothing to do with the order.
async fn work<R: Rt>(rt: R, census: Census, n: u32) -> u32 {
    let _resident = census.enter();
    match n % 5 {
        0 => {}
        1 => yield_now().await,
        _ => rt.sleep(units(n * 7 % 4) / 10).await,
    }
    n
}

/// All four forms give everything; the ordered ones in order; no more run than may.
async fn everything_is_given<R: Rt>(rt: R) {
    for concurrency in [1, 3, 70] {
        let census = Census::default();
        let map = || {
            let (rt, census) = (rt.clone(), census.clone());
            let map = Map::new(0..150, move |n| work(rt.clone(), census.clone(), n));
            map.concurrency(concurrency).window(2 * concurrency)
        };
        let all: Vec<u32> = (0..150).collect();
        assert_eq!(map().ordered().collect::<Vec<_>>().await, all);
        assert_eq!(map().ordered_on(rt.clone()).collect::<Vec<_>>().await, all);
        assert_eq!(census.alive(), 0, "the tasks have ended with the stream");
        let mut seen: Vec<u32> = map().unordered().collect().await;
        seen.sort_unstable();
        assert_eq!(seen, all);
        let mut seen: Vec<u32> = map().unordered_on(rt.clone()).collect().await;
        seen.sort_unstable();
        assert_eq!(seen, all);
        assert_eq!(census.ever(), 600);
        assert_eq!(census.alive(), 0);
        assert!(census.most() <= concurrency, "{} ran", census.most());
    }
}

/// As many run as may: each waits until it has seen so many.
async fn as_many_run_as_may<R: Rt>(rt: R) {
    for spawned in [false, true] {
        let census = Census::default();
        let (timer, counted) = (rt.clone(), census.clone());
        let map = Map::new(0..12, move |_| {
            let (rt, census) = (timer.clone(), counted.clone());
            async move {
                let _resident = census.enter();
                until(&rt, "four run", || census.most() == 4).await;
            }
        });
        let map = map.concurrency(4);
        if spawned {
            map.ordered_on(rt.clone()).collect::<Vec<_>>().await;
        } else {
            map.ordered().collect::<Vec<_>>().await;
        }
        assert_eq!(census.most(), 4);
    }
}

/// The source is asked for no more than the window, whoever holds up the order.
async fn the_window_holds<R: Rt>(rt: R) {
    for spawned in [false, true] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let source = (0..100_u32).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let map = Map::new(source, |n| async move {
            if n == 3 {
                pending::<()>().await;
            }
            n
        });
        let map = map.concurrency(2).window(8);
        let mut stream: Pin<Box<dyn Stream<Item = u32> + Send>> = if spawned {
            Box::pin(map.ordered_on(rt.clone()))
        } else {
            Box::pin(map.ordered())
        };
        for n in 0..3 {
            assert_eq!(stream.next().await, Some(n));
        }
        // Until it has asked for what it may, and a while longer.
        let mut more = 10;
        for _ in 0..10_000 {
            assert_eq!(poll_once(pin!(stream.next())).await, None);
            more -= usize::from(asked.load(Ordering::SeqCst) >= 10);
            if more == 0 {
                break;
            }
            rt.sleep(units(1) / 5).await;
        }
        // 3, which does not end, and those behind it that the window has room for.
        let asked = asked.load(Ordering::SeqCst);
        assert!((10..=11).contains(&asked), "{asked} were taken");
    }
}

/// Dropped after any number of polls, it leaves nobody behind.
async fn nothing_is_left_behind<R: Rt>(rt: R) {
    for polls in 0..12 {
        let census = Census::default();
        for spawned in [false, true] {
            let (timer, counted) = (rt.clone(), census.clone());
            let map = Map::new(0..20, move |n| work(timer.clone(), counted.clone(), n));
            let map = map.concurrency(3);
            let mut stream: Pin<Box<dyn Stream<Item = u32> + Send>> = if spawned {
                Box::pin(map.ordered_on(rt.clone()))
            } else {
                Box::pin(map.unordered())
            };
            for _ in 0..polls {
                let _ = poll_once(pin!(stream.next())).await;
                yield_now().await;
            }
        }
        until(&rt, "all are gone", || census.alive() == 0).await;
    }
}

/// `shutdown` waits until the tasks are gone.
async fn shutdown_waits<R: Rt>(rt: R) {
    let census = Census::default();
    let counted = census.clone();
    let map = Map::new(0..9, move |_| {
        let census = counted.clone();
        async move {
            let _resident = census.enter();
            pending::<()>().await;
        }
    });
    let mut stream = Box::pin(map.concurrency(3).unordered_on(rt.clone()));
    assert_eq!(poll_once(pin!(stream.next())).await, None);
    until(&rt, "three run", || census.alive() == 3).await;
    Pin::into_inner(stream).shutdown().await;
    assert_eq!(census.alive(), 0);
    assert_eq!(census.ever(), 3);
}

/// A panic goes on where the stream is polled, when the others are gone.
async fn a_panic_goes_on<R: Rt>(rt: R) {
    for spawned in [false, true] {
        let census = Census::default();
        let counted = census.clone();
        let map = Map::new(0..10, move |n: u32| {
            let census = counted.clone();
            async move {
                let _resident = census.enter();
                if n == 4 {
                    yield_now().await;
                    // Without the panic hook's message.
                    resume_unwind(Box::new("out of cheese"));
                }
                if n > 4 {
                    pending::<()>().await;
                }
                n
            }
        });
        let map = map.concurrency(3);
        let mut stream: Pin<Box<dyn Stream<Item = u32> + Send>> = if spawned {
            Box::pin(map.ordered_on(rt.clone()))
        } else {
            Box::pin(map.ordered())
        };
        let panic = AssertUnwindSafe(async { while stream.next().await.is_some() {} })
            .catch_unwind()
            .await
            .unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"out of cheese"));
        let again = AssertUnwindSafe(stream.next()).catch_unwind().await;
        assert!(again.is_err(), "it does not wait for ever");
        if spawned {
            assert_eq!(census.alive(), 0);
        }
        drop(stream);
        assert_eq!(census.alive(), 0);
    }
}

/// The first error ends it, by the combinators of `futures`.
async fn the_first_error_ends_it<R: Rt>(rt: R) {
    let census = Census::default();
    for spawned in [false, true] {
        let counted = census.clone();
        let map = Map::new(0..10, move |n: u32| {
            let census = counted.clone();
            async move {
                let _resident = census.enter();
                match n {
                    0 => Ok(n),
                    1 => Err("no luck"),
                    _ => pending().await,
                }
            }
        });
        let map = map.concurrency(3);
        let collected: Result<Vec<u32>, _> = if spawned {
            map.ordered_on(rt.clone()).try_collect().await
        } else {
            map.ordered().try_collect().await
        };
        assert_eq!(collected, Err("no luck"));
        until(&rt, "all are gone", || census.alive() == 0).await;
    }
}

/// Items that come one by one, while others run, are taken as they come.
async fn a_slow_source<R: Rt>(rt: R) {
    for spawned in [false, true] {
        let timer = rt.clone();
        let source = stream::unfold(0_u32, move |n| {
            let rt = timer.clone();
            async move {
                rt.sleep(units(1) / 5).await;
                (n < 10).then_some((n, n + 1))
            }
        });
        let timer = rt.clone();
        let map = Map::from_stream(Box::pin(source), move |n| {
            let rt = timer.clone();
            async move {
                rt.sleep(units(3) / 5).await;
                n
            }
        });
        let map = map.concurrency(3);
        let all: Vec<_> = if spawned {
            map.ordered_on(rt.clone()).collect().await
        } else {
            map.ordered().collect().await
        };
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}

/// Items that come in a burst, when few have been needed before, all find a task.
async fn a_burst<R: Rt>(rt: R) {
    let census = Census::default();
    let timer = rt.clone();
    let source = stream::unfold(0_u32, move |n| {
        let rt = timer.clone();
        async move {
            if n == 1 {
                rt.sleep(units(2)).await;
            }
            (n < 20).then_some((n, n + 1))
        }
    });
    let counted = census.clone();
    let map = Map::from_stream(Box::pin(source), move |n| {
        let census = counted.clone();
        async move {
            let _resident = census.enter();
            if n > 0 {
                pending::<()>().await;
            }
        }
    });
    let mut stream = Box::pin(map.concurrency(4).ordered_on(rt.clone()));
    assert_eq!(stream.next().await, Some(()));
    for _ in 0..1000 {
        assert_eq!(poll_once(pin!(stream.next())).await, None);
        if census.alive() == 4 {
            break;
        }
        rt.sleep(units(1) / 5).await;
    }
    assert_eq!(census.alive(), 4, "a task for each that may run");
    Pin::into_inner(stream).shutdown().await;
}

/// More than 63 words of bells; under Miri, more than one.
async fn thousands_at_a_time<R: Rt>(rt: R) {
    let (items, at_a_time) = if cfg!(miri) { (200, 100) } else { (9000, 5000) };
    let timer = rt.clone();
    let map = Map::new(0..items, move |n| {
        let rt = timer.clone();
        async move {
            if n % 1000 < 10 {
                rt.sleep(units(n % 3) / 10).await;
            } else {
                yield_now().await;
            }
            n
        }
    });
    let mut stream = pin!(map.concurrency(at_a_time).ordered());
    for n in 0..items {
        assert_eq!(stream.next().await, Some(n));
    }
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.next().await, None, "and again");
}

on_every_runtime! {
    everything_is_given
    as_many_run_as_may
    the_window_holds
    nothing_is_left_behind
    shutdown_waits
    a_panic_goes_on
    the_first_error_ends_it
    a_slow_source
    a_burst
}

#[test]
fn thousands() {
    mini_executor::Builder::new()
        .fail_on_leaks(true)
        .run_seeds(0..2, thousands_at_a_time);
    common::on_tokio(2, thousands_at_a_time);
}

/// An item in a batch of quick ones that waits keeps nobody behind it waiting.
#[test]
fn who_waits_gives_its_batch_back() {
    common::on_mini(|rt| async move {
        let map = Map::new(0..400_u32, |n| async move {
            if n == 300 {
                pending::<()>().await;
            }
            n
        });
        let mut stream = pin!(map.concurrency(2).window(400).unordered_on(rt.clone()));
        let mut seen = 0;
        while seen < 399 {
            assert!(stream.next().await.is_some());
            seen += 1;
        }
        assert_eq!(poll_once(pin!(stream.next())).await, None);
    });
}

/// Counts how often it is called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Calls {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

type Wakers = Arc<Mutex<VecDeque<Waker>>>;

/// A future that leaves its waker and is ready at its second poll.
async fn leaves_its_waker(wakers: Wakers, n: u32) -> u32 {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::replace(&mut first, false) {
            wakers.lock().unwrap().push_back(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(n)
    })
    .await
}

/// Wakes once, polls only who was woken, and minds no bell of a future that is gone.
#[test]
fn who_is_woken_is_polled_and_nobody_else() {
    let wakers = Wakers::default();
    let left = Arc::clone(&wakers);
    let map = Map::new(0..6, move |n| leaves_its_waker(Arc::clone(&left), n));
    let mut stream = pin!(map.concurrency(3).ordered());
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&calls));
    let mut cx = Context::from_waker(&waker);
    let mut poll = || stream.as_mut().poll_next(&mut cx);
    let nth = |n: usize| wakers.lock().unwrap()[n].clone();

    assert_eq!(poll(), Poll::Pending);
    assert_eq!(poll(), Poll::Pending, "a spurious poll");
    assert_eq!(calls.take(), 0);
    assert_eq!(wakers.lock().unwrap().len(), 3);
    // Out of order: nothing to give yet, and no place free, since the window is full.
    nth(1).wake();
    nth(1).wake();
    assert_eq!(calls.take(), 1, "a bell that has rung is not rung again");
    assert_eq!(poll(), Poll::Pending);
    assert_eq!(wakers.lock().unwrap().len(), 3);
    nth(0).wake();
    assert_eq!(calls.take(), 1);
    assert_eq!(poll(), Poll::Ready(Some(0)));
    assert_eq!(poll(), Poll::Ready(Some(1)));
    assert_eq!(
        wakers.lock().unwrap().len(),
        5,
        "3 and 4 stand where 0 and 1 were"
    );
    // The bell of 0, which is gone, is the bell of 3 now: a spurious poll.
    nth(0).wake();
    assert_eq!(poll(), Poll::Pending);
    nth(2).wake();
    assert_eq!(poll(), Poll::Ready(Some(2)));
    assert_eq!(poll(), Poll::Ready(Some(3)));
    assert_eq!(wakers.lock().unwrap().len(), 6);
    nth(5).wake_by_ref();
    nth(4).wake();
    assert_eq!(poll(), Poll::Ready(Some(4)));
    assert_eq!(poll(), Poll::Ready(Some(5)));
    assert_eq!(poll(), Poll::Ready(None));
    for waker in wakers.lock().unwrap().drain(..) {
        waker.wake();
    }
    assert_eq!(poll(), Poll::Ready(None));
}

/// The waker may change between polls: the last one is called.
#[test]
fn the_last_waker_is_called() {
    let wakers = Wakers::default();
    let left = Arc::clone(&wakers);
    let map = Map::new(0..1, move |n| leaves_its_waker(Arc::clone(&left), n));
    let mut stream = pin!(map.concurrency(1).unordered());
    let [first, second] = [(); 2].map(|()| Arc::new(Calls::default()));
    for calls in [&first, &second] {
        let waker = Waker::from(Arc::clone(calls));
        let polled = stream.as_mut().poll_next(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
    }
    wakers.lock().unwrap()[0].wake_by_ref();
    assert_eq!((first.take(), second.take()), (0, 1));
}

/// Futures that wake themselves for ever let others run.
#[test]
fn who_wakes_itself_lets_others_run() {
    let map = Map::new(0..3, |_| async {
        loop {
            yield_now().await;
        }
    });
    let mut stream = pin!(map.concurrency(3).ordered().map(|()| ()));
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&calls));
    for _ in 0..3 {
        let polled = stream.as_mut().poll_next(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
        assert_eq!(calls.take(), 1);
    }
}

/// A ready item is given before another one is asked for.
#[test]
fn ready_items_are_given_one_by_one() {
    let asked = AtomicUsize::new(0);
    let source = (0..10).inspect(|_| {
        asked.fetch_add(1, Ordering::SeqCst);
    });
    let map = Map::new(source, async |n: u32| n);
    let mut stream = pin!(map.concurrency(4).ordered());
    assert_eq!(stream.as_ref().in_flight(), 0);
    for n in 0..3 {
        assert_eq!(stream.next().now_or_never(), Some(Some(n)));
        assert_eq!(asked.load(Ordering::SeqCst), n as usize + 1);
    }
    assert_eq!(stream.size_hint(), (7, Some(7)));
}

#[test]
fn no_items_and_no_number() {
    common::on_mini(|rt| async move {
        let map = || Map::new(0..0, async |n: u32| n);
        assert_eq!(map().ordered().count().await, 0);
        assert_eq!(map().unordered_on(rt.clone()).count().await, 0);
        let all: Vec<_> = Map::new(0..5, async |n: u32| n)
            .concurrency(0)
            .ordered()
            .collect()
            .await;
        assert_eq!(all, [0, 1, 2, 3, 4]);
        // Never polled: nothing is spawned.
        drop(map().ordered_on(rt));
    });
}

/// The task that polls may borrow, and need not be `Send`.
#[test]
fn futures_may_borrow() {
    let words = ["one".to_owned(), "three".to_owned()];
    let count = std::rc::Rc::new(std::cell::Cell::new(0));
    let lengths = mini_executor::block_on(
        Map::new(&words, |word| {
            let count = &count;
            async move {
                yield_now().await;
                count.set(count.get() + 1);
                word.len()
            }
        })
        .concurrency(2)
        .ordered()
        .collect::<Vec<_>>(),
    );
    assert_eq!(lengths, [3, 5]);
    assert_eq!(count.get(), 2);
}

/// An item that is given back by one task, when all the others have something to wait for, gets a new task.
#[test]
#[cfg_attr(miri, ignore = "it waits for threads")]
fn given_back_while_nobody_is_idle() {
    common::on_tokio(4, |rt| async move {
        const WARM: u32 = 0;
        const FIRST: u32 = 1;
        const BEHIND: u32 = 2;
        const OTHER: u32 = 3;
        let (sender, items) = async_sync::channel::unbounded::<u32>();
        let begun = Arc::new(AtomicUsize::new(0));
        // Opened for the first poll of FIRST; opened by BEHIND.
        let gates: Arc<[Event; 2]> = Arc::default();
        let work = {
            let (begun, gates) = (Arc::clone(&begun), Arc::clone(&gates));
            move |n| {
                let (begun, gates) = (Arc::clone(&begun), Arc::clone(&gates));
                async move {
                    if n == FIRST || n == OTHER {
                        begun.fetch_add(1, Ordering::SeqCst);
                    }
                    while n == FIRST && !gates[0].is_set() {
                        std::thread::yield_now();
                    }
                    if n == BEHIND {
                        gates[1].set();
                    } else if n != WARM {
                        gates[1].wait().await;
                    }
                }
            }
        };
        let map = Map::from_stream(items.into_stream(), work).concurrency(64);
        let mut map = pin!(map.unordered_on(rt.clone()));
        // Some tasks, which have learned to take two items at a time, and are idle.
        for _ in 0..20 {
            for n in [WARM, WARM] {
                sender.try_send(n).unwrap();
            }
            assert!(map.next().await.is_some() && map.next().await.is_some());
            rt.sleep(units(1) / 5).await;
        }
        let text = format!("{map:?}");
        let tasks = text.split_once("tasks: ").unwrap().1;
        let tasks: usize = tasks.split_once(',').unwrap().0.parse().unwrap();
        assert!(tasks < 64, "there is room for more");
        for n in [FIRST, BEHIND] {
            sender.try_send(n).unwrap();
        }
        for n in 1..=tasks {
            assert!(map.next().now_or_never().is_none());
            until(&rt, "it has begun", || begun.load(Ordering::SeqCst) == n).await;
            if n < tasks {
                sender.try_send(OTHER).unwrap();
            }
        }
        gates[0].set();
        for _ in 0..=tasks {
            let next = rt.timeout(units(1000), map.next()).await;
            assert_eq!(next, Ok(Some(())));
        }
    });
}
