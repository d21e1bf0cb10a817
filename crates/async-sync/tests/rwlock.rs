//! The reader-writer lock, polled by hand: every transition of `rwlock/raw.rs`, in virtual time.

mod support;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_sync::rwlock::{
    Fifo, OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard, Policy, RawRwLock, ReadMostly,
    ReadPreferring, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
    WritePreferring,
};
use support::{Polled, Task, VirtualTime, queued};

/// One test for each policy.
macro_rules! for_each_policy {
    ($($(#[$attr:meta])* fn $name:ident<$P:ident>() $body:block)*) => {$(
        mod $name {
            use super::*;
            fn check<$P: Policy>() $body
            #[test]
            fn write_preferring() { check::<WritePreferring>() }
            #[test]
            fn read_preferring() { check::<ReadPreferring>() }
            #[test]
            fn fifo() { check::<Fifo>() }
            #[test]
            fn read_mostly() { check::<ReadMostly>() }
        }
    )*};
}

for_each_policy! {
    fn readers_share_and_a_writer_is_alone<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(1);
        let a = Polled::new(lock.read()).ready();
        let b = Polled::new(lock.read()).ready();
        assert_eq!((*a, *b, lock.reader_count()), (1, 1, 2));
        assert!(lock.try_write().is_none() && !lock.is_write_locked());
        assert!(lock.try_read().is_some(), "a failed attempt leaves nothing behind");
        drop((a, b));
        let mut w = Polled::new(lock.write()).ready();
        *w = 2;
        assert!(lock.is_write_locked() && lock.has_writer());
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        assert!(lock.try_upgradable_read().is_none());
        drop(w);
        assert_eq!(*lock.try_read().unwrap(), 2);
        assert_eq!((lock.reader_count(), lock.waiters()), (0, 0));
        assert!(!lock.has_writer());
    }

    fn a_writer_waits_for_the_readers_that_are_there<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let a = lock.try_read().unwrap();
        let b = lock.try_read().unwrap();
        let mut w = queued(lock.write());
        assert!(lock.has_writer() && !lock.is_write_locked());
        drop(a);
        w.pending();
        assert!(!w.woken());
        drop(b);
        assert_eq!(w.task.woken(), 1);
        drop(w.ready());
        assert!(lock.try_write().is_some());
    }

    fn readers_behind_a_writer_enter_together<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let w = lock.try_write().unwrap();
        // more than one batch of wake-ups
        let mut readers: Vec<_> = (0..40).map(|_| queued(lock.read())).collect();
        drop(w);
        assert!(readers.iter().all(Polled::woken));
        let guards: Vec<_> = readers.iter_mut().map(Polled::ready).collect();
        assert_eq!(lock.reader_count(), 40);
        drop(guards);
        assert!(lock.try_write().is_some());
    }

    fn a_future_that_was_not_polled_has_no_effect<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        drop((lock.read(), lock.write(), lock.upgradable_read()));
        let guard = lock.try_upgradable_read().unwrap();
        drop(RwLockUpgradableReadGuard::upgrade(guard));
        assert_eq!((lock.reader_count(), lock.waiters()), (0, 0));
        assert!(lock.try_write().is_some());
    }

    fn one_reader_may_upgrade<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(0);
        let up = Polled::new(lock.upgradable_read()).ready();
        let reader = lock.try_read().unwrap();
        assert!(lock.try_upgradable_read().is_none());
        let up = RwLockUpgradableReadGuard::try_upgrade(up).unwrap_err();
        assert!(lock.try_read().is_some(), "a failed attempt leaves nothing behind");
        let mut upgrade = queued(RwLockUpgradableReadGuard::upgrade(up));
        drop(reader);
        assert_eq!(upgrade.task.woken(), 1);
        let mut w = upgrade.ready();
        *w += 1;
        assert!(lock.try_read().is_none());
        let up = RwLockWriteGuard::downgrade_to_upgradable(w);
        assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_none());
        let mut w = RwLockUpgradableReadGuard::try_upgrade(up).unwrap();
        *w += 1;
        let r = RwLockWriteGuard::downgrade(w);
        assert_eq!((*r, *lock.try_read().unwrap()), (2, 2));
        assert!(lock.try_write().is_none() && lock.try_upgradable_read().is_some());
        drop(r);
        let up = lock.try_upgradable_read().unwrap();
        let r = RwLockUpgradableReadGuard::downgrade(up);
        let up = lock.try_upgradable_read().unwrap();
        drop((r, up));
        assert!(lock.try_write().is_some());
    }

    fn an_upgrade_comes_before_writers<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let up = lock.try_upgradable_read().unwrap();
        let reader = lock.try_read().unwrap();
        let mut w = queued(lock.write());
        let mut upgrade = queued(RwLockUpgradableReadGuard::upgrade(up));
        drop(reader);
        assert!(upgrade.woken() && !w.woken());
        drop(upgrade.ready());
        assert!(w.woken());
        drop(w.ready());
        assert!(lock.try_write().is_some());
    }

    fn a_dropped_upgrade_gives_everything_back<P>() {
        // not polled, queued, granted, granted and late
        for state in 0..4 {
            let mut time = VirtualTime::start();
            let lock = RwLock::<_, P>::with_policy(());
            let up = lock.try_upgradable_read().unwrap();
            let reader = lock.try_read().unwrap();
            let mut upgrade = Polled::new(RwLockUpgradableReadGuard::upgrade(up));
            if state > 0 {
                upgrade.pending();
            }
            let mut w = queued(lock.write());
            let mut reader = Some(reader);
            if state > 1 {
                reader = None;
                assert!(upgrade.woken() && !w.woken());
            }
            if state > 2 {
                time.advance_us(1500);
                // Somebody looks: the grant is taken back, what was read-locked stays so.
                assert!(lock.try_write().is_none());
                assert!(!lock.is_write_locked() && lock.reader_count() == 1);
                w.pending();
            }
            drop(upgrade);
            drop(reader);
            assert!(w.woken(), "{state}");
            drop(w.ready());
            assert!(lock.try_write().is_some());
            assert_eq!((lock.reader_count(), lock.waiters()), (0, 0));
        }
    }

    fn dropped_waiters_leave_no_trace<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let reader = lock.try_read().unwrap();
        let mut r1 = Polled::new(lock.read());
        r1.pending_or_ready();
        let w1 = queued(lock.write());
        let u = queued(lock.write());
        let mut r2 = Polled::new(lock.read());
        r2.pending_or_ready();
        drop((r1, u, w1, r2));
        assert_eq!(lock.waiters(), 0);
        assert!(lock.try_read().is_some(), "nobody waits to write any more");
        drop(reader);
        assert!(lock.try_write().is_some());
    }

    fn a_granted_lock_that_is_dropped_goes_on<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        for writes in [true, false] {
            let w = lock.try_write().unwrap();
            let first: Polled<dyn Future<Output = ()>> = if writes {
                let mut p = Polled::new(async { drop(lock.write().await) });
                p.pending();
                Polled { task: p.task, future: p.future }
            } else {
                let mut p = Polled::new(async { drop(lock.read().await) });
                p.pending();
                Polled { task: p.task, future: p.future }
            };
            let mut second = queued(lock.write());
            drop(w);
            assert!(first.task.woken() == 1 && !second.woken());
            drop(first);
            assert!(second.woken());
            drop(second.ready());
        }
        assert!(lock.try_write().is_some());
    }

    fn a_grant_that_nobody_claims_is_taken_back<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let w = lock.try_write().unwrap();
        let mut parked = queued(lock.write());
        let mut next = queued(lock.write());
        drop(w);
        assert!(parked.woken() && !next.woken());
        assert!(lock.try_write().is_none(), "it is young");
        time.advance_us(1500);
        assert!(lock.try_write().is_none(), "the next in line gets it");
        assert!(next.woken());
        let guard = next.ready();
        parked.pending();
        drop(guard);
        assert!(parked.woken());
        drop(parked.ready());
        assert!(lock.try_write().is_some());
    }

    fn a_reader_that_nobody_polls_does_not_hold_a_writer_up<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let w = lock.try_write().unwrap();
        let mut parked = queued(lock.read());
        drop(w);
        assert_eq!(lock.reader_count(), 1);
        time.advance_us(1500);
        let guard = Polled::new(lock.write()).poll();
        let guard = match guard {
            std::task::Poll::Ready(guard) => guard,
            std::task::Poll::Pending => lock.try_write().expect("was taken back"),
        };
        parked.pending();
        drop(guard);
        drop(parked.ready());
        assert!(lock.try_write().is_some());
    }

    fn a_task_does_not_lock_itself_out<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let task = Task::new();
        let w = lock.try_write().unwrap();
        let mut parked_read = Polled::of(&task, lock.read());
        parked_read.pending();
        let mut parked_write = Polled::of(&task, lock.write());
        parked_write.pending();
        let mut polled = Polled::of(&task, lock.write());
        polled.pending();
        drop(w);
        let mut polls = 0;
        let guard = loop {
            polls += 1;
            assert!(polls < 8, "locked out by futures that it does not poll");
            if let std::task::Poll::Ready(guard) = polled.poll() {
                break guard;
            }
            assert!(task.woken() > 0, "nobody would poll again");
        };
        drop(guard);
        drop(parked_read);
        drop(parked_write);
        assert!(lock.try_write().is_some());
    }

    fn guards_may_be_narrowed<P>() {
        let lock = Arc::new(RwLock::<_, P>::with_policy((1, String::from("one"))));
        let name = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.1);
        assert_eq!((&**name, lock.reader_count()), ("one", 1));
        drop(name);
        let number = RwLockWriteGuard::filter_map(lock.try_write().unwrap(), |pair| {
            Some(&mut pair.0)
        });
        *number.unwrap() = 2;
        let none = RwLockWriteGuard::filter_map(lock.try_write().unwrap(), |_| None::<&mut u8>);
        assert_eq!(none.unwrap_err().0, 2);
        let owned = Arc::clone(&lock).try_write_owned().unwrap();
        let mut name = OwnedRwLockWriteGuard::map(owned, |pair| &mut pair.1);
        name.push('!');
        assert!(lock.is_write_locked());
        drop(name);
        let owned = Arc::clone(&lock).try_read_owned().unwrap();
        assert!(Arc::clone(&lock).try_write_owned().is_err());
        assert_eq!(owned.1, "one!");
        drop(owned);
        let up = Polled::new(Arc::clone(&lock).upgradable_read_owned()).ready();
        let mut w = Polled::new(OwnedRwLockUpgradableReadGuard::upgrade(up)).ready();
        w.0 = 3;
        drop(w);
        assert_eq!(Arc::into_inner(lock).unwrap().into_inner().0, 3);
    }

    fn polling_after_completion_panics<P>() {
        let lock = RwLock::<_, P>::with_policy(());
        let mut read = Polled::new(lock.read());
        drop(read.ready());
        let again = catch_unwind(AssertUnwindSafe(|| drop(read.poll())));
        assert!(again.is_err());
        assert!(lock.try_write().is_some());
    }

    fn random_orders_lose_nobody<P>() {
        let rounds = if cfg!(miri) { 2 } else { 300 };
        for seed in 0..rounds {
            random::run::<P>(seed);
        }
    }

    fn misuse_of_the_raw_lock_panics<P>() {
        let message = |f: &dyn Fn()| {
            let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
            *payload.downcast_ref::<&str>().unwrap()
        };
        let lock = RawRwLock::<P>::new();
        assert_eq!(message(&|| lock.write_unlock()), "Unlock of unlocked RWMutex");
        assert_eq!(message(&|| lock.read_unlock()), "RUnlock of unlocked RWMutex");
        assert!(lock.try_read() && lock.try_read());
        lock.read_unlock();
        assert_eq!(message(&|| lock.write_unlock()), "Unlock of unlocked RWMutex");
        lock.read_unlock();
        assert_eq!(message(&|| lock.read_unlock()), "RUnlock of unlocked RWMutex");
        assert!(lock.try_write(), "the lock stays usable");
        assert_eq!(message(&|| lock.read_unlock()), "RUnlock of unlocked RWMutex");
        let mut w = queued(lock.write());
        lock.write_unlock();
        w.ready();
        lock.write_unlock();
        lock.read_blocking();
        lock.read_unlock();
        lock.write_blocking();
        lock.write_unlock();
    }
}

