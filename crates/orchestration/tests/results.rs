//! All, the first, some, the last; hedged requests; the same here and in tasks.

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use common::{Census, Rt, poll_once, units, until, yield_now};
use futures_util::FutureExt as _;
use orchestration::results::{Hedge, Results, Waterfall};
use orchestration::retry::RetryBudget;
use runtime::{JoinHandle, Spawn};

type Outcome = Result<u32, String>;

/// Whose turn it is, by their times: on a busy machine several threads would not keep the order of
/// timers that are late together.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<BTreeMap<u32, usize>>>);

/// Of one whose outcome nobody has yet.
struct Turn {
    turns: Turns,
    time: u32,
}

impl Turns {
    fn enter(&self, time: u32) -> Turn {
        *self.0.lock().unwrap().entry(time).or_default() += 1;
        Turn {
            turns: self.clone(),
            time,
        }
    }

    fn have_come_to(&self, time: u32) -> bool {
        let turns = self.0.lock().unwrap();
        turns.keys().next().is_none_or(|first| *first >= time)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.0.lock().unwrap();
        if let Some(count) = turns.get_mut(&self.time) {
            *count -= 1;
            if *count == 0 {
                turns.remove(&self.time);
            }
        }
    }
}

/// A runtime on which a turn ends when the handle has given the outcome, not with the future: in between its
/// thread may be stopped, and the next one overtake it.
#[derive(Clone)]
struct InTurns<R> {
    rt: R,
    turns: Turns,
    // Of those that are not spawned yet, in this order.
    next: Arc<Mutex<VecDeque<Turn>>>,
}

struct Handle<H> {
    handle: H,
    turn: Option<Turn>,
}

impl<R: Spawn> Spawn for InTurns<R> {
    type Handle<T: Send + 'static> = Handle<R::Handle<T>>;

    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Handle {
            turn: self.next.lock().unwrap().pop_front(),
            handle: self.rt.spawn(future),
        }
    }
}

impl<H: Future + Unpin> Future for Handle<H> {
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        let output = ready!(Pin::new(&mut self.handle).poll(cx));
        self.turn = None;
        Poll::Ready(output)
    }
}

impl<T, H: JoinHandle<T>> JoinHandle<T> for Handle<H> {
    fn abort(&self) {
        self.handle.abort();
    }

    fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<R: Rt> InTurns<R> {
    fn new(rt: R) -> Self {
        Self {
            rt,
            turns: Turns::default(),
            next: Arc::default(),
        }
    }

    /// Futures that end after so many units, in turn, as they are told.
    fn futures(
        &self,
        census: &Census,
        outcomes: &[(u32, Result<u32, &str>)],
        spawned: bool,
    ) -> impl Iterator<Item = impl Future<Output = Outcome> + Send + use<R>> + use<R> {
        let (place, census) = (self.clone(), census.clone());
        // Of those before, some may never have been spawned.
        self.next.lock().unwrap().clear();
        // Those that have not begun have a turn as well.
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|(time, outcome)| (self.turns.enter(*time), outcome.map_err(str::to_owned)))
            .collect();
        outcomes.into_iter().map(move |(turn, outcome)| {
            let (time, mut own) = (turn.time, Some(turn));
            if spawned {
                place.next.lock().unwrap().extend(own.take());
            }
            let (turns, rt) = (place.turns.clone(), place.rt.clone());
            let ends = after(rt.clone(), census.clone(), time, outcome);
            async move {
                let outcome = ends.await;
                while !turns.have_come_to(time) {
                    rt.sleep(units(1) / 5).await;
                }
                drop(own);
                outcome
            }
        })
    }
}

/// Ends after so many units, as it is told.
async fn after<R: Rt>(rt: R, census: Census, time: u32, outcome: Outcome) -> Outcome {
    let _resident = census.enter();
    rt.sleep(units(time)).await;
    outcome
}

/// The same scenario here and on the runtime.
macro_rules! here_and_on {
    ($rt:ident, $census:ident, $results:ident, $futures:ident, $body:block) => {{
        let $census = Census::default();
        let place = InTurns::new($rt.clone());
        {
            let $results = Results::here();
            let $futures = |outcomes: &[_]| place.futures(&$census, outcomes, false);
            $body
        }
        let $results = Results::on(place.clone());
        let $futures = |outcomes: &[_]| place.futures(&$census, outcomes, true);
        $body
    }};
}

/// gollback's demonstration: 3 s -> 1, a failure, -> 3.
async fn all_waits_for_all<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        let outputs = results
            .all(futures(&[(3, Ok(1)), (0, Err("failed")), (1, Ok(3))]))
            .await;
        assert_eq!(outputs, [Ok(1), Err("failed".to_owned()), Ok(3)]);
        assert_eq!(census.alive(), 0);
        assert!(results.all(futures(&[])).await.is_empty());
    });
}

