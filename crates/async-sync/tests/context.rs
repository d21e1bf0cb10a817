//! Contexts, polled by hand: every transition of `context/mod.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use async_sync::context::{Cause, Context, OnCancel};
use async_sync::{
    AutoEvent, Barrier, Cond, Event, Latch, Notify, OnceCell, RwLock, Semaphore, SingleFlight,
    WaitGroup, lock_all,
};
use runtime::Timer;
use support::{Polled, Task, queued};

const SECOND: Duration = Duration::from_secs(1);

/// A clock that is moved by hand, and whose sleeps are woken by hand.
#[derive(Clone)]
struct Clock(Arc<Mutex<Ticks>>);

struct Ticks {
    now: Instant,
    sleeping: Vec<Option<Waker>>,
    alive: usize,
}

impl Clock {
    fn new() -> Self {
        Clock(Arc::new(Mutex::new(Ticks {
            now: Instant::now(),
            sleeping: Vec::new(),
            alive: 0,
        })))
    }

    /// Time passes, and the thread of the timer has not had its turn.
    fn pass(&self, by: Duration) {
        self.0.lock().unwrap().now += by;
    }

    /// The thread of the timer has its turn: wakes all sleeps, some of them too early.
    fn tick(&self) {
        let mut sleeping = std::mem::take(&mut self.0.lock().unwrap().sleeping);
        sleeping.drain(..).flatten().for_each(Waker::wake);
    }

    fn sleeps(&self) -> usize {
        self.0.lock().unwrap().alive
    }
}

struct Sleep(Clock, Instant);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
        let mut ticks = self.0.0.lock().unwrap();
        if ticks.now >= self.1 {
            return Poll::Ready(());
        }
        ticks.sleeping.push(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().alive -= 1;
    }
}

impl Timer for Clock {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.0.lock().unwrap().alive += 1;
        Sleep(self.clone(), deadline)
    }
}

fn is_canceled(ctx: &Context) -> bool {
    ctx.is_cancelled() && ctx.cause().unwrap().is_canceled()
}

fn is_late(ctx: &Context) -> bool {
    ctx.is_cancelled() && ctx.cause().unwrap().is_deadline_exceeded()
}

#[test]
fn cancellation_goes_down_and_not_up() {
    let root = Context::new();
    let child = root.child();
    let grandchildren: Vec<_> = (0..50).map(|_| child.child()).collect();
    let sibling = root.child();
    assert!(root.cause().is_none() && root.check().is_ok());
    assert_eq!((root.children(), child.children()), (2, 50));
    assert!(child.cancel());
    assert!(!child.cancel());
    assert!(is_canceled(&child) && grandchildren.iter().all(is_canceled));
    assert!(!root.is_cancelled() && !sibling.is_cancelled());
    assert_eq!(root.children(), 1, "a cancelled child is not the parent's");
    assert!(root.cancel());
    assert!(is_canceled(&sibling));
    assert_eq!(child.check().unwrap_err().to_string(), "context canceled");
}

#[test]
fn the_first_cause_stays() {
    let root = Context::new();
    let child = root.child();
    child.cancel_with(Cause::custom("first"));
    root.cancel_with(Cause::custom(std::io::Error::other("second")));
    let text = |ctx: &Context| ctx.cause().unwrap().to_string();
    assert_eq!(
        (text(&child), text(&root)),
        ("first".into(), "second".into())
    );
    let cause = root.cause().unwrap();
    assert!(cause.downcast_ref::<std::io::Error>().is_some());
    assert!(cause.downcast_ref::<std::fmt::Error>().is_none());
    assert!(!cause.is_canceled() && !cause.is_deadline_exceeded());
    let born = root.child();
    assert_eq!(text(&born), "second", "born cancelled");
    assert_eq!(root.children(), 0);
    let kind = |cause: Cause| std::io::Error::from(cause).kind();
    // (Not `Interrupted`: the standard library tries those again, for ever.)
    assert_eq!(kind(Cause::Canceled), std::io::ErrorKind::Other);
    assert_eq!(kind(Cause::DeadlineExceeded), std::io::ErrorKind::TimedOut);
    assert_eq!(kind(cause), std::io::ErrorKind::Other);
    assert_eq!(
        Cause::DeadlineExceeded.to_string(),
        "context deadline exceeded"
    );
}

