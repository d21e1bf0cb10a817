//! The mutex, polled by hand: every transition of `mutex/raw.rs`, in virtual time.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use async_sync::Mutex;
use async_sync::mutex::{Barging, Fifo, MutexGuard, OwnedMutexGuard, RawMutex};
use support::{Polled, Task, VirtualTime, queued};

/// Rounds of the simulations.
const ROUNDS: usize = if cfg!(miri) { 60 } else { 2000 };

type FifoMutex<T> = Mutex<T, Fifo>;

#[test]
fn a_free_mutex_is_locked_at_once() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(1);
    let guard = Polled::new(mutex.lock()).ready();
    assert_eq!(*guard, 1);
    assert!(mutex.is_locked());
    assert!(mutex.try_lock().is_none());
    drop(guard);
    assert!(!mutex.is_locked());
    assert_eq!(*mutex.try_lock().unwrap(), 1);
}

#[test]
fn a_future_that_was_not_polled_has_no_effect() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let idle = mutex.lock();
    assert_eq!(mutex.waiters(), 0);
    drop(idle);
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn waiters_enter_in_order() {
    let _time = VirtualTime::start();
    fn check<P: async_sync::mutex::Policy>() {
        let mutex = Mutex::<_, P>::with_policy(());
        let mut guard = mutex.try_lock();
        let mut waiters: Vec<_> = (0..4).map(|_| queued(mutex.lock())).collect();
        assert_eq!(mutex.waiters(), 4);
        assert_eq!(mutex.metrics().count(), 5);
        for _ in 0..4 {
            for waiter in &mut waiters {
                waiter.pending(); // spurious polls change nothing
            }
            drop(guard);
            let mut first = waiters.remove(0);
            assert!(first.woken());
            assert!(waiters.iter().all(|other| !other.woken()));
            guard = Some(first.ready());
        }
        drop(guard);
        assert_eq!(mutex.metrics().count(), 0);
        assert!(mutex.try_lock().is_some());
    }
    check::<async_sync::mutex::Adaptive>();
    check::<Fifo>();
    check::<Barging>();
}

/// SPEC S8.
#[test]
fn a_newcomer_may_win_and_the_loser_keeps_the_front() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut first = queued(mutex.lock());
    let mut second = queued(mutex.lock());
    drop(guard);
    assert!(first.woken());
    let newcomer = Polled::new(mutex.lock()).ready();
    first.pending();
    assert!(!mutex.metrics().is_woken);
    drop(newcomer);
    assert!(first.woken() && !second.woken());
    drop(first.ready());
    assert!(second.woken());
    drop(second.ready());
}

#[test]
fn one_waiter_at_a_time_is_woken() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let first = queued(mutex.lock());
    let second = queued(mutex.lock());
    drop(guard);
    for _ in 0..3 {
        drop(Polled::new(mutex.lock()).ready());
    }
    assert_eq!(first.task.woken(), 1);
    assert_eq!(second.task.woken(), 0);
}

/// SPEC S9, S10, S14.
#[test]
fn a_loser_that_waited_too_long_turns_the_lock_starving() {
    let mut time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut first = queued(mutex.lock());
    let mut second = queued(mutex.lock());
    time.advance_us(1500);
    drop(guard);
    let newcomer = Polled::new(mutex.lock()).ready();
    first.pending();
    assert!(mutex.is_starving());
    drop(newcomer);
    // handed over: nobody can take it, and newcomers queue at the tail
    assert!(mutex.is_locked());
    assert!(mutex.try_lock().is_none());
    let mut third = queued(mutex.lock());
    let held = first.ready();
    assert!(
        mutex.is_starving(),
        "S11b: others wait, and this one waited for more than 1 ms"
    );
    drop(held);
    drop(second.ready());
    assert!(
        mutex.is_locked(),
        "still starving after the second, which had waited for long"
    );
    drop(third.ready());
    assert!(!mutex.is_starving(), "S11: the last waiter");
    assert!(mutex.try_lock().is_some());
}