#[test]
fn a_waiting_writer_stops_new_readers() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let reader = lock.try_read().unwrap();
        let mut w = queued(lock.write());
        assert!(lock.try_read().is_none());
        let mut late = queued(lock.read());
        drop(reader);
        assert!(w.woken() && !late.woken());
        let guard = w.ready();
        late.pending();
        drop(guard);
        assert!(late.woken());
        drop(late.ready());
    }
    check::<WritePreferring>();
    check::<Fifo>();
    check::<ReadMostly>();
}

#[test]
fn read_preferring_readers_do_not_wait_for_a_waiting_writer() {
    let _time = VirtualTime::start();
    let lock = RwLock::<_, ReadPreferring>::with_policy(());
    let mut reader = lock.try_read().unwrap();
    let mut w = queued(lock.write());
    for _ in 0..10 {
        // they overlap, and the writer starves
        reader = Polled::new(lock.read()).ready();
        assert!(!w.woken());
    }
    drop(reader);
    drop(w.ready());
}

/// The phase of readers that a writer ends is all of those who have come by then, and nobody else.
#[test]
fn phases_alternate() {
    let _time = VirtualTime::start();
    let lock = RwLock::new(());
    let w0 = lock.try_write().unwrap();
    let mut w1 = queued(lock.write());
    let mut w2 = queued(lock.write());
    let mut early: Vec<_> = (0..20).map(|_| queued(lock.read())).collect();
    drop(w0);
    assert!(early.iter().all(Polled::woken) && !w1.woken());
    let mut late = queued(lock.read());
    let guards: Vec<_> = early.iter_mut().map(Polled::ready).collect();
    drop(guards);
    assert!(w1.woken() && !late.woken() && !w2.woken());
    drop(w1.ready());
    assert!(late.woken() && !w2.woken());
    drop(late.ready());
    assert!(w2.woken());
    drop(w2.ready());
    assert!(lock.try_write().is_some());
}

