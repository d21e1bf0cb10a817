//! Several locks at once, polled by hand.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_sync::lock_all::{LockSet, lock_all_blocking};
use async_sync::mutex::{Barging, Fifo, RawMutex};
use async_sync::{Locker, Mutex, Semaphore, lock_all, lock_all_backing_off, try_lock_all};
use support::{Polled, VirtualTime, queued};

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .expect("a text")
}

/// Locks something through the trait, whatever it is.
fn as_locker<L: Locker>(lock: &L) {
    let guard = Polled::new(Locker::lock(lock)).ready();
    assert!(Locker::try_lock(lock).is_none());
    let mut second = queued(Locker::lock(lock));
    drop(guard);
    assert!(second.woken());
    drop(second.ready());
    queued_and_dropped(lock);
    assert!(Locker::try_lock(lock).is_some());
    assert_eq!(lock.id(), Locker::id(&lock), "a reference is the same lock");
}

fn queued_and_dropped<L: Locker>(lock: &L) {
    let _guard = Locker::try_lock(lock);
    drop(queued(Locker::lock(lock)));
}

#[test]
fn every_lock_is_a_locker() {
    let _time = VirtualTime::start();
    as_locker(&Mutex::new(1));
    as_locker(&Mutex::<_, Fifo>::with_policy(1));
    as_locker(&Mutex::<_, Barging>::with_policy(1));
    as_locker(&RawMutex::<Fifo>::new());
    as_locker(&Semaphore::new(1));
    as_locker(&&Mutex::new(1));
    as_locker(&Arc::new(Mutex::new(1)));
    let unsized_value: &Mutex<[i32]> = &Mutex::new([1, 2]);
    as_locker(&unsized_value);
    let shared = Arc::new(RawMutex::<Fifo>::new());
    assert_eq!(shared.id(), (*shared).id());
    assert_ne!(shared.id(), RawMutex::<Fifo>::new().id());
}

#[test]
fn a_semaphore_that_cannot_be_had_is_no_lock() {
    let closed = Semaphore::new(1);
    closed.close();
    assert!(Locker::try_lock(&closed).is_none());
    for broken in [closed, Semaphore::new(0)] {
        let mut lock = Polled::new(Locker::lock(&broken));
        let panic = catch_unwind(AssertUnwindSafe(|| lock.pending_or_ready())).unwrap_err();
        assert!(message(&*panic).contains("cannot be had"));
    }
}

#[test]
fn a_tuple_of_different_locks() {
    let _time = VirtualTime::start();
    let (a, b) = (Mutex::new(1), Mutex::<_, Fifo>::with_policy("b"));
    let (c, d) = (RawMutex::<Barging>::new(), Semaphore::new(2));
    let (mut one, two, _three, four) = Polled::new(lock_all((&a, &b, &c, &d))).ready();
    *one += 1;
    assert_eq!((*one, *two, four.count()), (2, "b", 1));
    assert!(a.is_locked() && b.is_locked() && c.is_locked());
    assert_eq!(d.available(), 1);
    drop((one, two, _three, four));
    assert!(!a.is_locked() && !b.is_locked() && !c.is_locked());
    assert_eq!(d.available(), 2);
}

