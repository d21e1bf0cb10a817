//! Those who wait, as those who wait for a lock: then all that is promised about waiting is measured.
//!
//! * One item goes round in a channel: who has received it has the lock, and sends it back. So a lock
//!   that is lost is an item that is lost.
//! * One place is reserved and given up.
//!
//! Who waits to *send* is no such thing: a send may be over before its future is polled again, and there is
//! nobody then to give the place back.

use std::sync::{Mutex, PoisonError};

use super::super::lock::Lock;
use super::super::{Measurement, of_every_lock};
use crate::peers::{ReservingChannel, SharedChannel, TryChannel};

/// Of those who wait to receive.
pub(in super::super) mod receive {
    use super::{Item, Measurement, SharedChannel, TryChannel, of_every_lock, own_futures};

    pub(in super::super::super) fn every<C: SharedChannel + TryChannel>() -> Vec<Measurement> {
        own_futures(of_every_lock::<Item<C>>())
    }
}

/// Of those who wait for a place that is kept for them.
pub(in super::super) mod reserve {
    use super::{Measurement, Place, ReservingChannel, of_every_lock, own_futures};

    pub(in super::super::super) fn every<C: ReservingChannel<Sender: Sync>>() -> Vec<Measurement> {
        own_futures(of_every_lock::<Place<C>>())
    }
}

/// The futures here are wrapped, so what a peer's own does when it is polled too often does not show.
fn own_futures(mut all: Vec<Measurement>) -> Vec<Measurement> {
    all.retain(|it| it.id != "after-completion");
    all
}

/// An item that goes round.
struct Item<C: SharedChannel> {
    sender: Mutex<C::Sender>,
    receiver: Mutex<C::Receiver>,
}

struct Received<'a, C: SharedChannel + TryChannel>(&'a Item<C>);

impl<C: SharedChannel + TryChannel> Item<C> {
    fn receiver(&self) -> C::Receiver {
        C::share(&self.receiver.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C: SharedChannel + TryChannel> Drop for Received<'_, C> {
    fn drop(&mut self) {
        // A clone, since the receiver's waker is called below, and may come back here.
        let sender = self.0.sender.lock();
        let mut sender = sender.unwrap_or_else(PoisonError::into_inner).clone();
        let back = C::try_send(&mut sender, 1);
        assert!(back, "the channel has room for one item");
    }
}

impl<C: SharedChannel + TryChannel> Lock for Item<C> {
    type Held<'a> = Received<'a, C>;

    fn new() -> Self {
        let (mut sender, receiver) = C::bounded(1);
        assert!(C::try_send(&mut sender, 1));
        Item {
            sender: Mutex::new(sender),
            receiver: Mutex::new(receiver),
        }
    }

    async fn take(&self) -> Received<'_, C> {
        let mut receiver = self.receiver();
        let item = C::recv(&mut receiver).await;
        assert_eq!(item, Some(1), "the channel is open");
        Received(self)
    }

    fn try_take(&self) -> Option<Received<'_, C>> {
        C::try_recv(&mut self.receiver())?;
        Some(Received(self))
    }
}

/// A place that is given up again and again.
struct Place<C: ReservingChannel> {
    sender: C::Sender,
    _receiver: Mutex<C::Receiver>,
}

impl<C: ReservingChannel<Sender: Sync>> Lock for Place<C> {
    type Held<'a> = C::Permit<'a>;

    fn new() -> Self {
        let (sender, receiver) = C::bounded(1);
        Place {
            sender,
            _receiver: Mutex::new(receiver),
        }
    }

    async fn take(&self) -> C::Permit<'_> {
        C::reserve(&self.sender).await.expect("the channel is open")
    }

    fn try_take(&self) -> Option<C::Permit<'_>> {
        C::try_reserve(&self.sender)
    }
}
