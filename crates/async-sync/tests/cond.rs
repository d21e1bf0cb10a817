//! The condition variable, polled by hand: every transition of `waiters/lobby.rs` and `waiters/moving.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use std::task::Poll;

use async_sync::cond::Wait;
use async_sync::mutex::{Adaptive, Barging, Fifo, MutexGuard, Policy};
use async_sync::{Cond, Mutex};
use support::{Polled, Task, VirtualTime, queued};

type Waits<'a, P> = Polled<Wait<'a, MutexGuard<'a, u32, P>>>;

/// So many waiters, each of a task of its own.
fn parked<'a, P: Policy>(cond: &'a Cond, mutex: &'a Mutex<u32, P>, n: usize) -> Vec<Waits<'a, P>> {
    (0..n)
        .map(|_| queued(cond.wait(mutex.try_lock().expect("parked waiters have let go of it"))))
        .collect()
}

fn woken<P: Policy>(waits: &[Waits<'_, P>]) -> Vec<usize> {
    (0..waits.len()).filter(|i| waits[*i].woken()).collect()
}

/// Everybody has gone, and nothing is left.
#[track_caller]
fn idle<P: Policy>(cond: &Cond, mutex: &Mutex<u32, P>) {
    assert_eq!(cond.waiters(), 0);
    assert_eq!(mutex.waiters(), 0);
    assert!(mutex.try_lock().is_some());
    assert!(!cond.notify_one());
    assert_eq!(cond.notify_all(), 0);
}

fn each_policy(check: impl Fn(usize)) {
    (0..3).for_each(check);
}

/// Runs a generic check with every policy.
macro_rules! policies {
    ($check:ident) => {
        each_policy(|policy| match policy {
            0 => $check::<Adaptive>(),
            1 => $check::<Fifo>(),
            _ => $check::<Barging>(),
        });
    };
}

/// SPEC C1, S43.
#[test]
fn a_wait_lets_go_of_the_lock_and_gets_it_back() {
    let _time = VirtualTime::start();
    fn check<P: Policy>() {
        let (cond, mutex) = (Cond::new(), Mutex::<u32, P>::with_policy(0));
        let mut wait = Polled::new(cond.wait(mutex.try_lock().unwrap()));
        assert!(mutex.is_locked(), "nothing happens before the first poll");
        assert_eq!(cond.waiters(), 0);
        wait.pending();
        assert!(!mutex.is_locked());
        assert_eq!(cond.waiters(), 1);
        *mutex.try_lock().unwrap() = 7;
        assert!(!wait.woken());
        assert!(cond.notify_one());
        assert_eq!(wait.task.woken(), 1);
        let guard = wait.ready();
        assert!(mutex.is_locked());
        assert_eq!(*guard, 7);
        drop(guard);
        idle(&cond, &mutex);
    }
    policies!(check);
}

/// SPEC S39: in order; a call that finds nobody is not kept.
#[test]
fn calls_go_to_whoever_has_waited_longest() {
    let _time = VirtualTime::start();
    fn check<P: Policy>() {
        let (cond, mutex) = (Cond::new(), Mutex::<u32, P>::with_policy(0));
        assert!(!cond.notify_one());
        assert_eq!(cond.notify_all(), 0);
        let mut waits = parked(&cond, &mutex, 3);
        for i in 0..3 {
            assert!(cond.notify_one());
            assert_eq!(woken(&waits), [i]);
            drop(waits[i].ready());
        }
        idle(&cond, &mutex);
    }
    policies!(check);
}

/// Whoever is polled first, the lock goes to them in the order in which they were called.
#[test]
fn those_who_were_called_get_the_lock_in_that_order() {
    let _time = VirtualTime::start();
    fn check<P: Policy>() {
        for first in 0..3 {
            for all in [false, true] {
                let (cond, mutex) = (Cond::new(), Mutex::<u32, P>::with_policy(0));
                let mut waits = parked(&cond, &mutex, 4);
                if all {
                    assert_eq!(cond.notify_all(), 4);
                } else {
                    for _ in 0..3 {
                        assert!(cond.notify_one());
                    }
                }
                let called = if all { 4 } else { 3 };
                assert_eq!(woken(&waits)[..2], [0, 1]);
                let guard = match waits[first].poll() {
                    Poll::Ready(guard) => {
                        assert_eq!(first, 0, "the lock was free");
                        Some(guard)
                    }
                    Poll::Pending => None,
                };
                let done = usize::from(guard.is_some());
                assert_eq!(cond.waiters(), 4 - called);
                assert_eq!(mutex.waiters(), called - done);
                drop(guard);
                for wait in &mut waits[done..called] {
                    drop(wait.ready());
                }
                for _ in called..4 {
                    assert!(cond.notify_one());
                }
                for wait in &mut waits[called..] {
                    drop(wait.ready());
                }
                idle(&cond, &mutex);
            }
        }
    }
    policies!(check);
}

/// No stampede: a few are woken, the first polled takes all along, and then the lock wakes one at a time.
#[test]
fn a_call_of_all_wakes_few() {
    let _time = VirtualTime::start();
    fn check<P: Policy>() {
        let (cond, mutex) = (Cond::new(), Mutex::<u32, P>::with_policy(0));
        let mut waits = parked(&cond, &mutex, 40);
        let guard = mutex.try_lock().unwrap();
        assert_eq!(cond.notify_all(), 40);
        assert_eq!(woken(&waits), [0, 1, 3, 7, 15, 31]);
        assert_eq!(cond.waiters(), 40);
        waits[1].pending();
        assert_eq!((cond.waiters(), mutex.waiters()), (0, 40));
        assert_eq!(woken(&waits), []);
        for i in [0, 3, 7, 15, 31] {
            waits[i].pending();
        }
        drop(guard);
        for i in 0..40 {
            assert_eq!(woken(&waits), [i], "one after the other");
            drop(waits[i].ready());
        }
        idle(&cond, &mutex);
    }
    policies!(check);
}

/// SPEC S45. Those who come back are not called by the call that ended their last wait.
#[test]
fn a_call_of_all_can_be_repeated() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    for _ in 0..3 {
        let mut waits = parked(&cond, &mutex, 20);
        assert_eq!(cond.notify_all(), 20);
        let late = queued(cond.wait(mutex.try_lock().unwrap()));
        for wait in &mut waits {
            drop(wait.ready());
        }
        assert!(!late.woken());
        assert_eq!(cond.waiters(), 1);
        drop(late);
        idle(&cond, &mutex);
    }
}

