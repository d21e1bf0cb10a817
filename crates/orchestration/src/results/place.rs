//! Where the futures of a result group run: inside the task that waits, or in tasks of their own.
//!
//! Either way a future that was started ends in one of three ways: with its output, stopped, or with
//! a panic. Stopping is the same for both, and is over when the future is gone: at once here, and when the
//! runtime has dropped the task there. So "losers are cancelled and awaited" is written once.

use std::any::Any;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use runtime::{JoinError, JoinHandle, Spawn, unbudgeted};

use crate::caught;
use crate::errgroup::Panic;

/// The task that waits. Its futures may borrow, and need not be `Send`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here(pub(super) ());

/// Tasks of a runtime, one for each future.
#[derive(Clone, Debug)]
pub struct On<S>(pub(super) S);

/// Where futures of type `F` can run: [`Here`] or [`On`] a runtime.
///
/// Sealed: it cannot be implemented outside of this crate.
pub trait Place<F: Future>: sealed::Sealed {
    /// A future that has been started.
    #[doc(hidden)]
    type Running: Running<Value = F::Output>;

    #[doc(hidden)]
    fn start(&self, future: F) -> Self::Running;
}

/// Why there is no output.
#[derive(Debug)]
pub enum Gone {
    /// It was stopped.
    Stopped,
    /// It panicked.
    Panicked(Box<dyn Any + Send>),
}

/// A future that has been started, and can be stopped. Dropping it stops it without waiting.
#[doc(hidden)]
pub trait Running: Future<Output = Result<Self::Value, Gone>> {
    /// What it ends with.
    type Value;

    /// Dropped, it is gone. Else it has to be stopped and awaited.
    const GONE_AT_ONCE: bool;

    /// It will end, with `Stopped` unless it had ended already. If it is gone at once, this gives the
    /// panic of its destructor.
    fn stop(self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Here {}
    impl<S> Sealed for super::On<S> {}
}

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct RunsHere<F> {
        // None: stopped.
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Place<F> for Here {
    type Running = RunsHere<F>;

    fn start(&self, future: F) -> RunsHere<F> {
        RunsHere {
            future: Some(future),
        }
    }
}

impl<F: Future> Future for RunsHere<F> {
    type Output = Result<F::Output, Gone>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().future.as_pin_mut() {
            Some(future) => future.poll(cx).map(Ok),
            None => Poll::Ready(Err(Gone::Stopped)),
        }
    }
}

impl<F: Future> Running for RunsHere<F> {
    type Value = F::Output;

    const GONE_AT_ONCE: bool = true;

    fn stop(self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>> {
        caught::discard(self.project().future).map(Panic::into_payload)
    }
}

/// A task that is aborted when this is dropped.
#[doc(hidden)]
#[derive(Debug)]
pub struct RunsOn<H: JoinHandle<T>, T> {
    handle: H,
    stopped: bool,
    output: std::marker::PhantomData<fn() -> T>,
}

impl<S, F> Place<F> for On<S>
where
    S: Spawn,
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Running = RunsOn<S::Handle<F::Output>, F::Output>;

    fn start(&self, future: F) -> Self::Running {
        RunsOn {
            handle: self.0.spawn(future),
            stopped: false,
            output: std::marker::PhantomData,
        }
    }
}

impl<H: JoinHandle<T>, T> Future for RunsOn<H, T> {
    type Output = Result<T, Gone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // With a budget, the handles of many tasks that have ended say they have not, in turn.
        let joined = ready!(pin!(unbudgeted(&mut self.handle)).poll(cx));
        Poll::Ready(match joined {
            Ok(output) => Ok(output),
            Err(JoinError::Panicked(payload)) => Err(Gone::Panicked(payload)),
            Err(JoinError::Aborted) if self.stopped => Err(Gone::Stopped),
            Err(JoinError::Aborted) => Err(Gone::Panicked(Box::new(
                "a task of a result group was dropped by its runtime before it ended",
            ))),
        })
    }
}

impl<H: JoinHandle<T>, T> Running for RunsOn<H, T> {
    type Value = T;

    const GONE_AT_ONCE: bool = false;

    fn stop(mut self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>> {
        self.stopped = true;
        self.handle.abort();
        None
    }
}

impl<H: JoinHandle<T>, T> Drop for RunsOn<H, T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
