//! Models: threads at the shards of a pool, of which there are two here. Its objects are notes: loom sees
//! each use of one.

use std::sync::Arc;

use loom::thread;

use super::Pool;
use sync_core::model::{Note, model};

/// An object goes from one thread to another, also by stealing: one user, the next.
#[test]
fn one_user_at_a_time() {
    model(|| {
        let pool = Arc::new(Pool::with_maker(Note::default));
        pool.put(Note::default());
        let threads = [0, 1].map(|_| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                pool.get().add();
                pool.get().add();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!((1..=2).contains(&pool.idle()));
    });
}

/// A rotation while an object is taken and given back: it is dropped once, or kept once.
#[test]
fn rotation_against_use() {
    model(|| {
        let counted = Arc::new(());
        let object = || (Note::default(), Arc::clone(&counted));
        let pool = Arc::new(Pool::with_maker(|| unreachable!()));
        pool.put(object());
        let rotates = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.rotate() + pool.rotate())
        };
        let uses = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                if let Some(object) = pool.try_get() {
                    object.0.add();
                }
            })
        };
        let dropped = rotates.join().unwrap();
        uses.join().unwrap();
        assert_eq!(dropped + pool.idle(), 1);
        assert_eq!(Arc::strong_count(&counted), 2 - dropped);
    });
}
