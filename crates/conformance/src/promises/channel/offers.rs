//! What only some channels have: many receivers, closing, no places at all, places that are reserved,
//! receiving many at a time.

use super::super::tools::{Polled, now, queued};
use super::super::{Measurement, Verdict, check, list, scenario};
use super::{fill, run, sending};
use crate::peers::{
    ClosableChannel, ManyChannel, RendezvousChannel, ReservingChannel, SharedChannel, TryChannel,
};
use crate::scenarios::any_channel;

/// Of those with any number of receivers. (How they wait for their turn is measured apart.)
pub(in super::super) fn shared<C: SharedChannel + TryChannel>() -> Vec<Measurement> {
    list! {
        "shared-order", receivers_in_order::<C>, "Items go to receivers in the order in which they wait",
            "Four wait; four items are sent; then they are polled, the last one first: each has its own.";
        "shared-closing", closing_wakes_all::<C>, "The end wakes all receivers",
            "Forty wait when the last sender goes, more than one batch of wakers.";
        "s81", || scenario!(any_channel::s81_consumers::<C, _>), "Scenario S81: many senders, many receivers",
            "Each item goes to one.";
        "shared-storm", || scenario!(any_channel::cancelled_everything::<C, _>), "Scenario: sends and receives that are cancelled",
            "Time limits of all lengths on both sides.";
    }
}

/// Of those that can be closed by a call.
pub(in super::super) fn closable<C: ClosableChannel>() -> Vec<Measurement> {
    list! {
        "close-left", closing_leaves_items::<C>, "Closing by a call leaves the items to be received",
            "Two are in the channel; nothing can be sent afterwards, and they are received, then the end.";
        "close-senders", closing_refuses_waiting_senders::<C>, "... and refuses those who wait to send",
            "Forty wait; each gets its item back, or its item is received.";
    }
}

/// Of those that can be made without places.
pub(in super::super) fn rendezvous<C: RendezvousChannel + TryChannel>() -> Vec<Measurement> {
    list! {
        "rendezvous", meets::<C>, "Without places, a send ends when a receiver has come",
            "Not before; then both are served.";
        "rendezvous-try", tries::<C>, "... and a `try_` call sends only if somebody waits",
            "With nobody, and with a receiver that waits.";
        "rendezvous-send-cancel", a_dropped_send::<C>, "... and a send that is dropped before has sent nothing",
            "A receiver that comes afterwards waits.";
        "rendezvous-recv-cancel", a_dropped_receive::<C>, "... and a receive that is dropped after it was woken loses nothing",
            "An item is sent to a receiver that waits, and is dropped then: the next receives it, or the sender has it.";
        "s74", || scenario!(any_channel::s74_rendezvous::<C, _>), "Scenario S74: a send waits for its receiver",
            "For 5 ms.";
    }
}

/// Of those that keep a place for a sender. (How one waits for it is measured apart.)
pub(in super::super) fn reserving<C: ReservingChannel>() -> Vec<Measurement> {
    list! {
        "permit", a_permit_is_a_place::<C>, "A reserved place is kept free",
            "One place is reserved: `try_send` and `try_reserve` fail, and the permit sends at once.";
        "permit-drop", a_dropped_permit::<C>, "A permit that is dropped gives its place to those who wait",
            "One waits to send.";
        "permit-senders", reserve_and_send_queue_together::<C>, "Who reserves and who sends waits in one line",
            "A send, a reserve and a send wait; the receiver makes room three times.";
        "permit-closed", a_permit_outlives_the_close::<C>, "A permit can still be used after the channel was closed",
            "... and the receiver is not told of the end before.";
    }
}

/// Of those that receive many at a time.
pub(in super::super) fn many<C: ManyChannel>() -> Vec<Measurement> {
    list! {
        "many", takes_what_is_there::<C>, "Receiving many takes what is there, in order, up to the limit",
            "Of five items three, then two.";
        "many-waits", many_waits_for_one::<C>, "... waits for one, and wakes senders",
            "It waits; one item is sent, and is enough. Then a full channel with three who wait to send.";
        "many-cancel", many_cancelled::<C>, "... and loses nothing when it is dropped",
            "While it waits, and when it was woken.";
        "many-end", many_at_the_end::<C>, "... and returns nothing at the end, or if nothing is wanted",
            "A limit of zero, then a channel that is closed.";
    }
}