#[test]
fn a_future_that_was_never_polled_lets_go_of_the_lock() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let wait = cond.wait(mutex.try_lock().unwrap());
    assert!(!cond.notify_one());
    drop(wait);
    let wait = cond.wait_while(mutex.try_lock().unwrap(), |_| true);
    drop(wait);
    idle(&cond, &mutex);
}

/// Whoever leaves without having been called disturbs nobody, from wherever it stands.
#[test]
fn a_parked_waiter_leaves() {
    let _time = VirtualTime::start();
    for leaver in 0..4 {
        let (cond, mutex) = (Cond::new(), Mutex::new(0));
        let mut waits = parked(&cond, &mutex, 4);
        drop(waits.remove(leaver));
        assert_eq!(cond.waiters(), 3);
        assert_eq!(woken(&waits), []);
        for mut wait in waits {
            assert!(cond.notify_one());
            drop(wait.ready());
        }
        idle(&cond, &mutex);
    }
}

/// Where a waiter stands that was called by `notify_one` when it is dropped.
#[derive(Clone, Copy, Debug)]
enum Stand {
    /// Called, not polled since.
    Woken,
    /// Alone in the lock's queue, which is locked.
    Queued,
    /// The lock's baton is its own.
    Baton,
    /// Taken along by another one, not polled since.
    TakenAlong,
    /// The same, and the lock's baton is its own.
    TakenAlongBaton,
    /// Its call is stale and was revoked: there is nothing to pass on.
    Missed,
}

