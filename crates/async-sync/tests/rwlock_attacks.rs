//! Attempts to break the reader-writer lock: to lose a wake-up, to strand a flag of the word, to let
//! somebody in beside a writer, to starve somebody for ever. Polled by hand, in virtual time.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_sync::rwlock::{
    Fifo, Policy, RawRwLock, ReadMostly, ReadPreferring, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard, WritePreferring,
};
use support::{Polled, Task, VirtualTime, queued};

/// One test for each policy.
macro_rules! for_each_policy {
    ($($(#[$attr:meta])* fn $name:ident<$P:ident>() $body:block)*) => {$(
        mod $name {
            use super::*;
            $(#[$attr])*
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

/// No flag of the word has been left behind: everything is to be had at once, in every mode.
#[track_caller]
fn as_new<T: std::fmt::Debug, P: Policy>(lock: &RwLock<T, P>) {
    let metrics = lock.metrics();
    assert_eq!((metrics.readers, metrics.waiters), (0, 0), "{metrics:?}");
    assert!(
        !metrics.is_write_locked && !metrics.is_upgradable && !metrics.is_barred,
        "{metrics:?}"
    );
    assert!(!lock.has_writer());
    let readers = [lock.try_read().unwrap(), lock.try_read().unwrap()];
    drop((readers, lock.try_upgradable_read().unwrap()));
    let up = lock.try_upgradable_read().unwrap();
    drop(RwLockUpgradableReadGuard::try_upgrade(up).unwrap());
    drop(lock.try_write().unwrap());
}

for_each_policy! {
    /// Who waits to upgrade goes away, behind a writer that came back before it: nobody is stranded.
    fn an_upgrade_leaves_from_behind_a_writer_that_came_back<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let held = lock.try_write().unwrap();
        let mut late = queued(lock.write());
        drop(held); // granted to `late`, which is not polled
        assert!(late.woken());
        time.advance_us(1500);
        drop(lock.try_read()); // takes the grant back
        let up = lock.try_upgradable_read().unwrap();
        let reader = lock.try_read().unwrap();
        let upgrade = queued(RwLockUpgradableReadGuard::upgrade(up));
        late.pending(); // to the front, before the one that upgrades
        drop(upgrade);
        assert_eq!(lock.reader_count(), 1);
        assert!(!lock.metrics().is_upgradable);
        drop(reader);
        assert!(late.woken());
        drop(late.ready());
        as_new(&lock);
    }

    /// The same, and it does not go away: no writer in between.
    fn an_upgrade_is_found_behind_a_writer_that_came_back<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(0);
        let held = lock.try_write().unwrap();
        let mut late = queued(lock.write());
        drop(held);
        assert!(late.woken());
        time.advance_us(1500);
        drop(lock.try_read());
        let up = lock.try_upgradable_read().unwrap();
        let reader = lock.try_read().unwrap();
        let mut upgrade = queued(RwLockUpgradableReadGuard::upgrade(up));
        late.pending();
        drop(reader);
        assert!(upgrade.woken() && !late.woken());
        *upgrade.ready() = 1;
        assert!(late.woken());
        assert_eq!(*late.ready(), 1);
        as_new(&lock);
    }

    /// An upgrade whose grant was taken back is a reader all the while: no writer comes in between,
    /// and it gets in later.
    fn a_late_upgrade_stays_a_reader<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(7);
        let up = lock.try_upgradable_read().unwrap();
        let reader = lock.try_read().unwrap();
        let mut upgrade = queued(RwLockUpgradableReadGuard::upgrade(up));
        let mut writer = queued(lock.write());
        drop(reader);
        assert!(upgrade.woken() && lock.is_write_locked());
        time.advance_us(1500);
        assert!(lock.try_write().is_none());
        assert_eq!((lock.is_write_locked(), lock.reader_count()), (false, 1));
        writer.pending();
        assert!(lock.try_upgradable_read().is_none());
        let mut guard = upgrade.ready();
        assert_eq!(*guard, 7, "nobody wrote since");
        *guard = 8;
        let up = RwLockWriteGuard::downgrade_to_upgradable(guard);
        assert!(!writer.woken());
        drop(up);
        assert!(writer.woken());
        assert_eq!(*writer.ready(), 8);
        as_new(&lock);
    }

    /// A grant to upgrade that is taken over by another future of its task.
    fn a_task_takes_its_own_upgrade_back<P>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(0);
        let task = Task::new();
        let up = lock.try_upgradable_read().unwrap();
        let reader = lock.try_read().unwrap();
        let mut upgrade = Polled::of(&task, RwLockUpgradableReadGuard::upgrade(up));
        upgrade.pending();
        let mut reads = Polled::of(&task, lock.read());
        if let std::task::Poll::Ready(guard) = reads.poll() {
            // Readers come first here.
            drop(guard);
            reads = Polled::of(&task, lock.read());
        }
        drop(reader); // granted to `upgrade`, which its task does not poll
        let mut polls = 0;
        let guard = loop {
            polls += 1;
            assert!(polls < 8, "locked out by its own upgrade");
            if let std::task::Poll::Ready(guard) = reads.poll() {
                break guard;
            }
            assert!(task.woken() > 0);
        };
        assert!(lock.metrics().is_upgradable && lock.reader_count() == 2);
        upgrade.pending();
        drop(guard);
        *upgrade.ready() += 1;
        drop(upgrade);
        as_new(&lock);
    }

    /// Each kind of waiter leaves from each place of the queue, queued or granted.
    fn whoever_leaves_strands_nobody<P>() {
        fn make<P: Policy>(lock: &RwLock<(), P>, kind: usize) -> Polled<dyn Future<Output = ()> + '_> {
            let future: std::pin::Pin<Box<dyn Future<Output = ()>>> = match kind {
                0 => Box::pin(async { drop(lock.read().await) }),
                1 => Box::pin(async { drop(lock.write().await) }),
                2 => Box::pin(async { drop(lock.upgradable_read().await) }),
                _ => {
                    let Some(up) = lock.try_upgradable_read() else {
                        return Polled { task: Task::new(), future: Box::pin(async {}) };
                    };
                    Box::pin(async { drop(RwLockUpgradableReadGuard::upgrade(up).await) })
                }
            };
            Polled { task: Task::new(), future }
        }
        let kinds = if cfg!(miri) { 2 } else { 4 };
        // What is held at first, three waiters, who leaves, before or after the release, how late.
        let step = if cfg!(miri) { 13 } else { 1 };
        for code in (0..2 * kinds * kinds * kinds * 3 * 2 * 2).step_by(step) {
            let mut rest = code;
            let mut digit = |n: usize| {
                let digit = rest % n;
                rest /= n;
                digit
            };
            let mut time = VirtualTime::start();
            let lock = RwLock::<(), P>::with_policy(());
            let (mut reads, mut writes) = (None, None);
            if digit(2) == 0 {
                reads = lock.try_read();
            } else {
                writes = lock.try_write();
            }
            let mut waiters: Vec<_> = (0..3)
                .map(|_| {
                    let mut waiter = make(&lock, digit(kinds));
                    let done = waiter.task.poll(waiter.future.as_mut()).is_ready();
                    (!done).then_some(waiter)
                })
                .collect();
            let (leaver, early, late) = (digit(3), digit(2) == 0, digit(2) == 0);
            if early {
                waiters[leaver] = None;
            }
            drop((reads, writes));
            if late {
                time.advance_us(1500);
                drop(lock.try_write());
            }
            waiters[leaver] = None;
            // Exactly those that are woken are polled.
            for _ in 0..20 {
                for slot in &mut waiters {
                    let Some(waiter) = slot else { continue };
                    if waiter.task.woken() == 0 {
                        continue;
                    }
                    if waiter.task.poll(waiter.future.as_mut()).is_ready() {
                        *slot = None;
                    }
                }
            }
            assert!(
                waiters.iter().all(Option::is_none),
                "{code}: somebody waits, {:?}", lock.metrics()
            );
            as_new(&lock);
        }
    }

    /// A grant lies with a reader that nobody polls; a reader that lets go, though it is not the
    /// last, is a later operation, and the writer gets in.
    fn a_reader_that_leaves_takes_stale_grants_back<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let held = lock.try_write().unwrap();
        let mut parked = queued(lock.read());
        let mut reads = queued(lock.read());
        let mut writes = queued(lock.write());
        drop(held);
        let guard = reads.ready();
        time.advance_us(1500);
        assert_eq!(lock.reader_count(), 2);
        drop(guard);
        assert!(writes.woken(), "behind a future that nobody polls");
        drop(writes.ready());
        drop(parked.ready());
        as_new(&lock);
    }

    /// `Upgrade` is dropped at every point, with somebody of every kind behind it.
    fn an_upgrade_may_be_dropped_at_every_point<P>() {
        for point in 0..5 {
            let mut time = VirtualTime::start();
            let lock = RwLock::<_, P>::with_policy(());
            let up = lock.try_upgradable_read().unwrap();
            let reader = lock.try_read().unwrap();
            let mut upgrade = Polled::new(RwLockUpgradableReadGuard::upgrade(up));
            if point > 0 {
                upgrade.pending();
            }
            let mut writes = queued(lock.write());
            let mut ups = queued(lock.upgradable_read());
            let mut reads = Polled::new(lock.read());
            let early = reads.poll();
            let reads_early = early.is_ready();
            if point > 1 {
                drop((reader, early));
                assert!(upgrade.woken());
                if point > 2 {
                    time.advance_us(1500);
                    drop(lock.try_read());
                }
                if point > 3 {
                    // It came back: entered at once, or waits for a reader that came meanwhile.
                    drop(upgrade.poll());
                }
                drop(upgrade);
            } else {
                drop(upgrade);
                drop((reader, early));
            }
            for _ in 0..4 {
                // One after the other, as they are woken.
                if writes.woken() {
                    drop(writes.ready());
                }
                if ups.woken() {
                    drop(ups.ready());
                }
                if !reads_early && reads.woken() {
                    drop(reads.ready());
                }
            }
            as_new(&lock);
        }
    }

    /// The waiter's own panics: a task is unwound while it holds each kind of guard.
    fn a_panic_gives_each_kind_of_guard_back<P>() {
        let lock = RwLock::<_, P>::with_policy((0, 0));
        let panics = |f: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
        panics(&mut || {
            let _guard = lock.try_read().unwrap();
            panic!("user code");
        });
        panics(&mut || {
            let _guard = lock.try_write().unwrap();
            panic!("user code");
        });
        panics(&mut || {
            let _guard = lock.try_upgradable_read().unwrap();
            panic!("user code");
        });
        panics(&mut || {
            let _ = RwLockWriteGuard::map(lock.try_write().unwrap(), |_| -> &mut u8 {
                panic!("user code")
            });
        });
        panics(&mut || {
            let _ = RwLockReadGuard::filter_map(lock.try_read().unwrap(), |_| -> Option<&u8> {
                panic!("user code")
            });
        });
        as_new(&lock);
    }

    /// Writers that are never polled are passed over, however many; the readers behind them, too.
    fn abandoned_writers_do_not_starve_readers<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let held = lock.try_write().unwrap();
        let abandoned: Vec<_> = (0..10).map(|_| queued(lock.write())).collect();
        let mut reads = queued(lock.read());
        drop(held);
        let mut looks = 0;
        while !reads.woken() {
            looks += 1;
            assert!(looks < 12, "a reader starves");
            time.advance_us(1500);
            drop(lock.try_read());
        }
        drop(reads.ready());
        drop(abandoned);
        as_new(&lock);
    }

    /// Futures of all kinds that are never polled again, nor dropped: whoever comes later gets in, once
    /// the grants are stale.
    fn leaked_waiters_block_nobody_for_ever<P>() {
        let mut time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let held = lock.try_write().unwrap();
        // (Forgotten until the end, so that Miri does not complain.)
        let leaked: Vec<_> = (0..3)
            .map(|_| (queued(lock.read()), queued(lock.write()), queued(lock.upgradable_read())))
            .collect();
        drop(held);
        let mut writes = queued(lock.write());
        let mut looks = 0;
        while !writes.woken() {
            looks += 1;
            assert!(looks < 20, "leaked futures block the lock");
            time.advance_us(1500);
            drop(lock.try_read());
        }
        drop(writes.ready());
        as_new(&lock);
        drop(leaked);
        as_new(&lock);
    }

    /// Readers and writers of real threads: two counters that are equal whenever one may look, and
    /// are not equal while one writes.
    fn no_reader_beside_a_writer_on_threads<P>() {
        let rounds = if cfg!(miri) { 10 } else { 3000 };
        let lock = RawRwLock::<P>::new();
        let (readers, writing) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for n in 0..4 {
                let (lock, readers, writing) = (&lock, &readers, &writing);
                scope.spawn(move || {
                    for round in 0..rounds {
                        if (n + round) % 5 == 0 {
                            if round % 2 == 0 {
                                lock.write_blocking();
                            } else if !lock.try_write() {
                                continue;
                            }
                            assert!(!writing.swap(true, Ordering::SeqCst), "two writers");
                            assert_eq!(readers.load(Ordering::SeqCst), 0, "a reader inside");
                            writing.store(false, Ordering::SeqCst);
                            lock.write_unlock();
                        } else {
                            if round % 2 == 0 {
                                lock.read_blocking();
                            } else if !lock.try_read() {
                                continue;
                            }
                            readers.fetch_add(1, Ordering::SeqCst);
                            assert!(!writing.load(Ordering::SeqCst), "a writer inside");
                            readers.fetch_sub(1, Ordering::SeqCst);
                            lock.read_unlock();
                        }
                    }
                });
            }
        });
        assert_eq!((lock.reader_count(), lock.waiters()), (0, 0));
        assert!(lock.try_write());
    }
}