#[test]
fn the_background_is_never_cancelled() {
    let background = Context::background();
    assert!(!background.cancel() && !background.is_cancelled());
    let child = background.child();
    assert_eq!(background.children(), 0);
    let mut wait = queued(background.cancelled());
    wait.pending();
    assert_eq!(background.waiters(), 0);
    let called = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&called);
    let callback = background.on_cancel(move |_| theirs.store(true, Ordering::SeqCst));
    background.cancel();
    assert!(!called.load(Ordering::SeqCst) && !callback.stop());
    assert!(child.cancel());
    assert!(background.is_same(&Context::background()));
    assert!(!background.is_same(&child));
}

#[test]
fn everybody_who_waits_is_woken() {
    let ctx = Context::new();
    let child = ctx.child();
    // More than one batch of wake-ups.
    let mut waits: Vec<_> = (0..40).map(|_| queued(ctx.cancelled())).collect();
    let mut below: Vec<_> = (0..3).map(|_| queued(child.cancelled_owned())).collect();
    assert_eq!((ctx.waiters(), child.waiters()), (40, 3));
    let gone = waits.swap_remove(7);
    let task = gone.task.clone();
    drop(gone);
    assert_eq!((task.kept(), ctx.waiters()), (0, 39));
    drop(ctx.cancelled()); // never polled
    ctx.cancel();
    drop(waits.pop()); // woken, and never polled again
    for wait in &mut waits {
        assert_eq!(wait.task.woken(), 1);
        assert!(wait.ready().is_canceled());
    }
    for wait in &mut below {
        assert!(wait.woken() && wait.ready().is_canceled());
    }
    assert_eq!((ctx.waiters(), child.waiters()), (0, 0));
    assert!(Polled::new(ctx.cancelled()).ready().is_canceled());
    assert!(ctx.cancelled_blocking().is_canceled());
}

#[test]
fn the_last_waker_is_the_one_that_counts() {
    let ctx = Context::new();
    let mut wait = queued(ctx.cancelled());
    let old = std::mem::replace(&mut wait.task, Task::new());
    wait.pending();
    wait.pending(); // a spurious poll
    assert_eq!(old.kept(), 0);
    ctx.cancel();
    assert_eq!((old.woken(), wait.task.woken()), (0, 1));
    wait.ready();
}

#[test]
fn a_completed_future_is_not_polled() {
    let ctx = Context::new();
    ctx.cancel();
    let mut wait = Polled::new(ctx.cancelled());
    wait.ready();
    let mut run = Polled::new(ctx.run(std::future::pending::<()>()));
    run.ready().unwrap_err();
    let mut done = Polled::new(ctx.run_owned(std::future::ready(7)));
    assert_eq!(done.ready().unwrap(), 7);
    let text = |f: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        *panic.downcast_ref::<&str>().unwrap()
    };
    let expected = "a future was polled after it had completed";
    assert_eq!(text(&mut || drop(wait.ready())), expected);
    assert_eq!(text(&mut || drop(run.ready())), expected);
    assert_eq!(text(&mut || drop(done.ready())), expected);
}

#[test]
fn a_child_leaves_its_parent() {
    const CROWD: usize = if cfg!(miri) { 100 } else { 10_000 };
    let root = Context::new();
    let children: Vec<_> = (0..CROWD).map(|_| root.child()).collect();
    assert_eq!(root.children(), CROWD);
    for (n, child) in children.iter().enumerate() {
        if n % 2 == 0 {
            child.cancel();
        }
    }
    assert_eq!(root.children(), CROWD / 2);
    drop(children);
    assert_eq!(root.children(), 0);
    let grandchild = root.child().child();
    assert_eq!(root.children(), 1, "a child is kept by its own");
    root.cancel();
    assert!(is_canceled(&grandchild));
}