#[test]
fn guards_come_in_the_order_of_the_set() {
    let locks: Vec<_> = (0..20).map(Mutex::new).collect();
    let order = [3, 19, 0, 7, 12];
    let values = order.map(|i| &locks[i]);
    let guards = Polled::new(lock_all(values)).ready();
    assert_eq!(guards.each_ref().map(|g| **g), order);
    drop(guards);
    let picked: Vec<&Mutex<usize>> = [9, 4, 11, 2, 18, 1, 5, 6, 3, 10].map(|i| &locks[i]).into();
    let guards = Polled::new(lock_all(&picked)).ready();
    let got: Vec<_> = guards.iter().map(|g| **g).collect();
    assert_eq!(got, [9, 4, 11, 2, 18, 1, 5, 6, 3, 10]);
    drop(guards);
    let guards = Polled::new(lock_all_backing_off(picked.as_slice())).ready();
    assert_eq!(guards.iter().map(|g| **g).collect::<Vec<_>>(), got);
    drop(guards);
    let guards = try_lock_all(&locks).unwrap();
    assert!(guards.iter().enumerate().all(|(i, g)| **g == i));
    drop(guards);
    let eight: &[Mutex<usize>; 8] = locks[..8].try_into().unwrap();
    let [a, b, c, d, e, f, g, h] = eight;
    let guards = Polled::new(lock_all((h, g, f, e, d, c, b, a))).ready();
    assert_eq!((*guards.0, *guards.3, *guards.7), (7, 4, 0));
    drop(guards);
    let guards = lock_all_blocking(eight);
    assert_eq!(guards.map(|g| *g), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn an_empty_set_is_ready() {
    let none: [&Mutex<()>; 0] = [];
    assert_eq!(Polled::new(lock_all(none)).ready().len(), 0);
    assert_eq!(Polled::new(lock_all_backing_off(none)).ready().len(), 0);
    assert!(try_lock_all(none).is_some());
    let none: &[Mutex<()>] = &[];
    assert!(Polled::new(lock_all(none)).ready().is_empty());
}

#[test]
fn locks_are_taken_by_address_whatever_the_set_says() {
    let _time = VirtualTime::start();
    let locks = [const { RawMutex::<Fifo>::new() }; 3];
    let [a, b, c] = &locks;
    let last = Locker::try_lock(c).unwrap();
    for set in [[c, a, b], [b, c, a], [a, b, c]] {
        let mut all = queued(lock_all(set));
        assert!(a.is_locked() && b.is_locked(), "taken before the busy one");
        drop(Locker::try_lock(a));
        all.pending();
    }
    let mut all = queued(lock_all((c, b, a)));
    assert!(format!("{:?}", all.future).contains("held"));
    drop(last);
    assert!(all.woken());
    let guards = all.ready();
    assert!(locks.iter().all(RawMutex::is_locked));
    drop(guards);
    // The other way round: the first is busy, and nothing else is held meanwhile.
    let first = Locker::try_lock(a).unwrap();
    let mut all = queued(lock_all((c, b, a)));
    assert!(!b.is_locked() && !c.is_locked());
    drop(first);
    drop(all.ready());
    assert!(!locks.iter().any(RawMutex::is_locked));
}

#[test]
fn backing_off_holds_nothing_while_it_waits() {
    let _time = VirtualTime::start();
    let locks = [const { RawMutex::<Fifo>::new() }; 3];
    let [a, b, c] = &locks;
    let busy = Locker::try_lock(c).unwrap();
    let mut all = queued(lock_all_backing_off([a, b, c]));
    assert!(!a.is_locked() && !b.is_locked());
    assert_eq!(c.waiters(), 1, "it waits for the busy one");
    let other = Locker::try_lock(b).unwrap();
    drop(busy);
    assert!(all.woken());
    all.pending();
    assert!(!c.is_locked(), "given up again");
    assert_eq!((b.waiters(), c.waiters()), (1, 0), "now that one is busy");
    drop(other);
    drop(all.ready());
    assert!(!locks.iter().any(RawMutex::is_locked));
}

/// Loses as often as it takes, and then queues in order, so that it cannot lose any more.
#[test]
fn backing_off_comes_to_an_end() {
    let _time = VirtualTime::start();
    let locks = [const { RawMutex::<Fifo>::new() }; 2];
    let [a, b] = &locks;
    let mut held = Locker::try_lock(a).unwrap();
    let mut all = queued(lock_all_backing_off([a, b]));
    let mut losses = 0;
    // Whatever it waits for, the other one is busy when it comes.
    while a.waiters() + b.waiters() == 1 && losses < 20 {
        let next = if a.waiters() == 1 { b } else { a };
        let Some(guard) = Locker::try_lock(next) else {
            break; // it holds one while it waits: it takes them in order
        };
        held = guard;
        all.pending();
        losses += 1;
    }
    // Eight, and once the other one was taken while it waited for the first in order.
    assert_eq!(losses, 9);
    assert!(a.is_locked() && b.is_locked());
    drop(held);
    drop(all.ready());
    assert!(!a.is_locked() && !b.is_locked());
}

#[test]
fn all_or_nothing() {
    let _time = VirtualTime::start();
    let locks = [const { Mutex::new(()) }; 3];
    for busy in &locks {
        let guard = busy.try_lock().unwrap();
        assert!(try_lock_all(&locks).is_none());
        assert_eq!(locks.iter().filter(|lock| lock.is_locked()).count(), 1);
        drop(guard);
    }
    assert!(try_lock_all(&locks).is_some());
}

#[test]
fn the_same_lock_twice_is_a_panic_before_anything_is_taken() {
    let locks = [const { Mutex::new(()) }; 12];
    let same = |set: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(set)).unwrap_err();
        assert!(
            message(&*panic).starts_with("lock_all: numbers 0 and 2 of the set are the same lock"),
            "{}",
            message(&*panic)
        );
        assert!(!locks.iter().any(Mutex::is_locked));
    };
    let [a, b, c, rest @ ..] = &locks;
    same(&|| drop(lock_all((a, b, a, c))));
    same(&|| drop(lock_all([c, b, c])));
    same(&|| drop(lock_all_backing_off((b, a, b))));
    same(&|| drop(try_lock_all((c, a, c))));
    let mut many: Vec<&Mutex<()>> = rest.iter().collect();
    many[2] = many[0];
    assert!(many.len() > 8);
    same(&|| drop(lock_all(&many)));
    let shared = Arc::new(Mutex::new(()));
    same(&|| drop(lock_all((&shared, a, &*shared))));
}