#[test]
fn one_line_keeps_the_order() {
    let _time = VirtualTime::start();
    let lock = RwLock::<_, Fifo>::with_policy(());
    let w = lock.try_write().unwrap();
    let mut r1 = queued(lock.read());
    let mut r2 = queued(lock.read());
    let mut w3 = queued(lock.write());
    let mut r4 = queued(lock.read());
    drop(w);
    assert!(r1.woken() && r2.woken() && !w3.woken() && !r4.woken());
    drop((r1.ready(), r2.ready()));
    assert!(w3.woken() && !r4.woken());
    drop(w3.ready());
    assert!(r4.woken());
    drop(r4.ready());
}

/// The writer that everybody waited for goes away: readers enter beside those who read.
#[test]
fn a_writer_that_gives_up_lets_readers_in() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let reader = lock.try_read().unwrap();
        let w = queued(lock.write());
        let mut late: Vec<_> = (0..20).map(|_| queued(lock.read())).collect();
        drop(w);
        assert!(late.iter().all(Polled::woken));
        let guards: Vec<_> = late.iter_mut().map(Polled::ready).collect();
        drop((reader, guards));
        assert!(lock.try_write().is_some());
    }
    check::<WritePreferring>();
    check::<Fifo>();
    check::<ReadMostly>();
}

