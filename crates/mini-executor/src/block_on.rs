//! The plain `block_on`: poll, park the thread, poll again.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Runs `future` on this thread, which parks while the future waits.
///
/// No virtual time, no tasks, no stall report: this is for futures that other threads wake. Calls
/// may be nested, and wakers may be called from anywhere, also from inside the poll. Inside of a
/// [`run`](crate::run) it stops every other task until it is done, so a future that needs another
/// task of the run blocks for ever.
///
/// # Examples
///
/// ```
/// assert_eq!(mini_executor::block_on(async { 6 * 7 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let signal = Arc::new(Signal {
        thread: thread::current(),
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(signal.clone());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        // Parking may end for other reasons: the thread's token is shared with nested calls and
        // with foreign code. The flag is this call's own.
        while !signal.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

struct Signal {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
