//! ResourcePool: a manager that keeps books, futures polled by hand, and a `Vec` of numbers as the oracle.

mod support;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use async_sync::resource_pool::{GetError, Lease, LeaseIn, Manager, TryGetError, Usage};
use async_sync::{AutoEvent, Event, ResourcePool};
use runtime::Timer;
use support::{Polled, queued};

/// Numbers for resources, and a record of which are open. What it is told, it does.
#[derive(Default)]
struct Books {
    next: AtomicU32,
    open: Mutex<BTreeSet<u32>>,
    most: AtomicUsize,
    closed: Mutex<Vec<u32>>,
    checks: AtomicUsize,
    /// The next creations fail, panic, wait.
    fail: AtomicUsize,
    panic: AtomicUsize,
    slow: Mutex<Option<Arc<AutoEvent>>>,
    /// Checks of these fail; all checks wait.
    bad: Mutex<BTreeSet<u32>>,
    slow_check: Mutex<Option<Arc<AutoEvent>>>,
    close_panics: AtomicUsize,
}

fn count_down(counter: &AtomicUsize) -> bool {
    counter
        .fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

impl Manager for Books {
    type Resource = u32;
    type Error = &'static str;

    async fn create(&self) -> Result<u32, &'static str> {
        let slow = self.slow.lock().unwrap().clone();
        if let Some(door) = slow {
            door.wait().await;
        }
        assert!(!count_down(&self.panic), "create panics");
        if count_down(&self.fail) {
            return Err("refused");
        }
        let n = self.next.fetch_add(1, SeqCst);
        let mut open = self.open.lock().unwrap();
        open.insert(n);
        self.most.fetch_max(open.len(), SeqCst);
        Ok(n)
    }

    async fn check(&self, n: &mut u32, _: &Usage) -> Result<(), &'static str> {
        self.checks.fetch_add(1, SeqCst);
        let slow = self.slow_check.lock().unwrap().clone();
        if let Some(door) = slow {
            door.wait().await;
        }
        if self.bad.lock().unwrap().contains(n) {
            return Err("stale");
        }
        Ok(())
    }

    fn close(&self, n: u32) {
        assert!(self.open.lock().unwrap().remove(&n), "closed twice");
        self.closed.lock().unwrap().push(n);
        assert!(!count_down(&self.close_panics), "close panics");
    }
}

impl Books {
    fn open(&self) -> usize {
        self.open.lock().unwrap().len()
    }

    fn closed(&self) -> Vec<u32> {
        self.closed.lock().unwrap().clone()
    }
}

type Pool = ResourcePool<Arc<Books>>;

fn pool(max: usize) -> (Arc<Books>, Pool) {
    let books = Arc::new(Books::default());
    (Arc::clone(&books), ResourcePool::new(books, max))
}

fn get(pool: &Pool) -> Lease<'_, Arc<Books>> {
    Polled::new(pool.get()).ready().expect("a resource")
}

/// Nothing is lent, and the numbers agree with the books.
#[track_caller]
fn check_idle(books: &Books, pool: &Pool, idle: usize) {
    let status = pool.status();
    assert_eq!((status.idle, status.size), (idle, idle), "{status:?}");
    assert_eq!(
        (status.waiters, status.in_use(), books.open()),
        (0, 0, idle)
    );
    assert!(books.most.load(SeqCst) <= status.max);
    if !status.is_closed {
        // All places are free.
        let all: Vec<_> = (0..status.max).map(|_| get(pool)).collect();
        assert_eq!(pool.status().in_use(), status.max);
        assert_eq!(pool.try_get().unwrap_err(), TryGetError::Empty);
        for lease in all {
            let _ = LeaseIn::take(lease);
        }
        assert_eq!(pool.status().size, 0);
    }
}

