//! Auto traits of the public types.

use std::cell::Cell;
use std::rc::Rc;

use mini_executor::{
    Builder, Metrics, MiniJoinHandle, MiniRuntime, MiniSleep, Report, RunError, Schedule, Stalled,
    TaskReport, YieldNow,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

// A runtime is passed to tasks; reports are sent to whoever prints them.
assert_impl_all!(MiniRuntime: Clone, Send, Sync, Unpin);
assert_impl_all!(MiniJoinHandle<Cell<u8>>: Send, Unpin);
assert_not_impl_any!(MiniJoinHandle<Rc<u8>>: Send);
assert_not_impl_any!(MiniJoinHandle<u8>: Clone);
assert_impl_all!(MiniSleep: Send, Sync, Unpin);
assert_not_impl_any!(MiniSleep: Clone);
assert_impl_all!(YieldNow: Send, Sync, Unpin);
assert_impl_all!(RunError: std::error::Error, Send, Sync);
assert_impl_all!(Stalled: std::error::Error, Send, Sync);
assert_impl_all!(Report: Send, Sync);
assert_impl_all!(TaskReport: Send, Sync);
assert_impl_all!(Metrics: Send, Sync);
assert_impl_all!(Builder: Clone, Send, Sync);
assert_impl_all!(Schedule: Copy, Send, Sync);
