//! Channels.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use async_sync::channel;

use super::super::channel::{closable, every, many, rendezvous, reserving, shared};
use super::future::{Boxed, Faulty};
use super::*;
use crate::peers::{
    AsyncChannel, ClosableChannel, ManyChannel, RendezvousChannel, ReservingChannel, SharedChannel,
    TryChannel, Value, ValueChannel,
};

struct Chan<const FAULT: u8>;

struct Shared<T> {
    /// So many of the next items vanish.
    eaten: AtomicUsize,
    /// Somebody is said to be in front of all others.
    blocked: AtomicUsize,
    /// Out of the channel, and not yet received.
    stash: Mutex<Vec<T>>,
    wakers: Mutex<Vec<Waker>>,
}

struct Tx<T, const FAULT: u8>(channel::Sender<T>, Arc<Shared<T>>);
struct Rx<T, const FAULT: u8>(channel::Receiver<T>, Arc<Shared<T>>);

impl<T, const FAULT: u8> Clone for Tx<T, FAULT> {
    fn clone(&self) -> Self {
        Tx(self.0.clone(), Arc::clone(&self.1))
    }
}

/// Counts who leaves before its time.
struct Leaves<'a>(Option<&'a AtomicUsize>);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_add(1, SeqCst);
        }
    }
}

fn make<T, const FAULT: u8>(capacity: usize) -> (Tx<T, FAULT>, Rx<T, FAULT>) {
    let (tx, rx) = channel::bounded(capacity);
    let shared = Arc::new(Shared {
        eaten: AtomicUsize::new(0),
        blocked: AtomicUsize::new(0),
        stash: Mutex::default(),
        wakers: Mutex::default(),
    });
    (Tx(tx, Arc::clone(&shared)), Rx(rx, shared))
}

impl<T: Clone + Send + 'static, const FAULT: u8> Tx<T, FAULT> {
    fn is_eaten(&self) -> bool {
        let less = |eaten: usize| eaten.checked_sub(1);
        self.1.eaten.fetch_update(SeqCst, SeqCst, less).is_ok()
    }

    fn try_send(&self, item: T) -> bool {
        if FAULT == KEEPS {
            std::mem::forget(item.clone());
        }
        let blocked = self.1.blocked.load(SeqCst) > 0;
        !blocked && (self.is_eaten() || self.0.try_send(item).is_ok())
    }

    fn send(&self, item: T) -> Boxed<'_, Result<(), Option<T>>> {
        if FAULT == EAGER {
            let sent = self.0.try_send(item);
            return Box::pin(async move { sent.map_err(|back| Some(back.into_inner())) });
        }
        if FAULT == KEEPS {
            std::mem::forget(item.clone());
        }
        Box::pin(Faulty::<_, FAULT>::new(async move {
            if self.is_eaten() {
                return Ok(());
            }
            let mut leaves = Leaves((FAULT == STAYS).then_some(&self.1.blocked));
            let mut send = pin!(self.0.send(item));
            let result = std::future::poll_fn(|cx| {
                let polled = if self.1.blocked.load(SeqCst) > 0 {
                    Poll::Pending
                } else {
                    send.as_mut().poll(cx)
                };
                if polled.is_pending() && FAULT == HERD {
                    self.1.wakers.lock().unwrap().push(cx.waker().clone());
                }
                polled
            })
            .await;
            leaves.0 = None;
            result.map_err(|back| Some(back.into_inner()))
        }))
    }
}

impl<T: Clone + Send + 'static, const FAULT: u8> Rx<T, FAULT> {
    fn try_recv(&self) -> Option<T> {
        if ![LIFO, TWICE, HERD].contains(&FAULT) {
            return self.0.try_recv().ok();
        }
        let mut stash = self.1.stash.lock().unwrap();
        if FAULT == LIFO || (FAULT == TWICE && stash.is_empty()) {
            while let Ok(item) = self.0.try_recv() {
                stash.push(item.clone());
                if FAULT == TWICE {
                    return Some(item);
                }
            }
        }
        let wakers = std::mem::take(&mut *self.1.wakers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
        stash.pop().or_else(|| self.0.try_recv().ok())
    }

    fn is_over(&self) -> bool {
        FAULT == FORGETS && self.0.is_closed()
    }

    fn recv(&self) -> Boxed<'_, Option<T>> {
        if FAULT == EAGER {
            drop(self.0.try_recv());
        }
        Box::pin(Faulty::<_, FAULT>::new(async move {
            if self.is_over() {
                return None;
            }
            if let Some(item) = self.try_recv() {
                return Some(item);
            }
            let mut leaves = Leaves((FAULT == EATS).then_some(&self.1.eaten));
            let item = self.0.recv().await;
            leaves.0 = None;
            if FAULT == TWICE {
                self.1.stash.lock().unwrap().extend(item.clone());
            }
            item
        }))
    }
}

impl<const FAULT: u8> AsyncChannel for Chan<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";
    type Sender = Tx<u64, FAULT>;
    type Receiver = Rx<u64, FAULT>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        make(capacity)
    }

    fn send(sender: &mut Self::Sender, item: u64) -> impl Future<Output = bool> + Send {
        let send = sender.send(item);
        async move { send.await.is_ok() }
    }

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        receiver.recv()
    }
}

impl<const FAULT: u8> SharedChannel for Chan<FAULT> {
    fn share(receiver: &Self::Receiver) -> Self::Receiver {
        Rx(receiver.0.clone(), Arc::clone(&receiver.1))
    }
}

