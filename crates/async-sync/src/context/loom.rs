//! Contexts under every interleaving of two or three threads: each operation against the others.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use super::alarm::Alarm;
use super::{Cause, Context};
use sync_core::model::{Note, Task, block_on, model};

/// What was done before the cancellation is seen by who waits for it, looks at it, or is below.
#[test]
fn cancel_happens_before_the_wait_returns() {
    model(|| {
        let (ctx, note) = (Context::new(), Arc::new(Note::default()));
        let child = ctx.child();
        let canceller = {
            let (ctx, note) = (ctx.clone(), Arc::clone(&note));
            thread::spawn(move || {
                note.write();
                assert!(ctx.cancel());
            })
        };
        let waiter = {
            let (child, note) = (child.clone(), Arc::clone(&note));
            thread::spawn(move || {
                assert!(block_on(child.cancelled()).is_canceled());
                assert_eq!(note.read(), 1);
            })
        };
        let looker = {
            let (ctx, note) = (ctx.clone(), Arc::clone(&note));
            thread::spawn(move || {
                if ctx.is_cancelled() {
                    assert_eq!(note.read(), 1);
                }
            })
        };
        canceller.join().unwrap();
        waiter.join().unwrap();
        looker.join().unwrap();
        assert_eq!((ctx.waiters(), child.waiters()), (0, 0));
    });
}

/// Whoever comes below while the parent is cancelled is cancelled.
#[test]
fn cancel_against_a_new_child() {
    model(|| {
        let ctx = Context::new();
        let canceller = {
            let ctx = ctx.clone();
            thread::spawn(move || ctx.cancel())
        };
        let grower = thread::spawn(move || {
            let child = ctx.child();
            let below = child.child();
            (child, below)
        });
        canceller.join().unwrap();
        let (child, below) = grower.join().unwrap();
        assert!(child.is_cancelled() && below.is_cancelled());
    });
}

/// A callback is called once, whether it is entered before the cancellation, after or at once.
#[test]
fn cancel_against_a_new_callback() {
    model(|| {
        let ctx = Context::new();
        let calls = Arc::new(AtomicUsize::new(0));
        let canceller = {
            let ctx = ctx.clone();
            thread::spawn(move || ctx.cancel())
        };
        let theirs = Arc::clone(&calls);
        let enterer = thread::spawn(move || {
            ctx.on_cancel(move |_| {
                theirs.fetch_add(1, Ordering::SeqCst);
            })
        });
        canceller.join().unwrap();
        let handle = enterer.join().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(!handle.stop());
    });
}

/// ... or withdrawn, and whoever withdraws it knows.
#[test]
fn cancel_against_stop() {
    model(|| {
        let ctx = Context::new();
        let calls = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&calls);
        let handle = ctx.on_cancel(move |_| {
            theirs.fetch_add(1, Ordering::SeqCst);
        });
        let canceller = thread::spawn(move || ctx.cancel());
        let stopper = thread::spawn(move || handle.stop());
        canceller.join().unwrap();
        let stopped = stopper.join().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), usize::from(!stopped));
        assert_eq!(Arc::strong_count(&calls), 1);
    });
}

/// A child that goes away while its parent is cancelled.
#[test]
fn cancel_against_the_drop_of_a_child() {
    model(|| {
        let ctx = Context::new();
        let (child, other) = (ctx.child(), ctx.child());
        let canceller = {
            let ctx = ctx.clone();
            thread::spawn(move || ctx.cancel())
        };
        let dropper = thread::spawn(move || drop(child));
        canceller.join().unwrap();
        dropper.join().unwrap();
        assert!(other.is_cancelled());
        drop(other);
        assert_eq!(ctx.children(), 0);
    });
}

/// A waiter that leaves, and one that stays.
#[test]
fn cancel_against_a_leaving_waiter() {
    model(|| {
        let ctx = Context::new();
        let leaver = {
            let ctx = ctx.clone();
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(ctx.cancelled());
                let _ = task.poll(wait.as_mut());
            })
        };
        let waiter = {
            let ctx = ctx.clone();
            thread::spawn(move || block_on(ctx.cancelled()))
        };
        let canceller = {
            let ctx = ctx.clone();
            thread::spawn(move || ctx.cancel())
        };
        canceller.join().unwrap();
        leaver.join().unwrap();
        assert!(waiter.join().unwrap().is_canceled());
        assert_eq!(ctx.waiters(), 0);
    });
}

