//! The run loop: poll a ready task; if there is none, jump to the next timer; if there is none
//! either, the run has stalled.
//!
//! The futures live here, on the executor's stack, and everything else lives in `Shared`; so
//! futures need not be `Send`, and the root future need not be `'static`. A poll holds no lock.
//!
//! Every future, the root one included, is wrapped in a `runtime::Task`, so neither a poll nor a
//! destructor panics into the loop. Whatever ends a run (its output, an error, a panic), `close`
//! then drops every future, and the thread's virtual time and its chance are given back last.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use runtime::{JoinError, TaskHandle};

use crate::builder::Builder;
use crate::handle::MiniRuntime;
use crate::report::{RunError, Stalled};
use crate::shared::{Info, ROOT, Shared, Step, TaskId, TaskWaker};
use crate::waiting::Current;

struct Executor<'a> {
    shared: Arc<Shared>,
    tasks: BTreeMap<TaskId, Slot<'a>>,
}

struct Slot<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    waker: Waker,
}

pub(crate) fn run<F, Fut>(
    builder: &Builder,
    caller: &'static Location<'static>,
    scenario: F,
) -> Result<Fut::Output, RunError>
where
    F: FnOnce(MiniRuntime) -> Fut,
    Fut: Future,
{
    let shared = Shared::new(builder);
    let _time = VirtualTime::begin();
    let _chance = Seeded::begin(builder.seed);
    let mut executor = Executor {
        shared: shared.clone(),
        tasks: BTreeMap::new(),
    };

    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let (root, output) = runtime::task(scenario(MiniRuntime::new(shared.clone())));
        shared.enter_root(Info::new(None, caller));
        executor.insert(ROOT, Box::pin(root));
        executor.drive(builder, output)
    }));
    executor.close();

    let payload = match outcome {
        Ok(Ok(Ok(output))) => return Ok(output),
        Ok(Err(error)) => return Err(error),
        // Nobody has a handle to abort the root future: it panicked.
        Ok(Ok(Err(error))) => error.into_panic(),
        // The scenario panicked before it gave its future, or a foreign waker did.
        Err(payload) => payload,
    };
    eprintln!(
        "mini-executor: the run panicked; seed {} repeats it",
        builder.seed
    );
    resume_unwind(payload)
}

impl<'a> Executor<'a> {
    fn insert(&mut self, id: TaskId, future: Pin<Box<dyn Future<Output = ()> + 'a>>) {
        let waker = Waker::from(Arc::new(TaskWaker {
            shared: self.shared.clone(),
            id,
        }));
        self.tasks.insert(id, Slot { future, waker });
    }

    /// Runs until the root future has finished. Gives its output, or its panic.
    fn drive<T>(
        &mut self,
        builder: &Builder,
        mut root: TaskHandle<T>,
    ) -> Result<Result<T, JoinError>, RunError> {
        // Set if the leak check remains: ready tasks may then finish at the same instant.
        let mut output = None;
        let mut nobody = Context::from_waker(Waker::noop());
        loop {
            let frozen = output.is_some();
            match self
                .shared
                .next(builder.max_polls, frozen, builder.external_wakes)
            {
                Step::Poll { id, now } => {
                    publish_time(now);
                    self.poll(id);
                    if id == ROOT
                        && let Poll::Ready(result) = Pin::new(&mut root).poll(&mut nobody)
                    {
                        if result.is_err() || !builder.fail_on_leaks {
                            return Ok(result);
                        }
                        output = Some(result);
                    }
                }
                Step::Fire(wakers) => wakers.into_iter().for_each(Waker::wake),
                Step::Asleep => {
                    return match output {
                        Some(output) if self.tasks.is_empty() => Ok(output),
                        Some(_) => Err(RunError::Leaked(self.shared.report())),
                        None => Err(RunError::Stalled(Stalled {
                            report: self.shared.report(),
                        })),
                    };
                }
                Step::LimitReached => return Err(RunError::PollLimit(self.shared.report())),
            }
        }
    }

    /// Polls a task once, and drops it if it has finished.
    fn poll(&mut self, id: TaskId) {
        // A ready task's future is among the arrivals at the latest now.
        for (id, future) in self.shared.arrivals() {
            self.insert(id, future);
        }
        let Some(slot) = self.tasks.get_mut(&id) else {
            unreachable!("task {id} is ready but has no future");
        };
        let current = Current::enter(&self.shared, id);
        let polled = slot
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&slot.waker));
        drop(current);
        if polled.is_ready() {
            self.shared.finish(id);
            self.tasks.remove(&id);
        }
    }

    /// Drops every future, in the order in which they were spawned. Those that are spawned
    /// meanwhile are dropped at once.
    fn close(&mut self) {
        self.shared.close();
        for (id, future) in self.shared.arrivals() {
            self.insert(id, future);
        }
        while let Some((_, slot)) = self.tasks.pop_first() {
            drop(slot);
        }
    }
}

/// Tells `sync-core`'s clock the virtual time of this thread.
pub(crate) fn publish_time(nanos: u64) {
    sync_core::clock::set_virtual(Some(nanos));
}

/// Virtual time on this thread, until dropped. Then the time of an outer run, or real time, is
/// back.
struct VirtualTime {
    outer: Option<u64>,
}

impl VirtualTime {
    fn begin() -> Self {
        Self {
            outer: sync_core::clock::set_virtual(Some(0)),
        }
    }
}

impl Drop for VirtualTime {
    fn drop(&mut self) {
        sync_core::clock::set_virtual(self.outer);
    }
}

/// This thread's chance, by the seed of the run, until dropped.
struct Seeded {
    outer: Option<u64>,
}

impl Seeded {
    fn begin(seed: u64) -> Self {
        Self {
            outer: sync_core::chance::set_seed(Some(seed)),
        }
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        sync_core::chance::set_seed(self.outer);
    }
}