async fn try_all_stops_at_the_first_error<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        let values = results.try_all(futures(&[(3, Ok(1)), (0, Ok(2)), (1, Ok(3))]));
        assert_eq!(values.await, Ok(vec![1, 2, 3]));
        let start = rt.now();
        let failed = results.try_all(futures(&[
            (500, Ok(1)),
            (2, Err("second")),
            (1, Err("first")),
        ]));
        assert_eq!(failed.await, Err("first".to_owned()));
        assert_eq!(census.alive(), 0, "the others are gone");
        assert!(rt.now() - start < units(400));
    });
}

async fn race_takes_the_first_value<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        let race = results.race(futures(&[
            (500, Ok(1)),
            (1, Err("no")),
            (3, Ok(3)),
            (500, Ok(4)),
        ]));
        assert_eq!(race.await, Ok(3));
        assert_eq!(census.alive(), 0, "the losers are gone");

        let error = results
            .race(futures(&[(4, Err("last")), (1, Err("first"))]))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "0 of 1 wanted at most: #1: first; #0: last"
        );
        assert_eq!(error.into_last().unwrap(), "last");

        let nobody = results.race(futures(&[])).await.unwrap_err();
        assert_eq!(nobody.into_last(), None);
    });
}

async fn any_n_is_a_quorum<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        let some = [(4, Ok(1)), (1, Ok(2)), (0, Err("no")), (500, Ok(4))];
        assert_eq!(results.any_n(2, futures(&some)).await, Ok(vec![2, 1]));
        assert_eq!(census.alive(), 0);
        assert_eq!(results.any_n(0, futures(&some)).await, Ok(vec![]));

        // Impossible after two errors: the slow one is not waited for.
        let start = rt.now();
        let lost = [(0, Err("a")), (1, Err("b")), (500, Ok(3))];
        let error = results.any_n(2, futures(&lost)).await.unwrap_err();
        assert_eq!((error.wanted(), error.possible()), (2, 1));
        assert_eq!(error.errors().len(), 2);
        assert_eq!(census.alive(), 0);
        assert!(rt.now() - start < units(400));

        // Impossible from the start: nobody begins.
        let before = census.ever();
        let error = results.any_n(4, futures(&lost)).await.unwrap_err();
        assert_eq!(error.possible(), 3);
        assert_eq!(census.ever(), before);
    });
}

/// S117.
async fn take_and_last<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        let four = [(8, Ok(1)), (2, Ok(2)), (5, Ok(3)), (12, Ok(4))];
        assert_eq!(results.take(2, futures(&four)).await, Ok(vec![2, 3]));
        assert_eq!(census.alive(), 0);
        assert_eq!(results.take(9, futures(&four)).await, Ok(vec![2, 3, 1, 4]));
        assert_eq!(results.last(1, futures(&four)).await, Ok(vec![4]));
        assert_eq!(results.last(2, futures(&four)).await, Ok(vec![1, 4]));
        assert_eq!(results.last(0, futures(&four)).await, Ok(vec![]));

        let early = [(8, Ok(1)), (2, Err("no"))];
        assert_eq!(results.take(1, futures(&early)).await, Err("no".to_owned()));
        assert_eq!(results.last(1, futures(&early)).await, Err("no".to_owned()));
        assert_eq!(census.alive(), 0);
        let late = [(1, Ok(1)), (500, Err("no"))];
        assert_eq!(results.take(1, futures(&late)).await, Ok(vec![1]));
    });
}

async fn a_limit_holds<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        let results = results.limit(3);
        let tasks: Vec<_> = (0..12).map(|n| (1, Ok(n))).collect();
        let all = results.try_all(futures(&tasks)).await.unwrap();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        assert_eq!(census.most(), 3);
    });
}

/// Dropped at every await, it leaves nobody.
async fn dropped_half_way<R: Rt>(rt: R) {
    here_and_on!(rt, census, results, futures, {
        for polls in 0..4 {
            {
                let mut race = pin!(results.race(futures(&[(1, Err("no")), (500, Ok(2))])));
                for _ in 0..polls {
                    assert!(poll_once(race.as_mut()).await.is_none());
                    rt.sleep(units(1)).await;
                }
            }
            until(&rt, "all are gone", || census.alive() == 0).await;
        }
    });
}

