//! What is measured of reader-writer locks.
//!
//! Those who write are one at a time, as with a mutex: all promises about waiting are measured of
//! them. What is about readers comes on top.

use super::lock::Lock;
use super::tools::{Looks, Polled, now, panics, queued};
use super::{Measurement, Verdict, check, list, of_every_lock, scenario};
use crate::peers::{AsyncRwLock, DowngradableRwLock, UpgradableRwLock};
use crate::scenarios::any_rwlock;

/// The writing side, as a lock.
struct Writing<L>(L);

impl<L: AsyncRwLock> Lock for Writing<L> {
    type Held<'a> = L::WriteGuard<'a>;

    fn new() -> Self {
        Writing(L::new(0))
    }

    fn take(&self) -> impl Future<Output = Self::Held<'_>> + Send {
        self.0.write()
    }

    fn try_take(&self) -> Option<Self::Held<'_>> {
        self.0.try_write()
    }
}

/// Of every reader-writer lock.
pub(super) fn every<L: AsyncRwLock>() -> Vec<Measurement> {
    let mut all = of_every_lock::<Writing<L>>();
    all.extend(list! {
        "bars", a_writer_bars::<L>, "A waiting writer stops new readers",
            "One reads, a writer is queued; then `try_` and a future of another reader must not get in.";
        "not-starved", writers_are_not_starved::<L>, "Readers that overlap do not keep a writer out",
            "A hundred readers come, each before the last one leaves, while a writer waits; then it must be inside or the readers wait.";
        "together", readers_enter_together::<L>, "Readers behind a writer enter together",
            "Sixteen readers and a second writer wait for a writer; when it unlocks, all sixteen are polled and none lets go.";
        "one-writer", readers_wait_for_one_writer::<L>, "Readers wait for one writer, not for all",
            "A writer holds the lock, three wait, then a reader; at most one of the three may come before it.";
        "cancel-writer", a_cancelled_writer::<L>, "A queued writer that is dropped lets readers in",
            "One reads, a writer is queued, three readers behind it; the writer is dropped and they must be served beside the reader.";
        "cancel-woken-writer", a_woken_writer_that_is_dropped::<L>, "... also after it was woken",
            "The reader leaves first, so that the writer is woken, and is then dropped.";
        "read-futurelock", a_parked_reader::<L>, "No futurelock behind a reader, as long as others come",
            "A reader is woken and not polled; a writer waits behind it. After 3 ms others look at the lock every 0.1 ms; the writer must be served within 500 looks.";
        "read-futurelock-leave", a_parked_reader_and_one_that_leaves::<L>, "... even if all that happens is that another reader leaves",
            "Two readers are woken, one of them is not polled, a writer waits; after 3 ms the other one leaves.";
        "read-panics", a_panicking_owner::<L>, "A panic of a reader or a writer gives the lock back",
            "A guard is dropped by unwinding; who waits must be served.";
        "s22", || scenario!(any_rwlock::s22_readers_share::<L, _>), "Scenarios S22, S30: readers share",
            "Four are inside at the same time.";
        "s23", || scenario!(any_rwlock::s23_the_last_reader::<L, _>), "Scenario S23: the last reader lets the writer in",
            "And no other does.";
        "s24", || scenario!(any_rwlock::s24_enter_together::<L, _>), "Scenario S24: four readers behind a writer",
            "All four are inside before one leaves.";
        "s31", || scenario!(any_rwlock::s31_try::<L, _>), "Scenario S31: `try_read`, `try_write`",
            "Beside a reader, beside a writer, and after them.";
        "r3", || scenario!(any_rwlock::r3_nobody_sees_half::<L, _>), "No reader sees half of a change",
            "Two tasks write in two steps, eight read.";
        "rw-s13", || scenario!(any_rwlock::s13_cancelled_waiters::<L, _>), "Scenario S13 with readers: time limits of all lengths",
            "Twelve tasks, time limits of 0 to 160 µs around waiting and work.";
    });
    all
}

/// Of those whose writers may become readers.
pub(super) fn downgradable<L: DowngradableRwLock>() -> Vec<Measurement> {
    list! {
        "downgrade", || scenario!(any_rwlock::a_downgrade_keeps_writers_out::<L, _>), "A downgrade lets no writer in between",
            "Six tasks write, downgrade, and read what they wrote.";
    }
}

/// Of those that have readers that may become writers.
pub(super) fn upgradable<L: UpgradableRwLock>() -> Vec<Measurement> {
    list! {
        "upgrade", || scenario!(any_rwlock::an_upgrade_keeps_writers_out::<L, _>), "An upgrade lets no writer in between",
            "Nine tasks read, write, and upgrade what they read.";
    }
}