/// S64: what came back last is lent first.
#[test]
fn last_in_first_out() {
    let (books, pool) = pool(3);
    assert_eq!(pool.try_get().unwrap_err(), TryGetError::Empty, "none yet");
    let (a, b, c) = (get(&pool), get(&pool), get(&pool));
    assert_eq!((*a, *b, *c), (0, 1, 2));
    drop(b);
    drop(c);
    drop(a);
    assert_eq!(pool.status().idle, 3);
    let (first, second) = (get(&pool), pool.try_get().unwrap());
    assert_eq!((*first, *second), (0, 2));
    assert_eq!(LeaseIn::usage(&first).lent, 2);
    assert_eq!(books.checks.load(SeqCst), 1, "not by try_get");
    drop(second);
    drop(first);
    assert_eq!(pool.status().created, 3);
    check_idle(&books, &pool, 3);
}

#[test]
fn first_come_first_served() {
    let (books, pool) = pool(1);
    let lease = get(&pool);
    let mut first = queued(pool.get());
    let mut second = queued(pool.get());
    assert_eq!(pool.status().waiters, 2);
    drop(lease);
    assert!(first.woken() && !second.woken());
    assert_eq!(
        pool.try_get().unwrap_err(),
        TryGetError::Empty,
        "no barging"
    );
    let lease = first.ready().unwrap();
    assert_eq!(*lease, 0, "the same one");
    drop(lease);
    drop(second.ready().unwrap());
    drop((first, second));
    check_idle(&books, &pool, 1);
}

/// S64: what is unusable is closed; so is what is beyond the idle limit.
#[test]
fn what_is_not_kept_is_closed() {
    let books = Arc::new(Books::default());
    let pool = ResourcePool::builder(Arc::clone(&books))
        .max(3)
        .max_idle(1)
        .build();
    let (mut a, b, c) = (get(&pool), get(&pool), get(&pool));
    LeaseIn::mark_unusable(&mut a);
    drop(a);
    assert_eq!(
        (books.closed(), pool.status().idle, pool.status().size),
        (vec![0], 0, 2)
    );
    drop(b);
    drop(c);
    assert_eq!((books.closed(), pool.status().idle), (vec![0, 2], 1));
    let taken = LeaseIn::take(get(&pool));
    assert_eq!(
        (taken, pool.status().size, books.open()),
        (1, 0, 1),
        "it is ours"
    );
    books.open.lock().unwrap().clear();
    check_idle(&books, &pool, 0);
}

/// A check that fails closes the resource, and looks at the next; with none left, one is created.
#[test]
fn what_fails_its_check_is_closed() {
    let (books, pool) = pool(3);
    drop((get(&pool), get(&pool), get(&pool)));
    books.bad.lock().unwrap().extend([2, 1]);
    let lease = get(&pool);
    assert_eq!((*lease, books.closed()), (0, vec![2, 1]));
    drop(lease);
    books.bad.lock().unwrap().insert(0);
    let lease = get(&pool);
    assert_eq!((*lease, pool.status().size), (3, 1));
    drop(lease);
    check_idle(&books, &pool, 1);
}

#[test]
fn a_failure_to_create_gives_the_place_to_the_next() {
    let (books, pool) = pool(1);
    let door = Arc::new(AutoEvent::new());
    *books.slow.lock().unwrap() = Some(Arc::clone(&door));
    books.fail.store(1, SeqCst);
    let mut first = queued(pool.get());
    let mut second = queued(pool.get());
    assert_eq!((pool.status().size, pool.status().waiters), (1, 1));
    door.set();
    assert_eq!(first.ready().unwrap_err(), GetError::Create("refused"));
    assert!(second.woken(), "the next in line tries for itself");
    second.pending();
    door.set();
    assert_eq!(*second.ready().unwrap(), 0);
    drop((first, second));
    *books.slow.lock().unwrap() = None;
    check_idle(&books, &pool, 1);
}

