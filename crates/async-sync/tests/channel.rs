//! Channels, polled by hand: every transition of `channel/raw.rs`, in virtual time.

mod support;

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use async_sync::channel::{
    self, Receiver, ReserveError, SendError, Sender, TryRecvError, TryReserveError, TrySendError,
};
use support::{Polled, Task, VirtualTime, queued};

/// Rounds of the simulations.
const ROUNDS: usize = if cfg!(miri) { 60 } else { 2000 };

fn full<T: Clone>(sender: &Sender<T>, item: T) {
    assert_eq!(
        sender.try_send(item.clone()).map_err(|e| e.is_full()),
        Err(true)
    );
}

fn left<T>(receiver: &Receiver<T>) -> Vec<T> {
    receiver.drain().collect()
}

#[test]
fn items_come_in_the_order_in_which_they_were_sent() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(3);
    for n in 0..3 {
        Polled::new(sender.send(n)).ready().unwrap();
    }
    assert_eq!(
        (sender.len(), receiver.len(), sender.is_full()),
        (3, 3, true)
    );
    full(&sender, 9);
    for n in 0..3 {
        assert_eq!(Polled::new(receiver.recv()).ready(), Some(n));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(receiver.is_empty() && !receiver.is_full());
}

#[test]
fn a_future_that_was_not_polled_has_no_effect() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    drop(sender.send(1));
    drop(sender.reserve());
    drop(receiver.recv());
    drop(receiver.recv_many(&mut Vec::new(), 3));
    assert_eq!((sender.len(), sender.waiters()), (0, 0));
    sender.try_send(2).unwrap();
    drop(receiver.recv());
    drop(sender.send(3));
    assert_eq!(left(&receiver), [2]);
}

#[test]
fn a_waiting_receiver_is_handed_the_item_past_the_buffer() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let mut waiters = [queued(receiver.recv()), queued(receiver.recv())];
    sender.try_send(1).unwrap();
    assert!(waiters[0].woken() && !waiters[1].woken());
    sender.try_send(2).unwrap();
    assert!(waiters[1].woken());
    assert_eq!(
        sender.len(),
        0,
        "what was promised does not fill the buffer"
    );
    sender.try_send(3).unwrap();
    full(&sender, 4);
    // Who comes first takes the first.
    assert_eq!(waiters[1].ready(), Some(1));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(waiters[0].ready(), Some(3));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn who_makes_room_serves_the_first_sender() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(0).unwrap();
    let mut waiters: Vec<_> = (1..4).map(|n| queued(sender.send(n))).collect();
    assert_eq!(receiver.waiters(), 3);
    for (n, waiter) in waiters.iter_mut().enumerate() {
        assert_eq!(receiver.try_recv(), Ok(n));
        assert_eq!(waiter.task.woken(), 1);
        waiter.ready().unwrap();
        full(&sender, 9);
    }
    assert_eq!(left(&receiver), [3]);
}

#[test]
fn a_rendezvous_needs_both() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::rendezvous();
    full(&sender, 0);
    assert!(sender.is_full() && sender.is_empty());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    // the sender first
    let mut send = queued(sender.send(1));
    send.pending();
    assert_eq!(receiver.try_recv(), Ok(1));
    send.ready().unwrap();
    // the receiver first
    let mut recv = queued(receiver.recv());
    sender.try_send(2).unwrap();
    full(&sender, 3);
    assert_eq!(recv.ready(), Some(2));
    // both wait in a future
    let mut send = queued(sender.send(4));
    assert_eq!(Polled::new(receiver.recv()).ready(), Some(4));
    assert!(send.woken());
    send.ready().unwrap();
    assert_eq!(sender.waiters(), 0);
}

#[test]
fn an_unbounded_channel_is_never_full() {
    let (sender, receiver) = channel::unbounded();
    assert_eq!(sender.capacity(), None);
    let items = if cfg!(miri) { 200 } else { 5000 };
    for n in 0..items {
        sender.try_send(n).unwrap();
        assert!(!sender.is_full());
    }
    assert_eq!(left(&receiver), (0..items).collect::<Vec<_>>());
}

#[test]
fn a_huge_capacity_allocates_nothing_at_first() {
    let (sender, receiver) = channel::bounded::<[u8; 1000]>(usize::MAX - 1);
    assert_eq!(sender.capacity(), Some(usize::MAX - 1));
    sender.try_send([0; 1000]).unwrap();
    assert_eq!(receiver.len(), 1);
}

// Leaving.

