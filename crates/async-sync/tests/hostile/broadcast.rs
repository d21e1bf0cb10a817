//! Wakers of broadcasts that use the channel, or panic; items that use it, or panic, when they are cloned or
//! dropped.

use async_sync::broadcast::{self, RecvError, SendError, Sender, TryRecvError};

use super::*;

/// Sends, receives, queues and cancels on both sides, and comes and goes.
fn use_broadcast(sender: &Sender<u32>) {
    let mut receiver = sender.subscribe();
    let mut copy = receiver.clone();
    let mut recv = support::Polled::new(receiver.recv());
    let _ = recv.poll().is_ready();
    let mut send = support::Polled::new(sender.send_lossless(900));
    let _ = send.poll().is_ready();
    let _ = sender.try_send(901);
    let _ = (copy.try_recv(), sender.len(), sender.receiver_count());
    assert!(!format!("{sender:?} {copy:?}").is_empty());
}

fn busy(sender: &Sender<u32>) -> Script {
    let again = || -> Box<dyn Fn()> {
        let sender = sender.clone();
        Box::new(move || use_broadcast(&sender))
    };
    Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    }
}

#[test]
fn wakers_may_use_the_broadcast_that_wakes_them() {
    for capacity in [1, 3] {
        let (sender, receiver) = broadcast::channel(capacity);
        let (script, other) = (busy(&sender), busy(&sender));
        let mut receivers: Vec<_> = (0..CROWD / 2).map(|_| receiver.clone()).collect();
        let mut recvs: Vec<_> = receivers.iter_mut().map(|r| Box::pin(r.recv())).collect();
        for recv in &mut recvs {
            if poll(recv, &script).is_pending() {
                let _ = poll(recv, &other).is_ready(); // replaces, hence drops, a waker
            }
        }
        let mut sends: Vec<_> = (0..CROWD as u32 / 2)
            .map(|n| Box::pin(sender.send_lossless(n)))
            .collect();
        sends.retain_mut(|send| poll(send, &script).is_pending());
        sends.retain_mut(|send| poll(send, &other).is_pending());
        let _ = sender.send(800);
        drop(recvs);
        drop(receivers);
        sends.retain_mut(|send| poll(send, &script).is_pending());
        drop(receiver); // the last: they get their items back
        assert!(!sends.is_empty());
        for send in &mut sends {
            assert!(poll(send, &script).is_ready());
        }
        drop(sends);
        assert_eq!((sender.waiters(), sender.len()), (0, 0));
    }
}

/// The item was sent, the waker of a receiver panics: the sender is told of that, and the item is there.
#[test]
fn a_panicking_waker_costs_no_broadcast_item() {
    let (sender, mut receiver) = broadcast::channel(1);
    let (script, quiet) = (panicking(), Script::default());
    let mut recv = Box::pin(receiver.recv());
    assert!(poll(&mut recv, &script).is_pending());
    assert!(panics(|| sender.send(1)));
    assert_eq!(poll(&mut recv, &quiet), Poll::Ready(Ok(1)));
    drop(recv);
    // A future that was sent knows so.
    let mut recv = Box::pin(receiver.recv());
    assert!(poll(&mut recv, &script).is_pending());
    let mut send = Box::pin(sender.send_lossless(2));
    assert!(panics(|| poll(&mut send, &quiet)));
    assert_eq!(poll(&mut send, &quiet), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut recv, &quiet), Poll::Ready(Ok(2)));
    drop(recv);
    // The receiver that makes room has its item in hand.
    sender.send(3).unwrap();
    let mut send = Box::pin(sender.send_lossless(4));
    assert!(poll(&mut send, &script).is_pending());
    assert!(panics(|| receiver.try_recv()));
    assert_eq!(receiver.behind(), 2);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(3), Ok(4)));
    assert_eq!(poll(&mut send, &quiet), Poll::Ready(Ok(())));
}

