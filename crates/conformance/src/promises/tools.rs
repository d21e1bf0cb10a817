//! Futures polled by hand.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// How long a measurement waits for something that should have happened already.
pub(super) const LIMIT: Duration = Duration::from_millis(50);

/// For so long at least what is given back is kept for a waiter that has been woken. (By ours for a
/// millisecond.) A measurement that takes longer, as its thread was stopped, says nothing.
pub(super) const KEPT: Duration = Duration::from_micros(900);

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A task: a waker that counts.
#[derive(Clone)]
pub(super) struct Task {
    wakes: Arc<Wakes>,
    waker: Waker,
}

impl Task {
    pub(super) fn new() -> Self {
        let wakes = Arc::<Wakes>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        Task { wakes, waker }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Wake-ups since the last call.
    pub(super) fn woken(&self) -> usize {
        self.wakes.0.swap(0, Ordering::SeqCst)
    }

    /// Clones of the waker that others keep.
    pub(super) fn kept(&self) -> usize {
        Arc::strong_count(&self.wakes) - 2
    }

    pub(super) fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker))
    }

    /// Polls, and says what came of it.
    pub(super) fn ready<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        match self.poll(future) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}

/// A future and the task that polls it. As `.await` does, drops it when it completes.
pub(super) struct Polled<F> {
    pub(super) task: Task,
    pub(super) future: Option<Pin<Box<F>>>,
}

impl<F: Future> Polled<F> {
    pub(super) fn new(future: F) -> Self {
        Polled::of(Task::new(), future)
    }

    /// Of a task that has more than one future.
    pub(super) fn of(task: Task, future: F) -> Self {
        Polled {
            task,
            future: Some(Box::pin(future)),
        }
    }

    /// # Panics
    ///
    /// If it has completed.
    pub(super) fn poll(&mut self) -> Option<F::Output> {
        let future = self.future.as_mut().expect("it has not completed");
        let output = self.task.ready(future.as_mut())?;
        self.future = None;
        Some(output)
    }

    /// Polls as a runtime does, whenever the task is woken; gives up after [`LIMIT`].
    pub(super) fn served(&mut self) -> Option<F::Output> {
        self.served_within(LIMIT)
    }

    /// Where other threads have something to do first.
    pub(super) fn served_within(&mut self, limit: Duration) -> Option<F::Output> {
        let start = Instant::now();
        loop {
            if self.task.woken() > 0 {
                if let Some(output) = self.poll() {
                    return Some(output);
                }
            } else if start.elapsed() > limit {
                return None;
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Time in which others look at a lock again and again: a while, and many looks, however long the
/// machine is busy elsewhere between two of them.
pub(super) struct Looks {
    start: Instant,
    looks: usize,
}

impl Looks {
    pub(super) fn new() -> Self {
        Looks {
            start: Instant::now(),
            looks: 0,
        }
    }

    /// Waits for a moment; whether it is worth another look.
    pub(super) fn again(&mut self) -> bool {
        std::thread::sleep(Duration::from_micros(100));
        self.looks += 1;
        self.looks < 500 || self.start.elapsed() < LIMIT
    }
}

/// Queued by a first poll.
///
/// # Panics
///
/// If there was nothing to wait for.
pub(super) fn queued<F: Future>(future: F) -> Polled<F> {
    let mut polled = Polled::new(future);
    assert!(polled.poll().is_none(), "nothing to wait for");
    polled
}

/// Polled once, by nobody in particular.
pub(super) fn now<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Whether another thread is done with `work` within half a second.
pub(super) fn meanwhile(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    wait.recv_timeout(Duration::from_millis(500)).is_ok()
}

/// Whether `f` panics.
pub(super) fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}
