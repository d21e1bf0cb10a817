//! Cells, acts and lazies, polled by hand: every transition of `once/raw.rs` and `once/attempt.rs`.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use async_sync::once::{InProgress, Lazy, Once, OnceCell, SetError};
use support::{Polled, Task, VirtualTime, queued};

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Pending until the flag is set; says when it is dropped.
struct Gate<'a> {
    open: &'a Cell<bool>,
    dropped: &'a Cell<bool>,
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.dropped.set(true);
    }
}

impl Gate<'_> {
    async fn pass(self) {
        poll_fn(|_| {
            if self.open.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[test]
fn a_cell_is_set_once() {
    let cell = OnceCell::new();
    assert_eq!((cell.get(), cell.is_set()), (None, false));
    cell.set(1).unwrap();
    assert_eq!((cell.get(), cell.is_set()), (Some(&1), true));
    let refused = cell.set(2).unwrap_err();
    assert_eq!(refused, SetError::AlreadySet(2));
    assert!(refused.is_already_set() && !refused.is_in_progress());
    assert_eq!(refused.into_inner(), 2);
    assert_eq!(cell.wait_blocking(), &1);
    assert_eq!(cell.into_inner(), Some(1));
    assert_eq!(OnceCell::<u8>::new().into_inner(), None);
}

/// SPEC S48, for cells.
#[test]
fn the_first_initialiser_wins() {
    let cell = OnceCell::new();
    assert_eq!(Polled::new(cell.get_or_init(|| ready(1))).ready(), &1);
    let never = || -> std::future::Ready<u8> { panic!("it is set") };
    assert_eq!(Polled::new(cell.get_or_init(never)).ready(), &1);
    let never = || -> std::future::Ready<Result<u8, ()>> { panic!("it is set") };
    assert_eq!(Polled::new(cell.get_or_try_init(never)).ready(), Ok(&1));
    assert_eq!(cell.get_or_init_blocking(|| 2), &1);
    assert_eq!(cell.get_or_try_init_blocking(|| Err::<_, ()>(())), Ok(&1));
}

#[test]
fn values_are_dropped_once() {
    let value = Rc::new(());
    let mut cell = OnceCell::new_with(Rc::clone(&value));
    assert_eq!(Rc::strong_count(&value), 2);
    drop(cell.take());
    assert_eq!(Rc::strong_count(&value), 1);
    assert!(cell.take().is_none() && cell.get().is_none());
    cell.set(Rc::clone(&value)).unwrap();
    assert!(
        cell.set(Rc::clone(&value)).is_err(),
        "comes back, and is dropped"
    );
    *cell.get_mut().unwrap() = Rc::clone(&value);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(cell);
    assert_eq!(Rc::strong_count(&value), 1);
    let mut cell = OnceCell::<Rc<()>>::new();
    assert!(cell.get_mut().is_none());
    drop(Polled::new(cell.get_or_init(|| ready(Rc::clone(&value)))));
    drop(queued(cell.get_or_init(pending)));
    drop(cell);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_cell_may_be_set_again_after_take() {
    let mut cell = OnceCell::new();
    for n in 0..3 {
        assert_eq!(Polled::new(cell.get_or_init(|| ready(n))).ready(), &n);
        let mut wait = Polled::new(cell.wait());
        assert_eq!(wait.ready(), &n);
        drop(wait);
        assert_eq!(cell.take(), Some(n));
    }
}

/// A leaked future keeps the right, and its node stays in the queue: nobody else gets either.
#[test]
fn leaked_futures_do_no_harm() {
    /// Where the leaked ones are kept, for the leak checker.
    static LEAKED: std::sync::Mutex<Vec<Leaked>> = std::sync::Mutex::new(Vec::new());
    struct Leaked(#[allow(dead_code, reason = "kept, not used")] *mut ());
    // SAFETY: nobody uses the pointer.
    unsafe impl Send for Leaked {}
    fn leak<F: Future>(future: F) {
        let future = Box::into_raw(Box::new(future));
        // SAFETY: it is neither moved nor freed from now on.
        let pinned = unsafe { std::pin::Pin::new_unchecked(&mut *future) };
        assert!(Task::new().poll(pinned).is_pending());
        LEAKED.lock().unwrap().push(Leaked(future.cast()));
    }
    let mut cell = OnceCell::new();
    leak(cell.get_or_init(pending));
    leak(cell.get_or_init(pending));
    leak(cell.wait());
    assert_eq!(cell.take(), None::<u8>);
    assert_eq!(cell.set(1), Err(SetError::InProgress(1)));
    let cell = Box::new(cell); // moved, with the nodes where they were
    queued(cell.get_or_init(|| ready(1)));
    queued(cell.wait());
    assert_eq!(cell.waiters(), 2);
}

#[test]
fn callers_wait_for_the_one_that_runs() {
    let (cell, open, dropped) = (OnceCell::new(), Cell::new(false), Cell::new(false));
    let (open, dropped) = (&open, &dropped);
    let mut first = queued(cell.get_or_init(async || {
        Gate { open, dropped }.pass().await;
        1
    }));
    assert!(!cell.is_set());
    let mut others: Vec<_> = (0..40)
        .map(|n| queued(cell.get_or_init(move || ready(n))))
        .collect();
    let mut watchers: Vec<_> = (0..40).map(|_| queued(cell.wait())).collect();
    assert_eq!(cell.waiters(), 80);
    assert_eq!(cell.set(9), Err(SetError::InProgress(9)));
    open.set(true);
    assert_eq!(first.ready(), &1);
    assert!(dropped.get());
    for other in &mut others {
        assert_eq!(other.task.woken(), 1);
        assert_eq!(other.ready(), &1);
    }
    for watcher in &mut watchers {
        assert_eq!(watcher.task.woken(), 1);
        assert_eq!(watcher.ready(), &1);
    }
    assert_eq!(cell.waiters(), 0);
}

/// Every waiter in turn is the one that runs, and leaves; the future is gone before the next begins.
#[test]
fn a_cancelled_initialiser_hands_over() {
    let (cell, open, dropped) = (OnceCell::<usize>::new(), Cell::new(false), Cell::new(false));
    let (open, dropped) = (&open, &dropped);
    let begun = &RefCell::new(Vec::new());
    let mut watcher = queued(cell.wait());
    let mut line: Vec<_> = (0..5)
        .map(|n| {
            let mut caller = Polled::new(cell.get_or_init(async move || {
                assert!(n == 0 || dropped.replace(false), "the last one is gone");
                begun.borrow_mut().push(n);
                Gate { open, dropped }.pass().await;
                n
            }));
            caller.pending();
            caller
        })
        .collect();
    for n in 0..4 {
        assert_eq!(*begun.borrow(), (0..=n).collect::<Vec<_>>());
        drop(line.remove(0));
        assert!(line[0].woken() && !line.iter().skip(1).any(Polled::woken));
        line[0].pending();
    }
    open.set(true);
    assert!(!watcher.woken());
    assert_eq!(line[0].ready(), &4);
    assert!(watcher.woken());
    assert_eq!(watcher.ready(), &4);
}

/// SPEC S52: it fails twice, then succeeds.
#[test]
fn a_failure_goes_to_its_own_caller() {
    let cell = OnceCell::new();
    let runs = Cell::new(0);
    let attempt = || {
        runs.set(runs.get() + 1);
        let run = runs.get();
        async move {
            support::yield_now().await;
            if run < 3 { Err(run) } else { Ok(run) }
        }
    };
    let mut line: Vec<_> = (0..5)
        .map(|_| Polled::new(cell.get_or_try_init(attempt)))
        .collect();
    for caller in &mut line {
        caller.pending();
    }
    let mut results: Vec<Result<i32, i32>> = Vec::new();
    while let Some(mut caller) = (!line.is_empty()).then(|| line.remove(0)) {
        assert!(caller.woken());
        let result = match caller.poll() {
            Poll::Ready(result) => result,
            Poll::Pending => caller.ready(), // it has begun just now
        };
        results.push(result.copied());
    }
    assert_eq!(results, [Err(1), Err(2), Ok(3), Ok(3), Ok(3)]);
    assert_eq!(runs.get(), 3);
}

#[test]
fn a_panic_counts_as_not_done() {
    let cell = OnceCell::new();
    // In the function that makes the future.
    let mut maker = Polled::new(cell.get_or_init(|| -> std::future::Ready<u8> { panic!("maker") }));
    assert!(panics(|| maker.poll()));
    assert!(panics(|| maker.poll()), "it is over");
    assert!(!cell.is_set());
    // In the future, which is kept: it must not keep the right.
    let dropped = &Cell::new(false);
    let mut runner = queued(cell.get_or_init(async || {
        let _gate = Gate {
            open: dropped,
            dropped,
        };
        support::yield_now().await;
        panic!("runner")
    }));
    let mut next = queued(cell.get_or_init(|| ready(2)));
    let mut watcher = queued(cell.wait());
    assert!(panics(|| runner.poll()));
    assert!(dropped.get());
    assert!(next.woken() && !watcher.woken());
    assert_eq!(next.ready(), &2);
    assert_eq!(watcher.ready(), &2);
    assert!(panics(|| runner.poll()), "it is over");
    assert!(
        panics(|| maker.poll()),
        "it is over, though the cell is set"
    );
    assert_eq!(cell.get(), Some(&2));
}

/// The initialiser has its value, and its future panics when it is dropped.
#[test]
fn a_panic_in_the_drop_of_the_future_counts_as_not_done() {
    struct Bomb;
    impl Future for Bomb {
        type Output = u8;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<u8> {
            Poll::Ready(1)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let cell = OnceCell::new();
    let mut caller = Polled::new(cell.get_or_init(|| Bomb));
    assert!(panics(|| caller.poll()));
    assert!(!cell.is_set());
    assert_eq!(cell.set(2), Ok(()));
    assert!(panics(|| caller.poll()));
}

#[test]
fn futures_that_are_never_polled_have_no_effect() {
    let cell = OnceCell::new();
    drop(cell.get_or_init(|| -> std::future::Ready<u8> { panic!("not polled") }));
    let idle = cell.get_or_init(|| ready(1));
    let (wait, once) = (cell.wait(), Once::new());
    let call = once.call_once(|| -> std::future::Ready<()> { panic!("not polled") });
    assert_eq!((cell.waiters(), once.waiters()), (0, 0));
    assert_eq!(cell.set(2), Ok(()));
    assert_eq!(Polled::new(idle).ready(), &2, "made before, polled after");
    drop((wait, call));
    assert_eq!(once.reset(), Ok(()));
}

#[test]
fn polling_after_completion_panics() {
    let cell = OnceCell::new();
    let mut first = Polled::new(cell.get_or_init(|| ready(1)));
    first.ready();
    let mut set = Polled::new(cell.get_or_init(|| ready(2)));
    set.ready();
    let mut tried = Polled::new(cell.get_or_try_init(|| ready(Err(3))));
    assert_eq!(tried.ready(), Ok(&1));
    let mut wait = Polled::new(cell.wait());
    wait.ready();
    assert!(panics(|| first.poll()) && panics(|| set.poll()));
    assert!(panics(|| tried.poll()) && panics(|| wait.poll()));
    let once = Once::new();
    let mut failed = Polled::new(once.call_once_try(|| ready(Err(1))));
    assert_eq!(failed.ready(), Err(1));
    let mut call = Polled::new(once.call_once(|| ready(())));
    call.ready();
    let mut late = Polled::new(once.call_once(|| ready(())));
    late.ready();
    assert!(panics(|| failed.poll()) && panics(|| call.poll()) && panics(|| late.poll()));
}

#[test]
fn spurious_polls_and_new_wakers() {
    let cell = OnceCell::<u8>::new();
    let running = queued(cell.get_or_init(pending));
    let mut next = queued(cell.get_or_init(|| ready(1)));
    let mut watcher = queued(cell.wait());
    let (old_next, old_watcher) = (next.task.clone(), watcher.task.clone());
    for _ in 0..3 {
        next.pending();
        watcher.pending();
    }
    (next.task, watcher.task) = (Task::new(), Task::new());
    next.pending();
    watcher.pending();
    assert_eq!((old_next.kept(), old_watcher.kept()), (0, 0));
    drop(running);
    assert!(next.woken() && old_next.woken() == 0);
    assert_eq!(next.ready(), &1);
    assert!(watcher.woken() && old_watcher.woken() == 0);
    assert_eq!(watcher.ready(), &1);
    assert_eq!((next.task.kept(), watcher.task.kept()), (0, 0));
}

/// `set` goes past those who wait for their turn, and they get its value.
#[test]
fn set_between_two_initialisers() {
    let _time = VirtualTime::start();
    let cell = OnceCell::new();
    let first = queued(cell.get_or_try_init(pending::<Result<u8, ()>>));
    let mut watcher = queued(cell.wait());
    let leaver = queued(cell.get_or_init(|| ready(1)));
    drop(first);
    assert!(leaver.woken());
    assert_eq!(
        cell.set(2),
        Err(SetError::InProgress(2)),
        "somebody was told to begin"
    );
    drop(leaver);
    assert_eq!(cell.set(3), Ok(()));
    assert_eq!(watcher.ready(), &3);
    let mut first = Polled::new(cell.get_or_try_init(pending::<Result<u8, ()>>));
    assert_eq!(first.ready(), Ok(&3));
}

/// Every future of a line is dropped at every point: nobody is forgotten.
#[test]
fn whoever_leaves_passes_the_right_on() {
    for leaver in 0..3 {
        for granted in [false, true] {
            let cell = OnceCell::new();
            let right = queued(cell.get_or_init(pending));
            let mut line: Vec<_> = (0..3)
                .map(|n| Some(queued(cell.get_or_init(move || ready(n)))))
                .collect();
            let mut watcher = queued(cell.wait());
            let mut right = Some(right);
            if granted {
                right = None;
            }
            line[leaver] = None;
            drop(right);
            let next = if leaver == 0 { 1 } else { 0 };
            let caller = line[next].as_mut().unwrap();
            assert!(caller.woken());
            assert_eq!(caller.ready(), &next);
            for rest in line.iter_mut().flatten().skip(1) {
                assert_eq!(rest.ready(), &next);
            }
            assert_eq!(watcher.ready(), &next);
            assert_eq!(cell.waiters(), 0);
        }
    }
}

/// Futurelock rule: a turn that nobody takes passes on, by whatever comes next.
#[test]
fn a_stale_turn_is_passed_on() {
    let mut time = VirtualTime::start();
    for way in 0..4 {
        let cell = OnceCell::new();
        let right = queued(cell.get_or_init(pending));
        let mut lazy = queued(cell.get_or_init(|| ready(1)));
        let mut next = queued(cell.get_or_init(|| ready(2)));
        drop(right);
        assert!(lazy.woken());
        next.pending();
        assert!(!next.woken(), "it is not stale yet");
        time.advance_us(2000);
        let mut others = (None, None);
        match way {
            0 => next.pending(), // takes it away, and is told so itself
            1 => others.0 = Some(queued(cell.get_or_init(|| ready(3)))),
            2 => others.1 = Some(queued(cell.wait())),
            _ => assert_eq!(
                cell.set(4),
                Err(SetError::InProgress(4)),
                "next has the turn now"
            ),
        }
        assert!(next.woken(), "way {way}");
        assert_eq!(next.ready(), &2);
        assert_eq!(lazy.ready(), &2);
        assert_eq!(cell.waiters(), 0, "way {way}");
    }
}

/// With nobody else in line, a stale turn is free: for `set`, for `reset`, for the next caller.
#[test]
fn a_stale_turn_of_the_last_is_free() {
    let mut time = VirtualTime::start();
    let cell = OnceCell::new();
    let right = queued(cell.get_or_init(pending));
    let mut lazy = queued(cell.get_or_init(|| ready(1)));
    drop(right);
    assert_eq!(cell.set(2), Err(SetError::InProgress(2)));
    time.advance_us(2000);
    assert_eq!(cell.set(3), Ok(()));
    assert_eq!(lazy.ready(), &3);

    let once = Once::new();
    let right = queued(once.call_once(pending));
    let mut lazy = queued(once.call_once(|| ready(())));
    drop(right);
    assert_eq!(once.reset(), Err(InProgress));
    time.advance_us(2000);
    assert_eq!(once.reset(), Ok(()));
    // A revoked one that turns up takes what is free.
    lazy.ready();
    assert!(once.is_done());
}

/// A revoked caller that runs takes the turn of one that does not.
#[test]
fn a_revoked_caller_takes_an_unclaimed_turn() {
    let mut time = VirtualTime::start();
    let cell = OnceCell::new();
    let right = queued(cell.get_or_init(pending));
    let mut first = queued(cell.get_or_init(|| ready(1)));
    let mut second = queued(cell.get_or_init(|| ready(2)));
    let mut third = queued(cell.get_or_init(pending));
    drop(right);
    time.advance_us(2000);
    third.pending();
    assert!(second.woken(), "it has the turn");
    assert_eq!(first.ready(), &1);
    assert_eq!(second.ready(), &1);
    assert_eq!(third.ready(), &1);

    // One that is revoked while somebody else runs waits at the front.
    let cell = OnceCell::new();
    let right = queued(cell.get_or_init(pending));
    let mut first = queued(cell.get_or_init(|| ready(1)));
    let mut second = queued(cell.get_or_init(pending));
    let third = queued(cell.get_or_init(|| ready(3)));
    drop(right);
    time.advance_us(2000);
    second.pending(); // takes the turn away, and is told so itself
    assert!(second.woken());
    second.pending(); // begins
    first.pending();
    drop(second);
    assert!(first.woken() && !third.woken());
    assert_eq!(first.ready(), &1);
}

/// Two futures of one task, of which only the second is polled.
#[test]
fn a_turn_is_taken_over_within_a_task() {
    let cell = OnceCell::new();
    let task = Task::new();
    let right = queued(cell.get_or_init(pending));
    let mut parked = Polled::of(&task, cell.get_or_init(|| ready(1)));
    parked.pending();
    let mut polled = Polled::of(&task, cell.get_or_init(|| ready(2)));
    polled.pending();
    drop(right);
    let mut polls = 0;
    while polled.poll().is_pending() {
        polls += 1;
        assert!(polls < 4 && task.woken() > 0, "it is polled again");
    }
    assert_eq!(parked.ready(), &2);
    // A newcomer of the task, likewise.
    let cell = OnceCell::new();
    let right = queued(cell.get_or_init(pending));
    let mut parked = Polled::of(&task, cell.get_or_init(|| ready(1)));
    parked.pending();
    drop(right);
    let mut polled = Polled::of(&task, cell.get_or_init(|| ready(2)));
    let mut polls = 0;
    while polled.poll().is_pending() {
        polls += 1;
        assert!(polls < 4 && task.woken() > 0, "it is polled again");
    }
    assert_eq!(parked.ready(), &2);
}

/// SPEC S53, and S48 for acts.
#[test]
fn an_act_is_done_once() {
    let (once, open, dropped) = (Once::new(), Cell::new(false), Cell::new(false));
    let (open, dropped) = (&open, &dropped);
    let runs = &Cell::new(0);
    assert!(!once.is_done());
    let mut first = queued(once.call_once(async || {
        runs.set(runs.get() + 1);
        Gate { open, dropped }.pass().await;
    }));
    assert!(!once.is_done());
    let mut others: Vec<_> = (0..10)
        .map(|_| queued(once.call_once(async || runs.set(99))))
        .collect();
    let mut watcher = queued(once.wait());
    assert_eq!(once.waiters(), 11);
    open.set(true);
    first.ready();
    assert!(once.is_done());
    for other in &mut others {
        assert!(other.woken());
        other.ready();
    }
    assert!(watcher.woken());
    watcher.ready();
    once.wait_blocking();
    once.call_once_blocking(|| runs.set(98));
    assert_eq!(once.call_once_try_blocking(|| Err(())), Ok(()));
    assert_eq!(runs.get(), 1);
}

/// SPEC S54.
#[test]
fn reset_is_refused_while_it_runs() {
    let once = Once::new();
    assert_eq!(once.reset(), Ok(()), "there is nothing to reset");
    let runs = &Cell::new(0);
    for round in 1..4 {
        let mut call = queued(once.call_once(async || {
            assert_eq!(once.reset(), Err(InProgress), "from inside");
            support::yield_now().await;
            runs.set(runs.get() + 1);
        }));
        assert_eq!(once.reset(), Err(InProgress));
        call.ready();
        assert_eq!(runs.get(), round);
        assert_eq!(once.reset(), Ok(()));
        assert_eq!(once.reset(), Ok(()));
        assert!(!once.is_done());
    }
    once.call_once_blocking(|| assert_eq!(once.reset(), Err(InProgress)));
}

/// A reset between completion and the next poll: those who waited return, new ones wait.
#[test]
fn a_wait_ends_with_its_round() {
    let once = Once::new();
    let open = &Cell::new(false);
    let dropped = &Cell::new(false);
    let mut run = queued(once.call_once(|| Gate { open, dropped }.pass()));
    let mut old_wait = queued(once.wait());
    let mut old_call = queued(once.call_once(|| -> std::future::Ready<()> { panic!("not mine") }));
    let mut idle = Polled::new(once.call_once(|| ready(())));
    open.set(true);
    run.ready();
    assert_eq!(once.reset(), Ok(()));
    let mut new_wait = queued(once.wait());
    let new_run = queued(once.call_once(pending));
    let mut new_call = queued(once.call_once(|| ready(())));
    old_wait.ready();
    old_call.ready();
    idle.pending(); // polled for the first time in the new round
    new_wait.pending();
    new_call.pending();
    drop(new_run);
    new_call.ready();
    new_wait.ready();
    idle.ready();
}

/// One that lost its turn, and comes back when its round is over: it does not disturb the next one.
#[test]
fn a_revoked_caller_of_an_old_round() {
    let mut time = VirtualTime::start();
    let once = Once::new();
    let right = queued(once.call_once(pending));
    let mut late = queued(once.call_once(|| -> std::future::Ready<()> { panic!("too late") }));
    let mut next = queued(once.call_once(|| ready(())));
    drop(right);
    time.advance_us(2000);
    next.pending(); // takes the turn away, and is told so itself
    next.ready();
    once.reset().unwrap();
    let new_run = queued(once.call_once(pending));
    let mut new_next = queued(once.call_once(|| ready(())));
    drop(new_run); // new_next has the turn, which the late one must not take
    late.ready();
    assert!(!once.is_done());
    new_next.ready();
    assert_eq!(once.waiters(), 0);
}

#[test]
fn lazy_initialises_when_it_is_asked() {
    let runs = &Cell::new(0);
    let lazy = Lazy::new(async || {
        runs.set(runs.get() + 1);
        support::yield_now().await;
        runs.get()
    });
    assert_eq!(lazy.get(), None);
    let mut watcher = queued(lazy.wait());
    drop(queued(lazy.force())); // cancelled: the next one starts again
    assert_eq!(runs.get(), 1);
    let mut first = queued(lazy.force());
    let mut second = queued(lazy.force());
    assert_eq!(lazy.waiters(), 2);
    assert_eq!(first.ready(), &2);
    assert_eq!((second.ready(), watcher.ready()), (&2, &2));
    assert_eq!((lazy.get(), lazy.force_blocking()), (Some(&2), &2));
    drop((watcher, first, second));
    let mut lazy = lazy;
    *lazy.get_mut().unwrap() += 1;
    assert_eq!(lazy.into_inner(), Some(3));
}

#[test]
fn lazy_in_a_static() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static LAZY: Lazy<String> = Lazy::new(|| {
        Box::pin(async {
            RUNS.fetch_add(1, Ordering::Relaxed);
            "made".to_string()
        })
    });
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| LAZY.force_blocking().len()))
        .collect();
    assert!(
        threads
            .into_iter()
            .all(|thread| thread.join().unwrap() == 4)
    );
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn blocking_calls_wait_for_tasks_and_for_each_other() {
    let shared = Arc::new((OnceCell::new(), Once::new(), AtomicUsize::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                shared.1.call_once_blocking(|| {
                    shared.2.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(shared.2.load(Ordering::Relaxed), 1);
                let failed = shared.0.get_or_try_init_blocking(|| Err(n));
                let value = shared.0.get_or_init_blocking(|| n);
                assert!(failed == Err(n) || failed == Ok(value));
                assert_eq!(shared.0.wait_blocking(), value);
                *value
            })
        })
        .collect();
    let values: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(values.iter().all(|value| Some(value) == shared.0.get()));
    assert!(panics(|| Once::new().call_once_blocking(|| panic!("mine"))));
    assert_eq!(Once::new().call_once_try_blocking(|| Err(5)), Err(5));
}

#[test]
fn what_std_and_tokio_cells_have() {
    let set = OnceCell::from(1);
    assert_eq!(set, OnceCell::new_with(1));
    assert_ne!(set, OnceCell::default());
    assert_eq!(OnceCell::<u8>::new(), OnceCell::default());
    let running = OnceCell::<u8>::new();
    let _run = queued(running.get_or_init(pending));
    let copy = running.clone();
    assert_eq!((copy.set(1), set.clone().get()), (Ok(()), Some(&1)));
    assert!(running.get().is_none());
}

#[test]
fn debug_does_not_wait() {
    let cell = OnceCell::<u8>::new();
    assert_eq!(
        format!("{cell:?}"),
        "OnceCell { value: <not set>, waiters: 0 }"
    );
    let mut call = Polled::new(cell.get_or_init(pending));
    assert_eq!(format!("{:?}", call.future), "GetOrInit(has not begun)");
    call.pending();
    assert_eq!(format!("{:?}", call.future), "GetOrInit(initialises)");
    let wait = queued(cell.wait());
    assert_eq!(format!("{:?}", wait.future), "WaitSet(waits)");
    let waiting = queued(cell.get_or_try_init(|| ready(Err(()))));
    assert_eq!(format!("{:?}", waiting.future), "GetOrTryInit(waits)");
    assert_eq!(
        format!("{cell:?}"),
        "OnceCell { value: <in progress>, waiters: 2 }"
    );
    let set = OnceCell::from(1);
    assert_eq!(format!("{set:?}"), "OnceCell { value: 1, waiters: 0 }");
    let mut call = Polled::new(set.get_or_init(pending));
    assert_eq!(format!("{:?}", call.future), "GetOrInit(has not begun)");
    call.ready();
    assert_eq!(format!("{:?}", call.future), "GetOrInit(is over)");
    let once = Once::new();
    assert_eq!(
        format!("{once:?}"),
        "Once { done: false, running: false, waiters: 0 }"
    );
    assert_eq!(
        format!("{:?}", once.call_once(pending)),
        "CallOnce(has not begun)"
    );
    let lazy: Lazy<u8, _> = Lazy::new(async || 1);
    assert_eq!(
        format!("{lazy:?}"),
        "Lazy(OnceCell { value: <not set>, waiters: 0 })"
    );
    let error = cell.set(1).unwrap_err();
    assert_eq!(
        format!("{error:?}: {error}"),
        "InProgress(..): the cell is being initialised"
    );
    assert_eq!(
        set.set(1).unwrap_err().to_string(),
        "the cell has a value already"
    );
    assert_eq!(InProgress.to_string(), "it is being done");
}
