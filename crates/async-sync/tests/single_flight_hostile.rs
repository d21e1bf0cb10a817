//! SingleFlight among wakers, works and values that use the very group they belong to, or panic.

mod support;

use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use async_sync::SingleFlight;
use support::{Polled, queued};

type Group = SingleFlight<u8, u32, ()>;

/// What a waker does when it is cloned, called, dropped.
#[derive(Default)]
struct Script {
    clone: Option<Box<dyn Fn() + Send + Sync>>,
    wake: Option<Box<dyn Fn() + Send + Sync>>,
    drop: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Script {
    fn waker(self) -> Waker {
        fn of(data: *const ()) -> Arc<Script> {
            // SAFETY: made by `into_raw`; one count is added for the clone that is returned.
            unsafe {
                Arc::increment_strong_count(data.cast::<Script>());
                Arc::from_raw(data.cast())
            }
        }
        fn release(data: *const ()) {
            // SAFETY: made by `into_raw`; the waker's own count.
            unsafe { Arc::decrement_strong_count(data.cast::<Script>()) }
        }
        fn call(what: Option<&(dyn Fn() + Send + Sync)>) {
            if let Some(what) = what {
                what();
            }
        }
        static VTABLE: RawWakerVTable = RawWakerVTable::new(
            |data| {
                let script = of(data);
                call(script.clone.as_deref());
                RawWaker::new(Arc::into_raw(script).cast(), &VTABLE)
            },
            |data| {
                let script = of(data);
                release(data);
                call(script.wake.as_deref());
            },
            |data| call(of(data).wake.as_deref()),
            |data| {
                let script = of(data);
                release(data);
                call(script.drop.as_deref());
            },
        );
        // SAFETY: the functions above keep the contract; the script is Send and Sync.
        unsafe { Waker::new(Arc::into_raw(Arc::new(self)).cast(), &VTABLE) }
    }
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

type Waits = std::pin::Pin<Box<dyn Future<Output = Result<u32, ()>> + Send>>;

/// A work that ends when the returned function is called.
fn gate() -> (
    impl FnOnce() -> Waits + Send,
    impl Fn() + Send + Sync + Clone,
) {
    type Gate = (bool, Option<Waker>);
    let gate: Arc<Mutex<Gate>> = Arc::default();
    let theirs = Arc::clone(&gate);
    let work = move || -> Waits {
        Box::pin(poll_fn(move |cx| {
            let mut gate = theirs.lock().unwrap();
            if gate.0 {
                return Poll::Ready(Ok(1));
            }
            gate.1 = Some(cx.waker().clone());
            Poll::Pending
        }))
    };
    let open = move || {
        let waker = {
            let mut gate = gate.lock().unwrap();
            gate.0 = true;
            gate.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    };
    (work, open)
}

/// Runs, subscribes, forgets, looks.
fn use_group(group: &Group) {
    let (mine, other) = (group.callers(&1), group.len());
    if let Some(joined) = group.subscribe(&1) {
        drop(Polled::new(joined).poll());
    }
    drop(queued(group.run(&2, pending)));
    assert!(!group.forget(&3));
    assert!(!format!("{group:?}").is_empty());
    assert!(group.callers(&1) <= mine.max(1) && group.len() <= other.max(1));
}

#[test]
fn wakers_may_use_the_group_that_calls_clones_and_drops_them() {
    let group = Arc::new(Group::new());
    let script = || {
        let again = || {
            let group = Arc::clone(&group);
            Some(Box::new(move || use_group(&group)) as Box<dyn Fn() + Send + Sync>)
        };
        Script {
            clone: again(),
            wake: again(),
            drop: again(),
        }
    };
    let (work, open) = gate();
    let mut first = Box::pin(group.run(&1, work));
    let waker = script().waker();
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut others: Vec<_> = (0..40).map(|_| Box::pin(group.run(&1, pending))).collect();
    for other in &mut others {
        let waker = script().waker();
        assert!(
            other
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        // Another one takes its place.
        let waker = script().waker();
        assert!(
            other
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    drop(others.pop());
    open();
    for other in &mut others {
        let waker = script().waker();
        assert!(
            other
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        );
    }
    drop(others);
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    );
    assert!(group.is_empty());
}

/// A waker that polls its own future at once: settling must not go round for ever.
#[test]
fn a_waker_that_queues_again_at_once_does_not_hold_up_the_one_that_wakes() {
    let group = Arc::new(Group::new());
    let polls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polls);
    let slot: Arc<Mutex<Option<Waker>>> = Arc::default();
    let inner = Arc::clone(&slot);
    let work = move || {
        poll_fn(move |cx| {
            count.fetch_add(1, SeqCst);
            *inner.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        })
    };
    let first = queued(group.run(&1, work));
    // Each wake-up of these brings one more into the queue.
    let late = Arc::new(Mutex::new(Vec::new()));
    let mut eager: Vec<_> = (0..40)
        .map(|_| Box::pin(group.start_owned(1, pending)))
        .collect();
    for one in &mut eager {
        let (group, late) = (Arc::clone(&group), Arc::clone(&late));
        let wake = move || {
            let mut one = Polled::new(group.start_owned(1, pending));
            one.pending();
            late.lock().unwrap().push(one);
        };
        let waker = Script {
            wake: Some(Box::new(wake)),
            ..Script::default()
        }
        .waker();
        assert!(
            one.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    let waker = slot.lock().unwrap().clone().unwrap();
    waker.wake();
    assert!(first.woken());
    let late_ones = late.lock().unwrap();
    assert_eq!(late_ones.len(), 40);
    assert!(
        late_ones.iter().all(|one| !one.woken()),
        "they came when it was over"
    );
    drop(late_ones);
    drop((eager, std::mem::take(&mut *late.lock().unwrap()), first));
    assert!(group.is_empty());
}

#[test]
fn wakers_that_panic_cost_nobody_else_a_wake_up() {
    let group = Group::new();
    let (work, open) = gate();
    let bad = || {
        Script {
            wake: Some(Box::new(|| panic!("wake"))),
            ..Script::default()
        }
        .waker()
    };
    let mut first = Box::pin(group.run(&1, work));
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&bad()))
            .is_pending()
    );
    let mut others: Vec<_> = (0..40).map(|_| queued(group.run(&1, pending))).collect();
    assert!(panics(&open), "it comes out of the wake-up, in the end");
    for other in &mut others {
        assert!(other.woken());
    }
    assert_eq!(others[3].ready().unwrap().callers, 41);
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
    for (n, other) in others.iter_mut().enumerate() {
        if n != 3 {
            other.ready().unwrap();
        }
    }
    assert!(group.is_empty());
}

#[test]
fn a_caller_whose_poll_panics_over_a_waker_of_another_loses_nothing() {
    // The work lets another caller queue during its last poll, so completing wakes that one; its waker
    // panics, and the panic comes out of the poll that has completed the work.
    let group = Arc::new(Group::new());
    let angry = Arc::new(Mutex::new(None));
    let (inside, slot) = (Arc::clone(&group), Arc::clone(&angry));
    let first = group.start(&1, move || {
        poll_fn(move |_| {
            let (inside, slot) = (Arc::clone(&inside), Arc::clone(&slot));
            // On another thread: on this one it would wait for itself.
            let queue = move || {
                let wake = || panic!("wake");
                let bad = Script {
                    wake: Some(Box::new(wake)),
                    ..Script::default()
                }
                .waker();
                let mut joined = Box::pin(inside.subscribe_owned(&1).unwrap());
                assert!(
                    joined
                        .as_mut()
                        .poll(&mut Context::from_waker(&bad))
                        .is_pending()
                );
                *slot.lock().unwrap() = Some(joined);
            };
            std::thread::spawn(queue).join().unwrap();
            Poll::Ready(Ok(1))
        })
    });
    let mut first = Polled::new(first);
    assert!(panics(|| drop(first.poll())));
    assert!(group.is_empty());
    assert_eq!(
        first.ready().unwrap().callers,
        2,
        "what it polled for is still there"
    );
    let mut angry = angry.lock().unwrap().take().unwrap();
    assert!(
        angry
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_all_as_it_was() {
    let group = Group::new();
    let (work, open) = gate();
    let clone = Script {
        clone: Some(Box::new(|| panic!("clone"))),
        ..Script::default()
    }
    .waker();
    let mut first = Box::pin(group.run(&1, work));
    assert!(panics(|| drop(
        first.as_mut().poll(&mut Context::from_waker(&clone))
    )));
    assert_eq!(
        (group.callers(&1), group.waiters(&1)),
        (1, 0),
        "it has joined"
    );
    let mut second = queued(group.run(&1, pending));
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert!(panics(|| drop(
        first.as_mut().poll(&mut Context::from_waker(&clone))
    )));
    drop(first);
    open();
    assert_eq!(second.ready().unwrap().callers, 1);
    assert!(group.is_empty());
}

#[test]
fn a_destructor_of_the_work_may_use_the_group() {
    struct Uses(Arc<Group>);
    impl Drop for Uses {
        fn drop(&mut self) {
            use_group(&self.0);
            // Its own key begins anew already.
            let mut again = Polled::new(self.0.run(&1, || ready(Ok(5))));
            assert_eq!(again.ready().unwrap().value, 5);
        }
    }
    let group = Arc::new(Group::new());
    let uses = Uses(Arc::clone(&group));
    let cancelled = queued(group.run(&1, move || async move {
        let _uses = uses;
        pending().await
    }));
    drop(cancelled);
    assert!(group.is_empty());
}

#[test]
fn a_value_that_uses_the_group_when_cloned_and_dropped() {
    struct Value(Arc<SingleFlight<u8, Value, ()>>);
    fn look(group: &SingleFlight<u8, Value, ()>) {
        assert!(group.subscribe(&1).is_none());
        drop(queued(group.run(&2, pending)));
    }
    impl Clone for Value {
        fn clone(&self) -> Self {
            look(&self.0);
            Value(Arc::clone(&self.0))
        }
    }
    impl Drop for Value {
        fn drop(&mut self) {
            look(&self.0);
        }
    }
    let group = Arc::new(SingleFlight::new());
    let value = Value(Arc::clone(&group));
    let first = group.start(&1, move || ready(Ok(value)));
    let (second, third) = (group.subscribe(&1).unwrap(), group.subscribe(&1).unwrap());
    drop(Polled::new(first).ready());
    drop(second);
    drop(third); // with the value that nobody took
    assert!(group.is_empty());
}

/// Another caller is dropped inside of the work, and inside of a value's clone.
#[test]
fn callers_may_be_dropped_anywhere() {
    type Slot = Arc<Mutex<Vec<async_sync::single_flight::JoinedOwned<u8, u32, ()>>>>;
    let group = Arc::new(Group::new());
    let slot: Slot = Arc::default();
    let inside = Arc::clone(&slot);
    let first = group.start_owned(1, move || {
        poll_fn(move |_| {
            inside.lock().unwrap().clear();
            Poll::Ready(Ok(1))
        })
    });
    for _ in 0..3 {
        slot.lock()
            .unwrap()
            .push(group.subscribe_owned(&1).unwrap());
    }
    let outcome = Polled::new(first).ready().unwrap();
    assert_eq!((outcome.callers, outcome.shared), (1, false));
    assert!(group.is_empty());
}

#[test]
fn forgotten_places_keep_an_execution_and_nothing_else() {
    // A leaked place counts for ever, as if it might still be polled.
    let group = Arc::new(SingleFlight::<u8, Arc<()>, ()>::new());
    let value = Arc::new(());
    let theirs = Arc::clone(&value);
    let leaked = Box::into_raw(Box::new(group.start_owned(1, move || ready(Ok(theirs)))));
    let mut other = Polled::new(group.subscribe(&1).unwrap());
    drop(other.ready().unwrap());
    assert_eq!(Arc::strong_count(&value), 2);
    assert!(group.is_empty());
    // SAFETY: from `into_raw` above. For the leak checker only.
    drop(unsafe { Box::from_raw(leaked) });
    assert_eq!(Arc::strong_count(&value), 1);
}

/// A key whose comparison uses the table it is compared in, or panics. All have the same hash.
#[derive(Clone, Debug)]
struct Key(u8);

thread_local! {
    static IN_EQ: std::cell::RefCell<Option<Box<dyn Fn()>>> = const { std::cell::RefCell::new(None) };
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        // Not again inside of itself.
        let script = IN_EQ.with(|script| script.take());
        if let Some(script) = script {
            script();
            IN_EQ.with(|place| place.replace(Some(script)));
        }
        self.0 == other.0
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u8(0);
    }
}

fn in_eq(script: impl Fn() + 'static) {
    IN_EQ.with(|place| place.replace(Some(Box::new(script))));
}

#[test]
fn keys_may_use_the_group_that_compares_them_or_panic() {
    let group = Arc::new(SingleFlight::<Key, u32, ()>::new());
    let looks = {
        let group = Arc::clone(&group);
        move || {
            assert!(group.len() <= 3);
            assert!(!group.in_flight(&Key(200)) && !group.forget(&Key(201)));
            drop(queued(group.run(&Key(202), pending)));
        }
    };
    in_eq(looks);
    let mut runs: Vec<_> = (0..3)
        .map(|n| queued(group.run_owned(Key(n % 2), pending)))
        .collect();
    assert_eq!(
        (group.len(), group.callers(&Key(0)), group.callers(&Key(1))),
        (2, 2, 1)
    );
    assert!(group.subscribe(&Key(1)).is_some() && group.subscribe(&Key(2)).is_none());
    assert!(group.forget(&Key(0)));
    assert_eq!((group.callers(&Key(0)), group.len()), (0, 1));
    let mut newer = queued(group.run_owned(Key(0), pending));
    in_eq(|| panic!("Eq"));
    assert!(panics(|| assert_eq!(group.callers(&Key(2)), 0)));
    in_eq(|| panic!("Eq"));
    assert!(panics(|| drop(group.start(&Key(2), pending))));
    IN_EQ.with(|script| script.take());
    assert_eq!(group.len(), 2, "as it was");
    for run in &mut runs {
        run.pending();
    }
    newer.pending();
    drop((runs, newer));
    assert!(group.is_empty());
}
