//! Wakers that are counted: how often they rang, and how many clones somebody keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

#[derive(Default)]
struct Rung(AtomicBool);

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A waker, and what became of it.
pub(super) struct Bell {
    rung: Arc<Rung>,
    waker: Waker,
}

impl Bell {
    pub(super) fn new() -> Self {
        let rung = Arc::<Rung>::default();
        // A clone, as all others will be: its table of functions is then the same as theirs, which
        // `will_wake` compares.
        let waker = Waker::clone(&Waker::from(Arc::clone(&rung)));
        Bell { rung, waker }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether it rang since the last call.
    pub(super) fn take_rung(&self) -> bool {
        self.rung.0.swap(false, Ordering::Relaxed)
    }

    /// Clones that others keep.
    pub(super) fn kept(&self) -> usize {
        // Ours are the handle and the waker.
        Arc::strong_count(&self.rung) - 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_counted_and_know_each_other() {
        let bell = Bell::new();
        assert_eq!(bell.kept(), 0);
        let (one, two) = (bell.waker().clone(), bell.waker().clone());
        assert_eq!(bell.kept(), 2);
        assert!(one.will_wake(bell.waker()) && one.will_wake(&two));
        assert!(!one.will_wake(Bell::new().waker()));
        drop(one);
        assert!(!bell.take_rung());
        two.wake();
        assert_eq!(bell.kept(), 0);
        assert!(bell.take_rung() && !bell.take_rung());
    }
}