/// One of many panics: the others are told all the same, on both sides, whoever tells them.
#[test]
fn a_panicking_waker_strands_nobody_at_a_broadcast() {
    for leave in [false, true] {
        let (sender, mut slow) = broadcast::channel(1);
        let mut quick = slow.clone();
        sender.send(0).unwrap();
        assert_eq!(quick.try_recv(), Ok(0));
        let mut receivers: Vec<_> = (0..CROWD).map(|_| quick.clone()).collect();
        let mut recvs: Vec<_> = receivers.iter_mut().map(|r| Box::pin(r.recv())).collect();
        let (script, quiet) = (panicking(), Script::default());
        for (n, recv) in recvs.iter_mut().enumerate() {
            let script = if n == 3 { &script } else { &quiet };
            assert!(poll(recv, script).is_pending());
        }
        let mut send = Box::pin(sender.send_lossless(1));
        assert!(poll(&mut send, &quiet).is_pending());
        // Makes room for the send, which is for all.
        if leave {
            assert!(panics(|| drop(slow)));
        } else {
            assert!(panics(|| slow.try_recv()));
        }
        assert_eq!(quiet.wakes.load(Ordering::Relaxed), CROWD);
        assert_eq!(poll(&mut send, &quiet), Poll::Ready(Ok(())));
        for recv in &mut recvs {
            assert_eq!(poll(recv, &quiet), Poll::Ready(Ok(1)));
        }
    }
    let (sender, mut receiver) = broadcast::channel::<u32>(1);
    sender.send(0).unwrap();
    let (script, quiet) = (panicking(), Script::default());
    let mut sends: Vec<_> = (0..40).map(|n| Box::pin(sender.send_lossless(n))).collect();
    for (n, send) in sends.iter_mut().enumerate() {
        let script = if n == 3 { &script } else { &quiet };
        assert!(poll(send, script).is_pending());
    }
    assert!(panics(|| receiver.close()));
    assert_eq!(quiet.wakes.load(Ordering::Relaxed), 39);
    for (n, send) in (0..).zip(&mut sends) {
        assert_eq!(poll(send, &quiet), Poll::Ready(Err(SendError(n))));
    }
    assert_eq!(receiver.try_recv(), Ok(0));
}

/// A waker that panics when it is cloned or dropped: the future is as it was, or has what it waited for.
#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_a_broadcast_whole() {
    let quiet = Script::default();
    let on_clone = panicking_clone();
    let on_drop = panicking_drop();
    let (sender, mut receiver) = broadcast::channel(1);
    let mut recv = Box::pin(receiver.recv());
    assert!(panics(|| poll(&mut recv, &on_clone)));
    assert_eq!(sender.waiters(), 0);
    assert!(poll(&mut recv, &on_drop).is_pending());
    assert!(
        panics(|| poll(&mut recv, &quiet)),
        "the old waker is dropped"
    );
    sender.send(1).unwrap();
    assert_eq!(poll(&mut recv, &quiet), Poll::Ready(Ok(1)));
    drop(recv);
    sender.send(2).unwrap();
    let mut send = Box::pin(sender.send_lossless(3));
    assert!(panics(|| poll(&mut send, &on_clone)));
    assert!(poll(&mut send, &on_drop).is_pending());
    assert!(panics(|| drop(send)), "its waker is dropped");
    assert_eq!((receiver.try_recv(), sender.waiters()), (Ok(2), 0));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

/// Does something when it is cloned, and when it is dropped.
#[derive(Default)]
struct Item {
    on_clone: Option<Rc<dyn Fn()>>,
    on_drop: Option<Rc<dyn Fn()>>,
}

impl Clone for Item {
    fn clone(&self) -> Self {
        self.on_clone.iter().for_each(|act| act());
        Item::default()
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.on_drop.iter().for_each(|act| act());
    }
}

fn does(act: impl Fn() + 'static) -> Option<Rc<dyn Fn()>> {
    Some(Rc::new(act))
}

/// Items are cloned and dropped without the lock: they may use the channel that they are in.
#[test]
fn items_may_use_the_broadcast_that_they_are_in() {
    let (sender, mut first) = broadcast::channel::<Item>(2);
    let mut second = first.clone();
    let count = Rc::new(Cell::new(0));
    let item = || {
        let act = |all: bool| {
            let (sender, count) = (sender.clone(), Rc::clone(&count));
            move || {
                count.set(count.get() + 1);
                let mut receiver = sender.subscribe();
                for _ in 0..if all { 2 } else { 0 } {
                    let _ = sender.send(Item::default()); // pushes this very item out
                }
                let _ = (
                    sender.try_send(Item::default()).is_ok(),
                    receiver.try_recv().is_ok(),
                );
            }
        };
        Item {
            on_clone: does(act(true)),
            on_drop: does(act(false)),
        }
    };
    assert!(sender.send(item()).is_ok());
    assert!(first.try_recv().is_ok());
    assert_eq!(count.get(), 2, "cloned; pushed out meanwhile, and dropped");
    assert!(sender.send(item()).is_ok());
    assert!(matches!(second.try_recv(), Err(TryRecvError::Lagged(_))));
    while second.try_recv().is_ok() {}
    while first.try_recv().is_ok() || first.behind() > 0 {}
    assert!(sender.send(item()).is_ok());
    let before = count.get();
    drop((first, second));
    assert_eq!((count.get(), sender.len()), (before + 1, 0));
}

