//! The barrier under every interleaving of two or three threads.

use std::pin::pin;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Barrier, BrokenBarrier};
use sync_core::model::{Task, block_on, model};

/// What each party did before is seen by all after, generation by generation.
#[test]
fn arrivals_happen_before_the_wait_returns() {
    model(|| {
        let shared = Arc::new((Barrier::new(2), [UnsafeCell::new(0), UnsafeCell::new(0)]));
        let party = |me: usize, shared: &(Barrier, [UnsafeCell<usize>; 2])| {
            for generation in 0..2 {
                // SAFETY: each has a cell, which the other reads between two waits; loom checks it.
                shared.1[me].with_mut(|value| unsafe { *value += 1 });
                let met = block_on(shared.0.wait()).unwrap();
                assert_eq!(met.generation(), 2 * generation);
                // SAFETY: the other one waits below, or is on its way there.
                let other = shared.1[1 - me].with(|value| unsafe { *value });
                assert_eq!(other, generation + 1);
                block_on(shared.0.wait()).unwrap();
            }
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || party(0, &shared))
        };
        party(1, &shared);
        other.join().unwrap();
        assert_eq!((shared.0.generation(), shared.0.waiting()), (4, 0));
    });
}

/// What the action did is seen by all, and it runs once.
#[test]
fn the_action_happens_before_the_wait_returns() {
    model(|| {
        let value = Arc::new(UnsafeCell::new(0));
        let acts = Arc::clone(&value);
        let barrier = Arc::new(Barrier::with_action(2, move || {
            // SAFETY: read only after the wait; loom checks it.
            acts.with_mut(|value| unsafe { *value += 1 });
            Ok::<_, ()>(())
        }));
        let parties: Vec<_> = (0..2)
            .map(|_| {
                let (barrier, value) = (Arc::clone(&barrier), Arc::clone(&value));
                thread::spawn(move || {
                    let met = block_on(barrier.wait()).unwrap();
                    // SAFETY: the action is over; loom checks it.
                    assert_eq!(value.with(|value| unsafe { *value }), 1);
                    met.is_leader()
                })
            })
            .collect();
        let leaders = parties
            .into_iter()
            .filter_map(|party| party.join().unwrap().then_some(()));
        assert_eq!(leaders.count(), 1);
    });
}

/// One comes while the action may be running.
#[test]
fn a_third_one_comes_during_the_action() {
    model(|| {
        let barrier = Arc::new(Barrier::with_action(2, || Ok::<_, ()>(())).lenient());
        let task = Task::new();
        let mut first = Box::pin(barrier.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let others: Vec<_> = (0..2)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                thread::spawn(move || {
                    let task = Task::new();
                    let mut wait = pin!(barrier.wait());
                    let once = task.poll(wait.as_mut());
                    let again = task.wakes() != 0 && once.is_pending();
                    usize::from(once.is_ready())
                        + usize::from(again && task.poll(wait.as_mut()).is_ready())
                })
            })
            .collect();
        let done: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert_eq!(done, 1);
        assert!(task.poll(first.as_mut()).is_ready());
        assert_eq!((barrier.generation(), barrier.waiting()), (1, 0));
    });
}

/// One leaves while the last arrives: all have met, or both are told.
#[test]
fn cancel_against_the_last_arrival() {
    model(|| {
        let barrier = Arc::new(Barrier::new(3));
        let task = Task::new();
        let mut first = Box::pin(barrier.wait());
        assert!(task.poll(first.as_mut()).is_pending());
        let mut leaves = Box::pin(barrier.wait());
        assert!(Task::new().poll(leaves.as_mut()).is_pending());
        let last = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || block_on(barrier.wait()).is_ok())
        };
        drop(leaves);
        let met = last.join().unwrap();
        assert_ne!(task.wakes(), 0, "nobody has told it");
        let Poll::Ready(result) = task.poll(first.as_mut()) else {
            panic!("its generation is over");
        };
        assert_eq!(result.is_ok(), met);
        assert_eq!(barrier.is_broken(), !met);
        assert_eq!(barrier.waiting(), 0);
    });
}

/// The same at a lenient barrier: all have met, or two wait for another.
#[test]
fn cancel_against_the_last_arrival_of_a_lenient_barrier() {
    model(|| {
        let barrier = Arc::new(Barrier::new(2).lenient());
        let mut leaves = Box::pin(barrier.wait());
        assert!(Task::new().poll(leaves.as_mut()).is_pending());
        let last = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(barrier.wait());
                if task.poll(wait.as_mut()).is_pending() {
                    assert_eq!(barrier.waiting(), 1);
                }
            })
        };
        drop(leaves);
        last.join().unwrap();
        assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    });
}

/// A reset against arrivals, more than one batch of wake-ups: everybody is told something.
#[test]
fn reset_against_arrivals() {
    model(|| {
        let barrier = std::sync::Arc::new(Barrier::new(4));
        let task = Task::new();
        let mut waits: [_; 3] = std::array::from_fn(|_| Box::pin(barrier.wait()));
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_pending());
        }
        let resets = {
            let barrier = std::sync::Arc::clone(&barrier);
            thread::spawn(move || barrier.reset())
        };
        let newcomer = {
            let barrier = std::sync::Arc::clone(&barrier);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = Box::pin(barrier.wait_owned());
                let result = task.poll(wait.as_mut());
                (result, wait)
            })
        };
        resets.join().unwrap();
        let (result, wait) = newcomer.join().unwrap();
        let met = matches!(result, Poll::Ready(Ok(_)));
        for wait in &mut waits {
            assert_eq!(
                task.poll(wait.as_mut()).map(|result| result.is_ok()),
                Poll::Ready(met)
            );
        }
        assert!(!barrier.is_broken());
        match result {
            Poll::Pending => assert_eq!(barrier.waiting(), 1, "it came after the reset"),
            Poll::Ready(Err(BrokenBarrier::ByOthers)) | Poll::Ready(Ok(_)) => {
                assert_eq!(barrier.waiting(), 0);
            }
            Poll::Ready(Err(BrokenBarrier::ByAction(never))) => match never {},
        }
        drop(wait);
    });
}
