//! The waker of the task that waits for a whole select: set by that task, called by any thread.
//!
//! ```text
//! REST     -- register --> SETTING -- REST                 the new waker is in
//! SETTING  -- wake ------> SETTING | WAKING                the setter sees it on its way out, and calls
//! REST     -- wake ------> WAKING  -- REST                 the waker is taken out, and called afterwards
//! WAKING   -- register:    nothing is set; the task is woken instead, and comes again
//! ```
//!
//! The cell belongs to whoever left `REST`. Only one thread registers at a time, as registering is a
//! poll. A wake-up that finds another one under way has nothing to do: what it tells of happened before
//! its exchange, and the other one's waker is called after.
//!
//! No waker is cloned, called or dropped while the cell is held.

use core::task::Waker;

use sync_core::atomic::{AtomicUsize, Ordering, UnsafeCell};

const REST: usize = 0;
const SETTING: usize = 1;
const WAKING: usize = 2;

pub(super) struct Outer {
    state: AtomicUsize,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the cell is accessed by one thread at a time, see the head; a waker may go to any thread.
unsafe impl Sync for Outer {}

impl Outer {
    pub(super) fn new() -> Self {
        Outer {
            state: AtomicUsize::new(REST),
            waker: UnsafeCell::new(None),
        }
    }

    /// From now on `waker` is called, once. Whoever looks for news after this does not miss any.
    ///
    /// One thread at a time.
    pub(super) fn register(&self, waker: &Waker) {
        if !self.swap(|old| match old {
            // Saves a clone, and calls nothing.
            Some(old) if old.will_wake(waker) => Ok(()),
            _ => Err(()),
        }) {
            // Not the same, or a wake-up is under way. (The clone is foreign: the cell is not held.)
            let mut new = Some(waker.clone());
            let set = self.swap(|old| {
                core::mem::swap(old, &mut new);
                Ok(())
            });
            drop(new);
            if !set {
                waker.wake_by_ref();
            }
        }
    }

    /// Holds the cell for `f`; whether it did, and `f` agreed. A wake-up that came meanwhile is made up
    /// for.
    fn swap(&self, f: impl FnOnce(&mut Option<Waker>) -> Result<(), ()>) -> bool {
        // Acquire: the last holder is done with the cell.
        if self
            .state
            .compare_exchange(REST, SETTING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        // SAFETY: this thread has left REST; nothing below unwinds or nests.
        let done = self.waker.with_mut(|cell| f(unsafe { &mut *cell })).is_ok();
        // Release: whoever takes the cell next sees what was set.
        if self
            .state
            .compare_exchange(SETTING, REST, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: the state is SETTING | WAKING, which only this thread leaves.
            let woken = self.waker.with_mut(|cell| unsafe { (*cell).take() });
            // Acquire: what the wake-up tells of. Release: as above.
            self.state.swap(REST, Ordering::AcqRel);
            if let Some(woken) = woken {
                woken.wake();
            }
        }
        done
    }

    /// Takes the waker out, to be called or dropped.
    pub(super) fn take(&self) -> Option<Waker> {
        // Acquire: what the task has set. Release: a setter that finds the flag sees what this wake-up
        // tells of.
        if self.state.fetch_or(WAKING, Ordering::AcqRel) != REST {
            return None;
        }
        // SAFETY: this thread has left REST.
        let waker = self.waker.with_mut(|cell| unsafe { (*cell).take() });
        // Release: the cell is free. (A setter that came meanwhile has gone away, and has set nothing.)
        // An exchange and no store: what other wake-ups tell of, who left it to this one, goes along.
        self.state.swap(REST, Ordering::Release);
        waker
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
}