/// SPEC S11.
#[test]
fn an_owner_that_waited_briefly_ends_starving() {
    let mut time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut first = queued(mutex.lock());
    time.advance_us(1500);
    let mut second = queued(mutex.lock());
    let _third = queued(mutex.lock());
    drop(guard);
    let newcomer = mutex.lock();
    let newcomer = Polled::new(newcomer).ready();
    first.pending();
    assert!(mutex.is_starving());
    drop(newcomer);
    drop(first.ready());
    assert!(mutex.is_starving());
    let held = second.ready();
    assert!(!mutex.is_starving());
    drop(held);
}

#[test]
fn newcomers_pass_a_bounded_number_of_times() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut waiter = queued(mutex.lock());
    drop(guard);
    let mut passed = 0;
    while let Poll::Ready(guard) = Polled::new(mutex.lock()).poll() {
        passed += 1;
        assert!(passed <= 48, "the waiter is starved");
        drop(guard);
    }
    assert_eq!(passed, 48);
    // It never ran meanwhile, and owns the lock nevertheless.
    assert_eq!(waiter.task.woken(), 1);
    drop(waiter.ready());
}

#[test]
fn fifo_never_lets_anybody_pass() {
    let _time = VirtualTime::start();
    let mutex = FifoMutex::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut first = queued(mutex.lock());
    drop(guard);
    assert!(mutex.try_lock().is_none());
    let mut second = queued(mutex.lock());
    drop(first.ready());
    assert!(mutex.try_lock().is_none());
    drop(second.ready());
    assert!(mutex.try_lock().is_some());
}

#[test]
fn barging_lets_everybody_pass() {
    let _time = VirtualTime::start();
    let mutex = Mutex::<_, Barging>::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut waiter = queued(mutex.lock());
    drop(guard);
    for _ in 0..if cfg!(miri) { 100 } else { 1000 } {
        drop(Polled::new(mutex.lock()).ready());
    }
    drop(waiter.ready());
}

/// SPEC S13.
#[test]
fn a_dropped_waiter_passes_its_baton_on() {
    let _time = VirtualTime::start();
    fn check<P: async_sync::mutex::Policy>() {
        let mutex = Mutex::<_, P>::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let first = queued(mutex.lock());
        let mut second = queued(mutex.lock());
        drop(guard);
        assert!(first.woken() && !second.woken());
        drop(first);
        assert!(second.woken());
        drop(second.ready());
        assert!(mutex.try_lock().is_some());
        assert_eq!(mutex.waiters(), 0);
    }
    check::<async_sync::mutex::Adaptive>();
    check::<Fifo>();
    check::<Barging>();
}

#[test]
fn waiters_leave_from_anywhere() {
    let _time = VirtualTime::start();
    for leaver in 0..4 {
        let mutex = FifoMutex::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let mut waiters: Vec<_> = (0..4).map(|_| queued(mutex.lock())).collect();
        drop(waiters.remove(leaver));
        assert_eq!(mutex.waiters(), 3);
        drop(guard);
        for mut waiter in waiters {
            drop(waiter.ready());
        }
        assert!(mutex.try_lock().is_some());
    }
}

#[test]
fn the_last_waiter_to_leave_cleans_up() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let waiter = queued(mutex.lock());
    let task = waiter.task.clone();
    assert_eq!(task.kept(), 2, "the test's handle and the queue's");
    drop(waiter);
    assert_eq!(task.kept(), 0);
    drop(guard);
    assert!(mutex.try_lock().is_some());
}

