//! The auto-reset event under every interleaving of two or three threads.

use std::pin::{Pin, pin};
use std::sync::Arc as StdArc;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::event::{AutoEvent, AutoWaitOwned};
use sync_core::model::{Task, block_on, model, pass_time};

/// One set, one that waits: it sees what was done before, wherever the two meet.
#[test]
fn set_happens_before_the_wait_returns() {
    model(|| {
        let shared = Arc::new((AutoEvent::new(), UnsafeCell::new(0)));
        let setter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: read only after the wait; loom checks it.
                shared.1.with_mut(|value| unsafe { *value = 1 });
                shared.0.set();
            })
        };
        block_on(shared.0.wait());
        // SAFETY: the event has been set; loom checks it.
        assert_eq!(shared.1.with(|value| unsafe { *value }), 1);
        setter.join().unwrap();
        assert!(!shared.0.is_set() && shared.0.waiters() == 0);
    });
}

/// One that sets it while it is set publishes, too: who takes it looks for what both have done.
#[test]
fn a_set_that_changes_nothing_publishes() {
    model(|| {
        let shared = Arc::new((AutoEvent::new_set(), AtomicBool::new(false)));
        let setter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.store(true, Ordering::Relaxed);
                shared.0.set();
            })
        };
        assert!(shared.0.try_wait());
        let seen = shared.1.load(Ordering::Relaxed);
        setter.join().unwrap();
        assert!(seen || shared.0.try_wait(), "a set was lost");
    });
}

/// Two sets release two waiters.
#[test]
fn as_many_as_sets() {
    model(|| {
        let event = Arc::new(AutoEvent::new());
        let task = Task::new();
        let mut waits: [_; 2] = std::array::from_fn(|_| Box::pin(event.wait()));
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_pending());
        }
        let setters: Vec<_> = (0..2)
            .map(|_| {
                let event = Arc::clone(&event);
                thread::spawn(move || event.set())
            })
            .collect();
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!(task.wakes(), 2);
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_ready());
        }
        assert!(!event.is_set());
    });
}

/// The last who waits is notified, which clears the flag that says so, while another one comes, and one
/// takes back what is not there.
#[test]
fn a_newcomer_against_set() {
    model(|| {
        let event = Arc::new(AutoEvent::new());
        let task = Task::new();
        let mut first = Box::pin(event.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let setter = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.set())
        };
        let newcomer = {
            let event = Arc::clone(&event);
            thread::spawn(move || {
                let task = Task::new();
                let mut second = Box::pin(event.wait());
                assert!(task.poll(second.as_mut()).is_pending(), "out of turn");
                event.set();
                block_on(second);
            })
        };
        assert!(!event.reset(), "it was the first one's");
        setter.join().unwrap();
        newcomer.join().unwrap();
        assert!(task.poll(first.as_mut()).is_ready());
        assert!(!event.is_set() && event.waiters() == 0);
    });
}

/// One waiter leaves while the event is set: nothing is lost, whoever is released.
#[test]
fn cancel_against_set() {
    model(|| {
        let event = Arc::new(AutoEvent::new());
        let leaver = {
            let event = Arc::clone(&event);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(event.wait());
                if task.poll(wait.as_mut()).is_ready() {
                    event.set(); // for the other one
                }
            })
        };
        let waiter = {
            let event = Arc::clone(&event);
            thread::spawn(move || block_on(event.wait()))
        };
        event.set();
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert!(!event.is_set() && event.waiters() == 0);
    });
}

/// An event, and one who waits for it and has not come for its notification.
fn one_is_late() -> (StdArc<AutoEvent>, Task, Pin<Box<AutoWaitOwned>>) {
    let event = StdArc::new(AutoEvent::new());
    let task = Task::new();
    let mut wait = Box::pin(StdArc::clone(&event).wait_owned());
    assert!(task.poll(wait.as_mut()).is_pending());
    event.set();
    pass_time();
    (event, task, wait)
}

/// The same, and it has lost it.
fn one_is_away() -> (StdArc<AutoEvent>, Task, Pin<Box<AutoWaitOwned>>) {
    let late = one_is_late();
    assert!(late.0.try_wait(), "taken away");
    late
}

