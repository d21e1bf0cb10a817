//! `select!`, `select_all`, `Select`, `SelectSet`: what one thread can bring about.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_sync::mutex::Fifo;
use async_sync::select::{Select, SelectSet, Source, maybe, once, repeat, select_all, try_select};
use async_sync::{AutoEvent, Event, Latch, Mutex, Semaphore, select};
use support::{Polled, Task, VirtualTime, queued};
use sync_core::chance;
use sync_core::park::block_on;

/// A future that is ready when it is told, counts its polls, and says when it is dropped.
#[derive(Clone, Default)]
struct Probe(Rc<Inside>);

#[derive(Default)]
struct Inside {
    is_ready: Cell<bool>,
    panics: Cell<bool>,
    polls: Cell<usize>,
    drops: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Probe {
    fn future(&self) -> ProbeFuture {
        ProbeFuture(Rc::clone(&self.0))
    }
    fn set(&self) {
        self.0.is_ready.set(true);
        self.wake();
    }
    fn wake(&self) {
        if let Some(waker) = self.0.waker.borrow().clone() {
            waker.wake();
        }
    }
    fn polls(&self) -> usize {
        self.0.polls.replace(0)
    }
    fn drops(&self) -> usize {
        self.0.drops.get()
    }
}

struct ProbeFuture(Rc<Inside>);

impl Future for ProbeFuture {
    type Output = usize;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        self.0.polls.set(self.0.polls.get() + 1);
        assert!(!self.0.panics.get(), "a case panics");
        if self.0.is_ready.get() {
            return Poll::Ready(7);
        }
        *self.0.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for ProbeFuture {
    fn drop(&mut self) {
        self.0.drops.set(self.0.drops.get() + 1);
    }
}

/// A semaphore of so many permits, all of which are out.
fn exhausted(permits: usize) -> Semaphore {
    let semaphore = Semaphore::new(permits);
    semaphore.try_acquire_many(permits).unwrap().forget();
    semaphore
}

/// Many: a thousand, or what Miri has time for.
const MANY: usize = if cfg!(miri) { 40 } else { 1000 };

fn probes(n: usize) -> Vec<Probe> {
    (0..n).map(|_| Probe::default()).collect()
}

fn all(probes: &[Probe]) -> Polled<select::SelectAll<ProbeFuture>> {
    Polled::new(select_all(probes.iter().map(Probe::future)))
}

/// Seeds this thread's chance until dropped.
struct Seed(Option<u64>);

impl Seed {
    fn set(seed: u64) -> Self {
        Seed(chance::set_seed(Some(seed)))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        chance::set_seed(self.0);
    }
}

mod dynamic {
    use super::*;

    #[test]
    fn the_one_that_is_ready_commits_and_the_others_are_dropped() {
        let probes = probes(5);
        let mut select = all(&probes);
        select.pending();
        assert!(probes.iter().all(|probe| probe.polls() == 1));
        probes[3].set();
        assert_eq!(select.task.woken(), 1);
        assert_eq!(select.ready(), (3, 7));
        assert!(probes.iter().all(|probe| probe.drops() == 1));
        assert!(catch_unwind(AssertUnwindSafe(|| select.poll())).is_err());
    }

    #[test]
    fn only_those_that_were_woken_are_polled() {
        let probes = probes(MANY);
        let mut select = all(&probes);
        select.pending();
        probes.iter().for_each(|probe| _ = probe.polls());
        select.pending();
        assert_eq!(probes.iter().map(Probe::polls).sum::<usize>(), 0);
        probes[7].wake();
        probes[7].wake();
        probes[MANY - 1].wake();
        assert_eq!(select.task.woken(), 1, "once, until it has looked");
        select.pending();
        let polled = |n: usize| probes[n].polls();
        assert_eq!((polled(7), polled(MANY - 1)), (1, 1));
        assert_eq!(probes.iter().map(Probe::polls).sum::<usize>(), 0);
        probes[0].set();
        assert_eq!(select.ready(), (0, 7));
    }