#[test]
fn a_waker_may_change_between_polls() {
    let mutex = FifoMutex::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let (old, new) = (Task::new(), Task::new());
    let mut future = Box::pin(mutex.lock());
    assert!(old.poll(future.as_mut()).is_pending());
    assert!(old.poll(future.as_mut()).is_pending(), "a spurious poll");
    assert!(new.poll(future.as_mut()).is_pending());
    assert_eq!(old.kept(), 0, "the old waker is dropped");
    drop(guard);
    assert_eq!((old.woken(), new.woken()), (0, 1));
    assert!(
        old.poll(future.as_mut()).is_ready(),
        "whoever polls gets it"
    );
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn polling_after_completion_panics() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let mut future = Polled::new(mutex.lock());
    drop(future.ready());
    let _ = future.poll();
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn polling_an_owned_future_after_completion_panics() {
    let _time = VirtualTime::start();
    let mut future = Polled::new(Arc::new(Mutex::new(())).lock_owned());
    drop(future.ready());
    let _ = future.poll();
}

// Futurelock: rule 6 of the wait protocol.

#[test]
fn the_same_task_takes_a_grant_over() {
    let _time = VirtualTime::start();
    let mutex = FifoMutex::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, mutex.lock());
    parked.pending();
    let mut other = queued(mutex.lock());
    drop(guard);
    task.woken();
    // The task's select loop now awaits another lock of the same mutex, and does not poll `parked`.
    let mut second = Polled::of(&task, mutex.lock());
    for _ in 0..2 {
        second.pending();
        assert_eq!(task.woken(), 1, "it has itself polled again");
    }
    let held = second.ready();
    parked.pending(); // back in front of `other`
    drop(held);
    assert!(!other.woken());
    drop(parked.ready());
    assert!(other.woken());
    drop(other.ready());
}

#[test]
fn the_same_task_takes_a_notification_over() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, mutex.lock());
    parked.pending();
    let mut queued_too = Polled::of(&task, mutex.lock());
    queued_too.pending();
    drop(guard);
    queued_too.pending();
    queued_too.pending();
    drop(queued_too.ready());
    drop(parked.ready());
}

/// The parked future has a waker of its own, as in `FuturesUnordered`: its task is not known to be
/// the same. The lock is free, so a future that is polled does not wait for it for ever.
#[test]
fn a_polled_waiter_passes_a_head_that_is_not() {
    fn check<P: async_sync::mutex::Policy>() {
        let _time = VirtualTime::start();
        let mutex = Mutex::<_, P>::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let mut parked = queued(mutex.lock());
        let mut polled = queued(mutex.lock());
        drop(guard);
        assert!(parked.woken()); // which wakes the task that polls `polled`
        for _ in 0..2 {
            polled.pending();
            assert!(polled.woken(), "another look");
        }
        drop(polled.ready());
        drop(parked.ready());
        assert_eq!(mutex.metrics().count(), 0);
    }
    check::<async_sync::mutex::Adaptive>();
    check::<Barging>();
}

/// Two loops of one task, as `join!` polls them: neither may live on the other's batons.
#[test]
fn siblings_that_are_polled_do_not_rob_each_other() {
    fn check<P: async_sync::mutex::Policy>(rotate: bool) {
        let _time = VirtualTime::start();
        let mutex = Mutex::<_, P>::with_policy(());
        let task = Task::new();
        let got = [std::cell::Cell::new(0), std::cell::Cell::new(0)];
        let mut loops: Vec<_> = (0..2)
            .map(|n| {
                let (mutex, got) = (&mutex, &got);
                Polled::of(&task, async move {
                    loop {
                        let guard = mutex.lock().await;
                        got[n].set(got[n].get() + 1);
                        tokio::task::yield_now().await;
                        drop(guard);
                    }
                })
            })
            .collect();
        // Many times the number of newcomers that may pass.
        for round in 0..ROUNDS.max(if cfg!(miri) { 200 } else { 1000 }) {
            let first = if rotate { round % 2 } else { 0 };
            let _: Poll<()> = loops[first].poll();
            let _: Poll<()> = loops[1 - first].poll();
        }
        drop(loops);
        let got = got.map(std::cell::Cell::into_inner);
        assert!(got[0].min(got[1]) * 3 > got[0].max(got[1]), "{got:?}");
    }
    for rotate in [false, true] {
        check::<Fifo>(rotate);
        check::<async_sync::mutex::Adaptive>(rotate);
    }
}

