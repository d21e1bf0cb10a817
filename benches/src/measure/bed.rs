//! The runtimes that contended cases run on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

/// What a runtime runs.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A runtime that has been started, on threads of its own: whoever measures sleeps meanwhile.
pub trait Bed: Send + Sync + 'static {
    /// A task lets the others run after so many operations. `None`: it never does of its own accord,
    /// and it is the lock that has to see to it that the others get their turn.
    ///
    /// On one thread it has to: a lock that is free at every poll can do nothing for tasks that
    /// never run.
    const TURN: Option<u64>;

    /// Whether tasks run on several threads, as Go's do.
    const MANY: bool;

    /// Starts it. It is never stopped, since tasks may hang: the process ends instead.
    fn start() -> Self;

    /// Starts a task.
    ///
    /// Boxed, so that a runtime's part of a task is compiled once and not for each of some hundred
    /// types; the price, one indirect call a poll, is the same for everybody.
    fn spawn(&self, task: Task);

    /// The runtime's own way to let others run.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Runs a task to its end, in the runtime.
    ///
    /// # Panics
    ///
    /// If the task does.
    fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> T {
        let (send, receive) = mpsc::sync_channel(1);
        self.spawn(Box::pin(async move {
            let _ = send.send(task.await);
        }));
        receive.recv().expect("the task ends")
    }
}

/// tokio, multi-thread, two workers.
#[derive(Debug)]
pub struct TokioTwoWorkers(tokio::runtime::Runtime);

/// tokio, current-thread.
#[derive(Debug)]
pub struct TokioOneThread(tokio::runtime::Handle);

/// smol's executor, driven by two threads.
#[derive(Debug)]
pub struct SmolTwoThreads(Arc<smol::Executor<'static>>);

impl Bed for TokioTwoWorkers {
    const TURN: Option<u64> = None;
    const MANY: bool = true;

    fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        TokioTwoWorkers(builder.worker_threads(2).build().expect("a runtime starts"))
    }

    fn spawn(&self, task: Task) {
        drop(self.0.spawn(task));
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl Bed for TokioOneThread {
    // tokio's own budget for a task.
    const TURN: Option<u64> = Some(128);
    const MANY: bool = false;

    fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.build().expect("a runtime starts");
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        TokioOneThread(handle)
    }

    fn spawn(&self, task: Task) {
        drop(self.0.spawn(task));
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl Bed for SmolTwoThreads {
    const TURN: Option<u64> = None;
    const MANY: bool = true;

    fn start() -> Self {
        let executor = Arc::new(smol::Executor::new());
        for _ in 0..2 {
            let executor = Arc::clone(&executor);
            thread::spawn(move || smol::block_on(executor.run(std::future::pending::<()>())));
        }
        SmolTwoThreads(executor)
    }

    fn spawn(&self, task: Task) {
        self.0.spawn(task).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }
}
