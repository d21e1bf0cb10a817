//! The barrier, polled by hand: every transition of `barrier/raw.rs`.

mod support;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::Barrier;
use async_sync::barrier::BrokenBarrier;
use support::{Polled, Task, queued};

fn panic_text(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap()
}

const BROKEN: BrokenBarrier = BrokenBarrier::ByOthers;

const GENERATIONS: usize = if cfg!(miri) { 5 } else { 100 };

/// SPEC S102.
#[test]
fn the_third_of_three_releases_all_for_many_generations() {
    let barrier = Barrier::new(3);
    assert_eq!(barrier.parties(), 3);
    for generation in 0..GENERATIONS {
        assert_eq!((barrier.waiting(), barrier.generation()), (0, generation));
        let mut first = queued(barrier.wait());
        let mut second = queued(barrier.wait());
        assert_eq!(barrier.waiting(), 2);
        assert!(!first.woken() && !second.woken());
        let third = Polled::new(barrier.wait()).ready().unwrap();
        assert!(first.woken() && second.woken());
        let results = [first.ready().unwrap(), second.ready().unwrap(), third];
        for (index, result) in results.into_iter().enumerate() {
            assert_eq!(result.generation(), generation);
            assert_eq!((result.index(), result.is_leader()), (index, index == 2));
        }
    }
    assert_eq!(
        format!("{barrier:?}"),
        format!("Barrier {{ parties: 3, waiting: 0, generation: {GENERATIONS}, broken: false }}")
    );
}

#[test]
fn a_barrier_for_one_never_waits() {
    let barrier = Barrier::new(1);
    for generation in 0..3 {
        let result = Polled::new(barrier.wait()).ready().unwrap();
        assert!(result.is_leader());
        assert_eq!(result.generation(), generation);
    }
    assert!(barrier.wait_blocking().unwrap().is_leader());
}

/// SPEC U1.
#[test]
fn bad_numbers_of_parties() {
    let text = panic_text(|| drop(Barrier::new(0)));
    assert_eq!(text, "parties must be positive number");
    let text = panic_text(|| drop(Barrier::with_action(0, || Ok::<_, ()>(()))));
    assert_eq!(text, "parties must be positive number");
    let text = panic_text(|| drop(Barrier::new(Barrier::MAX_PARTIES + 1)));
    assert!(text.contains("MAX_PARTIES"), "{text}");
    let most = Barrier::new(Barrier::MAX_PARTIES);
    queued(most.wait()).pending();
}

#[test]
fn many_are_released_at_once() {
    let barrier = Barrier::new(50);
    let mut waiters: Vec<_> = (0..49).map(|_| queued(barrier.wait())).collect();
    assert!(Polled::new(barrier.wait()).ready().unwrap().is_leader());
    for (index, waiter) in waiters.iter_mut().enumerate() {
        assert_eq!(waiter.task.woken(), 1);
        assert_eq!(waiter.ready().unwrap().index(), index);
    }
}

#[test]
fn one_more_than_there_are_parties_belongs_to_the_next_generation() {
    let barrier = Barrier::new(2);
    let mut waits: Vec<_> = (0..5).map(|_| Polled::new(barrier.wait())).collect();
    for wait in &mut waits {
        let _ = wait.poll().map(|result| result.unwrap());
    }
    assert_eq!((barrier.generation(), barrier.waiting()), (2, 1));
    assert_eq!(waits[0].ready().unwrap().generation(), 0);
    assert_eq!(waits[2].ready().unwrap().generation(), 1);
    waits[4].pending();
}

/// SPEC U1: one that leaves breaks the barrier for the others; from any place in the queue.
#[test]
fn who_leaves_breaks_the_barrier() {
    for leaver in 0..3 {
        let barrier = Barrier::new(4);
        drop(barrier.wait()); // not polled: without effect
        let mut waits: Vec<_> = (0..3).map(|_| queued(barrier.wait())).collect();
        drop(waits.remove(leaver));
        assert!(barrier.is_broken());
        assert_eq!(barrier.waiting(), 0);
        for wait in &mut waits {
            assert_eq!(wait.task.woken(), 1, "leaver {leaver}");
            assert_eq!(wait.ready(), Err(BROKEN));
        }
        assert_eq!(Polled::new(barrier.wait()).ready(), Err(BROKEN));
        assert_eq!(barrier.wait_blocking(), Err(BROKEN));
        barrier.reset();
        assert!(!barrier.is_broken());
        assert_eq!(barrier.generation(), 1);
        let _waits: Vec<_> = (0..3).map(|_| queued(barrier.wait())).collect();
        assert_eq!(Polled::new(barrier.wait()).ready().unwrap().generation(), 1);
        assert!(barrier.waiting() == 0 && !barrier.is_broken());
    }
}