/// A `get` that is dropped before its first poll, while it waits, when its turn has come, while it
/// creates, and while it checks. The one behind it always gets the place.
#[test]
fn dropped_at_every_moment() {
    for moment in 0..5 {
        let (books, pool) = pool(1);
        let door = Arc::new(AutoEvent::new());
        if moment == 4 {
            drop(get(&pool));
            *books.slow_check.lock().unwrap() = Some(Arc::clone(&door));
        } else if moment == 3 {
            *books.slow.lock().unwrap() = Some(Arc::clone(&door));
        }
        let holder = (moment < 3).then(|| get(&pool));
        let mut leaver = Polled::new(pool.get());
        if moment > 0 {
            leaver.pending();
        }
        let mut next = queued(pool.get());
        if moment == 2 {
            drop(holder);
            assert!(leaver.woken() && !next.woken());
            drop(leaver);
        } else {
            drop(leaver);
            drop(holder);
        }
        assert!(next.woken(), "moment {moment}");
        *books.slow.lock().unwrap() = None;
        *books.slow_check.lock().unwrap() = None;
        let lease = next.ready().unwrap();
        // A check that was cut short closes the resource.
        assert_eq!(books.closed().len(), usize::from(moment == 4));
        drop((lease, next));
        check_idle(&books, &pool, 1);
    }
}

#[test]
fn a_panic_loses_nothing() {
    let (books, pool) = pool(1);
    books.panic.store(1, SeqCst);
    let mut panics = Polled::new(pool.get());
    assert!(catch_unwind(AssertUnwindSafe(|| panics.pending())).is_err());
    let lease = get(&pool);
    assert_eq!(pool.status().size, 1);

    // The closing panics: the place is free all the same, and the waiter has it.
    let mut waits = queued(pool.get());
    books.close_panics.store(1, SeqCst);
    assert!(
        catch_unwind(AssertUnwindSafe(|| {
            let mut lease = lease;
            LeaseIn::mark_unusable(&mut lease);
        }))
        .is_err()
    );
    assert_eq!(*waits.ready().unwrap(), 1);
    drop((panics, waits));
    check_idle(&books, &pool, 1);
}

#[test]
fn closing() {
    let (books, pool) = pool(2);
    let (lent, idle) = (get(&pool), get(&pool));
    let mut waits = queued(pool.get());
    drop(idle);
    drop(waits.ready().unwrap());
    let mut closed = queued(pool.closed());
    let (third, waits) = (get(&pool), queued(pool.get()));
    drop(third);
    let granted = waits; // its turn has come, and it has not been polled
    let mut waits = queued(pool.get());
    pool.close();
    assert!(pool.is_closed());
    assert_eq!(books.open(), 1, "what is idle is closed");
    assert_eq!(waits.ready().unwrap_err(), GetError::Closed);
    let mut granted = granted;
    assert_eq!(
        granted.ready().unwrap_err(),
        GetError::Closed,
        "nothing is created"
    );
    assert_eq!(pool.try_get().unwrap_err(), TryGetError::Closed);
    assert_eq!(
        Polled::new(pool.get()).ready().unwrap_err(),
        GetError::Closed
    );
    closed.pending();
    drop(lent);
    assert!(closed.woken());
    closed.ready();
    drop((waits, granted, closed));
    check_idle(&books, &pool, 0);
    pool.close(); // once more
    assert_eq!(
        GetError::<&str>::Closed.to_string(),
        "the resource pool is closed"
    );
}

/// Looks at its pool whenever it closes something.
#[derive(Default)]
struct Watches {
    pool: OnceLock<Weak<ResourcePool<Watches>>>,
    sizes: Mutex<Vec<usize>>,
}

impl Manager for Watches {
    type Resource = ();
    type Error = ();

    async fn create(&self) -> Result<(), ()> {
        Ok(())
    }

    fn close(&self, (): ()) {
        let pool = self.pool.get().and_then(Weak::upgrade).expect("a pool");
        Polled::new(pool.closed()).pending();
        self.sizes.lock().unwrap().push(pool.status().size);
    }
}

