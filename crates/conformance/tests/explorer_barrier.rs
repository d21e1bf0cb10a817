//! The barrier under every order of steps.

use async_sync::Barrier;
use conformance::explorer::sets::barrier::{BarrierSet, Meeting};
use conformance::explorer::{Actor, Bounds, Explorer, Waits};

struct Strict(Barrier);
struct Lenient(Barrier);

macro_rules! meeting {
    ($name:ident, $breaks:literal, $parties:ident => $new:expr) => {
        impl Meeting for $name {
            const BREAKS: bool = $breaks;

            fn new($parties: usize) -> Self {
                $name($new)
            }
            async fn wait(&self) -> Option<usize> {
                self.0.wait().await.ok().map(|met| met.generation())
            }
            fn reset(&self) {
                self.0.reset();
            }
            fn state(&self) -> (bool, usize, usize) {
                (self.0.is_broken(), self.0.waiting(), self.0.generation())
            }
        }
    };
}
meeting!(Strict, true, parties => Barrier::new(parties));
meeting!(Lenient, false, parties => Barrier::new(parties).lenient());

#[test]
fn two_of_four() {
    let set = BarrierSet::<Strict>::new(2, Actor::each_alone(4), 1);
    Explorer::new(8).check("barrier: generations of two", &set);
}

#[test]
fn three_of_four() {
    let set = BarrierSet::<Strict>::new(3, Actor::each_alone(4), 1).bounds(Bounds {
        spurious: 1,
        rewakes: 1,
        ..Bounds::default()
    });
    Explorer::new(7).check("barrier: three, spurious polls", &set);
}

#[test]
fn lenient() {
    let set = BarrierSet::<Lenient>::new(2, Actor::each_alone(4), 1).bounds(Bounds {
        spurious: 1,
        ..Bounds::default()
    });
    Explorer::new(8).check("lenient barrier: generations of two", &set);
}

#[test]
fn of_one_task_and_parked() {
    let set = BarrierSet::<Strict>::new(2, Actor::in_tasks([0, 0, 1]), 1).bounds(Bounds {
        parks: 1,
        waits: Waits::ForANudge,
        ..Bounds::default()
    });
    Explorer::new(7).check("barrier: two of one task, parked", &set);
}
