//! Those who wait to send.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::super::counting;
use super::super::hostile::Script;
use super::super::polls::judged;
use super::super::tools::{Looks, Polled, Task, meanwhile, now, panics, queued};
use super::super::{Verdict, check};
use super::{fill, run, sending};
use crate::peers::TryChannel;

/// Items of those who wait, apart from those that fill the channel.
const FIRST: u64 = 1000;
const SECOND: u64 = 1001;

pub(super) fn in_order<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let filled = fill::<C>(&mut tx);
    let mut senders: Vec<_> = (0..4)
        .map(|n| queued(sending::<C>(&tx, FIRST + n)))
        .collect();
    let items = run::<C, _>(&mut rx, &mut senders);
    let expected: Vec<_> = (0..filled).chain(FIRST..FIRST + 4).collect();
    check!(
        items == expected,
        "sent in the order {expected:?}, received {items:?}"
    );
    check!(
        senders.iter().all(|sender| sender.future.is_none()),
        "a sender is left waiting"
    );
    Verdict::kept()
}

pub(super) fn newcomers_queue<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let waiter = queued(sending::<C>(&tx, FIRST));
    assert!(C::try_recv(&mut rx).is_some());
    let _ = C::try_send(&mut tx.clone(), SECOND);
    let mut senders = [waiter, Polled::new(sending::<C>(&tx, SECOND + 1))];
    let _ = senders[1].poll();
    let mut items = run::<C, _>(&mut rx, &mut senders);
    items.retain(|item| *item >= FIRST);
    check!(
        items.first() == Some(&FIRST),
        "the one that waited sent {FIRST}; received: {items:?}"
    );
    Verdict::kept()
}

pub(super) fn a_queued_send<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let filled = fill::<C>(&mut tx);
    drop(queued(sending::<C>(&tx, FIRST)));
    let items: Vec<_> = std::iter::from_fn(|| C::try_recv(&mut rx)).collect();
    let without: Vec<_> = (0..filled).collect();
    let with: Vec<_> = (0..filled).chain([FIRST]).collect();
    check!(
        items == without || items == with,
        "{without:?} were sent, and perhaps {FIRST}; received: {items:?}"
    );
    check!(C::try_send(&mut tx, 1), "its place is lost");
    let sent = items == with;
    Verdict::Kept(if sent { "it was sent" } else { "it was not" }.to_owned())
}

pub(super) fn a_woken_send<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let first = queued(sending::<C>(&tx, FIRST));
    let mut second = [queued(sending::<C>(&tx, SECOND))];
    assert!(C::try_recv(&mut rx).is_some());
    drop(first);
    let mut items = run::<C, _>(&mut rx, &mut second);
    check!(second[0].future.is_none(), "the second is never served");
    items.retain(|item| *item >= FIRST);
    check!(
        items == [SECOND] || items == [FIRST, SECOND],
        "of {FIRST}, which was dropped, and {SECOND}, received: {items:?}"
    );
    check!(C::try_send(&mut tx, 1), "its place is lost");
    Verdict::kept()
}

pub(super) fn storm<C: TryChannel>() -> Verdict {
    const SENDERS: u64 = 4;
    const ITEMS: u64 = 200;
    let (tx, mut rx) = C::bounded(2);
    let working = AtomicUsize::new(SENDERS as usize);
    let mut received = Vec::new();
    let mut hangs = false;
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (mut tx, working) = (tx.clone(), &working);
            scope.spawn(move || {
                let start = Instant::now();
                for n in 0..ITEMS {
                    let task = Task::new();
                    let mut send = pin!(C::send(&mut tx, sender * ITEMS + n));
                    let mut polls = 0;
                    // Every third one is dropped.
                    while task.poll(send.as_mut()).is_pending() {
                        polls += 1;
                        if n % 3 == 0 && polls > n % 2 {
                            break;
                        }
                        while task.woken() == 0 && start.elapsed() < Duration::from_secs(2) {
                            std::thread::yield_now();
                        }
                    }
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
        }
        drop(tx);
        let task = Task::new();
        let start = Instant::now();
        loop {
            let mut recv = pin!(C::recv(&mut rx));
            let item = loop {
                match task.poll(recv.as_mut()) {
                    Poll::Ready(item) => break item,
                    Poll::Pending => {}
                }
                while task.woken() == 0 {
                    if start.elapsed() > Duration::from_secs(2) {
                        hangs = true;
                        return;
                    }
                    std::thread::yield_now();
                }
            };
            match item {
                Some(item) => received.push(item),
                None => return,
            }
        }
    });
    check!(!hangs, "it hangs after {} items", received.len());
    for sender in 0..SENDERS {
        let range = sender * ITEMS..(sender + 1) * ITEMS;
        let of_this: Vec<_> = received
            .iter()
            .filter(|item| range.contains(item))
            .collect();
        check!(of_this.is_sorted_by(|a, b| a < b), "out of order, or twice");
        let missing = range
            .filter(|item| !(item % ITEMS).is_multiple_of(3) && !of_this.contains(&item))
            .count();
        check!(missing == 0, "{missing} items are lost");
    }
    Verdict::kept()
}