#[test]
fn several_parents() {
    let (a, b, c) = (Context::new(), Context::new(), Context::new());
    let a = a.with_value(1_u8);
    let b = b.with_value(2_u8).with_value("b");
    for n in 0..3 {
        let parents = [&a, &b, &c];
        let child = Context::child_of(parents);
        assert_eq!(child.value::<u8>(), Some(&1), "the first parent's");
        assert_eq!(child.value::<&str>(), None);
        let below = child.child();
        let twice = Context::child_of([&child, &child]);
        assert_eq!(parents.map(Context::children), [1, 1, 1]);
        if n == 2 {
            b.cancel_with(Cause::custom("b"));
            assert_eq!(below.cause().unwrap().to_string(), "b");
            assert!(twice.is_cancelled());
            assert_eq!(Context::child_of(parents).cause().unwrap().to_string(), "b");
            a.cancel();
            assert_eq!(child.cause().unwrap().to_string(), "b");
        } else if n == 1 {
            child.cancel();
            assert_eq!(parents.map(Context::children), [0, 0, 0]);
            assert!(below.is_cancelled() && twice.is_cancelled());
        }
        drop((child, below, twice));
        assert_eq!([&a, &c].map(Context::children), [0, 0]);
    }
    let orphan = Context::child_of([]);
    assert!(orphan.cancel());
}