#[test]
fn a_task_that_takes_over_in_vain_does_not_strand_others() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, mutex.lock());
    parked.pending();
    let mut queued_too = Polled::of(&task, mutex.lock());
    queued_too.pending();
    drop(guard);
    assert_eq!(task.woken(), 1);
    // A newcomer is faster; the task polls only its second future, which finds the lock held.
    let newcomer = Polled::new(mutex.lock()).ready();
    queued_too.pending();
    for _ in 0..2 {
        assert_eq!(task.woken(), 1, "another look");
        queued_too.pending();
    }
    drop(newcomer);
    assert_eq!(
        task.woken(),
        1,
        "the notification did not stay with the future that is not polled"
    );
    drop(queued_too.ready());
    drop(parked.ready());
}

#[test]
fn a_later_operation_revokes_a_stale_grant() {
    let mut time = VirtualTime::start();
    let mutex = FifoMutex::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut parked = queued(mutex.lock());
    drop(guard);
    assert!(mutex.try_lock().is_none(), "young");
    time.advance_us(1100);
    let held = mutex.try_lock().expect("the grant is stale");
    parked.pending();
    drop(held);
    drop(parked.ready());
}

#[test]
fn a_stale_grant_goes_to_the_next_in_line() {
    let mut time = VirtualTime::start();
    let mutex = FifoMutex::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut parked = queued(mutex.lock());
    let mut next = queued(mutex.lock());
    drop(guard);
    time.advance_us(1100);
    assert!(!next.woken());
    let mut newcomer = queued(mutex.lock());
    assert!(next.woken());
    let held = next.ready();
    parked.pending();
    drop(held);
    assert!(parked.woken(), "it kept its place");
    drop(parked.ready());
    drop(newcomer.ready());
}

#[test]
fn an_unlock_revokes_a_stale_notification() {
    let mut time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let parked = queued(mutex.lock());
    let mut next = queued(mutex.lock());
    drop(guard);
    time.advance_us(1100);
    assert!(!next.woken());
    drop(Polled::new(mutex.lock()).ready());
    assert!(
        next.woken(),
        "the only later operation was one lock and unlock of a newcomer"
    );
    drop(next.ready());
    assert!(!mutex.is_locked());
    drop(parked);
}

/// Rule 6 of the wait protocol: later operations revoke a stale baton, however many came before while
/// it was young. A look at the clock is dear, so of those that follow, one of eight looks.
#[test]
fn unlocks_revoke_a_stale_notification_after_any_number_of_newcomers() {
    for before in 0..60 {
        let mut time = VirtualTime::start();
        let mutex = Mutex::<(), Barging>::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let parked = queued(mutex.lock());
        let mut next = queued(mutex.lock());
        drop(guard);
        for _ in 0..before {
            drop(Polled::new(mutex.lock()).ready());
        }
        assert!(!next.woken());
        let late = Polled::new(mutex.lock()).ready();
        time.advance_us(10_000_000);
        drop(late);
        let mut woken = next.woken();
        for _ in 0..7 {
            if before >= 4 && !woken {
                drop(Polled::new(mutex.lock()).ready());
                woken = next.woken();
            }
        }
        assert!(
            woken,
            "the head is abandoned, and of those who came after {before} nobody looked"
        );
        drop(next.ready());
        drop(parked);
    }
}

#[test]
fn a_lone_waiter_behind_a_busy_newcomer_is_handed_the_lock() {
    let mut time = VirtualTime::start();
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let mut waiter = queued(mutex.lock());
    drop(guard);
    let newcomer = Polled::new(mutex.lock()).ready();
    time.advance_us(1100); // its task did not run
    drop(newcomer);
    assert!(mutex.is_locked());
    assert!(mutex.try_lock().is_none());
    drop(waiter.ready());
}

