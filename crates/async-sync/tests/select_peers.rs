//! How other selects differ: each difference that the documentation names, shown on both sides.
#![cfg(not(miri))] // others' code, and statistics

mod support;

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_sync::mutex::{Fifo, Policy};
use async_sync::select::{SelectSet, once, repeat, select_all};
use async_sync::{AutoEvent, Mutex, Semaphore, select};
use futures::FutureExt;
use support::{Polled, VirtualTime, queued};
use sync_core::chance;
use sync_core::park::block_on;

/// How often the first of two that are ready is picked, of four.
fn first_of_two(choose: impl Fn() -> usize) -> u32 {
    (0..4000).map(|_| u32::from(choose() == 0)).sum()
}

#[test]
fn a_rotation_is_not_a_fair_choice() {
    let tokio = first_of_two(|| {
        block_on(async {
            tokio::select! {
                () = ready(()) => 0,
                () = ready(()) => 1,
                () = pending() => 2,
                () = pending() => 3,
            }
        })
    });
    assert!((2850..3150).contains(&tokio), "three of four: {tokio}");

    let before = chance::set_seed(Some(11));
    let ours = first_of_two(|| {
        block_on(async {
            select! {
                () = ready(()) => 0,
                () = ready(()) => 1,
                () = pending() => 2,
                () = pending() => 3,
            }
        })
    });
    chance::set_seed(before);
    assert!((1850..2150).contains(&ours), "every second: {ours}");
}

/// Never ready, and counts.
struct Counted<'a>(&'a Cell<usize>, AutoWait<'a>);
type AutoWait<'a> = Pin<Box<async_sync::event::AutoWait<'a>>>;

impl Future for Counted<'_> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.set(self.0.get() + 1);
        self.1.as_mut().poll(cx)
    }
}

#[test]
fn others_poll_everybody_at_each_wake_up() {
    let polls = Cell::new(0);
    let events: Vec<_> = (0..1000).map(|_| AutoEvent::new()).collect();
    let cases = || {
        events
            .iter()
            .map(|event| Counted(&polls, Box::pin(event.wait())))
    };

    let mut theirs = queued(futures::future::select_all(cases()));
    polls.set(0);
    events[999].set();
    assert!(theirs.woken());
    theirs.ready();
    assert_eq!(polls.take(), 1000);

    let mut ours = queued(select_all(cases()));
    polls.set(0);
    events[999].set();
    assert!(ours.woken());
    assert_eq!(ours.ready(), (999, ()));
    assert_eq!(polls.take(), 1);
}

/// A loop that makes its futures anew loses its place with every round. A set keeps it.
#[test]
fn a_loop_over_a_macro_loses_its_place() {
    let bell = AutoEvent::new();
    let busy = |semaphore: &Semaphore| semaphore.try_acquire().unwrap().forget();

    let theirs = tokio::sync::Semaphore::new(1);
    theirs.try_acquire().unwrap().forget();
    let mut theirs_loop = Polled::new(async {
        loop {
            tokio::select! {
                permit = theirs.acquire() => break permit.is_ok(),
                () = bell.wait() => {}
            }
        }
    });
    theirs_loop.pending();
    let mut later = queued(theirs.acquire());
    bell.set();
    theirs_loop.pending();
    theirs.add_permits(1);
    assert!(later.woken(), "who came later is first");
    later.ready().unwrap().forget();
    theirs_loop.pending();
    drop(theirs_loop);

    // So does ours: it is the loop that does it.
    let semaphore = Semaphore::new(1);
    busy(&semaphore);
    let mut ours_loop = Polled::new(async {
        loop {
            select! {
                permit = semaphore.acquire() => break permit.is_ok(),
                () = bell.wait() => {}
            }
        }
    });
    ours_loop.pending();
    let later = queued(semaphore.acquire());
    bell.set();
    ours_loop.pending();
    semaphore.release(1);
    assert!(later.woken());
    drop(later);
    assert!(ours_loop.ready());

    // A set keeps it.
    let semaphore = Semaphore::new(1);
    busy(&semaphore);
    let mut set_loop = Polled::new(async {
        type Case<'a> = Pin<Box<dyn async_sync::select::Source<Item = Option<bool>> + 'a>>;
        let mut set: SelectSet<Case<'_>> = SelectSet::new();
        set.add(Box::pin(once(async {
            Some(semaphore.acquire().await.is_ok())
        })));
        set.add(Box::pin(repeat(|| async {
            bell.wait().await;
            None
        })));
        loop {
            if let Some((_, Some(acquired))) = set.next().await {
                break acquired;
            }
        }
    });
    set_loop.pending();
    let later = queued(semaphore.acquire());
    bell.set();
    set_loop.pending();
    semaphore.release(1);
    assert!(!later.woken() && set_loop.ready());
    assert!(later.woken());
}