#[test]
fn values_belong_to_the_handle() {
    #[derive(Debug, PartialEq)]
    struct Key<const N: usize>(&'static str);
    let ctx = Context::background()
        .with_value(Key::<1>("0001"))
        .with_value(Key::<2>("0002"))
        .with_value(Key::<3>("0003"))
        .with_value(Key::<4>("0004"));
    let child = ctx.child();
    assert_eq!(child.value::<Key<1>>(), Some(&Key("0001")));
    assert_eq!(child.value::<Key<5>>(), None);
    let shadow = child.with_value(Key::<1>("0005"));
    assert_eq!(shadow.value::<Key<1>>(), Some(&Key("0005")));
    assert_eq!(child.value::<Key<1>>(), Some(&Key("0001")));
    assert!(shadow.is_same(&child));
    let detached = shadow.detached();
    child.cancel();
    assert!(shadow.is_cancelled() && !detached.is_cancelled());
    assert_eq!(detached.value::<Key<1>>(), Some(&Key("0005")));
    assert!(detached.cancel());
}

#[test]
fn run_prefers_what_is_ready() {
    let ctx = Context::new();
    let gate = Event::new();
    let mut run = queued(ctx.run(async {
        gate.wait().await;
        7
    }));
    gate.set();
    ctx.cancel();
    assert_eq!(run.ready().unwrap(), 7);
    assert_eq!(Polled::new(ctx.run(async { 8 })).ready().unwrap(), 8);
    gate.reset();
    let mut late = Polled::new(ctx.run(gate.wait()));
    assert!(late.ready().unwrap_err().is_canceled());
    assert_eq!(gate.waiters(), 0, "dropped before the result is told");
    drop(queued(Context::new().run_owned(gate.wait())));
    assert_eq!(gate.waiters(), 0);
}

/// Every operation of the workspace that waits, in a context: it waits, and leaves nothing behind.
#[test]
fn whatever_waits_takes_part() {
    fn check<F: Future>(what: &str, ctx: &Context, future: F) {
        let mut run = queued(ctx.run(future));
        ctx.cancel();
        assert!(run.woken(), "{what}");
        match run.ready() {
            Err(cause) => assert!(cause.is_canceled(), "{what}"),
            Ok(_) => panic!("{what} was ready"),
        }
    }
    let root = Context::new();
    macro_rules! check {
        ($($future:expr),* $(,)?) => { $(check(stringify!($future), &root.child(), $future);)* };
    }
    let mutex = async_sync::Mutex::new(0);
    let held = mutex.try_lock().unwrap();
    let rw = RwLock::new(0);
    let written = rw.try_write().unwrap();
    let reentrant = async_sync::ReentrantMutex::new(0);
    let owner = async_sync::OwnerId::new();
    let entered = reentrant.try_lock(async_sync::OwnerId::new()).unwrap();
    let semaphore = Semaphore::new(2);
    let group = WaitGroup::new();
    let token = group.add();
    let cell = OnceCell::<u8>::new();
    let (latch, event, auto, notify) =
        (Latch::new(1), Event::new(), AutoEvent::new(), Notify::new());
    let barrier = Barrier::new(2);
    let flight = SingleFlight::<u8, u8, ()>::new();
    let other = Context::new();
    let free = async_sync::Mutex::new(0);
    let cond = Cond::new();
    let semaphore_held = semaphore.try_acquire_many(1).unwrap();
    check! {
        mutex.lock(),
        mutex.lock_when(|n| *n == 1),
        rw.read(),
        rw.write(),
        rw.upgradable_read(),
        reentrant.lock(owner),
        lock_all((&mutex, &free)),
        semaphore.acquire_many(2),
        group.wait(),
        cell.wait(),
        cell.get_or_init(std::future::pending),
        latch.wait(),
        event.wait(),
        auto.wait(),
        notify.listen(),
        barrier.wait(),
        cond.wait(free.try_lock().unwrap()),
        flight.run(&1, std::future::pending::<Result<u8, ()>>),
        other.cancelled(),
        other.run(std::future::pending::<()>()),
    }
    assert_eq!(root.children(), 0);
    drop((held, written, entered, token, semaphore_held));
    assert!(mutex.try_lock().is_some() && rw.try_write().is_some() && free.try_lock().is_some());
    assert!(semaphore.try_acquire_many(2).is_ok() && flight.is_empty());
    assert!(Polled::new(group.wait()).poll().is_ready());
}

fn counting(ctx: &Context, calls: &Arc<AtomicUsize>) -> OnCancel {
    let calls = Arc::clone(calls);
    ctx.on_cancel(move |_| {
        calls.fetch_add(1, Ordering::SeqCst);
    })
}

/// However the handle of a callback ends, it keeps nothing.
#[test]
fn a_callbacks_handle_keeps_its_scope_and_no_longer() {
    let ctx = Context::new();
    let ends: [fn(OnCancel); 4] = [
        |handle| assert!(handle.stop()),
        drop,
        OnCancel::detach,
        |handle| {
            let _ = std::thread::spawn(move || {
                let _handle = handle;
                panic!("(on purpose)");
            })
            .join();
        },
    ];
    for end in ends {
        let handle = ctx.child().on_cancel(|_| {});
        assert_eq!(ctx.children(), 1, "the handle keeps the scope");
        end(handle);
        assert_eq!(ctx.children(), 0);
    }
}

/// What is withdrawn keeps nothing: the scope goes with its last handle.
#[test]
fn a_stopped_callback_lets_go_of_its_scope() {
    let parent = Context::new();
    let child = parent.child();
    assert!(child.on_cancel(|_| ()).stop());
    assert_eq!(parent.children(), 1);
    drop(child);
    assert_eq!(parent.children(), 0);
    let child = parent.child();
    parent.cancel();
    let stopped = child.on_cancel(|_| ());
    drop(child);
    assert!(!stopped.stop());
}

#[test]
fn callbacks_are_called_once_or_withdrawn() {
    let ctx = Context::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let stopped = counting(&ctx, &calls);
    let kept = counting(&ctx, &calls);
    drop(counting(&ctx, &calls));
    counting(&ctx, &calls).detach();
    let below = counting(&ctx.child(), &calls);
    assert!(stopped.stop());
    assert_eq!(Arc::strong_count(&calls), 4, "what is withdrawn is dropped");
    ctx.cancel();
    ctx.cancel();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(Arc::strong_count(&calls), 1);
    assert!(!kept.stop() && !below.stop());
    let at_once = counting(&ctx, &calls);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    assert!(!at_once.stop());
    // What is left there goes with its scope.
    let other = Context::new();
    counting(&other, &calls).detach();
    drop(other);
    assert_eq!(Arc::strong_count(&calls), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[test]
fn everything_is_cancelled_and_woken_when_a_callback_runs() {
    let root = Context::new();
    let (a, b) = (root.child(), root.child());
    let grandchild = b.child();
    let mut wait = queued(grandchild.cancelled());
    let task = wait.task.clone();
    let all = [root.clone(), a.clone(), b.clone(), grandchild.clone()];
    let seen = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = all
        .iter()
        .map(|ctx| {
            let (all, task, seen) = (all.clone(), task.clone(), Arc::clone(&seen));
            ctx.on_cancel(move |cause| {
                assert!(cause.is_canceled() && all.iter().all(Context::is_cancelled));
                // What a callback does to the tree is harmless.
                assert!(!all.iter().any(Context::cancel));
                assert!(all[1].child().is_cancelled());
                if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                    assert_eq!(task.woken(), 1);
                }
            })
        })
        .collect();
    root.cancel();
    assert_eq!(seen.load(Ordering::SeqCst), 4);
    assert!(handles.into_iter().all(|handle| !handle.stop()));
    wait.ready();
}

#[test]
fn a_callback_may_withdraw_another() {
    let ctx = Context::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let handles = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let (theirs, calls) = (Arc::clone(&handles), Arc::clone(&calls));
        let handle = ctx.on_cancel(move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            let stopped = std::mem::take(&mut *theirs.lock().unwrap())
                .into_iter()
                .map(OnCancel::stop)
                .filter(|stopped| *stopped)
                .count();
            assert_eq!(stopped, 1, "the other one, not this one");
        });
        handles.lock().unwrap().push(handle);
    }
    ctx.cancel();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_panicking_callback_costs_the_others_nothing() {
    let root = Context::new();
    let child = root.child();
    let calls = Arc::new(AtomicUsize::new(0));
    let mut wait = queued(child.cancelled());
    root.on_cancel(|_| std::panic::resume_unwind(Box::new("first")))
        .detach();
    let kept: Vec<_> = [&root, &child, &child]
        .iter()
        .map(|ctx| counting(ctx, &calls))
        .collect();
    // What a panic behind another one carries is leaked: here it is nothing, for miri's sake.
    child
        .on_cancel(|_| std::panic::resume_unwind(Box::new(())))
        .detach();
    let payload = catch_unwind(AssertUnwindSafe(|| root.cancel())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"first"));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert!(root.is_cancelled() && wait.woken());
    wait.ready();
    drop(kept);
    assert!(!root.cancel(), "and it is over");
    // A guard that is dropped by a panic does not make it worse.
    let ctx = Context::new();
    ctx.on_cancel(|_| std::panic::resume_unwind(Box::new(())))
        .detach();
    let payload = catch_unwind(AssertUnwindSafe(|| {
        let _guard = ctx.clone().cancel_on_drop();
        std::panic::resume_unwind(Box::new("work"));
    }))
    .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"work"));
    assert!(ctx.is_cancelled());
}