#[test]
fn a_revoked_waiter_that_runs_takes_an_unclaimed_grant() {
    let _time = VirtualTime::start();
    // In a runtime where every task waits longer than 1 ms for a thread, grants would otherwise go
    // round for ever.
    let mut time = VirtualTime::start();
    let mutex = FifoMutex::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut first = queued(mutex.lock());
    let mut second = queued(mutex.lock());
    drop(guard);
    time.advance_us(1100);
    let mut third = queued(mutex.lock());
    assert!(second.woken());
    let held = first.ready();
    second.pending();
    drop(held);
    drop(second.ready());
    drop(third.ready());
}

#[test]
fn revoked_waiters_return_in_the_order_of_their_batons() {
    for first_back in [0, 1] {
        let mut time = VirtualTime::start();
        let mutex = FifoMutex::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let mut late = [queued(mutex.lock()), queued(mutex.lock())];
        let mut third = queued(mutex.lock());
        let mut fourth = queued(mutex.lock());
        drop(guard);
        for waiter in &late {
            assert!(waiter.woken());
            time.advance_us(1100);
            assert!(mutex.try_lock().is_none()); // revokes it
        }
        let held = third.ready();
        late[first_back].pending();
        late[1 - first_back].pending();
        drop(held);
        for waiter in &mut late {
            assert!(
                waiter.woken(),
                "the earlier baton comes first, whoever is back first"
            );
            drop(waiter.ready());
        }
        drop(fourth.ready());
    }
}

#[test]
fn batons_survive_a_storm_of_late_tasks() {
    let _time = VirtualTime::start();
    // Every task is polled 1.1 ms after it was woken; all must get the lock.
    let mut time = VirtualTime::start();
    let mutex = Mutex::new(());
    let mut guard = mutex.try_lock();
    let mut waiters: Vec<_> = (0..8).map(|_| Some(queued(mutex.lock()))).collect();
    guard.take();
    let mut got = 0;
    for _ in 0..100 {
        for slot in &mut waiters {
            time.advance_us(1100);
            let Some(waiter) = slot else { continue };
            if waiter.woken()
                && let Poll::Ready(guard) = waiter.poll()
            {
                got += 1;
                drop(guard);
                *slot = None;
            }
        }
    }
    assert_eq!(got, 8);
}

/// The same with others who try all the time, and so look at every baton when it is late.
#[test]
fn late_tasks_are_served_in_turn() {
    fn check<P: async_sync::mutex::Policy>() {
        let mut time = VirtualTime::start();
        let mutex = Mutex::<_, P>::with_policy(());
        let got: [std::cell::Cell<u32>; 5] = Default::default();
        let mut tasks: Vec<_> = (0..5)
            .map(|n| {
                let (mutex, got) = (&mutex, &got);
                Polled::new(async move {
                    loop {
                        let guard = mutex.lock().await;
                        got[n].set(got[n].get() + 1);
                        tokio::task::yield_now().await;
                        drop(guard);
                    }
                })
            })
            .collect();
        for _ in 0..ROUNDS {
            for task in &mut tasks {
                time.advance_us(1000);
                let _: Poll<()> = task.poll();
                drop(mutex.try_lock());
            }
        }
        drop(tasks);
        let got = got.map(std::cell::Cell::into_inner);
        assert!(
            *got.iter().min().unwrap() as usize > ROUNDS / 100,
            "{got:?}"
        );
    }
    check::<Fifo>();
    check::<async_sync::mutex::Adaptive>();
}

// Guards.

