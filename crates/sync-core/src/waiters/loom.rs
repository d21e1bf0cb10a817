//! Every operation of the queue against every other, under every interleaving.
//!
//! Two futures are queued (one of them may have a baton); two threads then do one operation each.
//! Afterwards every future must have ended or be queued, no stroke of the bell may be lost or heard
//! twice, and once all futures are gone the queue must be empty and all wakers dropped.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use ::loom::sync::Arc;
use ::loom::thread;

use super::bell::{Bell, CLOSED};
use super::*;

struct Silent;

impl Wake for Silent {
    fn wake(self: StdArc<Self>) {}
}

type Future = Pin<Box<Waiting<&'static Bell, 2>>>;

fn poll(future: &mut Future, waker: &Waker) -> Poll<Result<(), Refused>> {
    let result = future.as_mut().poll(&mut Context::from_waker(waker));
    result.map_ok(|_| ())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// A new waiter queues.
    Enqueue,
    /// A queued waiter is polled again, by another task.
    Poll,
    /// A queued waiter is dropped.
    Cancel,
    /// One waiter is granted a stroke.
    RingOne,
    /// All waiters are settled, in more than one batch.
    RingAll,
    /// The oldest baton is taken away.
    Revoke,
    /// All waiters are refused.
    Close,
}

use Operation::*;

const ALL: [Operation; 7] = [Enqueue, Poll, Cancel, RingOne, RingAll, Revoke, Close];

/// What an operation leaves behind: a future that has not ended, strokes rung, strokes heard.
struct Outcome {
    future: Option<Future>,
    rung: usize,
    heard: usize,
    settled: bool,
}

fn run(operation: Operation, bell: &'static Bell, mine: &mut Option<Future>) -> Outcome {
    let waker = Waker::from(StdArc::new(Silent));
    let mut out = Outcome {
        future: None,
        rung: 0,
        heard: 0,
        settled: operation == RingAll,
    };
    match operation {
        Enqueue => {
            let mut future = Box::pin(Waiting::borrowed(bell, 0));
            match poll(&mut future, &waker) {
                Poll::Pending => out.future = Some(future),
                Poll::Ready(Ok(())) => out.heard = 1,
                Poll::Ready(Err(code)) => assert_eq!(code, Refused(CLOSED)),
            }
        }
        Poll => {
            let mut future = mine.take().expect("one operation each");
            let result = poll(&mut future, &waker);
            // Reads the node: whoever took it out of the queue must have published it.
            let _ = future.tag();
            match result {
                Poll::Pending => out.future = Some(future),
                Poll::Ready(Ok(())) => out.heard = 1,
                Poll::Ready(Err(code)) => assert_eq!(code, Refused(CLOSED)),
            }
        }
        Cancel => drop(mine.take()),
        RingOne => {
            bell.ring_one();
            out.rung = 1;
        }
        RingAll => bell.ring_all(),
        Revoke => bell.revoke(),
        Close => bell.close(),
    }
    out
}

fn pair(first: Operation, second: Operation, baton: bool) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    let schedules = StdArc::new(AtomicUsize::new(0));
    let count = StdArc::clone(&schedules);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let count = StdArc::new(Silent);
        let waker = Waker::from(StdArc::clone(&count));
        let bell: &'static Bell = Box::leak(Box::new(Bell::new()));
        let mut futures: Vec<Option<Future>> = (0..3)
            .map(|_| {
                let mut future = Box::pin(Waiting::borrowed(bell, 0));
                assert!(poll(&mut future, &waker).is_pending());
                Some(future)
            })
            .collect();
        let mut rung = 0;
        if baton {
            bell.ring_one();
            rung += 1;
        }
        let rest = futures.pop().flatten();
        let outcomes = Arc::new(::loom::sync::Mutex::new(Vec::new()));
        let threads: Vec<_> = [first, second]
            .into_iter()
            .map(|operation| {
                let mut mine = futures.remove(0);
                let outcomes = Arc::clone(&outcomes);
                thread::spawn(move || {
                    let mut out = run(operation, bell, &mut mine);
                    // What was not used is still queued.
                    out.future = out.future.take().or(mine);
                    outcomes.lock().unwrap().push(out);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let outcomes = std::mem::take(&mut *outcomes.lock().unwrap());
        let settled = outcomes.iter().any(|out| out.settled);
        let mut heard = 0;
        let mut left = Vec::from_iter(rest);
        for out in outcomes {
            rung += out.rung;
            heard += out.heard;
            left.extend(out.future);
        }
        // Poll what is left: with an unheard stroke nobody may be stranded.
        for mut future in left {
            match poll(&mut future, &waker) {
                Poll::Ready(Ok(())) => heard += 1,
                Poll::Ready(Err(code)) => assert_eq!(code, Refused(CLOSED)),
                Poll::Pending => {
                    assert_eq!(bell.strokes(), 0, "a waiter is stranded beside a stroke");
                }
            }
        }
        bell.check();
        let strokes = bell.strokes();
        if !settled {
            assert_eq!(
                rung,
                heard + strokes,
                "strokes are heard once, or still there"
            );
        }
        assert_eq!(StdArc::strong_count(&count), 2, "a waker was leaked");
        // SAFETY: leaked above; all futures and threads that refer to it are gone.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(bell).cast_mut()) });
    });
    println!("{} schedules", schedules.load(Ordering::Relaxed));
}

/// One test for each first operation, so that they run side by side.
macro_rules! against_all {
    ($($name:ident: $operation:expr;)*) => {
        $(
            #[test]
            fn $name() {
                for second in ALL {
                    for baton in [false, true] {
                        pair($operation, second, baton);
                    }
                }
            }
        )*
    };
}

against_all! {
    enqueue: Enqueue;
    poll_again: Poll;
    cancel: Cancel;
    ring_one: RingOne;
    ring_all: RingAll;
    revoke: Revoke;
    close: Close;
}