#[test]
fn guards() {
    let ctx = Context::new();
    drop(ctx.child().cancel_on_drop());
    let guard = ctx.clone().cancel_on_drop();
    assert!(!guard.is_cancelled() && guard.context().is_same(&ctx));
    let same = guard.disarm();
    assert!(same.is_same(&ctx) && !ctx.is_cancelled());
    drop(same.cancel_on_drop());
    assert!(is_canceled(&ctx));
}

#[test]
fn a_deadline_cancels_in_time() {
    let clock = Clock::new();
    let root = Context::new();
    let ctx = root.with_timeout(&clock, SECOND);
    let child = ctx.child();
    let at = clock.now() + SECOND;
    assert_eq!((child.deadline(), root.deadline()), (Some(at), None));
    let mut wait = queued(child.cancelled());
    let calls = Arc::new(AtomicUsize::new(0));
    let callback = counting(&ctx, &calls);
    clock.pass(SECOND / 2);
    clock.tick(); // too early
    assert!(!ctx.is_cancelled() && !wait.woken());
    clock.pass(SECOND / 2);
    clock.tick();
    assert!(wait.woken());
    assert!(wait.ready().is_deadline_exceeded());
    assert!(is_late(&ctx) && is_late(&child) && !root.is_cancelled());
    assert!(!ctx.cancel(), "the first cause wins");
    assert!(is_late(&ctx));
    assert_eq!((calls.load(Ordering::SeqCst), callback.stop()), (1, false));
    assert_eq!((clock.sleeps(), root.children()), (0, 0));
}

