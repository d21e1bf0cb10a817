//! Auto traits and sizes of the public types.

use std::cell::Cell;
use std::mem::size_of;
use std::rc::Rc;

use orchestration::errgroup::{
    Builder, CancelPolicy, CancelToken, Cancelled, CollectAll, ErrGroup, ErrGroupHandle, Errors,
    FirstError, LocalErrGroup, Panic, SendTasks, SpawnError, ThreadBound, TrySpawnError,
};
use runtime::TokioRuntime;
use static_assertions::{assert_impl_all, assert_not_impl_any};

type NotSync = Cell<u8>;
type NotSend = Rc<u8>;
type Group<T, E, P = FirstError> = ErrGroup<TokioRuntime, T, E, P>;
type Handle<T, E> = ErrGroupHandle<TokioRuntime, T, E>;
type Local<T, E, M> = LocalErrGroup<'static, T, E, FirstError, M>;

// A group is owned by one, its handles by many; values and errors need to be Send only.
assert_impl_all!(Group<NotSync, NotSync>: Send, Sync, Unpin);
assert_impl_all!(Group<NotSync, NotSync, CollectAll>: Send, Sync, Unpin);
assert_impl_all!(Handle<NotSync, NotSync>: Send, Sync, Unpin, Clone);
assert_not_impl_any!(Group<NotSend, u8>: Send, Sync);
assert_not_impl_any!(Group<u8, NotSend>: Send, Sync);
assert_not_impl_any!(Group<u8, u8>: Clone);

// A local group stays on its thread, unless its tasks need not.
assert_not_impl_any!(Local<u8, u8, ThreadBound>: Send, Clone);
assert_impl_all!(Local<NotSync, NotSync, SendTasks>: Send, Unpin);
assert_not_impl_any!(Local<NotSend, u8, SendTasks>: Send);
assert_not_impl_any!(Local<u8, u8, SendTasks>: Clone);

// Tokens go anywhere; the future does not borrow its token.
assert_impl_all!(CancelToken: Clone, Default, Send, Sync, Unpin);
// Its place in the queue is inside: waiting allocates nothing.
assert_impl_all!(Cancelled: Send, Sync);
assert_not_impl_any!(Cancelled: Clone, Unpin);

// Errors travel.
assert_impl_all!(Panic: std::error::Error, Send, Sync);
assert_impl_all!(Errors<u8, std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(SpawnError<u8>: std::error::Error, Send, Sync);
assert_impl_all!(TrySpawnError<u8>: std::error::Error, Send, Sync);
assert_impl_all!(CancelPolicy: Copy, Default, Eq, Send, Sync);

// What is chosen before there is a task binds nobody.
assert_impl_all!(Builder<NotSend>: Send, Sync);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert_eq!(size_of::<CancelToken>(), 16);
    assert!(size_of::<Cancelled>() <= 64);
    assert_eq!(size_of::<Panic>(), 8);
    assert_eq!(size_of::<Handle<u8, u8>>(), 8);
}
