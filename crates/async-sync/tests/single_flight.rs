//! SingleFlight: futures polled by hand, works that are told from outside what to do.

mod support;

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_sync::SingleFlight;
use async_sync::single_flight::{Failure, Outcome};
use support::{Polled, Task, queued};

type Group = SingleFlight<String, u32, String>;

/// A work that the test completes, and that counts what happens to it.
#[derive(Clone, Default)]
struct Door(Arc<Inside>);

#[derive(Default)]
struct Inside {
    result: Mutex<Option<Result<u32, String>>>,
    waker: Mutex<Option<Waker>>,
    begun: AtomicUsize,
    polls: AtomicUsize,
    dropped: AtomicUsize,
}

impl Door {
    /// For `run`: the work waits behind the door.
    fn work(&self) -> impl FnOnce() -> Waits + Send + 'static {
        let door = self.clone();
        move || {
            door.0.begun.fetch_add(1, SeqCst);
            Waits(door)
        }
    }

    fn open(&self, result: Result<u32, String>) {
        *self.0.result.lock().unwrap() = Some(result);
        self.wake();
    }

    /// Without opening.
    fn wake(&self) {
        let waker = self.0.waker.lock().unwrap().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn begun(&self) -> usize {
        self.0.begun.load(SeqCst)
    }
    fn polls(&self) -> usize {
        self.0.polls.load(SeqCst)
    }
    fn dropped(&self) -> usize {
        self.0.dropped.load(SeqCst)
    }
}

struct Waits(Door);

impl Future for Waits {
    type Output = Result<u32, String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let door = &self.0.0;
        door.polls.fetch_add(1, SeqCst);
        *door.waker.lock().unwrap() = Some(cx.waker().clone());
        match door.result.lock().unwrap().take() {
            // Without a word of the panic hook.
            Some(Err(text)) if text == "panic" => std::panic::resume_unwind(Box::new(text)),
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.dropped.fetch_add(1, SeqCst);
    }
}

fn never() -> impl FnOnce() -> std::future::Pending<Result<u32, String>> + Send + 'static {
    || panic!("a work that must not be called")
}

fn panics(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it has to panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&'static str>().expect("text")).to_owned(),
    }
}

#[test]
fn callers_of_one_key_share_one_execution() {
    let (group, door) = (Group::new(), Door::default());
    let mut callers: Vec<_> = (0..10)
        .map(|_| queued(group.run("k", door.work())))
        .collect();
    assert_eq!((door.begun(), group.len(), group.callers("k")), (1, 1, 10));
    assert_eq!((door.polls(), group.waiters("k")), (1, 10));
    assert!(group.in_flight("k") && !group.in_flight("other"));
    door.open(Ok(7));
    for caller in &mut callers {
        assert!(caller.woken());
        let outcome = caller.ready().unwrap();
        assert_eq!(
            (outcome.value, outcome.shared, outcome.callers),
            (7, true, 10)
        );
        assert!(
            !group.in_flight("k") && group.is_empty(),
            "before the first one returns"
        );
    }
    assert_eq!((door.begun(), door.dropped()), (1, 1));
}

#[test]
fn calls_one_after_the_other_are_not_merged() {
    let group = Group::new();
    for n in 0..3 {
        let mut run = pin!(group.run("k", move || ready(Ok(n))));
        let Poll::Ready(Ok(outcome)) = Task::new().poll(run.as_mut()) else {
            panic!("ready")
        };
        assert_eq!(
            (outcome.value, outcome.shared, outcome.callers),
            (n, false, 1)
        );
    }
    assert!(group.is_empty());
}