/// Readers that move: counted on one thread, gone on another, again and again; the sum of the slots is
/// what matters, and a writer gets in when it is zero, not before.
#[test]
fn sharded_readers_that_move_between_threads() {
    let rounds = if cfg!(miri) { 5 } else { 200 };
    let lock = Arc::new(RwLock::<_, ReadMostly>::with_policy(0));
    for _ in 0..rounds {
        let guards: Vec<_> = (0..3)
            .map(|_| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || lock.try_read_owned().ok().unwrap())
            })
            .map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(lock.reader_count(), 3);
        let mut writes = queued(lock.write());
        for guard in guards {
            writes.pending();
            std::thread::spawn(move || drop(guard)).join().unwrap();
        }
        assert!(writes.woken());
        *writes.ready() += 1;
        assert_eq!(lock.reader_count(), 0);
    }
    as_new(&lock);
}

/// A failed `try_write` closes a sharded lock for a moment. What it did must not be seen by those who
/// queue behind it: readers enter at once.
#[test]
fn a_failed_attempt_to_write_leaves_no_phase_behind() {
    let _time = VirtualTime::start();
    let lock = RwLock::<_, ReadMostly>::with_policy(());
    for _ in 0..3 {
        let reader = lock.try_read().unwrap();
        assert!(lock.try_write().is_none());
        let mut writes = queued(lock.write());
        let mut late = queued(lock.read());
        assert!(lock.try_write().is_none() && lock.try_upgradable_read().is_none());
        drop(reader);
        assert!(writes.woken() && !late.woken());
        drop(writes.ready());
        assert!(late.woken());
        drop(late.ready());
    }
    as_new(&lock);
}

