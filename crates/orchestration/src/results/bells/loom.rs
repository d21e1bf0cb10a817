//! Bells that ring while their owner looks, or falls asleep: each is heard, and what was done before it
//! is seen.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::Mutex;
use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use sync_core::model::{block_on, model};

use super::{BITS, Bells};

/// In the place of the one of `futures-util`, whose atomics are not loom's.
#[derive(Default)]
pub(super) struct AtomicWaker(Mutex<Option<Waker>>);

impl AtomicWaker {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn register(&self, waker: &Waker) {
        *self.0.lock().unwrap() = Some(waker.clone());
    }

    pub(super) fn wake(&self) {
        let waker = self.0.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A thread for each slot does something and rings, and a bell that has rung rings again; the owner sleeps
/// until it has heard all of them, and takes so many slots at a look.
fn all_are_heard(slots: &'static [usize], again: bool, at_a_look: usize) {
    model(move || {
        let bells = Bells::new(slots.len().max(slots[slots.len() - 1] + 1));
        let deeds: Arc<[AtomicBool]> = slots.iter().map(|_| AtomicBool::new(false)).collect();
        let ringers: Vec<_> = (0..slots.len())
            .map(|n| {
                let (bells, deeds) = (Arc::clone(&bells), Arc::clone(&deeds));
                thread::spawn(move || {
                    deeds[n].store(true, Relaxed);
                    bells.ring(slots[n]);
                    if again {
                        bells.ring(slots[n]);
                    }
                })
            })
            .collect();
        let owner = thread::spawn(move || {
            let mut heard = vec![false; slots.len()];
            block_on(poll_fn(|cx| {
                loop {
                    let mut taken = 0;
                    let more = bells.look(|slot| {
                        let n = slots.iter().position(|it| *it == slot).unwrap();
                        assert!(deeds[n].load(Relaxed), "a bell without a deed");
                        heard[n] = true;
                        taken += 1;
                        taken < at_a_look
                    });
                    if !heard.contains(&false) {
                        return Poll::Ready(());
                    }
                    if !more && bells.sleep(cx.waker()) {
                        return Poll::Pending;
                    }
                }
            }));
        });
        owner.join().unwrap();
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

#[test]
fn a_bell_against_falling_asleep() {
    all_are_heard(&[0], true, 9);
}

#[test]
fn two_bells_of_one_word() {
    all_are_heard(&[0, 1], false, 9);
}

#[test]
fn two_bells_of_two_words() {
    all_are_heard(&[0, BITS], false, 9);
}

#[test]
fn what_is_put_back_is_heard() {
    all_are_heard(&[0, 1], false, 1);
}

#[test]
fn what_is_put_back_beside_another_word() {
    all_are_heard(&[0, BITS], false, 1);
}