/// Writers that are revoked and readers that wait: nobody is passed over for ever.
#[test]
fn a_revoked_grant_ends_no_phase() {
    let mut time = VirtualTime::start();
    let lock = RwLock::new(());
    let w = lock.try_write().unwrap();
    let mut parked = queued(lock.write());
    let mut w2 = queued(lock.write());
    drop(w);
    assert!(parked.woken());
    let mut reader = queued(lock.read());
    time.advance_us(1500);
    assert!(lock.try_read().is_none());
    assert!(
        w2.woken() && !reader.woken(),
        "the next writer in its place"
    );
    drop(w2.ready());
    assert!(reader.woken());
    drop(reader.ready());
    drop(parked.ready());
    assert!(lock.try_write().is_some());
}

/// A line of upgradable readers does not keep readers out for ever.
#[test]
fn readers_enter_beside_upgradable_ones() {
    let _time = VirtualTime::start();
    let lock = RwLock::new(());
    let mut holder = lock.try_upgradable_read().unwrap();
    let mut reader = None;
    for round in 0..5 {
        let mut next = queued(lock.upgradable_read());
        if round == 1 {
            reader = Some(queued(lock.read()));
        }
        drop(holder);
        assert!(next.woken());
        holder = next.ready();
    }
    let mut reader = reader.unwrap();
    assert!(reader.woken());
    drop(reader.ready());
    drop(holder);
    assert!(lock.try_write().is_some());
}

#[test]
fn a_downgrade_lets_readers_in() {
    let _time = VirtualTime::start();
    let lock = RwLock::new(());
    let w = lock.try_write().unwrap();
    let mut reader = queued(lock.read());
    let mut w2 = queued(lock.write());
    let r = RwLockWriteGuard::downgrade(w);
    assert!(reader.woken() && !w2.woken());
    drop(reader.ready());
    assert!(!w2.woken());
    drop(r);
    assert!(w2.woken());
    drop(w2.ready());
    assert!(lock.try_write().is_some());
}