#[test]
fn guards_are_mapped_and_know_their_mutex() {
    let mutex = Mutex::new((1, [2, 3]));
    let guard = mutex.try_lock().unwrap();
    assert!(std::ptr::eq(MutexGuard::mutex(&guard), &mutex));
    let array = MutexGuard::map(guard, |pair| &mut pair.1);
    let Err(array) = async_sync::mutex::MappedGuard::filter_map(array, |a| a.get_mut(5)) else {
        panic!("there is no sixth element")
    };
    let mut second = async_sync::mutex::MappedGuard::filter_map(array, |a| a.get_mut(1)).unwrap();
    *second += 10;
    assert_eq!(format!("{second} {second:?}"), "13 13");
    assert!(mutex.is_locked());
    drop(second);
    assert_eq!(mutex.into_inner(), (1, [2, 13]));
}

#[test]
fn owned_guards_keep_the_mutex() {
    let mutex = Arc::new(Mutex::new(vec![1]));
    let guard = Polled::new(Arc::clone(&mutex).lock_owned()).ready();
    assert_eq!(
        Arc::strong_count(&mutex),
        2,
        "the future has handed its reference on"
    );
    let mutex = Arc::clone(&mutex).try_lock_owned().unwrap_err();
    let first = OwnedMutexGuard::map(guard, |v| &mut v[0]);
    drop(first);
    assert_eq!(Arc::strong_count(&mutex), 2);
    drop(Arc::clone(&mutex).try_lock_owned().unwrap());
}

#[test]
fn a_panic_in_a_mapping_unlocks() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = MutexGuard::map(guard, |_| -> &mut () { panic!("no") });
    }));
    assert!(panicked.is_err());
    assert!(!mutex.is_locked());
}

#[test]
fn debug_never_waits() {
    let mutex = Mutex::new(5);
    assert_eq!(format!("{mutex:?}"), "Mutex { value: 5, waiters: 0 }");
    let _guard = mutex.try_lock();
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { value: <locked>, waiters: 0 }"
    );
}

#[test]
fn unsized_values_and_get_mut() {
    let mutex: Box<Mutex<[i32]>> = Box::new(Mutex::new([1, 2, 3]));
    assert_eq!(Polled::new(mutex.lock()).ready().len(), 3);
    let mut mutex: Mutex<i32> = 7.into();
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 8);
    assert_eq!(Mutex::<u8>::default().into_inner(), 0);
}

// The raw mutex.

/// SPEC S3.
#[test]
fn unlocking_an_unlocked_mutex_panics_and_changes_nothing() {
    let _time = VirtualTime::start();
    let mutex: RawMutex = RawMutex::new();
    for _ in 0..2 {
        let panic = catch_unwind(AssertUnwindSafe(|| mutex.unlock())).unwrap_err();
        assert_eq!(
            *panic.downcast_ref::<&str>().unwrap(),
            "unlock of unlocked mutex"
        );
        assert!(mutex.try_lock());
        mutex.unlock();
    }
}

/// SPEC S4.
#[test]
fn any_task_may_unlock() {
    let _time = VirtualTime::start();
    let mutex: RawMutex = RawMutex::new();
    Polled::new(mutex.lock()).ready();
    let mut next = queued(mutex.lock());
    std::thread::scope(|s| s.spawn(|| mutex.unlock()).join().unwrap());
    next.ready();
    assert!(mutex.is_locked() && mutex.waiters() == 0);
    mutex.unlock();
    assert_eq!(format!("{mutex:?}").matches("false").count(), 3);
}

// Conditional critical sections.

#[test]
fn lock_when_looks_only_after_a_change() {
    let mutex = Mutex::new(0);
    let looks = std::cell::Cell::new(0);
    let mut when = Polled::new(mutex.lock_when(|n| {
        looks.set(looks.get() + 1);
        *n == 2
    }));
    when.pending();
    assert_eq!(looks.get(), 1);
    assert!(
        !mutex.is_locked() && mutex.waiters() == 0,
        "it does not hold up others"
    );
    when.pending();
    assert_eq!(looks.get(), 1, "a spurious poll does not look");
    *mutex.try_lock().unwrap() += 1;
    assert!(when.woken());
    when.pending();
    assert_eq!(looks.get(), 2);
    *mutex.try_lock().unwrap() += 1;
    assert!(when.woken());
    let guard = when.ready();
    assert_eq!((*guard, looks.get()), (2, 3));
    drop(guard);
    drop(mutex.try_lock().unwrap());
    assert!(!when.woken());
}

