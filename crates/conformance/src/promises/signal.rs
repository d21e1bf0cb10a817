//! What is measured of signals: what happens again and again, for one waiter at a time.
//!
//! A signal that releases one waiter for each time is a lock whose owner gives it back by a signal:
//! all promises about waiting are measured of it.

use std::time::Instant;

use super::lock::Lock;
use super::news::{self, News};
use super::tools::{KEPT, now, queued};
use super::{Measurement, Verdict, check, list, of_every_lock, scenario};
use crate::peers::{AsyncSignal, OneByOne};
use crate::scenarios::any_event;

/// Of every signal.
pub(super) fn every<S: AsyncSignal>() -> Vec<Measurement> {
    let mut all = list! {
        "kept", a_signal_is_kept::<S>, "A signal that finds nobody is kept for the next",
            "It is set, then waited for.";
        "one-kept", one_signal_is_kept::<S>, "... but one only",
            "It is set three times, then waited for twice.";
        "ping-pong", || scenario!(any_event::ping_pong::<S, _>), "No signal is lost between tasks",
            "Two throw a ball to each other.";
    };
    all.extend(news::of_those_who_keep_it::<Once<S>>());
    all.extend(news::of_own_futures::<Once<S>>());
    all
}

/// Of those that release one waiter for each time.
pub(super) fn one_by_one<S: OneByOne>() -> Vec<Measurement> {
    let mut all = list! {
        "each", each_signal_releases_one::<S>, "As many signals as waiters release them all",
            "Three wait; it is set three times before one of them is polled.";
        "one-by-one", || scenario!(any_event::one_by_one::<S, _>), "... and each no more than one",
            "Four tasks wait; it is set four times, with a pause after each.";
    };
    all.extend(of_every_lock::<Turn<S>>().into_iter().filter(|it| {
        // Measured of the peer's own future.
        it.id != "after-completion"
    }));
    all
}

/// The news that it is set.
struct Once<S>(S);

impl<S: AsyncSignal> News for Once<S> {
    fn new(_: usize) -> Self {
        Once(S::new())
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.0.wait()
    }

    fn happen(&self) {
        self.0.set();
    }
}

/// A lock: who has seen the signal has it, and sets it again to give it back.
struct Turn<S>(S);

struct Held<'a, S: AsyncSignal>(&'a S);

impl<S: AsyncSignal> Drop for Held<'_, S> {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl<S: OneByOne> Lock for Turn<S> {
    type Held<'a> = Held<'a, S>;

    fn new() -> Self {
        let signal = S::new();
        signal.set();
        Turn(signal)
    }

    async fn take(&self) -> Self::Held<'_> {
        self.0.wait().await;
        Held(&self.0)
    }

    fn try_take(&self) -> Option<Self::Held<'_>> {
        now(self.take())
    }
}

fn a_signal_is_kept<S: AsyncSignal>() -> Verdict {
    let signal = S::new();
    signal.set();
    check!(now(signal.wait()).is_some(), "it is lost");
    Verdict::kept()
}

fn one_signal_is_kept<S: AsyncSignal>() -> Verdict {
    let signal = S::new();
    for _ in 0..3 {
        signal.set();
    }
    check!(now(signal.wait()).is_some(), "it is lost");
    check!(now(signal.wait()).is_none(), "more than one is kept");
    Verdict::kept()
}

fn each_signal_releases_one<S: OneByOne>() -> Verdict {
    loop {
        let signal = S::new();
        let mut waiters: Vec<_> = (0..3).map(|_| queued(signal.wait())).collect();
        let begun = Instant::now();
        for _ in 0..3 {
            signal.set();
        }
        if begun.elapsed() > KEPT {
            continue; // This thread was stopped for so long: once more.
        }
        for (n, waiter) in waiters.iter_mut().enumerate() {
            check!(waiter.served().is_some(), "{n} of 3 were released");
        }
        check!(now(signal.wait()).is_none(), "one is kept all the same");
        return Verdict::kept();
    }
}