#[test]
fn more_readers_than_a_million() {
    let lock = RawRwLock::<WritePreferring>::new();
    let n = if cfg!(miri) { 100 } else { (1 << 20) + 1 };
    for _ in 0..n {
        assert!(lock.try_read());
    }
    assert_eq!(lock.reader_count(), n);
    assert!(!lock.try_write());
    let mut w = queued(lock.write());
    for _ in 0..n {
        lock.read_unlock();
    }
    w.ready();
    lock.write_unlock();
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let lock = RwLock::new(5);
    assert_eq!(format!("{lock:?}"), "RwLock { value: 5, waiters: 0 }");
    let r = lock.try_read().unwrap();
    assert_eq!(
        format!("{lock:?} {r:?} {r}"),
        "RwLock { value: 5, waiters: 0 } 5 5"
    );
    drop(r);
    let _w = lock.try_write().unwrap();
    assert_eq!(
        format!("{lock:?}"),
        "RwLock { value: <locked>, waiters: 0 }"
    );
    let locker = lock.read_locker();
    assert!(locker.try_lock().is_none());
    assert!(format!("{locker:?}").contains("locked"));
}

#[test]
fn threads_block_in_the_same_queue() {
    let threads = if cfg!(miri) { 3 } else { 8 };
    let rounds = if cfg!(miri) { 8 } else { 2000 };
    fn check<P: Policy>(threads: usize, rounds: usize) {
        let lock = Arc::new(RwLock::<_, P>::with_policy((0usize, 0usize)));
        std::thread::scope(|scope| {
            for t in 0..threads {
                let lock = &lock;
                scope.spawn(move || {
                    for n in 0..rounds {
                        match (t + n) % 4 {
                            0 => {
                                let mut w = lock.write_blocking();
                                w.0 += 1;
                                w.1 += 1;
                            }
                            1 => {
                                let up = lock.upgradable_read_blocking();
                                let before = *up;
                                assert_eq!(before.0, before.1);
                                let mut w = sync_core::park::block_on(
                                    RwLockUpgradableReadGuard::upgrade(up),
                                );
                                assert_eq!(*w, before, "nobody wrote in between");
                                w.0 += 1;
                                w.1 += 1;
                            }
                            _ => {
                                let r = lock.read_blocking();
                                assert_eq!(r.0, r.1);
                            }
                        }
                    }
                });
            }
        });
        let total = lock.try_read().unwrap().0;
        assert_eq!(
            total,
            (0..threads)
                .map(|t| (0..rounds).filter(|n| (t + n) % 4 < 2).count())
                .sum()
        );
        assert_eq!((lock.reader_count(), lock.waiters()), (1 - 1, 0));
    }
    check::<WritePreferring>(threads, rounds);
    check::<ReadPreferring>(threads, rounds);
    check::<Fifo>(threads, rounds);
    check::<ReadMostly>(threads, rounds);
}

/// Random sequences of polls, drops, upgrades, downgrades and pauses, with some futures left alone for
/// long: exclusion at every step, and in the end everybody gets what he asked for.
mod random {
    use super::*;
    use async_sync::rwlock::{Read, UpgradableRead, Upgrade, Write};
    use std::pin::Pin;
    use std::task::Poll;