#[test]
fn a_receive_that_is_dropped_loses_no_item() {
    let _time = VirtualTime::start();
    for capacity in [0, 1, 3] {
        let (sender, receiver) = channel::bounded(capacity);
        let first = queued(receiver.recv());
        let second = queued(receiver.recv());
        sender.try_send(1).unwrap();
        assert!(first.woken() && !second.woken());
        drop(first);
        assert!(second.woken(), "the promise goes to the next");
        drop(second);
        assert_eq!((receiver.len(), receiver.waiters()), (1, 0));
        assert_eq!(receiver.try_recv(), Ok(1));
        let mut third = queued(receiver.recv());
        sender.try_send(2).unwrap();
        assert_eq!(third.ready(), Some(2));
    }
}

#[test]
fn items_stay_in_order_when_receives_are_dropped() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(2);
    let waiters: Vec<_> = (0..40).map(|_| queued(receiver.recv())).collect();
    for n in 0..42 {
        sender.try_send(n).unwrap();
    }
    full(&sender, 99);
    drop(waiters);
    assert_eq!(receiver.len(), 42, "over capacity, for the time being");
    full(&sender, 99);
    assert_eq!(left(&receiver), (0..42).collect::<Vec<_>>());
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    full(&sender, 99);
}

#[test]
fn a_send_that_is_dropped_leaves_nothing() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let item = Arc::new(());
    sender.try_send(Arc::clone(&item)).unwrap();
    let second = queued(sender.send(Arc::clone(&item)));
    let third = queued(sender.send(Arc::clone(&item)));
    drop(second);
    assert_eq!(Arc::strong_count(&item), 3);
    assert!(!third.woken());
    drop(receiver.try_recv().unwrap());
    assert!(third.woken());
    // It has sent: dropping it changes nothing any more.
    drop(third);
    assert_eq!((receiver.len(), Arc::strong_count(&item)), (1, 2));
}

#[test]
fn dropping_the_first_in_line_serves_those_behind() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::rendezvous();
    // Only one permit at a time is out in a rendezvous, and the order is kept.
    let mut waiting = queued(receiver.recv());
    let permit = sender.try_reserve().unwrap();
    let second = queued(sender.reserve());
    let mut third = queued(sender.send(3));
    drop(permit);
    assert!(second.woken() && !third.woken());
    drop(second);
    assert!(third.woken());
    third.ready().unwrap();
    assert_eq!(waiting.ready(), Some(3));
}

// Closing.

#[test]
fn what_is_left_is_received_after_closing() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(2);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert!(sender.close());
    assert!(!sender.close(), "closed already");
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(Polled::new(sender.send(4)).ready(), Err(SendError(4)));
    assert_eq!(
        Polled::new(sender.reserve()).ready().unwrap_err(),
        ReserveError
    );
    assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Closed);
    assert_eq!(Polled::new(receiver.recv()).ready(), Some(1));
    assert_eq!(receiver.try_recv(), Ok(2));
    for _ in 0..2 {
        assert_eq!(Polled::new(receiver.recv()).ready(), None);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
}

#[test]
fn the_end_is_told_to_those_who_wait_for_nothing_else() {
    let _time = VirtualTime::start();
    type End = fn(Sender<u8>, &mut Option<Receiver<u8>>) -> bool;
    let ends: [End; 3] = [
        |sender, _| sender.close(),
        |_, receiver| receiver.as_ref().unwrap().close(),
        |sender, receiver| {
            *receiver = None;
            sender.is_closed()
        },
    ];
    for end in ends {
        let (sender, receiver) = channel::bounded(1);
        let mut receiver = Some(receiver);
        let watched = sender.clone();
        sender.try_send(1).unwrap();
        let mut closed = queued(watched.closed());
        drop(queued(watched.closed()));
        let mut send = queued(watched.send(2));
        assert_eq!(watched.waiters(), 1, "it is in nobody's way");
        assert!(end(sender, &mut receiver));
        assert_eq!((closed.task.woken(), send.task.woken()), (1, 1));
        closed.ready();
        Polled::new(watched.closed()).ready();
        watched.closed_blocking();
        assert_eq!(send.ready(), Err(SendError(2)));
    }
    // Who receives is told, too, and what is left is still there.
    let (sender, receiver) = channel::bounded(1);
    let mut closed = queued(receiver.closed());
    sender.try_send(1).unwrap();
    drop(sender.clone());
    closed.pending();
    drop(sender);
    assert!(closed.woken());
    closed.ready();
    assert_eq!(left(&receiver), [1]);
}