impl<const FAULT: u8> TryChannel for Chan<FAULT> {
    fn try_send(sender: &mut Self::Sender, item: u64) -> bool {
        sender.try_send(item)
    }

    fn try_recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.try_recv()
    }

    async fn send_or_back(sender: &mut Self::Sender, item: u64) -> Result<(), Option<u64>> {
        sender.send(item).await
    }
}

impl<const FAULT: u8> ValueChannel for Chan<FAULT> {
    type ValueSender = Tx<Value, FAULT>;
    type ValueReceiver = Rx<Value, FAULT>;

    fn values(capacity: usize) -> (Self::ValueSender, Self::ValueReceiver) {
        make(capacity)
    }

    async fn send_value(sender: &mut Self::ValueSender, value: Value) -> bool {
        sender.send(value).await.is_ok()
    }

    async fn recv_value(receiver: &mut Self::ValueReceiver) -> Option<Value> {
        receiver.recv().await
    }
}

impl<const FAULT: u8> ClosableChannel for Chan<FAULT> {
    fn close(receiver: &mut Self::Receiver) {
        receiver.0.close();
    }
}

impl<const FAULT: u8> RendezvousChannel for Chan<FAULT> {
    /// (OTHER: with one place.)
    fn rendezvous() -> (Self::Sender, Self::Receiver) {
        make(usize::from(FAULT == OTHER))
    }
}

struct Place<'a, const FAULT: u8>(Option<channel::Permit<'a, u64>>, &'a Tx<u64, FAULT>);

impl<const FAULT: u8> Drop for Place<'_, FAULT> {
    fn drop(&mut self) {
        if FAULT == KEEPS {
            std::mem::forget(self.0.take());
        }
    }
}

impl<const FAULT: u8> ReservingChannel for Chan<FAULT> {
    type Permit<'a> = Place<'a, FAULT>;

    fn reserve(sender: &Self::Sender) -> impl Future<Output = Option<Self::Permit<'_>>> + Send {
        Faulty::<_, FAULT>::new(async move {
            let permit = sender.0.reserve().await.ok()?;
            Some(Place((FAULT != EMPTY).then_some(permit), sender))
        })
    }

    fn try_reserve(sender: &Self::Sender) -> Option<Self::Permit<'_>> {
        let permit = sender.0.try_reserve().ok()?;
        Some(Place((FAULT != EMPTY).then_some(permit), sender))
    }

    fn use_place(mut permit: Self::Permit<'_>, item: u64) {
        if let Some(permit) = permit.0.take() {
            let _ = permit.send(item);
        } else {
            permit.1.try_send(item);
        }
    }
}

impl<const FAULT: u8> ManyChannel for Chan<FAULT> {
    async fn recv_many(receiver: &mut Self::Receiver, items: &mut Vec<u64>, limit: usize) -> usize {
        let Some(first) = (if limit == 0 {
            None
        } else {
            receiver.recv().await
        }) else {
            return 0;
        };
        items.push(first);
        let mut count = 1;
        while count < limit
            && let Some(item) = receiver.try_recv()
        {
            items.push(item);
            count += 1;
        }
        count
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    let mut all = every::<Chan<FAULT>>();
    all.extend(shared::<Chan<FAULT>>());
    all.extend(closable::<Chan<FAULT>>());
    all.extend(rendezvous::<Chan<FAULT>>());
    all.extend(reserving::<Chan<FAULT>>());
    all.extend(many::<Chan<FAULT>>());
    all
}

#[test]
fn with_a_fault() {
    let deaf = [
        "recv-threads",
        "s75-gone",
        "shared-closing",
        "permit-senders",
        "permit-drop",
        "many-waits",
        "close-senders",
    ];
    bites(&all::<SOUND>(), &all::<DEAF>(), &deaf);
    bites(&all::<SOUND>(), &all::<STALE>(), &["recv-another-waker"]);
    bites(
        &all::<SOUND>(),
        &all::<HOARDS>(),
        &["recv-spurious", "send-spurious"],
    );
    bites(&all::<SOUND>(), &all::<LEAKS>(), &["recv-residue"]);
    bites(
        &all::<SOUND>(),
        &all::<EAGER>(),
        &["recv-never-polled", "send-never-polled"],
    );
    let twice = ["send-storm", "s81", "shared-storm"];
    bites(&all::<SOUND>(), &all::<TWICE>(), &twice);
    bites(
        &all::<SOUND>(),
        &all::<EATS>(),
        &["recv-cancel", "recv-storm", "many-cancel"],
    );
    bites(&all::<SOUND>(), &all::<LIFO>(), &["fifo", "order", "many"]);
    let forgets = ["s75", "permit-closed", "many-end"];
    bites(&all::<SOUND>(), &all::<FORGETS>(), &forgets);
    let keeps = [
        "values-received",
        "values-end",
        "values-cancelled",
        "values-promised",
    ];
    bites(&all::<SOUND>(), &all::<KEEPS>(), &keeps);
    bites(
        &all::<SOUND>(),
        &all::<STAYS>(),
        &["send-cancel", "send-cancel-woken"],
    );
    bites(&all::<SOUND>(), &all::<HERD>(), &["send-no-herd"]);
    bites(&all::<SOUND>(), &all::<EMPTY>(), &["permit"]);
    let other = [
        "rendezvous-try",
        "rendezvous",
        "rendezvous-send-cancel",
        "s74",
    ];
    bites(&all::<SOUND>(), &all::<OTHER>(), &other);
}