/// A panic goes on when the others are gone.
async fn a_panic_goes_on<R: Rt>(rt: R) {
    for spawned in [false, true] {
        let census = Census::default();
        let futures = (0..3).map(|n| {
            let census = census.clone();
            async move {
                let _resident = census.enter();
                yield_now().await;
                if n == 1 {
                    resume_unwind(Box::new("out of cheese"));
                }
                pending::<Outcome>().await
            }
        });
        let caught = if spawned {
            AssertUnwindSafe(Results::on(rt.clone()).race(futures))
                .catch_unwind()
                .await
        } else {
            AssertUnwindSafe(Results::here().race(futures))
                .catch_unwind()
                .await
        };
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"out of cheese"));
        assert_eq!(census.alive(), 0);
    }
}

/// So does a panic of who makes the futures.
async fn a_panic_between_them_goes_on<R: Rt>(rt: R) {
    for spawned in [false, true] {
        let census = Census::default();
        let make = |n: usize| {
            if n == 2 {
                resume_unwind(Box::new("out of cheese"));
            }
            let (census, rt) = (census.clone(), rt.clone());
            async move {
                let _resident = census.enter();
                rt.sleep(units(1 + 9 * n as u32)).await;
                Ok::<_, ()>(n)
            }
        };
        let (here, there) = (Results::here().limit(2), Results::on(rt.clone()).limit(2));
        let all = async {
            if spawned {
                there.try_all((0..4).map(make)).await
            } else {
                here.try_all((0..4).map(make)).await
            }
        };
        let caught = AssertUnwindSafe(all).catch_unwind().await;
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"out of cheese"));
        assert_eq!((census.ever(), census.alive()), (2, 0));

        let census = Census::default();
        let hedge = Hedge::new(rt.clone()).after(units(3)).at_most(3);
        let ask = |n: usize| {
            if n == 2 {
                resume_unwind(Box::new("out of cheese"));
            }
            let census = census.clone();
            async move {
                let _resident = census.enter();
                pending::<Result<(), ()>>().await
            }
        };
        let asked = async {
            if spawned {
                hedge.clone().spawned(rt.clone()).run(ask).await
            } else {
                hedge.run(ask).await
            }
        };
        let caught = AssertUnwindSafe(asked).catch_unwind().await;
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"out of cheese"));
        assert_eq!((census.ever(), census.alive()), (2, 0));
    }
}

/// One that panics as it is stopped is not swallowed.
async fn a_losers_panic_goes_on<R: Rt>(rt: R) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("late"));
        }
    }
    for spawned in [false, true] {
        let futures = |timer: R| {
            [0, 1].map(move |n| {
                let rt = timer.clone();
                async move {
                    let _bomb = (n == 0).then(|| Bomb);
                    rt.sleep(units(1 + 100 * (1 - n))).await;
                    if n == 0 { Err(n) } else { Ok(n) }
                }
            })
        };
        let caught = if spawned {
            AssertUnwindSafe(Results::on(rt.clone()).race(futures(rt.clone())))
                .catch_unwind()
                .await
        } else {
            AssertUnwindSafe(Results::here().race(futures(rt.clone())))
                .catch_unwind()
                .await
        };
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"late"));
    }
}

async fn hedge_asks_again_when_it_is_late<R: Rt>(rt: R) {
    let census = Census::default();
    let asked = Arc::new(AtomicUsize::new(0));
    let ask = |times: &'static [(u32, Result<u32, &'static str>)]| {
        let (rt, census, asked) = (rt.clone(), census.clone(), Arc::clone(&asked));
        asked.store(0, Ordering::SeqCst);
        move |attempt: usize| {
            asked.fetch_add(1, Ordering::SeqCst);
            let (time, outcome) = times[attempt];
            let outcome = outcome.map_err(str::to_owned);
            after(rt.clone(), census.clone(), time, outcome)
        }
    };
    let hedge = Hedge::new(rt.clone()).after(units(3)).at_most(3);

    let patient = hedge.clone().after(units(500));

    // In time: once.
    assert_eq!(patient.run(ask(&[(1, Ok(1))])).await, Ok(1));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // Late: the second is quicker, and the others are gone then. (There is a third if this thread is late.)
    let late = &[(500, Ok(1)), (1, Ok(2)), (500, Ok(3))];
    assert_eq!(hedge.run(ask(late)).await, Ok(2));
    assert_eq!(census.alive(), 0);
    // An error: asked again at once. The first that was late may still win.
    let count = Arc::new(AtomicUsize::new(0));
    let wins = |attempt| {
        let (rt, count) = (rt.clone(), Arc::clone(&count));
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            match attempt {
                0 => {
                    until(&rt, "three were asked", || {
                        count.load(Ordering::SeqCst) == 3
                    })
                    .await
                }
                1 => return Err("no"),
                _ => pending().await,
            }
            Ok(attempt)
        }
    };
    assert_eq!(hedge.run(wins).await, Ok(0));
    // All fail: the last error.
    let start = rt.now();
    let all = ask(&[(0, Err("a")), (0, Err("b")), (0, Err("c"))]);
    assert_eq!(patient.run(all).await, Err("c".to_owned()));
    assert!(rt.now() - start < units(400), "an error is not waited out");
    // In tasks of their own.
    let spawned = hedge.clone().spawned(rt.clone());
    assert_eq!(spawned.run(ask(late)).await, Ok(2));
    assert_eq!(census.alive(), 0);
    // A budget that is used up: only the first, however late.
    let budget = RetryBudget::new(1, 0.0);
    let hedge = hedge.budget(&budget);
    assert_eq!(hedge.run(ask(&[(500, Ok(1)), (1, Ok(2))])).await, Ok(2));
    assert_eq!(hedge.run(ask(&[(8, Ok(1)), (0, Ok(2))])).await, Ok(1));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(
        hedge.run(ask(&[(1, Err("no"))])).await,
        Err("no".to_owned())
    );
}