fn a_writer_bars<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let reader = now(lock.read()).expect("nobody is there");
    let mut writer = queued(lock.write());
    check!(lock.try_read().is_none(), "`try_read` passes it");
    check!(now(lock.read()).is_none(), "a future passes it");
    drop(reader);
    check!(writer.served().is_some(), "the writer was never served");
    Verdict::kept()
}

fn writers_are_not_starved<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let mut reader = now(lock.read());
    let mut writer = queued(lock.write());
    let mut passed = 0;
    while let Some(next) = now(lock.read()) {
        passed += 1;
        check!(passed < 100, "a hundred readers passed it");
        reader = Some(next);
    }
    drop(reader);
    check!(writer.served().is_some(), "the writer was never served");
    Verdict::kept()
}

fn readers_enter_together<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let held = now(lock.write()).expect("nobody is there");
    let mut readers: Vec<_> = (0..16).map(|_| queued(lock.read())).collect();
    let mut writer = queued(lock.write());
    drop(held);
    let mut inside = Vec::new();
    for (n, reader) in readers.iter_mut().enumerate() {
        let guard = reader.served();
        check!(guard.is_some(), "only {n} of 16 came in");
        inside.push(guard);
    }
    check!(writer.poll().is_none(), "a writer beside readers");
    drop(inside);
    check!(writer.served().is_some(), "the writer was never served");
    Verdict::kept()
}

fn readers_wait_for_one_writer<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let held = now(lock.write()).expect("nobody is there");
    let mut writers: Vec<_> = (0..3).map(|_| queued(lock.write())).collect();
    let mut reader = queued(lock.read());
    drop(held);
    for before in 0..=writers.len() {
        if reader.task.woken() > 0 && reader.poll().is_some() {
            check!(before < 2, "{before} writers came before it");
            return Verdict::kept();
        }
        let writer = writers.iter_mut().find(|writer| writer.task.woken() > 0);
        check!(
            writer.is_some_and(|writer| writer.poll().is_some()),
            "nobody was served"
        );
    }
    Verdict::Broken("the reader was never served".to_owned())
}

fn a_cancelled_writer<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let held = now(lock.read());
    let writer = queued(lock.write());
    // (Those of a lock that prefers readers are inside at once.)
    let mut readers: Vec<_> = (0..3).map(|_| Polled::new(lock.read())).collect();
    let mut inside: Vec<_> = readers.iter_mut().map(Polled::poll).collect();
    drop(writer);
    for (reader, inside) in readers.iter_mut().zip(&mut inside) {
        if inside.is_none() {
            *inside = reader.served();
        }
        check!(inside.is_some(), "a reader was never served");
    }
    drop((held, inside));
    check!(lock.try_write().is_some(), "it stays taken");
    Verdict::kept()
}

fn a_woken_writer_that_is_dropped<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let held = now(lock.read());
    let writer = queued(lock.write());
    let mut reader = Polled::new(lock.read());
    let inside = reader.poll();
    drop(held);
    drop(writer);
    if inside.is_none() {
        check!(reader.served().is_some(), "a reader was never served");
    }
    drop(inside);
    check!(lock.try_write().is_some(), "it stays taken");
    Verdict::kept()
}

fn a_parked_reader<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let held = now(lock.write());
    let _parked = queued(lock.read());
    let mut writer = queued(lock.write());
    drop(held);
    std::thread::sleep(std::time::Duration::from_millis(3));
    let mut looks = Looks::new();
    loop {
        drop(lock.try_read());
        drop(lock.try_write());
        if writer.task.woken() > 0 && writer.poll().is_some() {
            return Verdict::kept();
        }
        check!(looks.again(), "the writer is never served");
    }
}

fn a_parked_reader_and_one_that_leaves<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    let held = now(lock.write());
    let _parked = queued(lock.read());
    let mut reader = queued(lock.read());
    let mut writer = queued(lock.write());
    drop(held);
    let guard = reader.served();
    check!(guard.is_some(), "the second reader was never served");
    std::thread::sleep(std::time::Duration::from_millis(3));
    drop(guard);
    check!(writer.served().is_some(), "the writer is never served");
    Verdict::kept()
}

fn a_panicking_owner<L: AsyncRwLock>() -> Verdict {
    let lock = L::new(0);
    for writes in [false, true] {
        let mut reader = (!writes).then(|| now(lock.read()));
        let mut writer = writes.then(|| now(lock.write()));
        let mut waiter = queued(lock.write());
        let panicked = panics(|| {
            let _guards = (reader.take(), writer.take());
            panic!("owner");
        });
        assert!(panicked);
        check!(waiter.served().is_some(), "the waiter was never served");
    }
    Verdict::kept()
}