#[test]
fn who_leaves_after_the_last_has_arrived_breaks_nothing() {
    let barrier = Barrier::new(3);
    let first = queued(barrier.wait());
    let mut second = queued(barrier.wait());
    Polled::new(barrier.wait()).ready().unwrap();
    drop(first);
    let next = queued(barrier.wait());
    assert!(!barrier.is_broken());
    assert_eq!(barrier.waiting(), 1);
    second.ready().unwrap();
    drop(next);
    assert!(barrier.is_broken(), "the next generation is another matter");
}

#[test]
fn a_lenient_barrier_takes_an_arrival_back() {
    let barrier = Barrier::new(3).lenient();
    assert!(barrier.is_lenient() && !Barrier::new(3).is_lenient());
    let mut first = queued(barrier.wait());
    let second = queued(barrier.wait());
    drop(second);
    assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
    let mut third = queued(barrier.wait());
    assert!(!first.woken());
    assert!(Polled::new(barrier.wait()).ready().unwrap().is_leader());
    assert!(!first.ready().unwrap().is_leader());
    assert!(!third.ready().unwrap().is_leader());
    // One that leaves when it is released already takes nothing back.
    let gone = queued(barrier.wait());
    let _other = queued(barrier.wait());
    Polled::new(barrier.wait()).ready().unwrap();
    drop(gone);
    assert_eq!((barrier.waiting(), barrier.generation()), (0, 2));
    // A reset is a reset.
    let mut waits = queued(barrier.wait());
    barrier.reset();
    assert_eq!(waits.ready(), Err(BROKEN));
}

#[test]
fn reset_tells_those_who_wait_and_begins_anew() {
    let barrier = Barrier::new(50);
    barrier.reset(); // nobody waits: nothing to do
    assert_eq!(barrier.generation(), 0);
    let mut waits: Vec<_> = (0..40).map(|_| queued(barrier.wait())).collect();
    barrier.reset();
    assert_eq!((barrier.generation(), barrier.is_broken()), (1, false));
    let mut next = queued(barrier.wait());
    for wait in &mut waits {
        assert_eq!(wait.task.woken(), 1);
        assert_eq!(wait.ready(), Err(BROKEN));
    }
    assert!(!next.woken());
    next.pending();
    assert_eq!(barrier.waiting(), 1);
}

#[test]
fn the_action_runs_once_before_anybody_is_released() {
    let runs = Cell::new(0);
    let waits = RefCell::new(Vec::new());
    let barrier = Barrier::with_action(3, || {
        let waits: std::cell::Ref<'_, Vec<Task>> = waits.borrow();
        assert!(waits.iter().all(|task| task.woken() == 0));
        runs.set(runs.get() + 1);
        Ok::<_, Infallible>(())
    });
    for generation in 0..GENERATIONS {
        let mut first = queued(barrier.wait());
        let mut second = queued(barrier.wait());
        *waits.borrow_mut() = vec![first.task.clone(), second.task.clone()];
        assert_eq!(runs.get(), generation);
        assert!(Polled::new(barrier.wait()).ready().unwrap().is_leader());
        assert_eq!(runs.get(), generation + 1);
        assert!(first.woken() && second.woken());
        assert_eq!(first.ready().unwrap().generation(), generation);
        second.ready().unwrap();
    }
    assert_eq!(runs.get(), GENERATIONS);
}

#[test]
fn an_action_that_fails_breaks_the_barrier() {
    let fails = Cell::new(true);
    let barrier = Barrier::with_action(2, || if fails.get() { Err("no") } else { Ok(()) });
    let mut first = queued(barrier.wait());
    let last = Polled::new(barrier.wait()).ready();
    assert_eq!(last, Err(BrokenBarrier::ByAction("no")));
    assert!(first.woken());
    assert_eq!(first.ready(), Err(BrokenBarrier::ByOthers));
    assert!(barrier.is_broken());
    assert_eq!(
        Polled::new(barrier.wait()).ready(),
        Err(BrokenBarrier::ByOthers)
    );
    barrier.reset();
    fails.set(false);
    let mut first = queued(barrier.wait());
    Polled::new(barrier.wait()).ready().unwrap();
    assert_eq!(first.ready().unwrap().generation(), 1);
}

#[test]
fn an_action_that_panics_breaks_the_barrier() {
    let barrier = Barrier::with_action(2, || -> Result<(), Infallible> { panic!("action") });
    let mut first = queued(barrier.wait());
    let mut last = Polled::new(barrier.wait());
    assert_eq!(panic_text(|| _ = last.poll()), "action");
    assert!(first.woken() && barrier.is_broken());
    assert_eq!(first.ready(), Err(BROKEN));
    barrier.reset();
    queued(barrier.wait()).pending();
    assert_eq!(barrier.generation(), 1);
}