#[test]
fn keys_are_borrowed_and_cloned_once_for_an_execution() {
    #[derive(PartialEq, Eq, Hash, Debug)]
    struct Key(u8);
    static CLONES: AtomicUsize = AtomicUsize::new(0);
    impl Clone for Key {
        fn clone(&self) -> Self {
            CLONES.fetch_add(1, SeqCst);
            Key(self.0)
        }
    }
    let (group, door) = (SingleFlight::<Key, u32, String>::new(), Door::default());
    let key = Key(1);
    let mut callers: Vec<_> = (0..5)
        .map(|_| queued(group.run(&key, door.work())))
        .collect();
    assert_eq!(CLONES.load(SeqCst), 1);
    let other = queued(group.run(&Key(2), pending));
    assert_eq!((CLONES.load(SeqCst), group.len()), (2, 2));
    door.open(Ok(1));
    for caller in &mut callers {
        caller.ready().unwrap();
    }
    drop(other);
    assert!(group.is_empty());
    let owned = Arc::new(SingleFlight::<Key, u32, String>::new());
    let mut run = Polled::new(owned.run_owned(Key(3), || ready(Ok(1))));
    run.ready().unwrap();
    assert_eq!(
        CLONES.load(SeqCst),
        2,
        "a key that is given away is not cloned"
    );
}

#[test]
fn errors_go_to_everybody_and_the_next_call_tries_again() {
    let (group, door) = (Group::new(), Door::default());
    let mut callers: Vec<_> = (0..3)
        .map(|_| queued(group.run("k", door.work())))
        .collect();
    door.open(Err("offline".into()));
    for caller in &mut callers {
        assert_eq!(caller.ready().unwrap_err(), "offline");
    }
    assert!(group.is_empty());
    let mut again = Polled::new(group.run("k", || ready(Ok(1))));
    assert_eq!(again.ready().unwrap().value, 1);
}

#[test]
fn the_first_caller_may_leave_without_a_restart() {
    let (group, door) = (Group::new(), Door::default());
    let first = queued(group.run("k", door.work()));
    let mut second = queued(group.run("k", never()));
    drop(first);
    assert_eq!((door.dropped(), group.callers("k")), (0, 1));
    door.open(Ok(3));
    assert!(second.woken());
    let outcome = second.ready().unwrap();
    assert_eq!(
        (outcome.value, outcome.shared, outcome.callers),
        (3, false, 1)
    );
    assert_eq!((door.begun(), door.dropped()), (1, 1));
}

#[test]
fn a_caller_that_was_woken_and_leaves_strands_nobody() {
    let (group, door) = (Group::new(), Door::default());
    let mut callers: Vec<_> = (0..4)
        .map(|_| queued(group.run("k", door.work())))
        .collect();
    door.open(Ok(3));
    assert!(callers[0].woken());
    callers.remove(0); // woken, and never polled again
    for caller in &mut callers {
        assert!(
            caller.woken(),
            "any of them may be the only one that is ever polled"
        );
    }
    assert_eq!(callers[2].ready().unwrap().callers, 3);
    // `callers[0]` and `[1]` are woken but parked: nobody waits for them.
    assert!(group.is_empty());
    assert_eq!(callers[0].ready().unwrap().value, 3);
    assert_eq!(callers[1].ready().unwrap().value, 3);
}

#[test]
fn the_last_caller_cancels_the_work() {
    let (group, door) = (Group::new(), Door::default());
    let first = queued(group.run("k", door.work()));
    let second = queued(group.run("k", never()));
    drop(second);
    assert_eq!(door.dropped(), 0);
    drop(first);
    assert_eq!((door.dropped(), group.len()), (1, 0));
    door.wake(); // a waker that outlives its work wakes nobody
    let again = Door::default();
    let mut next = queued(group.run("k", again.work()));
    door.wake();
    assert!(!next.woken());
    again.open(Ok(1));
    next.ready().unwrap();
}

#[test]
fn a_future_that_was_not_polled_has_no_effect() {
    let (group, door) = (Group::new(), Door::default());
    let idle = group.run("k", never());
    assert_eq!((group.len(), group.callers("k")), (0, 0));
    let mut other = queued(group.run("k", door.work()));
    assert_eq!(group.callers("k"), 1);
    drop(idle);
    door.open(Ok(1));
    assert!(!other.ready().unwrap().shared);
}

#[test]
fn a_caller_that_is_not_polled_hinders_nobody() {
    let (group, door) = (Group::new(), Door::default());
    // It began the execution and was the first to poll it; from now on it is not polled (RFD 609).
    let parked = queued(group.run("k", door.work()));
    let subscribed = group.subscribe("k").expect("in flight"); // never polled at all
    let mut active = queued(group.run("k", never()));
    for step in 0..5 {
        door.wake();
        assert!(active.woken(), "step {step}");
        active.pending();
        assert_eq!(door.polls(), step + 2, "polled by whoever is");
    }
    door.open(Ok(1));
    assert!(active.woken());
    assert_eq!(active.ready().unwrap().callers, 3);
    drop((parked, subscribed));
    assert_eq!(door.dropped(), 1);
}

