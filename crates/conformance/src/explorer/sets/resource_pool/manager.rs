//! The manager, which keeps books, and the resources, which are lines in them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_sync::resource_pool::{Manager, Usage};
use runtime::Timer;
use sync_core::clock;

use crate::explorer::sets::work::{Doing, NOBODY, Works};

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    /// The manager has closed it.
    Closed,
    /// It was taken out of the pool.
    Taken,
    /// It was dropped, and nobody closed it.
    Lost,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Book {
    pub(super) fate: Fate,
    /// The last work about it: its creation, or a check.
    pub(super) work: usize,
}

/// By the numbers of the resources.
#[derive(Clone, Debug, Default)]
pub(super) struct Books(Arc<Mutex<Vec<Book>>>);

impl Books {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self) -> usize {
        let books = self.lock();
        books.iter().filter(|book| book.fate == Fate::Open).count()
    }
}

/// A resource: a line in the books.
#[derive(Debug)]
pub struct Resource {
    pub(super) number: usize,
    books: Books,
}

impl Drop for Resource {
    fn drop(&mut self) {
        let fate = &mut self.books.lock()[self.number].fate;
        if *fate == Fate::Open {
            *fate = Fate::Lost;
        }
    }
}

/// The manager.
#[derive(Debug)]
pub struct Desk {
    pub(super) books: Books,
    pub(super) works: Works,
    /// The future that is being polled.
    polled: AtomicUsize,
}

impl Desk {
    pub(super) fn new() -> Self {
        Desk {
            books: Books::default(),
            works: Works::default(),
            polled: AtomicUsize::new(NOBODY),
        }
    }

    /// Whom it works for from now on.
    pub(super) fn works_for(&self, owner: usize) {
        self.polled.store(owner, Ordering::Relaxed);
    }

    fn work(&self) -> Doing {
        self.works.add(self.polled.load(Ordering::Relaxed))
    }
}

impl Manager for Desk {
    type Resource = Resource;
    type Error = usize;

    async fn create(&self) -> Result<Resource, usize> {
        let work = self.work().await?;
        let mut books = self.books.lock();
        let fate = Fate::Open;
        books.push(Book { fate, work });
        Ok(Resource {
            number: books.len() - 1,
            books: self.books.clone(),
        })
    }

    async fn check(&self, resource: &mut Resource, _: &Usage) -> Result<(), usize> {
        let work = self.work();
        self.books.lock()[resource.number].work = work.number();
        work.await.map(drop)
    }

    fn close(&self, resource: Resource) {
        self.books.lock()[resource.number].fate = Fate::Closed;
    }
}

/// The clock of the run.
#[derive(Clone, Debug)]
pub(super) struct RunTime(pub(super) Instant);

impl Timer for RunTime {
    type Sleep = std::future::Pending<()>;

    fn now(&self) -> Instant {
        self.0 + Duration::from_nanos(u64::from(clock::now()) << 10)
    }

    fn sleep_until(&self, _: Instant) -> Self::Sleep {
        std::future::pending()
    }
}