/// A resource counts until it has been closed: no other takes its place before, nor is the pool gone.
#[test]
fn what_is_being_closed_counts() {
    let pool = Arc::new(ResourcePool::new(Watches::default(), 2));
    pool.manager().pool.set(Arc::downgrade(&pool)).unwrap();
    let (mut one, two) = (pool.get_blocking().unwrap(), pool.get_blocking().unwrap());
    LeaseIn::mark_unusable(&mut one);
    drop(one);
    drop(two);
    pool.close();
    assert_eq!(*pool.manager().sizes.lock().unwrap(), [2, 1]);
    assert_eq!(pool.status().size, 0);
    Polled::new(pool.closed()).ready();
}

/// The pool is closed while a resource is created: it is closed, not lent.
#[test]
fn closed_while_it_creates() {
    let (books, pool) = pool(1);
    let door = Arc::new(AutoEvent::new());
    *books.slow.lock().unwrap() = Some(Arc::clone(&door));
    let mut creates = queued(pool.get());
    pool.close();
    let mut closed = queued(pool.closed());
    door.set();
    assert_eq!(creates.ready().unwrap_err(), GetError::Closed);
    closed.ready();
    assert_eq!((books.closed(), books.open()), (vec![0], 0));
}

/// The same while one is checked.
#[test]
fn closed_while_it_checks() {
    let (books, pool) = pool(1);
    drop(get(&pool));
    let door = Arc::new(AutoEvent::new());
    *books.slow_check.lock().unwrap() = Some(Arc::clone(&door));
    let mut checks = queued(pool.get());
    pool.close();
    let mut closed = queued(pool.closed());
    door.set();
    assert_eq!(checks.ready().unwrap_err(), GetError::Closed);
    closed.ready();
    assert_eq!((books.closed(), books.open()), (vec![0], 0));
}

#[test]
fn closing_closes_all_even_if_one_panics() {
    let (books, pool) = pool(3);
    let all = [get(&pool), get(&pool), get(&pool)];
    drop(all);
    books.close_panics.store(1, SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| pool.close())).is_err());
    assert_eq!((books.open(), pool.status().size), (0, 0));
    assert_eq!(
        Polled::new(pool.get()).ready().unwrap_err(),
        GetError::Closed
    );
}

#[test]
fn dropping_the_pool_closes_what_is_idle() {
    let (books, pool) = pool(2);
    drop([get(&pool), get(&pool)]);
    drop(pool);
    assert_eq!(books.open(), 0);
    let shared = Arc::new(ResourcePool::new(Arc::clone(&books), 2));
    let lease = Polled::new(Arc::clone(&shared).get_owned())
        .ready()
        .unwrap();
    assert!(Arc::clone(&shared).try_get_owned().is_err());
    drop(shared);
    assert_eq!(books.open(), 1, "a lease keeps its pool");
    drop(lease);
    assert_eq!(books.open(), 0);
}

/// A clock that the test moves.
#[derive(Clone)]
struct Hand(Arc<Mutex<Instant>>);

impl Timer for Hand {
    type Sleep = std::future::Pending<()>;
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
    fn sleep_until(&self, _: Instant) -> Self::Sleep {
        std::future::pending()
    }
}