#[test]
fn closing_wakes_everybody() {
    let _time = VirtualTime::start();
    // more than one batch of wake-ups
    let (sender, receiver) = channel::bounded::<usize>(1);
    let mut waiters: Vec<_> = (0..40).map(|_| queued(receiver.recv())).collect();
    receiver.close();
    for waiter in &mut waiters {
        assert_eq!(waiter.task.woken(), 1);
        assert_eq!(waiter.ready(), None);
    }
    let (sender2, receiver2) = channel::bounded(1);
    sender2.try_send(99).unwrap();
    let mut waiters: Vec<_> = (0..40).map(|n| queued(sender2.send(n))).collect();
    let mut places: Vec<_> = (0..40).map(|_| queued(sender2.reserve())).collect();
    sender2.close();
    for (n, waiter) in waiters.iter_mut().enumerate() {
        assert_eq!(waiter.task.woken(), 1);
        assert_eq!(waiter.ready(), Err(SendError(n)), "the item comes back");
    }
    for place in &mut places {
        assert_eq!(place.task.woken(), 1);
        assert_eq!(place.ready().unwrap_err(), ReserveError);
    }
    assert_eq!(left(&receiver2), [99]);
    assert_eq!((sender.waiters(), sender2.waiters()), (0, 0));
}

#[test]
fn the_last_sender_closes() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let other = sender.clone();
    assert_eq!((receiver.sender_count(), receiver.receiver_count()), (2, 1));
    sender.try_send(1).unwrap();
    drop(sender);
    assert!(!receiver.is_closed());
    drop(other);
    assert!(receiver.is_closed());
    assert_eq!(Polled::new(receiver.recv()).ready(), Some(1));
    assert_eq!(Polled::new(receiver.recv()).ready(), None);
}

#[test]
fn the_last_receiver_closes_and_drops_what_is_left() {
    let _time = VirtualTime::start();
    let item = Arc::new(());
    let (sender, receiver) = channel::bounded(3);
    for _ in 0..3 {
        sender.try_send(Arc::clone(&item)).unwrap();
    }
    let mut waiting = queued(sender.send(Arc::clone(&item)));
    let other = receiver.clone();
    drop(receiver);
    assert_eq!(Arc::strong_count(&item), 5);
    drop(other);
    assert!(waiting.woken());
    let SendError(back) = waiting.ready().unwrap_err();
    drop(back);
    assert_eq!(Arc::strong_count(&item), 1);
    assert!(matches!(
        sender.try_send(item),
        Err(TrySendError::Closed(_))
    ));
}

/// A receiver that was promised the last item may leave, and then it is there for the others: they are
/// not told before that there is nothing.
#[test]
fn the_end_comes_after_the_last_promise() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let promised = queued(receiver.recv());
    let mut second = queued(receiver.recv());
    let mut third = queued(receiver.recv());
    sender.try_send(1).unwrap();
    drop(sender);
    assert!(!second.woken() && !third.woken());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(promised);
    assert!(second.woken() && !third.woken());
    assert_eq!(second.ready(), Some(1));
    assert!(third.woken(), "that was the last");
    assert_eq!(third.ready(), None);
}

// Permits.

#[test]
fn permits_keep_places_free() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(2);
    let permit = Polled::new(sender.reserve()).ready().unwrap();
    sender.try_send(1).unwrap();
    full(&sender, 2);
    assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Full);
    let mut place = queued(sender.reserve());
    let mut send = queued(sender.send(3));
    drop(permit);
    assert!(place.woken() && !send.woken());
    let permit = place.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(send.woken());
    permit.send(2).unwrap();
    send.ready().unwrap();
    assert_eq!(left(&receiver), [3, 2]);
}

#[test]
fn a_granted_place_that_is_dropped_goes_to_the_next() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let place = queued(sender.reserve());
    let mut send = queued(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(place.woken() && !send.woken());
    drop(place);
    assert!(send.woken());
    send.ready().unwrap();
    assert_eq!(left(&receiver), [2]);
}

#[test]
fn a_permit_outlives_the_closing() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(2);
    let permits = [sender.try_reserve().unwrap(), sender.try_reserve().unwrap()];
    let mut recv = [queued(receiver.recv()), queued(receiver.recv())];
    sender.close();
    assert!(!recv[0].woken(), "an item may still come");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let [first, second] = permits;
    first.send(1).unwrap();
    assert_eq!(recv[0].ready(), Some(1));
    assert!(!recv[1].woken());
    drop(second);
    assert!(recv[1].woken());
    assert_eq!(recv[1].ready(), None);
    let (sender, receiver) = channel::bounded(1);
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    assert_eq!(permit.send(1), Err(SendError(1)));
}