#[test]
fn who_is_woken_for_nothing_queues_again() {
    let (group, door) = (Group::new(), Door::default());
    let mut callers: Vec<_> = (0..40)
        .map(|_| queued(group.run("k", door.work())))
        .collect();
    door.wake();
    assert_eq!(group.waiters("k"), 0);
    for caller in &mut callers {
        assert!(caller.woken());
        caller.pending();
    }
    assert_eq!(door.polls(), 2, "one wake-up, one poll, whoever came first");
    assert_eq!(group.waiters("k"), 40);
    for caller in &mut callers {
        caller.pending(); // spurious
    }
    assert_eq!((door.polls(), group.waiters("k")), (2, 40));
    door.open(Ok(1));
    for caller in &mut callers {
        assert!(caller.woken());
        caller.ready().unwrap();
    }
}

#[test]
fn the_last_waker_of_a_caller_counts() {
    let (group, door) = (Group::new(), Door::default());
    let mut caller = queued(group.run("k", door.work()));
    let (before, now) = (caller.task.clone(), Task::new());
    before.woken();
    caller.task = now.clone();
    caller.pending();
    assert_eq!(before.kept(), 0, "the waker that was replaced is dropped");
    door.open(Ok(1));
    assert_eq!((before.woken(), now.woken()), (0, 1));
    caller.ready().unwrap();
    assert_eq!(now.kept(), 1);
}

/// A work that wakes itself in each poll, `times` times.
fn restless(times: usize) -> (Arc<AtomicUsize>, impl FnOnce() -> Restless + Send + 'static) {
    let polls = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&polls);
    (polls, move || Restless(theirs, times))
}

struct Restless(Arc<AtomicUsize>, usize);

