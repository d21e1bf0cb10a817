//! What is measured of the ways to wait for the first of several futures.
//!
//! What the cases wait for is ours, so that only the select is measured; where a case is to show what
//! others' futures do, it is tokio's.

mod offers;

pub(super) use offers::{again, many, with_body};

use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use async_sync::{AutoEvent, Event, Semaphore, channel};

use super::counting;
use super::news::{self, News};
use super::polls::judged;
use super::tools::{Polled, Task, now, panics, queued};
use super::{Measurement, Verdict, check, list};
use crate::peers::{AsyncSelect, Case};

/// Of every select.
pub(super) fn every<S: AsyncSelect>() -> Vec<Measurement> {
    let mut all = list! {
        "one", one_commits::<S>, "One case commits, the others do nothing",
            "Four receives, each of a channel with an item: three items are left, whichever was first; 200 times.";
        "one-woken", one_of_the_woken_commits::<S>, "... also if several are woken before it is polled",
            "Four acquire, of semaphores of their own; a permit comes to each, then it is polled: three are there for others.";
        "losers", losers_leave_their_queues::<S>, "Losers are out of their queues when the select is over",
            "Three wait for permits and one for an event.";
        "dropped", dropped::<S>, "A select that is dropped leaves nothing behind",
            "Four wait for permits, one of which has come to it already.";
        "fair", each_as_likely::<S>, "Of those that are ready each is picked as often as the others",
            "The first two of four are ready; of 4000 times the first is picked 1800 to 2200 times.";
        "not-starved", nobody_is_starved::<S>, "A case that is always ready starves no other",
            "All four are always ready: each is picked at least once in a thousand times.";
        "case-panics", a_case_panics::<S>, "A case that panics takes the others with it, out of their queues",
            "The select is dropped after it has panicked.";
        "output", the_output_is_its_own::<S>, "The output is that of the case that is named",
            "Each of four is ready alone, after a wait, and before any.";
        "not-again", nobody_is_polled_after_it_is_ready::<S>, "No case is polled after it was ready",
            "Cases that count; the last one is ready at the third look.";
        "allocations", allocations::<S>, "Selecting does not allocate",
            "A counting allocator around the polls; the cases are boxed before.";
    };
    let mut waiting = news::of_all_news::<Happened<S>>();
    // `Happened` boxes its cases when it begins to wait; they are boxed before, above.
    waiting.retain(|it| it.id != "allocations");
    all.extend(waiting);
    all.extend(news::of_those_who_may_leave::<Happened<S>>());
    all.extend(news::of_those_who_keep_it::<Happened<S>>());
    all
}

/// The news that one of four happens.
struct Happened<S> {
    event: Event,
    _by: std::marker::PhantomData<fn() -> S>,
}

impl<S: AsyncSelect> News for Happened<S> {
    fn new(_: usize) -> Self {
        Happened {
            event: Event::new(),
            _by: std::marker::PhantomData,
        }
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        let cases: [Case<'_, ()>; 4] = [
            Box::pin(pending()),
            Box::pin(self.event.wait()),
            Box::pin(pending()),
            Box::pin(pending()),
        ];
        async move { _ = S::first(cases).await }
    }

    fn happen(&self) {
        self.event.set();
    }
}

/// Somewhere to wait for a permit, and the permit.
struct Taken(Semaphore);

impl Taken {
    fn new() -> Self {
        let place = Semaphore::new(1);
        place.try_acquire().expect("it is free").forget();
        Taken(place)
    }

    /// Waits for the permit, and gives it back.
    async fn wait(&self) {
        drop(self.0.acquire().await);
    }

    /// The permit comes back.
    fn free(&self) {
        self.0.release(1);
    }
}

/// Four cases that come of `make`.
fn four<'a, T, F: Future<Output = T> + Send + 'a>(
    make: impl FnMut(usize) -> F,
) -> [Case<'a, T>; 4] {
    let mut make = make;
    [0, 1, 2, 3].map(|n| Box::pin(make(n)) as Case<'a, T>)
}

/// Four cases, of which the second waits for something else than a permit.
fn bell_among<'a>(
    places: &'a Taken,
    bell: impl Future<Output = ()> + Send + 'a,
) -> [Case<'a, ()>; 4] {
    [
        Box::pin(places.wait()),
        Box::pin(bell),
        Box::pin(places.wait()),
        Box::pin(places.wait()),
    ]
}

fn one_commits<S: AsyncSelect>() -> Verdict {
    for _ in 0..200 {
        let channels = [(); 4].map(|()| {
            let (tx, rx) = channel::bounded(1);
            assert!(tx.try_send(7).is_ok());
            (tx, rx)
        });
        let first = now(S::first(four(|n| channels[n].1.recv())));
        let Some((picked, Some(7))) = first else {
            return Verdict::Broken(format!("the first is {first:?}"));
        };
        for (n, (_, rx)) in channels.iter().enumerate() {
            check!(
                rx.len() == usize::from(n != picked),
                "case {picked} was first, and of channel {n} there are {} items",
                rx.len()
            );
        }
    }
    Verdict::kept()
}

fn one_of_the_woken_commits<S: AsyncSelect>() -> Verdict {
    let places = [(); 4].map(|()| Taken::new());
    let mut select = queued(S::first(four(|n| places[n].0.acquire())));
    for place in &places {
        place.free();
    }
    let first = select.served();
    let Some((picked, Ok(permit))) = first else {
        return Verdict::Broken("it is not woken".to_owned());
    };
    for (n, place) in places.iter().enumerate() {
        let there = place.0.try_acquire().is_ok();
        check!(
            there == (n != picked),
            "case {picked} was first, and case {n} {}",
            if there {
                "gave a second"
            } else {
                "keeps its permit"
            }
        );
    }
    drop(permit);
    Verdict::kept()
}