impl Hand {
    fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

#[test]
fn limits_of_age() {
    let (books, clock) = (
        Arc::new(Books::default()),
        Hand(Arc::new(Mutex::new(Instant::now()))),
    );
    let pool = ResourcePool::builder(Arc::clone(&books))
        .max(4)
        .idle_limit(Duration::from_secs(10))
        .life_limit(Duration::from_secs(100))
        .timer(&clock)
        .build();
    let (a, b) = (get(&pool), get(&pool));
    drop(a);
    clock.advance(9);
    drop(b);
    clock.advance(9);
    // 0 has been idle for 18 s, 1 for 9 s.
    let lease = get(&pool);
    assert_eq!((*lease, books.closed()), (1, vec![]));
    assert_eq!(
        LeaseIn::usage(&lease).idle_since.map(|t| clock.now() - t),
        Some(Duration::from_secs(9))
    );
    let other = get(&pool);
    assert_eq!((*other, books.closed()), (2, vec![0]), "too old");
    drop(other);
    clock.advance(10);
    assert_eq!(
        pool.try_get().unwrap_err(),
        TryGetError::Empty,
        "exactly the limit"
    );
    assert_eq!(books.closed(), [0, 2]);
    // 1 is lent, however old it gets; it does not come back.
    clock.advance(72);
    drop(lease);
    assert_eq!(books.closed(), [0, 2, 1]);

    let all = [get(&pool), get(&pool), get(&pool)];
    drop(all);
    clock.advance(5);
    drop(get(&pool));
    clock.advance(5);
    assert_eq!((pool.reap(), pool.reap()), (2, 0));
    check_idle(&books, &pool, 1);
}

/// A clock that panics, whenever it is asked: nothing is lost, and nothing stays open.
#[test]
fn a_clock_that_panics() {
    #[derive(Clone)]
    struct Broken(Arc<AtomicUsize>, Instant);
    impl Timer for Broken {
        type Sleep = std::future::Pending<()>;
        fn now(&self) -> Instant {
            assert!(!count_down(&self.0), "the clock's own");
            self.1
        }
        fn sleep_until(&self, _: Instant) -> Self::Sleep {
            std::future::pending()
        }
    }
    let clock = Broken(Arc::default(), Instant::now());
    let books = Arc::new(Books::default());
    let pool = ResourcePool::builder(Arc::clone(&books))
        .max(1)
        .idle_limit(Duration::from_secs(1))
        .timer(&clock)
        .build();
    let panics = |f: &dyn Fn()| {
        clock.0.store(1, SeqCst);
        assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
        assert_eq!(clock.0.load(SeqCst), 0);
    };
    panics(&|| Polled::new(pool.get()).pending()); // before the creation
    assert_eq!((books.open(), pool.status().size), (0, 0));
    let lease = std::cell::Cell::new(Some(get(&pool)));
    panics(&|| drop(lease.take())); // when it comes back
    assert_eq!((books.open(), pool.status().size), (0, 0));
    drop(get(&pool));
    panics(&|| Polled::new(pool.get()).pending()); // before the check
    assert_eq!((books.open(), pool.status().size), (0, 0));
    drop(get(&pool));
    panics(&|| drop(pool.try_get()));
    drop(get(&pool));
    panics(&|| assert_eq!(pool.reap(), 0));
    check_idle(&books, &pool, 1);
}

#[test]
fn filling_and_maintaining() {
    let (books, clock) = (
        Arc::new(Books::default()),
        Hand(Arc::new(Mutex::new(Instant::now()))),
    );
    let pool = ResourcePool::builder(Arc::clone(&books))
        .max(3)
        .min_idle(2)
        .idle_limit(Duration::from_secs(10))
        .timer(&clock)
        .build();
    let lent = get(&pool);
    assert_eq!(Polled::new(pool.fill()).ready(), Ok(2));
    assert_eq!((pool.status().size, pool.status().idle), (3, 2));
    assert_eq!(Polled::new(pool.fill()).ready(), Ok(0));
    drop(get(&pool));
    clock.advance(10);
    assert_eq!(Polled::new(pool.maintain()).ready(), Ok(()));
    assert_eq!((books.closed(), pool.status().idle), (vec![1, 2], 2));
    // All places are lent: nothing is created beyond the limit.
    let (b, c) = (get(&pool), get(&pool));
    assert_eq!(Polled::new(pool.fill()).ready(), Ok(0));
    drop((lent, b, c));
    pool.retain(|_, _| false);
    books.fail.store(1, SeqCst);
    assert_eq!(Polled::new(pool.fill()).ready(), Err("refused"));
    // Dropped while it creates.
    let door = Arc::new(AutoEvent::new());
    *books.slow.lock().unwrap() = Some(door);
    drop(queued(pool.fill()));
    *books.slow.lock().unwrap() = None;
    pool.close();
    assert_eq!(
        Polled::new(pool.fill()).ready(),
        Ok(0),
        "nothing comes into a closed pool"
    );
    check_idle(&books, &pool, 0);
}

/// With one lent and one idle of two, and a minimum of two idle ones, a third is not created.
#[test]
fn filling_respects_the_maximum() {
    let books = Arc::new(Books::default());
    let pool = ResourcePool::builder(Arc::clone(&books))
        .max(3)
        .min_idle(3)
        .build();
    let (lent, idle) = (get(&pool), get(&pool));
    drop(idle);
    assert_eq!(Polled::new(pool.fill()).ready(), Ok(1));
    assert_eq!((books.open(), pool.status().size), (3, 3));
    drop(lent);
    check_idle(&books, &pool, 3);
}

#[test]
fn retaining_keeps_the_order() {
    let (books, pool) = pool(5);
    let all: Vec<_> = (0..5).map(|_| get(&pool)).collect();
    all.into_iter().for_each(drop);
    let mut seen = Vec::new();
    let closed = pool.retain(|n, usage| {
        assert_eq!(usage.lent, 1);
        seen.push(*n);
        *n % 2 == 0
    });
    assert_eq!((closed, seen), (2, vec![0, 1, 2, 3, 4]));
    assert_eq!(books.closed(), [1, 3]);
    let panicked = catch_unwind(AssertUnwindSafe(|| pool.retain(|_, _| panic!("keep"))));
    assert!(panicked.is_err());
    assert_eq!(books.closed(), [1, 3, 0], "the one that was looked at");
    let order = [get(&pool), get(&pool)].map(|lease| *lease);
    assert_eq!(order, [4, 2]);
    check_idle(&books, &pool, 2);
}

#[test]
fn wrong_limits() {
    let build = |max, min_idle, max_idle| {
        catch_unwind(|| {
            let _ = ResourcePool::builder(Arc::new(Books::default()))
                .max(max)
                .min_idle(min_idle)
                .max_idle(max_idle)
                .build();
        })
    };
    assert!(build(0, 0, 1).is_err() && build(usize::MAX, 0, 1).is_err());
    assert!(build(2, 3, 9).is_err() && build(9, 3, 2).is_err());
    assert!(build(2, 2, 2).is_ok());
}

/// Sixty-four tasks share four resources; some give up, some resources break, some creations fail.
#[test]
fn a_crowd() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let (books, pool) = pool(4);
    let pool = Arc::new(pool);
    let in_use: Arc<Mutex<BTreeSet<u32>>> = Arc::default();
    let (tasks, rounds, failures) = if cfg!(miri) { (8, 5, 2) } else { (64, 50, 20) };
    books.fail.store(failures, SeqCst);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..tasks)
            .map(|task| {
                let (pool, in_use) = (Arc::clone(&pool), Arc::clone(&in_use));
                tokio::spawn(async move {
                    let mut random: u64 = task * 77 + 1;
                    for _ in 0..rounds {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let patience = Duration::from_micros(random % 2000);
                        let got = if random.is_multiple_of(3) {
                            match tokio::time::timeout(patience, pool.get()).await {
                                Ok(got) => got,
                                Err(_) => continue,
                            }
                        } else {
                            pool.get().await
                        };
                        let Ok(mut lease) = got else {
                            continue; // a creation failed
                        };
                        assert!(in_use.lock().unwrap().insert(*lease), "lent twice");
                        tokio::task::yield_now().await;
                        assert!(in_use.lock().unwrap().remove(&lease));
                        if random.is_multiple_of(7) {
                            LeaseIn::mark_unusable(&mut lease);
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let idle = pool.status().idle;
    check_idle(&books, &pool, idle);
}

#[test]
fn blocking() {
    let (books, pool) = pool(1);
    let lease = pool.get_blocking().unwrap();
    let opened = Event::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            opened.set();
            drop(pool.get_blocking().unwrap());
        });
        opened.wait_blocking();
        drop(lease);
    });
    assert!(std::ptr::eq(LeaseIn::pool(&get(&pool)), &raw const pool));
    check_idle(&books, &pool, 1);
}