#[test]
fn locks_in_one_struct_are_different() {
    struct Pair {
        a: RawMutex,
        inner: Mutex<Mutex<()>>,
    }
    let pair = Pair {
        a: RawMutex::new(),
        inner: Mutex::new(Mutex::new(())),
    };
    let outer = Polled::new(lock_all((&pair.inner, &pair.a))).ready();
    assert!(try_lock_all((&*outer.0, &RawMutex::<Fifo>::new())).is_some());
    assert_ne!(outer.0.id(), pair.inner.id());
}

#[test]
fn a_future_that_was_not_polled_has_no_effect() {
    let locks = [const { Mutex::new(()) }; 2];
    let all = lock_all(&locks);
    let other = lock_all_backing_off(&locks);
    assert!(try_lock_all(&locks).is_some());
    drop((all, other));
    assert!(try_lock_all(&locks).is_some());
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn polled_after_completion() {
    let locks = [const { Mutex::new(()) }; 2];
    let mut all = Polled::new(lock_all(&locks));
    drop(all.ready());
    let _ = all.poll();
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn backing_off_polled_after_completion() {
    let locks = [const { Mutex::new(()) }; 2];
    let mut all = Polled::new(lock_all_backing_off(&locks));
    drop(all.ready());
    let _ = all.poll();
}

/// Every point at which a future can be dropped: `n` polls, with one more lock free before each.
fn drop_everywhere<'a, S: LockSet, F: Future<Output = S::Guards>>(
    locks: &'a [RawMutex<Fifo>],
    all: impl Fn(&'a [RawMutex<Fifo>]) -> F,
) {
    for free_from_the_end in [false, true] {
        for polls in 0..=locks.len() + 1 {
            let mut held: Vec<_> = locks.iter().map(|l| Locker::try_lock(l).unwrap()).collect();
            if free_from_the_end {
                held.reverse();
            }
            // Somebody behind, who must not be stranded.
            let mut future = Polled::new(all(locks));
            for poll in 0..polls {
                if let std::task::Poll::Ready(guards) = future.poll() {
                    assert_eq!(poll, locks.len());
                    drop(guards);
                    break;
                }
                future.pending_or_ready(); // spurious
                drop(held.pop());
            }
            let mut behind: Vec<_> = locks.iter().map(|l| Polled::new(Locker::lock(l))).collect();
            let ready: Vec<_> = behind.iter_mut().map(|b| b.poll().is_ready()).collect();
            drop(future);
            drop(held);
            for (lock, was_ready) in behind.iter_mut().zip(ready) {
                if !was_ready {
                    assert!(lock.woken(), "stranded after {polls} polls");
                    drop(lock.ready());
                }
            }
            drop(behind);
            for lock in locks {
                assert!(!lock.is_locked() && lock.waiters() == 0, "{polls} polls");
            }
        }
    }
}

#[test]
fn dropped_everywhere() {
    let _time = VirtualTime::start();
    let locks = [const { RawMutex::<Fifo>::new() }; 4];
    drop_everywhere::<&[RawMutex<Fifo>], _>(&locks, lock_all);
    drop_everywhere::<&[RawMutex<Fifo>], _>(&locks, lock_all_backing_off);
    type Four<'a> = &'a [RawMutex<Fifo>; 4];
    drop_everywhere::<Four<'_>, _>(&locks, |l| lock_all(Four::try_from(l).unwrap()));
    drop_everywhere::<Four<'_>, _>(&locks, |l| lock_all_backing_off(Four::try_from(l).unwrap()));
    type M = RawMutex<Fifo>;
    drop_everywhere::<(&M, &M, &M, &M), _>(&locks, |l| lock_all((&l[2], &l[0], &l[3], &l[1])));
}

/// Given up by a future that is dropped: first its place in a queue, then its locks, the last taken
/// first. Who is woken by one of them finds that nothing later is held or waited for.
#[test]
fn released_in_reverse_order() {
    let _time = VirtualTime::start();
    /// Notes when its lock is released.
    struct Noting<'a>(&'a std::cell::RefCell<Vec<usize>>, usize, RawMutex<Fifo>);
    struct Note<'a>(&'a Noting<'a>);
    impl Drop for Note<'_> {
        fn drop(&mut self) {
            self.0.0.borrow_mut().push(self.0.1);
            self.0.2.unlock();
        }
    }
    /// Notes when its place in the queue is given up.
    struct Queued<'a>(&'a Noting<'a>);
    impl Drop for Queued<'_> {
        fn drop(&mut self) {
            self.0.0.borrow_mut().push(self.0.1 + 10);
        }
    }
    impl<'n> Locker for Noting<'n> {
        type Guard<'a>
            = Note<'a>
        where
            Self: 'a;
        type Lock<'a>
            = std::pin::Pin<Box<dyn Future<Output = Note<'a>> + 'a>>
        where
            Self: 'a;
        fn lock(&self) -> Self::Lock<'_> {
            Box::pin(async {
                let queued = Queued(self);
                self.2.lock().await;
                std::mem::forget(queued);
                Note(self)
            })
        }
        fn try_lock(&self) -> Option<Note<'_>> {
            self.2.try_lock().then_some(Note(self))
        }
        fn id(&self) -> usize {
            self.2.id()
        }
    }
    let log = std::cell::RefCell::default();
    let locks = [0, 1, 2, 3].map(|i| Noting(&log, i, RawMutex::new()));
    let busy = Locker::try_lock(&locks[3].2).unwrap();
    for round in 0..2 {
        let all = queued(lock_all([&locks[2], &locks[0], &locks[3], &locks[1]]));
        assert!(log.borrow().is_empty());
        drop(all);
        assert_eq!(log.take(), [13, 2, 1, 0], "round {round}");
        let all = queued(lock_all(&locks[..]));
        drop(all);
        assert_eq!(log.take(), [13, 2, 1, 0], "round {round}, a slice");
    }
    drop(busy);
}

