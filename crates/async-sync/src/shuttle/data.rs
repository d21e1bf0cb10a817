//! Keyed locks and pools: four threads, some of which give up.

use super::*;
use crate::resource_pool::{LeaseIn, Manager};
use crate::{KeyedMutex, Pool, ResourcePool};

#[test]
fn keyed() {
    check_random(|| {
        let mutex = Arc::new(KeyedMutex::<usize>::new());
        let inside = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let shared = Arc::clone(&mutex);
        run(4, move |n| {
            for round in 0..3 {
                let key = (n + round) % 2;
                if (n + round) % 3 == 0 {
                    drop(glance(shared.lock(key)));
                    continue;
                }
                let guard = block_on(shared.lock(key));
                assert_eq!(inside[key].fetch_add(1, Ordering::SeqCst), 0);
                assert_eq!(inside[key].fetch_sub(1, Ordering::SeqCst), 1);
                drop(guard);
            }
        });
        assert!(mutex.is_empty());
    });
}

#[test]
fn pool() {
    check_random(|| {
        let made = Arc::new(AtomicUsize::new(0));
        let (pool, makes) = (
            Arc::new(Pool::new(|| AtomicUsize::new(0))),
            Arc::clone(&made),
        );
        let shared = Arc::clone(&pool);
        run(4, move |n| {
            for round in 0..3 {
                if n == 0 && round == 1 {
                    shared.rotate();
                }
                let object = shared.get();
                makes.fetch_add(1, Ordering::SeqCst);
                assert_eq!(object.fetch_add(1, Ordering::SeqCst), 0);
                assert_eq!(object.fetch_sub(1, Ordering::SeqCst), 1);
            }
        });
        assert!(pool.idle() <= made.load(Ordering::SeqCst));
    });
}

struct Counts(AtomicUsize);

impl Manager for Counts {
    type Resource = AtomicUsize;
    type Error = ();

    async fn create(&self) -> Result<AtomicUsize, ()> {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) < 2, "two at most");
        Ok(AtomicUsize::new(0))
    }

    fn close(&self, _: AtomicUsize) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn resource_pool() {
    check_random(|| {
        let pool = Arc::new(ResourcePool::new(Counts(AtomicUsize::new(0)), 2));
        let shared = Arc::clone(&pool);
        run(4, move |n| {
            for round in 0..3 {
                if (n + round) % 3 == 0 {
                    drop(glance(shared.get()));
                    continue;
                }
                let Ok(mut lease) = block_on(shared.get()) else {
                    panic!("nobody closes it");
                };
                assert_eq!(lease.fetch_add(1, Ordering::SeqCst), 0);
                assert_eq!(lease.fetch_sub(1, Ordering::SeqCst), 1);
                if (n + round) % 4 == 0 {
                    LeaseIn::mark_unusable(&mut lease);
                }
            }
        });
        let status = pool.status();
        assert_eq!((status.in_use(), status.waiters), (0, 0));
        assert_eq!(pool.manager().0.load(Ordering::SeqCst), status.size);
        pool.close();
        assert_eq!(pool.manager().0.load(Ordering::SeqCst), 0);
    });
}