/// Another thread that sets it so many times.
fn sets(event: &StdArc<AutoEvent>, times: usize) -> thread::JoinHandle<()> {
    let event = StdArc::clone(event);
    thread::spawn(move || (0..times).for_each(|_| event.set()))
}

/// A notification that nobody claims is taken away while its holder comes for it.
#[test]
fn revoked_against_claimed() {
    model(|| {
        let (event, task, mut wait) = one_is_late();
        let thief = {
            let event = StdArc::clone(&event);
            thread::spawn(move || event.try_wait())
        };
        let claimed = task.poll(wait.as_mut()).is_ready();
        let stolen = thief.join().unwrap();
        assert_ne!(claimed, stolen, "one set releases one");
        if stolen {
            event.set();
            assert!(task.poll(wait.as_mut()).is_ready());
        }
        assert!(!event.is_set() && event.waiters() == 0);
    });
}

/// More than one batch of wake-ups, newcomers among them.
#[test]
fn notify_all_against_a_newcomer() {
    model(|| {
        let event = Arc::new(AutoEvent::new());
        let task = Task::new();
        let mut waits: [_; 3] = std::array::from_fn(|_| Box::pin(event.wait()));
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_pending());
        }
        let newcomer = {
            let event = Arc::clone(&event);
            thread::spawn(move || block_on(event.wait()))
        };
        let notifier = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.notify_all())
        };
        event.set(); // for the newcomer, or one of the three is released twice
        notifier.join().unwrap();
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_ready());
        }
        drop(waits);
        event.set();
        newcomer.join().unwrap();
        assert_eq!(event.waiters(), 0);
    });
}

/// One that lost its notification comes back to wait while the event is set.
#[test]
fn a_revoked_waiter_comes_back_against_set() {
    model(|| {
        let (event, task, mut wait) = one_is_away();
        let task = StdArc::new(task);
        task.wakes();
        let setter = sets(&event, 1);
        let comes = {
            let task = StdArc::clone(&task);
            thread::spawn(move || {
                let woken = task.wakes();
                let done = task.poll(wait.as_mut()).is_ready();
                (wait, woken, done)
            })
        };
        setter.join().unwrap();
        let (mut wait, woken, done) = comes.join().unwrap();
        if !done {
            assert!(task.wakes() > woken, "set, and nobody has told it");
            assert!(task.poll(wait.as_mut()).is_ready());
        }
        assert!(!event.is_set() && event.waiters() == 0);
    });
}

/// Set twice while one comes back: one is its, the other is remembered.
#[test]
fn two_sets_against_one_who_comes_back() {
    model(|| {
        let (event, task, mut wait) = one_is_away();
        let setter = sets(&event, 2);
        let done = task.poll(wait.as_mut()).is_ready();
        setter.join().unwrap();
        assert!(done || task.poll(wait.as_mut()).is_ready(), "not released");
        assert!(event.try_wait(), "two sets were one");
        assert!(!event.is_set() && event.waiters() == 0);
    });
}

/// It is dropped instead, and nobody waits.
#[test]
fn two_sets_against_one_who_is_away_and_leaves() {
    model(|| {
        let (event, _task, wait) = one_is_away();
        let setter = sets(&event, 2);
        drop(wait);
        setter.join().unwrap();
        assert!(event.try_wait() && !event.try_wait(), "one is remembered");
        assert!(!event.reset() && event.waiters() == 0);
    });
}

/// One loses its notification to another while the event is set without the lock: who sets it, and looks
/// then, finds it set, wherever that is kept.
#[test]
fn set_and_looked_at_while_one_loses_its_place() {
    model(|| {
        let (event, task, mut wait) = one_is_late();
        let setter = {
            let event = StdArc::clone(&event);
            thread::spawn(move || {
                event.set();
                assert!(
                    event.try_wait(),
                    "two sets, and nobody else has claimed two"
                );
            })
        };
        assert!(event.try_wait(), "it was not claimed");
        setter.join().unwrap();
        assert!(
            task.poll(wait.as_mut()).is_pending(),
            "two sets release two"
        );
        event.set();
        assert!(task.poll(wait.as_mut()).is_ready());
        assert!(!event.is_set() && event.waiters() == 0);
    });
}
