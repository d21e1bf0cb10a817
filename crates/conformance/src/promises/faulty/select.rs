//! Ways to wait for the first of several.

use std::task::Poll;

use async_sync::{AutoEvent, Semaphore};
use sync_core::chance;

use super::super::select::{again, every, many};
use super::future::Faulty;
use super::*;
use crate::peers::{AsyncSelect, Case, SelectAgain, SelectMany};

struct Select<const FAULT: u8>;

struct Cases<'a, T, const FAULT: u8>(Vec<Case<'a, T>>);

impl<T, const FAULT: u8> Drop for Cases<'_, T, FAULT> {
    fn drop(&mut self) {
        if FAULT == KEEPS {
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}

/// Polls all cases in a random order, whenever it is polled.
fn select<'a, T: Send + 'a, const FAULT: u8>(
    cases: impl Into<Vec<Case<'a, T>>>,
) -> impl Future<Output = (usize, T)> + Send {
    let mut cases = Cases::<_, FAULT>(cases.into());
    Faulty::<_, FAULT>::new(async move {
        let (picked, value) = std::future::poll_fn(|cx| {
            let begin = chance::below(cases.0.len());
            let mut ready = Poll::Pending;
            for n in 0..cases.0.len() {
                let n = (begin + n) % cases.0.len();
                let Poll::Ready(value) = cases.0[n].as_mut().poll(cx) else {
                    continue;
                };
                ready = Poll::Ready((n, value));
                if FAULT == TWICE {
                    let _ = cases.0[n].as_mut().poll(cx);
                }
                // (EATS: the others are looked at all the same.)
                if FAULT != EATS {
                    break;
                }
            }
            ready
        })
        .await;
        drop(cases);
        (if FAULT == OTHER { 3 - picked } else { picked }, value)
    })
}

impl<const FAULT: u8> AsyncSelect for Select<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";

    fn first<'a, T: Send + 'a>(cases: [Case<'a, T>; 4]) -> impl Future<Output = (usize, T)> + Send {
        select::<T, FAULT>(cases)
    }
}

impl<const FAULT: u8> SelectMany for Select<FAULT> {
    fn first_of<'a, T: Send + 'a>(
        cases: Vec<Case<'a, T>>,
    ) -> impl Future<Output = (usize, T)> + Send {
        select::<T, FAULT>(cases)
    }
}

impl<const FAULT: u8> SelectAgain for Select<FAULT> {
    /// (STAYS: all waits are begun anew.)
    async fn acquire_among<'a>(place: &'a Semaphore, bell: &'a AutoEvent) {
        let mut acquire = Box::pin(place.acquire());
        loop {
            if FAULT == STAYS {
                acquire = Box::pin(place.acquire());
            }
            tokio::select! {
                _ = &mut acquire => break,
                () = bell.wait() => {}
            }
        }
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    let mut all = every::<Select<FAULT>>();
    all.extend(many::<Select<FAULT>>());
    all.extend(again::<Select<FAULT>>());
    all
}

#[test]
fn with_a_fault() {
    bites(&all::<SOUND>(), &all::<STAYS>(), &["again"]);
    bites(
        &all::<SOUND>(),
        &all::<DEAF>(),
        &["all-wake", "leaked", "threads"],
    );
    bites(&all::<SOUND>(), &all::<STALE>(), &["another-waker"]);
    bites(&all::<SOUND>(), &all::<HOARDS>(), &["spurious"]);
    bites(&all::<SOUND>(), &all::<LEAKS>(), &["cancel"]);
    bites(
        &all::<SOUND>(),
        &all::<KEEPS>(),
        &["losers", "dropped", "case-panics"],
    );
    bites(&all::<SOUND>(), &all::<TWICE>(), &["not-again"]);
    bites(&all::<SOUND>(), &all::<EATS>(), &["one", "many-one"]);
    bites(&all::<SOUND>(), &all::<OTHER>(), &["output"]);
}

/// One that waits for all in turn, and drops nobody.
#[test]
fn permits_stay_with_losers() {
    bites(&all::<SOUND>(), &all::<KEEPS>(), &["one-woken"]);
}