#[test]
fn owned_permits_bring_the_sender_back() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let permit = Polled::new(sender.reserve_owned()).ready().unwrap();
    assert_eq!(receiver.sender_count(), 1, "moved, not counted twice");
    let sender = permit.send(1).unwrap();
    full(&sender, 2);

    // In the same queue, and the future keeps the channel open.
    let mut place = queued(sender.reserve_owned());
    assert!(!receiver.is_closed());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(place.woken());
    let permit = place.ready().unwrap();
    assert!(receiver.is_full() || receiver.is_empty());
    let sender = permit.release();
    sender.try_send(2).unwrap();

    // Who gets none has the sender again.
    let sender = match sender.try_reserve_owned() {
        Err(TrySendError::Full(sender)) => sender,
        other => panic!("{other:?}"),
    };
    assert_eq!(left(&receiver), [2]);
    let other = channel::bounded(1).0;
    let permit = sender.clone().try_reserve_owned().unwrap();
    assert!(permit.same_channel(&sender) && !permit.same_channel(&other));
    full(&sender, 3);
    drop(permit);
    sender.try_send(3).unwrap();
    sender.close();
    let sender = match sender.try_reserve_owned() {
        Err(TrySendError::Closed(sender)) => sender,
        other => panic!("{other:?}"),
    };
    let refused = Polled::new(sender.clone().reserve_owned()).ready();
    assert_eq!(refused.unwrap_err(), ReserveError);
    assert_eq!((sender.sender_count(), left(&receiver)), (1, vec![3]));
}

#[test]
fn an_owned_permit_is_a_sender() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded::<u8>(1);
    let permit = sender.try_reserve_owned().unwrap();
    let mut recv = queued(receiver.recv());
    assert!(!receiver.is_closed());
    drop(permit); // the last sender
    assert!(recv.woken());
    assert_eq!(recv.ready(), None);

    let (sender, receiver) = channel::bounded(1);
    let permit = sender.try_reserve_owned().unwrap();
    drop(receiver);
    assert_eq!(permit.send(1).unwrap_err(), SendError(1));

    // A place that was granted, and whose future is dropped.
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let place = queued(sender.clone().reserve_owned());
    let mut send = queued(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(place.woken() && !send.woken());
    drop(place);
    send.ready().unwrap();
    drop(send);
    drop(sender);
    assert_eq!((left(&receiver), receiver.is_closed()), (vec![2], true));
}

#[test]
#[should_panic(expected = "polled after")]
fn an_owned_reservation_is_polled_to_its_end_only() {
    let (sender, _receiver) = channel::bounded::<u8>(1);
    let mut place = Polled::new(sender.reserve_owned());
    drop(place.ready());
    let _ = place.poll();
}

/// A place that was granted is not a permit yet.
#[test]
fn closing_takes_back_places_that_nobody_has_fetched() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(2);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    let mut places = [queued(sender.reserve()), queued(sender.reserve())];
    assert_eq!(left(&receiver), [1, 2]);
    assert!(places[0].woken() && places[1].woken());
    let permit = places[0].ready().unwrap();
    let mut recv = queued(receiver.recv());
    sender.close();
    assert!(!recv.woken(), "there is a permit");
    drop(permit);
    assert!(
        recv.woken(),
        "a place that nobody has fetched keeps nobody waiting"
    );
    assert_eq!(recv.ready(), None);
    assert_eq!(places[1].ready().unwrap_err(), ReserveError);
    // More than one batch of them, behind receivers who have not fetched what is theirs.
    let (sender, receiver) = channel::bounded(40);
    let mut promised: Vec<_> = (0..20).map(|_| queued(receiver.recv())).collect();
    (0..60).for_each(|n| sender.try_send(n).unwrap());
    let mut places: Vec<_> = (0..40).map(|_| queued(sender.reserve())).collect();
    assert_eq!(left(&receiver), (0..40).collect::<Vec<_>>());
    assert!(places.iter().all(|place| place.woken()));
    let mut recv = queued(receiver.recv());
    sender.close();
    assert!(!recv.woken(), "an item that is promised may come back");
    for (n, promised) in promised.iter_mut().enumerate() {
        assert_eq!(promised.ready(), Some(40 + n));
    }
    assert_eq!(recv.ready(), None);
    for place in &mut places {
        assert_eq!(place.ready().unwrap_err(), ReserveError);
    }
}