fn losers_leave_their_queues<S: AsyncSelect>() -> Verdict {
    let (places, bell) = (Taken::new(), AutoEvent::new());
    let mut select = queued(S::first(bell_among(&places, bell.wait())));
    assert_eq!(places.0.waiters(), 3);
    bell.set();
    // The future stays where it is, with its output taken.
    let _ = select.task.woken();
    let future = select.future.as_mut().expect("it waits");
    check!(
        select.task.ready(future.as_mut()).is_some(),
        "it is not over"
    );
    let left = places.0.waiters();
    check!(left == 0, "{left} losers of 3 are still queued");
    Verdict::kept()
}

fn dropped<S: AsyncSelect>() -> Verdict {
    let places = [(); 4].map(|()| Taken::new());
    let Polled { task, future } = queued(S::first(four(|n| places[n].0.acquire())));
    places[2].free();
    drop(future);
    let left: usize = places.iter().map(|it| it.0.waiters()).sum();
    check!(left == 0, "{left} are still queued");
    check!(places[2].0.try_acquire().is_ok(), "a permit is lost");
    check!(task.kept() == 0, "its waker is kept");
    Verdict::kept()
}

fn each_as_likely<S: AsyncSelect>() -> Verdict {
    let mut first = 0;
    for _ in 0..4000 {
        let cases: [Case<'_, ()>; 4] = [
            Box::pin(ready(())),
            Box::pin(ready(())),
            Box::pin(pending()),
            Box::pin(pending()),
        ];
        let picked = now(S::first(cases));
        first += usize::from(picked.is_some_and(|(n, ())| n == 0));
    }
    check!(
        (1800..2200).contains(&first),
        "the first is picked {} times of four",
        (first + 500) / 1000
    );
    Verdict::kept()
}

fn nobody_is_starved<S: AsyncSelect>() -> Verdict {
    let mut picked = [0; 4];
    for _ in 0..1000 {
        if let Some((n, ())) = now(S::first(four(|_| ready(())))) {
            picked[n] += 1;
        }
    }
    let starved = picked.iter().filter(|&&times| times == 0).count();
    check!(starved == 0, "{starved} of 4 are never picked");
    Verdict::kept()
}

fn a_case_panics<S: AsyncSelect>() -> Verdict {
    let (places, bell) = (Taken::new(), AutoEvent::new());
    let panicking = async {
        bell.wait().await;
        panic!("case");
    };
    let mut select = queued(S::first(bell_among(&places, panicking)));
    bell.set();
    check!(panics(|| _ = select.served()), "the panic is lost");
    drop(select);
    let left = places.0.waiters();
    check!(left == 0, "{left} are still queued");
    Verdict::kept()
}

fn the_output_is_its_own<S: AsyncSelect>() -> Verdict {
    for waits in [false, true] {
        for picked in 0..4 {
            let bell = AutoEvent::new();
            let bell = &bell;
            if !waits {
                bell.set();
            }
            let mut select = Polled::new(S::first(four(|n| async move {
                if n == picked {
                    bell.wait().await;
                } else {
                    pending::<()>().await;
                }
                n
            })));
            let mut first = select.poll();
            if waits {
                check!(first.is_none(), "it is over before anything happened");
                bell.set();
                first = select.served();
            }
            check!(
                first == Some((picked, picked)),
                "case {picked} is ready, and the first is {first:?}"
            );
        }
    }
    Verdict::kept()
}

/// Counts its polls, and is ready at one of them.
struct Counted {
    polls: Arc<AtomicUsize>,
    after: Arc<AtomicUsize>,
    at: usize,
}

impl Future for Counted {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polls = self.polls.fetch_add(1, Ordering::SeqCst) + 1;
        if polls > self.at {
            self.after.fetch_add(1, Ordering::SeqCst);
        }
        cx.waker().wake_by_ref();
        if polls == self.at {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

fn nobody_is_polled_after_it_is_ready<S: AsyncSelect>() -> Verdict {
    let after = Arc::<AtomicUsize>::default();
    for at in 1..4 {
        let polls = [(); 4].map(|()| Arc::<AtomicUsize>::default());
        let mut select = Polled::new(S::first(four(|n| Counted {
            polls: Arc::clone(&polls[n]),
            after: Arc::clone(&after),
            at: if n == 3 { at } else { at + 1 },
        })));
        let mut looks = 0;
        let picked = loop {
            if let Some((picked, ())) = select.poll() {
                break picked;
            }
            looks += 1;
            check!(looks < 10, "it is never over");
        };
        let polled = polls[picked].load(Ordering::SeqCst);
        let at = if picked == 3 { at } else { at + 1 };
        check!(
            polled == at,
            "it was polled {polled} times, ready at the {at}th"
        );
    }
    let after = after.load(Ordering::SeqCst);
    check!(after == 0, "{after} polls of cases that had been ready");
    Verdict::kept()
}

fn allocations<S: AsyncSelect>() -> Verdict {
    let (task, bell) = (Task::new(), AutoEvent::new());
    let one_select = || {
        let cases = four(|_| bell.wait());
        counting::allocations(|| {
            let mut select = std::pin::pin!(S::first(cases));
            assert!(task.ready(select.as_mut()).is_none());
            bell.set();
            assert!(task.ready(select.as_mut()).is_some());
        })
    };
    judged(one_select)
}
