//! What a pool of connections does, ours and others'.

use std::ops::DerefMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_sync::resource_pool::{Lease, LeaseIn, Manager, Usage};

/// Numbers for connections, and a record of what became of them.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How many were created.
    pub created: AtomicUsize,
    /// How many exist.
    pub open: AtomicUsize,
    /// The most that ever existed.
    pub most: AtomicUsize,
    /// So many of the next creations fail.
    pub failures: AtomicUsize,
    /// So many of the next creations never end.
    pub stuck: AtomicUsize,
    /// So many of the next creations panic.
    pub panics: AtomicUsize,
    /// So many of the next checks of one that is idle panic.
    pub check_panics: AtomicUsize,
}

/// One that exists, until it is dropped.
#[derive(Debug)]
pub struct Connection {
    /// In the order of creation.
    pub number: usize,
    /// Not to be used any more.
    pub broken: bool,
    ledger: Arc<Ledger>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.ledger.open.fetch_sub(1, SeqCst);
    }
}

/// It could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

fn count_down(counter: &AtomicUsize) -> bool {
    let down = counter.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1));
    down.is_ok()
}

impl Ledger {
    fn note_check(&self) {
        assert!(!count_down(&self.check_panics), "the manager panics");
    }

    async fn create(self: &Arc<Self>) -> Result<Connection, Refused> {
        if count_down(&self.stuck) {
            std::future::pending::<()>().await;
        }
        assert!(!count_down(&self.panics), "the manager panics");
        if count_down(&self.failures) {
            return Err(Refused);
        }
        let open = self.open.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(open, SeqCst);
        Ok(Connection {
            number: self.created.fetch_add(1, SeqCst),
            broken: false,
            ledger: Arc::clone(self),
        })
    }
}

/// A pool of connections, the last that came back first, without time limits where that is possible.
pub trait AsyncPool: Send + Sync + Sized + 'static {
    /// Crate.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// One that is lent, until it is dropped.
    type Lease<'a>: DerefMut<Target = Connection> + Send;

    /// At most so many.
    fn new(ledger: Arc<Ledger>, max: usize) -> impl Future<Output = Self> + Send;

    /// Waits for one. The peer's own future, or next to it. Nothing if there is none.
    fn get(&self) -> impl Future<Output = Option<Self::Lease<'_>>> + Send;

    /// It is not to be lent again.
    fn spoil(lease: Self::Lease<'_>);

    /// Waits for one, does `work` with it, and gives it back. Nothing if there is none.
    fn lend<T: Send, W: Future<Output = T> + Send>(
        &self,
        work: impl FnOnce(usize) -> W + Send,
    ) -> impl Future<Output = Option<T>> + Send {
        async {
            let lease = self.get().await?;
            Some(work(lease.number).await)
        }
    }
}

/// Can be closed.
pub trait ClosablePool: AsyncPool {
    /// Refuses those who wait, and those who come.
    fn close(&self);
}

/// What all of them ask of the ledger.
#[derive(Debug)]
pub struct Ask(Arc<Ledger>);

impl Manager for Ask {
    type Resource = Connection;
    type Error = Refused;

    async fn create(&self) -> Result<Connection, Refused> {
        self.0.create().await
    }

    async fn check(&self, connection: &mut Connection, _: &Usage) -> Result<(), Refused> {
        self.0.note_check();
        if connection.broken {
            Err(Refused)
        } else {
            Ok(())
        }
    }
}

/// Ours.
#[derive(Debug)]
pub struct Ours(pub async_sync::ResourcePool<Ask>);

impl AsyncPool for Ours {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Lease<'a> = Lease<'a, Ask>;

    async fn new(ledger: Arc<Ledger>, max: usize) -> Self {
        Ours(async_sync::ResourcePool::new(Ask(ledger), max))
    }

    async fn get(&self) -> Option<Self::Lease<'_>> {
        self.0.get().await.ok()
    }

    fn spoil(mut lease: Self::Lease<'_>) {
        LeaseIn::mark_unusable(&mut lease);
    }
}

impl deadpool::managed::Manager for Ask {
    type Type = Connection;
    type Error = Refused;

    async fn create(&self) -> Result<Connection, Refused> {
        self.0.create().await
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Refused> {
        self.0.note_check();
        if connection.broken {
            return Err(Refused.into());
        }
        Ok(())
    }
}

/// deadpool's.
#[derive(Debug)]
pub struct Deadpool(deadpool::managed::Pool<Ask>);

impl AsyncPool for Deadpool {
    const NAME: &'static str = "deadpool";
    const PACKAGE: &'static str = "deadpool";
    type Lease<'a> = deadpool::managed::Object<Ask>;

    async fn new(ledger: Arc<Ledger>, max: usize) -> Self {
        let builder = deadpool::managed::Pool::builder(Ask(ledger))
            .max_size(max)
            .queue_mode(deadpool::managed::QueueMode::Lifo);
        Deadpool(builder.build().expect("no timeouts are set"))
    }

    async fn get(&self) -> Option<Self::Lease<'_>> {
        self.0.get().await.ok()
    }

    fn spoil(mut lease: Self::Lease<'_>) {
        lease.broken = true;
    }
}

impl bb8::ManageConnection for Ask {
    type Connection = Connection;
    type Error = Refused;

    async fn connect(&self) -> Result<Connection, Refused> {
        self.0.create().await
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), Refused> {
        self.0.note_check();
        if connection.broken {
            Err(Refused)
        } else {
            Ok(())
        }
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.broken
    }
}

/// bb8's. On tokio only, with a timeout of a minute for each request.
#[derive(Debug)]
pub struct Bb8(bb8::Pool<Ask>);

impl AsyncPool for Bb8 {
    const NAME: &'static str = "bb8";
    const PACKAGE: &'static str = "bb8";
    type Lease<'a> = bb8::PooledConnection<'a, Ask>;

    async fn new(ledger: Arc<Ledger>, max: usize) -> Self {
        let builder = bb8::Pool::builder()
            .max_size(u32::try_from(max).expect("a small number"))
            .retry_connection(false)
            .connection_timeout(std::time::Duration::from_secs(60))
            .queue_strategy(bb8::QueueStrategy::Lifo);
        Bb8(builder
            .build(Ask(ledger))
            .await
            .expect("nothing is created yet"))
    }

    async fn get(&self) -> Option<Self::Lease<'_>> {
        self.0.get().await.ok()
    }

    fn spoil(mut lease: Self::Lease<'_>) {
        lease.broken = true;
    }
}

impl ClosablePool for Ours {
    fn close(&self) {
        self.0.close();
    }
}

impl ClosablePool for Deadpool {
    fn close(&self) {
        self.0.close();
    }
}
