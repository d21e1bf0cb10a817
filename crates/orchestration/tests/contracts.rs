//! Auto traits and sizes of the public types.

use std::cell::Cell;
use std::mem::size_of;
use std::rc::Rc;

use orchestration::Limiter;
use orchestration::errgroup::{
    Builder, CancelPolicy, CancelToken, Cancelled, CollectAll, ErrGroup, ErrGroupHandle, ErrToken,
    ErrWaitGroup, Errors, FirstError, LocalErrGroup, MultiError, Origin, Panic, SendTasks,
    SpawnError, TaskError, ThreadBound, TrySpawnError,
};
use orchestration::limiter::{InSlot, Lend};
use orchestration::results::{
    Hedge, Here, Map, NotEnough, On, OnTasks, Ordered, Results, Unordered, Waterfall,
};
use orchestration::retry::{Decision, Failed, GaveUp, Retry, RetryBudget, RetryError};
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

assert_impl_all!(TaskError<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(Origin: Clone, Eq, Send, Sync, Unpin);
assert_impl_all!(MultiError<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(NotEnough<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(RetryError<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(GaveUp: Clone, Send, Sync);
assert_impl_all!(Failed<u8>: Clone, Eq);
assert_impl_all!(Decision: Copy, From<bool>);

// Errors of work done elsewhere come from any thread.
assert_impl_all!(ErrWaitGroup<NotSync>: Clone, Default, Send, Sync, Unpin);
assert_impl_all!(ErrToken<NotSync>: Send, Sync, Unpin);
assert_not_impl_any!(ErrToken<NotSync>: Clone);
assert_not_impl_any!(ErrWaitGroup<NotSend>: Send, Sync);

// Limits, policies and budgets are shared.
assert_impl_all!(Limiter: Clone, Send, Sync, Unpin);
assert_impl_all!(InSlot<NotSync>: Send);
assert_not_impl_any!(InSlot<NotSend>: Send);
assert_not_impl_any!(InSlot<u8>: Clone, Unpin);
assert_impl_all!(Lend<std::future::Ready<NotSync>>: Send);
assert_not_impl_any!(Lend<std::future::Pending<u8>>: Clone);
assert_impl_all!(RetryBudget: Clone, Send, Sync, Unpin);
assert_impl_all!(Retry<TokioRuntime>: Clone, Send, Sync);
assert_impl_all!(Hedge<TokioRuntime, On<TokioRuntime>>: Clone, Send, Sync);
assert_impl_all!(Results<Here>: Clone, Send, Sync);
assert_impl_all!(Waterfall<NotSync>: Send);

// A map goes where its futures may; it can be moved while it runs.
type Source = futures_util::stream::Iter<std::ops::Range<u8>>;
type Item = std::future::Ready<NotSync>;
assert_impl_all!(Map<Source, fn(u8) -> Item>: Send, Sync);
assert_impl_all!(Ordered<Source, fn(u8) -> Item, Item>: Send, Unpin);
assert_impl_all!(Unordered<Source, fn(u8) -> Item, Item>: Send, Unpin);
assert_not_impl_any!(Ordered<Source, fn(u8) -> Item, std::future::Ready<NotSend>>: Send);
assert_impl_all!(OnTasks<TokioRuntime, Source, fn(u8) -> Item, NotSync, orchestration::results::InOrder>: Send, Unpin);

// What is chosen before there is a task binds nobody.
assert_impl_all!(Builder<NotSend>: Send, Sync);

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert_eq!(size_of::<CancelToken>(), 16);
    assert!(size_of::<Cancelled>() <= 64);
    assert_eq!(size_of::<Panic>(), 8);
    assert_eq!(size_of::<Handle<u8, u8>>(), 8);
    assert_eq!(size_of::<Limiter>(), 8);
    assert_eq!(size_of::<RetryBudget>(), 8);
    // A slot and a place in the queue, whatever runs in it.
    assert!(
        size_of::<InSlot<()>>() <= 128,
        "{}",
        size_of::<InSlot<()>>()
    );
}