impl Future for Restless {
    type Output = Result<u32, String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0.fetch_add(1, SeqCst) == self.1 {
            return Poll::Ready(Ok(9));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_wake_up_during_the_poll_is_not_lost() {
    let group = Group::new();
    let (polls, work) = restless(1);
    let mut caller = Polled::new(group.run("k", work));
    assert_eq!(caller.ready().unwrap().value, 9);
    assert_eq!(polls.load(SeqCst), 2, "polled again at once");
}

#[test]
fn a_work_that_wakes_itself_lets_its_caller_yield_and_needs_none_in_particular() {
    let group = Group::new();
    let (polls, work) = restless(20);
    let first = queued(group.run("k", work));
    assert!(first.woken(), "it has to come back");
    let seen = polls.load(SeqCst);
    assert!(seen < 10, "{seen} polls of the work in one of the caller");
    // `first` is never polled again; the others are enough.
    let mut second = queued(group.run("k", never()));
    let mut third = queued(group.run("k", never()));
    for _ in 0..20 {
        assert!(
            second.woken() || third.woken(),
            "somebody who is polled is woken"
        );
        if let Poll::Ready(outcome) = second.poll() {
            assert_eq!(outcome.unwrap().callers, 3);
            assert!(group.is_empty());
            return;
        }
        drop(third.poll());
    }
    panic!("it did not end");
}

#[test]
fn who_queues_while_another_polls_is_told_of_a_work_that_goes_on() {
    // The second caller comes in the midst of the first one's poll, and that leaves the work woken.
    let group = Arc::new(Group::new());
    let second = Arc::new(Mutex::new(None));
    let (inside, slot, task) = (Arc::clone(&group), Arc::clone(&second), Task::new());
    let theirs = task.clone();
    let work = move || {
        let mut polls = 0;
        poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                // On another thread: on this one it would wait for itself.
                let (inside, slot, task) = (Arc::clone(&inside), Arc::clone(&slot), theirs.clone());
                let thread = std::thread::spawn(move || {
                    let mut joined = Polled::of(&task, inside.subscribe_owned("k").unwrap());
                    joined.pending();
                    *slot.lock().unwrap() = Some(joined);
                });
                thread.join().unwrap();
            }
            if polls == 8 {
                return Poll::Ready(Ok(polls));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    };
    let first = queued(group.run("k", work));
    let mut second = second.lock().unwrap().take().unwrap();
    assert!(task.woken() > 0, "the first one may never be polled again");
    for _ in 0..8 {
        if let Poll::Ready(outcome) = second.poll() {
            assert_eq!(outcome.unwrap().value, 8);
            drop(first);
            return;
        }
        assert!(task.woken() > 0);
    }
    panic!("it did not end");
}

#[test]
fn a_panic_of_the_work_reaches_every_caller() {
    let (group, door) = (Group::new(), Door::default());
    for by_the_closure in [true, false] {
        let gate = door.clone();
        let work = move || {
            assert!(!by_the_closure, "no luck");
            let mut waits = Box::pin(gate.work()());
            poll_fn(move |cx| match waits.as_mut().poll(cx) {
                Poll::Ready(_) => panic!("no luck"),
                Poll::Pending => Poll::Pending,
            })
        };
        let mut others: Vec<_> = (0..3)
            .map(|_| group.start("k", work.clone()))
            .map(Polled::new)
            .collect();
        let mut caught = Polled::new(group.subscribe("k").unwrap().caught());
        if !by_the_closure {
            others[0].pending();
            door.open(Ok(0));
        }
        for other in &mut others {
            assert_eq!(panics(|| drop(other.poll())), "no luck");
            assert!(group.is_empty());
        }
        let Err(Failure::Panicked(panicked)) = caught.ready() else {
            panic!("an error")
        };
        assert_eq!(panicked.message(), "no luck");
        assert_eq!(panicked.to_string(), "the work panicked: no luck");
    }
}

#[test]
fn payloads_of_panics() {
    let group = Group::new();
    fn work<T: Send + 'static>(
        payload: impl FnOnce() -> T + Send + 'static,
    ) -> impl FnOnce() -> std::future::Pending<Result<u32, String>> + Send {
        move || std::panic::resume_unwind(Box::new(payload()))
    }
    for text in [true, false] {
        let first = if text {
            group.start("k", work(|| String::from("text")))
        } else {
            group.start("k", work(|| "text"))
        };
        for joined in [group.subscribe("k").unwrap(), first] {
            assert_eq!(panics(|| drop(Polled::new(joined).poll())), "text");
        }
    }
    // What cannot be cloned goes to the first.
    let both = [
        group.start("k", work(|| 42_u64)),
        group.subscribe("k").unwrap(),
    ];
    let [first, second] = both.map(|joined| {
        catch_unwind(AssertUnwindSafe(|| drop(Polled::new(joined).poll()))).unwrap_err()
    });
    assert_eq!(first.downcast_ref::<u64>(), Some(&42));
    assert_eq!(second.downcast_ref::<&str>(), Some(&"a panic without text"));
    assert!(group.is_empty());
}

#[test]
fn a_panic_of_the_works_destructor_is_one_of_the_work() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("destructor");
        }
    }
    let group = Group::new();
    // (A local of an async block is dropped within its last poll; this one has to outlive that.)
    struct Ends(#[allow(dead_code, reason = "for its destructor")] Bad);
    impl Future for Ends {
        type Output = Result<u32, String>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Ok(1))
        }
    }
    let both = [
        group.start("k", || Ends(Bad)),
        group.subscribe("k").unwrap(),
    ];
    for joined in both {
        assert_eq!(panics(|| drop(Polled::new(joined).poll())), "destructor");
    }
    assert!(group.is_empty());
    // Cancelled: the panic comes out of the last caller's drop, and no entry is left.
    let bad = Bad;
    let cancelled = queued(group.run("k", move || async move {
        let _bad = bad;
        pending().await
    }));
    assert_eq!(panics(|| drop(cancelled)), "destructor");
    assert!(group.is_empty());
}