#[test]
fn a_deadline_that_has_passed_counts_before_the_timer_comes() {
    let clock = Clock::new();
    let root = Context::new();
    let ctx = root.with_timeout(&clock, SECOND);
    let child = ctx.child();
    let mut wait = queued(child.cancelled());
    let mut run = queued(child.run(std::future::pending::<()>()));
    let calls = Arc::new(AtomicUsize::new(0));
    let callback = counting(&ctx, &calls);
    clock.pass(SECOND);
    assert!(is_late(&ctx) && is_late(&child) && is_late(&ctx.child()));
    assert!(child.check().unwrap_err().is_deadline_exceeded());
    assert!(run.ready().unwrap_err().is_deadline_exceeded());
    assert!(wait.ready().is_deadline_exceeded());
    let late = counting(&ctx, &calls);
    assert_eq!((calls.load(Ordering::SeqCst), late.stop()), (1, false));
    assert!(!ctx.cancel(), "it is late already");
    assert!(is_late(&ctx) && is_late(&child));
    assert_eq!((calls.load(Ordering::SeqCst), callback.stop()), (2, false));
    clock.tick();
    assert!(is_late(&ctx));
    assert_eq!(clock.sleeps(), 0);
}

#[test]
fn the_cause_is_what_was_told() {
    let clock = Clock::new();
    let ctx = Context::new().with_timeout(&clock, SECOND);
    let child = ctx.child();
    clock.pass(SECOND);
    assert!(is_late(&child));
    ctx.cancel_with(Cause::custom("too late"));
    assert!(is_late(&ctx) && is_late(&child));
    // Nor by a parent that has no deadline.
    let root = Context::new();
    let ctx = root.with_timeout(&clock, SECOND);
    clock.pass(SECOND);
    assert!(is_late(&ctx));
    assert!(root.cancel());
    assert!(is_canceled(&root) && is_late(&ctx));
}

#[test]
fn the_earlier_deadline_wins() {
    let clock = Clock::new();
    let now = clock.now();
    let outer = Context::background().with_deadline(&clock, now + SECOND);
    let same = outer.with_deadline(&clock, now + SECOND);
    let later = outer.with_timeout(&clock, Duration::MAX);
    let earlier = outer.with_timeout(&clock, SECOND / 2);
    assert_eq!(clock.sleeps(), 2, "later ones need none");
    assert_eq!(same.deadline(), Some(now + SECOND));
    assert_eq!(later.deadline(), Some(now + SECOND));
    assert_eq!(earlier.deadline(), Some(now + SECOND / 2));
    let both = Context::child_of([&Context::new(), &outer, &earlier]);
    assert_eq!(both.deadline(), Some(now + SECOND / 2));
    clock.pass(SECOND / 2);
    clock.tick();
    assert!(is_late(&earlier) && is_late(&both) && !later.is_cancelled());
    clock.pass(SECOND / 2);
    clock.tick();
    assert!(is_late(&same) && is_late(&later));
}

#[test]
fn a_deadline_in_the_past_is_over_at_once() {
    let clock = Clock::new();
    let root = Context::new();
    for ctx in [
        root.with_deadline(&clock, clock.now() - SECOND),
        root.with_timeout(&clock, Duration::ZERO),
    ] {
        assert!(is_late(&ctx) && !ctx.cancel() && is_late(&ctx));
    }
    assert_eq!((clock.sleeps(), root.children()), (0, 0));
    root.cancel();
    assert!(is_canceled(&root.with_timeout(&clock, SECOND)));
    assert_eq!(clock.sleeps(), 0);
}

