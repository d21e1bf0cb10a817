//! Models: two callers, and whoever wakes the work. The group's table is part of them, with loom's
//! mutex. Loom sees each access to the work and to the outcome, so every model is also one of
//! happens-before.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::Mutex;
use loom::thread;

use super::SingleFlight;
use sync_core::model::{Note, Task, block_on, model};

type Group = SingleFlight<u8, u32, ()>;

/// A work that waits until it is told.
#[derive(Clone)]
struct Door(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    open: bool,
    waker: Option<Waker>,
}

impl Door {
    fn new() -> Self {
        Door(Arc::new(Mutex::new(Inside::default())))
    }

    fn open(&self) {
        let waker = {
            let mut inside = self.0.lock().unwrap();
            inside.open = true;
            inside.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn work(&self) -> impl FnOnce() -> Waits + Send + 'static {
        let door = self.clone();
        || Waits(door)
    }
}

struct Waits(Door);

impl Future for Waits {
    type Output = Result<u32, ()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inside = self.0.0.lock().unwrap();
        if inside.open {
            return Poll::Ready(Ok(7));
        }
        inside.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A work that wakes itself in each of its first polls.
struct Restless(u32);

impl Future for Restless {
    type Output = Result<u32, ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 == 0 {
            return Poll::Ready(Ok(7));
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Two callers find each other or do not; what one did before is seen by the other if it gets that
/// one's value.
#[test]
fn callers_meet_or_do_not() {
    model(|| {
        let group = Arc::new(Group::new());
        let notes = Arc::new([Note::default(), Note::default()]);
        let run = |n: u32| {
            let (group, notes) = (Arc::clone(&group), Arc::clone(&notes));
            move || {
                let inside = Arc::clone(&notes);
                let work = move || {
                    inside[n as usize].write();
                    ready(Ok(n))
                };
                let outcome = block_on(group.run(&1, work)).unwrap();
                assert_eq!(notes[outcome.value as usize].read(), 1);
                (outcome.value != n, outcome.shared)
            }
        };
        let other = thread::spawn(run(1));
        let (theirs, shared) = run(0)();
        let (other_theirs, other_shared) = other.join().unwrap();
        assert!(!(theirs && other_theirs));
        assert_eq!(shared, other_shared);
        assert!(group.is_empty());
    });
}

/// The wake-up of the work reaches one who polls it, whoever polled last.
#[test]
fn no_wake_up_is_lost() {
    model(|| {
        let (group, door) = (Arc::new(Group::new()), Door::new());
        let mut first = Box::pin(group.start_owned(1, door.work()));
        let second = group.subscribe_owned(&1).unwrap();
        let task = Task::new();
        assert!(task.poll(first.as_mut()).is_pending());
        let other = thread::spawn(move || block_on(second).unwrap().value);
        let opener = thread::spawn(move || door.open());
        assert_eq!(other.join().unwrap(), 7);
        opener.join().unwrap();
        assert!(
            task.wakes() > 0,
            "this one may be the only one that is polled"
        );
        assert!(task.poll(first.as_mut()).is_ready());
        assert!(group.is_empty());
    });
}

/// What was done before the work was woken is seen by whoever polls it then.
#[test]
fn a_wake_up_publishes_what_was_done_before() {
    model(|| {
        let group = Arc::new(Group::new());
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let note = Arc::new(Note::default());
        let (theirs, inside) = (Arc::clone(&slot), Arc::clone(&note));
        let work = move || {
            let mut polls = 0;
            std::future::poll_fn(move |cx| {
                polls += 1;
                if polls == 1 {
                    *theirs.lock().unwrap() = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(Ok(inside.read()))
            })
        };
        let mut first = Box::pin(group.start_owned(1, work));
        assert!(Task::new().poll(first.as_mut()).is_pending());
        let waker = slot.lock().unwrap().take().unwrap();
        let other = thread::spawn(move || block_on(first).unwrap().value);
        let opener = thread::spawn(move || {
            note.write();
            waker.wake();
        });
        assert_eq!(other.join().unwrap(), 1);
        opener.join().unwrap();
    });
}

/// The caller that polled last leaves as the work is woken; the other one is not forgotten.
#[test]
fn cancel_against_wake() {
    model(|| {
        let (group, door) = (Arc::new(Group::new()), Door::new());
        let second = group.start_owned(1, door.work());
        let mut first = Box::pin(group.subscribe_owned(&1).unwrap());
        assert!(Task::new().poll(first.as_mut()).is_pending());
        let leaver = thread::spawn(move || drop(first));
        let opener = thread::spawn(move || door.open());
        assert_eq!(block_on(second).unwrap().value, 7);
        leaver.join().unwrap();
        opener.join().unwrap();
        assert!(group.is_empty());
    });
}

/// A caller leaves while another one completes the work: the value is dropped once, by the last.
#[test]
fn cancel_against_completion() {
    model(|| {
        let group = Arc::new(SingleFlight::<u8, Arc<()>, ()>::new());
        let value = Arc::new(());
        let theirs = Arc::clone(&value);
        let first = group.start_owned(1, move || ready(Ok(theirs)));
        let second = group.subscribe_owned(&1).unwrap();
        let third = group.subscribe_owned(&1).unwrap();
        let leaver = thread::spawn(move || drop(second));
        let other = thread::spawn(move || drop(block_on(third).unwrap()));
        drop(block_on(first).unwrap());
        leaver.join().unwrap();
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(group.is_empty());
    });
}

/// The last caller leaves while another one joins: it joins a live execution or begins a new one.
#[test]
fn the_last_leaves_while_another_joins() {
    model(|| {
        let (group, door) = (Arc::new(Group::new()), Door::new());
        let mut last = Box::pin(group.start_owned(1, door.work()));
        assert!(Task::new().poll(last.as_mut()).is_pending());
        let leaver = thread::spawn(move || drop(last));
        let joiner = {
            let group = Arc::clone(&group);
            let work = door.work();
            thread::spawn(move || block_on(group.run(&1, work)).unwrap().value)
        };
        door.open();
        leaver.join().unwrap();
        assert_eq!(joiner.join().unwrap(), 7);
        assert!(group.is_empty());
    });
}

/// The end of an execution that is forgotten does not remove the one that follows.
#[test]
fn forget_against_completion() {
    model(|| {
        let group = Arc::new(Group::new());
        let first = group.start_owned(1, || ready(Ok(1)));
        let next = {
            let group = Arc::clone(&group);
            thread::spawn(move || {
                group.forget(&1);
                group.start_owned(1, || ready(Ok(2)))
            })
        };
        let other = thread::spawn(move || block_on(first).unwrap().value);
        assert_eq!(other.join().unwrap(), 1);
        let next = next.join().unwrap();
        assert!(group.in_flight(&1), "somebody waits for it");
        assert_eq!(block_on(next).unwrap().value, 2);
        assert!(group.is_empty());
    });
}

/// A work that wakes itself more often than one caller polls it: the caller that gives up has told all
/// others.
#[test]
fn a_work_that_wakes_itself() {
    model(|| {
        let group = Arc::new(Group::new());
        let mut first = Box::pin(group.start_owned(1, || Restless(3)));
        let second = group.subscribe_owned(&1).unwrap();
        // Polled once, in parallel, and never again while the other one waits.
        let parked = thread::spawn(move || {
            let _ = Task::new().poll(first.as_mut());
            first
        });
        let other = thread::spawn(move || block_on(second).unwrap().value);
        assert_eq!(other.join().unwrap(), 7);
        drop(parked.join().unwrap());
        assert!(group.is_empty());
    });
}
