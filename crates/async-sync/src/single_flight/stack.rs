//! Which executions this thread is polling, one inside the other.
//!
//! A work that runs its own key again would wait for itself, for ever, and keep itself alive by doing
//! so. It is told instead: a caller that is about to wait for an execution looks here whether that is
//! one of those that are polling it.

#[cfg(not(any(loom, shuttle)))]
mod thread {
    use std::cell::RefCell;

    thread_local! {
        /// Addresses, only to be compared.
        static POLLED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }

    /// Calls `poll`; meanwhile `contains(flight)`.
    pub(in super::super) fn enter<R>(flight: usize, poll: impl FnOnce() -> R) -> R {
        struct Leave(bool);
        impl Drop for Leave {
            fn drop(&mut self) {
                if self.0 {
                    POLLED.with_borrow_mut(Vec::pop);
                }
            }
        }
        // A thread whose locals are gone goes without.
        let entered = POLLED.try_with(|polled| polled.borrow_mut().push(flight));
        let _leave = Leave(entered.is_ok());
        poll()
    }

    pub(in super::super) fn contains(flight: usize) -> bool {
        POLLED
            .try_with(|polled| polled.borrow().contains(&flight))
            .unwrap_or(false)
    }
}

/// All threads of a model share one real thread.
#[cfg(any(loom, shuttle))]
mod thread {
    pub(in super::super) fn enter<R>(_: usize, poll: impl FnOnce() -> R) -> R {
        poll()
    }

    pub(in super::super) fn contains(_: usize) -> bool {
        false
    }
}

pub(super) use thread::{contains, enter};
