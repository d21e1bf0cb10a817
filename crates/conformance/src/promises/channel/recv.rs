//! One who waits to receive.

use std::pin::pin;
use std::sync::{Mutex, PoisonError, mpsc};
use std::task::Context;
use std::time::Duration;

use super::super::counting;
use super::super::hostile::Script;
use super::super::polls::judged;
use super::super::tools::{Polled, Task, meanwhile, now, panics, queued};
use super::super::{Verdict, check};
use crate::peers::TryChannel;

pub(super) fn in_order<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(3);
    let (mut sent, mut received) = (0, Vec::new());
    while sent < 100 {
        while C::try_send(&mut tx, sent) {
            sent += 1;
        }
        while let Some(item) = C::try_recv(&mut rx) {
            received.push(item);
        }
    }
    check!(
        received == (0..sent).collect::<Vec<_>>(),
        "{sent} were sent, and received in the order {received:?}"
    );
    Verdict::kept()
}

pub(super) fn a_queued_receive<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(2);
    let Polled { task, future } = queued(C::recv(&mut rx));
    drop(future);
    drop(task);
    check!(C::try_send(&mut tx, 1), "the channel is full");
    check!(now(C::recv(&mut rx)) == Some(Some(1)), "the item is lost");
    Verdict::kept()
}

pub(super) fn residue<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let Polled { task, future } = queued(C::recv(&mut rx));
    drop(future);
    check!(task.kept() == 0, "its waker is kept");
    let _ = C::try_send(&mut tx, 1);
    check!(task.woken() == 0, "it is woken");
    Verdict::kept()
}

pub(super) fn a_woken_receive<C: TryChannel>() -> Verdict {
    for drop_last in [false, true] {
        let (mut tx, mut rx) = C::bounded(2);
        let mut waiter = Some(queued(C::recv(&mut rx)));
        check!(C::try_send(&mut tx, 1), "the channel is full");
        if !drop_last {
            waiter = None;
        }
        check!(C::try_send(&mut tx, 2), "the channel is full with one item");
        drop(waiter);
        let received = (now(C::recv(&mut rx)), now(C::recv(&mut rx)));
        check!(
            received == (Some(Some(1)), Some(Some(2))),
            "received after it: {received:?}"
        );
    }
    Verdict::kept()
}

pub(super) fn never_polled<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    drop(C::recv(&mut rx));
    check!(C::try_send(&mut tx, 1), "the channel is full");
    drop(C::recv(&mut rx));
    check!(now(C::recv(&mut rx)) == Some(Some(1)), "the item is lost");
    Verdict::kept()
}

pub(super) fn threads<C: TryChannel>() -> Verdict {
    for _ in 0..300 {
        let (mut tx, mut rx) = C::bounded(1);
        let mut waiter = Polled::new(C::recv(&mut rx));
        waiter.task.waker().wake_by_ref();
        let served = std::thread::scope(|scope| {
            scope.spawn(|| C::try_send(&mut tx, 1));
            waiter.served_within(Duration::from_secs(2))
        });
        check!(served == Some(Some(1)), "received: {served:?}");
    }
    Verdict::kept()
}

pub(super) fn spurious<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(2);
    let mut waiter = queued(C::recv(&mut rx));
    for _ in 0..1000 {
        check!(waiter.poll().is_none(), "it ended early");
    }
    let kept = waiter.task.kept();
    check!(kept <= 1, "{kept} clones of the waker are kept");
    let _ = waiter.task.woken();
    assert!(C::try_send(&mut tx, 1) && C::try_send(&mut tx, 2));
    let received = waiter.served().flatten();
    check!(received == Some(1), "it received {received:?}");
    drop(waiter);
    check!(
        C::try_recv(&mut rx) == Some(2),
        "it received more than one item"
    );
    Verdict::kept()
}

pub(super) fn another_waker<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let mut waiter = queued(C::recv(&mut rx));
    let old = std::mem::replace(&mut waiter.task, Task::new());
    assert!(waiter.poll().is_none());
    assert!(C::try_send(&mut tx, 1));
    check!(
        waiter.served() == Some(Some(1)),
        "the waker of the last poll is not woken"
    );
    check!(old.woken() == 0, "the old waker is woken");
    Verdict::kept()
}

pub(super) fn wake_without_lock<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(2);
    let (told, tells) = mpsc::channel();
    let other = Mutex::new(Some(tx.clone()));
    let script = Script::on_wake(Box::new(move || {
        let tx = other.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut tx = tx.expect("it is called once");
        let _ = told.send(meanwhile(move || _ = C::try_send(&mut tx, 2)));
    }));
    let mut hostile = Box::pin(C::recv(&mut rx));
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    let _ = C::try_send(&mut tx, 1);
    check!(
        tells.try_recv() == Ok(true),
        "another thread could not use it for as long as the waker ran"
    );
    let received = hostile.as_mut().poll(&mut cx);
    check!(received.is_ready(), "the receive does not end");
    Verdict::kept()
}

pub(super) fn wake_panics<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(2);
    let script = Script::on_wake(Box::new(|| panic!("wake")));
    let mut hostile = Box::pin(C::recv(&mut rx));
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    let told = panics(|| _ = C::try_send(&mut tx, 1));
    let _ = panics(|| drop(hostile));
    check!(script.done(), "it is not woken");
    let mut sent = false;
    check!(
        !panics(|| sent = C::try_send(&mut tx, 2)),
        "the next send panics, too"
    );
    check!(sent, "the channel is full with one item");
    let items: Vec<_> = std::iter::from_fn(|| C::try_recv(&mut rx)).collect();
    // The sender that saw the panic does not know whether it has sent.
    check!(
        items == [1, 2] || (told && items == [2]),
        "1 and 2 were sent, {items:?} received"
    );
    Verdict::kept()
}

pub(super) fn allocations<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let task = Task::new();
    let one_wait = || {
        let mut waiter = pin!(C::recv(&mut rx));
        let before = counting::allocations(|| assert!(task.ready(waiter.as_mut()).is_none()));
        assert!(C::try_send(&mut tx, 1));
        before + counting::allocations(|| assert!(task.ready(waiter.as_mut()).is_some()))
    };
    judged(one_wait)
}