/// A call of one is not lost, wherever its waiter is when it is dropped.
#[test]
fn a_dropped_waiter_passes_its_call_on() {
    fn check<P: Policy>() {
        use Stand::*;
        for stand in [Woken, Queued, Baton, TakenAlong, TakenAlongBaton, Missed] {
            let mut time = VirtualTime::start();
            let (cond, mutex) = (Cond::new(), Mutex::<u32, P>::with_policy(0));
            let mut waits = parked(&cond, &mutex, 4);
            let mut guard = mutex.try_lock();
            assert!(cond.notify_one());
            match stand {
                Woken => {}
                Queued => waits[0].pending(),
                Baton => {
                    waits[0].pending();
                    guard = None;
                }
                TakenAlong | TakenAlongBaton => {
                    assert!(cond.notify_one());
                    waits[1].pending();
                    assert_eq!(mutex.waiters(), 2);
                    if matches!(stand, TakenAlongBaton) {
                        guard = None;
                    }
                }
                Missed => {
                    time.advance_us(2000);
                    assert!(cond.notify_one());
                    // The old call went to the second, the new one to the third.
                    assert_eq!(woken(&waits), [0, 1, 2]);
                }
            }
            let _ = woken(&waits);
            let mut rest = waits.split_off(1);
            drop(waits);
            let passed_on = usize::from(!matches!(stand, Missed));
            let called_before = match stand {
                TakenAlong | TakenAlongBaton => 1,
                Missed => 2,
                _ => 0,
            };
            drop(guard);
            let mut served = 0;
            for wait in &mut rest {
                if let Poll::Ready(guard) = wait.poll() {
                    drop(guard);
                    served += 1;
                }
            }
            assert_eq!(served, called_before + passed_on, "{stand:?}");
            drop(rest);
            idle(&cond, &mutex);
        }
    }
    policies!(check);
}

/// The passing on reaches somebody who is woken for it, not only somebody who happens to be polled.
#[test]
fn whoever_is_passed_a_call_is_woken() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 3);
    assert!(cond.notify_one());
    assert_eq!(woken(&waits), [0]);
    drop(waits.remove(0));
    assert_eq!(woken(&waits), [0]);
    // Now one that waits for the lock already.
    let guard = mutex.try_lock().unwrap();
    waits[0].pending();
    assert_eq!(mutex.waiters(), 1);
    drop(waits.remove(0));
    assert_eq!(woken(&waits), [0]);
    drop(guard);
    drop(waits[0].ready());
    idle(&cond, &mutex);
}

/// A call of all concerns each for itself: nobody who came later profits from one who leaves.
#[test]
fn a_call_of_all_is_not_passed_on() {
    let _time = VirtualTime::start();
    for polled in [false, true] {
        let (cond, mutex) = (Cond::new(), Mutex::new(0));
        let guard = mutex.try_lock().unwrap();
        let mut waits = Vec::new();
        let guard = {
            drop(guard);
            waits.extend(parked(&cond, &mutex, 2));
            mutex.try_lock().unwrap()
        };
        assert_eq!(cond.notify_all(), 2);
        if polled {
            waits[0].pending();
        }
        drop(guard);
        let mut late = queued(cond.wait(mutex.try_lock().unwrap_or_else(|| {
            // The lock waits for the first of them.
            waits.remove(0).ready()
        })));
        drop(waits);
        assert!(!late.woken());
        late.pending();
        drop(late);
        idle(&cond, &mutex);
    }
}

/// Those who are left asleep are behind somebody who is awake; when that one is dropped, or goes alone,
/// the next is woken.
#[test]
fn whoever_is_asleep_is_woken_when_the_one_before_leaves() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 7);
    assert_eq!(cond.notify_all(), 7);
    assert_eq!(woken(&waits), [0, 1, 3]);
    // Three is the fifth; before it everybody is dropped, those asleep and those awake.
    drop(waits.drain(..4));
    assert_eq!(woken(&waits), [0]);
    drop(waits.remove(0));
    assert_eq!(woken(&waits), [0]);
    // Polled although asleep: it leads, too.
    let guard = mutex.try_lock().unwrap();
    waits[1].pending();
    assert_eq!((cond.waiters(), mutex.waiters()), (0, 2));
    drop(guard);
    drop(waits[0].ready());
    assert_eq!(woken(&waits), [1]);
    drop(waits[1].ready());
    idle(&cond, &mutex);
}

/// Waiters of one `Cond` with two locks, more than are looked at at a time.
#[test]
fn locks_may_differ() {
    let _time = VirtualTime::start();
    for polled in [0, 1, 19, 20, 39] {
        let cond = Cond::new();
        let (one, two) = (Mutex::new(1), Mutex::<_, Fifo>::with_policy(2));
        let mut ones = parked(&cond, &one, 20);
        let mut twos = parked(&cond, &two, 20);
        assert_eq!(cond.notify_all(), 40);
        let mut poll = |i: usize| match i {
            0..20 => ones[i].poll().is_ready(),
            _ => twos[i - 20].poll().is_ready(),
        };
        let mut left: Vec<_> = (0..40).collect();
        if poll(polled) {
            left.remove(polled);
        }
        if polled < 20 {
            assert_eq!(two.waiters(), 0, "those are strangers");
            assert_eq!(one.waiters(), left.len() - 20);
        } else {
            assert_eq!(one.waiters(), 0, "those are strangers");
        }
        while !left.is_empty() {
            let before = left.len();
            left.retain(|i| !poll(*i));
            assert!(left.len() < before, "somebody is stranded: {left:?}");
        }
        assert_eq!(cond.waiters(), 0);
        assert_eq!((one.waiters(), two.waiters()), (0, 0));
    }
}

