//! What is measured of watched values: the last one, and word of every change.

use std::sync::{Arc, mpsc};

use super::news::{self, News};
use super::tools::{Polled, meanwhile, now, queued};
use super::{Measurement, Verdict, check, list, scenario};
use crate::peers::{AsyncWatch, WatchReceiver};
use crate::scenarios::any_token;

/// Of every watched value.
pub(super) fn every<W: AsyncWatch>() -> Vec<Measurement> {
    let mut all = list! {
        "latest", latest::<W>, "A receiver sees the last value",
            "Three are stored; it is told of a change once, and sees the third.";
        "seen", the_first_counts_as_seen::<W>, "What it has seen is no change",
            "The first value, and one that it has looked at itself.";
        "before", a_change_before_the_wait::<W>, "A change that comes before the wait is not missed",
            "It is stored after the receiver looked, and before `changed` is called; then between the call and the first poll.";
        "changed-cancel", dropped_waits::<W>, "A wait that is dropped loses no change",
            "It is dropped while it waits, and after it was woken.";
        "clone", a_clone_has_seen_the_same::<W>, "A clone has seen what the original has",
            "Of a receiver that has not seen the last value.";
        "end", the_last_value_before_the_end::<W>, "The last value is seen, then the end",
            "It is stored, and the sender dropped, before anybody looks.";
        "end-wakes", the_end_wakes_all::<W>, "The end wakes all who wait",
            "Forty of them, more than one batch of wakers.";
        "borrowed", who_reads_keeps_nobody_from_storing::<W>, "Who reads a value keeps nobody from storing another",
            "While a receiver has a reference, another thread stores, within 500 ms; the reference stays what it was.";
        "wake-unlocked", wake_without_lock::<W>, "No internal lock is held while a waker runs",
            "`wake` waits for up to 500 ms for another thread that stores and loads.";
        "last-value", || scenario!(any_token::the_last_value_is_not_missed::<W, _>), "Scenario: nobody misses the last value",
            "Four readers of different speed, thirty values.";
        "impatient", || scenario!(any_token::who_stops_waiting_loses_nothing::<W, _>), "Scenario: a receiver that gives up waiting loses nothing",
            "Time limits around `changed`.";
    };
    all.extend(news::of_all_values::<Stored<W>>());
    all.extend(news::of_those_who_may_leave::<Stored<W>>());
    all.extend(news::of_those_who_keep_it::<Stored<W>>());
    all
}

/// The news that a value is stored.
struct Stored<W: AsyncWatch>(W, W::Receiver);

impl<W: AsyncWatch> News for Stored<W> {
    fn new(_: usize) -> Self {
        let (sender, receiver) = W::new(0);
        Stored(sender, receiver)
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        let mut receiver = self.1.clone();
        async move { _ = receiver.changed().await }
    }

    fn happen(&self) {
        self.0.store(1);
    }
}

fn latest<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    for value in 1..=3 {
        tx.store(value);
    }
    let seen = now(rx.changed());
    check!(seen == Some(Some(3)), "it sees {seen:?}");
    check!(now(rx.changed()).is_none(), "it is told twice");
    check!(rx.load() == 3 && tx.load() == 3, "it is not the last");
    Verdict::kept()
}

fn the_first_counts_as_seen<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    check!(now(rx.changed()).is_none(), "the first is a change");
    tx.store(1);
    check!(rx.load() == 1, "it is not the last");
    check!(
        now(rx.changed()).is_none(),
        "what it has looked at is a change"
    );
    Verdict::kept()
}

fn a_change_before_the_wait<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    let _ = rx.load();
    tx.store(1);
    check!(now(rx.changed()) == Some(Some(1)), "it is missed");
    let mut wait = Polled::new(rx.changed());
    tx.store(2);
    check!(wait.poll() == Some(Some(2)), "it is missed");
    Verdict::kept()
}

fn dropped_waits<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    let Polled { task, future } = queued(rx.changed());
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    let woken = queued(rx.changed());
    tx.store(1);
    drop(woken);
    check!(now(rx.changed()) == Some(Some(1)), "the change is lost");
    Verdict::kept()
}

fn a_clone_has_seen_the_same<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    tx.store(1);
    let mut clone = rx.clone();
    check!(now(clone.changed()) == Some(Some(1)), "it has seen more");
    check!(
        now(clone.clone().changed()).is_none(),
        "a clone of it has seen less"
    );
    check!(
        now(rx.changed()) == Some(Some(1)),
        "what the clone sees counts for the original"
    );
    Verdict::kept()
}

fn the_last_value_before_the_end<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    tx.store(1);
    drop(tx);
    let told = [now(rx.changed()), now(rx.changed())];
    check!(told == [Some(Some(1)), Some(None)], "it is told {told:?}");
    check!(rx.load() == 1, "the value is gone");
    Verdict::kept()
}

fn the_end_wakes_all<W: AsyncWatch>() -> Verdict {
    let (tx, rx) = W::new(0);
    let mut waiters: Vec<_> = (0..40)
        .map(|_| {
            let mut rx = rx.clone();
            queued(async move { rx.changed().await })
        })
        .collect();
    drop(tx);
    for waiter in &mut waiters {
        check!(waiter.served() == Some(None), "one is left waiting");
    }
    Verdict::kept()
}

fn who_reads_keeps_nobody_from_storing<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    let tx = Arc::new(tx);
    let (mut stored, mut same) = (false, false);
    rx.borrowed(|value| {
        let tx = Arc::clone(&tx);
        stored = meanwhile(move || tx.store(1));
        same = *value == 0;
    });
    check!(stored, "nobody can store as long as one reads");
    check!(same, "the value changes under the reader");
    check!(now(rx.changed()) == Some(Some(1)), "the change is lost");
    Verdict::kept()
}

fn wake_without_lock<W: AsyncWatch>() -> Verdict {
    let (tx, mut rx) = W::new(0);
    let tx = Arc::new(tx);
    let (told, tells) = mpsc::channel();
    let script = super::hostile::Script::on_wake({
        let tx = Arc::clone(&tx);
        Box::new(move || {
            let tx = Arc::clone(&tx);
            let used = meanwhile(move || {
                tx.store(tx.load() + 1);
            });
            let _ = told.send(used);
        })
    });
    let mut hostile = Box::pin(rx.changed());
    let mut cx = std::task::Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    tx.store(1);
    check!(
        tells.try_recv() == Ok(true),
        "another thread could not use it for as long as the waker ran"
    );
    Verdict::kept()
}