#[test]
fn forgotten_executions_end_for_their_callers_and_leave_newer_ones_alone() {
    let (group, old, new) = (Group::new(), Door::default(), Door::default());
    assert!(!group.forget("k"));
    let mut first = queued(group.run("k", old.work()));
    assert!(group.forget("k"));
    assert!(!group.forget("k") && !group.in_flight("k"));
    let mut second = queued(group.run("k", new.work()));
    assert_eq!((new.begun(), group.len()), (1, 1));
    old.open(Ok(1));
    assert_eq!(first.ready().unwrap().value, 1);
    assert!(
        group.in_flight("k"),
        "its end does not remove the newer entry"
    );
    let mut third = queued(group.run("k", never()));
    new.open(Ok(2));
    assert_eq!(
        (second.ready().unwrap().value, third.ready().unwrap().value),
        (2, 2)
    );
    assert!(group.is_empty());
    // Cancelled after it was forgotten.
    let first = queued(group.run("k", Door::default().work()));
    group.forget("k");
    let second = queued(group.run("k", Door::default().work()));
    drop(first);
    assert!(group.in_flight("k"));
    drop(second);
    assert!(group.is_empty());
}

#[test]
fn subscribing_never_begins_anything() {
    let (group, door) = (Arc::new(Group::new()), Door::default());
    assert!(group.subscribe("k").is_none() && group.subscribe_owned("k").is_none());
    let started = group.start("k", door.work());
    assert_eq!(
        (door.begun(), started.callers(), group.callers("k")),
        (0, 1, 1)
    );
    let mut kept = Polled::new(group.subscribe_owned("k").unwrap());
    drop(started);
    kept.pending();
    assert!(!kept.future.is_done());
    door.open(Ok(5));
    kept.pending_or_ready();
    assert!(group.subscribe("k").is_none());
}

#[test]
fn a_place_may_be_kept_and_awaited_when_all_is_over() {
    let (group, door) = (Arc::new(Group::new()), Door::default());
    let mut kept = Polled::new(group.start_owned("k".into(), door.work()));
    let mut other = queued(group.run("k", never()));
    door.open(Ok(5));
    assert_eq!(other.ready().unwrap().callers, 2);
    assert!(kept.future.is_done() && group.is_empty());
    let next = queued(group.run("k", Door::default().work()));
    assert_eq!(kept.ready().unwrap().value, 5, "of its own execution");
    drop(next);
    assert!(group.is_empty());
}

#[test]
fn values_are_cloned_for_all_but_the_last() {
    struct Counted(Arc<AtomicUsize>);
    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, SeqCst);
            Counted(Arc::clone(&self.0))
        }
    }
    let clones = Arc::new(AtomicUsize::new(0));
    let group = SingleFlight::<u8, Counted, ()>::new();
    let value = Counted(Arc::clone(&clones));
    let first = group.start(&1, move || ready(Ok(value)));
    let others: Vec<_> = (0..4).map(|_| group.subscribe(&1).unwrap()).collect();
    let values: Vec<_> = others
        .into_iter()
        .chain([first])
        .map(|joined| Polled::new(joined).ready().unwrap())
        .collect();
    assert_eq!((values.len(), clones.load(SeqCst)), (5, 4));
    drop(values);
    assert_eq!(
        Arc::strong_count(&clones),
        1,
        "nothing is left of the value"
    );
}

#[test]
fn a_result_that_nobody_takes_is_dropped_with_the_last_caller() {
    let (group, value) = (SingleFlight::<u8, Arc<()>, ()>::new(), Arc::new(()));
    let theirs = Arc::clone(&value);
    let keep: Arc<Mutex<Option<Waker>>> = Arc::default();
    let slot = Arc::clone(&keep);
    let work = move || {
        poll_fn(move |cx| {
            // A waker that somebody keeps for ever.
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::Ready(Ok(Arc::clone(&theirs)))
        })
    };
    let (first, second) = (group.start(&1, work), group.subscribe(&1).unwrap());
    let mut third = Polled::new(group.subscribe(&1).unwrap());
    drop(third.ready().unwrap());
    assert_eq!(
        Arc::strong_count(&value),
        2,
        "in the flight; the work is gone"
    );
    drop((first, second));
    assert_eq!(Arc::strong_count(&value), 1);
    drop(keep.lock().unwrap().take());
}

