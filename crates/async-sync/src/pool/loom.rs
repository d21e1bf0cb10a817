//! Models: threads at the shards of a pool, of which there are two here.

use std::sync::Arc;

use loom::thread;
use sync_core::atomic::UnsafeCell;

use super::Pool;
use sync_core::model::model;

/// An object; loom sees each access to it.
struct Object(UnsafeCell<u32>);

// SAFETY: what orders the accesses is what the models are about; loom checks them.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    fn use_it(&self) {
        self.0.with_mut(|n| {
            // SAFETY: loom fails if somebody else is there.
            unsafe { *n += 1 }
        });
    }
}

/// An object goes from one thread to another, also by stealing: one user, the next.
#[test]
fn one_user_at_a_time() {
    model(|| {
        let pool = Arc::new(Pool::with_maker(|| Object(UnsafeCell::new(0))));
        pool.put(Object(UnsafeCell::new(0)));
        let threads = [0, 1].map(|_| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                pool.get().use_it();
                pool.get().use_it();
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
        let object = || (Object(UnsafeCell::new(0)), Arc::clone(&counted));
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
                    object.0.use_it();
                }
            })
        };
        let dropped = rotates.join().unwrap();
        uses.join().unwrap();
        assert_eq!(dropped + pool.idle(), 1);
        assert_eq!(Arc::strong_count(&counted), 2 - dropped);
    });
}