/// Without a delay and without a limit, answers are looked for between two questions.
async fn hedge_without_delay<R: Rt>(rt: R) {
    let census = Census::default();
    let ask = |attempt| {
        let census = census.clone();
        async move {
            let _resident = census.enter();
            for _ in 0..3 {
                yield_now().await;
            }
            if attempt > 0 {
                pending::<()>().await;
            }
            Ok::<_, ()>(attempt)
        }
    };
    let hedge = Hedge::new(rt).after(Duration::ZERO).at_most(usize::MAX);
    assert_eq!(hedge.run(ask).await, Ok(0));
    assert!((1..=10).contains(&census.ever()), "{}", census.ever());
    assert_eq!(census.alive(), 0);
}

/// Dropped at every await, it leaves no attempt.
async fn hedge_dropped_half_way<R: Rt>(rt: R) {
    let census = Census::default();
    let ask = || {
        let (rt, census) = (rt.clone(), census.clone());
        move |_| after(rt.clone(), census.clone(), 500, Ok(1))
    };
    let hedge = Hedge::new(rt.clone()).after(units(1)).at_most(3);
    let spawned = hedge.clone().spawned(rt.clone());
    for polls in 0..5 {
        {
            let mut here = pin!(hedge.run(ask()));
            let mut there = pin!(spawned.run(ask()));
            for _ in 0..polls {
                assert!(poll_once(here.as_mut()).await.is_none());
                assert!(poll_once(there.as_mut()).await.is_none());
                rt.sleep(units(1)).await;
            }
            if polls == 4 {
                until(&rt, "each has asked again", || census.alive() >= 4).await;
            }
        }
        until(&rt, "all are gone", || census.alive() == 0).await;
    }
}

async fn waterfall_passes_values_on<R: Rt>(rt: R) {
    let calls = Arc::new(AtomicUsize::new(0));
    let step = |times: u32| {
        let (rt, calls) = (rt.clone(), Arc::clone(&calls));
        move |n: u32| async move {
            calls.fetch_add(1, Ordering::SeqCst);
            rt.sleep(units(1) / 10).await;
            if n > 10 {
                Err("too big")
            } else {
                Ok(n * times)
            }
        }
    };
    let chain = Waterfall::new(ready(Ok(2))).then(step(3)).then(step(5));
    assert_eq!(chain.await, Ok(30));
    let chain = Waterfall::new(ready(Ok(2)))
        .then(step(30))
        .then(step(5))
        .then(step(5));
    assert_eq!(chain.await, Err("too big"));
    assert_eq!(calls.load(Ordering::SeqCst), 4, "an error stops the chain");
}

on_every_runtime! {
    all_waits_for_all
    try_all_stops_at_the_first_error
    race_takes_the_first_value
    any_n_is_a_quorum
    take_and_last
    a_limit_holds
    dropped_half_way
    a_panic_goes_on
    a_panic_between_them_goes_on
    a_losers_panic_goes_on
    hedge_asks_again_when_it_is_late
    hedge_without_delay
    hedge_dropped_half_way
    waterfall_passes_values_on
}

#[test]
#[should_panic(expected = "limit of 0")]
fn a_limit_of_nothing() {
    let _ = Results::here().limit(0);
}

/// Futures of the waiting task may borrow.
#[test]
fn they_may_borrow() {
    let words = ["1".to_owned(), "2".to_owned()];
    let sum = mini_executor::block_on(
        Results::here().try_all(words.iter().map(|word| async { word.parse::<u32>() })),
    );
    assert_eq!(sum, Ok(vec![1, 2]));
}