    enum Slot<'a, P: Policy> {
        Empty,
        Reads(Pin<Box<Read<'a, u32, P>>>),
        Writes(Pin<Box<Write<'a, u32, P>>>),
        Ups(Pin<Box<UpgradableRead<'a, u32, P>>>),
        Upgrades(Pin<Box<Upgrade<&'a RwLock<u32, P>>>>),
        Read(#[allow(dead_code, reason = "held, not looked at")] RwLockReadGuard<'a, u32, P>),
        Write(RwLockWriteGuard<'a, u32, P>),
        Up(RwLockUpgradableReadGuard<'a, u32, P>),
    }

    pub(super) fn run<P: Policy>(seed: u64) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = move |n: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % n
        };
        let mut time = VirtualTime::start();
        let lock = RwLock::<u32, P>::with_policy(0);
        // Two slots share a task now and then.
        let tasks: Vec<_> = (0..6).map(|_| Task::new()).collect();
        let mut slots: Vec<(Task, Slot<'_, P>)> = (0..8)
            .map(|n| (tasks[n % tasks.len()].clone(), Slot::Empty))
            .collect();
        for _ in 0..if cfg!(miri) { 50 } else { 200 } {
            let n = random(slots.len() as u64) as usize;
            let choice = random(100);
            if choice < 5 {
                time.advance_us(700);
            }
            let (task, slot) = &mut slots[n];
            *slot = step(&lock, task, std::mem::replace(slot, Slot::Empty), choice);
            check(&lock, &slots);
        }
        // Everybody is polled until nothing is left.
        for round in 0.. {
            assert!(
                round < 60,
                "somebody never gets in: {:?} {:?}",
                lock.metrics(),
                seed
            );
            for (task, slot) in &mut slots {
                // Revoked waiters return, and guards are given back.
                *slot = match std::mem::replace(slot, Slot::Empty) {
                    Slot::Empty => Slot::Empty,
                    guard @ (Slot::Read(_) | Slot::Write(_) | Slot::Up(_)) => {
                        drop(guard);
                        Slot::Empty
                    }
                    waits => step(&lock, task, waits, 50),
                };
            }
            if slots.iter().all(|(_, slot)| matches!(slot, Slot::Empty)) {
                break;
            }
        }
        assert_eq!((lock.reader_count(), lock.waiters()), (0, 0));
        assert!(lock.try_write().is_some(), "{:?}", lock.metrics());
    }

    fn step<'a, P: Policy>(
        lock: &'a RwLock<u32, P>,
        task: &Task,
        slot: Slot<'a, P>,
        choice: u64,
    ) -> Slot<'a, P> {
        let gives_up = choice < 15;
        match slot {
            Slot::Empty => match choice % 7 {
                0..=2 => Slot::Reads(Box::pin(lock.read())),
                3 | 4 => Slot::Writes(Box::pin(lock.write())),
                5 => Slot::Ups(Box::pin(lock.upgradable_read())),
                _ => lock.try_read().map_or(Slot::Empty, Slot::Read),
            },
            _ if gives_up => Slot::Empty,
            Slot::Reads(mut f) => match task.poll(f.as_mut()) {
                Poll::Ready(guard) => Slot::Read(guard),
                Poll::Pending => Slot::Reads(f),
            },
            Slot::Writes(mut f) => match task.poll(f.as_mut()) {
                Poll::Ready(mut guard) => {
                    *guard += 1;
                    Slot::Write(guard)
                }
                Poll::Pending => Slot::Writes(f),
            },
            Slot::Ups(mut f) => match task.poll(f.as_mut()) {
                Poll::Ready(guard) => Slot::Up(guard),
                Poll::Pending => Slot::Ups(f),
            },
            Slot::Upgrades(mut f) => match task.poll(f.as_mut()) {
                Poll::Ready(guard) => Slot::Write(guard),
                Poll::Pending => Slot::Upgrades(f),
            },
            Slot::Read(_) => Slot::Empty,
            Slot::Write(guard) => match choice % 3 {
                0 => Slot::Read(RwLockWriteGuard::downgrade(guard)),
                1 => Slot::Up(RwLockWriteGuard::downgrade_to_upgradable(guard)),
                _ => Slot::Empty,
            },
            Slot::Up(guard) => match choice % 4 {
                0 => Slot::Read(RwLockUpgradableReadGuard::downgrade(guard)),
                1 => match RwLockUpgradableReadGuard::try_upgrade(guard) {
                    Ok(guard) => Slot::Write(guard),
                    Err(guard) => Slot::Up(guard),
                },
                2 => Slot::Upgrades(Box::pin(RwLockUpgradableReadGuard::upgrade(guard))),
                _ => Slot::Empty,
            },
        }
    }

    fn check<P: Policy>(lock: &RwLock<u32, P>, slots: &[(Task, Slot<'_, P>)]) {
        let (mut reads, mut writes, mut ups) = (0, 0, 0);
        for (_, slot) in slots {
            match slot {
                Slot::Read(_) => reads += 1,
                Slot::Write(_) => writes += 1,
                // One that waits to upgrade reads, unless it was granted more.
                Slot::Up(_) | Slot::Upgrades(_) => ups += 1,
                _ => {}
            }
        }
        assert!(writes <= 1 && ups <= 1, "{writes} write, {ups} may upgrade");
        assert!(writes == 0 || reads + ups == 0, "readers beside a writer");
        if writes == 1 {
            assert!(lock.is_write_locked());
        }
        if reads != 0 {
            assert!(!lock.is_write_locked() && lock.reader_count() >= reads);
        }
    }
}