fn receivers_in_order<C: SharedChannel + TryChannel>() -> Verdict {
    let (mut tx, rx) = C::bounded(4);
    let mut waiters: Vec<_> = (0..4)
        .map(|_| {
            let mut rx = C::share(&rx);
            queued(async move { C::recv(&mut rx).await })
        })
        .collect();
    for item in 0..4 {
        check!(C::try_send(&mut tx, item), "the channel is full");
    }
    let mut received: Vec<_> = waiters
        .iter_mut()
        .rev()
        .map(|waiter| waiter.served().flatten())
        .collect();
    received.reverse();
    check!(
        received == [Some(0), Some(1), Some(2), Some(3)],
        "they received {received:?}"
    );
    Verdict::kept()
}

fn closing_wakes_all<C: SharedChannel + TryChannel>() -> Verdict {
    let (tx, rx) = C::bounded(1);
    let mut waiters: Vec<_> = (0..40)
        .map(|_| {
            let mut rx = C::share(&rx);
            queued(async move { C::recv(&mut rx).await })
        })
        .collect();
    drop(tx);
    for waiter in &mut waiters {
        check!(waiter.served() == Some(None), "a receiver is left waiting");
    }
    Verdict::kept()
}

fn closing_leaves_items<C: ClosableChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(3);
    assert!(C::try_send(&mut tx, 1) && C::try_send(&mut tx, 2));
    C::close(&mut rx);
    check!(!C::try_send(&mut tx, 3), "it is still open");
    let received = [(); 3].map(|()| now(C::recv(&mut rx)));
    check!(
        received == [Some(Some(1)), Some(Some(2)), Some(None)],
        "received: {received:?}"
    );
    Verdict::kept()
}

fn closing_refuses_waiting_senders<C: ClosableChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut senders: Vec<_> = (100..140_u64)
        .map(|n| {
            let mut tx = tx.clone();
            queued(async move { C::send_or_back(&mut tx, n).await })
        })
        .collect();
    C::close(&mut rx);
    let mut received = Vec::new();
    while let Some(Some(item)) = now(C::recv(&mut rx)) {
        received.push(item);
    }
    for (n, sender) in (100..).zip(&mut senders) {
        let result = sender.served();
        check!(result.is_some(), "a sender is left waiting");
        match result {
            Some(Ok(())) => check!(received.contains(&n), "an item that was sent is lost"),
            Some(Err(back)) => check!(back == Some(n), "the item is gone"),
            None => {}
        }
    }
    Verdict::kept()
}

fn meets<C: RendezvousChannel + TryChannel>() -> Verdict {
    let (tx, mut rx) = C::rendezvous();
    let mut send = queued(sending::<C>(&tx, 1));
    check!(send.poll().is_none(), "it ends before somebody receives");
    let _ = send.task.woken();
    check!(
        now(C::recv(&mut rx)) == Some(Some(1)),
        "nothing is received"
    );
    check!(send.served() == Some(true), "the send does not end");
    Verdict::kept()
}

fn tries<C: RendezvousChannel + TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::rendezvous();
    check!(!C::try_send(&mut tx, 1), "sent, and nobody is there");
    let mut recv = queued(C::recv(&mut rx));
    check!(C::try_send(&mut tx, 2), "not sent, though somebody waits");
    let received = recv.served().flatten();
    check!(received == Some(2), "received: {received:?}");
    drop(recv);
    check!(!C::try_send(&mut tx, 3), "sent again, and nobody is there");
    Verdict::kept()
}

fn a_dropped_send<C: RendezvousChannel + TryChannel>() -> Verdict {
    let (tx, mut rx) = C::rendezvous();
    drop(queued(sending::<C>(&tx, 1)));
    check!(C::try_recv(&mut rx).is_none(), "it has sent");
    check!(now(C::recv(&mut rx)).is_none(), "it has sent");
    let mut next = [queued(sending::<C>(&tx, 2))];
    let items = run::<C, _>(&mut rx, &mut next);
    check!(items == [2], "received: {items:?}");
    Verdict::kept()
}

fn a_dropped_receive<C: RendezvousChannel + TryChannel>() -> Verdict {
    let (tx, mut rx) = C::rendezvous();
    let recv = queued(C::recv(&mut rx));
    let mut send = Polled::new(sending::<C>(&tx, 1));
    let at_once = send.poll();
    drop(recv);
    let mut senders = [send];
    if at_once.is_none() {
        let _ = senders[0].poll();
    }
    let items: Vec<_> = now(C::recv(&mut rx)).flatten().into_iter().collect();
    check!(
        items == [1],
        "{}",
        if at_once.is_some() {
            "the send has ended, and its item is lost"
        } else {
            "the item is lost"
        }
    );
    Verdict::kept()
}

