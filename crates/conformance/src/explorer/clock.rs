//! The time of a run: stands still unless it is moved.

use std::time::Duration;

use sync_core::clock;

/// Virtual time on this thread; what was before when dropped.
pub(super) struct Clock {
    now: u64,
    before: Option<u64>,
}

impl Clock {
    pub(super) fn start() -> Self {
        // Not zero: ages are differences, and nothing should be able to tell where time began.
        let now = 1 << 40;
        Clock {
            now,
            before: clock::set_virtual(Some(now)),
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by.as_nanos() as u64;
        clock::set_virtual(Some(self.now));
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        clock::set_virtual(self.before);
    }
}
