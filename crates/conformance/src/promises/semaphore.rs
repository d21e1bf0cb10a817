//! What is measured of semaphores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lock::OnePermit;
use super::tools::{Polled, now, panics, queued};
use super::{Measurement, Verdict, check, list, of_every_lock, scenario};
use crate::peers::{
    AsyncSemaphore, ClosableSemaphore, GrowableSemaphore, ShrinkableSemaphore, WeightedSemaphore,
};
use crate::scenarios::any_semaphore;

/// Of every semaphore: all that holds for one permit, and for three.
pub(super) fn every<S: AsyncSemaphore>() -> Vec<Measurement> {
    let mut all = of_every_lock::<OnePermit<S>>();
    all.extend(list! {
        "limit", limit::<S>, "Never more than there are permits",
            "Twelve tasks on tokio with two workers, three permits, held over yields.";
        "no-permits", no_permits::<S>, "A semaphore without permits refuses or waits, and nothing else",
            "`try_acquire` and `acquire` of `new(0)`.";
        "s95", || scenario!(any_semaphore::s95_bounded_jobs::<S, _>), "Scenario S95: five jobs, three permits",
            "Never more than three at a time, and two rounds at least.";
        "s95-cancelled", || scenario!(any_semaphore::cancelled_requests::<S, _>), "Scenario: time limits of all lengths",
            "Twelve tasks, three permits, time limits of 0 to 160 µs around waiting and work.";
    });
    all
}

/// Of those with weights.
pub(super) fn weighted<S: WeightedSemaphore>() -> Vec<Measurement> {
    list! {
        "s1-big", || scenario!(any_semaphore::big_requests_first::<S, _>), "Scenario: a big request before two small ones",
            "Three tasks queue one after the other for 4, 1 and 2 of four permits.";
        "big-first", big_requests::<S>, "A big request is not starved by small ones",
            "Three of four permits are free and the head of the queue wants four: small requests, waiting and `try_`, must queue.";
        "all-or-nothing", all_or_nothing::<S>, "A `try_` call takes all or nothing",
            "Three of two permits; then both must be there.";
        "one-release-many", serves_many::<S>, "One release serves as many as it can",
            "Three permits come back at once to waiters for one, two and three.";
        "cancel-big", cancel_big::<S>, "Dropping a big request makes way for those behind it",
            "The head of the queue wants four of four, one is out; those behind it want one each.";
        "cancel-big-woken", cancel_big_woken::<S>, "... also when its permits were granted",
            "The same, dropped after the release.";
        "zero", zero::<S>, "A request for no permits is met at once",
            "`try_acquire_many(0)` and `acquire_many(0)` while no permits are free and nobody waits.";
        "too-many", too_many::<S>, "A request for more than there are is an error, not a wait for ever",
            "Three of two permits.";
        "huge", huge::<S>, "A huge request does not wrap around",
            "`usize::MAX`, or as many as the type can count: an error, a panic or a wait; then the permits must be as they were.";
    }
}

/// Of those that grow.
pub(super) fn growable<S: GrowableSemaphore>() -> Vec<Measurement> {
    list! {
        "grow", grows::<S>, "Permits that are added wake waiters",
            "Two waiters, two permits.";
        "overflow", overflow::<S>, "Adding too many permits does not wrap around",
            "`usize::MAX` to one: a panic, or a great many; then there must be one at least.";
    }
}

/// Of those that shrink.
pub(super) fn shrinkable<S: ShrinkableSemaphore>() -> Vec<Measurement> {
    list! {
        "shrink", shrinks::<S>, "Permits that are out can be taken away",
            "Two of three, all of which are out: two come back and nobody gets them, the third is served.";
    }
}

/// Of those that close.
pub(super) fn closable<S: ClosableSemaphore>() -> Vec<Measurement> {
    list! {
        "close", closes::<S>, "Closing refuses those who wait, and those who come",
            "Forty waiters, more than one batch of wakers.";
        "close-holders", closing_takes_nothing::<S>, "Closing takes nothing from holders",
            "A permit is given back after the close, and does not reopen it.";
    }
}