fn a_permit_is_a_place<C: ReservingChannel>() -> Verdict {
    let (tx, mut rx) = C::bounded(1);
    let permit = now(C::reserve(&tx)).flatten();
    let Some(permit) = permit else {
        return Verdict::Broken("there is room, and it waits".to_owned());
    };
    check!(!C::try_send(&mut tx.clone(), 1), "`try_send` takes it");
    check!(C::try_reserve(&tx).is_none(), "`try_reserve` takes it");
    C::use_place(permit, 2);
    check!(C::try_recv(&mut rx) == Some(2), "the item is lost");
    Verdict::kept()
}

fn a_dropped_permit<C: ReservingChannel>() -> Verdict {
    let (tx, mut rx) = C::bounded(1);
    let permit = C::try_reserve(&tx);
    let mut send = queued(sending::<C>(&tx, 1));
    drop(permit);
    check!(send.served() == Some(true), "it is not served");
    check!(C::try_recv(&mut rx) == Some(1), "the item is lost");
    Verdict::kept()
}

fn reserve_and_send_queue_together<C: ReservingChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut first = queued(sending::<C>(&tx, 1));
    let mut permit = queued(C::reserve(&tx));
    let mut last = queued(sending::<C>(&tx, 3));
    let _ = C::try_recv(&mut rx);
    check!(first.served() == Some(true), "the first is not served");
    check!(
        last.task.woken() == 0 && permit.task.woken() == 0,
        "one is woken before its turn"
    );
    let mut items = vec![C::try_recv(&mut rx)];
    let place = permit.served().flatten();
    let Some(place) = place else {
        return Verdict::Broken("the reserve is not served".to_owned());
    };
    check!(last.task.woken() == 0, "the last is woken before its turn");
    C::use_place(place, 2);
    items.push(C::try_recv(&mut rx));
    check!(last.served() == Some(true), "the last is not served");
    items.push(C::try_recv(&mut rx));
    check!(
        items == [Some(1), Some(2), Some(3)],
        "received in the order {items:?}"
    );
    Verdict::kept()
}

fn a_permit_outlives_the_close<C: ReservingChannel>() -> Verdict {
    let (tx, mut rx) = C::bounded(2);
    let permit = C::try_reserve(&tx).expect("there is room");
    C::close(&mut rx);
    check!(
        now(C::recv(&mut rx)).is_none(),
        "the receiver is told of the end"
    );
    C::use_place(permit, 1);
    let received = [(); 2].map(|()| now(C::recv(&mut rx)));
    check!(
        received == [Some(Some(1)), Some(None)],
        "received: {received:?}"
    );
    Verdict::kept()
}

fn takes_what_is_there<C: ManyChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(5);
    fill::<C>(&mut tx);
    let mut items = Vec::new();
    let first = now(C::recv_many(&mut rx, &mut items, 3));
    let second = now(C::recv_many(&mut rx, &mut items, 100));
    check!(
        (first, second) == (Some(3), Some(2)),
        "it returns {first:?}, then {second:?}"
    );
    check!(items == [0, 1, 2, 3, 4], "received {items:?}");
    Verdict::kept()
}

fn many_waits_for_one<C: ManyChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(2);
    let mut items = Vec::new();
    let mut wait = queued(C::recv_many(&mut rx, &mut items, 10));
    assert!(C::try_send(&mut tx, 0));
    check!(wait.served() == Some(1), "it is not served");
    drop(wait);
    fill::<C>(&mut tx);
    let mut senders = [10, 11].map(|n| queued(sending::<C>(&tx, n)));
    check!(
        now(C::recv_many(&mut rx, &mut items, 2)).is_some(),
        "it waits"
    );
    for sender in &mut senders {
        check!(sender.served() == Some(true), "a sender is not woken");
    }
    Verdict::kept()
}

fn many_cancelled<C: ManyChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(4);
    let mut items = Vec::new();
    drop(queued(C::recv_many(&mut rx, &mut items, 10)));
    let woken = queued(C::recv_many(&mut rx, &mut items, 10));
    assert!(C::try_send(&mut tx, 1) && C::try_send(&mut tx, 2));
    drop(woken);
    check!(items.is_empty(), "it received {items:?} all the same");
    let _ = now(C::recv_many(&mut rx, &mut items, 10));
    check!(items == [1, 2], "received {items:?}");
    Verdict::kept()
}

fn many_at_the_end<C: ManyChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let mut items = Vec::new();
    check!(
        now(C::recv_many(&mut rx, &mut items, 0)) == Some(0),
        "it waits for nothing"
    );
    assert!(C::try_send(&mut tx, 1));
    drop(tx);
    let results = [(); 2].map(|()| now(C::recv_many(&mut rx, &mut items, 5)));
    check!(results == [Some(1), Some(0)], "it returns {results:?}");
    Verdict::kept()
}
