//! Models: a pool of one resource, and two or three threads that want it, leave, or close the pool.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use super::{GetError, Manager, ResourcePool};
use sync_core::model::{Note, Task, block_on, model};

/// Counts, outside of the model.
#[derive(Default)]
struct Server {
    open: AtomicUsize,
    refuse: bool,
}

impl Manager for Server {
    type Resource = Note;
    type Error = ();

    async fn create(&self) -> Result<Note, ()> {
        if self.refuse {
            return Err(());
        }
        assert_eq!(self.open.fetch_add(1, Ordering::Relaxed), 0, "one at most");
        Ok(Note::default())
    }

    fn close(&self, connection: Note) {
        connection.add();
        assert_eq!(self.open.fetch_sub(1, Ordering::Relaxed), 1, "closed twice");
    }
}

fn pool(server: Server) -> Arc<ResourcePool<Server>> {
    Arc::new(ResourcePool::new(server, 1))
}

fn open(pool: &ResourcePool<Server>) -> usize {
    pool.manager().open.load(Ordering::Relaxed)
}

/// One user, the next.
#[test]
fn one_user_at_a_time() {
    model(|| {
        let pool = pool(Server::default());
        let threads = [0, 1].map(|_| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || block_on(pool.get()).unwrap().add())
        });
        for thread in threads {
            thread.join().unwrap();
        }
        let status = pool.status();
        assert_eq!((status.size, status.idle, open(&pool)), (1, 1, 1));
    });
}

/// The one in line leaves as the resource comes back: it is there for the next.
#[test]
fn cancel_against_return() {
    model(|| {
        let pool = pool(Server::default());
        let lease = block_on(Arc::clone(&pool).get_owned()).unwrap();
        let leaves = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let mut get = pin!(pool.get());
                let _ = Task::new().poll(get.as_mut());
            })
        };
        let returns = thread::spawn(move || {
            lease.add();
            drop(lease);
        });
        let waits = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || block_on(pool.get()).unwrap().add())
        };
        waits.join().unwrap();
        leaves.join().unwrap();
        returns.join().unwrap();
        assert_eq!((pool.status().idle, open(&pool)), (1, 1));
    });
}

/// Closing against a `get` and a return: whoever is late is refused, and nothing stays open.
#[test]
fn close_against_get() {
    model(|| {
        let pool = pool(Server::default());
        let closes = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.close())
        };
        let gets = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || match block_on(pool.get()) {
                Ok(lease) => lease.add(),
                Err(why) => assert_eq!(why, GetError::Closed),
            })
        };
        let waits = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                block_on(pool.closed());
                assert_eq!(pool.status().size, 0);
            })
        };
        waits.join().unwrap();
        closes.join().unwrap();
        gets.join().unwrap();
        assert_eq!((pool.status().size, open(&pool)), (0, 0));
    });
}

/// Creations that fail give the place on: nobody hangs.
#[test]
fn failures() {
    model(|| {
        let pool = pool(Server {
            refuse: true,
            ..Server::default()
        });
        let threads = [0, 1].map(|_| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(block_on(pool.get()).is_err()))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(pool.status().size, 0);
    });
}
