//! What is measured of channels whose every receiver gets every item.

use std::sync::mpsc;
use std::task::Context;

use super::hostile::Script;
use super::news::{self, News};
use super::tools::{Polled, meanwhile, now, queued};
use super::{Measurement, Verdict, check, list};
use crate::peers::{Heard, LossyBroadcast};

/// Of every broadcast channel.
pub(super) fn every<B: LossyBroadcast>() -> Vec<Measurement> {
    let mut all = list! {
        "everybody", everybody::<B>, "Every receiver gets every item, in order",
            "Three receivers, eight items, room for eight.";
        "subscribe", from_now_on::<B>, "Who subscribes later gets what is sent from then on",
            "An item is sent, a receiver made, another item sent.";
        "lag", lag::<B>, "A receiver that is too slow is told how many items it missed",
            "Seven items are sent where four are kept: it missed three, and goes on with the oldest that is left.";
        "lag-waiting", lag_of_a_woken_receiver::<B>, "... also if it was woken for one of them",
            "It waits, seven items are sent, and it is polled then.";
        "slow", the_slow_hold_up_nobody::<B>, "A receiver that is never polled holds up nobody",
            "One waits and is not polled again, one was made and never polled: a hundred items are sent and received by another, four kept.";
        "recv-cancel", dropped_receives::<B>, "A receive that is dropped loses nothing",
            "While it waits, and after it was woken.";
        "close", the_end::<B>, "After the last sender is gone, what is left is received, then the end",
            "Two items are left; a clone of the sender went before.";
        "close-wakes", the_end_wakes_all::<B>, "The end wakes all who wait",
            "Forty of them, more than one batch of wakers.";
        "nobody", nobody_listens::<B>, "A sender is told that nobody listens",
            "After the last receiver was dropped; and a receiver that comes again is counted.";
        "wake-unlocked", wake_without_lock::<B>, "No internal lock is held while a waker runs",
            "`wake` waits for up to 500 ms for another thread that sends and subscribes.";
    };
    all.extend(news::of_all_values::<Sent<B>>());
    all.extend(news::of_those_who_may_leave::<Sent<B>>());
    all.extend(news::of_those_who_keep_it::<Sent<B>>());
    all
}

/// The news that an item is sent.
struct Sent<B: LossyBroadcast>(B::Sender);

impl<B: LossyBroadcast> News for Sent<B> {
    fn new(_: usize) -> Self {
        Sent(B::channel(4).0)
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        let mut receiver = B::subscribe(&self.0);
        async move { _ = B::recv(&mut receiver).await }
    }

    fn happen(&self) {
        B::send_now(&self.0, 1);
    }
}

/// What is there for it, at once.
fn heard<B: LossyBroadcast>(receiver: &mut B::Receiver) -> Vec<Heard> {
    let mut all = Vec::new();
    while let Some(heard) = now(B::recv(receiver)) {
        all.push(heard);
        if heard == Heard::Closed {
            break;
        }
    }
    all
}

fn items(range: std::ops::Range<u64>) -> Vec<Heard> {
    range.map(Heard::Item).collect()
}

fn everybody<B: LossyBroadcast>() -> Verdict {
    let (sender, first) = B::channel(8);
    let mut receivers = [first, B::subscribe(&sender), B::subscribe(&sender)];
    for item in 0..8 {
        check!(B::send_now(&sender, item), "it is not sent");
    }
    for receiver in &mut receivers {
        let heard = heard::<B>(receiver);
        check!(heard == items(0..8), "one received {heard:?}");
    }
    Verdict::kept()
}

fn from_now_on<B: LossyBroadcast>() -> Verdict {
    let (sender, _first) = B::channel(4);
    B::send_now(&sender, 0);
    let mut second = B::subscribe(&sender);
    B::send_now(&sender, 1);
    let heard = heard::<B>(&mut second);
    check!(heard == items(1..2), "it received {heard:?}");
    Verdict::kept()
}