#[test]
fn a_clone_that_panics_costs_its_caller_only() {
    #[derive(Debug)]
    struct Moody(Arc<AtomicUsize>);
    impl Clone for Moody {
        fn clone(&self) -> Self {
            assert!(self.0.fetch_add(1, SeqCst) != 0, "not now");
            Moody(Arc::clone(&self.0))
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let group = SingleFlight::<u8, Moody, ()>::new();
    let value = Moody(Arc::clone(&count));
    // A waker that is kept keeps the flight, but not what is in it.
    let kept: Arc<Mutex<Option<Waker>>> = Arc::default();
    let slot = Arc::clone(&kept);
    let mut value = Some(value);
    let work = move || {
        poll_fn(move |cx| {
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::Ready(Ok(value.take().unwrap()))
        })
    };
    let first = group.start(&1, work);
    let (second, third) = (group.subscribe(&1).unwrap(), group.subscribe(&1).unwrap());
    let mut first = Polled::new(first);
    assert_eq!(panics(|| drop(first.poll())), "not now");
    drop(first);
    let mut second = Polled::new(second);
    second.ready().unwrap();
    Polled::new(third).ready().unwrap();
    drop(second);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_work_may_use_other_keys() {
    let group = Arc::new(SingleFlight::<u32, u32, String>::new());
    fn sum(
        group: Arc<SingleFlight<u32, u32, String>>,
        n: u32,
    ) -> Pin<Box<dyn Future<Output = Result<u32, String>> + Send>> {
        Box::pin(async move {
            if n == 0 {
                support::yield_now().await;
                return Ok(0);
            }
            let inner = Arc::clone(&group);
            let below = group.run_owned(n - 1, move || sum(inner, n - 1)).await?;
            Ok(below.value + n)
        })
    }
    let outer = Arc::clone(&group);
    let outcome = sync_core::park::block_on(group.run(&10, move || sum(outer, 10)));
    assert_eq!(outcome.unwrap().value, 55);
    assert!(group.is_empty());
}

#[test]
fn a_work_that_runs_its_own_key_panics_instead_of_waiting_for_ever() {
    let group = Arc::new(Group::new());
    let inner = Arc::clone(&group);
    let work = move || async move {
        let middle = Arc::clone(&inner);
        let other = move || async move { Ok(middle.run("k", never()).await?.value) };
        Ok(inner.run("other", other).await?.value)
    };
    let mut first = Polled::new(group.start("k", work));
    let mut second = Polled::new(group.subscribe("k").unwrap().caught());
    let message = panics(|| drop(first.poll()));
    assert!(message.contains("waits for its own key"), "{message}");
    let Err(Failure::Panicked(panicked)) = second.ready() else {
        panic!("an error")
    };
    assert!(panicked.message().contains("waits for its own key"));
    assert!(group.is_empty());
}

#[test]
fn a_future_that_has_completed_panics_when_polled() {
    let group = Group::new();
    let mut run = Polled::new(group.run("k", || ready(Ok(1))));
    run.ready().unwrap();
    assert!(panics(|| drop(run.poll())).contains("after it had completed"));
    let mut joined = Polled::new(group.start("k", || ready(Ok(1))));
    joined.ready().unwrap();
    assert!(panics(|| drop(joined.poll())).contains("after it had completed"));
}

#[test]
fn a_key_that_panics_changes_nothing() {
    thread_local!(static ANGRY: Cell<bool> = const { Cell::new(false) });
    #[derive(Clone, Debug)]
    struct Key(u8);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            assert!(!ANGRY.get(), "eq");
            self.0 == other.0
        }
    }
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    impl Eq for Key {}
    let (group, door) = (SingleFlight::<Key, u32, String>::new(), Door::default());
    let mut caller = queued(group.run(&Key(1), door.work()));
    ANGRY.set(true);
    assert_eq!(
        panics(|| drop(Polled::new(group.run(&Key(1), never())).poll())),
        "eq"
    );
    ANGRY.set(false);
    assert_eq!(group.callers(&Key(1)), 1);
    door.open(Ok(1));
    caller.ready().unwrap();
    assert!(group.is_empty());
}

#[test]
fn blocking_callers_and_tasks_share() {
    let group = Arc::new(Group::new());
    let begun = Arc::new(AtomicUsize::new(0));
    // Goes on until all have come.
    let slow = {
        let (group, begun) = (Arc::clone(&group), Arc::clone(&begun));
        move || {
            begun.fetch_add(1, SeqCst);
            async move {
                while group.callers("k") < 54 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(1)
            }
        }
    };
    let rt = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let place = group.start_owned("k".into(), slow.clone());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (group, slow) = (Arc::clone(&group), slow.clone());
            rt.spawn(async move { group.run("k", slow).await })
        })
        .collect();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (group, slow, rt) = (Arc::clone(&group), slow.clone(), rt.handle().clone());
            std::thread::spawn(move || {
                let _inside = rt.enter(); // whoever polls the work makes its timer
                group.run_blocking("k", slow)
            })
        })
        .collect();
    let _inside = rt.enter();
    assert_eq!(sync_core::park::block_on(place).unwrap().value, 1);
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap().value, 1);
    }
    for task in tasks {
        assert_eq!(rt.block_on(task).unwrap().unwrap().value, 1);
    }
    assert_eq!(begun.load(SeqCst), 1);
    assert!(group.is_empty());
}