pub(super) fn never_polled<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let idle = sending::<C>(&tx, FIRST);
    check!(C::try_send(&mut tx, 1), "it has a place");
    let mut senders = [queued_if(sending::<C>(&tx, SECOND))];
    let items = run::<C, _>(&mut rx, &mut senders);
    drop(idle);
    check!(items == [1, SECOND], "received: {items:?}");
    check!(now(C::recv(&mut rx)).is_none(), "it has sent all the same");
    Verdict::kept()
}

/// Polled once, whatever comes of it.
fn queued_if<F: Future>(future: F) -> Polled<F> {
    let mut polled = Polled::new(future);
    let _ = polled.poll();
    polled
}

pub(super) fn a_parked_send<C: TryChannel>() -> Verdict {
    parked::<C>(false)
}

pub(super) fn a_parked_send_of_the_same_task<C: TryChannel>() -> Verdict {
    parked::<C>(true)
}

fn parked<C: TryChannel>(of_the_same_task: bool) -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let task = Task::new();
    let mut parked = Polled::of(task.clone(), sending::<C>(&tx, FIRST));
    assert!(parked.poll().is_none());
    let task = if of_the_same_task { task } else { Task::new() };
    let mut second = Polled::of(task, sending::<C>(&tx, SECOND));
    assert!(second.poll().is_none());
    let mut items = Vec::new();
    let mut looks = Looks::new();
    while !items.contains(&SECOND) {
        items.extend(C::try_recv(&mut rx));
        // (Whoever cannot try waits.)
        if let Some(Some(item)) = now(C::recv(&mut rx)) {
            items.push(item);
        }
        if second.future.is_some() && second.task.woken() > 0 {
            let _ = second.poll();
        }
        check!(
            looks.again(),
            "the second is never served, though there is room and somebody receives"
        );
    }
    parked.task.waker().wake_by_ref();
    let mut both = [parked];
    items.extend(run::<C, _>(&mut rx, &mut both));
    check!(both[0].future.is_none(), "the first is never served");
    check!(items.contains(&FIRST), "the first item is lost");
    Verdict::kept()
}

pub(super) fn no_herd<C: TryChannel>() -> Verdict {
    const WAITERS: usize = 64;
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut senders: Vec<_> = (0..WAITERS as u64)
        .map(|n| queued(sending::<C>(&tx, FIRST + n)))
        .collect();
    let (mut wakes, mut served) = (0, 0);
    for _ in 0..4 * WAITERS {
        let _ = C::try_recv(&mut rx);
        for sender in &mut senders {
            let woken = sender.task.woken();
            wakes += woken;
            if woken > 0 && sender.future.is_some() && sender.poll().is_some() {
                served += 1;
            }
        }
    }
    check!(served == WAITERS, "{served} of {WAITERS} were served");
    check!(
        wakes <= 2 * WAITERS,
        "{wakes} wake-ups to serve {WAITERS} senders"
    );
    Verdict::Kept(format!("{wakes} wake-ups for {WAITERS} senders"))
}

pub(super) fn residue<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut tasks = Vec::new();
    for n in 0..100 {
        let Polled { task, future } = queued(sending::<C>(&tx, FIRST + n));
        drop(future);
        tasks.push(task);
    }
    let kept: usize = tasks.iter().map(Task::kept).sum();
    check!(kept == 0, "{kept} wakers of 100 dropped sends are kept");
    while C::try_recv(&mut rx).is_some() {}
    let woken: usize = tasks.iter().map(Task::woken).sum();
    check!(woken == 0, "{woken} dropped sends were woken");
    check!(C::try_send(&mut tx, 1), "the channel stays full");
    Verdict::kept()
}

pub(super) fn spurious<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut senders = [queued(sending::<C>(&tx, FIRST))];
    for _ in 0..1000 {
        check!(senders[0].poll().is_none(), "it ended early");
    }
    let kept = senders[0].task.kept();
    check!(kept <= 1, "{kept} clones of the waker are kept");
    let _ = senders[0].task.woken();
    let items = run::<C, _>(&mut rx, &mut senders);
    let sent = items.iter().filter(|item| **item == FIRST).count();
    check!(sent == 1, "its item was received {sent} times");
    Verdict::kept()
}