/// The first of the called is always awake, whichever lock it has.
#[test]
fn strangers_are_woken_when_they_become_the_first() {
    let _time = VirtualTime::start();
    let cond = Cond::new();
    let (one, two) = (Mutex::new(1), Mutex::new(2));
    let mut ones = parked(&cond, &one, 2);
    let mut twos = parked(&cond, &two, 3);
    ones.extend(parked(&cond, &one, 1));
    assert_eq!(cond.notify_all(), 6);
    assert_eq!((woken(&ones), woken(&twos)), (vec![0, 1], vec![1]));
    drop(ones[0].ready());
    assert_eq!((cond.waiters(), one.waiters()), (3, 2));
    assert_eq!(woken(&twos), [0], "it is the first now");
    drop(twos[0].ready());
    assert_eq!((cond.waiters(), two.waiters()), (0, 2));
    for wait in ones[1..].iter_mut().chain(&mut twos[1..]) {
        drop(wait.ready());
    }
    idle(&cond, &one);
    idle(&cond, &two);
}

/// The lock may go away before a waiter that was leaked. A call must not follow it there. (Under miri.)
#[test]
fn a_leaked_waiter_is_not_followed_to_its_lock() {
    let mut time = VirtualTime::start();
    let cond = Cond::new();
    {
        let mutex = Box::new(Mutex::new(0));
        support::leak(queued(cond.wait(mutex.try_lock().unwrap())));
        drop(mutex);
    }
    let mutex = Box::new(Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 2);
    assert_eq!(cond.notify_all(), 3);
    assert_eq!(woken(&waits), [0]);
    // Nobody polls the leaked one; but if this lock has its lock's place, it is taken along, and then
    // the lock finds out after a millisecond.
    waits.retain_mut(|wait| wait.poll().is_pending());
    time.advance_us(2000);
    drop(mutex.try_lock());
    waits.retain_mut(|wait| wait.poll().is_pending());
    time.advance_us(2000);
    drop(mutex.try_lock());
    waits.retain_mut(|wait| wait.poll().is_pending());
    assert_eq!(waits.len(), 0, "somebody is stranded");
}

/// A waiter that was called and is not polled is passed over; polled again, it stands at the front.
#[test]
fn a_stale_call_goes_to_the_next() {
    let mut time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 3);
    assert!(cond.notify_one());
    time.advance_us(900);
    let extra = queued(cond.wait(mutex.try_lock().unwrap()));
    assert_eq!(woken(&waits), [0]);
    time.advance_us(200);
    let another = queued(cond.wait(mutex.try_lock().unwrap()));
    assert_eq!(woken(&waits), [1], "any operation finds a stale call");
    drop((extra, another));
    drop(waits[1].ready());
    // Nobody else has been called: it waits again, before the third.
    waits[0].pending();
    assert!(cond.notify_one());
    assert_eq!(woken(&waits), [0]);
    drop(waits[0].ready());
    assert!(cond.notify_one());
    drop(waits[2].ready());
    idle(&cond, &mutex);
}

/// A waiter that comes late, and another one that has not come either.
#[test]
fn a_late_waiter_takes_over_a_call_that_nobody_has_heeded() {
    let mut time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 2);
    assert!(cond.notify_one());
    time.advance_us(2000);
    let late = queued(cond.wait(mutex.try_lock().unwrap()));
    assert_eq!(woken(&waits), [0, 1]);
    drop(waits[0].ready());
    waits[1].pending();
    assert!(cond.notify_one());
    assert_eq!(woken(&waits), [1]);
    drop(waits[1].ready());
    drop(late);
    idle(&cond, &mutex);
}

