//! Wakers of channels that use the channel, or panic; items whose destructors use it, or panic.

use async_sync::channel::{self, Receiver, Sender, TryRecvError};

use super::*;

/// Sends and receives in every way, queues and cancels. Puts back what it finds, so that others find it.
fn use_channel(sender: &Sender<u32>, receiver: &Receiver<u32>) {
    let mut send = support::Polled::new(sender.send(900));
    let mut recv = support::Polled::new(receiver.recv());
    let mut place = support::Polled::new(sender.reserve());
    let sent = send.poll().is_ready();
    let _ = (recv.poll().is_ready(), place.poll().is_ready());
    drop((place, recv, send));
    let _ = (sent, sender.try_reserve().is_ok());
    assert!(!format!("{sender:?} {receiver:?}").is_empty());
    let _ = (sender.len(), receiver.is_full(), sender.waiters());
}

/// A script that uses the channel in all that it does.
fn busy(sender: &Sender<u32>, receiver: &Receiver<u32>) -> Script {
    let again = || -> Box<dyn Fn()> {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        Box::new(move || use_channel(&sender, &receiver))
    };
    Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    }
}

#[test]
fn wakers_may_use_the_channel_that_wakes_them() {
    for capacity in [0, 1, 3] {
        let _time = support::VirtualTime::start();
        let (sender, receiver) = channel::bounded(capacity);
        let (script, other) = (busy(&sender, &receiver), busy(&sender, &receiver));
        let mut recvs: Vec<_> = (0..CROWD / 2).map(|_| Box::pin(receiver.recv())).collect();
        for recv in &mut recvs {
            let _ = poll(recv, &script);
            let _ = poll(recv, &other).is_ready(); // replaces, hence drops, a waker
        }
        for n in 0..CROWD as u32 / 2 {
            let _ = sender.try_send(n);
        }
        drop(recvs);
        let mut sends: Vec<_> = (0..CROWD as u32 / 2)
            .map(|n| Box::pin(sender.send(n)))
            .collect();
        for send in &mut sends {
            let _ = poll(send, &script).is_ready();
        }
        while receiver.try_recv().is_ok() {}
        drop(sends);
        let mut recv = Box::pin(receiver.recv());
        let waits = poll(&mut recv, &script).is_pending();
        sender.close();
        if waits {
            assert!((0..30).any(|_| poll(&mut recv, &script).is_ready()));
        }
        drop(recv);
        while receiver.try_recv().is_ok() {}
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(receiver.waiters(), 0);
    }
}

/// The item was sent, the waker of its receiver panics: the sender is told of that, and the item is there.
#[test]
fn a_receivers_panicking_waker_costs_no_item() {
    for capacity in [0, 2] {
        let _time = support::VirtualTime::start();
        let (sender, receiver) = channel::bounded(capacity);
        let script = panicking();
        let mut recv = Box::pin(receiver.recv());
        let mut send = Box::pin(sender.send(1));
        assert!(poll(&mut recv, &script).is_pending());
        assert!(panics(|| poll_quietly(&mut send)));
        // The future that was sent knows so.
        let quiet = Script::default();
        assert_eq!(poll(&mut send, &quiet), Poll::Ready(Ok(())));
        assert_eq!(poll(&mut recv, &quiet), Poll::Ready(Some(1)));
        assert_eq!((receiver.len(), receiver.waiters()), (0, 0));
    }
}

/// The item was taken, the waker of a sender panics: the item goes back to where it was.
#[test]
fn a_senders_panicking_waker_costs_the_receiver_no_item() {
    for capacity in [0, 1, 2] {
        let _time = support::VirtualTime::start();
        let (sender, receiver) = channel::bounded(capacity);
        for n in 0..capacity {
            sender.try_send(n).unwrap();
        }
        let script = panicking();
        let mut send = Box::pin(sender.send(capacity));
        assert!(poll(&mut send, &script).is_pending());
        assert!(panics(|| receiver.try_recv()));
        assert_eq!(poll_quietly(&mut send), Poll::Ready(Ok(())));
        let left: Vec<_> = receiver.drain().collect();
        assert_eq!(left, (0..=capacity).collect::<Vec<_>>());
        assert_eq!(receiver.waiters(), 0);
    }
}