/// A failed `try_upgrade` of a sharded lock bars readers for a moment, too.
#[test]
fn a_failed_attempt_to_upgrade_leaves_nobody_barred() {
    let _time = VirtualTime::start();
    let lock = RwLock::<_, ReadMostly>::with_policy(());
    let up = lock.try_upgradable_read().unwrap();
    let reader = lock.try_read().unwrap();
    let up = RwLockUpgradableReadGuard::try_upgrade(up).unwrap_err();
    assert!(!lock.metrics().is_barred);
    let second = lock.try_read().unwrap();
    drop((reader, second, up));
    as_new(&lock);
}

/// Overlapping readers cannot keep a writer out, and a stream of writers not a reader: each waits for
/// one turn of the others.
#[test]
fn nobody_starves_in_turns() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let mut reader = lock.try_read().unwrap();
        let mut writes = queued(lock.write());
        let mut next = queued(lock.read());
        for _ in 0..if cfg!(miri) { 5 } else { 20 } {
            drop(reader);
            assert!(writes.woken() && !next.woken());
            let guard = writes.ready();
            writes = queued(lock.write());
            drop(guard);
            assert!(next.woken() && !writes.woken());
            reader = next.ready();
            next = queued(lock.read());
        }
        drop((reader, next, writes));
        as_new(&lock);
    }
    check::<WritePreferring>();
    check::<ReadMostly>();
}

/// A line of upgradable readers never ends: those who queue to read enter beside the next of them, not
/// behind the last.
#[test]
fn readers_do_not_wait_for_a_line_of_upgradable_ones() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let lock = RwLock::<_, P>::with_policy(());
        let mut holder = lock.try_upgradable_read().unwrap();
        let mut next = queued(lock.upgradable_read());
        for _ in 0..5 {
            let behind = queued(lock.upgradable_read());
            let mut reads = queued(lock.read());
            drop(holder);
            assert!(next.woken() && reads.woken());
            drop(reads.ready());
            holder = next.ready();
            next = behind;
        }
        drop((holder, next));
        as_new(&lock);
    }
    check::<WritePreferring>();
    check::<ReadMostly>();
}
