//! What is measured of pools of connections.
//!
//! The right to the only connection of a pool is a lock, so all that is promised about waiting is
//! measured of it. bb8 needs tokio's clock and tasks; all of them are polled as if on tokio.

use std::pin::Pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::lock::Lock;
use super::tools::{Polled, now, panics, queued};
use super::{Measurement, Verdict, check, list, of_every_lock, scenario};
use crate::peers::resource_pool::Ledger;
use crate::peers::{AsyncPool, ClosablePool};
use crate::scenarios::resource_pool as scenarios;

/// Of every pool.
pub(super) fn every<P: AsyncPool>() -> Vec<Measurement> {
    let mut all = list! {
        "fails", a_failed_creation::<P>, "A creation that fails is told, and loses no place",
            "The first of two requests for one place; then the second creates one.";
        "fails-waiting", a_failed_creation_with_a_queue::<P>, "... and the next in line tries for itself",
            "Three requests, the connection that was lent is spoilt, and the next creation fails: two are served, one by one.";
        "panics", a_creation_that_panics::<P>, "A creation that panics loses no place",
            "The next request, within 200 ms, creates one.";
        "check-panics", a_check_that_panics::<P>, "A check that panics loses no place",
            "Of an idle connection; then the next request, within 200 ms, has one, and there is no more than one.";
        "create-cancel", a_creation_that_is_dropped::<P>, "A request that is dropped while it creates loses no place",
            "The creation never ends and the request is dropped: the next request, within 200 ms, creates one.";
        "create-cancel-waiting", a_creation_that_is_dropped_with_a_queue::<P>, "... and wakes the next in line",
            "The same with a second request that waits already.";
        "spoilt", a_spoilt_connection::<P>, "A connection that is spoilt is not lent again",
            "It comes back broken: it is closed, another takes its place, and who waits gets that.";
        "task-panics", a_task_that_panics::<P>, "A lease that is dropped by a panic comes back",
            "The next request gets a connection.";
        "at-most", a_crowd::<P>, "Never more connections than the limit",
            "Scenario, on tokio: twelve tasks and three places.";
        "s64", || scenario!(scenarios::s64_last_in_first_out::<P, _>), "Scenario S64: what came back last is lent first",
            "And what is broken is not lent again.";
        "time-limits", || scenario!(scenarios::cancelled_requests::<P, _>), "Scenario: requests with time limits lose nothing",
            "Sixteen tasks, two places.";
    };
    let mut of_one = of_every_lock::<OneConnection<P>>();
    // The futures are wrapped.
    of_one.retain(|it| it.id != "after-completion");
    all.extend(of_one);
    all
}

/// Of those that close.
pub(super) fn closable<P: ClosablePool>() -> Vec<Measurement> {
    list! {
        "close", closing_refuses::<P>, "Closing refuses those who wait, and those who come",
            "Forty wait for one connection, more than one batch of wakers.";
        "close-idle", closing_closes::<P>, "Closing closes what is idle, and what is lent when it comes back",
            "One of each.";
    }
}

/// tokio, for those who cannot do without.
fn tokio() -> &'static Runtime {
    static TOKIO: OnceLock<Runtime> = OnceLock::new();
    TOKIO.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a runtime starts")
    })
}

pin_project_lite::pin_project! {
    /// A future that is polled, wherever, and dropped as if on tokio.
    struct OnTokio<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for OnTokio<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _here = tokio().enter();
        self.project().future.poll(cx)
    }
}

/// A pool with so many places, and what happens to its connections.
struct Subject<P> {
    pool: P,
    ledger: Arc<Ledger>,
}

impl<P: AsyncPool> Subject<P> {
    fn new(max: usize) -> Self {
        let ledger = Arc::<Ledger>::default();
        let pool = tokio().block_on(P::new(Arc::clone(&ledger), max));
        Subject { pool, ledger }
    }

    fn get(&self) -> impl Future<Output = Option<P::Lease<'_>>> + Send {
        OnTokio {
            future: self.pool.get(),
        }
    }

    /// A request that should be served soon.
    fn lend(&self) -> Option<P::Lease<'_>> {
        let mut request = Polled::new(self.get());
        request.task.waker().wake_by_ref();
        request.served_within(Duration::from_millis(200)).flatten()
    }

    /// Tells whether it comes to be within a moment.
    fn soon(&self, is: impl Fn(&Ledger) -> bool) -> bool {
        let start = Instant::now();
        while !is(&self.ledger) {
            if start.elapsed() > Duration::from_millis(200) {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }
}

/// The only connection of a pool.
struct OneConnection<P>(Subject<P>);

impl<P: AsyncPool> Lock for OneConnection<P> {
    type Held<'a> = P::Lease<'a>;

    fn new() -> Self {
        let subject = Subject::new(1);
        // It exists from now on.
        drop(subject.lend().expect("a connection"));
        OneConnection(subject)
    }

    async fn take(&self) -> P::Lease<'_> {
        self.0.get().await.expect("a connection")
    }

    fn try_take(&self) -> Option<P::Lease<'_>> {
        now(self.take())
    }
}

