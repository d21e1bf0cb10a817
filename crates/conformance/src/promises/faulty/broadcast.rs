//! Broadcast channels.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_sync::broadcast;

use super::super::broadcast::every;
use super::future::Faulty;
use super::*;
use crate::peers::{AsyncBroadcast, Heard, LossyBroadcast};

struct Cast<const FAULT: u8>;

#[derive(Clone)]
struct Tx<const FAULT: u8> {
    sender: broadcast::Sender<u64>,
    /// Has received nothing.
    oldest: Arc<broadcast::Receiver<u64>>,
    senders: Arc<()>,
    lock: Arc<Mutex<()>>,
}

struct Rx<const FAULT: u8> {
    receiver: broadcast::Receiver<u64>,
    senders: std::sync::Weak<()>,
    again: Option<u64>,
    eaten: AtomicUsize,
}

impl<const FAULT: u8> AsyncBroadcast for Cast<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";
    const LOSSLESS: bool = false;
    type Sender = Tx<FAULT>;
    type Receiver = Rx<FAULT>;

    fn channel(capacity: usize) -> (Tx<FAULT>, Rx<FAULT>) {
        let (sender, receiver) = broadcast::channel(capacity);
        let tx = Tx {
            sender,
            oldest: Arc::new(receiver),
            senders: Arc::default(),
            lock: Arc::default(),
        };
        let rx = Self::subscribe(&tx);
        (tx, rx)
    }

    fn subscribe(tx: &Tx<FAULT>) -> Rx<FAULT> {
        let _held = (FAULT == LOCKED).then(|| tx.lock.lock());
        Rx {
            receiver: if FAULT == EAGER {
                broadcast::Receiver::clone(&tx.oldest)
            } else {
                tx.sender.subscribe()
            },
            senders: Arc::downgrade(&tx.senders),
            again: None,
            eaten: AtomicUsize::new(0),
        }
    }

    async fn send(tx: &Tx<FAULT>, item: u64) -> bool {
        Self::send_now(tx, item)
    }

    fn recv(rx: &mut Rx<FAULT>) -> impl Future<Output = Heard> + Send {
        Faulty::<_, FAULT>::new(rx.next())
    }
}

impl<const FAULT: u8> LossyBroadcast for Cast<FAULT> {
    fn send_now(tx: &Tx<FAULT>, item: u64) -> bool {
        let _held = (FAULT == LOCKED).then(|| tx.lock.lock());
        if FAULT == STAYS && tx.oldest.behind() >= 4 {
            return false;
        }
        let receivers = tx.sender.receiver_count() - 1;
        let sent = tx.sender.send(item).is_ok();
        FAULT == EMPTY || (sent && receivers > 0)
    }
}

impl<const FAULT: u8> Rx<FAULT> {
    async fn next(&mut self) -> Heard {
        if let Some(item) = self.again.take() {
            return Heard::Item(item);
        }
        if FAULT == IDLE && self.senders.strong_count() == 0 {
            return Heard::Closed;
        }
        while self.eaten.load(SeqCst) > 0 && self.receiver.try_recv().is_ok() {
            self.eaten.fetch_sub(1, SeqCst);
        }
        self.eaten.fetch_add(usize::from(FAULT == EATS), SeqCst);
        loop {
            match self.receiver.recv().await {
                Ok(item) => {
                    self.eaten.store(0, SeqCst);
                    if FAULT == TWICE {
                        self.again = Some(item);
                    }
                    return Heard::Item(item);
                }
                Err(broadcast::RecvError::Lagged(_)) if FAULT == FORGETS => {}
                Err(broadcast::RecvError::Lagged(missed)) => return Heard::Lagged(missed),
                Err(broadcast::RecvError::Closed) => return Heard::Closed,
            }
        }
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    every::<Cast<FAULT>>()
}

#[test]
fn with_a_fault() {
    bites(
        &all::<SOUND>(),
        &all::<DEAF>(),
        &["close-wakes", "all-wake", "leaked", "threads"],
    );
    bites(&all::<SOUND>(), &all::<STALE>(), &["another-waker"]);
    bites(&all::<SOUND>(), &all::<HOARDS>(), &["spurious"]);
    bites(&all::<SOUND>(), &all::<LEAKS>(), &["cancel"]);
    counts_allocations(&all::<ALLOCATES>());
    bites(
        &all::<SOUND>(),
        &all::<LOCKED>(),
        &["wake-unlocked", "wake-reenters"],
    );
    bites(&all::<SOUND>(), &all::<EAGER>(), &["subscribe"]);
    bites(&all::<SOUND>(), &all::<TWICE>(), &["everybody"]);
    bites(&all::<SOUND>(), &all::<EATS>(), &["recv-cancel"]);
    bites(&all::<SOUND>(), &all::<FORGETS>(), &["lag", "lag-waiting"]);
    bites(&all::<SOUND>(), &all::<IDLE>(), &["close"]);
    bites(&all::<SOUND>(), &all::<EMPTY>(), &["nobody"]);
    bites(&all::<SOUND>(), &all::<STAYS>(), &["slow"]);
}