/// With nobody to take it, a call stays with its waiter, however late that is. So does a call of all.
#[test]
fn a_stale_call_is_not_lost() {
    for all in [false, true] {
        let mut time = VirtualTime::start();
        let (cond, mutex) = (Cond::new(), Mutex::new(0));
        let mut waits = parked(&cond, &mutex, 1);
        if all {
            assert_eq!(cond.notify_all(), 1);
        } else {
            assert!(cond.notify_one());
        }
        time.advance_us(2000);
        assert!(!cond.notify_one());
        let mut late = queued(cond.wait(mutex.try_lock().unwrap()));
        time.advance_us(2000);
        drop(waits[0].ready());
        assert!(!late.woken());
        late.pending();
        assert!(cond.notify_one());
        drop(late.ready());
        idle(&cond, &mutex);
    }
}

/// A waiter that lost its stale call waits like any other, though it is out of the queue: calls reach it.
#[test]
fn whoever_missed_a_call_hears_the_next() {
    for all in [false, true] {
        let mut time = VirtualTime::start();
        let (cond, mutex) = (Cond::new(), Mutex::new(0));
        let mut waits = parked(&cond, &mutex, 2);
        assert!(cond.notify_one());
        time.advance_us(2000);
        // Revokes the first call in favour of the second waiter; then nobody is parked.
        assert!(cond.notify_one());
        assert_eq!(cond.waiters(), 2);
        assert!(!cond.notify_one(), "each of the two has been called");
        if all {
            // Called again, both, and the call of one is none any more.
            assert!(cond.notify_all() > 0);
        }
        drop(waits[0].ready());
        drop(waits[1].ready());
        idle(&cond, &mutex);
    }
}

/// A call of all reaches those whose call of one is revoked later.
#[test]
fn a_call_of_all_concerns_those_who_have_been_called() {
    let mut time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 1);
    assert!(cond.notify_one());
    assert_eq!(cond.notify_all(), 0);
    let late = queued(cond.wait(mutex.try_lock().unwrap()));
    time.advance_us(2000);
    assert!(cond.notify_one());
    assert!(late.woken());
    drop(waits[0].ready());
    drop(late);
    idle(&cond, &mutex);
}

/// A call that was kept for one who missed another, and who is dropped, goes to the next.
#[test]
fn a_call_that_was_kept_is_not_lost() {
    let mut time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 2);
    assert!(cond.notify_one());
    time.advance_us(2000);
    assert!(cond.notify_one());
    let mut late = queued(cond.wait(mutex.try_lock().unwrap()));
    assert!(!late.woken());
    drop(waits.remove(0));
    assert!(late.woken());
    drop(waits[0].ready());
    drop(late.ready());
    idle(&cond, &mutex);
}

/// Rule 6: one that was called and is not polled must not leave those asleep for whom it was to lead.
#[test]
fn a_stale_leader_is_passed_over() {
    let mut time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 3);
    assert_eq!(cond.notify_all(), 3);
    assert_eq!(woken(&waits), [0, 1]);
    time.advance_us(2000);
    assert!(!cond.notify_one());
    assert_eq!(woken(&waits), [2]);
    drop(waits[2].ready());
    drop(waits[0].ready());
    drop(waits[1].ready());
    idle(&cond, &mutex);
}

/// The lock of a waiter that is called and taken along, and then not polled, goes to others.
#[test]
fn a_waiter_that_was_taken_along_does_not_hold_up_the_lock() {
    fn check<P: Policy>() {
        let mut time = VirtualTime::start();
        let (cond, mutex) = (Cond::new(), Mutex::<u32, P>::with_policy(0));
        let mut waits = parked(&cond, &mutex, 2);
        assert_eq!(cond.notify_all(), 2);
        waits[1].pending();
        time.advance_us(2000);
        drop(mutex.try_lock());
        drop(waits[1].ready());
        drop(waits[0].ready());
        idle(&cond, &mutex);
    }
    policies!(check);
}