fn a_failed_creation<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    subject.ledger.failures.store(1, SeqCst);
    let mut first = Polled::new(subject.get());
    first.task.waker().wake_by_ref();
    let told = first.served_within(Duration::from_millis(200));
    check!(told.is_some(), "it is not told");
    check!(told.flatten().is_none(), "it got one");
    drop(first);
    check!(subject.lend().is_some(), "the place is lost");
    Verdict::kept()
}

fn a_failed_creation_with_a_queue<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    let lease = subject.lend().expect("a connection");
    let mut waiters = [(); 3].map(|()| queued(subject.get()));
    subject.ledger.failures.store(1, SeqCst);
    P::spoil(lease);
    let mut served = 0;
    for waiter in &mut waiters {
        let lease = waiter.served_within(Duration::from_millis(200));
        check!(lease.is_some(), "one is left waiting");
        served += usize::from(lease.flatten().is_some());
    }
    check!(served == 2, "one creation failed, {served} of 3 are served");
    Verdict::kept()
}

fn a_creation_that_panics<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    subject.ledger.panics.store(1, SeqCst);
    let _ = panics(|| drop(subject.lend()));
    let created = subject.soon(|ledger| ledger.panics.load(SeqCst) == 0);
    check!(created, "nothing is created");
    check!(subject.lend().is_some(), "the place is lost");
    Verdict::kept()
}

fn a_check_that_panics<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    drop(subject.lend().expect("a connection"));
    subject.ledger.check_panics.store(1, SeqCst);
    let _ = panics(|| drop(subject.lend()));
    let checked = subject.ledger.check_panics.load(SeqCst) == 0;
    check!(checked, "an idle connection is lent without a check");
    check!(subject.lend().is_some(), "the place is lost");
    let most = subject.ledger.most.load(SeqCst);
    check!(most == 1, "{most} connections at a time");
    Verdict::kept()
}

fn a_creation_that_is_dropped<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    subject.ledger.stuck.store(1, SeqCst);
    let stuck = queued(subject.get());
    check!(
        subject.soon(|ledger| ledger.stuck.load(SeqCst) == 0),
        "nothing is created"
    );
    drop(stuck);
    check!(subject.lend().is_some(), "the place is lost");
    Verdict::kept()
}

fn a_creation_that_is_dropped_with_a_queue<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    subject.ledger.stuck.store(1, SeqCst);
    let stuck = queued(subject.get());
    let mut next = queued(subject.get());
    check!(
        subject.soon(|ledger| ledger.stuck.load(SeqCst) == 0),
        "nothing is created"
    );
    drop(stuck);
    let lease = next.served_within(Duration::from_millis(200)).flatten();
    check!(lease.is_some(), "the next is never served");
    Verdict::kept()
}

fn a_spoilt_connection<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    let lease = subject.lend().expect("a connection");
    let number = lease.number;
    let mut waiter = queued(subject.get());
    P::spoil(lease);
    let next = waiter.served_within(Duration::from_millis(200)).flatten();
    let Some(next) = next else {
        return Verdict::Broken("the place is lost".to_owned());
    };
    check!(next.number != number, "it is lent again");
    let open = subject.ledger.open.load(SeqCst);
    check!(open == 1, "{open} are open");
    Verdict::kept()
}

fn a_task_that_panics<P: AsyncPool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    let panicked = panics(|| {
        let _lease = subject.lend();
        panic!("task");
    });
    assert!(panicked);
    check!(subject.lend().is_some(), "the place is lost");
    Verdict::kept()
}

fn a_crowd<P: AsyncPool>() -> Verdict {
    scenario!(scenarios::s64_a_crowd::<P, _>)
}

fn closing_refuses<P: ClosablePool>() -> Verdict {
    let subject = Subject::<P>::new(1);
    let _lease = subject.lend().expect("a connection");
    let mut waiters: Vec<_> = (0..40).map(|_| queued(subject.get())).collect();
    subject.pool.close();
    for waiter in &mut waiters {
        let told = waiter.served().is_some_and(|lease| lease.is_none());
        check!(told, "one is left waiting");
    }
    let told = now(subject.get()).is_some_and(|lease| lease.is_none());
    check!(told, "a newcomer is not refused");
    Verdict::kept()
}

fn closing_closes<P: ClosablePool>() -> Verdict {
    let subject = Subject::<P>::new(2);
    let (idle, lent) = (subject.lend(), subject.lend());
    check!(idle.is_some() && lent.is_some(), "two are not lent");
    drop(idle);
    subject.pool.close();
    let open = subject.ledger.open.load(SeqCst);
    check!(open == 1, "{open} are open, one is lent");
    drop(lent);
    let open = subject.ledger.open.load(SeqCst);
    check!(open == 0, "{open} are open, none is lent");
    Verdict::kept()
}
