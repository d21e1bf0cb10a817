//! Wakers that run foreign code when they are cloned, called and dropped.
//!
//! The one place besides the counting allocator that needs `unsafe`: std's safe wakers have no hook
//! for clones and drops.
#![allow(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What a hostile waker does: each once, at the first occasion after it is armed.
#[derive(Default)]
pub(super) struct Script {
    clone: Act,
    wake: Act,
    drop: Act,
}

/// Foreign code.
pub(super) type Deed = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Act {
    armed: AtomicBool,
    deed: Option<Deed>,
}

impl Act {
    fn new(deed: Deed) -> Self {
        Act {
            armed: AtomicBool::new(true),
            deed: Some(deed),
        }
    }

    fn happen(&self) {
        if self.armed.swap(false, Ordering::SeqCst)
            && let Some(deed) = &self.deed
        {
            deed();
        }
    }
}

impl Script {
    /// Does this when it is cloned.
    pub(super) fn on_clone(deed: Deed) -> Arc<Self> {
        Arc::new(Script {
            clone: Act::new(deed),
            ..Script::default()
        })
    }

    /// Does this when it is called.
    pub(super) fn on_wake(deed: Deed) -> Arc<Self> {
        Arc::new(Script {
            wake: Act::new(deed),
            ..Script::default()
        })
    }

    /// Does this when it is dropped.
    pub(super) fn on_drop(deed: Deed) -> Arc<Self> {
        Arc::new(Script {
            drop: Act::new(deed),
            ..Script::default()
        })
    }

    /// Whether the deed has been done.
    pub(super) fn done(&self) -> bool {
        [&self.clone, &self.wake, &self.drop]
            .iter()
            .any(|act| act.deed.is_some() && !act.armed.load(Ordering::SeqCst))
    }

    /// A waker that follows the script. It is the caller's own and never dropped, so that only the
    /// clones that others keep count.
    pub(super) fn waker(self: &Arc<Self>) -> &'static Waker {
        let data = Arc::into_raw(Arc::clone(self));
        // SAFETY: the table's functions keep the contract of a thread-safe waker: `Script` is `Sync`,
        // and each waker owns one count of the `Arc`.
        let waker = unsafe { Waker::new(data.cast(), &VTABLE) };
        Box::leak(Box::new(waker))
    }
}

fn script<'a>(data: *const ()) -> &'a Script {
    // SAFETY: made by `Arc::into_raw`, and the waker that calls this owns a count.
    unsafe { &*data.cast() }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        script(data).clone.happen();
        // SAFETY: made by `Arc::into_raw`; the clone owns the count that is added.
        unsafe { Arc::increment_strong_count(data.cast::<Script>()) };
        RawWaker::new(data, &VTABLE)
    },
    |data| {
        // SAFETY: made by `Arc::into_raw`; waking by value gives the count up.
        let script = unsafe { Arc::from_raw(data.cast::<Script>()) };
        script.wake.happen();
    },
    |data| script(data).wake.happen(),
    |data| {
        // SAFETY: made by `Arc::into_raw`; dropping gives the count up.
        let script = unsafe { Arc::from_raw(data.cast::<Script>()) };
        script.drop.happen();
    },
);