#[test]
fn a_permit_of_a_rendezvous_is_for_a_receiver_that_waits() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::rendezvous();
    assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Full);
    let mut place = queued(sender.reserve());
    let mut recv = queued(receiver.recv());
    assert!(place.woken());
    let permit = place.ready().unwrap();
    full(&sender, 1);
    assert!(sender.try_reserve().is_err());
    permit.send(2).unwrap();
    assert_eq!(recv.ready(), Some(2));
    // The receiver leaves: the item waits for the next one.
    let recv = queued(receiver.recv());
    let permit = sender.try_reserve().unwrap();
    drop(recv);
    permit.send(3).unwrap();
    full(&sender, 4);
    assert_eq!(Polled::new(receiver.recv()).ready(), Some(3));
}

// Futures that own their handle.

#[test]
fn owned_futures_take_their_handle_along() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    Polled::new(sender.clone().send_owned(1)).ready().unwrap();
    let mut waiting = queued(sender.clone().send_owned(2));
    assert_eq!(receiver.sender_count(), 2);
    assert_eq!(Polled::new(receiver.clone().recv_owned()).ready(), Some(1));
    waiting.ready().unwrap();
    drop(waiting);
    assert_eq!((receiver.sender_count(), receiver.receiver_count()), (1, 1));
    assert_eq!(receiver.try_recv(), Ok(2));
    let recv = queued(receiver.recv_owned());
    assert!(!sender.is_closed());
    drop(recv);
    assert!(sender.is_closed(), "that was the last receiver");
    let error = Polled::new(sender.send_owned(3)).ready().unwrap_err();
    assert_eq!(error, SendError(3));
}

// Many at a time.

#[test]
fn many_are_received_at_once() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(100);
    for n in 0..100 {
        sender.try_send(n).unwrap();
    }
    let mut waiting: Vec<_> = (100..105).map(|n| queued(sender.send(n))).collect();
    let mut buffer = Vec::new();
    assert_eq!(Polled::new(receiver.recv_many(&mut buffer, 0)).ready(), 0);
    assert_eq!(Polled::new(receiver.recv_many(&mut buffer, 3)).ready(), 3);
    assert!(waiting[2].woken() && !waiting[3].woken());
    let rest = Polled::new(receiver.recv_many(&mut buffer, usize::MAX)).ready();
    assert_eq!(rest, 102);
    assert_eq!(buffer, (0..105).collect::<Vec<_>>());
    waiting.iter_mut().for_each(|send| send.ready().unwrap());
    let mut many = queued(receiver.recv_many(&mut buffer, 10));
    sender.try_send(7).unwrap();
    sender.try_send(8).unwrap();
    assert_eq!(many.ready(), 2);
    drop(many);
    assert_eq!(buffer[105..], [7, 8]);
    sender.close();
    assert_eq!(Polled::new(receiver.recv_many(&mut buffer, 10)).ready(), 0);
}

#[test]
fn many_from_waiting_senders_of_a_rendezvous() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::rendezvous();
    let mut waiting: Vec<_> = (0..40).map(|n| queued(sender.send(n))).collect();
    let mut buffer = Vec::with_capacity(64);
    let count = Polled::new(receiver.recv_many(&mut buffer, 64)).ready();
    assert!((1..=40).contains(&count));
    buffer.extend(receiver.drain());
    assert_eq!(buffer, (0..40).collect::<Vec<_>>());
    waiting.iter_mut().for_each(|send| send.ready().unwrap());
}

// Handles.

#[test]
fn weak_handles_do_not_keep_the_channel_open() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let (weak_sender, weak_receiver) = (sender.downgrade(), receiver.downgrade());
    let again = weak_sender.upgrade().unwrap();
    assert!(again.same_channel(&sender) && weak_sender.same_channel(&again.downgrade()));
    assert_eq!(sender.sender_count(), 2);
    drop(sender);
    assert!(!receiver.is_closed());
    again.try_send(1).unwrap();
    drop(again);
    assert!(receiver.is_closed());
    assert!(weak_sender.upgrade().is_none(), "nobody comes back");
    let other = weak_receiver.clone().upgrade().unwrap();
    assert!(other.same_channel(&receiver) && weak_receiver.same_channel(&other.downgrade()));
    drop(receiver);
    assert_eq!(left(&other), [1]);
    drop(other);
    assert!(weak_receiver.upgrade().is_none());
    let (one, two) = (channel::bounded::<()>(1), channel::bounded::<()>(1));
    assert!(!one.0.same_channel(&two.0) && !one.1.same_channel(&two.1));
}