/// Oxide's RFD 609: the future that was given the lock is alive, and not polled, while the body of another
/// case waits for the same lock.
#[test]
fn tokios_lock_in_a_body_hangs() {
    let lock = tokio::sync::Mutex::new(());
    let bell = AutoEvent::new();
    let held = lock.try_lock().unwrap();
    let mut task = Polled::new(async {
        let mut locking = pin!(lock.lock());
        tokio::select! {
            biased;
            () = bell.wait() => drop(lock.lock().await),
            _ = &mut locking => unreachable!(),
        }
    });
    task.pending();
    bell.set();
    drop(held);
    for _ in 0..100 {
        task.pending();
    }
    // futures' macro keeps them alive, too.
    let held = async_lock_of_futures();
    let mut task = Polled::new(async {
        let mut locking = held.lock().fuse();
        let mut bell = pin!(bell.wait().fuse());
        futures::select_biased! {
            () = bell => drop(held.lock().await),
            _ = locking => unreachable!(),
        }
    });
    let guard = held.try_lock().unwrap();
    task.pending();
    bell.set();
    drop(guard);
    // This lock lets newcomers pass, so it does not hang; but the future that was woken is still there.
    task.ready();
}

fn async_lock_of_futures() -> futures::lock::Mutex<()> {
    futures::lock::Mutex::new(())
}

/// The same with our locks: the body gets it, by tokio's macro or by ours.
#[test]
fn ours_in_a_body_does_not_hang() {
    fn check<P: Policy>() {
        for by_ours in [false, true] {
            let mut time = VirtualTime::start();
            let lock = Mutex::<_, P>::with_policy(());
            let bell = AutoEvent::new();
            let held = lock.try_lock().unwrap();
            let mut task = Polled::new(async {
                let mut locking = pin!(lock.lock());
                if by_ours {
                    select! {
                        biased;
                        () = bell.wait() => drop(lock.lock().await),
                        _ = &mut locking => unreachable!(),
                    }
                } else {
                    tokio::select! {
                        biased;
                        () = bell.wait() => drop(lock.lock().await),
                        _ = &mut locking => unreachable!(),
                    }
                }
            });
            task.pending();
            bell.set();
            drop(held); // to `locking`
            let mut polls = 0;
            while task.poll().is_pending() {
                assert!(task.woken(), "nobody would poll it");
                polls += 1;
                assert!(polls < 10);
                time.advance_us(1);
            }
        }
    }
    check::<async_sync::mutex::Adaptive>();
    check::<async_sync::mutex::Barging>();
    check::<Fifo>();
}

/// By value there is nothing that could hold the lock, in ours as in tokio's.
#[test]
fn losers_are_gone_when_the_body_runs() {
    let lock = tokio::sync::Mutex::new(());
    let bell = AutoEvent::new();
    let held = lock.try_lock().unwrap();
    let mut task = Polled::new(async {
        select! {
            biased;
            () = bell.wait() => drop(lock.lock().await),
            _ = lock.lock() => unreachable!(),
        }
    });
    task.pending();
    bell.set();
    drop(held);
    task.ready();
}
