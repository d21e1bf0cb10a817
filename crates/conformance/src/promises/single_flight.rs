//! What is measured of groups of flights: one execution for all who ask for the same key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use super::news::{self, Running, Shares};
use super::tools::{now, panics, queued};
use super::{Measurement, Verdict, check, list};
use crate::peers::{AsyncSingleFlight, Work};

/// Of every group.
pub(super) fn every<G: AsyncSingleFlight>() -> Vec<Measurement> {
    let mut all = list! {
        "one", one_for_all::<G>, "One execution for all who come meanwhile",
            "Ten callers; the work runs once, and all get its value. Who comes later begins another.";
        "keys", keys::<G>, "Keys do not wait for each other",
            "A caller of a second key is served while the first is in flight.";
        "starter", the_starter_leaves::<G>, "The execution survives the caller that began it",
            "Of three callers the first is dropped; the work goes on where it is, and the others get its value.";
        "last", the_last_leaves::<G>, "The last caller that leaves ends it",
            "Three callers are dropped, one after the other: the work is dropped with the last. The next call begins another.";
        "starter-parked", the_starter_is_not_polled::<G>, "No futurelock behind the caller that began it",
            "The work goes on when the first caller is not polled any more, though not dropped: the second must get its value.";
        "work-panics", a_panic_reaches_all::<G>, "A panic of the work reaches all callers",
            "Of three. The work runs once; the next call begins another.";
        "never-polled", never_polled::<G>, "A call that was never polled has no effect",
            "One is made and kept; another runs its own work.";
    };
    all.extend(news::of_all_news::<Running<Flights<G>>>());
    all.extend(news::of_those_who_may_leave::<Running<Flights<G>>>());
    all
}

struct Flights<G>(G);

impl<G: AsyncSingleFlight> Shares for Flights<G> {
    fn new() -> Self {
        Flights(G::new())
    }

    fn share(
        &self,
        work: impl FnOnce() -> Work + Send + 'static,
    ) -> impl Future<Output = u64> + Send {
        self.0.run("key", work)
    }
}

/// A backend that counts.
#[derive(Default)]
struct Backend {
    begun: AtomicUsize,
    dropped: AtomicUsize,
    /// Its answer, when there is one.
    answer: AtomicUsize,
    waits: AtomicWaker,
}

/// Counts a work that ends, in whatever way.
struct Ends(Arc<Backend>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the backend panics with.
const PANIC: usize = 13;

impl Backend {
    /// A work that waits for the answer.
    fn work(self: &Arc<Self>) -> impl FnOnce() -> Work + Send + 'static {
        let backend = Arc::clone(self);
        move || {
            backend.begun.fetch_add(1, Ordering::SeqCst);
            let ends = Ends(backend);
            Box::pin(std::future::poll_fn(move |cx| {
                ends.0.waits.register(cx.waker());
                match ends.0.answer.load(Ordering::SeqCst) {
                    0 => Poll::Pending,
                    // Without the panic hook's message.
                    PANIC => std::panic::resume_unwind(Box::new("work")),
                    answer => Poll::Ready(answer as u64),
                }
            }))
        }
    }

    fn answer(&self, answer: usize) {
        self.answer.store(answer, Ordering::SeqCst);
        self.waits.wake();
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

fn one_for_all<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let mut callers: Vec<_> = (0..10)
        .map(|_| queued(group.run("key", backend.work())))
        .collect();
    backend.answer(7);
    for (n, caller) in callers.iter_mut().enumerate() {
        check!(caller.served() == Some(7), "{n} of 10 were served");
    }
    check!(backend.begun() == 1, "{} executions", backend.begun());
    check!(now(group.run("key", backend.work())) == Some(7), "it waits");
    check!(backend.begun() == 2, "who comes later gets the old value");
    Verdict::kept()
}

fn keys<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let _first = queued(group.run("key", backend.work()));
    let other = now(group.run("other", || Box::pin(async { 8 })));
    check!(other == Some(8), "it waits");
    Verdict::kept()
}

fn the_starter_leaves<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let first = queued(group.run("key", backend.work()));
    let mut others = [(); 2].map(|()| queued(group.run("key", backend.work())));
    drop(first);
    for other in &mut others {
        // As a runtime does.
        if other.task.woken() > 0 {
            check!(other.poll().is_none(), "it ended early");
        }
    }
    backend.answer(7);
    for other in &mut others {
        check!(other.served() == Some(7), "another is never served");
    }
    let begun = backend.begun();
    check!(begun == 1, "it is begun {begun} times");
    Verdict::kept()
}

fn the_last_leaves<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let mut callers: Vec<_> = (0..3)
        .map(|_| queued(group.run("key", backend.work())))
        .collect();
    while let Some(caller) = callers.pop() {
        let dropped = backend.dropped.load(Ordering::SeqCst);
        check!(dropped == 0, "it was dropped early");
        drop(caller);
    }
    let dropped = backend.dropped.load(Ordering::SeqCst);
    check!(dropped == 1, "nobody dropped it");
    let again = now(group.run("key", || Box::pin(async { 8 })));
    check!(again == Some(8), "the next call waits");
    Verdict::kept()
}

fn the_starter_is_not_polled<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let _parked = queued(group.run("key", backend.work()));
    let mut second = queued(group.run("key", backend.work()));
    backend.answer(7);
    check!(second.served() == Some(7), "the second is never served");
    Verdict::kept()
}

fn a_panic_reaches_all<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let mut callers: Vec<_> = (0..3)
        .map(|_| queued(group.run("key", backend.work())))
        .collect();
    backend.answer(PANIC);
    for (n, caller) in callers.iter_mut().enumerate() {
        check!(
            panics(|| _ = caller.served()),
            "caller {n} of 3 hears nothing of it"
        );
        // A task that panics drops its future.
        caller.future = None;
    }
    let begun = backend.begun();
    check!(begun == 1, "it is begun {begun} times");
    let again = now(group.run("key", || Box::pin(async { 8 })));
    check!(again == Some(8), "the next call waits");
    Verdict::kept()
}

fn never_polled<G: AsyncSingleFlight>() -> Verdict {
    let (group, backend) = (G::new(), Arc::<Backend>::default());
    let idle = group.run("key", backend.work());
    let other = now(group.run("key", || Box::pin(async { 8 })));
    check!(other == Some(8), "another waits for it");
    check!(backend.begun() == 0, "its work was begun");
    drop(idle);
    Verdict::kept()
}