#[test]
fn wakers_may_change_between_polls() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut waits = parked(&cond, &mutex, 2);
    let guard = mutex.try_lock().unwrap();
    // Parked.
    let old = std::mem::replace(&mut waits[0].task, Task::new());
    waits[0].pending();
    waits[0].pending();
    assert_eq!(old.kept(), 0, "the old waker is dropped");
    assert_eq!(waits[0].task.kept(), 1);
    assert_eq!(cond.notify_all(), 2);
    assert_eq!(old.woken(), 0);
    assert_eq!(woken(&waits), [0, 1]);
    // Called.
    let old = std::mem::replace(&mut waits[1].task, Task::new());
    waits[1].pending();
    assert_eq!((old.kept(), waits[1].task.kept()), (0, 1));
    // Taken along.
    assert_eq!(mutex.waiters(), 2);
    let old = std::mem::replace(&mut waits[0].task, Task::new());
    waits[0].pending();
    assert_eq!((old.kept(), waits[0].task.kept()), (0, 1));
    drop(guard);
    assert_eq!(woken(&waits), [0]);
    drop(waits[0].ready());
    assert_eq!(woken(&waits), [1]);
    drop(waits[1].ready());
    assert!(waits.iter().all(|wait| wait.task.kept() == 0));
    idle(&cond, &mutex);
}

#[test]
fn a_future_that_is_over_panics_when_polled() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut wait = queued(cond.wait(mutex.try_lock().unwrap()));
    cond.notify_one();
    drop(wait.ready());
    assert!(catch_unwind(AssertUnwindSafe(|| wait.pending_or_ready())).is_err());
    let mut wait = Polled::new(cond.wait_while(mutex.try_lock().unwrap(), |_| false));
    drop(wait.ready());
    assert!(catch_unwind(AssertUnwindSafe(|| wait.pending_or_ready())).is_err());
    drop(wait);
    idle(&cond, &mutex);
}

#[test]
fn wait_while_looks_before_it_waits_and_after_each_call() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut looks = 0;
    let mut wait = queued(cond.wait_while(mutex.try_lock().unwrap(), |n| {
        looks += 1;
        *n += 1; // it may change the value
        *n < 10
    }));
    for n in [1, 5] {
        *mutex.try_lock().unwrap() = n;
        cond.notify_all();
        assert!(wait.woken());
        wait.pending();
        assert_eq!(cond.waiters(), 1);
        assert_eq!(*mutex.try_lock().unwrap(), n + 1);
    }
    wait.pending();
    *mutex.try_lock().unwrap() = 9;
    cond.notify_one();
    assert_eq!(*wait.ready(), 10);
    drop(wait);
    assert_eq!(looks, 4);
    idle(&cond, &mutex);
}

#[test]
fn a_condition_that_panics_lets_go_of_the_lock() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let panics = |n: &mut u32| if *n == 1 { panic!("condition") } else { true };
    let mut wait = queued(cond.wait_while(mutex.try_lock().unwrap(), panics));
    *mutex.try_lock().unwrap() = 1;
    cond.notify_one();
    assert!(catch_unwind(AssertUnwindSafe(|| wait.pending_or_ready())).is_err());
    assert!(!mutex.is_locked());
    drop(wait);
    idle(&cond, &mutex);
}

/// `lock_when` hears of what was changed before a wait.
#[test]
fn letting_go_tells_those_who_wait_for_a_change() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::new(0));
    let mut when = queued(mutex.lock_when(|n| *n == 1));
    let mut guard = mutex.try_lock().unwrap();
    *guard = 1;
    let wait = queued(cond.wait(guard));
    assert!(when.woken());
    drop(when.ready());
    drop(wait);
    idle(&cond, &mutex);
}

#[test]
fn owned_guards_come_back_owned() {
    let _time = VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Arc::new(Mutex::new(0)));
    let lock = || Arc::clone(&mutex).try_lock_owned().unwrap();
    let mut waits: Vec<_> = (0..3).map(|_| queued(cond.wait(lock()))).collect();
    drop(cond.wait(lock()));
    assert_eq!(cond.notify_all(), 3);
    drop(waits.pop());
    for wait in &mut waits {
        let mut guard = wait.ready();
        *guard += 1;
    }
    drop(waits);
    assert_eq!(Arc::strong_count(&mutex), 1);
    assert_eq!(*mutex.try_lock().unwrap(), 2);
    assert_eq!(cond.waiters(), 0);
}

/// Blocking waiters and tasks wait in one queue.
#[test]
fn threads_wait_as_well() {
    let shared = Arc::new((Mutex::new(0), Cond::new()));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let (mutex, cond) = &*shared;
                let mut guard = cond.wait_blocking(mutex.lock_blocking());
                guard = cond.wait_while_blocking(guard, |n| *n == 0);
                *guard += 1;
            })
        })
        .collect();
    let (mutex, cond) = &*shared;
    while !threads.iter().all(std::thread::JoinHandle::is_finished) {
        {
            let mut guard = mutex.lock_blocking();
            if *guard == 0 && cond.waiters() == 3 {
                *guard = 1;
            }
        }
        cond.notify_all();
        std::thread::yield_now();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*mutex.lock_blocking(), 4);
}

