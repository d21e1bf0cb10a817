//! Auto traits of pipelines and of the patterns over streams.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use async_sync::channel::RecvStream;
use futures_util::stream::Empty;
use orchestration::fan_in::{FanIn, FanInHandle, InputId};
use orchestration::fan_out::{
    Broadcast, Delivered, Distribute, FanOut, FanOutRun, Output, OutputFate, Slow,
};
use orchestration::pipeline::{
    Control, Error, Metrics, OnError, Report, Running, StageError, StageMetrics,
};
use orchestration::{Bridge, BridgeChannels, OrDone};
use runtime::TokioRuntime;
use static_assertions::{assert_impl_all, assert_not_impl_any};

type NotSync = Cell<u8>;
type NotSend = Rc<u8>;
type Ready<T> = std::future::Ready<T>;

// What is only handed on has to be Send, and no more.
assert_impl_all!(Running<TokioRuntime, NotSync, NotSync>: Send);
assert_not_impl_any!(Running<TokioRuntime, NotSend, u8>: Send);
assert_not_impl_any!(Running<TokioRuntime, u8, u8>: Clone);
assert_impl_all!(Control: Clone, Default, Send, Sync, Unpin);
assert_impl_all!(Metrics: Clone, Send, Sync, std::fmt::Display);
assert_impl_all!(StageMetrics: Clone, Send, Sync);
assert_impl_all!(OnError: Copy, Default, Eq, Send, Sync);
assert_impl_all!(Error<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(StageError<std::io::Error>: std::error::Error, Send, Sync);
assert_impl_all!(Report<Infallible>: Send, Sync);

assert_impl_all!(OrDone<Ready<NotSync>>: Send, Unpin);
assert_not_impl_any!(OrDone<Ready<NotSend>>: Send);

assert_impl_all!(FanIn<Empty<NotSync>>: Send, Unpin);
assert_impl_all!(FanInHandle<Empty<NotSync>>: Clone, Send, Sync, Unpin);
assert_not_impl_any!(FanInHandle<Empty<NotSend>>: Send, Sync);
assert_impl_all!(InputId: Copy, Eq, std::hash::Hash, Send, Sync);

assert_impl_all!(Output<NotSync>: Send, Sync, Unpin);
assert_not_impl_any!(Output<NotSend>: Send, Sync);
assert_not_impl_any!(Output<u8>: Clone);
assert_impl_all!(FanOut<Empty<u8>>: Send, Sync);
assert_impl_all!(FanOutRun<Empty<NotSync>, Broadcast>: Send);
assert_impl_all!(Distribute<Empty<NotSync>>: Send);
assert_impl_all!(Slow: Copy, Default, Eq, Send, Sync);
assert_impl_all!(Delivered: Clone, Default, Eq, Send, Sync);
assert_impl_all!(OutputFate: Copy, Default, Eq, Send, Sync);

assert_impl_all!(Bridge<Empty<RecvStream<NotSync>>>: Send);
assert_impl_all!(BridgeChannels<NotSync>: Send);

#[test]
fn a_control_without_a_pipeline() {
    let metrics = Control::new().metrics();
    assert!(metrics.stages.is_empty() && metrics.bottleneck().is_none());
    assert!(metrics.to_string().contains("stage"));
    assert_eq!(
        format!("{:?}", Control::new()),
        "Control { started: false, stopped: false, cancelled: false }"
    );
}
