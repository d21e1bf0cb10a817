//! Models of `get_or_compute`. The map's own operations are single steps here (loom does not see into
//! `papaya`, but is told of each); what is explored is their order among the steps of the table and of
//! the cell.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use super::Map;
use sync_core::model::{Task, block_on, model};

type Numbers = Map<u8, usize, BuildHasherDefault<DefaultHasher>>;

/// Two callers: one initialiser runs, whether they meet or not, and nothing is left of it.
#[test]
fn one_initialiser() {
    model(|| {
        let map = Arc::new(Numbers::default());
        // (Not part of the model: it is only counted.)
        let runs = Arc::new(AtomicUsize::new(0));
        let compute = |map: Arc<Numbers>, runs: Arc<AtomicUsize>| {
            let got = map.get_or_compute(1, async || runs.fetch_add(1, Ordering::Relaxed) + 7);
            assert_eq!(block_on(got), 7);
        };
        let threads = [0, 1].map(|_| {
            let (map, runs) = (Arc::clone(&map), Arc::clone(&runs));
            thread::spawn(move || compute(map, runs))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!((runs.load(Ordering::Relaxed), map.load(&1)), (1, Some(7)));
        assert_eq!(map.computing(), 0);
    });
}

/// A value is computed, and deleted by who computed it; whoever asks after that gets a new one, though
/// somebody may still be about to leave the old cell.
#[test]
fn a_deleted_value_is_not_returned() {
    model(|| {
        let map = Arc::new(Numbers::default());
        let waits = {
            let map = Arc::clone(&map);
            thread::spawn(move || assert!(block_on(map.get_or_compute(1, async || 1)) <= 2))
        };
        let deletes = {
            let map = Arc::clone(&map);
            thread::spawn(move || {
                assert_eq!(block_on(map.get_or_compute(1, async || 1)), 1);
                map.delete(&1);
                // (1 again, if the other one computes it now: that is no old value.)
                let again = block_on(map.get_or_compute(1, async || 2));
                assert_eq!(map.load(&1), Some(again));
            })
        };
        waits.join().unwrap();
        deletes.join().unwrap();
        assert_eq!(map.computing(), 0);
    });
}

/// One that waits or computes is dropped: the other one gets a value all the same.
#[test]
fn cancel() {
    model(|| {
        let map = Arc::new(Numbers::default());
        let leaves = {
            let map = Arc::clone(&map);
            thread::spawn(move || {
                let mut got = Box::pin(map.get_or_compute(1, async || {
                    std::future::pending::<()>().await;
                    1
                }));
                let _ = Task::new().poll(got.as_mut());
            })
        };
        let stays = {
            let map = Arc::clone(&map);
            thread::spawn(move || assert_eq!(block_on(map.get_or_compute(1, async || 2)), 2))
        };
        leaves.join().unwrap();
        stays.join().unwrap();
        assert_eq!((map.load(&1), map.computing()), (Some(2), 0));
    });
}