/// Locks of other crates: their waiters are woken one and all, and lock again.
#[cfg(any(feature = "tokio", feature = "async-lock"))]
mod foreign {
    use super::*;

    macro_rules! foreign {
        ($name:ident, $mutex:expr, $try:expr) => {
            #[test]
            fn $name() {
                let cond = Cond::new();
                let mutex = $mutex;
                let try_lock = || $try(&mutex).expect("the lock is free");
                let park = || queued(cond.wait(try_lock()));

                // Not polled: the lock is held, and let go of.
                drop(cond.wait(try_lock()));

                // All are woken, and lock again.
                let mut waits: Vec<_> = (0..20).map(|_| park()).collect();
                assert_eq!(cond.notify_all(), 20);
                assert!(waits.iter().all(|wait| wait.woken()));
                for wait in &mut waits {
                    *wait.ready() += 1;
                }
                assert_eq!(*try_lock(), 20);

                // Called and dropped: before it is polled, and while it waits for the lock.
                let mut waits: Vec<_> = (0..4).map(|_| park()).collect();
                assert!(cond.notify_one());
                assert!(waits[0].woken());
                drop(waits.remove(0));
                assert!(waits[0].woken());
                let guard = try_lock();
                waits[0].pending();
                assert_eq!(cond.waiters(), 2);
                drop(waits.remove(0));
                assert!(waits[0].woken());
                waits[0].pending();
                assert!(!waits[1].woken());
                drop(guard);
                assert!(waits[0].woken(), "the lock is free");
                drop(waits[0].ready());
                // A call that was used up is not passed on.
                waits.remove(0);
                assert!(!waits[0].woken());
                assert!(cond.notify_one());
                drop(waits[0].ready());
                assert_eq!(cond.waiters(), 0);

                // With a condition.
                let mut wait = queued(cond.wait_while(try_lock(), |n| *n > 0));
                cond.notify_one();
                wait.pending();
                *try_lock() = 0;
                cond.notify_one();
                drop(wait.ready());
                assert!(catch_unwind(AssertUnwindSafe(|| wait.pending_or_ready())).is_err());
            }
        };
    }

    #[cfg(feature = "tokio")]
    mod with_tokio {
        use super::*;
        use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

        fn borrow(mutex: &Mutex<u32>) -> Option<MutexGuard<'_, u32>> {
            mutex.try_lock().ok()
        }
        fn own(mutex: &Arc<Mutex<u32>>) -> Option<OwnedMutexGuard<u32>> {
            Arc::clone(mutex).try_lock_owned().ok()
        }
        foreign!(borrowed, Mutex::new(0), borrow);
        foreign!(owned, Arc::new(Mutex::new(0)), own);
    }

    #[cfg(feature = "async-lock")]
    mod with_async_lock {
        use super::*;
        use async_lock::{Mutex, MutexGuard, MutexGuardArc};

        fn borrow(mutex: &Mutex<u32>) -> Option<MutexGuard<'_, u32>> {
            mutex.try_lock()
        }
        fn own(mutex: &Arc<Mutex<u32>>) -> Option<MutexGuardArc<u32>> {
            mutex.try_lock_arc()
        }
        foreign!(borrowed, Mutex::new(0), borrow);
        foreign!(owned, Arc::new(Mutex::new(0)), own);
    }

    /// Our locks and others' in one `Cond`: a call of all reaches everybody.
    #[cfg(feature = "async-lock")]
    #[test]
    fn ours_and_theirs() {
        let cond = Cond::new();
        let (ours, theirs) = (Mutex::new(0), async_lock::Mutex::new(0));
        let mut one = parked(&cond, &ours, 3);
        let mut two: Vec<_> = (0..3)
            .map(|_| queued(cond.wait(theirs.try_lock().unwrap())))
            .collect();
        one.extend(parked(&cond, &ours, 3));
        assert_eq!(cond.notify_all(), 9);
        for wait in &mut two {
            assert!(wait.woken(), "nobody can take it along");
            drop(wait.ready());
        }
        for wait in &mut one {
            drop(wait.ready());
        }
        idle(&cond, &ours);
    }
}