#[test]
fn a_sleep_is_given_back() {
    let clock = Clock::new();
    let root = Context::new();
    let cancelled = root.with_timeout(&clock, SECOND);
    let below = root.with_timeout(&clock, SECOND);
    let dropped = root.with_timeout(&clock, SECOND);
    assert_eq!(clock.sleeps(), 3);
    cancelled.cancel();
    assert_eq!(clock.sleeps(), 2);
    drop(dropped);
    assert_eq!((clock.sleeps(), root.children()), (1, 1));
    root.cancel();
    assert!(is_canceled(&below));
    assert_eq!(clock.sleeps(), 0);
    clock.pass(SECOND);
    clock.tick();
    assert!(is_canceled(&below));
}

#[test]
fn a_panic_of_a_callback_stays_out_of_the_timer() {
    let clock = Clock::new();
    let ctx = Context::new().with_timeout(&clock, SECOND);
    let calls = Arc::new(AtomicUsize::new(0));
    ctx.on_cancel(|_| std::panic::resume_unwind(Box::new("callback")))
        .detach();
    let callback = counting(&ctx, &calls);
    clock.pass(SECOND);
    clock.tick();
    assert_eq!((calls.load(Ordering::SeqCst), callback.stop()), (1, false));
}

/// A timer whose runtime has gone panics: nobody waits for ever.
#[test]
fn a_timer_that_fails_cancels() {
    #[derive(Clone)]
    struct Broken(Clock);
    struct Breaks(Sleep, bool);
    impl Future for Breaks {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.1, true) {
                std::panic::resume_unwind(Box::new("no runtime"));
            }
            Pin::new(&mut self.0).poll(cx)
        }
    }
    impl Timer for Broken {
        type Sleep = Breaks;
        fn now(&self) -> Instant {
            self.0.now()
        }
        fn sleep_until(&self, deadline: Instant) -> Breaks {
            Breaks(self.0.sleep_until(deadline), false)
        }
    }
    let clock = Clock::new();
    let ctx = Context::new().with_timeout(&Broken(clock.clone()), SECOND);
    let mut wait = queued(ctx.cancelled());
    clock.tick();
    let text = wait.ready().to_string();
    assert_eq!(text, "the timer of a context has failed");
    assert_eq!(clock.sleeps(), 0);
}

/// A sleep that wakes itself while it is polled is polled again, by the same call.
#[test]
fn a_sleep_that_is_woken_while_it_is_polled() {
    #[derive(Clone)]
    struct Restless(Clock);
    struct Wakes(Sleep, u32);
    impl Future for Wakes {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
            if self.1 > 0 {
                self.1 -= 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pin::new(&mut self.0).poll(cx)
        }
    }
    impl Timer for Restless {
        type Sleep = Wakes;
        fn now(&self) -> Instant {
            self.0.now()
        }
        fn sleep_until(&self, deadline: Instant) -> Wakes {
            Wakes(self.0.sleep_until(deadline), 5)
        }
    }
    let clock = Clock::new();
    let ctx = Context::new().with_timeout(&Restless(clock.clone()), SECOND);
    clock.pass(SECOND);
    clock.tick();
    assert!(is_late(&ctx));
    assert_eq!(clock.sleeps(), 0, "by the timer, not only by the clock");
}

/// Neither recursion nor a stack: on a thread with little of it.
#[test]
fn deep_trees() {
    const DEPTH: usize = if cfg!(miri) { 30 } else { 100_000 };
    let deep = || {
        let root = Context::new();
        let mut last = root.child().with_value(0);
        let mut all = Vec::new();
        for n in 0..DEPTH {
            last = last.child().with_value(n);
            if n % 1000 == 0 {
                all.push(last.clone());
            }
        }
        (root, last, all)
    };
    let test = move || {
        let (root, last, _) = deep();
        root.cancel();
        assert!(is_canceled(&last));
        drop(root);
        drop(last);
        let (root, last, all) = deep();
        drop(root);
        drop(all);
        assert_eq!(last.value::<usize>(), Some(&(DEPTH - 1)));
        drop(last);
        let (root, last, _) = deep();
        let wait = queued(last.cancelled_owned());
        let mut waits = vec![wait];
        drop(last);
        root.cancel();
        assert!(waits[0].woken());
        drop(root);
        waits.clear();
    };
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    thread.spawn(test).unwrap().join().unwrap();
}