fn limit<S: AsyncSemaphore>() -> Verdict {
    let semaphore = Arc::new(S::new(3));
    let inside = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime starts")
        .block_on(async {
            let tasks: Vec<_> = (0..12)
                .map(|_| {
                    let (semaphore, inside, most) =
                        (semaphore.clone(), inside.clone(), most.clone());
                    tokio::spawn(async move {
                        for _ in 0..200 {
                            let _permit = semaphore.acquire().await;
                            let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                            most.fetch_max(now, Ordering::SeqCst);
                            tokio::task::yield_now().await;
                            inside.fetch_sub(1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no task panics");
            }
        });
    let most = most.load(Ordering::SeqCst);
    check!(most == 3, "{most} at a time");
    Verdict::kept()
}

fn no_permits<S: AsyncSemaphore>() -> Verdict {
    let semaphore = S::new(0);
    check!(semaphore.try_acquire().is_none(), "there was one");
    match now(semaphore.acquire()) {
        None => Verdict::Kept("waits".to_owned()),
        Some(permit) => {
            check!(S::is_refusal(&permit), "there was one");
            Verdict::Kept("refuses".to_owned())
        }
    }
}

fn big_requests<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(4);
    let one = semaphore.try_acquire().expect("it is free");
    let mut big = queued(semaphore.acquire_many(4));
    check!(semaphore.try_acquire().is_none(), "`try_acquire` passes it");
    let mut small = Polled::new(semaphore.acquire());
    check!(small.poll().is_none(), "a small request passes it");
    drop(one);
    let all = big.served();
    check!(all.is_some(), "it is never met");
    drop(all);
    check!(small.served().is_some(), "the next is never met");
    Verdict::kept()
}

fn all_or_nothing<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(2);
    check!(semaphore.try_acquire_many(3).is_none(), "it is met");
    check!(
        semaphore.try_acquire_many(2).is_some(),
        "it takes what there is"
    );
    Verdict::kept()
}

fn serves_many<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(3);
    let all = semaphore.try_acquire_many(3);
    let mut one = queued(semaphore.acquire_many(1));
    let mut two = queued(semaphore.acquire_many(2));
    let mut three = queued(semaphore.acquire_many(3));
    drop(all);
    let met = (one.served(), two.served());
    check!(
        met.0.is_some() && met.1.is_some(),
        "both would fit, and one is left waiting"
    );
    check!(three.poll().is_none(), "more were given than there are");
    drop(met);
    check!(three.served().is_some(), "the last is never met");
    Verdict::kept()
}

fn cancel_big<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(4);
    let _one = semaphore.try_acquire().expect("it is free");
    let big = queued(semaphore.acquire_many(4));
    let mut small: Vec<_> = (0..3).map(|_| Polled::new(semaphore.acquire())).collect();
    let passed = small.iter_mut().any(|small| small.poll().is_some());
    if passed {
        return Verdict::NotOffered("small requests do not queue behind it".to_owned());
    }
    drop(big);
    let permits: Vec<_> = small.iter_mut().map(Polled::served).collect();
    check!(
        permits.iter().all(Option::is_some),
        "those behind are not woken"
    );
    Verdict::kept()
}

fn cancel_big_woken<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(4);
    let all = semaphore.try_acquire_many(4);
    let big = queued(semaphore.acquire_many(4));
    let mut small: Vec<_> = (0..4).map(|_| queued(semaphore.acquire())).collect();
    drop(all);
    drop(big);
    let permits: Vec<_> = small.iter_mut().map(Polled::served).collect();
    check!(
        permits.iter().all(Option::is_some),
        "those behind are not woken"
    );
    drop((permits, small));
    check!(semaphore.try_acquire_many(4).is_some(), "permits are lost");
    Verdict::kept()
}