/// Guards of a reader-writer lock: who read comes back to read, beside others; who wrote, to write.
mod over_a_reader_writer_lock {
    use super::*;
    use async_sync::rwlock::{Fifo, Policy, ReadMostly, ReadPreferring, RwLock, WritePreferring};

    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let (lock, cond) = (RwLock::<_, P>::with_policy(0), Cond::new());
        let wait_reading = |past: i32| {
            let guard = lock.try_read().unwrap();
            let (cond, _) = (&cond, past);
            queued(cond.wait(guard))
        };
        let mut readers: Vec<_> = (0..20).map(wait_reading).collect();
        let mut writer = queued(cond.wait(lock.try_write().expect("all have let go")));
        assert_eq!((lock.reader_count(), cond.waiters()), (0, 21));
        let mut w = lock.try_write().unwrap();
        *w = 1;
        // As long as the lock is held, nobody gets further than into its queue.
        assert_eq!(cond.notify_all(), 21);
        for waiter in &mut readers {
            waiter.pending();
        }
        writer.pending();
        drop(w);
        let mut inside = Vec::new();
        let mut writer_was_first = false;
        for _ in 0..4 {
            let mut rest = Vec::new();
            for mut waiter in readers.drain(..) {
                match waiter.poll() {
                    std::task::Poll::Ready(guard) => inside.push(guard),
                    std::task::Poll::Pending => rest.push(waiter),
                }
            }
            readers = rest;
            if readers.is_empty() {
                break;
            }
            // The writer came before some of them.
            assert!(inside.drain(..).all(|guard| *guard >= 1));
            if !writer_was_first {
                writer_was_first = true;
                *writer.ready() += 1;
            }
        }
        assert!(readers.is_empty(), "somebody was forgotten");
        assert!(inside.iter().all(|guard| **guard >= 1));
        assert_eq!(lock.reader_count(), inside.len());
        drop(inside);
        if !writer_was_first {
            *writer.ready() += 1;
        }
        assert_eq!(*lock.try_read().unwrap(), 2);
        assert!(lock.try_write().is_some() && lock.waiters() == 0);

        // Dropped at every point, the call goes on to the next.
        for polls in 0..3 {
            let mut first = queued(cond.wait(lock.try_read().unwrap()));
            let mut second = queued(cond.wait(lock.try_read().unwrap()));
            let held = lock.try_write().unwrap();
            assert!(cond.notify_one());
            for _ in 0..polls {
                first.pending();
            }
            drop(held);
            drop(first);
            assert!(second.woken(), "the call was lost after {polls} polls");
            drop(second.ready());
            assert!(lock.try_write().is_some() && lock.waiters() == 0);
        }
    }

    #[test]
    fn write_preferring() {
        check::<WritePreferring>();
    }

    #[test]
    fn read_preferring() {
        check::<ReadPreferring>();
    }

    #[test]
    fn fifo() {
        check::<Fifo>();
    }

    #[test]
    fn read_mostly() {
        check::<ReadMostly>();
    }

    /// A waiter that becomes a reader belongs to the phase in which it was moved.
    #[test]
    fn moved_readers_belong_to_a_phase() {
        let _time = VirtualTime::start();
        let (lock, cond) = (RwLock::new(0), Cond::new());
        let mut reads = queued(cond.wait(lock.try_read().unwrap()));
        // One phase is over meanwhile.
        let w = lock.try_write().unwrap();
        let mut w2 = queued(lock.write());
        drop(w);
        let w2 = w2.ready();
        let mut w3 = queued(lock.write());
        assert!(cond.notify_one());
        reads.pending();
        drop(w2);
        assert!(
            reads.woken() && !w3.woken(),
            "it was there when the writer left"
        );
        drop(reads.ready());
        drop(w3.ready());
        assert!(lock.try_write().is_some());
    }

    #[test]
    fn an_owned_guard_in_a_task() {
        let lock = std::sync::Arc::new(RwLock::new(0));
        let cond = Cond::new();
        let guard = std::sync::Arc::clone(&lock).try_write_owned().unwrap();
        let mut waits = queued(cond.wait_while(guard, |n| *n == 0));
        *lock.try_write().unwrap() = 1;
        cond.notify_one();
        assert_eq!(*waits.ready(), 1);
    }
}