/// A task behind one that waits for all is served when that one gives up.
#[test]
fn who_gives_up_passes_on() {
    let _time = VirtualTime::start();
    let locks = [const { Mutex::<(), Fifo>::with_policy(()) }; 2];
    let [a, b] = &locks;
    let busy = b.try_lock().unwrap();
    let all = queued(lock_all((b, a)));
    let mut behind_a = queued(a.lock());
    let mut behind_b = queued(b.lock());
    drop(all);
    assert!(behind_a.woken());
    drop(behind_a.ready());
    drop(busy);
    drop(behind_b.ready());
}

/// The two sides of a reader-writer lock are lockers, and one lock.
#[test]
fn sides_of_a_reader_writer_lock() {
    use async_sync::{Locker, RwLock};

    let (a, b) = (RwLock::new(1), RwLock::new(2));
    let (reading, mutex) = (b.read_locker(), async_sync::Mutex::new(3));
    assert_eq!(Locker::id(&reading), Locker::id(&b));
    let (w, r, m) = Polled::new(async_sync::lock_all((&a, &reading, &mutex))).ready();
    assert_eq!((*w, *r, *m), (1, 2, 3));
    assert!(a.is_write_locked() && b.reader_count() == 1 && mutex.is_locked());
    drop((w, r, m));
    let twice = || drop(async_sync::try_lock_all((&b, &reading)));
    let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(twice));
    assert!(twice.is_err());
    assert!(a.try_write().is_some() && b.try_write().is_some());
}