/// When a call returns, everything below its scope is cancelled, whichever of two has done it.
#[test]
fn two_cancel() {
    model(|| {
        let root = Context::new();
        let child = root.child();
        let below = child.child();
        let other = {
            let (child, below) = (child.clone(), below.clone());
            thread::spawn(move || {
                child.cancel_with(Cause::DeadlineExceeded);
                assert!(child.is_cancelled() && below.is_cancelled());
                child.cause().unwrap().is_canceled()
            })
        };
        let one = thread::spawn(move || {
            root.cancel();
            assert!(child.is_cancelled() && below.is_cancelled());
            child.cause().unwrap().is_canceled()
        });
        let canceled = one.join().unwrap();
        assert_eq!(other.join().unwrap(), canceled, "the first cause stays");
    });
}

/// A scope with two parents, both of which are cancelled: one cause, one call.
#[test]
fn two_parents_are_cancelled() {
    model(|| {
        let (a, b) = (Context::new(), Context::new());
        let both = Context::child_of([&a, &b]);
        let calls = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&calls);
        let handle = both.on_cancel(move |_| {
            theirs.fetch_add(1, Ordering::SeqCst);
        });
        let other = {
            let both = both.clone();
            thread::spawn(move || {
                a.cancel();
                assert!(both.is_cancelled());
            })
        };
        let one = thread::spawn(move || {
            b.cancel();
            assert!(both.is_cancelled());
        });
        one.join().unwrap();
        other.join().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(!handle.stop());
    });
}

/// A future that ends when it is told.
#[derive(Clone, Default)]
struct Told(Arc<ToldInside>);

#[derive(Default)]
struct ToldInside {
    inside: loom::sync::Mutex<(bool, Option<std::task::Waker>)>,
    alive: AtomicUsize,
}

impl Told {
    fn tell(&self) {
        let waker = {
            let mut inside = self.0.inside.lock().unwrap();
            inside.0 = true;
            inside.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct TellMe(Told);

impl Future for TellMe {
    type Output = ();

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        let mut inside = self.0.0.inside.lock().unwrap();
        if inside.0 {
            return std::task::Poll::Ready(());
        }
        inside.1 = Some(cx.waker().clone());
        std::task::Poll::Pending
    }
}

impl Drop for TellMe {
    fn drop(&mut self) {
        self.0.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn with_alarm(told: &Told) -> Context {
    let ctx = Context::new();
    told.0.alive.fetch_add(1, Ordering::SeqCst);
    let future = Box::pin(TellMe(told.clone()));
    Alarm::set(ctx.node(), Cause::DeadlineExceeded, future);
    ctx
}

/// The wake-up of a sleep is not lost, however it meets the first poll.
#[test]
fn an_alarm_that_rings_while_it_is_set() {
    model(|| {
        let told = Told::default();
        let teller = {
            let told = told.clone();
            thread::spawn(move || told.tell())
        };
        let setter = {
            let told = told.clone();
            thread::spawn(move || with_alarm(&told))
        };
        teller.join().unwrap();
        let ctx = setter.join().unwrap();
        assert!(ctx.cause().unwrap().is_deadline_exceeded());
        assert_eq!(told.0.alive.load(Ordering::SeqCst), 0);
    });
}

/// A sleep that ends, and a call that cancels: one of them is the cause, and the sleep is gone.
#[test]
fn an_alarm_against_cancel() {
    model(|| {
        let told = Told::default();
        let ctx = with_alarm(&told);
        let teller = {
            let told = told.clone();
            thread::spawn(move || told.tell())
        };
        let canceller = {
            let ctx = ctx.clone();
            thread::spawn(move || {
                let first = ctx.cancel();
                assert_eq!(first, ctx.cause().unwrap().is_canceled());
                first
            })
        };
        let first = canceller.join().unwrap();
        teller.join().unwrap();
        assert_eq!(ctx.cause().unwrap().is_canceled(), first);
        assert_eq!(told.0.alive.load(Ordering::SeqCst), 0);
    });
}

/// A sleep that ends while the last handle of its context is dropped.
#[test]
fn an_alarm_against_the_last_drop() {
    model(|| {
        let told = Told::default();
        let ctx = with_alarm(&told);
        let teller = {
            let told = told.clone();
            thread::spawn(move || told.tell())
        };
        let dropper = thread::spawn(move || drop(ctx));
        dropper.join().unwrap();
        teller.join().unwrap();
        assert_eq!(told.0.alive.load(Ordering::SeqCst), 0);
        assert_eq!(Arc::strong_count(&told.0), 1, "nothing keeps itself alive");
    });
}