fn zero<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(1);
    let _one = semaphore.try_acquire().expect("it is free");
    check!(
        semaphore.try_acquire_many(0).is_some(),
        "`try_acquire_many(0)` fails"
    );
    check!(
        now(semaphore.acquire_many(0)).is_some(),
        "`acquire_many(0)` waits"
    );
    Verdict::kept()
}

fn too_many<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(2);
    match now(semaphore.acquire_many(3)) {
        None => Verdict::NotOffered(
            "there is no limit to compare with: it waits for permits to be added".to_owned(),
        ),
        Some(permit) => {
            check!(S::is_refusal(&permit), "it is met");
            Verdict::kept()
        }
    }
}

fn huge<S: WeightedSemaphore>() -> Verdict {
    let semaphore = S::new(2);
    let mut met = false;
    let mut waits = false;
    let panicked = panics(|| {
        met |= semaphore.try_acquire_many(usize::MAX).is_some();
        match now(semaphore.acquire_many(usize::MAX)) {
            None => waits = true,
            Some(permit) => met |= !S::is_refusal(&permit),
        }
    });
    check!(!met, "it is met");
    check!(semaphore.try_acquire_many(2).is_some(), "permits are lost");
    Verdict::Kept(
        if panicked {
            "panics"
        } else if waits {
            "waits"
        } else {
            "refuses"
        }
        .to_owned(),
    )
}

fn grows<S: GrowableSemaphore>() -> Verdict {
    let semaphore = S::new(1);
    let _one = semaphore.try_acquire().expect("it is free");
    let mut waiters = [queued(semaphore.acquire()), queued(semaphore.acquire())];
    semaphore.add_permits(2);
    for waiter in &mut waiters {
        let permit = waiter.served();
        check!(permit.is_some(), "a waiter is not woken");
        std::mem::forget(permit);
    }
    check!(semaphore.try_acquire().is_none(), "there are too many");
    Verdict::kept()
}

fn overflow<S: GrowableSemaphore>() -> Verdict {
    let semaphore = S::new(1);
    let panicked = panics(|| semaphore.add_permits(usize::MAX));
    check!(
        semaphore.try_acquire().is_some(),
        "{} there are none afterwards",
        if panicked {
            "panics, and"
        } else {
            "does not panic, and"
        }
    );
    Verdict::Kept(if panicked { "panics" } else { "saturates" }.to_owned())
}

fn shrinks<S: ShrinkableSemaphore>() -> Verdict {
    let semaphore = S::new(3);
    let mut permits: Vec<_> = (0..3).map(|_| semaphore.try_acquire()).collect();
    let mut waiter = queued(semaphore.acquire());
    semaphore.remove_permits(2);
    permits.truncate(1);
    check!(
        waiter.poll().is_none() && semaphore.try_acquire().is_none(),
        "permits that were taken away are given out"
    );
    drop(permits);
    check!(waiter.served().is_some(), "the waiter is never served");
    Verdict::kept()
}

fn closes<S: ClosableSemaphore>() -> Verdict {
    let semaphore = S::new(1);
    let _one = semaphore.try_acquire().expect("it is free");
    let mut waiters: Vec<_> = (0..40).map(|_| queued(semaphore.acquire())).collect();
    semaphore.close();
    for waiter in &mut waiters {
        let refused = waiter.served().is_some_and(|permit| S::is_refusal(&permit));
        check!(refused, "a waiter is left waiting, or gets a permit");
    }
    let refused = now(semaphore.acquire()).is_some_and(|permit| S::is_refusal(&permit));
    check!(
        refused && semaphore.try_acquire().is_none(),
        "a newcomer is not refused"
    );
    Verdict::kept()
}

fn closing_takes_nothing<S: ClosableSemaphore>() -> Verdict {
    let semaphore = S::new(1);
    let one = semaphore.try_acquire().expect("it is free");
    semaphore.close();
    let panicked = panics(|| drop(one));
    check!(!panicked, "giving the permit back panics");
    let refused = now(semaphore.acquire()).is_some_and(|permit| S::is_refusal(&permit));
    check!(refused, "giving a permit back reopens it");
    Verdict::kept()
}
