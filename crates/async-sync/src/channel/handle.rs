//! What refers to a channel: a counted sender, a counted receiver, an uncounted one.
//!
//! The handles on each side are counted apart from the `Arc`. When the count of a side falls to zero,
//! the channel is closed; if nobody receives any more, the items are dropped too. Nobody comes back from
//! zero: an upgrade counts only from one on.

use alloc::sync::{Arc, Weak};
use core::ops::Deref;

use sync_core::atomic::{AtomicUsize, Ordering};

use super::raw::Chan;

/// A side of the channel.
pub(super) trait Side: Sized {
    fn count<T>(chan: &Chan<T>) -> &AtomicUsize;

    /// Nobody is left on this side.
    fn gone<T>(chan: &Chan<T>);
}

#[derive(Debug)]
pub(super) struct Sends;

#[derive(Debug)]
pub(super) struct Receives;

impl Side for Sends {
    #[inline]
    fn count<T>(chan: &Chan<T>) -> &AtomicUsize {
        &chan.senders
    }

    fn gone<T>(chan: &Chan<T>) {
        chan.close();
    }
}

impl Side for Receives {
    #[inline]
    fn count<T>(chan: &Chan<T>) -> &AtomicUsize {
        &chan.receivers
    }

    fn gone<T>(chan: &Chan<T>) {
        chan.abandon();
    }
}

/// One of those who send, or receive.
pub(super) struct Handle<T, S: Side> {
    chan: Arc<Chan<T>>,
    _side: core::marker::PhantomData<fn() -> S>,
}

impl<T, S: Side> Handle<T, S> {
    /// The first handle of its side, which a new channel has counted already.
    pub(super) fn first(chan: Arc<Chan<T>>) -> Self {
        Handle {
            chan,
            _side: core::marker::PhantomData,
        }
    }

    #[inline]
    pub(super) fn chan(&self) -> &Arc<Chan<T>> {
        &self.chan
    }

    /// How many handles there are on this side: a snapshot.
    pub(super) fn count_of(chan: &Chan<T>) -> usize {
        // Relaxed: a snapshot orders nothing.
        S::count(chan).load(Ordering::Relaxed)
    }

    /// A handle, if there is still one on this side.
    pub(super) fn upgrade(weak: &Weak<Chan<T>>) -> Option<Self> {
        let chan = weak.upgrade()?;
        let count = S::count(&chan);
        let mut seen = count.load(Ordering::Relaxed);
        while seen != 0 {
            // Relaxed: as when an `Arc` is cloned, the new handle gets everything it needs from the one
            // that led here.
            match count.compare_exchange_weak(seen, seen + 1, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(Handle::first(chan)),
                Err(now) => seen = now,
            }
        }
        None
    }
}

impl<T, S: Side> Clone for Handle<T, S> {
    fn clone(&self) -> Self {
        // First: it aborts before so many handles were leaked that a count could wrap.
        let chan = Arc::clone(&self.chan);
        // Relaxed: as for an `Arc`.
        S::count(&chan).fetch_add(1, Ordering::Relaxed);
        Handle::first(chan)
    }
}

impl<T, S: Side> Drop for Handle<T, S> {
    fn drop(&mut self) {
        // AcqRel: what the others did with their handles comes before what the last one does.
        if S::count(&self.chan).fetch_sub(1, Ordering::AcqRel) == 1 {
            S::gone(&self.chan);
        }
    }
}

impl<T, S: Side> Deref for Handle<T, S> {
    type Target = Chan<T>;

    #[inline]
    fn deref(&self) -> &Chan<T> {
        &self.chan
    }
}