/// Diamonds: every scope has two parents, and is cancelled once.
#[test]
fn diamonds() {
    const LAYERS: usize = if cfg!(miri) { 16 } else { 64 };
    let root = Context::new();
    let mut layer = [root.child(), root.child()];
    let calls = Arc::new(AtomicUsize::new(0));
    let mut handles = Vec::new();
    for _ in 0..LAYERS {
        layer = [(); 2].map(|()| Context::child_of([&layer[0], &layer[1]]));
        handles.extend(layer.iter().map(|ctx| counting(ctx, &calls)));
    }
    root.cancel();
    assert!(layer.iter().all(is_canceled));
    assert_eq!(calls.load(Ordering::SeqCst), 2 * LAYERS);
}

/// Threads make, cancel, wait and drop everywhere in a tree; each call of `cancel` leaves everything
/// below it cancelled, whoever else cancels.
#[test]
fn threads() {
    let rounds = if cfg!(miri) { 5 } else { 300 };
    for _ in 0..rounds {
        let root = Context::new();
        let children: Vec<_> = (0..3).map(|_| root.child()).collect();
        let below: Vec<_> = children
            .iter()
            .flat_map(|child| (0..3).map(|_| child.child()))
            .collect();
        let called = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = below.iter().map(|ctx| counting(ctx, &called)).collect();
        std::thread::scope(|scope| {
            let check = |ctx: &Context, below: &[Context]| {
                ctx.cancel();
                assert!(below.iter().all(Context::is_cancelled));
            };
            let (root, children, below) = (&root, &children, &below);
            scope.spawn(move || check(root, below));
            scope.spawn(move || check(&children[1], &below[3..6]));
            scope.spawn(move || {
                for child in children {
                    drop(child.child());
                    child.child().child().cancelled_blocking();
                }
            });
        });
        assert_eq!(called.load(Ordering::SeqCst), 9);
        assert_eq!(handles.len(), 9);
        assert_eq!(root.waiters(), 0);
    }
}

/// On a real timer, whose thread is this one and has no time: the clock counts.
#[test]
fn a_task_that_never_waits_notices_its_deadline() {
    let rt = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    rt.block_on(async {
        let rt = runtime::TokioRuntime::current();
        let ctx = Context::background().with_timeout(&rt, Duration::from_millis(20));
        let start = Instant::now();
        while !ctx.is_cancelled() {
            assert!(start.elapsed() < 60 * SECOND);
        }
        assert!(is_late(&ctx));
        // And now the timer.
        let ctx = Context::background().with_timeout(&rt, Duration::from_millis(20));
        let child = ctx.child();
        assert!(child.cancelled().await.is_deadline_exceeded());
    });
}

/// A task that has used up its budget may make a context with a deadline, in or out of the scheduler.
#[test]
fn without_budget() {
    for threads in [0, 1] {
        let rt = if threads == 0 {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
        } else {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_time()
                .build()
        }
        .unwrap();
        rt.block_on(async {
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::coop::consume_budget().await;
            }
            let rt = runtime::TokioRuntime::current();
            let ctx = Context::background().with_timeout(&rt, Duration::from_millis(5));
            assert!(ctx.cancelled().await.is_deadline_exceeded());
        });
    }
}

#[test]
fn debug_shows_the_state() {
    let ctx = Context::new();
    assert_eq!(
        format!("{ctx:?}"),
        "Context { cancelled: false, deadline: None, waiters: 0 }"
    );
    assert!(format!("{:?}", ctx.cancelled()).starts_with("Cancelled("));
    assert!(format!("{:?}", ctx.cancelled_owned()).starts_with("CancelledOwned("));
    assert_eq!(
        format!("{:?}", ctx.run(async {})),
        "Run { over: false, .. }"
    );
    assert_eq!(format!("{:?}", ctx.on_cancel(|_| ())), "OnCancel { .. }");
    let guard = format!("{:?}", ctx.child().cancel_on_drop());
    assert!(guard.starts_with("CancelOnDrop("));
}