/// The same, for a receive that claims what it was promised: it holds the item, and returns it at the next
/// poll or gives it back when it is dropped.
#[test]
fn a_panicking_waker_of_another_costs_the_poll_nothing_it_had() {
    for dropped in [false, true] {
        let mut time = support::VirtualTime::start();
        let (sender, receiver) = channel::bounded(1);
        let (script, quiet) = (panicking(), Script::default());
        let mut first = Box::pin(receiver.recv());
        let mut second = Box::pin(receiver.recv());
        let mut third = Box::pin(receiver.recv());
        assert!(poll(&mut first, &quiet).is_pending());
        assert!(poll(&mut second, &quiet).is_pending());
        assert!(poll(&mut third, &script).is_pending());
        sender.try_send(1).unwrap();
        time.advance_us(600);
        sender.try_send(2).unwrap();
        time.advance_us(600);
        // When the second claims, the first's promise is stale and goes to the third.
        assert!(panics(|| poll(&mut second, &quiet)));
        let left = if dropped {
            drop(second);
            vec![1, 2]
        } else {
            assert_eq!(poll(&mut second, &quiet), Poll::Ready(Some(1)));
            vec![2]
        };
        drop((first, third));
        assert_eq!(receiver.drain().collect::<Vec<_>>(), left);
        assert_eq!(receiver.waiters(), 0);
    }
}

/// One panics among those who are told of the end.
#[test]
fn a_panic_strands_nobody_when_a_channel_is_closed() {
    let _time = support::VirtualTime::start();
    let (sender, receiver) = channel::rendezvous::<u32>();
    let (script, quiet) = (panicking(), Script::default());
    let mut sends: Vec<_> = (0..40).map(|n| Box::pin(sender.send(n))).collect();
    for (n, send) in sends.iter_mut().enumerate() {
        let script = if n == 3 { &script } else { &quiet };
        assert!(poll(send, script).is_pending());
    }
    assert!(panics(|| receiver.close()));
    assert_eq!(quiet.wakes.load(Ordering::Relaxed), 39);
    for send in &mut sends {
        assert!(matches!(poll(send, &quiet), Poll::Ready(Err(_))));
    }
}

/// A waker that panics when it is cloned or dropped: the future is as it was, or has what it waited for.
#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_a_channel_whole() {
    let _time = support::VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let quiet = Script::default();
    let on_clone = panicking_clone();
    let on_drop = panicking_drop();
    let mut recv = Box::pin(receiver.recv());
    assert!(panics(|| poll(&mut recv, &on_clone)));
    assert_eq!(receiver.waiters(), 0);
    assert!(poll(&mut recv, &on_drop).is_pending());
    assert!(
        panics(|| poll(&mut recv, &quiet)),
        "the old waker is dropped"
    );
    sender.try_send(1).unwrap();
    assert_eq!(poll(&mut recv, &quiet), Poll::Ready(Some(1)));
    sender.try_send(2).unwrap();
    let mut send = Box::pin(sender.send(3));
    assert!(panics(|| poll(&mut send, &on_clone)));
    assert!(poll(&mut send, &on_drop).is_pending());
    assert!(panics(|| drop(send)), "its waker is dropped");
    let left: Vec<_> = receiver.drain().collect();
    assert_eq!((left, receiver.waiters()), (vec![2], 0));
}

/// A script that does something when its waker is cloned, which it expects to happen once.
fn while_cloned(act: impl FnOnce() + 'static) -> Script {
    let act = Cell::new(Some(act));
    Script {
        on_clone: Box::new(move || act.take().expect("cloned once")()),
        ..Script::default()
    }
}

