//! What models share, in builds with `--cfg loom`: how they are run, and tasks for them.
//!
//! Public, as the facade of atomics is, so that code on top of this crate can be checked the same way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::cell::UnsafeCell;

use crate::clock;

/// Runs `f` under every interleaving, with the preemption bound of the environment or two, and prints
/// their number. Time is virtual, and stands still but for [`pass_time`].
///
/// # Panics
///
/// If `f` does under one of them, or if there is only one.
pub fn model(f: impl Fn() + Send + Sync + 'static) {
    model_with(2, f);
}

/// The same with one preemption less, for a model of three threads that go through two queues each:
/// with two preemptions it has half a million schedules. `cargo xtask deep` gives it two.
///
/// # Panics
///
/// As [`model`].
pub fn wide_model(f: impl Fn() + Send + Sync + 'static) {
    check(asked_for().max(2) - 1, f);
}

/// The same with at least so many preemptions.
///
/// # Panics
///
/// As [`model`].
pub fn model_with(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    check(asked_for().max(preemptions), f);
}

/// How many preemptions `LOOM_MAX_PREEMPTIONS` asks for.
fn asked_for() -> usize {
    loom::model::Builder::new().preemption_bound.unwrap_or(0)
}

fn check(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    let schedules = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&schedules);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let before = clock::set_virtual(Some(1 << 40));
        f();
        clock::set_virtual(before);
    });
    let schedules = schedules.load(Ordering::Relaxed);
    println!("{schedules} schedules");
    assert!(schedules > 1, "a model with one schedule explores nothing");
}

/// Blocks a thread of the model. (loom's own `block_on` also tries spurious wake-ups, which multiply
/// the schedules; they are explored without threads. Its `park` loses a token that comes while the
/// thread is blocked on a mutex.)
///
/// # Panics
///
/// If the future does.
pub fn block_on<F: Future>(future: F) -> F::Output {
    #[derive(Default)]
    struct Unpark {
        woken: loom::sync::Mutex<bool>,
        changed: loom::sync::Condvar,
    }
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            *self.woken.lock().unwrap() = true;
            self.changed.notify_one();
        }
    }
    let unpark = Arc::new(Unpark::default());
    let waker = Waker::from(Arc::clone(&unpark));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return out;
        }
        let mut woken = unpark.woken.lock().unwrap();
        while !std::mem::take(&mut *woken) {
            woken = unpark.changed.wait(woken).unwrap();
        }
    }
}

/// A task: a waker that counts. Not part of the model; tests that wait use [`block_on`].
#[derive(Debug, Default)]
pub struct Task(Arc<Count>);

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Task {
    /// One that nobody has woken.
    #[must_use]
    pub fn new() -> Self {
        Task::default()
    }

    /// How often it was woken.
    #[must_use]
    pub fn wakes(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Polls `future` with its waker.
    pub fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.0));
        future.poll(&mut Context::from_waker(&waker))
    }
}

/// What one thread does and another sees, or does next: loom fails if nothing orders the two.
#[derive(Debug, Default)]
pub struct Note(UnsafeCell<u32>);

// SAFETY: as for loom's own atomics: it belongs to one run of a model, whose threads take turns on one
// thread of the system, and loom panics before an access that nothing orders with the others. (Outside of
// a model every use of loom's cell panics.)
unsafe impl Send for Note {}
// SAFETY: as above.
unsafe impl Sync for Note {}

impl Note {
    /// Makes it 1.
    ///
    /// # Panics
    ///
    /// If loom finds another access that nothing orders with this one.
    #[track_caller]
    pub fn write(&self) {
        // SAFETY: loom has checked that nobody else is there; the closure calls nobody.
        self.0.with_mut(|note| unsafe { *note = 1 });
    }

    /// Adds 1.
    ///
    /// # Panics
    ///
    /// As [`Note::write`].
    #[track_caller]
    pub fn add(&self) {
        // SAFETY: as above.
        self.0.with_mut(|note| unsafe { *note += 1 });
    }

    /// What it is; 0 at first.
    ///
    /// # Panics
    ///
    /// As [`Note::write`].
    #[must_use]
    #[track_caller]
    pub fn read(&self) -> u32 {
        // SAFETY: as above: nobody but readers.
        self.0.with(|note| unsafe { *note })
    }
}

/// Lets two milliseconds pass. (All threads of a model share the thread that runs it, and with it
/// its virtual time.)
///
/// # Panics
///
/// Outside of a [`model`].
pub fn pass_time() {
    let now = clock::set_virtual(None).expect("the model runs in virtual time");
    clock::set_virtual(Some(now + (2 << 20)));
}