#[test]
fn what_is_printed() {
    let (sender, receiver) = channel::bounded(2);
    sender.try_send(1).unwrap();
    let text = "{ capacity: 2, senders: 1, receivers: 1, waiters: 0 }";
    assert_eq!(format!("{sender:?}"), format!("Sender {text}"));
    assert_eq!(format!("{receiver:?}"), format!("Receiver {text}"));
    assert_eq!(TrySendError::Full(1).to_string(), "the channel is full");
    assert_eq!(SendError(1).to_string(), "send on closed channel");
    assert_eq!(
        format!("{:?}", SendError(1)),
        "SendError(..)".replace("(..)", " { .. }")
    );
}

// Polls.

#[test]
fn spurious_polls_and_changing_wakers() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let mut recv = queued(receiver.recv());
    recv.pending();
    let other = Task::new();
    assert!(other.poll(recv.future.as_mut()).is_pending());
    assert_eq!(recv.task.kept(), 0, "the old waker is dropped");
    sender.try_send(1).unwrap();
    assert_eq!((recv.task.woken(), other.woken()), (0, 1));
    assert_eq!(recv.ready(), Some(1));
    sender.try_send(2).unwrap();
    let mut send = queued(sender.send(3));
    send.pending();
    assert!(other.poll(send.future.as_mut()).is_pending());
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!((send.task.woken(), other.woken()), (0, 1));
    send.ready().unwrap();
    assert_eq!((send.task.kept(), other.kept()), (0, 0));
}

#[test]
fn a_future_that_is_polled_after_completion_panics() {
    fn panics<F: Future>(mut polled: Polled<F>) {
        drop(polled.ready());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(polled.poll()))).is_err());
    }
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    panics(Polled::new(sender.reserve()));
    panics(Polled::new(sender.send(1)));
    let mut buffer = Vec::new();
    panics(Polled::new(receiver.recv()));
    panics(Polled::new(receiver.recv_many(&mut buffer, 0)));
    let mut recv = queued(receiver.recv());
    sender.try_send(2).unwrap();
    assert_eq!(recv.ready(), Some(2));
    assert!(catch_unwind(AssertUnwindSafe(|| recv.poll())).is_err());
}

// Futurelock: rule 6 of the wait protocol.

#[test]
fn the_same_task_takes_a_promise_over() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let task = Task::new();
    let mut parked = Polled::of(&task, receiver.recv());
    parked.pending();
    let mut other = queued(receiver.recv());
    sender.try_send(1).unwrap();
    let mut second = Polled::of(&task, receiver.recv());
    second.pending();
    second.pending();
    assert_eq!(second.ready(), Some(1));
    parked.pending();
    sender.try_send(2).unwrap();
    assert!(!other.woken(), "the parked future is back in front");
    assert_eq!(parked.ready(), Some(2));
    sender.try_send(3).unwrap();
    assert_eq!(other.ready(), Some(3));
}

#[test]
fn later_operations_revoke_stale_promises() {
    let mut time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let mut parked = [queued(receiver.recv()), queued(receiver.recv())];
    let mut next = queued(receiver.recv());
    sender.try_send(1).unwrap();
    time.advance_us(600);
    sender.try_send(2).unwrap();
    time.advance_us(600);
    // The first promise is stale, the second is not.
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(next.woken());
    assert_eq!(next.ready(), Some(1));
    time.advance_us(1200);
    assert_eq!(receiver.try_recv(), Ok(2));
    // Both come back in their order.
    assert!(
        parked[0].woken() && parked[1].woken(),
        "each when it was promised an item"
    );
    parked[1].pending();
    parked[0].pending();
    sender.try_send(3).unwrap();
    assert!(parked[0].woken() && !parked[1].woken());
    assert_eq!(parked[0].ready(), Some(3));
    drop(sender);
    assert_eq!(parked[1].ready(), None);
}

#[test]
fn a_revoked_receiver_that_is_polled_takes_an_unclaimed_promise() {
    let mut time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let mut late = queued(receiver.recv());
    let mut other = queued(receiver.recv());
    sender.try_send(1).unwrap();
    time.advance_us(1200);
    assert!(receiver.try_recv().is_err());
    assert!(other.woken(), "the promise went to the next");
    assert_eq!(late.ready(), Some(1), "it runs, the other one has not yet");
    other.pending();
    sender.try_send(2).unwrap();
    assert_eq!(other.ready(), Some(2));
}