/// Between the attempt and the queue the waker is cloned: what comes then is not passed by.
#[test]
fn what_happens_while_a_waker_is_cloned_is_noticed() {
    let _time = support::VirtualTime::start();
    // There is an item, or the end.
    let (sender, receiver) = channel::bounded(1);
    let script = while_cloned(move || sender.try_send(1).unwrap());
    let mut recv = Box::pin(receiver.recv());
    assert_eq!(poll(&mut recv, &script), Poll::Ready(Some(1)));
    let (sender, receiver) = channel::bounded::<u32>(1);
    let script = while_cloned(move || drop(sender));
    let mut recv = Box::pin(receiver.recv());
    assert_eq!(poll(&mut recv, &script), Poll::Ready(None));
    // A sender waits.
    let (sender, receiver) = channel::rendezvous();
    let send = Rc::new(RefCell::new(support::Polled::new(sender.send_owned(1))));
    let theirs = Rc::clone(&send);
    let script = while_cloned(move || assert!(theirs.borrow_mut().poll().is_pending()));
    let mut recv = Box::pin(receiver.recv());
    assert_eq!(poll(&mut recv, &script), Poll::Ready(Some(1)));
    assert_eq!(send.borrow_mut().poll(), Poll::Ready(Ok(())));
    // There is a place, or the end.
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let again = receiver.clone();
    let script = while_cloned(move || assert_eq!(again.try_recv(), Ok(1)));
    let mut send = Box::pin(sender.send(2));
    assert_eq!(poll(&mut send, &script), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(2));
    let (sender, receiver) = channel::rendezvous();
    let script = while_cloned(move || drop(receiver));
    let mut send = Box::pin(sender.send(1));
    assert!(matches!(poll(&mut send, &script), Poll::Ready(Err(_))));
    // A receiver waits.
    let (sender, receiver) = channel::rendezvous();
    let recv = Rc::new(RefCell::new(support::Polled::new(receiver.recv_owned())));
    let theirs = Rc::clone(&recv);
    let script = while_cloned(move || assert!(theirs.borrow_mut().poll().is_pending()));
    let mut send = Box::pin(sender.send(1));
    assert_eq!(poll(&mut send, &script), Poll::Ready(Ok(())));
    assert_eq!(recv.borrow_mut().poll(), Poll::Ready(Some(1)));
    assert_eq!(sender.waiters(), 0);
}

/// An item that does something when it is dropped.
struct Item(Option<Box<dyn FnOnce()>>);

impl Drop for Item {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

/// Items are dropped without the lock: they may use the channel that they were in.
#[test]
fn items_may_use_the_channel_when_they_are_dropped() {
    let _time = support::VirtualTime::start();
    let count = Rc::new(Cell::new(0));
    let (sender, receiver) = channel::bounded::<Item>(3);
    let item = || {
        let (sender, count) = (sender.clone(), Rc::clone(&count));
        Item(Some(Box::new(move || {
            count.set(count.get() + 1);
            assert!(sender.try_send(Item(None)).is_err());
            assert!(sender.is_closed() && sender.waiters() <= 1);
        })))
    };
    for _ in 0..3 {
        assert!(sender.try_send(item()).is_ok());
    }
    let mut send = Box::pin(sender.send(item()));
    assert!(poll_quietly(&mut send).is_pending());
    drop(receiver);
    assert_eq!(count.get(), 3);
    drop(send);
    assert_eq!(count.get(), 4);
}

/// One that panics keeps nobody from being told, and the others are dropped.
#[test]
fn an_item_that_panics_when_it_is_dropped_costs_nobody_anything() {
    let _time = support::VirtualTime::start();
    let count = Rc::new(Cell::new(0));
    let (sender, receiver) = channel::bounded::<Item>(3);
    for n in 0..3 {
        let count = Rc::clone(&count);
        let item = Item(Some(Box::new(move || {
            count.set(count.get() + 1);
            assert!(n != 1, "an item");
        })));
        assert!(sender.try_send(item).is_ok());
    }
    let script = Script::default();
    let mut send = Box::pin(sender.send(Item(None)));
    assert!(poll(&mut send, &script).is_pending());
    assert!(panics(move || drop(receiver)));
    assert_eq!((count.get(), script.wakes.load(Ordering::Relaxed)), (3, 1));
    assert!(matches!(poll(&mut send, &script), Poll::Ready(Err(_))));
}

/// The poll takes stale places back, and gives them to one whose waker panics: the item was not sent, and
/// is not lost.
#[test]
fn a_send_whose_first_poll_panics_still_has_its_item() {
    let mut time = support::VirtualTime::start();
    let (sender, receiver) = channel::bounded(1);
    let taken = sender.try_reserve().unwrap();
    let _forgotten = queued(sender.reserve());
    let script = panicking();
    let mut place = Box::pin(sender.reserve());
    assert!(poll(&mut place, &script).is_pending());
    drop(taken);
    time.advance_us(2000);
    let mut send = support::Polled::new(sender.send(7));
    assert!(panics(|| send.poll().is_ready()));
    send.pending();
    drop(place);
    send.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(7));
}