fn lag<B: LossyBroadcast>() -> Verdict {
    let (sender, mut slow) = B::channel(4);
    for item in 0..7 {
        B::send_now(&sender, item);
    }
    let mut expected = vec![Heard::Lagged(3)];
    expected.extend(items(3..7));
    let heard = heard::<B>(&mut slow);
    check!(heard == expected, "it received {heard:?}");
    Verdict::kept()
}

fn lag_of_a_woken_receiver<B: LossyBroadcast>() -> Verdict {
    let (sender, mut slow) = B::channel(4);
    let mut waiting = queued(B::recv(&mut slow));
    for item in 0..7 {
        B::send_now(&sender, item);
    }
    let mut all: Vec<_> = waiting.served().into_iter().collect();
    drop(waiting);
    all.extend(heard::<B>(&mut slow));
    let mut expected = vec![Heard::Lagged(3)];
    expected.extend(items(3..7));
    check!(all == expected, "it received {all:?}");
    Verdict::kept()
}

fn the_slow_hold_up_nobody<B: LossyBroadcast>() -> Verdict {
    let (sender, mut parked) = B::channel(4);
    let (_idle, mut quick) = (B::subscribe(&sender), B::subscribe(&sender));
    let _parked = queued(B::recv(&mut parked));
    for item in 0..100 {
        check!(B::send_now(&sender, item), "item {item} is not sent");
        let heard = now(B::recv(&mut quick));
        check!(
            heard == Some(Heard::Item(item)),
            "of item {item} it heard {heard:?}"
        );
    }
    Verdict::kept()
}

fn dropped_receives<B: LossyBroadcast>() -> Verdict {
    let (sender, mut receiver) = B::channel(4);
    let Polled { task, future } = queued(B::recv(&mut receiver));
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    let woken = queued(B::recv(&mut receiver));
    B::send_now(&sender, 0);
    B::send_now(&sender, 1);
    drop(woken);
    let heard = heard::<B>(&mut receiver);
    check!(heard == items(0..2), "it received {heard:?}");
    Verdict::kept()
}

fn the_end<B: LossyBroadcast>() -> Verdict {
    let (sender, mut receiver) = B::channel(4);
    drop(sender.clone());
    B::send_now(&sender, 0);
    B::send_now(&sender, 1);
    drop(sender);
    let mut expected = items(0..2);
    expected.push(Heard::Closed);
    let heard = heard::<B>(&mut receiver);
    check!(heard == expected, "it received {heard:?}");
    check!(
        now(B::recv(&mut receiver)) == Some(Heard::Closed),
        "it does not stay closed"
    );
    Verdict::kept()
}

fn the_end_wakes_all<B: LossyBroadcast>() -> Verdict {
    let sender = B::channel(4).0;
    let mut waiters: Vec<_> = (0..40)
        .map(|_| {
            let mut receiver = B::subscribe(&sender);
            queued(async move { B::recv(&mut receiver).await })
        })
        .collect();
    drop(sender);
    for waiter in &mut waiters {
        check!(
            waiter.served() == Some(Heard::Closed),
            "one is left waiting"
        );
    }
    Verdict::kept()
}

fn nobody_listens<B: LossyBroadcast>() -> Verdict {
    let (sender, receiver) = B::channel(4);
    drop(receiver);
    check!(!B::send_now(&sender, 0), "it is sent");
    let mut receiver = B::subscribe(&sender);
    check!(B::send_now(&sender, 1), "it is not sent");
    let heard = heard::<B>(&mut receiver);
    check!(heard == items(1..2), "it received {heard:?}");
    Verdict::kept()
}

fn wake_without_lock<B: LossyBroadcast>() -> Verdict {
    let (sender, mut receiver) = B::channel(4);
    let (told, tells) = mpsc::channel();
    let other = sender.clone();
    let script = Script::on_wake(Box::new(move || {
        let sender = other.clone();
        let _ = told.send(meanwhile(move || {
            drop(B::subscribe(&sender));
            B::send_now(&sender, 2);
        }));
    }));
    let mut hostile = Box::pin(B::recv(&mut receiver));
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    B::send_now(&sender, 1);
    check!(
        tells.try_recv() == Ok(true),
        "another thread could not use it for as long as the waker ran"
    );
    Verdict::kept()
}