#[test]
fn waiting_for_a_change_does_not_wake_others_who_wait_for_one() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(0);
    let mut first = queued(mutex.lock_when(|n| *n == 1));
    let mut second = queued(mutex.lock_when(|n| *n == 2));
    assert!(!first.woken(), "the second looked, and changed nothing");
    *mutex.try_lock().unwrap() = 2;
    assert!(first.woken() && second.woken());
    first.pending();
    drop(second.ready());
    *mutex.try_lock().unwrap() = 1;
    drop(first.ready());
}

#[test]
fn lock_when_may_be_dropped_at_every_point() {
    let _time = VirtualTime::start();
    let mutex = Mutex::new(0);
    let guard = mutex.try_lock().unwrap();
    drop(mutex.lock_when(|_| true));
    drop(queued(mutex.lock_when(|_| true))); // waits for the lock
    drop(guard);
    drop(queued(mutex.lock_when(|_| false))); // waits for a change
    let woken = queued(mutex.lock_when(|_| false));
    drop(mutex.try_lock());
    assert!(woken.woken());
    drop(woken);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _ = Polled::new(mutex.lock_when(|_| panic!("condition"))).poll();
    }));
    assert!(panicked.is_err());
    assert!(mutex.try_lock().is_some());
}

// Blocking.

#[test]
fn threads_and_tasks_share_the_queue() {
    const EACH: u32 = if cfg!(miri) { 10 } else { 500 };
    let mutex = Arc::new(Mutex::<_, Fifo>::with_policy(0u32));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    *mutex.lock_blocking() += 1;
                }
            });
        }
        runtime.block_on(async {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let mutex = Arc::clone(&mutex);
                    tokio::spawn(async move {
                        for _ in 0..EACH {
                            *mutex.lock().await += 1;
                        }
                    })
                })
                .collect();
            // Blocking inside of a runtime does not panic.
            *mutex.lock_blocking() += 1;
            *Arc::clone(&mutex).lock_owned_blocking() += 1;
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    assert_eq!(*mutex.lock_blocking(), 6 * EACH + 2);
}

/// SPEC S1.
#[test]
fn counters_do_not_lose_increments() {
    fn check<P: async_sync::mutex::Policy>(per_task: u32) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let counter = Arc::new(Mutex::<_, P>::with_policy(0));
        runtime.block_on(async {
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let counter = Arc::clone(&counter);
                    tokio::spawn(async move {
                        for _ in 0..per_task {
                            *counter.lock().await += 1;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(*counter.try_lock().unwrap(), 10 * per_task);
        assert_eq!(counter.metrics().count(), 0);
    }
    let many = if cfg!(miri) { 10 } else { 100_000 };
    check::<async_sync::mutex::Adaptive>(many);
    check::<Barging>(many);
    check::<Fifo>(if cfg!(miri) { 10 } else { 10_000 });
}

/// Its own poll must not take its notification for one that nobody claims.
#[test]
fn a_waiter_that_is_polled_late_and_loses_turns_the_lock_starving() {
    let mut time = support::VirtualTime::start();
    let mutex = Mutex::<()>::new(());
    let guard = mutex.try_lock().unwrap();
    let mut first = queued(mutex.lock());
    let _second = queued(mutex.lock());
    time.advance_us(2000);
    drop(guard);
    let _newcomer = support::Polled::new(mutex.lock()).ready();
    time.advance_us(1100);
    first.pending();
    assert!(mutex.is_starving());
}
