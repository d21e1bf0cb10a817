//! What a panic finds whole, so that it may be used on both sides of `catch_unwind`.
//!
//! Not the locks with values: there is no poison, so nothing tells who comes next that a value was left
//! half-way. (As with `parking_lot`.)

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use async_sync::{
    AutoEvent, Barrier, Cond, Event, Latch, Mutex, Notify, Once, OnceCell, RawMutex,
    RawReentrantMutex, RawRwLock, RawWaitGroup, ReentrantMutex, RwLock, Semaphore, WaitGroup,
    Watch, broadcast, channel, event, oneshot, semaphore, watch,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// What is inside takes no part in it.
type Any = std::cell::Cell<u8>;

assert_impl_all!(Event: UnwindSafe, RefUnwindSafe);
assert_impl_all!(event::Wait<'static>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(AutoEvent: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Notify: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Latch: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Barrier: UnwindSafe, RefUnwindSafe);
assert_impl_all!(WaitGroup: UnwindSafe, RefUnwindSafe);
assert_impl_all!(RawWaitGroup: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Semaphore: UnwindSafe, RefUnwindSafe);
assert_impl_all!(semaphore::OwnedPermit: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Cond: UnwindSafe, RefUnwindSafe);
assert_impl_all!(RawMutex: UnwindSafe, RefUnwindSafe);
assert_impl_all!(RawRwLock: UnwindSafe, RefUnwindSafe);
assert_impl_all!(RawReentrantMutex: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ReentrantMutex<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Once: UnwindSafe, RefUnwindSafe);
assert_impl_all!(OnceCell<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(channel::Sender<Any>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(channel::Receiver<Any>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(oneshot::Sender<Any>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(oneshot::Receiver<Any>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(broadcast::Sender<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(broadcast::Receiver<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Watch<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(watch::Sender<u8>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(watch::Receiver<u8>: UnwindSafe, RefUnwindSafe);
#[cfg(feature = "context")]
assert_impl_all!(async_sync::Context: UnwindSafe, RefUnwindSafe);
#[cfg(feature = "single-flight")]
assert_impl_all!(async_sync::SingleFlight<u8, u8, u8>: UnwindSafe, RefUnwindSafe);

assert_not_impl_any!(Mutex<u8>: RefUnwindSafe);
assert_not_impl_any!(RwLock<u8>: RefUnwindSafe);
assert_not_impl_any!(Arc<Mutex<u8>>: UnwindSafe);
// These give references out, so what is inside does take part.
assert_not_impl_any!(Watch<Any>: RefUnwindSafe);
assert_not_impl_any!(broadcast::Sender<Any>: RefUnwindSafe);