/// Items that panic when they are dropped: the others go, too, and whoever waits is told.
#[test]
fn a_broadcast_item_that_panics_when_it_is_dropped_costs_nobody_anything() {
    let count = Rc::new(Cell::new(0));
    let item = |panics: bool| {
        let count = Rc::clone(&count);
        Item {
            on_drop: does(move || {
                count.set(count.get() + 1);
                assert!(!panics, "an item");
            }),
            on_clone: None,
        }
    };
    let (sender, receiver) = broadcast::channel::<Item>(40);
    for n in 0..40 {
        assert!(sender.send(item(n == 3)).is_ok());
    }
    let script = Script::default();
    let mut send = Box::pin(sender.send_lossless(Item::default()));
    assert!(poll(&mut send, &script).is_pending());
    assert!(panics(move || drop(receiver)));
    assert_eq!((count.get(), sender.len()), (40, 0));
    assert_eq!(script.wakes.load(Ordering::Relaxed), 1);
    assert!(matches!(poll(&mut send, &script), Poll::Ready(Err(_))));
    drop(send);
    // One that is pushed out.
    let (sender, mut receiver) = broadcast::channel::<Item>(1);
    let mut recv = Box::pin(receiver.recv());
    assert!(poll(&mut recv, &script).is_pending());
    assert!(sender.send(item(true)).is_ok());
    assert!(panics(|| sender.send(item(false)).is_ok()));
    assert_eq!(script.wakes.load(Ordering::Relaxed), 2);
    let lagged = poll(&mut recv, &script);
    assert!(matches!(lagged, Poll::Ready(Err(RecvError::Lagged(1)))));
    drop(recv);
    assert!(receiver.try_recv().is_ok());
}

/// Room is made while the waker of a sender that is about to wait is cloned: its item goes to those who wait
/// for one meanwhile, and they are told.
#[test]
fn a_sender_that_need_not_wait_after_all_tells_the_receivers() {
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(1).unwrap();
    // Receives one item and then the next, in one future.
    let twice = async move { [receiver.recv().await, receiver.recv().await] };
    let receiver = Rc::new(RefCell::new(Box::pin(twice)));
    let quiet = Rc::new(Script::default());
    let (theirs, theirs_quiet) = (Rc::clone(&receiver), Rc::clone(&quiet));
    let script = Script {
        on_clone: Box::new(move || {
            let polled = poll(&mut theirs.borrow_mut(), &theirs_quiet);
            assert!(
                polled.is_pending(),
                "it has the first, and waits for the second"
            );
        }),
        ..Script::default()
    };
    let mut send = Box::pin(sender.send_lossless(2));
    assert_eq!(poll(&mut send, &script), Poll::Ready(Ok(())));
    assert_eq!(quiet.wakes.load(Ordering::Relaxed), 1);
    let both = poll(&mut receiver.borrow_mut(), &quiet);
    assert_eq!(both, Poll::Ready([Ok(1), Ok(2)]));
}

/// Between two batches of wake-ups the queue is not locked, and there is room, which those who wait have not
/// come to yet: nobody passes them.
#[test]
fn nobody_passes_a_sender_between_two_batches() {
    let (sender, slow) = broadcast::channel(2);
    let mut quick = slow.clone();
    for n in [0, 0] {
        sender.send(n).unwrap();
        assert_eq!(quick.try_recv(), Ok(0));
    }
    let mut receivers: Vec<_> = (0..CROWD).map(|_| quick.clone()).collect();
    let mut recvs: Vec<_> = receivers.iter_mut().map(|r| Box::pin(r.recv())).collect();
    let passed = Rc::new(Cell::new(0));
    let (theirs, count) = (sender.clone(), Rc::clone(&passed));
    let script = Script {
        on_wake: Box::new(move || count.set(count.get() + u32::from(theirs.try_send(9).is_ok()))),
        ..Script::default()
    };
    for recv in &mut recvs {
        assert!(poll(recv, &script).is_pending());
    }
    let quiet = Script::default();
    let mut sends = [1, 2].map(|n| Box::pin(sender.send_lossless(n)));
    for send in &mut sends {
        assert!(poll(send, &quiet).is_pending());
    }
    drop(slow);
    assert_eq!(passed.get(), 0);
    assert_eq!((quick.try_recv(), quick.try_recv()), (Ok(1), Ok(2)));
}
