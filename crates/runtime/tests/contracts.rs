//! Auto traits and sizes of the public types.

use std::cell::Cell;
use std::future::Ready;
use std::mem::size_of;
use std::rc::Rc;

use runtime::{Elapsed, Interval, JoinError, MissedTick, Task, TaskHandle, Tick, Timeout};
use static_assertions::{assert_impl_all, assert_not_impl_any};

type NotSync = Cell<u8>;
type NotSend = Rc<u8>;

// A handle is owned by whoever waits; the output comes through it.
assert_impl_all!(TaskHandle<NotSync>: Send, Unpin);
assert_not_impl_any!(TaskHandle<NotSend>: Send);
assert_not_impl_any!(TaskHandle<u8>: Clone);

// A task may be polled by another thread each time, if its future may.
assert_impl_all!(Task<Ready<NotSync>>: Send);
assert_not_impl_any!(Task<Ready<NotSend>>: Send);

// Errors travel; a panic's payload is only ever taken out by value.
assert_impl_all!(JoinError: std::error::Error, Send);
assert_impl_all!(Elapsed: std::error::Error, Copy, Eq, Send, Sync, Unpin);
assert_impl_all!(MissedTick: Copy, Eq, Send, Sync);

// As their parts.
assert_impl_all!(Timeout<Ready<()>, Ready<u8>>: Send, Sync, Unpin);
assert_not_impl_any!(Timeout<Ready<()>, Ready<NotSend>>: Send);
assert_not_impl_any!(Timeout<Ready<()>, std::marker::PhantomPinned>: Unpin);

/// A time-out costs its two futures and nothing else.
#[test]
fn sizes() {
    assert_eq!(size_of::<Elapsed>(), 0);
    assert_eq!(
        size_of::<Timeout<[u64; 2], [u64; 3]>>(),
        5 * size_of::<u64>()
    );
    assert_eq!(size_of::<TaskHandle<u8>>(), size_of::<usize>());
}

#[cfg(feature = "tokio")]
mod tokio {
    use super::*;
    use runtime::{TokioJoinHandle, TokioRuntime};

    assert_impl_all!(TokioRuntime: Clone, Send, Sync, Unpin);
    assert_impl_all!(TokioJoinHandle<NotSync>: Send, Unpin);
    assert_not_impl_any!(TokioJoinHandle<u8>: Clone);
    assert_impl_all!(Interval<TokioRuntime>: Send);
    assert_impl_all!(Tick<'static, TokioRuntime>: Send);
}

#[cfg(feature = "smol")]
mod smol {
    use super::*;
    use runtime::{SmolRuntime, SmolSleep};

    assert_impl_all!(SmolRuntime: Clone, Send, Sync, Unpin);
    assert_impl_all!(SmolSleep: Send);
    assert_impl_all!(Interval<SmolRuntime>: Send);
    assert_impl_all!(Tick<'static, SmolRuntime>: Send);
}
