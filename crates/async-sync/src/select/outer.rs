//! The waker of the task that waits for a whole select: set by that task, called by any thread.
//!
//! It is guarded by the lock of a queue that nobody waits in: held for a few instructions, none of them
//! foreign. Wakers are cloned before it is taken, and called and dropped after it is given up.
//!
//! Whoever wakes takes the waker out. A wake-up that finds none has nothing to do: another one has taken it,
//! or the select is gone. One that is late may find a waker that was registered after the reason for it:
//! then the task is polled for nothing.

use core::mem::replace;
use core::task::Waker;

use sync_core::atomic::UnsafeCell;
use sync_core::waiters::WaitList;

pub(super) struct Outer {
    lock: WaitList<1>,
    /// Guarded by `lock`.
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the cell is accessed under the lock; a waker may go to any thread.
unsafe impl Send for Outer {}
// SAFETY: as above.
unsafe impl Sync for Outer {}

impl Outer {
    pub(super) fn new() -> Self {
        Outer {
            lock: WaitList::new(),
            waker: UnsafeCell::new(None),
        }
    }

    /// Calls `f`, which calls nothing foreign, under the lock.
    fn locked<R>(&self, f: impl FnOnce(&mut Option<Waker>) -> R) -> R {
        let _lock = self.lock.lock_briefly();
        // SAFETY: the lock is held.
        self.waker.with_mut(|waker| f(unsafe { &mut *waker }))
    }

    /// From now on `waker` is called, once.
    pub(super) fn register(&self, waker: &Waker) {
        // Without looking whether it is there already: it is not, as a task polls again because somebody
        // took its waker out.
        let new = Some(waker.clone());
        drop(self.locked(|mine| replace(mine, new)));
    }

    /// Takes the waker out, to be called or dropped.
    pub(super) fn take(&self) -> Option<Waker> {
        self.locked(Option::take)
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
}

/// Loom is told that the cell is gone: whoever touched it last must have published that.
#[cfg(loom)]
impl Drop for Outer {
    fn drop(&mut self) {
        self.waker.with_mut(|_| ());
    }
}