pub(super) fn another_waker<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut sender = queued(sending::<C>(&tx, FIRST));
    let old = std::mem::replace(&mut sender.task, Task::new());
    assert!(sender.poll().is_none());
    let mut senders = [sender];
    run::<C, _>(&mut rx, &mut senders);
    check!(
        senders[0].future.is_none(),
        "the waker of the last poll is not woken"
    );
    check!(old.woken() == 0, "the old waker is woken");
    Verdict::kept()
}

pub(super) fn wake_without_lock<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let (told, tells) = mpsc::channel();
    let other = Mutex::new(Some(tx.clone()));
    let script = Script::on_wake(Box::new(move || {
        let tx = other.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut tx = tx.expect("it is called once");
        let _ = told.send(meanwhile(move || _ = C::try_send(&mut tx, SECOND)));
    }));
    let mut hostile = Box::pin(sending::<C>(&tx, FIRST));
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    while C::try_recv(&mut rx).is_some() {}
    check!(
        tells.try_recv() == Ok(true),
        "another thread could not use it for as long as the waker ran"
    );
    Verdict::kept()
}

pub(super) fn wake_panics<C: TryChannel>() -> Verdict {
    called_in_vain::<C>(true)
}

pub(super) fn wake_panics_and_the_item<C: TryChannel>() -> Verdict {
    called_in_vain::<C>(false)
}

/// The receive that calls the waker dies of its panic, and what it has received with it, if that `may`
/// be.
fn called_in_vain<C: TryChannel>(may: bool) -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    let filled = fill::<C>(&mut tx);
    let script = Script::on_wake(Box::new(|| panic!("wake")));
    let mut hostile = Box::pin(sending::<C>(&tx, FIRST));
    let mut cx = Context::from_waker(script.waker());
    assert!(hostile.as_mut().poll(&mut cx).is_pending());
    let mut behind = [queued(sending::<C>(&tx, SECOND))];
    let mut items = Vec::new();
    for _ in 0..4 {
        let mut item = None;
        let _ = panics(|| item = C::try_recv(&mut rx));
        items.extend(item);
    }
    check!(script.done(), "it is not woken");
    // Its task dies of the panic.
    let _ = panics(|| drop(hostile));
    items.extend(run::<C, _>(&mut rx, &mut behind));
    check!(behind[0].future.is_none(), "the second is never served");
    check!(
        items.is_sorted_by(|a, b| a < b) && items.last() == Some(&SECOND),
        "received: {items:?}"
    );
    let missing = (0..filled).filter(|item| !items.contains(item)).count();
    check!(
        may || missing == 0,
        "the receive that called it loses its item"
    );
    Verdict::kept()
}

pub(super) fn allocations<C: TryChannel>() -> Verdict {
    let (mut tx, mut rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let task = Task::new();
    let one_wait = || {
        let mut allocations = 0;
        {
            let mut send = pin!(C::send(&mut tx, 1));
            let mut served = false;
            allocations += counting::allocations(|| served = task.ready(send.as_mut()).is_some());
            assert!(!served);
            // (futures has more than one place to be made room in.)
            while !served && C::try_recv(&mut rx).is_some() {
                allocations +=
                    counting::allocations(|| served = task.ready(send.as_mut()).is_some());
            }
            assert!(served);
        }
        fill::<C>(&mut tx);
        allocations
    };
    judged(one_wait)
}

pub(super) fn refused_at_once<C: TryChannel>() -> Verdict {
    let (mut tx, rx) = C::bounded(1);
    drop(rx);
    match now(C::send_or_back(&mut tx, 7)) {
        Some(Err(Some(7))) => Verdict::kept(),
        Some(Err(None)) => Verdict::Broken("the item is gone".to_owned()),
        other => Verdict::Broken(format!("it returns {other:?}")),
    }
}

pub(super) fn refused_while_waiting<C: TryChannel>() -> Verdict {
    let (mut tx, rx) = C::bounded(1);
    fill::<C>(&mut tx);
    let mut senders: Vec<_> = (0..40)
        .map(|n| {
            let mut tx = tx.clone();
            queued(async move { C::send_or_back(&mut tx, n).await })
        })
        .collect();
    drop(rx);
    for (n, sender) in senders.iter_mut().enumerate() {
        match sender.served() {
            None => return Verdict::Broken("a sender is left waiting".to_owned()),
            Some(Ok(())) => return Verdict::Broken("it says that it has sent".to_owned()),
            Some(Err(back)) => check!(back == Some(n as u64), "the item is gone"),
        }
    }
    Verdict::kept()
}
