//! Wakers of channels for one item that use the other end, or panic; an item that does when it is dropped.

use async_sync::oneshot::{self, RecvError, SendError, TryRecvError};

use super::*;

fn panicking() -> Script {
    Script {
        on_wake: Box::new(boom),
        ..Script::default()
    }
}

/// Calls that look at both ends, while one of them is at work.
#[test]
fn wakers_may_use_the_other_end() {
    let (sender, receiver) = oneshot::channel::<u8>();
    let sender = Rc::new(RefCell::new(Some(sender)));
    let look = || -> Box<dyn Fn()> {
        let sender = Rc::clone(&sender);
        Box::new(move || {
            if let Ok(mut sender) = sender.try_borrow_mut()
                && let Some(sender) = sender.as_mut()
            {
                let _ = sender.is_closed();
                let mut closed = support::Polled::new(sender.closed());
                let _ = closed.poll().is_ready();
            }
        })
    };
    let script = Script {
        on_clone: look(),
        on_wake: look(),
        on_drop: look(),
        ..Script::default()
    };
    let other = Script {
        on_clone: look(),
        ..Script::default()
    };
    let mut wait = Box::pin(receiver.into_future());
    assert!(poll(&mut wait, &script).is_pending());
    assert!(poll(&mut wait, &other).is_pending(), "replaces a waker");
    assert!(poll(&mut wait, &script).is_pending());
    let taken = sender.borrow_mut().take().unwrap();
    taken.send(1).unwrap();
    assert_eq!(poll(&mut wait, &script), Poll::Ready(Ok(1)));
}

/// A waker that sends as soon as the receiver is about to wait.
#[test]
fn an_item_that_comes_while_the_waker_is_cloned() {
    let (sender, receiver) = oneshot::channel::<u8>();
    let sender = Rc::new(RefCell::new(Some(sender)));
    let theirs = Rc::clone(&sender);
    let script = Script {
        on_clone: Box::new(move || {
            if let Some(sender) = theirs.borrow_mut().take() {
                sender.send(1).unwrap();
            }
        }),
        ..Script::default()
    };
    let mut wait = Box::pin(receiver.into_future());
    assert_eq!(poll(&mut wait, &script), Poll::Ready(Ok(1)));
}

/// The waker panics: the item is there, or the end is known.
#[test]
fn a_panicking_waker_costs_neither_the_item_nor_the_end() {
    let (script, quiet) = (panicking(), Script::default());
    let (sender, mut receiver) = oneshot::channel();
    let mut wait = Box::pin(receiver.recv());
    assert!(poll(&mut wait, &script).is_pending());
    assert!(panics(|| sender.send(1)));
    assert_eq!(poll(&mut wait, &quiet), Poll::Ready(Ok(1)));
    let (sender, mut receiver) = oneshot::channel::<u8>();
    let mut wait = Box::pin(receiver.recv());
    assert!(poll(&mut wait, &script).is_pending());
    assert!(panics(move || drop(sender)));
    assert_eq!(poll(&mut wait, &quiet), Poll::Ready(Err(RecvError)));
    let (mut sender, receiver) = oneshot::channel::<u8>();
    let mut closed = Box::pin(sender.closed());
    assert!(poll(&mut closed, &script).is_pending());
    assert!(panics(move || drop(receiver)));
    assert_eq!(poll(&mut closed, &quiet), Poll::Ready(()));
    drop(closed);
    assert_eq!(sender.send(1), Err(SendError(1)));
}

#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_a_oneshot_whole() {
    let quiet = Script::default();
    let on_clone = Script {
        on_clone: Box::new(boom),
        ..Script::default()
    };
    let on_drop = Script {
        on_drop: Box::new(boom),
        ..Script::default()
    };
    let (sender, mut receiver) = oneshot::channel();
    let mut wait = Box::pin(receiver.recv());
    assert!(panics(|| poll(&mut wait, &on_clone)));
    assert!(poll(&mut wait, &on_drop).is_pending());
    assert!(
        panics(|| poll(&mut wait, &quiet)),
        "the old waker is dropped"
    );
    sender.send(1).unwrap();
    assert_eq!(poll(&mut wait, &quiet), Poll::Ready(Ok(1)));
    drop(wait);
    let (sender, mut receiver) = oneshot::channel();
    let mut wait = Box::pin(receiver.recv());
    assert!(poll(&mut wait, &on_drop).is_pending());
    assert!(panics(|| drop(wait)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
}

/// The item is dropped with the receiver, without the lock: it may know the sender's future, and may panic.
#[test]
fn an_item_that_panics_when_it_is_dropped() {
    struct Item;
    impl Drop for Item {
        fn drop(&mut self) {
            panic!("an item");
        }
    }
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(Item).is_ok());
    assert!(panics(move || drop(receiver)));
}
