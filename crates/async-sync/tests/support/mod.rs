//! Futures polled by hand, with wakers that count.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use sync_core::clock;

/// A task: a waker that counts.
#[derive(Clone)]
pub(crate) struct Task(Arc<Count>);

#[derive(Default)]
struct Count(AtomicUsize);

/// A static table: the one that `Waker::from(Arc)` makes may have several addresses (it has under
/// miri), and then two wakers of one task do not know each other.
static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: made by `Arc::into_raw` below; the clone owns the count added here.
        unsafe { Arc::increment_strong_count(data.cast::<Count>()) };
        RawWaker::new(data, &VTABLE)
    },
    |data| {
        // SAFETY: made by `Arc::into_raw`; waking by value gives up one count.
        let count = unsafe { Arc::from_raw(data.cast::<Count>()) };
        count.0.fetch_add(1, Ordering::SeqCst);
    },
    |data| {
        // SAFETY: made by `Arc::into_raw`; the caller's count keeps it alive.
        let count = unsafe { &*data.cast::<Count>() };
        count.0.fetch_add(1, Ordering::SeqCst);
    },
    // SAFETY: made by `Arc::into_raw`; dropping gives up one count.
    |data| unsafe { Arc::decrement_strong_count(data.cast::<Count>()) },
);

impl Task {
    pub(crate) fn new() -> Self {
        Task(Arc::default())
    }

    /// Wake-ups since the last call.
    pub(crate) fn woken(&self) -> usize {
        self.0.0.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn waker(&self) -> Waker {
        let data = Arc::into_raw(Arc::clone(&self.0));
        // SAFETY: the table's functions keep the contract of a thread-safe waker.
        unsafe { Waker::new(data.cast(), &VTABLE) }
    }

    /// References to the waker that others keep.
    pub(crate) fn kept(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    pub(crate) fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker()))
    }
}

/// A future and the task that polls it.
pub(crate) struct Polled<F: ?Sized> {
    pub(crate) task: Task,
    pub(crate) future: Pin<Box<F>>,
}

impl<F: Future> Polled<F> {
    pub(crate) fn new(future: F) -> Self {
        Polled {
            task: Task::new(),
            future: Box::pin(future),
        }
    }

    pub(crate) fn of(task: &Task, future: F) -> Self {
        Polled {
            task: task.clone(),
            future: Box::pin(future),
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.task.poll(self.future.as_mut())
    }

    #[track_caller]
    pub(crate) fn pending(&mut self) {
        assert!(self.poll().is_pending(), "ready too early");
    }

    #[track_caller]
    pub(crate) fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(out) => out,
            Poll::Pending => panic!("not ready"),
        }
    }

    /// Polls, and drops whatever comes of it.
    pub(crate) fn pending_or_ready(&mut self) {
        drop(self.poll());
    }

    pub(crate) fn woken(&self) -> bool {
        self.task.woken() > 0
    }
}

/// Queued by a first poll that must be pending.
#[track_caller]
pub(crate) fn queued<F: Future>(future: F) -> Polled<F> {
    let mut polled = Polled::new(future);
    polled.pending();
    polled
}

/// Leaked, but a static knows where: to miri that is no leak.
pub(crate) fn leak<'a, T: 'a>(value: T) -> &'a T {
    struct Kept(*const ());
    // SAFETY: nobody looks where it points to.
    unsafe impl Send for Kept {}
    static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());
    let leaked: &'a T = Box::leak(Box::new(value));
    let kept = Kept(std::ptr::from_ref(leaked).cast());
    KEPT.lock().unwrap().push(kept);
    leaked
}

/// Virtual time on this thread, from zero; real time again when dropped.
pub(crate) struct VirtualTime(u64, Option<u64>);

impl VirtualTime {
    pub(crate) fn start() -> Self {
        let start = 1 << 40;
        VirtualTime(start, clock::set_virtual(Some(start)))
    }

    pub(crate) fn advance_us(&mut self, us: u64) {
        self.0 += us * 1100; // a tick is 1.024 us
        clock::set_virtual(Some(self.0));
    }
}

impl Drop for VirtualTime {
    fn drop(&mut self) {
        clock::set_virtual(self.1);
    }
}

/// Polls `tasks` for `polls` times in the order in which they are woken, as a runtime with one thread
/// does; each poll takes `us` microseconds of virtual time.
pub(crate) fn run_queue<'a>(
    tasks: Vec<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    polls: usize,
    us: u64,
) {
    struct Wakes(usize, Mutex<bool>, Arc<Mutex<VecDeque<usize>>>);
    impl std::task::Wake for Wakes {
        fn wake(self: Arc<Self>) {
            if !std::mem::replace(&mut *self.1.lock().unwrap(), true) {
                self.2.lock().unwrap().push_back(self.0);
            }
        }
    }
    let mut time = VirtualTime::start();
    let queue = Arc::new(Mutex::new((0..tasks.len()).collect::<VecDeque<_>>()));
    let mut tasks: Vec<_> = tasks
        .into_iter()
        .enumerate()
        .map(|(n, task)| {
            (
                task,
                Arc::new(Wakes(n, Mutex::new(true), Arc::clone(&queue))),
            )
        })
        .collect();
    for _ in 0..polls {
        let next = queue
            .lock()
            .unwrap()
            .pop_front()
            .expect("somebody is woken");
        let (task, wakes) = &mut tasks[next];
        *wakes.1.lock().unwrap() = false;
        time.advance_us(us);
        let waker = Waker::from(Arc::clone(wakes));
        let _ = task.as_mut().poll(&mut Context::from_waker(&waker));
    }
}

/// Lets the other tasks of [`run_queue`] run.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
