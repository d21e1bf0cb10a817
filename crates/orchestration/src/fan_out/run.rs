//! The futures that do the work of a fan-out.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_sync::channel::{Sender, SendingOwned};
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::Slow;
use super::lane::{Fate, Lane, Readiness};

/// Each item to every output.
#[derive(Debug)]
pub struct Broadcast;

/// Each item to the output of its key.
pub struct ByKey<K>(pub(super) K);

impl<K> fmt::Debug for ByKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").finish_non_exhaustive()
    }
}

/// Where items go.
pub trait Mode<T> {
    /// The only output that gets the item. None: all of them do.
    fn only(&mut self, item: &T, outputs: usize) -> Option<usize>;

    /// Another one of it.
    fn again(item: &T) -> Option<T>;
}

impl<T: Clone> Mode<T> for Broadcast {
    fn only(&mut self, _: &T, _: usize) -> Option<usize> {
        None
    }

    fn again(item: &T) -> Option<T> {
        Some(item.clone())
    }
}

impl<T, K: FnMut(&T) -> usize> Mode<T> for ByKey<K> {
    fn only(&mut self, item: &T, outputs: usize) -> Option<usize> {
        (self.0)(item).checked_rem(outputs)
    }

    fn again(_: &T) -> Option<T> {
        None
    }
}

/// What a fan-out has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// How many items came from the input.
    pub items: u64,
    /// What became of each output.
    pub outputs: Vec<OutputFate>,
}

/// What became of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputFate {
    /// How many items it lost because it was slow.
    pub lost: u64,
    /// Whether it was cut off because it was slow.
    pub disconnected: bool,
    /// Whether it was dropped.
    pub dropped: bool,
}

/// The lanes, which end when this is dropped.
struct Lanes<T> {
    all: Vec<Arc<Lane<T>>>,
}

impl<T> Drop for Lanes<T> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<T> Lanes<T> {
    /// Ends all of them, also if the waker of one panics.
    fn end(&self) {
        let mut panic = None;
        for lane in &self.all {
            let ended = catch_unwind(AssertUnwindSafe(|| lane.end()));
            panic = panic.or(ended.err());
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }
}

pin_project! {
    /// The future that does the work of [`broadcast`](super::FanOut::broadcast) and
    /// [`by_key`](super::FanOut::by_key).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct FanOutRun<S, M>
    where
        S: Stream,
    {
        #[pin]
        input: S,
        lanes: Lanes<S::Item>,
        slow: Slow,
        mode: M,
        // The item that is being delivered, and the lanes that have not got it yet.
        item: Option<S::Item>,
        owed: Vec<usize>,
        items: u64,
        over: bool,
    }
}

impl<S: Stream, M> FanOutRun<S, M> {
    pub(super) fn new(input: S, lanes: Vec<Arc<Lane<S::Item>>>, slow: Slow, mode: M) -> Self {
        FanOutRun {
            input,
            lanes: Lanes { all: lanes },
            slow,
            mode,
            item: None,
            owed: Vec::new(),
            items: 0,
            over: false,
        }
    }
}

/// Items after which others are let run.
const TURN: u32 = 64;

impl<S: Stream, M: Mode<S::Item>> Future for FanOutRun<S, M> {
    type Output = Delivered;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Delivered> {
        let mut this = self.project();
        assert!(!*this.over, "a future was polled after it had completed");
        let lanes = &this.lanes.all;
        for _ in 0..TURN {
            // From the back, so that what is done with can be taken out.
            for at in (0..this.owed.len()).rev() {
                let lane = &lanes[this.owed[at]];
                match lane.readiness(*this.slow, cx.waker()) {
                    Readiness::Full => continue,
                    Readiness::Closed => {}
                    Readiness::Ready => {
                        let last = this.owed.len() == 1;
                        let item = match &this.item {
                            Some(item) if !last => M::again(item),
                            _ => this.item.take(),
                        };
                        if let Some(item) = item {
                            lane.put(item, *this.slow);
                        }
                    }
                }
                this.owed.swap_remove(at);
            }
            if !this.owed.is_empty() {
                return Poll::Pending;
            }
            drop(this.item.take());
            // All are asked, so that each of them has the waker.
            let wanted = lanes
                .iter()
                .filter(|lane| lane.is_wanted(cx.waker()))
                .count();
            let next = if wanted == 0 {
                None
            } else {
                ready!(this.input.as_mut().poll_next(cx))
            };
            let Some(item) = next else {
                *this.over = true;
                this.lanes.end();
                let fate = |lane: &Arc<Lane<S::Item>>| {
                    let Fate {
                        lost,
                        cut_off,
                        gone,
                    } = lane.fate();
                    OutputFate {
                        lost,
                        disconnected: cut_off,
                        dropped: gone,
                    }
                };
                return Poll::Ready(Delivered {
                    items: *this.items,
                    outputs: lanes.iter().map(fate).collect(),
                });
            };
            *this.items += 1;
            match this.mode.only(&item, lanes.len()) {
                Some(lane) => this.owed.push(lane),
                None => this.owed.extend(0..lanes.len()),
            }
            *this.item = Some(item);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Stream, M> fmt::Debug for FanOutRun<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOutRun")
            .field("outputs", &self.lanes.all.len())
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future that does the work of [`distribute`](super::FanOut::distribute). Its output is how many
    /// items found somebody.
    ///
    /// If all outputs were dropped, it ends with the next item.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Distribute<S>
    where
        S: Stream,
    {
        #[pin]
        input: S,
        // None when it is over.
        sender: Option<Sender<S::Item>>,
        #[pin]
        sending: Option<SendingOwned<S::Item>>,
        items: u64,
    }
}

impl<S: Stream> Distribute<S> {
    pub(super) fn new(input: S, sender: Sender<S::Item>) -> Self {
        Distribute {
            input,
            sender: Some(sender),
            sending: None,
            items: 0,
        }
    }
}

impl<S: Stream> Future for Distribute<S> {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        let mut this = self.project();
        for _ in 0..TURN {
            let sender = this.sender.as_ref();
            let sender = sender.expect("a future was polled after it had completed");
            if let Some(sending) = this.sending.as_mut().as_pin_mut() {
                let sent = ready!(sending.poll(cx));
                this.sending.set(None);
                *this.items += u64::from(sent.is_ok());
            }
            let next = if sender.is_closed() {
                None
            } else {
                ready!(this.input.as_mut().poll_next(cx))
            };
            match next {
                Some(item) => {
                    let sending = sender.clone().send_owned(item);
                    this.sending.set(Some(sending));
                }
                None => {
                    *this.sender = None;
                    return Poll::Ready(*this.items);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Stream> fmt::Debug for Distribute<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribute")
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}
