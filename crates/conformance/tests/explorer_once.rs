//! The cell under every order of steps.

use async_sync::OnceCell;
use conformance::explorer::sets::once::{Attempt, CellSet, FAILS, SUCCEEDS, Settable, WAITS};
use conformance::explorer::{Bounds, Boxed, Explorer, Waits};

struct Ours(OnceCell<u64>);

impl Settable for Ours {
    fn new() -> Self {
        Ours(OnceCell::new())
    }

    fn get(&self) -> Option<u64> {
        self.0.get().copied()
    }

    fn set(&self, value: u64) -> bool {
        self.0.set(value).is_ok()
    }

    fn get_or_try_init<'a>(
        &'a self,
        make: impl FnOnce() -> Boxed<'a, Attempt> + 'a,
    ) -> Boxed<'a, Attempt> {
        let attempt = self.0.get_or_try_init(make);
        Box::pin(async move { attempt.await.copied() })
    }

    fn wait(&self) -> Boxed<'_, u64> {
        let wait = self.0.wait();
        Box::pin(async move { *wait.await })
    }

    fn waiters(&self) -> usize {
        self.0.waiters()
    }
}

/// Initialisers that take a few polls, fail, and are cancelled; one waits for whatever comes of it.
#[test]
fn initialisers() {
    let actors = [(0, SUCCEEDS), (1, FAILS), (2, FAILS), (3, WAITS)];
    let set = CellSet::<Ours>::new(actors).polls(1).set(1);
    Explorer::new(7).check("cell: initialisers", &set);
}

/// Futures that are not polled any more; time passes.
#[test]
fn parked() {
    let actors = [(0, FAILS), (1, SUCCEEDS), (2, FAILS), (3, WAITS)];
    let set = CellSet::<Ours>::new(actors).held().set(1).bounds(Bounds {
        parks: 2,
        times: 2,
        waits: Waits::ForANudge,
        ..Bounds::default()
    });
    Explorer::new(6).check("cell: parked futures", &set);
}

/// Several futures of one task, spurious polls, wakers that change.
#[test]
fn of_one_task() {
    let actors = [(0, FAILS), (0, SUCCEEDS), (1, FAILS), (1, WAITS)];
    let set = CellSet::<Ours>::new(actors).held().bounds(Bounds {
        spurious: 3,
        rewakes: 1,
        parks: 1,
        waits: Waits::ForANudge,
        ..Bounds::default()
    });
    Explorer::new(5).check("cell: of one task, spurious polls", &set);
}