/// Who comes, leaves or resets while the action runs.
#[test]
#[allow(
    clippy::arc_with_non_send_sync,
    reason = "one thread; the futures own the barrier"
)]
fn while_the_action_runs() {
    type Waits = Polled<async_sync::barrier::WaitOwned<Box<dyn Fn() -> Result<(), ()>>>>;
    let during = Arc::new(std::sync::Mutex::new(
        None::<Box<dyn Fn() -> Result<(), ()>>>,
    ));
    let hook = Arc::clone(&during);
    let action: Box<dyn Fn() -> Result<(), ()>> =
        Box::new(move || match hook.lock().unwrap().take() {
            Some(hook) => hook(),
            None => Ok(()),
        });
    let barrier = Arc::new(Barrier::with_action(2, action));
    let wait = || Arc::clone(&barrier).wait_owned();
    let early: Arc<std::sync::Mutex<Vec<Waits>>> = Arc::default();
    for well in [true, false] {
        let first = Arc::new(std::sync::Mutex::new(Some(queued(wait()))));
        *during.lock().unwrap() = Some(Box::new({
            let (barrier, early, first) = (Arc::clone(&barrier), Arc::clone(&early), first);
            move || {
                // Three come: they have not arrived yet.
                for _ in 0..3 {
                    early
                        .lock()
                        .unwrap()
                        .push(queued(Arc::clone(&barrier).wait_owned()));
                }
                // One of them leaves, and so does one whose generation is complete.
                drop(early.lock().unwrap().remove(0));
                drop(first.lock().unwrap().take());
                barrier.reset();
                assert_eq!((barrier.is_broken(), barrier.waiting()), (false, 2));
                if well { Ok(()) } else { Err(()) }
            }
        }));
        let generation = barrier.generation();
        let last = Polled::new(wait()).ready();
        assert_eq!(last.is_ok(), well);
        let mut early = std::mem::take(&mut *early.lock().unwrap());
        assert!(early[0].woken() && early[1].woken());
        if well {
            assert_eq!(barrier.waiting(), 0, "they arrive when they are polled");
            early[0].pending();
            assert_eq!(barrier.waiting(), 1);
            assert!(early[1].ready().unwrap().is_leader());
            assert_eq!(early[0].ready().unwrap().generation(), generation + 1);
        } else {
            assert_eq!(early[0].ready(), Err(BrokenBarrier::ByOthers));
            barrier.reset();
            early[1].pending(); // it never saw the broken barrier
            assert_eq!(barrier.waiting(), 1);
            barrier.reset();
        }
        drop(early);
    }
    assert!(!barrier.is_broken());
}

#[test]
fn spurious_polls_and_other_wakers() {
    let barrier = Barrier::new(2);
    let mut wait = queued(barrier.wait());
    wait.pending();
    let old = std::mem::replace(&mut wait.task, Task::new());
    wait.pending();
    assert_eq!((old.kept(), barrier.waiting()), (0, 1));
    Polled::new(barrier.wait()).ready().unwrap();
    assert_eq!((old.woken(), wait.task.woken()), (0, 1));
    wait.ready().unwrap();
    let text = panic_text(|| _ = wait.poll());
    assert_eq!(text, "a future was polled after it had completed");
}

#[test]
fn errors_say_what_happened() {
    let others: BrokenBarrier<std::fmt::Error> = BrokenBarrier::ByOthers;
    let action = BrokenBarrier::ByAction(std::fmt::Error);
    assert!(others.to_string().contains("reset"), "{others}");
    assert!(
        action
            .to_string()
            .starts_with("the barrier's action failed: ")
    );
    use std::error::Error;
    assert!(others.source().is_none() && action.source().is_some());
}

/// What each party did before is seen by all after.
#[test]
fn threads_in_step() {
    const PARTIES: usize = 4;
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 200 };
    let barrier = Arc::new((Barrier::new(PARTIES), AtomicUsize::new(0)));
    let leaders = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..PARTIES)
        .map(|_| {
            let (barrier, leaders) = (Arc::clone(&barrier), Arc::clone(&leaders));
            std::thread::spawn(move || {
                for round in 1..=ROUNDS {
                    barrier.1.fetch_add(1, Ordering::Relaxed);
                    let met = barrier.0.wait_blocking().unwrap();
                    leaders.fetch_add(usize::from(met.is_leader()), Ordering::Relaxed);
                    assert!(barrier.1.load(Ordering::Relaxed) >= round * PARTIES);
                    barrier.0.wait_blocking().unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(leaders.load(Ordering::Relaxed), ROUNDS);
    assert_eq!(barrier.0.generation(), 2 * ROUNDS);
}
