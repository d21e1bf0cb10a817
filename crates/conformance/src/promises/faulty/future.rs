//! A future with one fault.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{ALLOCATES, DEAF, HOARDS, LEAKS, STALE};

pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The future, with the fault of that number if it is one of these.
pub(super) struct Faulty<'a, T, const FAULT: u8> {
    future: Option<Boxed<'a, T>>,
    wakers: Vec<Waker>,
}

impl<'a, T, const FAULT: u8> Faulty<'a, T, FAULT> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'a) -> Self {
        Faulty {
            future: Some(Box::pin(future)),
            wakers: Vec::new(),
        }
    }
}

impl<T, const FAULT: u8> Future for Faulty<'_, T, FAULT> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if FAULT == HOARDS || (FAULT == STALE && this.wakers.is_empty()) {
            this.wakers.push(cx.waker().clone());
        }
        if FAULT == ALLOCATES {
            drop(std::hint::black_box(Box::new(1)));
        }
        let waker = match FAULT {
            DEAF => Waker::noop(),
            STALE => &this.wakers[0],
            _ => cx.waker(),
        };
        let future = this.future.as_mut().expect("it has not completed");
        let polled = future.as_mut().poll(&mut Context::from_waker(waker));
        if polled.is_ready() {
            this.future = None;
        }
        polled
    }
}

impl<T, const FAULT: u8> Drop for Faulty<'_, T, FAULT> {
    fn drop(&mut self) {
        if FAULT == LEAKS {
            std::mem::forget(self.future.take());
        }
    }
}