#[test]
fn later_operations_revoke_stale_places() {
    let mut time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let mut parked = queued(sender.reserve());
    assert_eq!(receiver.try_recv(), Ok(1));
    full(&sender, 2);
    time.advance_us(1200);
    sender.try_send(2).unwrap();
    parked.pending();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert!(parked.woken());
    parked.ready().unwrap().send(3).unwrap();
    assert_eq!(left(&receiver), [3]);
}

#[test]
fn the_same_task_takes_a_place_over() {
    let _time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, sender.reserve());
    parked.pending();
    assert_eq!(receiver.try_recv(), Ok(1));
    let mut second = Polled::of(&task, sender.reserve());
    second.pending();
    second.pending();
    drop(second.ready().unwrap());
    parked.ready().unwrap().send(2).unwrap();
    assert_eq!(left(&receiver), [2]);
}

/// A receive future that nobody polls does not keep the end from the others for ever.
#[test]
fn a_stale_promise_does_not_hide_the_end() {
    let mut time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let parked = queued(receiver.recv());
    let mut next = queued(receiver.recv());
    sender.try_send(1).unwrap();
    drop(sender);
    time.advance_us(1200);
    assert!(receiver.try_recv().is_err());
    assert_eq!(next.ready(), Some(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    drop(parked);
}

/// Two futures that are never polled again: later operations take the item from one after the other.
#[test]
fn abandoned_futures_do_no_harm() {
    let mut time = VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let abandoned = [queued(receiver.recv()), queued(receiver.recv())];
    sender.try_send(1).unwrap();
    time.advance_us(1200);
    assert!(receiver.try_recv().is_err(), "the second has it now");
    time.advance_us(1200);
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(abandoned);
    assert_eq!(receiver.waiters(), 0);
}

/// A run queue that is longer than a millisecond: every promise is stale when its holder is polled. All
/// receivers get their share all the same.
#[test]
fn tasks_that_come_late_get_their_items() {
    use std::cell::Cell;

    for capacity in [0, 1] {
        let (sender, receiver) = channel::bounded(capacity);
        let counts: Vec<_> = (0..10).map(|_| Cell::new(0)).collect();
        let mut tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
        for count in &counts {
            tasks.push(Box::pin(async {
                while receiver.recv().await.is_some() {
                    count.set(count.get() + 1);
                }
            }));
        }
        for _ in 0..2 {
            tasks.push(Box::pin(async {
                while sender.send(()).await.is_ok() {
                    support::yield_now().await;
                    // Looks, and so takes stale promises back.
                    let _ = sender.try_reserve().is_ok();
                    let _ = receiver.try_recv().is_ok();
                }
            }));
        }
        support::run_queue(tasks, ROUNDS, 200);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(
            least.get() * 4 >= most.get() && most.get() > 0,
            "{counts:?}"
        );
    }
}

// Random walks, beside a model.

/// What a channel is: a queue of items, and futures that wait. Everything that can be done is done in a
/// random order; nothing may be lost, doubled or out of order, and nobody waits who could go on.
fn random_walk(seed: u64, capacity: usize) {
    let mut time = VirtualTime::start();
    let mut state = seed;
    let mut random = move |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let (sender, receiver) = channel::bounded::<usize>(capacity);
    let mut next = 0;
    let mut sends: VecDeque<(usize, Polled<_>)> = VecDeque::new();
    let mut recvs = VecDeque::new();
    let mut places = VecDeque::new();
    let mut received = Vec::new();
    let mut dropped = Vec::new();
    for _ in 0..ROUNDS / 4 {
        match random(12) {
            0 | 1 => {
                let mut send = Polled::new(sender.send(next));
                if send.poll().is_pending() {
                    sends.push_back((next, send));
                }
                next += 1;
            }
            2 => {
                if sender.try_send(next).is_ok() {
                    next += 1;
                }
            }
            3 | 4 => {
                let mut recv = Polled::new(receiver.recv());
                match recv.poll() {
                    std::task::Poll::Ready(item) => received.extend(item),
                    std::task::Poll::Pending => recvs.push_back(recv),
                }
            }
            5 => received.extend(receiver.try_recv().ok()),
            6 if !sends.is_empty() => {
                // Dropped: it has sent, or it has not.
                let (item, send) = sends.remove(random(sends.len())).unwrap();
                drop(send);
                dropped.push(item);
            }
            7 if !recvs.is_empty() => drop(recvs.remove(random(recvs.len()))),
            8 if !sends.is_empty() => {
                let n = random(sends.len());
                if sends[n].1.poll().is_ready() {
                    sends.remove(n);
                }
            }
            9 if !recvs.is_empty() => {
                let n = random(recvs.len());
                if let std::task::Poll::Ready(item) = recvs[n].poll() {
                    received.extend(item);
                    recvs.remove(n);
                }
            }
            10 => {
                if random(2) == 0 {
                    let mut place = Polled::new(sender.reserve());
                    if let std::task::Poll::Ready(permit) = place.poll() {
                        permit.unwrap().send(next).unwrap();
                        next += 1;
                    } else {
                        places.push_back(place);
                    }
                } else if let Some(mut place) = places.pop_front()
                    && let std::task::Poll::Ready(permit) = place.poll()
                {
                    permit.unwrap().send(next).unwrap();
                    next += 1;
                }
            }
            _ => time.advance_us(random(900) as u64),
        }
    }
    drop(places);
    drop(recvs);
    for item in receiver.drain() {
        received.push(item);
    }
    for (item, mut send) in sends {
        assert!(
            send.poll().is_ready(),
            "{item} was received, and its sender does not know"
        );
    }
    let mut seen = vec![false; next];
    for &item in &received {
        assert!(
            !std::mem::replace(&mut seen[item], true),
            "{item} was received twice"
        );
    }
    for (item, seen) in seen.iter().enumerate() {
        assert!(
            *seen || dropped.contains(&item),
            "{item} was lost (seed {seed})"
        );
    }
    assert_eq!((receiver.waiters(), receiver.len()), (0, 0));
}

#[test]
fn random_walks() {
    for seed in 0..(ROUNDS / 20) as u64 {
        for capacity in [0, 1, 3] {
            random_walk(seed, capacity);
        }
    }
}

/// One producer, one consumer, both cancelled all the time: the order is kept.
#[test]
fn order_under_cancellation() {
    let _time = VirtualTime::start();
    for capacity in [0, 1, 2, 5] {
        let (sender, receiver) = channel::bounded(capacity);
        let (mut next, mut expected) = (0, 0);
        for round in 0..ROUNDS {
            // Three receivers wait, of which some leave.
            let mut recvs: Vec<_> = (0..3).map(|_| Polled::new(receiver.recv())).collect();
            for recv in &mut recvs {
                if let std::task::Poll::Ready(item) = recv.poll() {
                    assert_eq!(item, Some(expected));
                    expected += 1;
                }
            }
            for _ in 0..round % 5 {
                if sender.try_send(next).is_ok() {
                    next += 1;
                }
            }
            recvs.swap_remove(round % 3);
            drop(recvs);
        }
        for item in receiver.drain() {
            assert_eq!(item, expected);
            expected += 1;
        }
        assert_eq!(expected, next);
        assert!(next > ROUNDS / 2);
    }
}

// Threads.

#[test]
fn threads_block_on_both_sides() {
    let rounds = if cfg!(miri) { 50 } else { 5000 };
    for capacity in [0, 1, 7] {
        let (sender, receiver) = channel::bounded(capacity);
        let sum = std::thread::scope(|scope| {
            for n in 0..2 {
                let sender = sender.clone();
                scope.spawn(move || {
                    for k in 0..rounds {
                        sender.send_blocking(2 * k + n).unwrap();
                    }
                });
            }
            drop(sender);
            let consumers: Vec<_> = (0..2)
                .map(|_| {
                    let receiver = receiver.clone();
                    scope.spawn(move || {
                        let mut sum = 0;
                        while let Some(item) = receiver.recv_blocking() {
                            sum += item;
                        }
                        sum
                    })
                })
                .collect();
            consumers
                .into_iter()
                .map(|c| c.join().unwrap())
                .sum::<usize>()
        });
        assert_eq!(sum, (0..2 * rounds).sum());
        assert_eq!(receiver.waiters(), 0);
    }
}

/// A promise names no item: whoever comes takes the first, also before those that senders wait with.
#[test]
fn what_was_promised_comes_before_what_is_waited_with() {
    for capacity in [0, 1] {
        let _time = VirtualTime::start();
        let (sender, receiver) = channel::bounded(capacity);
        let promised = queued(receiver.recv());
        let _permit = (capacity == 1).then(|| sender.try_reserve().unwrap());
        let mut first = Polled::new(sender.send(1));
        first.ready().unwrap();
        let mut second = queued(sender.send(2));
        let got = Polled::new(receiver.recv()).ready();
        assert_eq!(got, Some(1), "capacity {capacity}");
        second.ready().unwrap();
        drop(promised);
        assert_eq!(receiver.try_recv(), Ok(2));
    }
}