    #[test]
    fn a_case_that_wakes_itself_is_polled_again() {
        let mut left = 5;
        let yields = poll_fn(move |cx| {
            left -= 1;
            cx.waker().wake_by_ref();
            if left == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let task = Task::new();
        let mut select = Polled::of(&task, select_all([yields]));
        for _ in 0..4 {
            select.pending();
            assert_eq!(task.woken(), 1);
        }
        assert_eq!(select.ready(), (0, ()));
    }

    /// A case that wakes another one in the middle of a poll, when that has had its turn.
    #[test]
    fn a_case_may_wake_another() {
        let probes = probes(2);
        let other = Probe(Rc::clone(&probes[0].0));
        let (first, mut polls) = (probes[0].future(), 0);
        let waker_of_first: [Pin<Box<dyn Future<Output = usize>>>; 2] = [
            Box::pin(first),
            Box::pin(poll_fn(move |_| {
                polls += 1;
                if polls == 1 {
                    other.set();
                }
                Poll::Pending
            })),
        ];
        let mut select = Polled::new(select_all(waker_of_first).biased());
        select.pending();
        assert_eq!(select.task.woken(), 1, "nobody would poll it");
        assert_eq!(select.ready(), (0, 7));
    }

    #[test]
    fn many_cases_and_none_of_any_size() {
        let n = if cfg!(miri) { 50 } else { 100_000 };
        let there = n / 7 * 5;
        let cases = (0..n).map(|i| maybe((i == there).then(|| ready(i))));
        assert_eq!(block_on(select_all(cases)), (there, there));
        let probes = super::probes(n);
        let mut select = all(&probes);
        select.pending();
        for probe in &probes {
            probe.wake();
        }
        assert_eq!(select.task.woken(), 1);
        select.pending();
        assert!(probes.iter().all(|probe| probe.polls() == 2));
        // Without a size.
        let (_, ()) = block_on(select_all(std::iter::repeat_n((), 3).map(async |()| ())));
    }

    #[test]
    fn the_task_may_change() {
        let probes = probes(2);
        let mut select = all(&probes);
        select.pending();
        let first = std::mem::replace(&mut select.task, Task::new());
        select.pending();
        assert_eq!(first.kept(), 0);
        probes[1].set();
        assert_eq!((first.woken(), select.task.woken()), (0, 1));
        select.pending_or_ready();
    }

    #[test]
    fn wakers_that_outlive_the_select_wake_nobody() {
        let probes = probes(3);
        let mut select = all(&probes);
        select.pending();
        let task = select.task.clone();
        drop(select);
        assert_eq!(task.kept(), 0, "the task is not kept by a case's waker");
        probes.iter().for_each(Probe::set);
        assert_eq!(task.woken(), 0);
    }

    #[test]
    fn a_case_that_panics_takes_the_others_along() {
        let probes = probes(4);
        let lock = Mutex::new(());
        let held = lock.try_lock().unwrap();
        let mut select = Select::new();
        select.case(lock.lock(), |_| 0);
        drop(select);
        let mut select = all(&probes);
        select.pending();
        probes[2].0.panics.set(true);
        probes[2].wake();
        assert!(catch_unwind(AssertUnwindSafe(|| select.poll())).is_err());
        assert!(probes.iter().all(|probe| probe.drops() == 1));
        assert!(
            catch_unwind(AssertUnwindSafe(|| select.poll())).is_err(),
            "it is over"
        );
        drop(held);
    }

    #[test]
    fn without_cases_it_waits() {
        queued(select_all(std::iter::empty::<std::future::Ready<()>>()));
        assert!(try_select(std::iter::empty::<std::future::Ready<()>>()).is_none());
    }

    #[test]
    fn default_answers_at_once_and_leaves_no_trace() {
        let semaphores: Vec<_> = (0..4).map(|_| exhausted(1)).collect();
        assert!(try_select(semaphores.iter().map(Semaphore::acquire)).is_none());
        assert!(semaphores.iter().all(|semaphore| semaphore.waiters() == 0));
        semaphores[2].release(1);
        let (n, permit) = try_select(semaphores.iter().map(Semaphore::acquire)).unwrap();
        assert_eq!((n, semaphores[2].available()), (2, 0));
        drop(permit);
        let mut builder = Select::new();
        builder.case(pending::<()>(), |()| 0);
        assert_eq!(builder.or_default(), None);
    }

    #[test]
    fn biased_is_in_order_also_among_those_that_are_woken() {
        let probes = probes(6);
        let cases = probes.iter().map(Probe::future);
        let mut select = Polled::new(select_all(cases).biased());
        select.pending();
        for n in [4, 2, 5, 3] {
            probes[n].set();
        }
        assert_eq!(select.ready(), (2, 7));
        for _ in 0..20 {
            assert_eq!(block_on(select_all((0..3).map(ready)).biased()), (0, 0));
        }
    }

    /// S78: of those that are ready each is chosen about as often, wherever they stand.
    #[cfg_attr(miri, ignore = "many rounds, for statistics")]
    #[test]
    fn the_choice_is_fair() {
        let _seed = Seed::set(1);
        let mut chosen = [0_u32; 100];
        for _ in 0..10_000 {
            let cases = (0..100).map(|n| maybe((n % 10 != 9).then(|| ready(n))));
            let (n, output) = block_on(select_all(cases));
            assert_eq!(n, output);
            chosen[n] += 1;
        }
        for (n, &times) in chosen.iter().enumerate() {
            let expected = if n % 10 == 9 { 0..1 } else { 70..155 };
            assert!(expected.contains(&times), "{n}: {times}");
        }
        // Also among those that are woken while it waits.
        let mut chosen = [0_u32; 4];
        for _ in 0..1000 {
            let probes = probes(4);
            let mut select = all(&probes);
            select.pending();
            probes[0].set();
            probes[3].set();
            chosen[select.ready().0] += 1;
        }
        assert!((420..580).contains(&chosen[0]), "{chosen:?}");
        assert_eq!(chosen[0] + chosen[3], 1000);
    }

    #[cfg_attr(miri, ignore = "many rounds, for statistics")]
    #[test]
    fn a_seed_repeats_the_choice() {
        let choose = |seed: u64| {
            let choose = |n| block_on(select_all((0..50_u8).map(ready)).seed(seed + n)).0;
            (0..20_u64).map(choose).collect::<Vec<_>>()
        };
        assert_eq!(choose(3), choose(3));
        assert_ne!(choose(3), choose(300));
        let by_thread = |seed| {
            let _seed = Seed::set(seed);
            (0..20)
                .map(|_| block_on(select_all((0..50).map(ready))).0)
                .collect::<Vec<_>>()
        };
        assert_eq!(by_thread(3), by_thread(3));
        assert_ne!(by_thread(3), by_thread(4));
    }

    /// The losers of our own types: a place in a queue, a grant, a notification.
    #[test]
    fn what_came_to_a_loser_goes_to_the_next() {
        let lock = Mutex::<_, Fifo>::with_policy(());
        let semaphore = exhausted(1);
        let event = AutoEvent::new();
        let held = lock.try_lock().unwrap();
        let mut select = Select::new().biased();
        select.case(lock.lock(), |_| ());
        select.case(semaphore.acquire(), |_| ());
        select.case(event.wait(), |()| ());
        let mut select = Polled::new(select.into_future());
        select.pending();
        let mut after = (
            queued(lock.lock()),
            queued(semaphore.acquire()),
            queued(event.wait()),
        );
        drop(held);
        semaphore.release(1);
        event.set();
        // All three have it: the first commits, and the permit and the notification go on.
        assert_eq!(select.ready(), (0, ()));
        assert!(after.1.woken() && after.2.woken());
        drop(after.1.ready());
        after.2.ready();
        drop(after.0.ready());
        assert_eq!(lock.waiters() + semaphore.waiters() + event.waiters(), 0);
    }

    #[test]
    fn dropped_at_every_point_it_leaves_no_trace() {
        for point in 0..4 {
            let lock = Mutex::<_, Fifo>::with_policy(());
            let semaphore = Semaphore::new(1);
            let taken = semaphore.try_acquire().unwrap();
            let held = lock.try_lock().unwrap();
            let mut select = Select::new();
            select.case(lock.lock(), |_| ());
            select.case(semaphore.acquire(), |_| ());
            let mut select = Polled::new(select.into_future());
            if point > 0 {
                select.pending();
            }
            if point > 1 {
                drop(held);
            }
            if point > 2 {
                drop(taken);
            }
            drop(select);
            assert_eq!(lock.waiters() + semaphore.waiters(), 0, "{point}");
            assert_eq!(lock.try_lock().is_some(), point > 1, "{point}");
            assert_eq!(
                semaphore.available(),
                usize::from(point != 1 && point != 2 && point != 0)
            );
        }
    }

    #[test]
    fn it_blocks_a_thread() {
        let events: Arc<[Event; 3]> = Arc::new(std::array::from_fn(|_| Event::new()));
        let setter = Arc::clone(&events);
        let thread = std::thread::spawn(move || setter[1].set());
        let (n, ()) = select_all(events.iter().map(Event::wait)).wait_blocking();
        assert_eq!(n, 1);
        thread.join().unwrap();
    }
}

mod sets {
    use super::*;

    #[test]
    fn takes_turns_among_those_that_are_ready() {
        let semaphores: Vec<_> = (0..10).map(|_| exhausted(100)).collect();
        let mut set: SelectSet<_> = semaphores
            .iter()
            .map(|s| repeat(|| async { s.acquire().await.unwrap().forget() }))
            .collect();
        let keys: Vec<_> = set.keys().collect();
        for n in [1, 4, 7] {
            semaphores[n].release(100);
        }
        let mut taken = [0; 10];
        for round in 0..300 {
            let (key, _) = set.try_next().unwrap();
            let n = keys.iter().position(|&k| k == key).unwrap();
            taken[n] += 1;
            assert!(
                taken[n] <= round / 3 + 1,
                "nobody is served twice before another"
            );
        }
        assert_eq!(taken, [0, 100, 0, 0, 100, 0, 0, 100, 0, 0]);
        assert!(set.try_next().is_none());
    }

    #[test]
    fn a_source_keeps_its_place_while_others_are_served() {
        let semaphore = exhausted(1);
        let bell = AutoEvent::new();
        let (semaphore, bell) = (&semaphore, &bell);
        let mut set: SelectSet<Pin<Box<dyn Source<Item = u8> + '_>>> = SelectSet::new();
        // The set's place is before that of the one that comes after it.
        set.add(Box::pin(once(async {
            semaphore.acquire().await.map_or(0, |_| 1)
        })));
        set.add(Box::pin(repeat(move || async move {
            bell.wait().await;
            2
        })));
        assert!(set.try_next().is_none());
        let mut later = queued(semaphore.acquire());
        for _ in 0..3 {
            bell.set();
            assert_eq!(set.try_next().unwrap().1, 2);
        }
        semaphore.release(1);
        assert!(!later.woken(), "it is behind");
        assert_eq!(set.try_next().unwrap().1, 1);
        assert!(later.woken());
        drop(later.ready());
    }

    #[test]
    fn a_round_polls_who_was_woken() {
        let probes = probes(MANY);
        let mut set: SelectSet<_> = probes.iter().map(|probe| once(probe.future())).collect();
        let task = Task::new();
        let mut next = Polled::of(&task, set.next());
        next.pending();
        assert_eq!(probes.iter().map(Probe::polls).sum::<usize>(), MANY);
        task.woken();
        probes[MANY / 2].set();
        assert_eq!(task.woken(), 1);
        assert_eq!(next.ready().map(|(_, n)| n), Some(7));
        assert!(catch_unwind(AssertUnwindSafe(|| next.poll())).is_err());
        drop(next);
        assert_eq!(probes.iter().map(Probe::polls).sum::<usize>(), 1);
        assert!(set.try_next().is_none());
        assert_eq!(set.len(), MANY - 1, "one has ended");
    }

    #[test]
    fn a_set_grows() {
        let n = if cfg!(miri) { 50 } else { 10_000 };
        let probes = super::probes(n);
        let mut set = SelectSet::new();
        let task = Task::new();
        let mut keys = Vec::new();
        for probe in &probes {
            keys.push(set.add(once(probe.future())));
            let waker = task.waker();
            assert!(set.poll_next(&mut Context::from_waker(&waker)).is_pending());
        }
        assert!(set.keys().eq(keys.iter().copied()));
        task.woken();
        for (n, probe) in probes.iter().enumerate().rev() {
            probe.set();
            assert_eq!(task.woken(), 1);
            let waker = task.waker();
            let next = set.poll_next(&mut Context::from_waker(&waker));
            assert_eq!(next, Poll::Ready(Some((keys[n], 7))));
            let again = set.poll_next(&mut Context::from_waker(&waker));
            assert_eq!(again.is_ready(), n == 0);
        }
    }

    #[test]
    fn sources_come_and_go() {
        let mut set = SelectSet::new();
        assert!(set.try_next().is_none() && set.is_empty());
        assert!(Polled::new(set.next()).ready().is_none(), "nobody is there");
        let probes = probes(40);
        let mut keys: Vec<_> = probes
            .iter()
            .map(|probe| set.add(once(probe.future())))
            .collect();
        assert!(set.try_next().is_none());
        // Every other one goes, in the middle of being due.
        probes.iter().for_each(Probe::set);
        let first = set.try_next().unwrap().0;
        assert_eq!(first, keys[0]);
        for n in (1..40).step_by(2) {
            assert!(set.contains(keys[n]) && set.remove(keys[n]));
            assert!(!set.contains(keys[n]) && !set.remove(keys[n]));
            assert_eq!(probes[n].drops(), 1);
        }
        // Others take their places.
        let more = super::probes(60);
        keys.extend(more.iter().map(|probe| set.add(once(probe.future()))));
        more.iter().for_each(|probe| probe.0.is_ready.set(true));
        let mut seen = vec![first];
        while let Some((key, 7)) = set.try_next() {
            seen.push(key);
        }
        assert!(set.is_empty());
        seen.sort();
        let mut expected: Vec<_> = (0..40).step_by(2).chain(40..100).map(|n| keys[n]).collect();
        expected.sort();
        assert_eq!(seen, expected);
        assert!(probes.iter().chain(&more).all(|probe| probe.drops() == 1));
    }

    #[test]
    fn a_key_is_of_one_source_only() {
        let mut set = SelectSet::new();
        let old: Vec<_> = (0..4).map(|_| set.add(once(pending::<()>()))).collect();
        assert!(set.try_next().is_none());
        assert!(old.iter().all(|&key| set.remove(key)));
        let new: Vec<_> = (0..4).map(|_| set.add(once(pending::<()>()))).collect();
        assert!(
            old.iter()
                .all(|&key| !set.contains(key) && !set.remove(key))
        );
        assert!(new.iter().all(|&key| set.contains(key)) && set.len() == 4);
    }

    #[test]
    fn a_source_that_is_added_wakes_who_waits() {
        let task = Task::new();
        let mut set = SelectSet::new();
        let quiet = Probe::default();
        set.add(once(quiet.future()));
        let poll = |set: &mut SelectSet<_>| {
            let waker = task.waker();
            set.poll_next(&mut Context::from_waker(&waker))
        };
        assert!(poll(&mut set).is_pending());
        task.woken();
        let loud = Probe::default();
        loud.set();
        let key = set.add(once(loud.future()));
        assert_eq!(task.woken(), 1);
        assert_eq!(poll(&mut set), Poll::Ready(Some((key, 7))));
        // Asking in between does not make it deaf.
        assert!(poll(&mut set).is_pending());
        assert!(set.try_next().is_none());
        task.woken();
        quiet.set();
        assert_eq!(task.woken(), 1);
    }

    #[test]
    fn a_source_that_panics_goes_and_the_others_stay() {
        let probes = probes(3);
        let mut set: SelectSet<_> = probes.iter().map(|probe| once(probe.future())).collect();
        assert!(set.try_next().is_none());
        probes[1].0.panics.set(true);
        probes[1].wake();
        probes[2].set();
        assert!(catch_unwind(AssertUnwindSafe(|| set.try_next())).is_err());
        assert_eq!((probes[1].drops(), set.len()), (1, 2));
        assert_eq!(set.try_next().map(|(_, n)| n), Some(7));
        probes[0].set();
        assert_eq!(set.try_next().map(|(_, n)| n), Some(7));
        assert!(set.try_next().is_none() && set.is_empty());
    }

    #[test]
    fn a_dropped_next_loses_nothing() {
        let semaphore = exhausted(1);
        let mut set: SelectSet<_> = std::iter::once(repeat(|| semaphore.acquire())).collect();
        {
            let next = queued(set.next());
            semaphore.release(1);
            assert!(next.woken());
        }
        assert_eq!(semaphore.available(), 0, "the set has it");
        let (_, permit) = set.try_next().unwrap();
        drop(permit);
        assert_eq!(semaphore.available(), 1);
        drop(set);
        assert_eq!(semaphore.waiters(), 0);
    }

    #[test]
    fn a_source_that_always_wakes_itself_does_not_hold_the_thread() {
        struct Restless;
        impl Source for Restless {
            type Item = ();
            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
        let mut set: SelectSet<_> = [Restless, Restless].into_iter().collect();
        let mut next = Polled::new(set.next());
        for _ in 0..3 {
            next.pending();
            assert!(next.woken());
        }
    }

    /// A set that nobody polls was given a lock: who wants it gets it.
    #[test]
    fn a_lock_that_lies_in_a_set_is_taken_back() {
        let mut time = VirtualTime::start();
        let lock = Mutex::<_, Fifo>::with_policy(());
        let held = lock.try_lock().unwrap();
        let mut set: SelectSet<_> = std::iter::once(once(lock.lock())).collect();
        assert!(set.try_next().is_none());
        let mut other = queued(lock.lock());
        drop(held);
        assert!(!other.woken());
        time.advance_us(2000);
        drop(lock.try_lock());
        assert!(other.woken());
        drop(other.ready());
        drop(set.try_next().unwrap());
    }
}

mod macros {
    use super::*;

    #[test]
    fn forms() {
        block_on(async {
            // Blocks without commas, expressions with, patterns, conditions, default.
            let n = select! {
                (a, _) = ready((1, 2)) => { a }
                _ = pending::<()>() => 2,
            };
            assert_eq!(n, 1);
            let n = select! { biased; x = ready(1) => x + 1, x = ready(5) => x };
            assert_eq!(n, 2);
            let n =
                select! { x = ready(1), if n == 0 => x, y = ready("a"), if n == 2 => { y.len() } };
            assert_eq!(n, 1);
            let n = select! { _ = pending::<()>() => 1, default => 2 };
            assert_eq!(n, 2);
            let n = select! { default => { 3 } };
            assert_eq!(n, 3);
            let n = select! { default => { 3 } x = ready(4), if false => x };
            assert_eq!(n, 3);
            let mut x = 1;
            select! { y = async { 5 } => x += y, default => unreachable!() }
            assert_eq!(x, 6);
            // Whatever can be made a future.
            let mut builder = Select::new();
            builder.case(ready('c'), |c| c);
            let c = select! { (_, c) = builder => c, _ = pending::<u8>() => 'd' };
            assert_eq!(c, 'c');
        });
        queued(async {
            select! { () = async {}, if false => () }
        });
        queued(async {
            select! {}
        });
    }

    #[test]
    fn bodies_belong_to_the_function() {
        async fn first(values: &[Result<u8, &'static str>]) -> Result<u8, &'static str> {
            let mut sum = 0;
            for value in values {
                select! {
                    value = ready(*value) => {
                        let value = value?;
                        if value == 0 { continue }
                        if value == 9 { break }
                        sum += ready(value).await;
                    }
                    _ = pending::<()>() => return Err("never"),
                }
            }
            Ok(sum)
        }
        assert_eq!(block_on(first(&[Ok(1), Ok(0), Ok(2), Ok(9), Ok(5)])), Ok(3));
        assert_eq!(block_on(first(&[Ok(1), Err("e")])), Err("e"));
    }

    #[test]
    fn losers_are_dropped_before_the_body_runs() {
        let (winner, loser) = (Probe::default(), Probe::default());
        winner.set();
        let mut select = queued(async {
            select! {
                _ = loser.future() => unreachable!(),
                n = winner.future() => {
                    assert_eq!((winner.drops(), loser.drops()), (1, 1));
                    assert_eq!(n, 7);
                    pending::<()>().await;
                }
            }
        });
        select.pending();
        let mut select = queued(async {
            select! {
                _ = loser.future() => unreachable!(),
                default => {
                    assert_eq!(loser.drops(), 2);
                    pending::<()>().await;
                }
            }
        });
        select.pending();
    }

    #[test]
    fn the_body_may_lock_what_a_loser_waited_for() {
        let lock = Mutex::<_, Fifo>::with_policy(0);
        let bell = Event::new();
        let held = lock.try_lock().unwrap();
        let mut select = queued(async {
            select! {
                biased;
                () = bell.wait() => *lock.lock().await += 1,
                mut guard = lock.lock() => *guard += 10,
            }
        });
        drop(held); // to the second case
        bell.set();
        select.ready();
        assert_eq!(*lock.try_lock().unwrap(), 1);
    }

    #[test]
    fn a_case_that_panics_takes_the_others_along() {
        let lock = Mutex::new(());
        let held = lock.try_lock().unwrap();
        let probe = Probe::default();
        let mut select = queued(async {
            select! { _ = lock.lock() => (), _ = probe.future() => () }
        });
        assert_eq!(lock.waiters(), 1);
        probe.0.panics.set(true);
        assert!(catch_unwind(AssertUnwindSafe(|| select.poll())).is_err());
        assert_eq!((lock.waiters(), probe.drops()), (0, 1));
        drop(held);
    }

    #[test]
    fn dropped_while_it_waits_it_leaves_no_trace() {
        let (latch, semaphore) = (Latch::new(1), Semaphore::new(1));
        let select = || async {
            select! {
                () = latch.wait() => (),
                permit = semaphore.acquire() => drop(permit),
            }
        };
        drop(Polled::new(select()));
        let taken = semaphore.try_acquire().unwrap();
        let waits = queued(select());
        assert_eq!(latch.waiters() + semaphore.waiters(), 2);
        drop(taken); // to the select
        drop(waits);
        assert_eq!(latch.waiters() + semaphore.waiters(), 0);
        assert_eq!(semaphore.available(), 1);
    }

    #[cfg_attr(miri, ignore = "many rounds, for statistics")]
    #[test]
    fn the_choice_is_fair() {
        let _seed = Seed::set(5);
        let mut chosen = [0_u32; 4];
        block_on(async {
            for _ in 0..4000 {
                let n = select! {
                    () = ready(()) => 0,
                    () = ready(()) => 1,
                    () = pending() => 2,
                    () = ready(()) => 3,
                };
                chosen[n] += 1;
            }
        });
        assert_eq!(chosen[2], 0);
        for n in [0, 1, 3] {
            assert!((1200..1470).contains(&chosen[n]), "{chosen:?}");
        }
    }

    #[test]
    fn each_poll_asks_all_and_it_is_over_once() {
        let probes = probes(3);
        let mut select = queued(async {
            select! {
                n = probes[0].future() => n,
                n = probes[1].future() => n,
                n = probes[2].future() => n,
            }
        });
        select.pending();
        assert!(probes.iter().all(|probe| probe.polls() == 2));
        probes[1].set();
        assert!(select.woken());
        assert_eq!(select.ready(), 7);
    }
}