/// The same with a place: it is not kept free for a permit that was never returned.
#[test]
fn a_place_that_could_not_be_returned_is_free() {
    for poll_it in [false, true] {
        let mut time = support::VirtualTime::start();
        let (sender, receiver) = channel::bounded(2);
        let taken = [sender.try_reserve().unwrap(), sender.try_reserve().unwrap()];
        let _forgotten = [queued(sender.reserve()), queued(sender.reserve())];
        let script = panicking();
        let mut place = Box::pin(sender.reserve());
        assert!(poll(&mut place, &script).is_pending());
        drop(taken);
        time.advance_us(2000);
        let mut other = support::Polled::new(sender.reserve());
        if poll_it {
            assert!(panics(|| other.poll().is_ready()));
        } else {
            assert!(panics(|| sender.try_reserve().is_ok()));
        }
        drop((place, other));
        assert!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
        sender.close();
        assert_eq!(receiver.drain().count(), 2);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
}

/// Panics the first time it is called.
fn once() -> Box<dyn Fn()> {
    let armed = Cell::new(true);
    Box::new(move || assert!(!armed.take(), "a waker"))
}

/// A waker panics when it is dropped, in the poll that refuses: the next poll says so, and has the item.
#[test]
fn a_refusal_that_could_not_be_returned_is_returned_by_the_next_poll() {
    let _time = support::VirtualTime::start();
    // A newcomer, whose waker closes the channel.
    let (sender, _receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let closing = sender.clone();
    let script = Script {
        on_clone: Box::new(move || {
            closing.close();
        }),
        on_drop: once(),
        ..Script::default()
    };
    let mut send = Box::pin(sender.send(7));
    assert!(panics(|| poll(&mut send, &script).is_ready()));
    let refused = poll_quietly(&mut send);
    assert!(matches!(refused, Poll::Ready(Err(error)) if error.into_inner() == 7));
    assert!(panics(|| poll_quietly(&mut send).is_ready()), "it is over");

    // One that was given a place, and comes too late.
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).unwrap();
    let mut place = Box::pin(sender.reserve());
    assert!(poll_quietly(&mut place).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    sender.close();
    let script = Script {
        on_drop: once(),
        ..Script::default()
    };
    assert!(panics(|| poll(&mut place, &script).is_ready()));
    assert!(matches!(poll_quietly(&mut place), Poll::Ready(Err(_))));
    assert!(panics(|| poll_quietly(&mut place).is_ready()), "it is over");
}

/// Whatever wakers and items do, those who wait for the end alone are told.
#[test]
fn the_end_is_told_in_spite_of_panics() {
    for the_item in [false, true] {
        let (sender, receiver) = channel::bounded::<Item>(1);
        let item = Item(the_item.then(|| -> Box<dyn FnOnce()> { Box::new(|| panic!("an item")) }));
        assert!(sender.try_send(item).is_ok());
        let script = if the_item {
            Script::default()
        } else {
            panicking()
        };
        let mut send = Box::pin(sender.send(Item(None)));
        assert!(poll(&mut send, &script).is_pending());
        let mut closed = queued(sender.closed());
        assert!(panics(move || drop(receiver)));
        assert!(closed.woken());
        closed.ready();
    }
    let (sender, receiver) = channel::bounded::<Item>(1);
    let script = panicking();
    let mut recv = Box::pin(receiver.recv());
    assert!(poll(&mut recv, &script).is_pending());
    let mut closed = queued(receiver.closed());
    assert!(panics(|| sender.close()));
    assert!(closed.woken());
    closed.ready();
}
