//! Lets a thread wait for a future: the ground of every `*_blocking` call.
//!
//! A blocking call is the asynchronous one, polled by a thread that parks in between. It therefore
//! waits in the same queue, under the same rules, as every task. The waker of a thread is made once
//! and kept, so waiting does not allocate after a thread's first wait.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::Thread;

/// Wakes the thread that made it.
struct Unparker {
    thread: Thread,
    /// Set by a wake-up, cleared by the waiting thread. It tells a wake-up of ours from an `unpark`
    /// that some other code left behind, and makes one that comes early stay.
    woken: AtomicBool,
}

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: what the waker did before is seen by the thread that polls next.
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

std::thread_local! {
    static UNPARKER: Arc<Unparker> = Arc::new(Unparker {
        thread: std::thread::current(),
        woken: AtomicBool::new(false),
    });
}

/// Polls `future` on this thread, which is parked while the future is pending.
///
/// Works inside and outside of every runtime, and never panics because of one. On a runtime's
/// worker it blocks that worker, as its name says.
///
/// ```
/// assert_eq!(sync_core::park::block_on(async { 6 * 7 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // A thread whose locals are gone (it runs their destructors) gets an unparker of its own.
    let unparker = UNPARKER.try_with(Arc::clone).unwrap_or_else(|_| {
        Arc::new(Unparker {
            thread: std::thread::current(),
            woken: AtomicBool::new(false),
        })
    });
    let waker = Waker::from(Arc::clone(&unparker));
    let mut cx = Context::from_waker(&waker);
    let mut debt = None;
    loop {
        if let Poll::Ready(out) = future.as_mut().poll(&mut cx) {
            return out;
        }
        // Acquire: pairs with the waker's Release.
        while !unparker.woken.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
        debt.get_or_insert_with(|| WakeOnDrop(waker.clone()));
    }
}

/// When calls nest (a future blocks in its own poll), they share the thread's flag, and the inner
/// one may have consumed a wake-up of the outer one. It leaves one behind when it ends, also by a
/// panic: a spurious poll costs little, a lost one would hang.
struct WakeOnDrop(Waker);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use core::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn a_wake_up_from_another_thread_ends_the_wait() {
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                waker.wake();
            });
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    }

    #[test]
    fn a_wake_up_during_the_poll_is_not_lost() {
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        assert_eq!(polls, 3);
    }

    #[test]
    fn nested_calls_do_not_eat_the_outer_wake_up() {
        let mut polls = 0;
        block_on(poll_fn(|outer| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            outer.waker().wake_by_ref();
            let mut inner_polls = 0;
            block_on(poll_fn(|inner| {
                inner_polls += 1;
                inner.waker().wake_by_ref();
                if inner_polls == 2 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }));
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    }

    #[test]
    fn a_nested_call_that_panics_does_not_either() {
        let mut polls = 0;
        block_on(poll_fn(|outer| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            outer.waker().wake_by_ref();
            let mut inner_polls = 0;
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                block_on(poll_fn(|inner| -> Poll<()> {
                    inner_polls += 1;
                    inner.waker().wake_by_ref();
                    if inner_polls == 2 {
                        std::panic::resume_unwind(Box::new("inner"));
                    }
                    Poll::Pending
                }));
            }));
            assert!(panicked.is_err());
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    }

    #[test]
    fn somebody_elses_unpark_is_not_a_wake_up() {
        std::thread::current().unpark();
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                waker.wake();
            });
            Poll::Pending
        }));
        assert_eq!(polls, 2, "a stray unpark caused a poll");
    }

    /// The wake-up itself orders what was done before it, even when the thread has not parked yet
    /// and parking orders nothing. Miri and `ThreadSanitizer` see the race if it does not.
    #[test]
    fn what_was_done_before_a_wake_up_is_seen() {
        use core::cell::UnsafeCell;
        use core::sync::atomic::AtomicUsize;

        struct Shared(UnsafeCell<u32>, AtomicUsize);
        // SAFETY: the wake-up orders the accesses; that is the test.
        unsafe impl Sync for Shared {}

        let shared = Arc::new(Shared(UnsafeCell::new(0), AtomicUsize::new(0)));
        let mut thread = None;
        block_on(poll_fn(|cx| {
            if thread.is_some() {
                // SAFETY: written before the wake-up to which this poll is due.
                assert_eq!(unsafe { *shared.0.get() }, 1);
                return Poll::Ready(());
            }
            let (waker, theirs) = (cx.waker().clone(), Arc::clone(&shared));
            thread = Some(std::thread::spawn(move || {
                // SAFETY: read only after the wake-up.
                unsafe { *theirs.0.get() = 1 };
                waker.wake();
                theirs.1.store(1, Ordering::Relaxed);
            }));
            while shared.1.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            Poll::Pending
        }));
        thread.unwrap().join().unwrap();
    }

    /// As above, with a future that is done only when it was woken: a poll too many is seen.
    #[test]
    fn a_stray_unpark_causes_no_poll() {
        let woken = Arc::new(AtomicBool::new(false));
        std::thread::current().unpark();
        let mut polls = 0;
        block_on(poll_fn(|cx| {
            polls += 1;
            if woken.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            if polls == 1 {
                let (waker, woken) = (cx.waker().clone(), Arc::clone(&woken));
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    woken.store(true, Ordering::Relaxed);
                    waker.wake();
                });
            }
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    }

    /// The inner call consumes the only wake-up that there is, and nobody wakes again.
    #[test]
    fn a_nested_call_leaves_a_wake_up_behind() {
        let mut polls = 0;
        block_on(poll_fn(|outer| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            outer.waker().wake_by_ref();
            let mut inner_polls = 0;
            block_on(poll_fn(|_| {
                inner_polls += 1;
                if inner_polls == 2 {
                    Poll::Ready(())
                } else {
                    Poll::Pending // the flag of the outer call ends this wait
                }
            }));
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    }
}