#[test]
fn callers_on_several_threads_come_and_go() {
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 20 } else { 2_000 };
    let group = Arc::new(SingleFlight::<usize, usize, ()>::new());
    let threads: Vec<_> = (0..THREADS)
        .map(|n| {
            let group = Arc::clone(&group);
            std::thread::spawn(move || {
                for round in 0..rounds {
                    let key = (n + round) % 3;
                    let work = move || async move {
                        support::yield_now().await;
                        support::yield_now().await;
                        Ok(key)
                    };
                    match (n * 7 + round) % 5 {
                        0 => {
                            // Polled once or twice, and left.
                            let mut run = Polled::new(group.run(&key, work));
                            run.pending_or_ready();
                        }
                        1 => drop(group.start(&key, work)),
                        2 => drop(group.forget(&key)),
                        _ => {
                            let outcome = group.run_blocking(&key, work).unwrap();
                            assert_eq!(outcome.value, key);
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(group.is_empty());
}

/// Every sequence of a few operations, on one or two keys, against a model of what should be there.
#[test]
fn no_entry_is_left_in_any_order() {
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Run,
        Subscribe,
        LeaveFirst,
        LeaveLast,
        Finish,
        Fail,
        Panic,
        Forget,
    }
    use Step::*;
    const STEPS: [Step; 8] = [
        Run, Subscribe, LeaveFirst, LeaveLast, Finish, Fail, Panic, Forget,
    ];
    let length = if cfg!(miri) { 2 } else { 5 };
    for sequence in 0..STEPS.len().pow(length) {
        let group = Group::new();
        // The executions in the order of their beginning, each with its callers, oldest first.
        let mut flights: Vec<(Door, usize)> = Vec::new();
        let mut callers: Vec<(usize, Polled<_>)> = Vec::new();
        let mut current = None;
        let mut rest = sequence;
        for _ in 0..length {
            let step = STEPS[rest % STEPS.len()];
            rest /= STEPS.len();
            match step {
                Run => {
                    let door = Door::default();
                    let flight = *current.get_or_insert_with(|| {
                        flights.push((door.clone(), 0));
                        flights.len() - 1
                    });
                    let begins = flights[flight].1 == 0;
                    flights[flight].1 += 1;
                    let mut run = Polled::new(group.start("k", door.work()).caught());
                    run.pending();
                    assert_eq!(door.begun(), usize::from(begins));
                    callers.push((flight, run));
                }
                Subscribe => {
                    let joined = group.subscribe("k");
                    assert_eq!(joined.is_some(), current.is_some());
                    if let (Some(joined), Some(flight)) = (joined, current) {
                        let mut joined = Polled::new(joined.caught());
                        joined.pending();
                        flights[flight].1 += 1;
                        callers.push((flight, joined));
                    }
                }
                LeaveFirst | LeaveLast if !callers.is_empty() => {
                    let at = if matches!(step, LeaveFirst) {
                        0
                    } else {
                        callers.len() - 1
                    };
                    let (flight, left) = callers.remove(at);
                    drop(left);
                    flights[flight].1 -= 1;
                    let gone = flights[flight].1 == 0;
                    assert_eq!(flights[flight].0.dropped(), usize::from(gone));
                    if gone && current == Some(flight) {
                        current = None;
                    }
                }
                Finish | Fail | Panic if !callers.is_empty() => {
                    let flight = callers[0].0;
                    let ours = callers.extract_if(.., |(of, _)| *of == flight);
                    let mut ours: Vec<_> = ours.collect();
                    if current == Some(flight) {
                        current = None;
                    }
                    let door = &flights[flight].0;
                    door.open(match step {
                        Finish => Ok(1),
                        Fail => Err("failed".into()),
                        _ => Err("panic".into()),
                    });
                    for (_, caller) in &mut ours {
                        assert!(caller.woken());
                        match (step, caller.ready()) {
                            (Finish, Ok(outcome)) => {
                                assert_eq!(outcome.callers, flights[flight].1);
                            }
                            (Fail, Err(Failure::Failed(error))) => assert_eq!(error, "failed"),
                            (Panic, Err(Failure::Panicked(panicked))) => {
                                assert_eq!(panicked.message(), "panic");
                            }
                            (_, other) => panic!("{step:?} {other:?}"),
                        }
                    }
                    flights[flight].1 = 0;
                }
                Forget => {
                    assert_eq!(group.forget("k"), current.is_some());
                    current = None;
                }
                _ => {}
            }
            assert_eq!(
                group.in_flight("k"),
                current.is_some(),
                "{step:?} in {sequence}"
            );
            assert_eq!(group.len(), usize::from(current.is_some()));
        }
        drop(callers);
        assert!(group.is_empty(), "{sequence}");
        assert!(flights.iter().all(|(door, _)| door.dropped() == 1));
    }
}

/// What the sequences above have in one key, here in many and at random; all ends mixed.
#[test]
fn no_entry_is_left_of_many_keys() {
    let group = Arc::new(SingleFlight::<u64, u64, u64>::new());
    let mut seed = 1_u64;
    let mut next = move |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % n
    };
    let mut callers = Vec::new();
    for _ in 0..if cfg!(miri) { 100 } else { 20_000 } {
        let key = next(50);
        match next(8) {
            0..=3 => {
                let steps = next(6);
                let work = move || async move {
                    for _ in 0..steps {
                        support::yield_now().await;
                    }
                    assert!(steps != 4, "four");
                    if steps == 5 { Err(key) } else { Ok(key) }
                };
                let joined = Polled::new(group.start_owned(key, work).caught());
                callers.push((key, joined));
            }
            4 => drop(group.forget(&key)),
            _ if callers.is_empty() => {}
            5 => drop(callers.swap_remove(next(callers.len() as u64) as usize)),
            _ => {
                let at = next(callers.len() as u64) as usize;
                if let Poll::Ready(result) = callers[at].1.poll() {
                    let (key, _) = callers.swap_remove(at);
                    match result {
                        Ok(Outcome { value, .. }) => assert_eq!(value, key),
                        Err(Failure::Failed(error)) => assert_eq!(error, key),
                        Err(failure) => assert!(failure.to_string().contains("four")),
                    }
                }
            }
        }
    }
    assert!(group.len() <= 50);
    drop(callers);
    assert!(group.is_empty());
}

#[test]
fn debug_does_not_block_and_says_what_is_there() {
    let (group, door) = (Group::new(), Door::default());
    let mut caller = queued(group.run("k", door.work()));
    let text = format!("{group:?} {:?}", caller.future);
    assert!(
        text.contains("len: 1") && text.contains("callers: 1"),
        "{text}"
    );
    door.open(Ok(1));
    caller.ready().unwrap();
    // From inside the table's lock.
    struct Key(*const SingleFlight<Key, u32, String>);
    // SAFETY: dereferenced on this thread only, while the group lives.
    unsafe impl Send for Key {}
    // SAFETY: as above.
    unsafe impl Sync for Key {}
    impl Clone for Key {
        fn clone(&self) -> Self {
            Key(self.0)
        }
    }
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }
    impl PartialEq for Key {
        fn eq(&self, _: &Self) -> bool {
            // SAFETY: as above.
            assert!(format!("{:?}", unsafe { &*self.0 }).contains("SingleFlight"));
            true
        }
    }
    impl Eq for Key {}
    let group = SingleFlight::<Key, u32, String>::new();
    let key = Key(&raw const group);
    let first = group.start(&key, pending);
    assert_eq!(group.callers(&key), 1);
    drop(first);
}
